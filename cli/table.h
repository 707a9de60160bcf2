/*
 * Columns of text for people: as wide as their widest cell, counted in characters.
 */
#ifndef BERTH_CLI_TABLE_H
#define BERTH_CLI_TABLE_H

#include "base/cleanup.h"
#include "cli/style.h"

#include <stddef.h>
#include <stdio.h>

enum { TABLE_MAX_COLUMNS = 32 };

struct table_cell {
    char *text;
    enum style style;
};

struct table {
    size_t columns;
    struct table_cell *cells; /* row by row */
    size_t count, capacity;
    size_t widths[TABLE_MAX_COLUMNS]; /* they only grow, also when rows were printed and dropped */
    bool is_coloured;                 /* styles are shown */
};

void table_init(struct table *table, size_t columns);
void table_done(struct table *table);
void table_add(struct table *table, const char *cell); /* left to right; NULL or "" shows as "-" */
void table_add_styled(struct table *table, const char *cell, enum style style);
void table_print(struct table *table, FILE *out);
void table_drop_rows(struct table *table); /* for further ones in the same columns */

#endif
