/*
 * Mounts of trees: what is mounted, shared folders, and unmounting.
 *
 * Who is root in a container can rename and replace whatever is below a folder of trees, so nothing
 * here follows a link there.
 */
#ifndef BERTH_CLIENTS_TREE_MOUNT_H
#define BERTH_CLIENTS_TREE_MOUNT_H

#include "base/error.h"

#include <stdbool.h>

/* The number of the mount that the descriptor is on; -1: the kernel does not tell. */
int tree_mount_id(int fd);

/* True when something is mounted on the folder `name` of dir_fd. */
bool tree_mount_is_on(int dir_fd, const char *name);

/*
 * Makes the folder a mount of its own, shared with a peer group of its own, nosuid and nodev; what
 * is so already stays. Open descriptors below it stay on the old mount. False, with why, where it
 * cannot be had.
 */
bool tree_mount_share(const char *folder, char why[256]);

/*
 * Lets go of all that is mounted at and below dir_fd/name at once, also what is in use. dir_fd must
 * be of this mount namespace: what is mounted is looked up by its path.
 */
int tree_unmount_all(int dir_fd, const char *name, struct error *err);

/*
 * Unmounts what is on dir_fd/name once nobody uses it any more; waits a little for that.
 * ERROR_CONFLICT: processes still use it.
 */
int tree_unmount_unused(int dir_fd, const char *name, struct error *err);

#endif
