/*
 * What runs where: pools, their instances, the repository containers on them, and the tasks in
 * those.
 *
 * A node is {kind, name, phase, reason, message, children}; what is not known is left out. A
 * repository container without a Repository object has kind "Container", as has that of a branch. A
 * task that waits for a place is below its pool. Pure.
 */
#ifndef BERTH_CLI_TREE_VIEW_H
#define BERTH_CLI_TREE_VIEW_H

#include "cli/get_select.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/*
 * Of documents as of status_store_read(): the nodes that nothing is above, an array. Only those
 * that are selected, with all below them and the way to them. New reference.
 */
json_t *tree_view_build(const json_t *documents, const struct get_selection *selection);

struct tree_look {
    bool is_utf8, is_coloured, is_wide, has_no_headers;
};

/* A line for each node, with phase and reason. */
void tree_view_print(const json_t *roots, const struct tree_look *look, FILE *out);

#endif
