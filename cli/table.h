/*
 * Columns of text for people: as wide as their widest cell, counted in characters.
 */
#ifndef BERTH_CLI_TABLE_H
#define BERTH_CLI_TABLE_H

#include "base/cleanup.h"

#include <stddef.h>
#include <stdio.h>

enum { TABLE_MAX_COLUMNS = 16 };

struct table {
    size_t columns;
    char **cells; /* row by row */
    size_t count, capacity;
};

void table_init(struct table *table, size_t columns);
void table_done(struct table *table);
void table_add(struct table *table, const char *cell); /* left to right; NULL or "" shows as "-" */
void table_print(const struct table *table, FILE *out);

#endif
