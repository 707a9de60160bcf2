/*
 * The history that commands read without the controller: events, appended to two files of the state
 * directory in turn (specs/event.h).
 *
 * What repeats within EVENT_WINDOW_MS is one series, so that a crash loop does not flood: its first
 * event is written at once, its repeats the more rarely the longer it lasts (an eighth of its age,
 * at most ten minutes). Of more than EVENT_VARIANTS messages for one object and reason the further
 * ones are one series too, with the latest message. Writing never waits for the disk, and a disk
 * that is full or read-only costs events and nothing else: up to EVENT_PENDING_MAX bytes are kept
 * for later, what is beyond is counted, and told when there is room again.
 */
#ifndef BERTH_CONTROLLER_EVENT_JOURNAL_H
#define BERTH_CONTROLLER_EVENT_JOURNAL_H

#include "base/error.h"
#include "base/map.h"
#include "base/strbuf.h"
#include "specs/event.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    EVENT_WINDOW_MS = 10 * 60 * 1000,
    EVENT_VARIANTS = 8,
    EVENT_SERIES_MAX = 1024, /* that are remembered */
    EVENT_PENDING_MAX = 256 << 10,
};

struct event_series;

struct event_journal {
    char *path, *old_path;
    struct map
        series; /* "kind/name reason type" -> struct event_series, the one met longest ago first */
    struct strbuf pending;
    int64_t started_wall_ms; /* part of the names of series, so that no other start has the same */
    uint64_t next_series;
    unsigned lost;
};

void event_journal_init(struct event_journal *journal, const char *directory, int64_t now_wall_ms);
void event_journal_done(struct event_journal *journal); /* writes nothing */

/* count, times and series of the event do not matter. */
void event_journal_add(struct event_journal *journal, const struct event *event,
                       int64_t now_wall_ms);

/*
 * Repeats that are due to be told again are written with the next flush; is_end: all that were not
 * told.
 */
void event_journal_settle(struct event_journal *journal, int64_t now_wall_ms, bool is_end);

/* Writes what is pending; ERROR: it stays pending. */
int event_journal_flush(struct event_journal *journal, int64_t now_wall_ms, struct error *err);

#endif
