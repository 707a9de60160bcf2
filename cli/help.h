/*
 * Help for people, from the table of a command: usage, what it does, options, exit codes, examples,
 * in lines of at most 80 characters.
 */
#ifndef BERTH_CLI_HELP_H
#define BERTH_CLI_HELP_H

#include "cli/command.h"

#include <stdio.h>

void help_print(const struct command *command, FILE *out);

#endif
