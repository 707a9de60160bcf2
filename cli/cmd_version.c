#include "cli/command.h"

#include "base/version.h"
#include "cli/arguments.h"

#include <stdio.h>

static int cmd_version(int argc, char **argv)
{
    struct arguments args;

    arguments_init(&args, &command_version, argc, argv);
    if (arguments_next(&args) < 0 || arguments_count(&args, 0, 0, NULL) < 0) {
        return args.exit_code;
    }
    printf("berth %s\n", BERTH_VERSION);
    return EXIT_OK;
}

const struct command command_version = {
    .name = "version",
    .run = cmd_version,
    .summary = "print the version",
};
