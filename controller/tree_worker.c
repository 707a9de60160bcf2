#include "controller/tree_worker.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/tree_child.h"
#include "specs/reason.h"

#include <assert.h>
#include <stdlib.h>

struct tree_pool {
    uv_loop_t *loop;
    char *program;
    unsigned concurrency;
    uint64_t timeout_ms;
    uv_timer_t turn;                /* starts jobs from the loop, never from within a caller */
    struct tree_work *first, *last; /* waiting and running, in order of arrival */
    unsigned running;
    bool is_closed;
};

struct tree_work {
    struct tree_pool *pool;
    struct tree_work *previous, *next;
    tree_done_fn *on_done; /* NULL: nobody wants to know */
    void *user;
    json_t *job_json; /* the texts of job are in it */
    struct tree_job job;
    struct error failure;     /* of a job that is none */
    struct tree_child *child; /* NULL: waits */
};

static void pool_wake(struct tree_pool *pool);

/* Out of the pool; its place is free. */
static void work_free(struct tree_work *work)
{
    struct tree_pool *pool = work->pool;

    *(work->previous != NULL ? &work->previous->next : &pool->first) = work->next;
    *(work->next != NULL ? &work->next->previous : &pool->last) = work->previous;
    if (work->child != NULL) {
        pool->running--;
    }
    pool_wake(pool);
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

static void work_start(struct tree_work *work)
{
    struct tree_pool *pool = work->pool;
    auto_free char *text = json_dumps(work->job_json, JSON_COMPACT);
    const struct tree_child_options options = {
        .program = pool->program,
        .job_text = text,
        .timeout_ms = pool->timeout_ms,
        .on_end = on_child_end,
        .user = work,
    };

    work->child = tree_child_start(pool->loop, &options, &work->failure);
    if (work->child != NULL) {
        pool->running++;
    }
}

/* --- the queue -------------------------------------------------------------------------------- */

/* Jobs without a name are about the whole folder, and those without a folder about no tree at all. */
static bool is_about_the_same(const struct tree_job *a, const struct tree_job *b)
{
    return a->trees != NULL && text_equal(a->trees, b->trees) && text_equal(a->name, b->name);
}

/* Jobs for one tree keep their order: whatever came before it must be over. */
static bool must_wait(const struct tree_work *work)
{
    for (const struct tree_work *before = work->previous; before != NULL;
         before = before->previous) {
        if (is_about_the_same(&before->job, &work->job)) {
            return true;
        }
    }
    return false;
}

static struct tree_work *next_to_start(const struct tree_pool *pool)
{
    for (struct tree_work *work = pool->first; work != NULL; work = work->next) {
        if (work->child == NULL && !must_wait(work)) {
            return work;
        }
    }
    return NULL;
}

/* One job a turn: a start that fails calls back, and the callback may change the queue. */
static void on_turn(uv_timer_t *turn)
{
    struct tree_pool *pool = turn->data;
    struct tree_work *work = pool->running < pool->concurrency ? next_to_start(pool) : NULL;
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

static void pool_wake(struct tree_pool *pool)
{
    if (!pool->is_closed) {
        uv_timer_start(&pool->turn, on_turn, 0, 0);
    }
}

/* --- the outside ------------------------------------------------------------------------------ */

struct tree_pool *tree_pool_new(const struct tree_pool_options *options)
{
    struct tree_pool *pool = xcalloc(1, sizeof(*pool));

    assert(options->concurrency > 0 && options->timeout_ms > 0);
    pool->loop = options->loop;
    pool->program = xstrdup(options->program);
    pool->concurrency = options->concurrency;
    pool->timeout_ms = options->timeout_ms;
    uv_timer_init(pool->loop, &pool->turn);
    pool->turn.data = pool;
    return pool;
}

static void on_turn_closed(uv_handle_t *handle)
{
    struct tree_pool *pool = handle->data;

    free(pool->program);
    free(pool);
}

void tree_pool_free(struct tree_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pool->is_closed = true;
    while (pool->first != NULL) {
        if (pool->first->child != NULL) {
            tree_child_close(pool->first->child);
        }
        work_free(pool->first);
    }
    uv_close((uv_handle_t *)&pool->turn, on_turn_closed);
}

struct tree_work *tree_pool_submit(struct tree_pool *pool, const struct tree_job *job,
                                   tree_done_fn *on_done, void *user)
{
    struct tree_work *work = xcalloc(1, sizeof(*work));

    assert(!pool->is_closed);
    work->pool = pool;
    work->on_done = on_done;
    work->user = user;
    if (tree_job_to_json(job, &work->job_json, &work->failure) < 0 ||
        tree_job_from_json(work->job_json, &work->job, &work->failure) < 0) {
        work->failure.reason = REASON_WORKSPACE_FAILED; /* told by the next turn */
    }
    work->previous = pool->last;
    *(pool->last != NULL ? &pool->last->next : &pool->first) = work;
    pool->last = work;
    pool_wake(pool);
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
