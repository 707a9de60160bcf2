#include "controller/runner/record.h"

#include "controller/runner/runner.h"
#include "controller/runner/util.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_RECORD = 1024 }; /* both fit well: the message is the only text in them */

int record_open_dir(const char *dir)
{
    return open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

const char *record_name(unsigned attempt, const char *suffix, char name[RECORD_NAME_SIZE])
{
    snprintf(name, RECORD_NAME_SIZE, "%u.%s", attempt, suffix);
    return name;
}

/* A name that nobody else uses: pids repeat where containers share a folder. */
static void temporary_name(unsigned attempt, const char *suffix, char name[RECORD_NAME_SIZE])
{
    uint64_t number = (uint64_t)getpid() << 32 ^ util_monotonic_ms();

    (void)!getrandom(&number, sizeof(number), GRND_NONBLOCK);
    snprintf(name, RECORD_NAME_SIZE, ".%u.%s.%016" PRIx64, attempt, suffix, number);
}

/* Removes a file that is of no use any more, and closes fd unless it is -1; errno stays. */
static void discard(int dir_fd, int fd, const char *name)
{
    int number = errno;

    unlinkat(dir_fd, name, 0);
    if (fd >= 0) {
        close(fd);
    }
    errno = number;
}

int record_create_file(int dir_fd, const char *name, int flags)
{
    int fd = openat(dir_fd, name, O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags,
                    0644);
    struct stat info;

    if (fd < 0) {
        return -1;
    }
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || fchmod(fd, 0644) < 0) {
        close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

/* Some file systems cannot sync and say EINVAL: nothing better is to be had there. */
static int sync_file(int fd)
{
    return fsync(fd) < 0 && errno != EINVAL ? -1 : 0;
}

static int write_durably(int fd, const char *text, size_t len)
{
    if (util_write(fd, text, len) < len) {
        return -1;
    }
    return sync_file(fd);
}

static int reserve_exit(struct record *record)
{
    char room[MAX_RECORD];

    memset(room, '\n', sizeof(room));
    temporary_name(record->attempt, "exit", record->exit_temporary);
    record->exit_fd = record_create_file(record->dir_fd, record->exit_temporary, O_WRONLY | O_EXCL);
    if (record->exit_fd < 0) {
        return -1;
    }
    if (write_durably(record->exit_fd, room, sizeof(room)) < 0) {
        discard(record->dir_fd, record->exit_fd, record->exit_temporary);
        return -1;
    }
    return 0;
}

static int write_start(struct record *record, char temporary[RECORD_NAME_SIZE])
{
    char text[MAX_RECORD];
    int len = snprintf(text, sizeof(text), "version=%d\npid=%d\nstarted_ms=%" PRId64 "\nguard=%s\n",
                       RUNNER_VERSION, (int)getpid(), record->started_wall_ms,
                       record->is_guarded ? "landlock" : "none");

    temporary_name(record->attempt, "start", temporary);
    record->lock_fd = record_create_file(record->dir_fd, temporary, O_WRONLY | O_EXCL);
    if (record->lock_fd < 0) {
        return -1;
    }
    if (flock(record->lock_fd, LOCK_EX | LOCK_NB) < 0 ||
        write_durably(record->lock_fd, text, (size_t)len) < 0) {
        discard(record->dir_fd, record->lock_fd, temporary);
        return -1;
    }
    return 0;
}

/* The moment that decides. An exit record alone also says that the attempt has been. */
static int give_name(const struct record *record, const char *temporary)
{
    char start[RECORD_NAME_SIZE], end[RECORD_NAME_SIZE];
    struct stat info;

    record_name(record->attempt, "start", start);
    record_name(record->attempt, "exit", end);
    if (fstatat(record->dir_fd, end, &info, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return -1;
    }
    if (linkat(record->dir_fd, temporary, record->dir_fd, start, 0) < 0) {
        return -1;
    }
    if (sync_file(record->dir_fd) < 0) {
        discard(record->dir_fd, -1, start);
        return -1;
    }
    unlinkat(record->dir_fd, temporary, 0);
    return 0;
}

int record_claim(int dir_fd, unsigned attempt, bool is_guarded, struct record *ret_record)
{
    struct record record = {
        .dir_fd = dir_fd,
        .attempt = attempt,
        .lock_fd = -1,
        .exit_fd = -1,
        .started_wall_ms = util_wall_ms(),
        .is_guarded = is_guarded,
    };
    char start[RECORD_NAME_SIZE];

    if (reserve_exit(&record) < 0) {
        return -1;
    }
    if (write_start(&record, start) < 0) {
        discard(dir_fd, record.exit_fd, record.exit_temporary);
        return -1;
    }
    if (give_name(&record, start) < 0) {
        discard(dir_fd, record.lock_fd, start);
        discard(dir_fd, record.exit_fd, record.exit_temporary);
        return -1;
    }
    *ret_record = record;
    return 0;
}

void record_clean_line(char *text)
{
    for (char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f) {
            *p = '?';
        }
    }
}

static int replace_in(int dir_fd, const char *name, const char *text, size_t len)
{
    char temporary[RECORD_NAME_SIZE];
    int fd;

    temporary_name(0, "new", temporary);
    fd = record_create_file(dir_fd, temporary, O_WRONLY | O_EXCL);
    if (fd < 0) {
        return -1;
    }
    if (write_durably(fd, text, len) < 0 || renameat(dir_fd, temporary, dir_fd, name) < 0) {
        discard(dir_fd, fd, temporary);
        return -1;
    }
    close(fd);
    return sync_file(dir_fd);
}

int record_replace(const char *path, const char *text, size_t len)
{
    const char *name = strrchr(path, '/') + 1;
    char dir[PATH_MAX];
    int dir_fd, result, number;

    if (snprintf(dir, sizeof(dir), "%.*s", (int)(name - path), path) >= (int)sizeof(dir)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0) {
        return -1;
    }
    result = replace_in(dir_fd, name, text, len);
    number = errno;
    close(dir_fd);
    errno = number;
    return result;
}

static const char *outcome_word(enum record_outcome outcome)
{
    switch (outcome) { /* no default: an outcome without a word does not compile */
    case RECORD_EXITED: return "exited";
    case RECORD_TIMED_OUT: return "timed-out";
    case RECORD_STOPPED: return "stopped";
    case RECORD_NOT_STARTED: return "not-started";
    }
    abort(); /* not an outcome at all: memory is damaged */
}

/* What cannot be known is left out. */
static const char *oom_line(enum oom_verdict oom)
{
    switch (oom) {
    case OOM_UNKNOWN: return "";
    case OOM_NO: return "oom=0\n";
    case OOM_YES: return "oom=1\n";
    }
    abort(); /* not a verdict at all: memory is damaged */
}

static int format_exit(const struct record *record, const struct record_result *result,
                       char text[MAX_RECORD])
{
    char message[sizeof(result->message)];

    snprintf(message, sizeof(message), "%s", result->message);
    record_clean_line(message);
    return snprintf(text, MAX_RECORD,
                    "version=%d\noutcome=%s\nexit_code=%d\nsignal=%d\nstarted_ms=%" PRId64
                    "\nfinished_ms=%" PRId64 "\nlog_truncated=%d\n%smessage=%s\n",
                    RUNNER_VERSION, outcome_word(result->outcome), result->exit_code,
                    result->signal, record->started_wall_ms, result->finished_wall_ms,
                    result->is_log_truncated, oom_line(result->oom), message);
}

int record_finish(struct record *record, const struct record_result *result)
{
    char text[MAX_RECORD], name[RECORD_NAME_SIZE];
    int len = format_exit(record, result, text);

    record_name(record->attempt, "exit", name);
    if (lseek(record->exit_fd, 0, SEEK_SET) < 0 ||
        util_write(record->exit_fd, text, (size_t)len) < (size_t)len ||
        ftruncate(record->exit_fd, len) < 0 || sync_file(record->exit_fd) < 0 ||
        renameat(record->dir_fd, record->exit_temporary, record->dir_fd, name) < 0) {
        return -1;
    }
    return sync_file(record->dir_fd);
}

int record_open_start(int dir_fd, unsigned attempt)
{
    char name[RECORD_NAME_SIZE];

    record_name(attempt, "start", name);
    return openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int record_read_pid(int start_fd, pid_t *ret_pid)
{
    static const char key[] = "\npid=";
    char text[MAX_RECORD + 1];
    ssize_t got = pread(start_fd, text, MAX_RECORD, 0);
    uint64_t pid;
    char *value;

    if (got <= 0) {
        return -1;
    }
    text[got] = '\0';
    value = strstr(text, key);
    if (value == NULL) {
        return -1;
    }
    value += strlen(key);
    value[strcspn(value, "\n")] = '\0';
    if (util_parse_number(value, 1, INT_MAX, &pid) < 0) {
        return -1;
    }
    *ret_pid = (pid_t)pid;
    return 0;
}
