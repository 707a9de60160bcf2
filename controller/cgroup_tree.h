/*
 * Cgroups as files: the kernel's tree below /sys/fs/cgroup, in its first or second version.
 *
 * Version 2 is one tree whose directories have all controllers; version 1 has a tree for each
 * controller, and a cgroup is a directory of the same path in each. Paths are relative to the
 * tree's root, without a slash in front: "berth/c0ffee/web". What is created here is only ever
 * removed by rmdir, which the kernel refuses while anything is in it.
 */
#ifndef BERTH_CONTROLLER_CGROUP_TREE_H
#define BERTH_CONTROLLER_CGROUP_TREE_H

#include "base/error.h"
#include "reconcilers/observed.h"
#include "reconcilers/workload.h"

struct cgroup_tree {
    const char *root; /* "/sys/fs/cgroup"; tests have one of their own */
    bool is_v2;
};

/* The version that is mounted at the root: 2, 1, or 0 when it is neither. */
unsigned cgroup_tree_version(const char *root);

/*
 * Whether cgroups could be made: 0, or -1 with reason NotSeen (a controller is missing) or
 * NotPermitted (read-only, another user's). Writes nothing.
 */
int cgroup_tree_check(const struct cgroup_tree *tree, struct error *err);

/*
 * Makes the cgroup, and those above it, with these limits; what is as it should be is not written.
 * Swap is not to extend the memory. As much is set as can be: the error (LimitFailed) is the first
 * one. A memory limit below what is in use and cannot be dropped is refused, since version 2 would
 * kill for it.
 */
int cgroup_tree_limit(const struct cgroup_tree *tree, const char *path,
                      const struct machine_limits *limits, struct error *err);

/*
 * Its limits, and whether a container with this id (NULL: none) is below it in every controller
 * that bounds.
 */
void cgroup_tree_observe(const struct cgroup_tree *tree, const char *path, const char *container_id,
                         struct observed_machine *ret_machine);

/* How many processes and threads it has, and may have; 0 for the latter: no limit, or not known. */
void cgroup_tree_pids(const struct cgroup_tree *tree, const char *path, uint64_t *ret_current,
                      uint64_t *ret_max);

bool cgroup_tree_exists(const struct cgroup_tree *tree, const char *path); /* in any hierarchy */

/* True when a cgroup is below it. */
bool cgroup_tree_has_children(const struct cgroup_tree *tree, const char *path);

/* Removes it from every hierarchy as far as it is empty. True when it is gone. */
bool cgroup_tree_remove(const struct cgroup_tree *tree, const char *path);

/*
 * Calls back once with the name of each cgroup below it, in whatever hierarchy. At most 100000 of
 * them.
 */
void cgroup_tree_list(const struct cgroup_tree *tree, const char *path,
                      void (*on_name)(void *user, const char *name), void *user);

#endif
