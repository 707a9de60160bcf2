/*
 * Jobs in order of arrival, a few at a time, for pools of child processes.
 *
 * A job is a struct with a struct queued_job as its first member. Jobs are started from the loop,
 * never from within a caller. A job waits as long as one that came before it is about the same
 * thing; others go ahead of it meanwhile.
 */
#ifndef BERTH_CONTROLLER_JOB_QUEUE_H
#define BERTH_CONTROLLER_JOB_QUEUE_H

#include <stdbool.h>
#include <uv.h>

struct queued_job {
    struct queued_job *previous, *next;
    bool is_running;
};

struct job_queue_type {
    bool (*is_about_the_same)(const struct queued_job *a, const struct queued_job *b);
    /* True: it runs until it is removed. Otherwise it was removed within the call. */
    bool (*start)(struct queued_job *job);
    void (*on_closed)(void *user);
};

struct job_queue {
    const struct job_queue_type *type;
    void *user;
    uv_timer_t turn;
    struct queued_job *first, *last;
    unsigned running, concurrency;
    bool is_closed;
};

/* concurrency is at least 1. */
void job_queue_init(struct job_queue *queue, uv_loop_t *loop, const struct job_queue_type *type,
                    unsigned concurrency, void *user);
/* The queue must be empty and stay so; on_closed(user) tells when its memory may go. */
void job_queue_close(struct job_queue *queue);

void job_queue_add(struct job_queue *queue, struct queued_job *job);
/* Its place is free for the next one. */
void job_queue_remove(struct job_queue *queue, struct queued_job *job);

#endif
