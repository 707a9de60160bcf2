/*
 * The bare mirror of a repository: one per URL, branches and tags only, shared by all snapshots of
 * it.
 *
 * It is made below "<mirror>.work" and renamed when its first fetch is complete, so what is there
 * under its own name was complete once; later updates fetch into it, and an interrupted one is
 * simply done again. Only who holds "<mirror>.lock" (git_staging.h) may touch either. Every branch
 * and tag of the server is taken over as it is, force-pushed or removed ones too, and all at once;
 * the mirror's HEAD is the server's.
 */
#ifndef BERTH_CLIENTS_GIT_MIRROR_H
#define BERTH_CLIENTS_GIT_MIRROR_H

#include "clients/git_session.h"

enum git_mirror_mode {
    GIT_MIRROR_UPDATE,  /* fetch into it; make it where it is missing or no repository */
    GIT_MIRROR_REMAKE,  /* make it anew and put it in the place of the old one */
    GIT_MIRROR_OFFLINE, /* take it as it is */
};

/*
 * With the lock held. ret_repository is the caller's to free; *ret_is_fresh says that the mirror
 * was made in this call.
 */
int git_mirror_open(struct git_session *session, enum git_mirror_mode mode,
                    git_repository **ret_repository, bool *ret_is_fresh, struct error *err);

#endif
