/*
 * The records that a task's runner leaves beside its log, and how they are read from the host.
 *
 * The runner (controller/runner/) is a static program in the container. An attempt n of a task
 * leaves three files in the task's directory, which is /.berth/tasks/<task> in the container and
 * run/tasks/<task> of the repository's state on the host; attempts count from 1:
 *
 *     <n>.start   complete and locked (flock, exclusive) before it gets this name, which is before
 *     the
 *                 command starts; locked until the runner ends, whatever ends it
 *     <n>.log     what the command and its children wrote, standard output and error in their order
 *     <n>.exit    renamed into place when nothing of the attempt runs any more
 *
 * An attempt that has one of <n>.start and <n>.exit is never run again: a second runner ends with
 * status 75 and runs nothing. The controller makes the directory; without it the runner ends with
 * 74 and runs nothing. Names that start with a dot are files in the making.
 *
 * inotify on the directory tells of all this, and also of a runner's violent end: its records are
 * open for writing while it lives (IN_CLOSE_WRITE, under a name with a dot). The lock may go a
 * moment after that event, and after the runner's process: who looks at once looks again.
 *
 * Attempts are independent of each other: each has its three files and its own lock, and none looks
 * at another's.
 *
 * A record is lines of "key=value" (clients/record_text.h). In <n>.start: version=1, pid,
 * started_ms and guard (landlock none). In <n>.exit: version=1, outcome (exited timed-out stopped
 * not-started), exit_code, signal, started_ms, finished_ms, log_truncated (0 or 1), oom (0 or 1,
 * left out where it cannot be known) and message. Without guard and oom, which are younger, a
 * record is as good.
 *
 * Whoever is root in the container can write there, hold the lock, or put anything under these
 * names: readers follow no link, open nothing but regular files, read no more than 64 KiB, never
 * wait, and believe nothing further than the task itself is concerned.
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
    int64_t pid; /* of the runner in the container's pid namespace */
    int64_t started_wall_ms;
    bool is_guarded; /* what it may not write to is out of its reach; see runner/guard.h */
};

enum runner_outcome {
    RUNNER_EXITED,      /* the command ended by itself (exit_code, or 128 + signal) */
    RUNNER_TIMED_OUT,   /* told to end at its timeout, and killed after the grace */
    RUNNER_STOPPED,     /* the same because the runner was told to stop */
    RUNNER_NOT_STARTED, /* command missing (127); not executable, no such user or directory (126) */
};

struct runner_exit {
    enum runner_outcome outcome;
    int64_t exit_code; /* 0..255, of the command however it came to its end */
    int64_t signal;    /* that ended the command; 0: none */
    int64_t started_wall_ms;
    int64_t finished_wall_ms; /* by a clock that may have been set back in between */
    bool is_log_truncated;
    /*
     * The kernel killed a process for memory in the container while the command ran, and the
     * command failed by itself. Where tasks share a container it may have been another one's
     * process.
     */
    bool is_oom_killed;
    char message[256]; /* "exec \"mkae\": no such file or directory", or ""; always clean UTF-8 */
};

/* ERROR_INVALID: damaged. */
int runner_start_parse(const char *text, size_t len, struct runner_start *ret, struct error *err);
int runner_exit_parse(const char *text, size_t len, struct runner_exit *ret, struct error *err);

enum runner_attempt_state {
    RUNNER_ATTEMPT_ABSENT,  /* no record, or no directory: the command has not run */
    RUNNER_ATTEMPT_RUNNING, /* started, the runner holds its lock */
    RUNNER_ATTEMPT_ENDED,   /* an exit record is there */
    RUNNER_ATTEMPT_LOST,    /* started, no exit record, and the runner is gone */
};

/*
 * Looks at an attempt's records below tasks_fd/<task>/ (tasks_fd: an open directory on the host;
 * task: a valid object name).
 *
 * A damaged start record, or something else in its place or in the directory's, reads as LOST. A
 * damaged exit record counts as none. ret_start is filled in for RUNNING and ENDED, and for LOST
 * where it can be read; ret_exit for ENDED; what is not filled in is zeroed. ENDED without a
 * readable start record has the exit record's started_wall_ms and pid 0.
 *
 * -1: it could not be found out (ERROR_TRANSIENT: too many open files, the disk); the state says
 * nothing.
 */
int runner_attempt_look(int tasks_fd, const char *task, unsigned attempt,
                        enum runner_attempt_state *ret_state, struct runner_start *ret_start,
                        struct runner_exit *ret_exit, struct error *err);

#endif
