#include "cli/attempt_log.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/runner_record.h"
#include "specs/types.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BLOCK = 64 << 10,
    /* A runner's lock goes a moment after the event that tells of its end. */
    LOOK_AGAIN_MS = 200,
    LOOKS_AFTER_NEWS = 5,
    QUIET_MS = 5000, /* for what the kernel does not tell of */
    MAX_NAME = 32,
};

void attempt_log_init(struct attempt_log *log)
{
    *log = (struct attempt_log){.tasks_fd = -1, .dir_fd = -1, .watch_fd = -1, .fd = -1};
}

void attempt_log_done(struct attempt_log *log)
{
    cleanup_close(&log->tasks_fd);
    cleanup_close(&log->dir_fd);
    cleanup_close(&log->watch_fd);
    cleanup_close(&log->fd);
    free(log->id);
    attempt_log_init(log);
}

static char *log_name(const struct attempt_log *log, char name[MAX_NAME])
{
    snprintf(name, MAX_NAME, "%u.log", log->attempt);
    return name;
}

/* "<tasks>/<id>/<n>.log" in its parts; -1: it is no such path. */
static int split_path(const char *path, struct attempt_log *log, char **ret_tasks)
{
    const char *file = strrchr(path, '/'), *id;
    auto_free char *dir = file == NULL ? NULL : xstrndup(path, (size_t)(file - path));
    auto_free char *number = NULL;
    uint64_t attempt;

    if (dir == NULL || !text_has_suffix(file, ".log") || strrchr(dir, '/') == NULL) {
        return -1;
    }
    id = strrchr(dir, '/') + 1;
    number = xstrndup(file + 1, strlen(file + 1) - strlen(".log"));
    if (!object_name_is_valid(id) || parse_u64(number, &attempt) < 0 || attempt == 0 ||
        attempt > UINT32_MAX) {
        return -1;
    }
    log->id = xstrdup(id);
    log->attempt = (unsigned)attempt;
    *ret_tasks = xstrndup(dir, (size_t)(id - dir));
    return 0;
}

/* Opens the log where it is not open yet; that it is not there is no error. */
static int open_file(struct attempt_log *log, struct error *err)
{
    char name[MAX_NAME];
    struct stat info;
    auto_close int fd = -1;

    if (log->fd >= 0) {
        return 0;
    }
    fd = openat(log->dir_fd, log_name(log, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return 0;
    }
    if (fd < 0 || fstat(fd, &info) < 0) {
        return error_set_errno(err, errno, "open log %s of task %s", name, log->id);
    }
    if (!S_ISREG(info.st_mode)) {
        return error_set(err, ERROR_INVALID, "log %s of task %s is no regular file", name, log->id);
    }
    log->fd = TAKE_FD(fd);
    return 0;
}

int attempt_log_open(struct attempt_log *log, const char *path, unsigned attempt, struct error *err)
{
    auto_free char *tasks = NULL;

    if (split_path(path, log, &tasks) < 0) {
        return error_set(err, ERROR_INVALID, "\"%s\" is no log of a task", path);
    }
    log->attempt = attempt > 0 ? attempt : log->attempt;
    log->tasks_fd = open(tasks, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log->tasks_fd < 0) {
        return error_set_errno(err, errno, "open directory \"%s\"", tasks);
    }
    log->dir_fd = openat(log->tasks_fd, log->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (log->dir_fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
        return error_set(err, ERROR_INVALID, "\"%s%s\" is no directory", tasks, log->id);
    }
    if (log->dir_fd < 0) {
        return error_set_errno(err, errno, "open directory \"%s%s\"", tasks, log->id);
    }
    return open_file(log, err);
}

/*
 * Where the tail begins, behind the end of the line before so many; counts down; -1: further back.
 */
static ssize_t find_tail(const char *block, size_t len, uint64_t *lines)
{
    for (size_t i = len; i > 0; i--) {
        if (block[i - 1] == '\n' && (*lines)-- == 0) {
            return (ssize_t)i;
        }
    }
    return -1;
}

static bool ends_with_newline(const struct attempt_log *log, off_t size)
{
    char last = '\0';

    return pread(log->fd, &last, 1, size - 1) == 1 && last == '\n';
}

int attempt_log_skip_to_tail(struct attempt_log *log, uint64_t lines, struct error *err)
{
    static char block[BLOCK];
    struct stat info;
    off_t start;

    if (log->fd < 0) {
        return 0;
    }
    if (fstat(log->fd, &info) < 0) {
        return error_set_errno(err, errno, "look at the log of task %s", log->id);
    }
    log->offset = info.st_size;
    if (lines == 0 || info.st_size == 0) {
        return 0;
    }
    lines--; /* the tail begins behind the end of a line before it, and its own last end is none */
    for (off_t end = info.st_size - ends_with_newline(log, info.st_size); end > 0; end = start) {
        size_t len = end < BLOCK ? (size_t)end : BLOCK;
        ssize_t found, got;

        start = end - (off_t)len;
        got = pread(log->fd, block, len, start);
        if (got < 0) {
            return error_set_errno(err, errno, "read the log of task %s", log->id);
        }
        found = find_tail(block, (size_t)got, &lines);
        if (found >= 0) {
            log->offset = start + found;
            return 0;
        }
    }
    log->offset = 0;
    return 0;
}

int attempt_log_copy(struct attempt_log *log, int out_fd, struct error *err)
{
    static char block[BLOCK];

    if (open_file(log, err) < 0) {
        return -1;
    }
    while (log->fd >= 0) {
        ssize_t got = pread(log->fd, block, sizeof(block), log->offset);

        if (got < 0 && errno != EINTR) {
            return error_set_errno(err, errno, "read the log of task %s", log->id);
        }
        if (got == 0) {
            break;
        }
        if (got > 0) {
            if (file_write_all(out_fd, block, (size_t)got) < 0) {
                return error_set_errno(err, errno, "write to standard output");
            }
            log->offset += got;
        }
    }
    return 0;
}

int attempt_log_look(struct attempt_log *log, enum attempt_log_state *ret_state, struct error *err)
{
    enum runner_attempt_state state;
    struct runner_start start;
    struct runner_exit end;
    struct stat info;

    if (runner_attempt_look(log->tasks_fd, log->id, log->attempt, &state, &start, &end, err) < 0) {
        return -1;
    }
    switch (state) { /* no default: a state without a meaning does not compile */
    case RUNNER_ATTEMPT_RUNNING: *ret_state = ATTEMPT_LOG_GROWING; break;
    case RUNNER_ATTEMPT_ENDED:
    case RUNNER_ATTEMPT_LOST: *ret_state = ATTEMPT_LOG_COMPLETE; break;
    case RUNNER_ATTEMPT_ABSENT: /* or removed, which is the end of it too */
        *ret_state = log->fd >= 0 || fstat(log->dir_fd, &info) < 0 || info.st_nlink == 0
                         ? ATTEMPT_LOG_COMPLETE
                         : ATTEMPT_LOG_ABSENT;
        break;
    }
    return 0;
}

/* By the descriptor, so that it is the folder that was opened, whatever has its name now. */
static int start_watch(struct attempt_log *log, struct error *err)
{
    char path[64];

    log->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (log->watch_fd < 0) {
        return error_set_errno(err, errno, "watch the log of task %s", log->id);
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", log->dir_fd);
    if (inotify_add_watch(log->watch_fd, path,
                          IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE) < 0) {
        return error_set_errno(err, errno, "watch the log of task %s", log->id);
    }
    return 0;
}

int attempt_log_wait(struct attempt_log *log, struct error *err)
{
    struct pollfd waited = {.events = POLLIN};
    char events[4096];

    if (log->watch_fd < 0) {
        return start_watch(log, err); /* who asks now looks once more */
    }
    waited.fd = log->watch_fd;
    if (poll(&waited, 1, log->quiet_rounds < LOOKS_AFTER_NEWS ? LOOK_AGAIN_MS : QUIET_MS) < 0 &&
        errno != EINTR) {
        return error_set_errno(err, errno, "wait for the log of task %s", log->id);
    }
    log->quiet_rounds++;
    while (read(log->watch_fd, events, sizeof(events)) > 0) {
        log->quiet_rounds = 0;
    }
    return 0;
}
