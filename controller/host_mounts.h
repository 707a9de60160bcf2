/*
 * What hostPath volumes lead to on this machine's disk, links and all: the policy must hold for
 * that too.
 *
 * The engine follows links whenever a container is started, so a path is resolved when the
 * container is made, and mounted as what it led to; and before each start it is looked at whether
 * it still leads there. Between the look and the engine's own there is a moment: directories that
 * are allowed, and those above them, are to be writable only for those who are trusted.
 *
 * Whatever the policy says, nothing is mounted that is or holds the state directory, the engine's
 * socket, the policy or the configuration file.
 */
#ifndef BERTH_CONTROLLER_HOST_MOUNTS_H
#define BERTH_CONTROLLER_HOST_MOUNTS_H

#include "controller/controller.h"

/*
 * The path behind all links, in the arena. HostPathRefused: it may not be mounted. CreateFailed:
 * there is no such path.
 */
int host_mount_resolve(const struct controller *controller, const char *source, bool is_read_only,
                       struct arena *arena, const char **ret_path, struct error *err);

/*
 * Before a start, for each path that the container has mounted: it still leads to itself.
 * HostPathRefused otherwise.
 */
int host_mount_check_unmoved(const char *path, struct error *err);

#endif
