/*
 * The records of an attempt, as the runner writes them; clients/runner_record.h says what readers
 * make of them.
 *
 * At most once: an attempt belongs to whom link(2) lets give <n>.start its name. The file is
 * complete, on disk and locked before it gets that name, so whoever sees it without its lock knows
 * that its runner is gone, and a reader that probes the lock can never be in the runner's way.
 *
 * The room for <n>.exit is taken before the attempt is: a log that fills the disk cannot cost the
 * result. Files whose names start with a dot are half-made; a killed runner leaves them behind.
 */
#ifndef BERTH_CONTROLLER_RUNNER_RECORD_H
#define BERTH_CONTROLLER_RUNNER_RECORD_H

#include "controller/runner/oom.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { RECORD_NAME_SIZE = 64 };

struct record {
    int dir_fd; /* borrowed */
    unsigned attempt;
    int lock_fd; /* the lock lives as long as this process: closed on exec, never before */
    int exit_fd; /* the room for the exit record */
    char exit_temporary[RECORD_NAME_SIZE];
    int64_t started_wall_ms;
    bool is_guarded;
};

enum record_outcome {
    RECORD_EXITED,
    RECORD_TIMED_OUT,
    RECORD_STOPPED,
    RECORD_NOT_STARTED,
};

struct record_result {
    enum record_outcome outcome;
    int exit_code;
    int signal;               /* 0: none */
    int64_t finished_wall_ms; /* when the command ended */
    bool is_log_truncated;
    enum oom_verdict oom;
    char message[256]; /* one line is made of it */
};

/* The folder of a task; -1 with errno. */
int record_open_dir(const char *dir);

/* "<attempt>.<suffix>" */
const char *record_name(unsigned attempt, const char *suffix, char name[RECORD_NAME_SIZE]);

/*
 * Creates a file in dir_fd, or opens it where flags, which are added to those of open(2), do not
 * say O_EXCL: a regular one, no link followed, mode 0644 whatever the umask says, closed on exec.
 * -1 with errno.
 */
int record_create_file(int dir_fd, const char *name, int flags);

/* Control characters become '?', so that a text of any origin is one line of a record. */
void record_clean_line(char *text);

/*
 * Replaces a file of any absolute path by one of these few bytes, mode 0644, durably. -1 with
 * errno.
 */
int record_replace(const char *path, const char *text, size_t len);

/*
 * Makes the attempt ours; is_guarded is written down with it. -1 with errno; EEXIST: it was started
 * before. Nothing is left of a failure.
 */
int record_claim(int dir_fd, unsigned attempt, bool is_guarded, struct record *ret_record);

/* Writes the exit record, durably. -1 with errno. */
int record_finish(struct record *record, const struct record_result *result);

/* Opens the start record, to read it and to ask for its lock; -1 with errno. */
int record_open_start(int dir_fd, unsigned attempt);

/* The runner's pid; -1: damaged. */
int record_read_pid(int start_fd, pid_t *ret_pid);

#endif
