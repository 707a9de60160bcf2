/*
 * The objects of a mirror, shared with a new repository on the same file system.
 *
 * Packs and their indexes get a second name (a hard link): no bytes are copied, they stay the git
 * user's and nobody's to write, until git_packs.h gives them to the owner. Where links cannot be
 * had, and for the few objects that lie loose, bytes are copied, with signs of life, where
 * libgit2's own copy is silent.
 */
#ifndef BERTH_CLIENTS_GIT_OBJECTS_H
#define BERTH_CLIENTS_GIT_OBJECTS_H

#include "clients/git_session.h"

/* From "<mirror>/objects" into the existing directory objects. */
int git_objects_share(struct git_session *session, const char *mirror, const char *objects,
                      struct error *err);

#endif
