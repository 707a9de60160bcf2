/*
 * The whole of a job's libgit2 work, for a process of its own (see cli/cmd_git_worker.c).
 *
 * It blocks for as long as the server likes and holds what strangers sent: whoever calls this can
 * be killed at any moment, has limits, and nothing to lose. Beside the mirror it keeps
 * "<mirror>.lock" and, while it works, "<mirror>.work", whose remains a later job removes.
 */
#ifndef BERTH_CLIENTS_GIT_CLIENT_H
#define BERTH_CLIENTS_GIT_CLIENT_H

#include "clients/git_protocol.h"

/* 0: go on. -1: nobody listens any more; the work is given up. */
typedef int git_progress_fn(void *user, const struct git_progress *progress);

/*
 * Brings the mirror up to date (unless the job is offline) and makes the working tree from it, if
 * one is asked for, in staging: a path that does not exist, in a directory that nobody else can
 * write. The job's own tree is not touched. A mirror that turns out to be damaged is made anew
 * once. known_hosts is the text of that file, or NULL. At most once per process.
 */
int git_client_run(const struct git_job *job, const char *staging, const char *known_hosts,
                   git_progress_fn *on_progress, void *user, struct git_result *ret_result,
                   struct error *err);

/* The version of libgit2 in use, such as "1.5.1". */
const char *git_client_library_version(char text[32]);

#endif
