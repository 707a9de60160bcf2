/*
 * What `berth get` shows of an object: one table of columns for each kind, and one for all kinds
 * together.
 */
#ifndef BERTH_CLI_GET_COLUMNS_H
#define BERTH_CLI_GET_COLUMNS_H

#include <jansson.h>
#include <stdbool.h>

struct get_column {
    const char *title;
    char *(*text)(const json_t *document); /* the caller's to free; NULL: there is nothing to say */
    bool is_wide;                          /* only with -o wide */
    bool is_phase;                         /* in the colour of the phase */
};

/*
 * Ended by a row without a title. kind: "Task"; NULL, or one that has no columns of its own: those
 * for all kinds.
 */
const struct get_column *get_columns_of(const char *kind);

#endif
