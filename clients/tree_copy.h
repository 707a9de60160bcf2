/*
 * Complete copies of folders, for trees without mounts.
 */
#ifndef BERTH_CLIENTS_TREE_COPY_H
#define BERTH_CLIENTS_TREE_COPY_H

#include "base/error.h"

#include <sys/types.h>

/*
 * Fills the empty folder to_fd with what is in from_fd: files, folders, symbolic links and FIFOs,
 * with mode (but without set-user-id and the like) and time, all of them uid's and gid's; sockets
 * and devices are left out. File systems that can share data between files do. Follows no link, and
 * so leaves neither.
 */
int tree_copy(int from_fd, int to_fd, uid_t uid, gid_t gid, struct error *err);

#endif
