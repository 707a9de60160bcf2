/*
 * Which objects a command is about, as kubectl takes them: "pools,tasks", "task fix-7 fix-8",
 * "task/fix-7 pool/build", "all".
 */
#ifndef BERTH_CLI_GET_SELECT_H
#define BERTH_CLI_GET_SELECT_H

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/jsonpath.h"
#include "cli/selector.h"
#include "specs/types.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct get_name {
    const char *kind; /* NULL: any of the kinds */
    const char *name;
};

struct get_selection {
    bool kinds[KIND_COUNT]; /* none: all */
    struct get_name *names; /* none: all */
    size_t count, capacity;
    struct selector *selector; /* NULL: all */
    struct jsonpath *sort_by;  /* NULL: in the order of files */
};

void get_selection_done(struct get_selection *selection);

/* From the operands: 0, or arguments_wrong(). */
int get_selection_take(struct get_selection *selection, struct arguments *args);

/* The kind that all objects have; NULL: they may be of several. */
const char *get_selection_kind(const struct get_selection *selection);

/*
 * Those documents, in the order of the names where there are some, sorted where that is asked for.
 * A name that nothing has is reported on stderr, and counted. New reference. ERROR_INVALID: the
 * path to sort by finds too much.
 */
int get_select(const struct get_selection *selection, const json_t *documents, const char *command,
               json_t **ret_items, size_t *ret_missing, struct error *err);

/* Whether one document is among them. */
bool get_selects(const struct get_selection *selection, const json_t *document);

#endif
