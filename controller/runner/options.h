/*
 * Options of a sub-command: "--name value" in any order, each at most once save those with a list,
 * up to a "--" or the end.
 */
#ifndef BERTH_CONTROLLER_RUNNER_OPTIONS_H
#define BERTH_CONTROLLER_RUNNER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTION_LIST_MAX = 64 };

struct option_list {
    const char *items[OPTION_LIST_MAX];
    size_t count;
};

/* One option; exactly one of text, list and number is where its value goes. */
struct option_rule {
    const char *name; /* "--attempt" */
    bool is_required;
    /* absolute, without ".."; what "//", "/./" and an ending "/" are for nothing goes */
    bool is_path;
    const char **text;
    struct option_list *list;
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
