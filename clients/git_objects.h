/*
 * The objects of a mirror, copied into a new repository.
 *
 * Byte by byte and with signs of life, where libgit2's own copy is silent and its link shares
 * inodes.
 */
#ifndef BERTH_CLIENTS_GIT_OBJECTS_H
#define BERTH_CLIENTS_GIT_OBJECTS_H

#include "clients/git_session.h"

/*
 * From "<mirror>/objects" into the existing directory objects: packs, their indexes, loose objects.
 */
int git_objects_copy(struct git_session *session, const char *mirror, const char *objects,
                     struct error *err);

#endif
