#include "cli/event_store.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/documents.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_MAX = 4 * EVENTS_FILE_MAX }; /* of one file, whoever wrote it */

void event_list_done(struct event_list *list)
{
    json_decref(list->lines);
    free(list->items);
    *list = (struct event_list){0};
}

/* --- lines ------------------------------------------------------------------------------------ */

/* The place of an event in the list, plus one; 0: its series is not there yet. */
static size_t place_of(const struct map *series, const struct event *event)
{
    return event->series == NULL ? 0 : (size_t)map_get(series, event->series);
}

/* A series counts where it was told last; what was told of it before goes with forget_told(). */
static void add_event(struct event_list *list, struct map *series, const struct event *event)
{
    size_t place = place_of(series, event);

    if (place > 0 && list->items[place - 1].count > event->count) {
        return; /* the same file was read twice, as it was turned over */
    }
    if (place > 0) {
        list->items[place - 1].count = 0;
    }
    array_grow(&list->items, list->count, &list->capacity, sizeof(*list->items));
    list->items[list->count++] = *event;
    if (event->series != NULL) {
        map_put(series, event->series, (void *)list->count); /* no pointer: its place plus one */
    }
}

static void forget_told(struct event_list *list)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].count > 0) {
            list->items[count++] = list->items[i];
        }
    }
    list->count = count;
}

static void add_line(struct event_list *list, struct map *series, const char *line, size_t len)
{
    json_auto_t *json = json_loadb(line, len, 0, NULL);
    struct event event;

    if (event_from_json(json, &event) == 0) {
        json_array_append(list->lines, json);
        add_event(list, series, &event);
    }
}

/* Returns how much of it were whole lines. */
static size_t add_text(struct event_list *list, struct map *series, const char *text, size_t len)
{
    size_t used = 0;
    const char *end;

    while ((end = memchr(text + used, '\n', len - used)) != NULL) {
        size_t line_len = (size_t)(end - text) - used;

        add_line(list, series, text + used, line_len);
        used += line_len + 1;
    }
    return used;
}

/* Where they came at one time, in the order in which they were written. */
static void sort_by_time(struct event_list *list)
{
    for (size_t i = 1; i < list->count; i++) { /* almost in order already */
        struct event event = list->items[i];
        size_t at = i;

        for (; at > 0 && list->items[at - 1].last_wall_ms > event.last_wall_ms; at--) {
            list->items[at] = list->items[at - 1];
        }
        list->items[at] = event;
    }
}

/* --- files ------------------------------------------------------------------------------------ */

static int open_file(const char *state_dir, const char *name, struct stat *info, struct error *err)
{
    auto_free char *path = path_join(state_dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    *info = (struct stat){0};
    if (fd < 0 && errno != ENOENT) {
        return error_set_errno(err, errno, "read \"%s\"", path);
    }
    if (fd >= 0 && (fstat(fd, info) < 0 || !S_ISREG(info->st_mode))) {
        close(fd);
        return error_set(err, ERROR_INVALID, "\"%s\" is no regular file", path);
    }
    return fd; /* -1 without an error: there is none */
}

/* From an offset to its end; returns the offset behind the last whole line. */
static off_t read_file(int fd, off_t offset, struct event_list *list, struct map *series)
{
    struct stat info;
    auto_free char *text = NULL;
    size_t size, len = 0;
    ssize_t got;

    if (fstat(fd, &info) < 0) {
        return offset;
    }
    offset = offset > info.st_size ? 0 : offset;
    offset = info.st_size - offset > READ_MAX ? info.st_size - READ_MAX : offset;
    size = (size_t)(info.st_size - offset);
    text = xmalloc(size + 1);
    while (len < size && (got = pread(fd, text + len, size - len, offset + (off_t)len)) > 0) {
        len += (size_t)got;
    }
    return offset + (off_t)add_text(list, series, text, len);
}

int event_feed_read(struct event_feed *feed, const char *state_dir, struct event_list *ret_list,
                    struct error *err)
{
    struct event_list list = {.lines = json_array()};
    auto_done(map) series = {0};
    struct stat info, old_info;
    /* In this order: should the file become the old one now, both are the same, and it is seen. */
    auto_close int fd = open_file(state_dir, EVENTS_FILE, &info, err);
    auto_close int old_fd =
        err->kind == ERROR_NONE ? open_file(state_dir, EVENTS_OLD_FILE, &old_info, err) : -1;

    if (err->kind != ERROR_NONE) {
        event_list_done(&list);
        return -1;
    }
    if (old_fd >= 0 && (fd < 0 || (old_info.st_ino != info.st_ino && feed->inode != info.st_ino))) {
        off_t offset = feed->inode == old_info.st_ino ? feed->offset : 0;

        feed->offset = read_file(old_fd, offset, &list, &series);
        feed->inode = old_info.st_ino;
    }
    if (fd >= 0) {
        feed->offset = read_file(fd, feed->inode == info.st_ino ? feed->offset : 0, &list, &series);
        feed->inode = info.st_ino;
    }
    forget_told(&list);
    sort_by_time(&list);
    *ret_list = list;
    return 0;
}

/* --- events ----------------------------------------------------------------------------------- */

bool event_filter_takes(const struct event_filter *filter, const struct event *event)
{
    bool is_any_type = !filter->has_normal && !filter->has_warning;

    return (filter->kind == NULL || strcasecmp(filter->kind, event->kind) == 0) &&
           (filter->name == NULL || text_equal(filter->name, event->name)) &&
           event->last_wall_ms >= filter->since_wall_ms &&
           (is_any_type || (event->is_warning ? filter->has_warning : filter->has_normal));
}

static const char *age_of(int64_t wall_ms, char text[AGE_SIZE])
{
    char timestamp[TIMESTAMP_SIZE];

    return document_age(timestamp_format(wall_ms, timestamp), text);
}

const char *event_age(const struct event *event, char text[EVENT_AGE_SIZE])
{
    char last[AGE_SIZE], first[AGE_SIZE];

    age_of(event->last_wall_ms, last);
    if (event->count > 1) {
        snprintf(text, EVENT_AGE_SIZE, "%s (x%u over %s)", last, event->count,
                 age_of(event->first_wall_ms, first));
    } else {
        snprintf(text, EVENT_AGE_SIZE, "%s", last);
    }
    return text;
}
