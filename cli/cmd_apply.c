#include "cli/command.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "cli/apply_plan.h"
#include "cli/arguments.h"
#include "cli/junit.h"
#include "cli/selector.h"
#include "cli/spec_input.h"
#include "cli/spec_store.h"
#include "cli/wait_for.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_WAIT = 256,
    OPTION_TIMEOUT,
    OPTION_PRUNE,
    OPTION_IF_HASH,
    OPTION_DRY_RUN,
    OPTION_REPORT
};
enum { CONFLICT_TRIES = 5 };

struct apply_options {
    struct input_options input;
    struct places places;
    const char *if_hash, *report; /* NULL: not given */
    struct selector *selector;    /* NULL: none */
    bool should_wait, should_prune, is_dry_run;
    int64_t timeout_ms;
};

/* One run of the command. */
struct apply {
    struct apply_options options;
    struct spec_input input;
    struct wait_run wait; /* also where everything is */
    struct spec_store store;
    struct apply_plan plan;
    struct junit report;
    uint64_t began_at_ms;
    bool is_written;
};

static void apply_done(struct apply *apply)
{
    input_options_done(&apply->options.input);
    selector_free(apply->options.selector);
    spec_input_done(&apply->input);
    apply_plan_done(&apply->plan);
    spec_store_done(&apply->store);
    wait_run_done(&apply->wait);
    junit_done(&apply->report);
}

static int take_selector(struct apply_options *options, struct arguments *args)
{
    struct error err = {0};

    selector_free(TAKE(options->selector));
    return selector_parse(args->value, &options->selector, &err) < 0
               ? arguments_wrong(args, "--selector: %s", err.message)
               : 0;
}

static int take_option(struct apply_options *options, struct arguments *args, int id)
{
    switch (id) {
    case OPTION_WAIT: options->should_wait = true; return 0;
    case OPTION_TIMEOUT: return timeout_option(args, args->value, &options->timeout_ms);
    case OPTION_PRUNE: options->should_prune = true; return 0;
    case 'l': return take_selector(options, args);
    case OPTION_IF_HASH: options->if_hash = args->value; return 0;
    case OPTION_DRY_RUN: options->is_dry_run = true; return 0;
    case OPTION_REPORT: options->report = args->value; return 0;
    default: places_take(&options->places, id, args->value); return 0;
    }
}

static int take_arguments(struct apply_options *options, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        int taken = input_options_take(&options->input, args, id);

        if (taken < 0 || (taken == 0 && take_option(options, args, id) < 0)) {
            return -1;
        }
    }
    if (id < 0 || arguments_count(args, 0, 0, NULL) < 0) {
        return -1;
    }
    if (options->should_prune != (options->selector != NULL)) {
        return arguments_wrong(args, "--prune and --selector belong together: what the selector "
                                     "chooses and the input has not is removed");
    }
    return options->input.count == 0
               ? arguments_wrong(args, "name what to apply: -f FILE, -f DIR or -f -")
               : 0;
}

static int say(const char *text)
{
    fprintf(stderr, "berth apply: %s\n", text);
    return EXIT_FAILED;
}

/* --- the report ------------------------------------------------------------------------------- */

static void report_object(struct apply *apply, const struct apply_object *object)
{
    const struct wait_target *target = NULL;
    const char *reason;

    for (size_t i = 0; i < apply->wait.count; i++) {
        if (apply->wait.targets[i].kind == object->kind &&
            strcmp(apply->wait.targets[i].name, object->name) == 0) {
            target = &apply->wait.targets[i];
        }
    }
    if (target == NULL || target->judgement.verdict == WAIT_MET) {
        junit_add(&apply->report, kind_name(object->kind), object->name,
                  target != NULL ? target->took_ms : 0, JUNIT_PASSED, NULL, NULL);
        return;
    }
    reason = target->judgement.reason;
    if (target->judgement.verdict == WAIT_PENDING) {
        reason = "TimedOut";
    }
    junit_add(&apply->report, kind_name(object->kind), object->name, target->took_ms, JUNIT_FAILED,
              reason, target->judgement.text);
}

static int write_report(struct apply *apply, int result)
{
    struct error err = {0};

    if (apply->options.report == NULL) {
        return result;
    }
    for (size_t i = 0; apply->is_written && i < apply->plan.object_count; i++) {
        report_object(apply, &apply->plan.objects[i]);
    }
    apply->report.took_ms = (int64_t)(clock_monotonic_ms() - apply->began_at_ms);
    if (junit_write(&apply->report, apply->options.report, &err) < 0) {
        return say(err.message);
    }
    return result;
}

/* What comes in the way of writing is one failed case. */
static void report_failure(struct apply *apply, const char *type, const char *message)
{
    junit_add(&apply->report, "berth", "apply", 0, JUNIT_FAILED, type, message);
}

static int give_up(struct apply *apply, const char *message)
{
    report_failure(apply, "NotApplied", message);
    return say(message);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int read_input(struct apply *apply)
{
    auto_free char *text = NULL;
    size_t len = 0, count;
    FILE *errors = open_memstream(&text, &len);

    if (errors == NULL) {
        return say("no memory");
    }
    count = spec_input_take(&apply->options.input, &apply->input, errors);
    fclose(errors);
    if (count > 0) {
        fputs(text, stderr);
        fprintf(stderr, "berth apply: %zu error%s; nothing was written\n", count,
                count == 1 ? "" : "s");
        report_failure(apply, "InvalidSpec", text);
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

static int check_single_object(const struct object_names *names)
{
    fprintf(stderr,
            "berth apply: --if-hash is for one object; these are %zu (nothing was written)\n",
            names->count);
    return EXIT_BAD_USAGE;
}

/* --- planning and writing --------------------------------------------------------------------- */

static int make_plan(struct apply *apply, const struct object_names *names, struct apply_plan *plan,
                     struct error *err)
{
    const struct object_name *first = &names->items[0];

    apply_plan_init(plan, &apply->store);
    if (apply->options.if_hash != NULL &&
        !apply_plan_has_written(&apply->plan, first->kind, first->name) &&
        apply_plan_check_hash(&apply->store, first->kind, first->name, apply->options.if_hash,
                              err) < 0) {
        return -1;
    }
    if (apply_plan_add_input(plan, &apply->input, err) < 0 ||
        (apply->options.selector != NULL &&
         apply_plan_prune(plan, apply->options.selector, names, err) < 0)) {
        return -1;
    }
    return apply_plan_verify(plan, err);
}

/* Somebody else who writes to the same files makes it begin anew, with what they have written. */
static int plan_and_write(struct apply *apply, const struct object_names *names, struct error *err)
{
    for (unsigned tries = 1;; tries++) {
        struct apply_plan plan;

        spec_store_done(&apply->store);
        if (spec_store_read(apply->wait.specs, tries == 1 ? stderr : NULL, &apply->store, err) <
            0) {
            return -1;
        }
        if (make_plan(apply, names, &plan, err) < 0) {
            apply_plan_done(&plan);
            return -1;
        }
        apply_plan_take_written(&plan, &apply->plan);
        apply_plan_done(&apply->plan);
        apply->plan = plan;
        if (apply->options.is_dry_run || apply_plan_write(&apply->plan, err) == 0) {
            return 0;
        }
        if (err->kind != ERROR_CONFLICT || tries >= CONFLICT_TRIES) {
            return -1;
        }
        error_clear(err);
    }
}

static void print_results(const struct apply *apply)
{
    for (size_t i = 0; i < apply->plan.object_count; i++) {
        const struct apply_object *object = &apply->plan.objects[i];
        auto_free char *spelling = object_spelling(object->kind, object->name);

        printf("%s %s%s\n", spelling, apply_result_word(object->result),
               apply->options.is_dry_run ? " (dry run)" : "");
    }
    fflush(stdout); /* before what is said while waiting */
}

static int wait_for_objects(struct apply *apply)
{
    apply->wait.command = "apply";
    apply->wait.goal = (struct wait_goal){.kind = WAIT_SETTLED};
    apply->wait.timeout_ms = apply->options.timeout_ms;
    for (size_t i = 0; i < apply->plan.object_count; i++) {
        const struct apply_object *object = &apply->plan.objects[i];

        if (object->hash != NULL) {
            wait_run_add(&apply->wait, object->kind, object->name, object->hash);
        }
    }
    return wait_run_wait(&apply->wait);
}

static int run(struct apply *apply)
{
    auto_done(object_names) names = {0};
    struct error err = {0};
    bool should_wait = apply->options.should_wait && !apply->options.is_dry_run;
    int result = read_input(apply);

    if (result != EXIT_OK) {
        return result;
    }
    wait_run_find_places(&apply->wait, &apply->options.places);
    if (spec_input_names(&apply->input, NULL, &names, &err) < 0 ||
        (should_wait && wait_run_check_controller(&apply->wait, &err) < 0)) {
        return give_up(apply, err.message);
    }
    if (names.count == 0) {
        return give_up(apply, "there is no object in the specs");
    }
    if (apply->options.if_hash != NULL && names.count != 1) {
        report_failure(apply, "NotApplied", "--if-hash is for one object");
        return check_single_object(&names);
    }
    if (plan_and_write(apply, &names, &err) < 0) {
        return give_up(apply, err.message);
    }
    apply->is_written = true;
    apply_plan_tell_deletions(&apply->plan, apply->wait.state);
    print_results(apply);
    return should_wait ? wait_for_objects(apply) : EXIT_OK;
}

static int cmd_apply(int argc, char **argv)
{
    auto_done(apply) apply = {
        .options.timeout_ms = WAIT_DEFAULT_MS,
        .report.suite = "berth apply",
        .began_at_ms = clock_monotonic_ms(),
    };
    struct arguments args;

    arguments_init(&args, &command_apply, argc, argv);
    if (take_arguments(&apply.options, &args) < 0) {
        return args.exit_code;
    }
    return write_report(&apply, run(&apply));
}

const struct command command_apply = {
    .name = "apply",
    .run = cmd_apply,
    .summary = "put specs into the spec directory",
    .group = GROUP_OBJECTS,
    .operands = "-f FILE|DIR|-",
    .description =
        "Checks specs as berth validate does and writes them into the spec directory. An object "
        "that is there already is replaced where it is, and what stands around it stays as it is; "
        "a new one goes into a file named as its source. When anything is wrong nothing is "
        "written.\n\n"
        "With --wait it ends when all objects are as their specs say: Ready, or, tasks with a "
        "command, over. It needs a controller that runs.",
    .options =
        (const struct command_option[]){
            INPUT_OPTIONS,
            {OPTION_WAIT, "wait", NULL, "until all are Ready, tasks over", COMPLETE_NOTHING},
            {OPTION_TIMEOUT, "timeout", "TIME", "how long to wait (60s)", COMPLETE_NOTHING},
            {OPTION_PRUNE, "prune", NULL, "remove what --selector chooses and is not in the input",
             COMPLETE_NOTHING},
            {'l', "selector", "LABELS", "such as team=infra,tier!=test, for --prune",
             COMPLETE_NOTHING},
            {OPTION_IF_HASH, "if-hash", "HASH",
             "only if the object's spec still has this hash (observedHash of its status)",
             COMPLETE_NOTHING},
            {OPTION_DRY_RUN, "dry-run", NULL, "say what would be done, write nothing",
             COMPLETE_NOTHING},
            {OPTION_REPORT, "report", "FILE", "a report for CI, as JUnit's XML", COMPLETE_FILES},
            PLACES_OPTIONS,
            END_OF_OPTIONS,
        },
    .exit_codes = "0 all is there and, with --wait, as it should be; 1 nothing was written, or "
                  "something failed; 2 usage; 124 --timeout is over",
    .examples = "berth apply -f web.yaml --wait\n"
                "berth apply -f fixtures/ --name-prefix job-17- --set tag=1.2 --wait --report "
                "junit.xml\n"
                "git show HEAD:web.yaml | berth apply -f - --dry-run",
    .completion = {COMPLETE_NOTHING},
};
