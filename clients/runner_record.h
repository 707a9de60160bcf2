/*
 * The records that a task's runner leaves beside its log, and how it is called.
 *
 * In the task's directory (/.berth/tasks/<task> inside the container, run/tasks/<task> of the repository's state
 * on the host) an attempt n has: <n>.start (created exclusively by the runner before the command starts, locked with flock
 * while the runner lives), <n>.log, <n>.exit (renamed into place when the command ended). Lines are "key=value".
 * A container can write there: readers trust nothing in them.
 */
#ifndef BERTH_CLIENTS_RUNNER_RECORD_H
#define BERTH_CLIENTS_RUNNER_RECORD_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNNER_DIRECTORY "/.berth"
#define RUNNER_PATH "/.berth/runner"
#define RUNNER_TASKS "/.berth/tasks"

struct runner_start {
    int64_t pid;             /* of the runner in the container's pid namespace */
    int64_t started_wall_ms;
};

enum runner_outcome {
    RUNNER_EXITED,      /* the command ended by itself (exit_code, or 128 + signal) */
    RUNNER_TIMED_OUT,   /* killed at its timeout */
    RUNNER_STOPPED,     /* ended because the runner was told to stop */
    RUNNER_NOT_STARTED, /* command missing (127) or not executable (126), no such user or directory */
};

struct runner_exit {
    enum runner_outcome outcome;
    int64_t exit_code;       /* 0..255 */
    int64_t signal;          /* 0: none */
    int64_t started_wall_ms, finished_wall_ms;
    bool is_log_truncated;
    char message[256];       /* "exec \"mkae\": no such file or directory", or "" */
};

/* ERROR_INVALID: damaged. */
int runner_start_parse(const char *text, size_t len, struct runner_start *ret, struct error *err);
int runner_exit_parse(const char *text, size_t len, struct runner_exit *ret, struct error *err);

enum runner_attempt_state {
    RUNNER_ATTEMPT_ABSENT,  /* no start record: the command has not run */
    RUNNER_ATTEMPT_RUNNING, /* started, the runner holds its lock */
    RUNNER_ATTEMPT_ENDED,   /* an exit record is there */
    RUNNER_ATTEMPT_LOST,    /* started, no exit record, and the runner is gone */
};

/*
 * Looks at an attempt's files below tasks_fd/<task>/ (an open directory on the host) without following links or blocking. ret_start and ret_exit are
 * filled as far as the state says. Damaged records read as LOST.
 */
int runner_attempt_look(int tasks_fd, const char *task, unsigned attempt,
                        enum runner_attempt_state *ret_state, struct runner_start *ret_start,
                        struct runner_exit *ret_exit, struct error *err);

#endif
