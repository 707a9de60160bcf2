/*
 * Where a job works: the directory of its mirror, held under the mirror's lock, and in it a staging
 * directory where a snapshot is made.
 *
 * All of this is for the process that keeps its privileges (see cli/cmd_git_worker.c). The
 * directory belongs to the worker, who may have been taken over by what it parses: so nothing in it
 * is opened through a link, and what the worker made is believed no further than git_handover.h
 * goes.
 *
 *     <parent>/mirror.git          the mirror; git_mirror.h
 *     <parent>/mirror.git.lock     held from the first look to the last rename
 *     <parent>/packs/              copies of its packs for owners of snapshots; git_packs.h
 *     <parent>/.staging/work/      the worker's: "tree", a snapshot in the making, on the mirror's
 *                                  file system and in its mount, since packs are linked; later
 *                                  "index", its index, before it is put into it
 *     <parent>/.staging/tree       the snapshot, out of the worker's reach, when it was handed over
 */
#ifndef BERTH_CLIENTS_GIT_STAGING_H
#define BERTH_CLIENTS_GIT_STAGING_H

#include "clients/git_packs.h"
#include "clients/git_protocol.h"

struct git_staging {
    const struct git_job *job;
    uid_t worker;
    int parent_fd, lock_fd;
    int fd, work_fd; /* of .staging and .staging/work; -1: no snapshot is to be made */
};

/* For the worker, in the directory of the mirror. */
#define GIT_STAGING_NEW_TREE ".staging/work/tree"
#define GIT_STAGING_INDEX ".staging/work/index"
#define GIT_STAGING_TREE ".staging/tree"

/*
 * Makes what is missing, gives it to worker, waits a few seconds for the lock of a predecessor that
 * is on its way out, and removes what one left that was killed. A snapshot that exists already is
 * none to be made. ERROR_TRANSIENT (CloneFailed): somebody else keeps the lock; WorkspaceFailed:
 * something else is in the place of the snapshot. done is due in any case, on a zeroed struct too.
 */
int git_staging_open(struct git_staging *staging, const struct git_job *job, uid_t worker,
                     struct error *err);
void git_staging_done(struct git_staging *staging);

/*
 * When the worker has ended: its tree is taken away from it and becomes the owner's, with files
 * that were last changed a while ago, so that git never has to wonder whether one was changed after
 * its index was written. on_progress: of copying packs (git_packs.h).
 */
int git_staging_take(struct git_staging *staging, git_packs_progress_fn *on_progress,
                     struct error *err);

/* When another worker has written the index: it is put into the tree. */
int git_staging_put_index(struct git_staging *staging, struct error *err);

/* The tree is put at its place. */
int git_staging_finish(struct git_staging *staging, struct error *err);

/* The directory that the mirror lies in; the caller's to free. */
char *git_staging_parent(const char *path);

#endif
