#include "controller/tree_worker.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/job_queue.h"
#include "controller/tree_child.h"
#include "specs/reason.h"

#include <assert.h>
#include <stdlib.h>

struct tree_pool {
    struct job_queue queue;
    uv_loop_t *loop;
    char *program;
    uint64_t timeout_ms;
};

struct tree_work {
    struct queued_job place;
    struct tree_pool *pool;
    tree_done_fn *on_done; /* NULL: nobody wants to know */
    void *user;
    json_t *job_json; /* the texts of job are in it */
    struct tree_job job;
    struct error failure;     /* of a job that is none */
    struct tree_child *child; /* NULL: waits */
};

static void work_free(struct tree_work *work)
{
    job_queue_remove(&work->pool->queue, &work->place);
    json_decref(work->job_json);
    free(work);
}

static void work_finish(struct tree_work *work, const struct tree_result *result,
                        struct error *failure)
{
    tree_done_fn *on_done = work->on_done;
    void *user = work->user;

    work_free(work);
    if (on_done != NULL) {
        on_done(user, result, failure);
    }
}

static void on_child_end(void *user, const struct tree_result *result, struct error *failure)
{
    work_finish(user, result, failure);
}

static void start_child(struct tree_work *work)
{
    struct tree_pool *pool = work->pool;
    auto_free char *text = json_dumps(work->job_json, JSON_COMPACT);
    const char *name = work->job.name != NULL ? work->job.name : work->job.trees;
    auto_free char *what =
        xasprintf("%s %s", tree_verb_name(work->job.verb), name != NULL ? name : "");
    const struct tree_child_options options = {
        .program = pool->program,
        .job_text = text,
        .what = what,
        .timeout_ms = pool->timeout_ms,
        .on_end = on_child_end,
        .user = work,
    };

    work->child = tree_child_start(pool->loop, &options, &work->failure);
}

static bool work_start(struct queued_job *job)
{
    struct tree_work *work = (struct tree_work *)job;
    struct error failure;

    if (work->failure.kind == ERROR_NONE) {
        start_child(work);
    }
    if (work->child == NULL) {
        failure = work->failure;
        work_finish(work, NULL, &failure);
        return false;
    }
    return true;
}

/*
 * Jobs for one tree keep their order. Those without a name are about the whole folder, and those
 * without a folder about no tree at all.
 */
static bool is_about_the_same(const struct queued_job *a, const struct queued_job *b)
{
    const struct tree_job *one = &((const struct tree_work *)a)->job;
    const struct tree_job *other = &((const struct tree_work *)b)->job;

    return one->trees != NULL && text_equal(one->trees, other->trees) &&
           text_equal(one->name, other->name);
}

static void pool_free(void *user)
{
    struct tree_pool *pool = user;

    free(pool->program);
    free(pool);
}

static const struct job_queue_type queue_type = {is_about_the_same, work_start, pool_free};

/* --- the outside ------------------------------------------------------------------------------ */

struct tree_pool *tree_pool_new(const struct tree_pool_options *options)
{
    struct tree_pool *pool = xcalloc(1, sizeof(*pool));

    assert(options->timeout_ms > 0);
    pool->loop = options->loop;
    pool->program = xstrdup(options->program);
    pool->timeout_ms = options->timeout_ms;
    job_queue_init(&pool->queue, pool->loop, &queue_type, options->concurrency, pool);
    return pool;
}

void tree_pool_free(struct tree_pool *pool)
{
    struct tree_work *work;

    if (pool == NULL) {
        return;
    }
    while ((work = (struct tree_work *)pool->queue.first) != NULL) {
        if (work->child != NULL) {
            tree_child_close(work->child);
        }
        work_free(work);
    }
    job_queue_close(&pool->queue);
}

struct tree_work *tree_pool_submit(struct tree_pool *pool, const struct tree_job *job,
                                   tree_done_fn *on_done, void *user)
{
    struct tree_work *work = xcalloc(1, sizeof(*work));

    work->pool = pool;
    work->on_done = on_done;
    work->user = user;
    if (tree_job_to_json(job, &work->job_json, &work->failure) < 0 ||
        tree_job_from_json(work->job_json, &work->job, &work->failure) < 0) {
        work->failure.reason = REASON_WORKSPACE_FAILED; /* told by the next turn */
    }
    job_queue_add(&pool->queue, &work->place);
    return work;
}

void tree_work_abandon(struct tree_work *work)
{
    if (work->child == NULL) {
        work_free(work);
    } else {
        work->on_done = NULL;
    }
}
