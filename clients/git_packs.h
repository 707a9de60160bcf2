/*
 * The packs of a snapshot, as its owner's.
 *
 * A worker links packs from the mirror into the tree that it makes (git_objects.h); they are the
 * git user's there, and everything in a tree is to be its owner's. So each owner has copies of the
 * mirror's packs, once for all snapshots, beside the mirror, and the trees get links to those:
 *
 *     <parent>/packs/<uid>-<gid>/<inode>-<mtime in ns>-pack-<hash>.pack
 *
 * The name says which file of the mirror it is a copy of: a mirror that is made anew has others. A
 * copy without a tree that links to it is removed by the next job.
 *
 * For the process that keeps its privileges: <parent> is the worker's directory, so "packs" is
 * believed only when it is ours. The caller holds the mirror's lock.
 */
#ifndef BERTH_CLIENTS_GIT_PACKS_H
#define BERTH_CLIENTS_GIT_PACKS_H

#include "base/error.h"

#include <stdint.h>
#include <sys/types.h>

/* Bytes of one pack; called at least every few MiB. */
typedef void git_packs_progress_fn(uint64_t done, uint64_t total);

struct git_packs {
    int parent_fd; /* of the directory of the mirror */
    uid_t owner;   /* who may write the tree */
    gid_t group;
    git_packs_progress_fn *on_progress;
};

/*
 * Every file of others' in objects/pack of the tree's .git is replaced by a link to the owner's
 * copy. The tree is out of the worker's reach. Errors (WorkspaceFailed) leave some replaced.
 */
int git_packs_give(const struct git_packs *packs, int tree_fd, struct error *err);

#endif
