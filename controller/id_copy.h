/*
 * A second copy of the controller id, beside the status files: ".berth-controller".
 *
 * The id says which containers are ours. Should the state directory be lost, the next controller finds it here, and with it its
 * containers. A copy may itself be copied, with a clone of the directory for example, and would then name another
 * controller's containers. So it counts only for the same path of the state directory, in the very directory that it was
 * written to, and while no controller holds it.
 */
#ifndef BERTH_CONTROLLER_ID_COPY_H
#define BERTH_CONTROLLER_ID_COPY_H

#include "base/error.h"

#include <stdbool.h>

#define ID_COPY_NAME ".berth-controller"

enum { CONTROLLER_ID_SIZE = 17 };

/* Sixteen hex digits. */
bool controller_id_is_valid(const char *text);

/* False: there is none that counts. */
bool id_copy_recall(const char *directory, const char *state_path, char ret_id[CONTROLLER_ID_SIZE]);

/*
 * Writes the copy where it is missing or another one, and locks it; *fd is the lock, -1 before the first time. To be called again
 * now and then: somebody may have removed it. ERROR_CONFLICT: another controller holds the one that is there, so it
 * writes its statuses to this directory too.
 */
int id_copy_hold(const char *directory, const char *state_path, const char *id, int *fd,
                 struct error *err);

#endif
