/*
 * Giving finished files to another user, and moving them to where they belong.
 *
 * The files were made by a process that parses what strangers wrote, so this side, which may be
 * root, believes nothing: it goes from descriptor to descriptor, follows no link, and refuses what
 * such a process has no reason to make (devices, FIFOs, files with a second name, files of somebody
 * else).
 */
#ifndef BERTH_CLIENTS_GIT_HANDOVER_H
#define BERTH_CLIENTS_GIT_HANDOVER_H

#include "base/error.h"

#include <sys/types.h>

/*
 * Everything at and below path becomes owner's (user and group) and loses its set-user-id,
 * set-group-id and sticky bits. Errors (reason WorkspaceFailed) leave it half given: remove it.
 */
int git_handover_give(const char *path, uid_t maker, uid_t owner, struct error *err);

/* Renames, but never over something. ERROR_CONFLICT (WorkspaceFailed): to exists already. */
int git_handover_move(const char *from, const char *to, struct error *err);

#endif
