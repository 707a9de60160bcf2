/*
 * A second copy of the controller id, beside the status files: ".berth-controller".
 *
 * The id says which containers are ours. Should the state directory be lost, the next controller
 * finds it here, and with it its containers. A copy may itself be copied, with a clone of the
 * directory for example, and would then name another controller's containers. So it counts only for
 * the same path of the state directory, in the very directory that it was written to, and while no
 * controller holds it.
 */
#ifndef BERTH_CONTROLLER_ID_COPY_H
#define BERTH_CONTROLLER_ID_COPY_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

#define ID_COPY_NAME ".berth-controller"

enum { CONTROLLER_ID_SIZE = 17 };

/* Sixteen hex digits. */
bool controller_id_is_valid(const char *text);

/* False: there is none that counts. */
bool id_copy_recall(const char *directory, const char *state_path, char ret_id[CONTROLLER_ID_SIZE]);

/* The hold of a running controller, on the directory that it was taken for. */
struct id_copy {
    int lock_fd; /* -1: it has none */
    dev_t device;
    ino_t inode;
};

/*
 * Takes the hold, and writes the copy where it is missing or another one. To be called again now
 * and then: somebody may have removed it, or replaced the directory. ERROR_CONFLICT: another
 * controller of this machine (of this network namespace) has it, so it writes its statuses to this
 * directory too. The hold goes with the process and keeps no file open.
 */
int id_copy_hold(struct id_copy *copy, const char *directory, const char *state_path,
                 const char *id, struct error *err);
void id_copy_release(struct id_copy *copy);

#endif
