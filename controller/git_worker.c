#include "controller/git_worker.h"

#include "base/memory.h"
#include "controller/git_child.h"
#include "controller/job_queue.h"
#include "specs/reason.h"

#include <assert.h>
#include <string.h>

struct git_pool {
    struct job_queue queue;
    uv_loop_t *loop;
    char *program;
    uint64_t stall_ms, total_ms;
};

struct git_work {
    struct queued_job place;
    struct git_pool *pool;
    struct git_handlers handlers;
    json_t *job_json; /* the texts of job are in it */
    struct git_job job;
    struct error failure;    /* of a job that is none */
    struct git_child *child; /* NULL: waits */
    bool is_cancelled;       /* it holds its place until the child is gone */
};

static void work_free(struct git_work *work)
{
    job_queue_remove(&work->pool->queue, &work->place);
    json_decref(work->job_json);
    free(work);
}

static void work_finish(struct git_work *work, const struct git_result *result,
                        struct error *failure)
{
    struct git_handlers handlers = work->handlers;
    bool is_cancelled = work->is_cancelled;

    work_free(work);
    if (!is_cancelled) {
        handlers.on_done(handlers.user, result, failure);
    }
}

static void on_child_progress(void *user, const struct git_progress *progress)
{
    struct git_work *work = user;

    if (!work->is_cancelled && work->handlers.on_progress != NULL) {
        work->handlers.on_progress(work->handlers.user, progress);
    }
}

static void on_child_end(void *user, const struct git_result *result, struct error *failure)
{
    work_finish(user, result, failure);
}

static void start_child(struct git_work *work)
{
    struct git_pool *pool = work->pool;
    char *text = json_dumps(work->job_json, JSON_COMPACT);
    struct git_child_options options = {
        .program = pool->program,
        .job_text = text,
        .job = &work->job,
        .stall_ms = pool->stall_ms,
        .total_ms = pool->total_ms,
        .on_progress = on_child_progress,
        .on_end = on_child_end,
        .user = work,
    };

    work->child = git_child_start(pool->loop, &options, &work->failure);
    explicit_bzero(text, strlen(text));
    free(text);
}

static bool work_start(struct queued_job *job)
{
    struct git_work *work = (struct git_work *)job;
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

/* Jobs on one mirror never overlap. */
static bool is_about_the_same(const struct queued_job *a, const struct queued_job *b)
{
    return strcmp(((const struct git_work *)a)->job.mirror,
                  ((const struct git_work *)b)->job.mirror) == 0;
}

static void pool_free(void *user)
{
    struct git_pool *pool = user;

    free(pool->program);
    free(pool);
}

static const struct job_queue_type queue_type = {is_about_the_same, work_start, pool_free};

/* --- the outside ------------------------------------------------------------------------------ */

struct git_pool *git_pool_new(uv_loop_t *loop, const struct git_pool_options *options)
{
    struct git_pool *pool = xcalloc(1, sizeof(*pool));

    assert(options->stall_ms > 0 && options->total_ms > 0);
    pool->loop = loop;
    pool->program = xstrdup(options->program);
    pool->stall_ms = options->stall_ms;
    pool->total_ms = options->total_ms;
    job_queue_init(&pool->queue, loop, &queue_type, options->concurrency, pool);
    return pool;
}

void git_pool_set_stall(struct git_pool *pool, uint64_t stall_ms)
{
    assert(stall_ms > 0);
    pool->stall_ms = stall_ms;
}

void git_pool_close(struct git_pool *pool)
{
    struct git_work *work;

    if (pool == NULL) {
        return;
    }
    while ((work = (struct git_work *)pool->queue.first) != NULL) {
        if (work->child != NULL) {
            git_child_close(work->child);
        }
        work_free(work);
    }
    job_queue_close(&pool->queue);
}

struct git_work *git_pool_submit(struct git_pool *pool, const struct git_job *job,
                                 const struct git_handlers *handlers)
{
    struct git_work *work = xcalloc(1, sizeof(*work));

    work->pool = pool;
    work->handlers = *handlers;
    if (git_job_to_json(job, &work->job_json, &work->failure) < 0 ||
        git_job_from_json(work->job_json, &work->job, &work->failure) < 0) {
        work->failure.reason = REASON_CLONE_FAILED; /* told by the next turn */
        work->job = (struct git_job){.url = "", .mirror = ""};
    }
    job_queue_add(&pool->queue, &work->place);
    return work;
}

void git_work_cancel(struct git_work *work)
{
    if (work->child == NULL) {
        work_free(work);
        return;
    }
    work->is_cancelled = true;
    git_child_kill(work->child);
}
