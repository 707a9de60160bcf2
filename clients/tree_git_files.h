/*
 * The few files of git that make a tree a task's own: HEAD, its branch, what the branch follows,
 * and who commits. Written as plain files, without git, into a folder that no container can reach
 * yet.
 */
#ifndef BERTH_CLIENTS_TREE_GIT_FILES_H
#define BERTH_CLIENTS_TREE_GIT_FILES_H

#include "clients/tree_job.h"

/*
 * Writes .git/HEAD, .git/refs/heads/<branch> and .git/config below top_fd, all of the job's user.
 * The config is that of the topmost lower that has one, and the branch's section behind it.
 */
int tree_git_files_write(const struct tree_job *job, int top_fd, struct error *err);

/* .gitconfig with the job's person and mail below home_fd; nothing where there are none. */
int tree_git_files_write_person(const struct tree_job *job, int home_fd, struct error *err);

#endif
