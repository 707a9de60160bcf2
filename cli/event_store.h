/*
 * The controller's history as a command reads it (specs/event.h): no controller is needed, and one
 * that writes, or that turns the files over at this very moment, does no harm.
 */
#ifndef BERTH_CLI_EVENT_STORE_H
#define BERTH_CLI_EVENT_STORE_H

#include "base/error.h"
#include "base/map.h"
#include "specs/event.h"

#include <jansson.h>
#include <sys/types.h>

/* Events by time, newest last, each series once, as often as it was until now. */
struct event_list {
    struct event *items; /* texts are those of lines */
    size_t count, capacity;
    json_t *lines;
};

void event_list_done(struct event_list *list);

/* What was read already. Zeroed: nothing. */
struct event_feed {
    ino_t inode;
    off_t offset;
};

/*
 * What has come since the last call; the first one reads all there is. That no controller has
 * written any yet is an empty list. A line that is none, or not whole yet, is left out.
 */
int event_feed_read(struct event_feed *feed, const char *state_dir, struct event_list *ret_list,
                    struct error *err);

/* Which events. Zeroed: all. */
struct event_filter {
    const char *kind, *name; /* case of the kind does not count; NULL: any */
    int64_t since_wall_ms;
    bool has_normal, has_warning; /* neither: both */
};

bool event_filter_takes(const struct event_filter *filter, const struct event *event);

/* "3m", "12s (x4 over 10m)" */
enum { EVENT_AGE_SIZE = 96 };
const char *event_age(const struct event *event, char text[EVENT_AGE_SIZE]);

#endif
