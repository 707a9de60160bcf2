/*
 * The whole of a job's libgit2 work, for processes of its own (see cli/cmd_git_worker.c).
 *
 * It blocks for as long as the server likes and holds what strangers sent: whoever calls this can
 * be killed at any moment, has limits, and nothing to lose. The mirror's lock (git_staging.h) must
 * be held, by the caller or by who waits for it. Beside the mirror it keeps devcontainer.json;
 * while it works "<mirror>.work", whose remains a later job removes; and "<mirror>.damaged" from
 * when a job without network found it to be so until the next fetch, which makes it anew.
 */
#ifndef BERTH_CLIENTS_GIT_CLIENT_H
#define BERTH_CLIENTS_GIT_CLIENT_H

#include "clients/git_protocol.h"

/* 0: go on. -1: nobody listens any more; the work is given up. */
typedef int git_progress_fn(void *user, const struct git_progress *progress);

/*
 * Each at most once per process.
 *
 * run brings the mirror up to date (unless the job is offline), looks the revisions up, and makes
 * the snapshot, if one is asked for, in new_tree: a path that does not exist, in a directory that
 * nobody else can write; its index is still to be written. NULL: there is one already, which is not
 * touched. A mirror that turns out to be damaged is made anew once. known_hosts is the text of that
 * file, or NULL.
 *
 * write_index writes the index of the job's commit, as its files are in tree now, to the new file
 * index. git_snapshot.h says why that is work of its own.
 */
int git_client_run(const struct git_job *job, const char *new_tree, const char *known_hosts,
                   git_progress_fn *on_progress, void *user, struct git_result *ret_result,
                   struct error *err);
int git_client_write_index(const struct git_job *job, const char *tree, const char *index,
                           struct error *err);

/* The version of libgit2 in use, such as "1.5.1". */
const char *git_client_library_version(char text[32]);

#endif
