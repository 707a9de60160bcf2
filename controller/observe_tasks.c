#include "controller/controller.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/memory.h"
#include "clients/runner_record.h"
#include "controller/profile_trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

/*
 * The records of tasks are files that runners write: the kernel says when there is something to
 * read.
 */

enum { EVENT_BUFFER = 16 << 10, WATCH_KEY_SIZE = 16 };

static enum attempt_state attempt_state_from_runner(enum runner_attempt_state state)
{
    switch (state) { /* no default: a state without a counterpart does not compile */
    case RUNNER_ATTEMPT_ABSENT: return ATTEMPT_ABSENT;
    case RUNNER_ATTEMPT_RUNNING: return ATTEMPT_RUNNING;
    case RUNNER_ATTEMPT_ENDED: return ATTEMPT_ENDED;
    case RUNNER_ATTEMPT_LOST: return ATTEMPT_LOST;
    }
    abort();
}

static enum attempt_outcome outcome_from_runner(enum runner_outcome outcome)
{
    switch (outcome) {
    case RUNNER_EXITED: return OUTCOME_EXITED;
    case RUNNER_TIMED_OUT: return OUTCOME_TIMED_OUT;
    case RUNNER_STOPPED: return OUTCOME_STOPPED;
    case RUNNER_NOT_STARTED: return OUTCOME_NOT_STARTED;
    }
    abort();
}

int observe_record(int tasks_fd, const char *id, unsigned number, struct observed_attempt *ret,
                   char **message, struct error *err)
{
    struct runner_start start = {0};
    struct runner_exit end = {0};
    enum runner_attempt_state state;

    if (runner_attempt_look(tasks_fd, id, number, &state, &start, &end, err) < 0) {
        return -1;
    }
    free(*message);
    *message = xstrdup(end.message);
    *ret = (struct observed_attempt){
        .state = attempt_state_from_runner(state),
        .outcome = outcome_from_runner(end.outcome),
        .exit_code = end.exit_code,
        .is_oom_killed = end.is_oom_killed,
        .started_wall_ms = start.started_wall_ms != 0 ? start.started_wall_ms : end.started_wall_ms,
        .finished_wall_ms = end.finished_wall_ms,
        .message = *message,
    };
    return 0;
}

void observe_attempt(struct entry *task)
{
    struct entry *repository = repository_of_task(task);
    const struct status_task *status = task->status->task;
    struct observed_attempt observed = {.state = ATTEMPT_ABSENT};
    struct error err = {0};
    auto_close int fd = -1;

    if (repository == NULL || status->id == NULL) {
        task->task->attempt = observed;
        return;
    }
    fd = open(repository->repository->tasks_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT) {
        error_set_errno(&err, errno, "open \"%s\"", repository->repository->tasks_path);
    } else if (fd >= 0) {
        observe_record(fd, status->id, status->attempt > 0 ? status->attempt : 1, &observed,
                       &task->task->attempt_message, &err);
    }
    if (err.kind != ERROR_NONE) {
        log_fields(LOG_WARN, "task_records_unreadable", "key", task->key, "error", err.message,
                   NULL);
        return; /* unknown: what was seen before stands */
    }
    if (observed.state == ATTEMPT_ABSENT && status->attempt > 0 &&
        (fd < 0 || faccessat(fd, status->id, F_OK, 0) < 0)) {
        observed.state =
            ATTEMPT_LOST; /* it was to run, and where it would say so is gone: never twice */
    }
    task->task->attempt = observed;
}

void observe_watch_task(struct entry *task)
{
    struct controller *controller = task->controller;
    struct entry *repository = repository_of_task(task);
    auto_free char *path = NULL, *key = NULL;
    int descriptor;

    if (controller->tasks_inotify < 0 || repository == NULL || task->task->is_watched ||
        task->status->task->id == NULL) {
        return;
    }
    path = xasprintf("%s/%s", repository->repository->tasks_path, task->status->task->id);
    descriptor = inotify_add_watch(controller->tasks_inotify, path,
                                   IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR);
    if (descriptor < 0) {
        return; /* the task is polled while it runs */
    }
    task->task->is_watched = true;
    entry_enqueue(task); /* what was written before the watch was seen by no event */
    key = xasprintf("%d", descriptor);
    free(map_put(&controller->task_watches, key, xstrdup(task->key)));
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct controller *controller = poll->data;
    char buffer[EVENT_BUFFER] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t got;

    (void)status;
    (void)events;
    profile_begin("records of tasks");
    while ((got = read(controller->tasks_inotify, buffer, sizeof(buffer))) > 0) {
        for (char *at = buffer; at < buffer + got;) {
            const struct inotify_event *event = (const struct inotify_event *)(void *)at;
            char key[WATCH_KEY_SIZE];
            const char *task_key;
            struct entry *task;

            snprintf(key, sizeof(key), "%d", event->wd);
            task_key = map_get(&controller->task_watches, key);
            task = task_key != NULL ? entry_find(controller, task_key) : NULL;
            if (event->mask & IN_IGNORED) {
                free(map_remove(&controller->task_watches, key));
                if (task != NULL) {
                    task->task->is_watched = false;
                }
            } else if (task != NULL) {
                entry_enqueue(task);
            }
            if (event->mask & IN_Q_OVERFLOW) {
                controller_enqueue_all(controller);
            }
            at += sizeof(*event) + event->len;
        }
    }
    profile_end(NULL);
}

void observe_start_task_watch(struct controller *controller)
{
    controller->tasks_inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (controller->tasks_inotify < 0) {
        return;
    }
    uv_poll_init(&controller->loop, &controller->tasks_poll, controller->tasks_inotify);
    controller->tasks_poll.data = controller;
    uv_poll_start(&controller->tasks_poll, UV_READABLE, on_readable);
}
