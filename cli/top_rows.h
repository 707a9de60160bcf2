/*
 * Which containers `berth top` asks about, and what it shows of them. Pure, but for the printing.
 *
 * A row has the container of an instance, a repository or a branch of one, or that which a task
 * shares with others. A pool has none: its row adds up what is on its instances.
 */
#ifndef BERTH_CLI_TOP_ROWS_H
#define BERTH_CLI_TOP_ROWS_H

#include "base/cleanup.h"
#include "cli/container_usage.h"
#include "cli/get_select.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct top_row {
    char *kind, *name; /* "Container" where there is no object of its own */
    char *container;   /* its name; NULL: it has none now */
    char *pool;        /* that it counts for, or NULL */
    size_t tasks;      /* active in that container, on that instance, or of that pool */
    bool is_shown;     /* false: only for the sum of a pool */
    struct usage_sample before, after;
    double cores; /* negative: not known */
};

struct top_rows {
    struct top_row *items;
    size_t count, capacity;
};

/* Of documents as of status_store_read(). Nothing selected: all that have a container. */
void top_rows_find(struct top_rows *rows, const json_t *documents,
                   const struct get_selection *selection);
void top_rows_done(struct top_rows *rows);

/* When all rows have their samples: what they use, and what pools do. */
void top_rows_add_up(struct top_rows *rows);

enum top_order { TOP_BY_FILE, TOP_BY_CPU, TOP_BY_MEMORY };

void top_rows_sort(struct top_rows *rows, enum top_order order);

/* kind: of all of them, or NULL. */
void top_rows_print(const struct top_rows *rows, const char *kind, bool has_headers, FILE *out);

/*
 * {items: [{kind, name, container, tasks, cpuCores, memoryBytes, memoryLimitBytes}]}. New
 * reference.
 */
json_t *top_rows_to_json(const struct top_rows *rows);

#endif
