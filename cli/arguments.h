/*
 * What all commands do alike with their arguments: wrong options, and the words for kinds.
 */
#ifndef BERTH_CLI_ARGUMENTS_H
#define BERTH_CLI_ARGUMENTS_H

#include "specs/types.h"

#include <getopt.h>

/*
 * After getopt_long() has returned '?' or ':': says what is wrong with the option, with "did you
 * mean", and returns EXIT_BAD_USAGE. opterr must be 0 and the short options must begin with ':'.
 */
int option_error(const char *command, char *const *argv, const struct option *options, int result);

/*
 * "instances", "pool", "Repo": a kind by its name, its plural or a short form; case does not count.
 * -1: there is no such kind.
 */
int kind_from_argument(const char *text, enum kind *ret_kind);

/* "60s", "5m": 0, or EXIT_BAD_USAGE after it was said what is wrong with --timeout. */
int timeout_option(const char *command, const char *text, int64_t *ret_ms);

/* Says that there is no such kind, which there are and which may be meant; EXIT_BAD_USAGE. */
int unknown_kind_error(const char *command, const char *text);

#endif
