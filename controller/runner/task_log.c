#include "controller/runner/task_log.h"

#include "controller/runner/record.h"
#include "controller/runner/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int task_log_open(struct task_log *log, int dir_fd, const char *name, uint64_t max_len)
{
    struct stat info;
    int fd = record_create_file(dir_fd, name, O_WRONLY | O_APPEND);

    if (fd < 0) {
        return -1;
    }
    if (fstat(fd, &info) < 0) {
        close(fd);
        return -1;
    }
    *log = (struct task_log){.fd = fd, .max_len = max_len, .size = info.st_size};
    return 0;
}

/* A line of ours is there as a whole or not at all. */
static int write_line(struct task_log *log, const char *text)
{
    char line[160];
    int len = snprintf(line, sizeof(line), "%s[berth: %s]\n", log->is_mid_line ? "\n" : "", text);

    if (util_write(log->fd, line, (size_t)len) < (size_t)len) {
        (void)!ftruncate(log->fd, log->size);
        return -1;
    }
    log->size += len;
    log->is_mid_line = false;
    return 0;
}

/* Says what is missing so far; -1 when there is still no room for that. */
static int close_gap(struct task_log *log)
{
    if (log->has_gap &&
        write_line(log, "the log could not be written, output is missing here") < 0) {
        return -1;
    }
    log->has_gap = false;
    return 0;
}

static void write_bytes(struct task_log *log, const char *bytes, size_t len)
{
    size_t written = util_write(log->fd, bytes, len);

    log->size += (off_t)written;
    log->copied_len += written;
    if (written > 0) {
        log->is_mid_line = bytes[written - 1] != '\n';
    }
    if (written < len) {
        log->has_gap = true;
        log->is_truncated = true;
    }
}

static void mark_limit(struct task_log *log)
{
    char text[128];

    snprintf(text, sizeof(text), "log limit of %" PRIu64 " bytes reached, the rest is dropped",
             log->max_len);
    log->is_limit_marked = write_line(log, text) == 0;
}

void task_log_write(struct task_log *log, const char *bytes, size_t len)
{
    uint64_t room = log->max_len - log->copied_len;

    if (len == 0) {
        return;
    }
    if (close_gap(log) < 0) {
        log->is_truncated = true;
        return;
    }
    if (room > 0) {
        write_bytes(log, bytes, len < room ? len : (size_t)room);
    }
    if (len > room && !log->has_gap) {
        log->is_truncated = true;
        if (!log->is_limit_marked) {
            mark_limit(log);
        }
    }
}

void task_log_close(struct task_log *log)
{
    if (log->has_gap) {
        close_gap(log);
    }
    fdatasync(log->fd);
    close(log->fd);
    log->fd = -1;
}
