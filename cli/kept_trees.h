/*
 * Trees that outlive their task's spec, as the records in the state directory tell of them.
 */
#ifndef BERTH_CLI_KEPT_TREES_H
#define BERTH_CLI_KEPT_TREES_H

#include <jansson.h>

/*
 * What the status of the task would say under "task", as far as its tree is concerned:
 * repositoryContainer, commit and tree {name, method, uid, gid}. Of several trees of one task the
 * one that was used last. NULL: there is none, or the state directory cannot be read. New
 * reference.
 */
json_t *kept_tree_of_task(const char *state_dir, const char *task);

#endif
