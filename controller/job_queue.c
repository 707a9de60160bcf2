#include "controller/job_queue.h"

#include <assert.h>
#include <stddef.h>

/* Whatever came before it and is about the same must be over. */
static bool must_wait(const struct job_queue *queue, const struct queued_job *job)
{
    for (const struct queued_job *before = job->previous; before != NULL;
         before = before->previous) {
        if (queue->type->is_about_the_same(before, job)) {
            return true;
        }
    }
    return false;
}

static struct queued_job *next_to_start(const struct job_queue *queue)
{
    for (struct queued_job *job = queue->first; job != NULL; job = job->next) {
        if (!job->is_running && !must_wait(queue, job)) {
            return job;
        }
    }
    return NULL;
}

static void wake(struct job_queue *queue);

/* One job a turn: a start that fails calls its owner back, who may change the queue. */
static void on_turn(uv_timer_t *turn)
{
    struct job_queue *queue = turn->data;
    struct queued_job *job = queue->running < queue->concurrency ? next_to_start(queue) : NULL;

    if (job == NULL) {
        return;
    }
    wake(queue);
    if (queue->type->start(job)) {
        job->is_running = true;
        queue->running++;
    }
}

static void wake(struct job_queue *queue)
{
    if (!queue->is_closed) {
        uv_timer_start(&queue->turn, on_turn, 0, 0);
    }
}

void job_queue_init(struct job_queue *queue, uv_loop_t *loop, const struct job_queue_type *type,
                    unsigned concurrency, void *user)
{
    assert(concurrency > 0);
    *queue = (struct job_queue){.type = type, .user = user, .concurrency = concurrency};
    uv_timer_init(loop, &queue->turn);
    queue->turn.data = queue;
}

static void on_turn_closed(uv_handle_t *handle)
{
    struct job_queue *queue = handle->data;

    queue->type->on_closed(queue->user);
}

void job_queue_close(struct job_queue *queue)
{
    assert(queue->first == NULL);
    queue->is_closed = true;
    uv_close((uv_handle_t *)&queue->turn, on_turn_closed);
}

void job_queue_add(struct job_queue *queue, struct queued_job *job)
{
    assert(!queue->is_closed);
    *job = (struct queued_job){.previous = queue->last};
    *(queue->last != NULL ? &queue->last->next : &queue->first) = job;
    queue->last = job;
    wake(queue);
}

void job_queue_remove(struct job_queue *queue, struct queued_job *job)
{
    *(job->previous != NULL ? &job->previous->next : &queue->first) = job->next;
    *(job->next != NULL ? &job->next->previous : &queue->last) = job->previous;
    queue->running -= job->is_running;
    wake(queue);
}
