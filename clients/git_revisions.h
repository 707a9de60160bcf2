/*
 * From what a user calls a commit to its id, in the mirror.
 *
 * A name is looked for as it is and never interpreted: "main~1", "a..b" and "-x" are names that do
 * not exist.
 */
#ifndef BERTH_CLIENTS_GIT_REVISIONS_H
#define BERTH_CLIENTS_GIT_REVISIONS_H

#include "clients/git_session.h"

/*
 * The job's revisions and the mirror's HEAD. What is not found is told in the result and no error.
 */
int git_revisions_find(struct git_session *session, git_repository *mirror,
                       struct git_result *result, struct error *err);

#endif
