/*
 * The log of an attempt: everything the command and its children write, up to a ceiling.
 *
 * Past the ceiling one line says so and the rest is dropped; on a full disk what does not fit is
 * dropped, a line says that something is missing as soon as there is room again, and writing goes
 * on. The command never waits or fails because of its log.
 */
#ifndef BERTH_CONTROLLER_RUNNER_TASK_LOG_H
#define BERTH_CONTROLLER_RUNNER_TASK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct task_log {
    int fd;
    uint64_t max_len; /* of the command's bytes; lines of ours come on top */
    uint64_t copied_len;
    off_t size; /* of the file */
    bool is_mid_line;
    bool has_gap; /* something is missing at the end, and no line says so yet */
    bool is_limit_marked;
    bool is_truncated; /* something was dropped */
};

/* Opens or creates the file, which must be a regular one. -1 with errno. */
int task_log_open(struct task_log *log, int dir_fd, const char *name, uint64_t max_len);

void task_log_write(struct task_log *log, const char *bytes, size_t len);

/* Brings it to the disk, as far as that can be done, and closes it. */
void task_log_close(struct task_log *log);

#endif
