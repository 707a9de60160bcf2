/*
 * What `berth exec` asks the engine for: the command in its container, as the object in question
 * has it.
 *
 * A task's command runs by the runner's `exec`, with the task's own user, tree, home, folder for
 * temporary files and guard, as far as its status tells them. Everything else runs by the engine
 * alone, with what the container has.
 */
#ifndef BERTH_CLI_EXEC_COMMAND_H
#define BERTH_CLI_EXEC_COMMAND_H

#include "cli/targets.h"

#include <jansson.h>
#include <stdbool.h>

struct exec_wish {
    char **argv;            /* NULL-terminated */
    const char *user, *cwd; /* NULL: those of the object */
    bool has_terminal;
    unsigned rows, columns; /* of it, from the start; 0: the engine is not told */
};

/* The body of the engine's exec call. New reference. */
json_t *exec_command_body(const struct target *target, const struct exec_wish *wish);

/* Whether a command can be run there now, from the container as the engine shows it. */
int exec_command_check(const struct target *target, const json_t *container, struct error *err);

/* There is no container. Returns -1. */
int exec_command_no_container(const struct target *target, struct error *err);

#endif
