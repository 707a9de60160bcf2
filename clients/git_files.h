/*
 * The files of a commit, written into a directory of our own: what a checkout is, without an index.
 *
 * It goes from directory descriptor to descriptor and creates, never opens: whatever the tree has
 * in it, nothing outside of the directory is touched. Nothing of the repository is run. Line ends
 * and keywords are changed where .gitattributes asks for it, as by git; other filters are not
 * known, so LFS files stay the pointers that they are in git, and submodules are empty directories.
 */
#ifndef BERTH_CLIENTS_GIT_FILES_H
#define BERTH_CLIENTS_GIT_FILES_H

#include "clients/git_session.h"

/*
 * Into the directory directory_fd, which nobody else can write and has at most a .git. The tree was
 * surveyed (git_survey.h), its numbers are in result. filtering is the repository of the directory
 * where attributes are worth a look, else NULL. An entry that is there twice is WorkspaceFailed.
 */
int git_files_write(struct git_session *session, const git_tree *tree, git_repository *filtering,
                    int directory_fd, const struct git_result *result, struct error *err);

#endif
