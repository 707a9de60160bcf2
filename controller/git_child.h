/*
 * One "berth git-worker" process, watched: what it writes is read with care, and it is killed when
 * it stalls.
 *
 * It leads a process group of its own and is killed with it, has an empty environment, and gets its
 * job on stdin. It answers in the lines of clients/git_protocol.h; nonsense ends it (CloneFailed),
 * and so does silence (CloneStalled). Its end is told when it is really gone and all it wrote was
 * read.
 */
#ifndef BERTH_CONTROLLER_GIT_CHILD_H
#define BERTH_CONTROLLER_GIT_CHILD_H

#include "clients/git_protocol.h"

#include <uv.h>

struct git_child;

struct git_child_options {
    const char *program;       /* copied by the call */
    const char *job_text;      /* the job as JSON, copied */
    const struct git_job *job; /* the same job; must live as long as callbacks may come */
    uint64_t stall_ms, total_ms;

    void (*on_progress)(void *user, const struct git_progress *progress);
    /*
     * Once, if the child was started: result, or NULL and failure. The child closes itself after
     * it.
     */
    void (*on_end)(void *user, const struct git_result *result, struct error *failure);
    void *user;
};

/* Never calls back from within. NULL: it cannot be started (err has reason CloneFailed). */
struct git_child *git_child_start(uv_loop_t *loop, const struct git_child_options *options,
                                  struct error *err);

/* The end comes as always. */
void git_child_kill(struct git_child *child);

/*
 * Kills it, and no callback comes any more; its memory goes when the loop has closed its handles.
 */
void git_child_close(struct git_child *child);

#endif
