/*
 * A working tree from the mirror: a complete clone of its own, with .git and the branch checked
 * out.
 *
 * It shares nothing with the mirror, no hard link and no alternate: whoever writes into the tree,
 * be it root in a container, cannot reach the mirror. Its remote "origin" is the job's URL. Nothing
 * of the repository is run: no hook, no filter. Submodules stay empty directories and LFS files the
 * pointers they are in git.
 */
#ifndef BERTH_CLIENTS_GIT_TREE_H
#define BERTH_CLIENTS_GIT_TREE_H

#include "clients/git_session.h"

/*
 * Makes the tree in directory, which must not exist while nobody else can write to its parent. The
 * result's branch and commit must be set; the numbers of files and bytes are added. Files are
 * counted, and modes and names looked at, before the first one is written: CloneTooLarge,
 * WorkspaceFailed.
 */
int git_tree_make(struct git_session *session, git_repository *mirror, const char *directory,
                  struct git_result *result, struct error *err);

#endif
