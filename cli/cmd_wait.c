#include "cli/command.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "cli/arguments.h"
#include "cli/container_gone.h"
#include "cli/object_names.h"
#include "cli/spec_input.h"
#include "cli/wait_for.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_FOR = 256, OPTION_TIMEOUT };

struct wait_options {
    struct input_options input;
    struct places places;
    struct object_names names;
    struct wait_goal goal;
    int64_t timeout_ms;
};

static void wait_options_done(struct wait_options *options)
{
    input_options_done(&options->input);
    object_names_done(&options->names);
    wait_goal_done(&options->goal);
}

static int take_goal(struct wait_options *options, struct arguments *args)
{
    struct error err = {0};

    wait_goal_done(&options->goal);
    return wait_goal_parse(args->value, &options->goal, &err) < 0
               ? arguments_wrong(args, "--for: %s", err.message)
               : 0;
}

static int take_option(struct wait_options *options, struct arguments *args, int id)
{
    switch (id) {
    case OPTION_FOR: return take_goal(options, args);
    case OPTION_TIMEOUT: return timeout_option(args, args->value, &options->timeout_ms);
    default: places_take(&options->places, id, args->value); return 0;
    }
}

static int take_arguments(struct wait_options *options, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        int taken = input_options_take(&options->input, args, id);

        if (taken < 0 || (taken == 0 && take_option(options, args, id) < 0)) {
            return -1;
        }
    }
    if (id < 0 || object_names_take(&options->names, args) < 0) {
        return -1;
    }
    if (options->names.count == 0 && options->input.count == 0) {
        return arguments_wrong(args, "name what to wait for: KIND/NAME, or -f FILE");
    }
    return 0;
}

static int take_input(struct wait_options *options)
{
    auto_done(spec_input) input = {0};
    struct error err = {0};

    if (options->input.count == 0) {
        return EXIT_OK;
    }
    if (spec_input_read(&options->input, &input, stderr) > 0) {
        return EXIT_FAILED;
    }
    if (spec_input_names(&input, options->input.prefix, &options->names, &err) < 0) {
        fprintf(stderr, "berth wait: %s\n", err.message);
        return EXIT_FAILED;
    }
    if (options->names.count == 0) {
        fprintf(stderr, "berth wait: there is no object in the specs\n");
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

static void print_results(const struct wait_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        auto_free char *spelling = object_spelling(run->targets[i].kind, run->targets[i].name);

        if (run->targets[i].judgement.verdict == WAIT_MET) {
            printf("%s %s\n", spelling,
                   run->goal.kind == WAIT_DELETION ? "deleted" : "condition met");
        }
    }
}

static int cmd_wait(int argc, char **argv)
{
    auto_done(wait_options) options = {.timeout_ms = WAIT_DEFAULT_MS};
    auto_done(wait_run) run = {.command = "wait"};
    struct error err = {0};
    struct arguments args;
    uint64_t until_ms;
    int result;

    arguments_init(&args, &command_wait, argc, argv);
    if (take_arguments(&options, &args) < 0) {
        return args.exit_code;
    }
    if (take_input(&options) != EXIT_OK) {
        return EXIT_FAILED;
    }
    wait_run_find_places(&run, &options.places);
    if (wait_run_check_controller(&run, &err) < 0) {
        fprintf(stderr, "berth wait: %s\n", err.message);
        return EXIT_FAILED;
    }
    run.goal = options.goal;
    options.goal = (struct wait_goal){0};
    run.timeout_ms = options.timeout_ms;
    for (size_t i = 0; i < options.names.count; i++) {
        wait_run_add(&run, options.names.items[i].kind, options.names.items[i].name, NULL);
    }
    until_ms = clock_monotonic_ms() + (uint64_t)options.timeout_ms;
    result = wait_run_wait(&run);
    if (result == EXIT_OK && run.goal.kind == WAIT_DELETION) {
        result = containers_wait_gone("wait", run.state, &options.names, until_ms);
    }
    print_results(&run);
    return result;
}

const struct command command_wait = {
    .name = "wait",
    .run = cmd_wait,
    .summary = "wait until objects are as they should be",
    .group = GROUP_LOOKING,
    .operands = "KIND/NAME... | KIND NAME... | -f FILE|DIR|-",
    .description =
        "Waits until all objects are as --for says; without it until they are as their specs say: "
        "Ready, or, tasks with a command, over and well. A status counts only when it speaks of "
        "the "
        "spec that is in the file now (observedHash). What is Stalled, faulty or over ends it at "
        "once, with the reason.\n\n"
        "--for=condition=TYPE or condition=TYPE=False; --for=phase=PHASE; --for=delete, until "
        "containers of instances and pools are gone, too; --for=jsonpath=PATH=VALUE, or without a "
        "value: there is any.",
    .options =
        (const struct command_option[]){
            {OPTION_FOR, "for", "WHAT", "condition=Ready, phase=Succeeded, delete, jsonpath=...",
             COMPLETE_NOTHING},
            {OPTION_TIMEOUT, "timeout", "TIME", "how long (60s)", COMPLETE_NOTHING},
            INPUT_OPTIONS,
            PLACES_OPTIONS,
            END_OF_OPTIONS,
        },
    .exit_codes = "0 all are; 1 one is not and will not be, or no controller runs; 2 usage; 124 "
                  "--timeout is over",
    .examples = "berth wait instance/web\n"
                "berth wait task/fix-7 --for=phase=Succeeded --timeout 10m\n"
                "berth wait instance web db --for=condition=Ready\n"
                "berth wait task/fix-7 --for=jsonpath='{.status.task.exitCode}'=0\n"
                "berth wait -f fixtures/ --for=delete",
    .completion = {COMPLETE_TARGETS, COMPLETE_TARGETS, COMPLETE_TARGETS},
};
