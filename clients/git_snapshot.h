/*
 * A snapshot: the tree of one commit, complete with .git, to be shared by many and written by none.
 *
 * It is what a clone would be: HEAD at the commit and on no branch, origin's branches and tags, no
 * branch of its own. It holds all of its objects, so the mirror may be made anew or go; but it has
 * the mirror's packs by hard links, and whoever could write these would write into the mirror. That
 * is why they are not handed over, and why a container gets a snapshot only below a layer that
 * takes its writes.
 *
 * It is made in two steps, with the handover to its owner between them, since that changes what git
 * remembers of files: an index that was written before would have git read them all again.
 */
#ifndef BERTH_CLIENTS_GIT_SNAPSHOT_H
#define BERTH_CLIENTS_GIT_SNAPSHOT_H

#include "clients/git_session.h"

/*
 * The job's commit in directory, which must not exist while nobody else can write to its parent; no
 * index yet. NULL: it is only looked at. Sets what the result tells of a snapshot. WorkspaceFailed:
 * the mirror does not have the commit; see also git_survey.h.
 */
int git_snapshot_make(struct git_session *session, git_repository *mirror, const char *directory,
                      struct git_result *result, struct error *err);

/* Writes the index of the tree, as it is in directory now, to the new file path. */
int git_snapshot_index(struct git_session *session, git_repository *mirror, const char *directory,
                       const char *path, struct error *err);

#endif
