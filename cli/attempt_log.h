/*
 * The log of one attempt of a task, as its runner writes it (clients/runner_record.h), for reading.
 *
 * The folder is also the container's, whose root may put anything there: no link is followed out of
 * it, and nothing but a regular file is read. However long the log is, no more than a part of it is
 * in memory.
 */
#ifndef BERTH_CLI_ATTEMPT_LOG_H
#define BERTH_CLI_ATTEMPT_LOG_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct attempt_log {
    int tasks_fd, dir_fd, watch_fd; /* -1: not open, as the next */
    int fd;
    char *id;
    unsigned attempt;
    off_t offset; /* what was shown */
    unsigned quiet_rounds;
};

void attempt_log_init(struct attempt_log *log);
void attempt_log_done(struct attempt_log *log);

/*
 * path: of any attempt's log, ".../<task's id>/<n>.log"; attempt: which one, 0: that one.
 * ERROR_NOT_FOUND: the task's folder is gone; that there is no log in it (yet) is no error.
 */
int attempt_log_open(struct attempt_log *log, const char *path, unsigned attempt,
                     struct error *err);

/* The last lines only; a last one without an end counts. */
int attempt_log_skip_to_tail(struct attempt_log *log, uint64_t lines, struct error *err);

/* Copies what is there and was not shown. */
int attempt_log_copy(struct attempt_log *log, int out_fd, struct error *err);

enum attempt_log_state {
    ATTEMPT_LOG_ABSENT, /* neither log nor records */
    ATTEMPT_LOG_GROWING,
    ATTEMPT_LOG_COMPLETE, /* the attempt is over: nothing will be written any more */
};

int attempt_log_look(struct attempt_log *log, enum attempt_log_state *ret_state, struct error *err);

/* Waits until there may be something new. From its first call on nothing is missed. */
int attempt_log_wait(struct attempt_log *log, struct error *err);

#endif
