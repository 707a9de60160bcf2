/*
 * Looking before leaping: what a commit's tree would become on disk, before a file of it is
 * written.
 *
 * A small pack can unfold to endlessly many files, and a tree that git itself would not write can
 * have names and modes that are dangerous; both are found here.
 */
#ifndef BERTH_CLIENTS_GIT_SURVEY_H
#define BERTH_CLIENTS_GIT_SURVEY_H

#include "clients/git_session.h"

/*
 * Sets the result's numbers of files and bytes, has_submodules and has_lfs. *ret_has_filters: some
 * .gitattributes may ask for line ends or keywords to be changed when files are written.
 * CloneTooLarge, WorkspaceFailed.
 */
int git_survey_tree(struct git_session *session, git_repository *mirror, const git_tree *tree,
                    struct git_result *result, bool *ret_has_filters, struct error *err);

#endif
