#include "controller/runner/runner.h"
#include "controller/runner/util.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int runner_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return dprintf(STDOUT_FILENO, "berth-runner %d\n", RUNNER_VERSION) < 0 ? RUNNER_NO_RECORD
                                                                           : RUNNER_OK;
}

#define COMMAND_USAGE                                                                              \
    "[--user USER[:GROUP]] [--cwd DIR] [--home DIR] [--tmp DIR] [--link PATH]...\n"                \
    "        [--guard PATH]... [--allow PATH]... -- COMMAND [ARGUMENT...]"

static const struct runner_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
} commands[] = {
    {"exec", runner_exec, "exec " COMMAND_USAGE},
    {"idle", runner_idle,
     "idle [--grace-ms G] [--user USER[:GROUP] --user-file PATH [--own DIR]...]"},
    {"run", runner_run,
     "run --dir DIR --attempt N [--timeout-ms T] [--grace-ms G] [--log-max BYTES]\n"
     "        " COMMAND_USAGE},
    {"stop", runner_stop, "stop --dir DIR --attempt N [--grace-ms G]"},
    {"version", runner_version, "version"},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

/* A closed 0, 1 or 2 would go to the next file that is opened, and output then into a record. */
static void open_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close(fd);
    }
}

int main(int argc, char **argv)
{
    open_standard_descriptors();
    for (size_t i = 0; argc > 1 && i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 2, argv + 2);
        }
    }
    dprintf(STDERR_FILENO, "usage:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        dprintf(STDERR_FILENO, "    berth-runner %s\n", commands[i].usage);
    }
    return RUNNER_USAGE;
}
