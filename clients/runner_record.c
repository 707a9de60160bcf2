#include "clients/runner_record.h"

#include "base/cleanup.h"
#include "clients/record_text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_RECORD = 64 * 1024,
    MAX_EXIT_CODE = 255,
    MAX_SIGNAL = 127,
    RECORD_VERSION = 1,
};

#define MAX_PID INT64_C(0x7fffffff)
#define MAX_WALL_MS INT64_C(253402300799999) /* the end of the year 9999 */

/* --- parsing --- */

static const char *outcome_word(enum runner_outcome outcome)
{
    switch (outcome) { /* no default: an outcome without a word does not compile */
    case RUNNER_EXITED: return "exited";
    case RUNNER_TIMED_OUT: return "timed-out";
    case RUNNER_STOPPED: return "stopped";
    case RUNNER_NOT_STARTED: return "not-started";
    }
    return "";
}

static int field_outcome(const struct record_field *field, enum runner_outcome *ret_outcome,
                         struct error *err)
{
    for (int outcome = RUNNER_EXITED; outcome <= RUNNER_NOT_STARTED; outcome++) {
        if (record_field_is(field, outcome_word((enum runner_outcome)outcome))) {
            *ret_outcome = (enum runner_outcome)outcome;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID, "\"%s\" is none of exited timed-out stopped not-started",
                     field->key);
}

static int field_guard(const struct record_field *field, bool *ret_is_guarded, struct error *err)
{
    bool is_guarded = record_field_is(field, "landlock");

    if (field->is_seen && !is_guarded && !record_field_is(field, "none")) {
        return error_set(err, ERROR_INVALID, "\"%s\" is none of landlock none", field->key);
    }
    *ret_is_guarded = is_guarded;
    return 0;
}

/* 0 or 1; 0 where an optional one is not there. */
static int field_flag(const struct record_field *field, bool *ret_value, struct error *err)
{
    int64_t value = 0;

    if (field->is_seen && record_field_number(field, 0, 1, &value, err) < 0) {
        return -1;
    }
    *ret_value = value == 1;
    return 0;
}

int runner_start_parse(const char *text, size_t len, struct runner_start *ret, struct error *err)
{
    enum { VERSION, PID, STARTED, GUARD, COUNT };
    struct record_field fields[COUNT] = {
        [VERSION] = {.key = "version"},
        [PID] = {.key = "pid"},
        [STARTED] = {.key = "started_ms"},
        [GUARD] = {.key = "guard", .is_optional = true},
    };
    struct runner_start start = {0};
    int64_t version;

    if (record_text_parse(text, len, MAX_RECORD, fields, COUNT, err) < 0 ||
        record_field_number(&fields[VERSION], RECORD_VERSION, RECORD_VERSION, &version, err) < 0 ||
        record_field_number(&fields[PID], 1, MAX_PID, &start.pid, err) < 0 ||
        record_field_number(&fields[STARTED], 0, MAX_WALL_MS, &start.started_wall_ms, err) < 0 ||
        field_guard(&fields[GUARD], &start.is_guarded, err) < 0) {
        return error_wrap(err, "start record");
    }
    *ret = start;
    return 0;
}

int runner_exit_parse(const char *text, size_t len, struct runner_exit *ret, struct error *err)
{
    enum { VERSION, OUTCOME, CODE, SIGNAL, STARTED, FINISHED, TRUNCATED, OOM, MESSAGE, COUNT };
    struct record_field fields[COUNT] = {
        [VERSION] = {.key = "version"},         [OUTCOME] = {.key = "outcome"},
        [CODE] = {.key = "exit_code"},          [SIGNAL] = {.key = "signal"},
        [STARTED] = {.key = "started_ms"},      [FINISHED] = {.key = "finished_ms"},
        [TRUNCATED] = {.key = "log_truncated"}, [OOM] = {.key = "oom", .is_optional = true},
        [MESSAGE] = {.key = "message"},
    };
    struct runner_exit record = {0};
    int64_t version;

    if (record_text_parse(text, len, MAX_RECORD, fields, COUNT, err) < 0 ||
        record_field_number(&fields[VERSION], RECORD_VERSION, RECORD_VERSION, &version, err) < 0 ||
        field_outcome(&fields[OUTCOME], &record.outcome, err) < 0 ||
        record_field_number(&fields[CODE], 0, MAX_EXIT_CODE, &record.exit_code, err) < 0 ||
        record_field_number(&fields[SIGNAL], 0, MAX_SIGNAL, &record.signal, err) < 0 ||
        record_field_number(&fields[STARTED], 0, MAX_WALL_MS, &record.started_wall_ms, err) < 0 ||
        record_field_number(&fields[FINISHED], 0, MAX_WALL_MS, &record.finished_wall_ms, err) < 0 ||
        field_flag(&fields[TRUNCATED], &record.is_log_truncated, err) < 0 ||
        field_flag(&fields[OOM], &record.is_oom_killed, err) < 0) {
        return error_wrap(err, "exit record");
    }
    record_field_message(&fields[MESSAGE], record.message, sizeof(record.message));
    *ret = record;
    return 0;
}

/* --- looking --- */

enum finding {
    FOUND,
    MISSING,
    DAMAGED, /* there, and not what the runner makes */
};

/* What the container can bring about by what it puts there; everything else is trouble of ours. */
static enum finding finding_of_errno(int number, const char *what, struct error *err)
{
    switch (number) {
    case ENOENT: return MISSING;
    case ENOTDIR:
    case ELOOP:
    case EACCES:
    case EPERM: return DAMAGED;
    default: error_set_errno(err, number, "open %s", what); return DAMAGED;
    }
}

/*
 * O_PATH first, because opening a device or waking somebody who holds a lease does things: what is
 * not a regular file is looked at and never opened. DAMAGED with err set: we could not find out.
 */
static enum finding open_record(int dir_fd, const char *name, int *ret_fd, struct error *err)
{
    auto_close int path_fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    char self[64];
    struct stat info;
    int fd;

    if (path_fd < 0) {
        return finding_of_errno(errno, name, err);
    }
    if (fstat(path_fd, &info) < 0) {
        error_set_errno(err, errno, "look at %s", name);
        return DAMAGED;
    }
    if (!S_ISREG(info.st_mode)) {
        return DAMAGED;
    }
    snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
    fd = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        error_set(err, ERROR_TRANSIENT, "open %s: /proc is not mounted here", name);
        return DAMAGED;
    }
    if (fd < 0) {
        return finding_of_errno(errno, name, err);
    }
    *ret_fd = fd;
    return FOUND;
}

/* Reads up to size bytes; the text ends where the file does. */
static ssize_t read_record(int fd, char *text, size_t size, struct error *err)
{
    size_t len = 0;

    while (len < size) {
        ssize_t got = pread(fd, text + len, size - len, (off_t)len);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return error_set_errno(err, errno, "read a record");
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static enum finding look_at_exit(int dir_fd, unsigned attempt, struct runner_exit *ret_exit,
                                 struct error *err)
{
    auto_close int fd = -1;
    char name[32], text[MAX_RECORD + 1];
    struct error damage = {0};
    enum finding finding;
    ssize_t len;

    snprintf(name, sizeof(name), "%u.exit", attempt);
    finding = open_record(dir_fd, name, &fd, err);
    if (finding != FOUND) {
        return finding;
    }
    len = read_record(fd, text, sizeof(text), err);
    return len >= 0 && runner_exit_parse(text, (size_t)len, ret_exit, &damage) == 0 ? FOUND
                                                                                    : DAMAGED;
}

/* Asks for the lock without waiting, and gives it back at once. */
static int look_at_lock(int fd, bool *ret_is_held, struct error *err)
{
    if (flock(fd, LOCK_SH | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK) {
            return error_set_errno(err, errno, "ask for the lock of the start record");
        }
        *ret_is_held = true;
        return 0;
    }
    flock(fd, LOCK_UN);
    *ret_is_held = false;
    return 0;
}

static enum finding look_at_start(int dir_fd, unsigned attempt, bool *ret_is_held,
                                  struct runner_start *ret_start, struct error *err)
{
    auto_close int fd = -1;
    char name[32], text[MAX_RECORD + 1];
    struct error damage = {0};
    enum finding finding;
    ssize_t len;

    snprintf(name, sizeof(name), "%u.start", attempt);
    finding = open_record(dir_fd, name, &fd, err);
    if (finding != FOUND) {
        return finding;
    }
    len = read_record(fd, text, sizeof(text), err);
    if (len < 0 || runner_start_parse(text, (size_t)len, ret_start, &damage) < 0 ||
        look_at_lock(fd, ret_is_held, err) < 0) {
        return DAMAGED;
    }
    return FOUND;
}

struct attempt {
    enum runner_attempt_state state;
    struct runner_start start;
    struct runner_exit exit;
};

/*
 * The exit record is looked at last: a runner that ends between two looks has written it before it
 * let the lock go.
 */
static int look_at_records(int dir_fd, unsigned number, struct attempt *attempt, struct error *err)
{
    bool is_held = false;
    enum finding start = look_at_start(dir_fd, number, &is_held, &attempt->start, err);
    enum finding end;

    if (err->kind != ERROR_NONE) {
        return -1;
    }
    end = look_at_exit(dir_fd, number, &attempt->exit, err);
    if (err->kind != ERROR_NONE) {
        return -1;
    }
    if (end == FOUND) {
        attempt->state = RUNNER_ATTEMPT_ENDED;
        if (start != FOUND) {
            attempt->start =
                (struct runner_start){.started_wall_ms = attempt->exit.started_wall_ms};
        }
    } else if (start == FOUND && is_held) {
        attempt->state = RUNNER_ATTEMPT_RUNNING;
    } else if (start == MISSING && end == MISSING) {
        attempt->state = RUNNER_ATTEMPT_ABSENT;
    } else {
        attempt->state = RUNNER_ATTEMPT_LOST;
    }
    return 0;
}

int runner_attempt_look(int tasks_fd, const char *task, unsigned attempt,
                        enum runner_attempt_state *ret_state, struct runner_start *ret_start,
                        struct runner_exit *ret_exit, struct error *err)
{
    auto_close int dir_fd = -1;
    struct attempt found = {.state = RUNNER_ATTEMPT_ABSENT};

    assert(task[0] != '\0' && task[0] != '.' && strchr(task, '/') == NULL && attempt > 0);
    dir_fd = openat(tasks_fd, task, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir_fd >= 0) {
        if (look_at_records(dir_fd, attempt, &found, err) < 0) {
            return error_wrap(err, "look at attempt %u of task \"%s\"", attempt, task);
        }
    } else if (finding_of_errno(errno, "the directory", err) == DAMAGED) {
        if (err->kind != ERROR_NONE) {
            return error_wrap(err, "look at attempt %u of task \"%s\"", attempt, task);
        }
        found.state = RUNNER_ATTEMPT_LOST;
    }
    *ret_state = found.state;
    *ret_start = found.start;
    *ret_exit = found.exit;
    return 0;
}
