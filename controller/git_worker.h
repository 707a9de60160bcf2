/*
 * Git in children: each job is a process of our own binary ("berth git-worker"), watched and
 * killable.
 *
 * libgit2 blocks, cannot be timed out, and parses what strangers wrote; so it never runs in the
 * controller. A pool runs at most `concurrency` jobs at once, the others wait in order. A child
 * that says nothing for stall_ms, or runs longer than total_ms, is killed with its group (reason
 * CloneStalled). Jobs on one mirror never overlap: a later one waits, and lets others go ahead.
 *
 * The child's environment is empty and the job goes through its stdin. What it writes is believed
 * no further than clients/git_protocol.h goes: nonsense ends the job (CloneFailed), as does dying
 * without a word. The process must ignore SIGPIPE: a child may die before it has read its job.
 */
#ifndef BERTH_CONTROLLER_GIT_WORKER_H
#define BERTH_CONTROLLER_GIT_WORKER_H

#include "clients/git_protocol.h"

#include <uv.h>

struct git_pool;
struct git_work;

struct git_pool_options {
    const char *program;  /* path of the berth binary; copied */
    unsigned concurrency; /* at least 1 */
    uint64_t stall_ms, total_ms;
};

struct git_handlers {
    void (*on_progress)(void *user, const struct git_progress *progress); /* or NULL */
    /*
     * Exactly once unless cancelled: result, or NULL and err (whose reason is set). The work is
     * gone after it.
     */
    void (*on_done)(void *user, const struct git_result *result, struct error *err);
    void *user;
};

struct git_pool *git_pool_new(uv_loop_t *loop, const struct git_pool_options *options);
/*
 * Kills what runs (without calling back); memory goes when the loop has closed its handles. NULL is
 * fine.
 */
void git_pool_close(struct git_pool *pool);

/* For jobs that begin from now on. */
void git_pool_set_stall(struct git_pool *pool, uint64_t stall_ms);

/* Copies the job. Never calls back from within. */
struct git_work *git_pool_submit(struct git_pool *pool, const struct git_job *job,
                                 const struct git_handlers *handlers);
/*
 * Kills the child or takes the job out of the queue; no callback follows. May be called from
 * on_progress, not from on_done. The child's place is free for the next job only when it is really
 * gone.
 */
void git_work_cancel(struct git_work *work);

#endif
