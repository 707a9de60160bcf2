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
#include <time.h>

/* What is done with files that have a second name, which is allowed in one folder only. */
enum git_handover_links {
    GIT_HANDOVER_LINKS_REFUSE,
    GIT_HANDOVER_LINKS_LEAVE, /* in .git/objects/pack: left as they are, and must be mode 0444 */
    GIT_HANDOVER_LINKS_GIVE,  /* in objects/pack: given like all others */
};

struct git_handover {
    uid_t maker; /* whose all of it is now, save what is the owner's already */
    uid_t owner;
    gid_t group;
    enum git_handover_links links;
    time_t modified_at; /* which files get as the time of their last change; 0: it stays */
};

/*
 * Everything at and below name in dir_fd becomes the owner's and loses its set-user-id,
 * set-group-id and sticky bits. Errors (reason WorkspaceFailed) leave it half given: remove it.
 */
int git_handover_give(const struct git_handover *handover, int dir_fd, const char *name,
                      struct error *err);

/*
 * Renames name in dir_fd to the absolute path to, but never over something. ERROR_CONFLICT
 * (WorkspaceFailed): to exists already, or lies on another file system.
 */
int git_handover_move(int dir_fd, const char *name, const char *to, struct error *err);

#endif
