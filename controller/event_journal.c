#include "controller/event_journal.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RETELL_MIN_MS = 10000, RETELL_MAX_MS = EVENT_WINDOW_MS, RETELL_PART = 8 };

struct event_series {
    char *kind, *name, *reason, *message, *id;
    bool is_warning;
    int64_t first_wall_ms, last_wall_ms, written_wall_ms;
    unsigned count;
    unsigned variants; /* how many messages its object had for its reason */
    bool is_untold;    /* it was met again since it was written */
};

static void series_free(struct event_series *series)
{
    if (series != NULL) {
        free(series->kind);
        free(series->name);
        free(series->reason);
        free(series->message);
        free(series->id);
        free(series);
    }
}

void event_journal_init(struct event_journal *journal, const char *directory, int64_t now_wall_ms)
{
    *journal = (struct event_journal){.started_wall_ms = now_wall_ms};
    journal->path = path_join(directory, EVENTS_FILE);
    journal->old_path = path_join(directory, EVENTS_OLD_FILE);
    strbuf_init(&journal->pending, EVENT_PENDING_MAX);
}

void event_journal_done(struct event_journal *journal)
{
    for (struct map_entry *at = map_first(&journal->series); at != NULL; at = map_next(at)) {
        series_free(map_value(at));
    }
    map_done(&journal->series);
    strbuf_done(&journal->pending);
    free(journal->path);
    free(journal->old_path);
    *journal = (struct event_journal){0};
}

static void write_event(struct event_journal *journal, const struct event *event)
{
    json_auto_t *json = event_to_json(event);
    auto_free char *line = json_dumps(json, JSON_COMPACT);

    if (strbuf_addf(&journal->pending, "%s\n", line) < 0) {
        journal->lost++;
    }
}

static void write_series(struct event_journal *journal, struct event_series *series,
                         int64_t now_wall_ms)
{
    struct event event = {
        .kind = series->kind,
        .name = series->name,
        .is_warning = series->is_warning,
        .reason = series->reason,
        .message = series->message,
        .series = series->id,
        .first_wall_ms = series->first_wall_ms,
        .last_wall_ms = series->last_wall_ms,
        .count = series->count,
    };

    series->is_untold = false;
    series->written_wall_ms = now_wall_ms;
    write_event(journal, &event);
}

/* A clock that was set back makes it due. */
static bool is_due(const struct event_series *series, int64_t now_wall_ms)
{
    int64_t pause_ms = (series->last_wall_ms - series->first_wall_ms) / RETELL_PART;
    int64_t waited_ms = now_wall_ms - series->written_wall_ms;

    pause_ms = pause_ms < RETELL_MIN_MS ? RETELL_MIN_MS : pause_ms;
    pause_ms = pause_ms > RETELL_MAX_MS ? RETELL_MAX_MS : pause_ms;
    return waited_ms < 0 || waited_ms >= pause_ms;
}

static bool is_over(const struct event_series *series, int64_t now_wall_ms)
{
    int64_t quiet_ms = now_wall_ms - series->last_wall_ms;

    return quiet_ms < 0 || quiet_ms > EVENT_WINDOW_MS;
}

static void forget(struct event_journal *journal, const char *key, int64_t now_wall_ms)
{
    struct event_series *series = map_remove(&journal->series, key);

    if (series != NULL && series->is_untold) {
        write_series(journal, series, now_wall_ms);
    }
    series_free(series);
}

static void begin_series(struct event_journal *journal, const char *key, const struct event *event,
                         unsigned variants, int64_t now_wall_ms)
{
    struct event_series *series = xcalloc(1, sizeof(*series));

    series->kind = xstrdup(event->kind);
    series->name = xstrdup(event->name);
    series->reason = xstrdup(event->reason);
    series->message = xstrdup(event->message);
    series->id = xasprintf("%" PRIx64 "-%" PRIu64, (uint64_t)journal->started_wall_ms,
                           ++journal->next_series);
    series->is_warning = event->is_warning;
    series->first_wall_ms = series->last_wall_ms = now_wall_ms;
    series->count = 1;
    series->variants = variants;
    if (map_count(&journal->series) >= EVENT_SERIES_MAX) {
        auto_free char *oldest = xstrdup(map_key(map_first(&journal->series)));

        forget(journal, oldest, now_wall_ms);
    }
    map_put(&journal->series, key, series);
    write_series(journal, series, now_wall_ms);
}

static void repeat_series(struct event_journal *journal, const char *key,
                          struct event_series *series, const struct event *event,
                          int64_t now_wall_ms)
{
    if (!text_equal(series->message, event->message)) {
        free(series->message);
        series->message = xstrdup(event->message);
    }
    series->count++;
    series->last_wall_ms = now_wall_ms;
    series->is_untold = true;
    map_remove(&journal->series, key); /* it is the last one that was met */
    map_put(&journal->series, key, series);
    if (is_due(series, now_wall_ms)) {
        write_series(journal, series, now_wall_ms);
    }
}

void event_journal_add(struct event_journal *journal, const struct event *event,
                       int64_t now_wall_ms)
{
    auto_free char *key = xasprintf("%s/%s %s %s", event->kind, event->name, event->reason,
                                    event_type_name(event->is_warning));
    struct event_series *series = map_get(&journal->series, key);
    unsigned variants = 1;

    if (series != NULL && !is_over(series, now_wall_ms)) {
        if (series->variants >= EVENT_VARIANTS || text_equal(series->message, event->message)) {
            repeat_series(journal, key, series, event, now_wall_ms);
            return;
        }
        variants = series->variants + 1;
    }
    forget(journal, key, now_wall_ms);
    begin_series(journal, key, event, variants, now_wall_ms);
}

void event_journal_settle(struct event_journal *journal, int64_t now_wall_ms, bool is_end)
{
    struct map_entry *next;

    for (struct map_entry *at = map_first(&journal->series); at != NULL; at = next) {
        struct event_series *series = map_value(at);

        next = map_next(at);
        if (series->is_untold && (is_end || is_due(series, now_wall_ms))) {
            write_series(journal, series, now_wall_ms);
        }
        if (is_over(series, now_wall_ms)) {
            auto_free char *key = xstrdup(map_key(at));

            forget(journal, key, now_wall_ms);
        }
    }
}

/* The file */

/*
 * A writer that was killed, or a disk that was full, may have left half a line: it gets an end, and
 * readers skip it.
 */
static bool has_torn_end(int fd, off_t size)
{
    char last;

    return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

/* All of it, or the file is as long as before. */
static int append(int fd, off_t size, const char *text, size_t len, struct error *err)
{
    ssize_t put = write(fd, text, len);
    int number = put < 0 ? errno : ENOSPC;

    if (put >= 0 && (size_t)put == len) {
        return 0;
    }
    if (put > 0 && ftruncate(fd, size) < 0) {
        number = errno; /* half a line stays: the next write ends it */
    }
    return error_set_errno(err, number, "write \"%s\"", EVENTS_FILE);
}

static void tell_lost(struct event_journal *journal, int64_t now_wall_ms)
{
    auto_free char *message =
        xasprintf("%u events were not written: there was no room for them, or the state directory "
                  "could not be written",
                  journal->lost);
    struct event event = {
        .kind = EVENT_CONTROLLER_KIND,
        .name = EVENT_CONTROLLER_NAME,
        .is_warning = true,
        .reason = "EventsLost",
        .message = message,
        .first_wall_ms = now_wall_ms,
        .last_wall_ms = now_wall_ms,
        .count = 1,
    };

    journal->lost = 0;
    write_event(journal, &event);
}

static int open_file(struct event_journal *journal, off_t *ret_size, struct error *err)
{
    auto_close int fd =
        open(journal->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    struct stat info;

    if (fd < 0 || fstat(fd, &info) < 0) {
        return error_set_errno(err, errno, "open \"%s\"", EVENTS_FILE);
    }
    if (!S_ISREG(info.st_mode)) {
        return error_set(err, ERROR_INVALID, "\"%s\" is no regular file", EVENTS_FILE);
    }
    *ret_size = info.st_size;
    return TAKE_FD(fd);
}

static int write_pending(struct event_journal *journal, struct error *err)
{
    off_t size;
    auto_close int fd = open_file(journal, &size, err);

    if (fd < 0) {
        return -1;
    }
    if (size > 0 && size + (off_t)journal->pending.len > EVENTS_FILE_MAX) {
        if (rename(journal->path, journal->old_path) < 0) {
            return error_set_errno(err, errno, "rename \"%s\"", EVENTS_FILE);
        }
        close(TAKE_FD(fd));
        fd = open_file(journal, &size, err);
        if (fd < 0) {
            return -1;
        }
    }
    if (has_torn_end(fd, size)) {
        auto_free char *text = xasprintf("\n%s", strbuf_text(&journal->pending));

        return append(fd, size, text, journal->pending.len + 1, err);
    }
    return append(fd, size, strbuf_text(&journal->pending), journal->pending.len, err);
}

int event_journal_flush(struct event_journal *journal, int64_t now_wall_ms, struct error *err)
{
    if (journal->pending.len == 0 && journal->lost == 0) {
        return 0;
    }
    if (journal->pending.len > 0) {
        if (write_pending(journal, err) < 0) {
            return -1;
        }
        strbuf_done(&journal->pending); /* many come at once, and then none for long */
        strbuf_init(&journal->pending, EVENT_PENDING_MAX);
    }
    if (journal->lost > 0) {
        tell_lost(journal, now_wall_ms);
        return event_journal_flush(journal, now_wall_ms, err);
    }
    return 0;
}
