#include "cli/command.h"

#include "base/cleanup.h"
#include "cli/arguments.h"
#include "cli/spec_change.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int take_arguments(struct spec_change *change, struct places *places, struct arguments *args)
{
    int id;

    while ((id = arguments_next(args)) > 0) {
        places_take(places, id, args->value);
    }
    return id < 0 ? -1 : spec_change_operands(change, args);
}

/* What resume takes away is what suspend has added: the file is as before then. */
static int set_suspended(struct spec_change *change, const struct places *places, bool is_suspended,
                         bool *ret_was_so, struct error *err)
{
    if (spec_change_open(change, places, err) < 0) {
        return -1;
    }
    *ret_was_so = change->before != NULL && object_is_suspended(change->before) == is_suspended;
    if (*ret_was_so) {
        return 0;
    }
    if (spec_change_set(change, "spec.suspend", is_suspended ? "true" : NULL, err) < 0 ||
        spec_change_check(change, err) < 0) {
        return -1;
    }
    return spec_change_write(change, err);
}

static int run(const struct command *command, bool is_suspended, int argc, char **argv)
{
    auto_done(spec_change) change = {0};
    struct places places = {0};
    struct arguments args;
    struct error err = {0};
    bool was_so;

    arguments_init(&args, command, argc, argv);
    if (take_arguments(&change, &places, &args) < 0) {
        return args.exit_code;
    }
    if (set_suspended(&change, &places, is_suspended, &was_so, &err) < 0) {
        fprintf(stderr, "berth %s: %s\n", command->name, err.message);
        return EXIT_FAILED;
    }
    if (was_so) {
        printf("%s unchanged (it %s suspended, in %s)\n", change.spelling,
               is_suspended ? "is" : "is not", change.file->name);
    } else {
        printf("%s %s (in %s)\n", change.spelling, is_suspended ? "suspended" : "resumed",
               change.file->name);
    }
    return EXIT_OK;
}

static int cmd_suspend(int argc, char **argv)
{
    return run(&command_suspend, true, argc, argv);
}

static int cmd_resume(int argc, char **argv)
{
    return run(&command_resume, false, argc, argv);
}

#define SUSPEND_EXIT_CODES "0 done, or it was so; 1 no such object, or its spec has errors; 2 usage"

static const struct command_option options[] = {
    SPECS_OPTION,
    STATE_OPTION,
    END_OF_OPTIONS,
};

const struct command command_suspend = {
    .name = "suspend",
    .run = cmd_suspend,
    .summary = "let Berth change nothing of an object for a while",
    .group = GROUP_SPECS,
    .operands = "KIND NAME | KIND/NAME",
    .description = "Sets spec.suspend of an object to true, in its spec file. Until berth resume, "
                   "Berth changes nothing of it: what runs goes on, what has ended stays so. To "
                   "freeze the processes of an instance, set its spec.powerState to Suspended "
                   "instead. The rest of the file stays byte for byte.\n\n" KIND_HELP,
    .options = options,
    .exit_codes = SUSPEND_EXIT_CODES,
    .examples = "berth suspend instance web\n"
                "berth suspend pool/workers",
    .completion = {COMPLETE_KINDS, COMPLETE_NAMES, COMPLETE_NOTHING},
};

const struct command command_resume = {
    .name = "resume",
    .run = cmd_resume,
    .summary = "let Berth change an object again",
    .group = GROUP_SPECS,
    .operands = "KIND NAME | KIND/NAME",
    .description = "Takes spec.suspend out of an object's spec file: Berth keeps the object as its "
                   "spec says again. The rest of the file stays byte for byte.\n\n" KIND_HELP,
    .options = options,
    .exit_codes = SUSPEND_EXIT_CODES,
    .examples = "berth resume instance web",
    .completion = {COMPLETE_KINDS, COMPLETE_NAMES, COMPLETE_NOTHING},
};
