/*
 * Overlay mounts of trees.
 *
 * Who is root in a container can rename and replace whatever is below a folder of trees, so the
 * mount is made on a descriptor, never on a path. Needs Linux 5.2 (fsopen, move_mount); without it
 * trees are copies.
 */
#ifndef BERTH_CLIENTS_TREE_OVERLAY_H
#define BERTH_CLIENTS_TREE_OVERLAY_H

#include "base/error.h"

#include <stddef.h>

/* Paths that no container can reach; the topmost lower first. */
struct tree_overlay {
    const char *const *lowers;
    size_t lower_count;
    const char *upper, *work; /* on one file system */
    const char *label;        /* what the mount table shows as its source */
};

/*
 * Mounts it on the folder `name` of dir_fd, which must be there and not be a link. ERROR_CONFLICT:
 * the kernel refuses, or somebody changed the folder meanwhile; nothing stays mounted then.
 */
int tree_overlay_mount(const struct tree_overlay *overlay, int dir_fd, const char *name,
                       struct error *err);

#endif
