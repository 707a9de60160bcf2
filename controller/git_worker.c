#include "controller/git_worker.h"

#include "base/memory.h"
#include "controller/git_child.h"
#include "specs/reason.h"

#include <assert.h>
#include <string.h>

struct git_pool {
    uv_loop_t *loop;
    char *program;
    unsigned concurrency;
    uint64_t stall_ms, total_ms;
    uv_timer_t turn;               /* starts jobs from the loop, never from within a caller */
    struct git_work *first, *last; /* waiting and running, in order of arrival */
    unsigned running;
    bool is_closed;
};

struct git_work {
    struct git_pool *pool;
    struct git_work *previous, *next;
    struct git_handlers handlers;
    json_t *job_json; /* the texts of job are in it */
    struct git_job job;
    struct error failure;    /* of a job that is none */
    struct git_child *child; /* NULL: waits */
    bool is_cancelled;       /* it holds its place until the child is gone */
};

static void pool_wake(struct git_pool *pool);

/* Out of the pool; its place is free. */
static void work_free(struct git_work *work)
{
    struct git_pool *pool = work->pool;

    *(work->previous != NULL ? &work->previous->next : &pool->first) = work->next;
    *(work->next != NULL ? &work->next->previous : &pool->last) = work->previous;
    if (work->child != NULL) {
        pool->running--;
    }
    pool_wake(pool);
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

static void work_start(struct git_work *work)
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
    if (work->child != NULL) {
        pool->running++;
    }
}

/* --- the queue -------------------------------------------------------------------------------- */

static bool mirror_is_in_use(const struct git_pool *pool, const char *mirror)
{
    for (const struct git_work *work = pool->first; work != NULL; work = work->next) {
        if (work->child != NULL && strcmp(work->job.mirror, mirror) == 0) {
            return true;
        }
    }
    return false;
}

static struct git_work *next_to_start(const struct git_pool *pool)
{
    for (struct git_work *work = pool->first; work != NULL; work = work->next) {
        if (work->child == NULL && !mirror_is_in_use(pool, work->job.mirror)) {
            return work;
        }
    }
    return NULL;
}

/* One job a turn: a start that fails calls back, and the callback may change the queue. */
static void on_turn(uv_timer_t *turn)
{
    struct git_pool *pool = turn->data;
    struct git_work *work = pool->running < pool->concurrency ? next_to_start(pool) : NULL;
    struct error failure;

    if (work == NULL) {
        return;
    }
    pool_wake(pool);
    if (work->failure.kind == ERROR_NONE) {
        work_start(work);
    }
    if (work->child == NULL) {
        failure = work->failure;
        work_finish(work, NULL, &failure);
    }
}

static void pool_wake(struct git_pool *pool)
{
    if (!pool->is_closed) {
        uv_timer_start(&pool->turn, on_turn, 0, 0);
    }
}

/* --- the outside ------------------------------------------------------------------------------ */

struct git_pool *git_pool_new(uv_loop_t *loop, const struct git_pool_options *options)
{
    struct git_pool *pool = xcalloc(1, sizeof(*pool));

    assert(options->concurrency > 0 && options->stall_ms > 0 && options->total_ms > 0);
    pool->loop = loop;
    pool->program = xstrdup(options->program);
    pool->concurrency = options->concurrency;
    pool->stall_ms = options->stall_ms;
    pool->total_ms = options->total_ms;
    uv_timer_init(loop, &pool->turn);
    pool->turn.data = pool;
    return pool;
}

static void on_turn_closed(uv_handle_t *handle)
{
    struct git_pool *pool = handle->data;

    free(pool->program);
    free(pool);
}

void git_pool_close(struct git_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pool->is_closed = true;
    while (pool->first != NULL) {
        if (pool->first->child != NULL) {
            git_child_close(pool->first->child);
        }
        work_free(pool->first);
    }
    uv_close((uv_handle_t *)&pool->turn, on_turn_closed);
}

struct git_work *git_pool_submit(struct git_pool *pool, const struct git_job *job,
                                 const struct git_handlers *handlers)
{
    struct git_work *work = xcalloc(1, sizeof(*work));

    assert(!pool->is_closed);
    work->pool = pool;
    work->handlers = *handlers;
    if (git_job_to_json(job, &work->job_json, &work->failure) < 0 ||
        git_job_from_json(work->job_json, &work->job, &work->failure) < 0) {
        work->failure.reason = REASON_CLONE_FAILED; /* told by the next turn */
        work->job = (struct git_job){.url = "", .mirror = ""};
    }
    work->previous = pool->last;
    *(pool->last != NULL ? &pool->last->next : &pool->first) = work;
    pool->last = work;
    pool_wake(pool);
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
