/*
 * Jobs on working trees (clients/tree_job.h), each in a child process that can be killed, a few at
 * a time.
 *
 * Jobs for one tree (trees and name) are done one after the other, in the order of their
 * submission; so are PROBE and SHARE of one trees folder. Like git_worker.h: a child has an empty
 * environment, gets its job on stdin, and is killed with what it started when it takes too long.
 */
#ifndef BERTH_CONTROLLER_TREE_WORKER_H
#define BERTH_CONTROLLER_TREE_WORKER_H

#include "clients/tree_job.h"

#include <uv.h>

struct tree_pool;
struct tree_work;

struct tree_pool_options {
    uv_loop_t *loop;
    const char *program; /* our own binary; copied */
    unsigned concurrency;
    uint64_t timeout_ms; /* of a job once it runs */
};

/* result NULL: err says why. Never from within tree_pool_submit(). */
typedef void tree_done_fn(void *user, const struct tree_result *result, struct error *err);

struct tree_pool *tree_pool_new(const struct tree_pool_options *options);
void tree_pool_free(struct tree_pool *pool); /* no callback comes any more; children are killed */

/* The job and its texts are copied. on_done NULL: nobody wants to know. */
struct tree_work *tree_pool_submit(struct tree_pool *pool, const struct tree_job *job,
                                   tree_done_fn *on_done, void *user);

/*
 * No callback comes any more. One that waits is forgotten; one that runs goes on to its end, so
 * that nothing is left half-made.
 */
void tree_work_abandon(struct tree_work *work);

#endif
