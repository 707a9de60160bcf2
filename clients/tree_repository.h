/*
 * The repository of a tree, for a process in a jail (clients/tree_jail.h): everything in it may be
 * a trap.
 */
#ifndef BERTH_CLIENTS_TREE_REPOSITORY_H
#define BERTH_CLIENTS_TREE_REPOSITORY_H

#include "clients/git_session.h"
#include "clients/tree_job.h"

DEFINE_GIT_CLEANUP(packbuilder)
DEFINE_GIT_CLEANUP(revwalk)

/*
 * The one whose .git is a folder in the working directory, with that as its working tree whatever
 * its configuration says; none of the machine's configuration is read. At most once per process.
 * -1: there is none, or none that can be read.
 */
int tree_repository_open(git_repository **ret_repository);

/* Commit and branch of HEAD. -1, with both "": it is at no commit that can be read. */
int tree_repository_read_head(git_repository *repository, struct tree_result *result);

#endif
