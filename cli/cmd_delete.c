#include "cli/command.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "cli/apply_plan.h"
#include "cli/arguments.h"
#include "cli/ask_controller.h"
#include "cli/container_gone.h"
#include "cli/object_names.h"
#include "cli/repository_users.h"
#include "cli/spec_input.h"
#include "cli/spec_store.h"
#include "cli/status_store.h"
#include "cli/wait_for.h"
#include "specs/reason.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTION_WAIT = 256, OPTION_TIMEOUT, OPTION_CASCADE, OPTION_IGNORE_NOT_FOUND, OPTION_DRY_RUN };
enum { CONFLICT_TRIES = 5 };

struct delete_options {
    struct input_options input;
    struct places places;
    bool should_wait, should_cascade, ignores_missing, is_dry_run;
    int64_t timeout_ms;
};

/* One run of the command. */
struct delete
{
    struct delete_options options;
    struct object_names names;  /* that the user named, and with --cascade their users */
    struct object_names owners; /* of containers that go with their specs */
    struct wait_run wait;       /* also where everything is */
    struct spec_store store;
    struct apply_plan plan;
    bool is_something_missing;
};

static void delete_done(struct delete *delete)
{
    input_options_done(&delete->options.input);
    object_names_done(&delete->names);
    object_names_done(&delete->owners);
    apply_plan_done(&delete->plan);
    spec_store_done(&delete->store);
    wait_run_done(&delete->wait);
}

static int take_option(struct delete_options *options, struct arguments *args, int id)
{
    switch (id) {
    case OPTION_WAIT: options->should_wait = true; return 0;
    case OPTION_TIMEOUT: return timeout_option(args, args->value, &options->timeout_ms);
    case OPTION_CASCADE: options->should_cascade = true; return 0;
    case OPTION_IGNORE_NOT_FOUND: options->ignores_missing = true; return 0;
    case OPTION_DRY_RUN: options->is_dry_run = true; return 0;
    default: places_take(&options->places, id, args->value); return 0;
    }
}

static int take_arguments(struct delete *delete, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        int taken = input_options_take(&delete->options.input, args, id);

        if (taken < 0 || (taken == 0 && take_option(&delete->options, args, id) < 0)) {
            return -1;
        }
    }
    if (id < 0 || object_names_take(&delete->names, args) < 0) {
        return -1;
    }
    if ((delete->names.count > 0) == (delete->options.input.count > 0)) {
        return arguments_wrong(args, "name what to delete: KIND/NAME, KIND NAME, or -f FILE");
    }
    return 0;
}

static int say(const char *text)
{
    fprintf(stderr, "berth delete: %s\n", text);
    return EXIT_FAILED;
}

/* Only names count: what is in the file may be older than what is in the directory, or faulty. */
static int take_input(struct delete *delete)
{
    auto_done(spec_input) input = {0};
    struct error err = {0};

    if (delete->options.input.count == 0) {
        return EXIT_OK;
    }
    if (spec_input_read(&delete->options.input, &input, stderr) > 0) {
        return EXIT_FAILED;
    }
    if (spec_input_names(&input, delete->options.input.prefix, &delete->names, &err) < 0) {
        return say(err.message);
    }
    return delete->names.count > 0 ? EXIT_OK : say("there is no object in the specs");
}

/* --- what goes -------------------------------------------------------------------------------- */

static int refuse_used(const struct object_name *repository, const struct object_names *users)
{
    auto_done(strbuf) list = {0};

    for (size_t i = 0; i < users->count; i++) {
        strbuf_addf(&list, "%stask/%s", i > 0 ? ", " : "", users->items[i].name);
    }
    fprintf(stderr,
            "berth delete: repository/%s is used by %s; delete them too with --cascade (nothing "
            "was deleted)\n",
            repository->name, strbuf_text(&list));
    return EXIT_FAILED;
}

/* Tasks whose Repository goes go before it, or nothing goes. */
static int add_users(struct delete *delete)
{
    size_t named = delete->names.count;

    for (size_t i = 0; i < named; i++) {
        const struct object_name *name = &delete->names.items[i];
        auto_done(object_names) users = {0}, left = {0};

        if (name->kind != KIND_REPOSITORY) {
            continue;
        }
        repository_users_add(&delete->store, name->name, &users);
        for (size_t u = 0; u < users.count; u++) {
            if (!object_names_have(&delete->names, KIND_TASK, users.items[u].name)) {
                object_names_add(&left, KIND_TASK, users.items[u].name);
            }
        }
        if (left.count > 0 && !delete->options.should_cascade) {
            return refuse_used(name, &left);
        }
        for (size_t u = 0; u < left.count; u++) {
            object_names_add(&delete->names, KIND_TASK, left.items[u].name);
        }
    }
    return EXIT_OK;
}

static bool keeps_container(const struct object *object)
{
    return (object->kind == KIND_INSTANCE && object->instance.deletion_policy == DELETION_RETAIN) ||
           (object->kind == KIND_INSTANCE_POOL &&
            object->pool.template_spec.deletion_policy == DELETION_RETAIN);
}

static void note_owner(struct delete *delete, const struct object_name *name)
{
    struct spec_store_entry entry = spec_store_find(&delete->store, name->kind, name->name);
    const struct object *object = entry.file != NULL ? entry.document->object : NULL;

    if (object == NULL || !keeps_container(object)) {
        object_names_add(&delete->owners, name->kind, name->name);
    }
}

static void say_missing(struct delete *delete, const struct object_name *name)
{
    auto_free char *hint = spec_store_suggest(&delete->store, name->kind, name->name);

    if (delete->options.ignores_missing) {
        return;
    }
    fprintf(stderr, "berth delete: there is no %s \"%s\" in %s%s\n", kind_name(name->kind),
            name->name, delete->store.directory, hint);
    delete->is_something_missing = true;
}

static int make_plan(struct delete *delete, struct apply_plan *plan, struct error *err)
{
    apply_plan_init(plan, &delete->store);
    delete->is_something_missing = false;
    for (size_t i = 0; i < delete->names.count; i++) {
        const struct object_name *name = &delete->names.items[i];
        bool was_there;

        if (apply_plan_remove(plan, name->kind, name->name, APPLY_DELETED, &was_there, err) < 0) {
            return -1;
        }
        if (was_there) {
            note_owner(delete, name);
        } else if (!apply_plan_has_written(&delete->plan, name->kind, name->name)) {
            say_missing(delete, name);
        }
    }
    return apply_plan_verify(plan, err);
}

/* Somebody else who writes to the same files makes it begin anew, with what they have written. */
static int plan_and_write(struct delete *delete)
{
    struct error err = {0};

    for (unsigned tries = 1;; tries++) {
        struct apply_plan plan;

        error_clear(&err);
        spec_store_done(&delete->store);
        if (spec_store_read(delete->wait.specs, tries == 1 ? stderr : NULL, &delete->store, &err) <
            0) {
            return say(err.message);
        }
        if (add_users(delete) != EXIT_OK) {
            return EXIT_FAILED;
        }
        if (make_plan(delete, &plan, &err) < 0) {
            apply_plan_done(&plan);
            return say(err.message);
        }
        apply_plan_take_written(&plan, &delete->plan);
        apply_plan_done(&delete->plan);
        delete->plan = plan;
        if (delete->options.is_dry_run || apply_plan_write(&delete->plan, &err) == 0) {
            return EXIT_OK;
        }
        if (err.kind != ERROR_CONFLICT || tries >= CONFLICT_TRIES) {
            return say(err.message);
        }
    }
}

static void print_results(const struct delete *delete)
{
    for (size_t i = 0; i < delete->plan.object_count; i++) {
        const struct apply_object *object = &delete->plan.objects[i];
        auto_free char *spelling = object_spelling(object->kind, object->name);

        printf("%s %s%s\n", spelling, apply_result_word(object->result),
               delete->options.is_dry_run ? " (dry run)" : "");
    }
    fflush(stdout); /* before what is said while waiting */
}

/* --- until it is gone ------------------------------------------------------------------------- */

static int wait_until_gone(struct delete *delete)
{
    struct wait_run *run = &delete->wait;
    uint64_t until_ms = clock_monotonic_ms() + (uint64_t) delete->options.timeout_ms;
    int result;

    run->command = "delete";
    run->goal = (struct wait_goal){.kind = WAIT_DELETION};
    run->timeout_ms = delete->options.timeout_ms;
    for (size_t i = 0; i < delete->plan.object_count; i++) {
        wait_run_add(run, delete->plan.objects[i].kind, delete->plan.objects[i].name, NULL);
    }
    result = wait_run_wait(run);
    return result == EXIT_OK ? containers_wait_gone("delete", run->state, &delete->owners, until_ms)
                             : result;
}

static int run(struct delete *delete)
{
    bool should_wait = delete->options.should_wait && !delete->options.is_dry_run;
    struct error err = {0};
    int result = take_input(delete);

    if (result != EXIT_OK) {
        return result;
    }
    wait_run_find_places(&delete->wait, &delete->options.places);
    if (should_wait && wait_run_check_controller(&delete->wait, &err) < 0) {
        return say(err.message);
    }
    if (plan_and_write(delete) != EXIT_OK) {
        return EXIT_FAILED;
    }
    apply_plan_tell_deletions(&delete->plan, delete->wait.state);
    print_results(delete);
    if (!should_wait && !delete->options.is_dry_run && delete->plan.object_count > 0 &&
        !status_store_is_controlled(delete->wait.state)) {
        fprintf(stderr,
                "berth delete: no controller runs with state directory %s: containers and "
                "statuses go when one does\n",
                delete->wait.state);
    }
    result = should_wait ? wait_until_gone(delete) : EXIT_OK;
    return result == EXIT_OK && delete->is_something_missing ? EXIT_FAILED : result;
}

static int cmd_delete(int argc, char **argv)
{
    auto_done(delete) delete = {.options.timeout_ms = WAIT_DEFAULT_MS};
    struct arguments args;

    arguments_init(&args, &command_delete, argc, argv);
    if (take_arguments(&delete, &args) < 0) {
        return args.exit_code;
    }
    return run(&delete);
}

const struct command command_delete = {
    .name = "delete",
    .run = cmd_delete,
    .summary = "take specs out of the spec directory",
    .group = GROUP_OBJECTS,
    .operands = "KIND/NAME... | KIND NAME... | -f FILE|DIR|-",
    .description =
        "Takes the specs of objects out of the files that they are in, and removes files that had "
        "nothing else. A controller that runs is told, and removes what they stand for at once, "
        "however many they are: what goes by name is no accident. With -f the names count that are "
        "in the specs, and nothing else of them.\n\n"
        "With --wait it ends when the objects are gone from the statuses, and instances and pools "
        "have no container any more.",
    .options =
        (const struct command_option[]){
            INPUT_OPTIONS,
            {OPTION_WAIT, "wait", NULL, "until they are gone", COMPLETE_NOTHING},
            {OPTION_TIMEOUT, "timeout", "TIME", "how long to wait (60s)", COMPLETE_NOTHING},
            {OPTION_CASCADE, "cascade", NULL, "the tasks of a Repository, too", COMPLETE_NOTHING},
            {OPTION_IGNORE_NOT_FOUND, "ignore-not-found", NULL, "what is not there is no failure",
             COMPLETE_NOTHING},
            {OPTION_DRY_RUN, "dry-run", NULL, "say what would be done, write nothing",
             COMPLETE_NOTHING},
            PLACES_OPTIONS,
            END_OF_OPTIONS,
        },
    .exit_codes = "0 done; 1 one of them is not there, or a task needs it, or something failed; 2 "
                  "usage; 124 --timeout is over",
    .examples = "berth delete task/fix-7\n"
                "berth delete instance web db --wait\n"
                "berth delete -f fixtures/ --name-prefix job-17- --wait\n"
                "berth delete repository/shop --cascade",
    .completion = {COMPLETE_TARGETS, COMPLETE_TARGETS, COMPLETE_TARGETS},
};
