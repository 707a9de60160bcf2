/*
 * Help for people, from the table of a command: usage, what it does, options, exit codes, examples,
 * in lines of at most 80 characters.
 */
#ifndef BERTH_CLI_HELP_H
#define BERTH_CLI_HELP_H

#include "cli/command.h"

#include <stdio.h>

void help_print(const struct command *command, FILE *out);

/* `berth --help`: what it is, and a line for each command, by groups. */
void help_print_commands(const struct command *const *list, FILE *out);

/* "objects": the title of a group, in the order in which they are shown; NULL: no more. */
const char *help_group(size_t index, enum command_group *ret_group);

#endif
