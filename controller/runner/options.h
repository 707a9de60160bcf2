/*
 * Options of a sub-command: "--name value" in any order, each at most once, up to a "--" or the end.
 */
#ifndef BERTH_CONTROLLER_RUNNER_OPTIONS_H
#define BERTH_CONTROLLER_RUNNER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One option; exactly one of text and number is where its value goes. */
struct option_rule {
    const char *name; /* "--attempt" */
    bool is_required;
    const char **text;
    uint64_t *number;
    uint64_t min, max; /* of number */
    bool is_seen;      /* out */
};

/*
 * Returns the index of the first argument behind "--", or argc without one. -1: something is wrong,
 * which has been said on standard error.
 */
int options_parse(const char *command, int argc, char **argv, struct option_rule *rules,
                  size_t rule_count);

#endif
