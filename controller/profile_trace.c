#include "controller/profile_trace.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/version.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRACK_LOOP = 1,
    TRACK_EVENTS = 2,
    TRACK_LANES = 10000, /* and on: so many for each of enum profile_lanes */
    LANES_MAX = 10000,   /* of one kind at once; what is beyond is not in the trace */
    DEPTH = 16,          /* spans within spans of which the name is known */
    US_PER_NS = 1000,
};

struct track {
    unsigned id;
    const char *category;
    unsigned depth; /* spans that have begun and not ended; 0: a lane is free */
    char *names[DEPTH];
};

struct lanes {
    struct track *tracks;
    size_t count, capacity;
    int64_t open;
};

struct profile_trace {
    struct trace_file *file;
    struct track loop;
    struct lanes kinds[PROFILE_LANES_COUNT];
    struct map causes; /* key in the queue -> why it is there, owned */
    int64_t queue_length;
};

static struct profile_trace *trace; /* NULL: there is none */

bool profile_trace_is_on(void)
{
    return trace != NULL;
}

/* --- events ----------------------------------------------------------------------------------- */

static void add(enum trace_phase phase, unsigned track, const char *category, const char *name,
                const struct trace_arg *args)
{
    trace_file_add(trace->file, &(const struct trace_event){
                                    .phase = phase,
                                    .name = name,
                                    .category = category,
                                    .at_us = clock_monotonic_ns() / US_PER_NS,
                                    .track = track,
                                    .args = args,
                                });
}

static void add_count(const char *name, int64_t value)
{
    add(TRACE_COUNTER, 0, "count", name, trace_args(trace_number("value", value)));
}

static void add_metadata(unsigned track, const char *name, const struct trace_arg *args)
{
    add(TRACE_METADATA, track, "__metadata", name, args);
}

static void add_track(unsigned track, const char *name)
{
    add_metadata(track, "thread_name", trace_args(trace_text("name", name)));
    add_metadata(track, "thread_sort_index", trace_args(trace_number("sort_index", track)));
}

/* --- spans of one track ----------------------------------------------------------------------- */

static void track_begin(struct track *track, const struct trace_arg *args, const char *format,
                        va_list list) __attribute__((format(printf, 3, 0)));

static void track_begin(struct track *track, const struct trace_arg *args, const char *format,
                        va_list list)
{
    auto_free char *name = xvasprintf(format, list);

    add(TRACE_BEGIN, track->id, track->category, name, args);
    if (track->depth < DEPTH) {
        track->names[track->depth] = TAKE(name);
    }
    track->depth++;
}

/* An end has the name of its begin: tools for one line at a time see then what ended. */
static void track_end(struct track *track, const struct trace_arg *args)
{
    auto_free char *name = NULL;

    track->depth--;
    if (track->depth < DEPTH) {
        name = TAKE(track->names[track->depth]);
    }
    add(TRACE_END, track->id, track->category, name, args);
}

/* The innermost that is open; NULL: there is none, or its name is not known. */
static const char *track_name(const struct track *track)
{
    return track->depth > 0 && track->depth <= DEPTH ? track->names[track->depth - 1] : NULL;
}

static void track_done(struct track *track)
{
    for (unsigned i = 0; i < DEPTH; i++) {
        free(track->names[i]);
    }
}

/* --- the loop --------------------------------------------------------------------------------- */

void profile_begin(const char *format, ...)
{
    va_list list;

    if (trace == NULL) {
        return;
    }
    va_start(list, format);
    track_begin(&trace->loop, NULL, format, list);
    va_end(list);
}

void profile_end(const struct trace_arg *args)
{
    if (trace != NULL && trace->loop.depth > 0) { /* else it was opened within the span */
        track_end(&trace->loop, args);
    }
}

void profile_engine_event(const char *type, const char *action, const char *name)
{
    auto_free char *text = NULL;

    if (trace == NULL) {
        return;
    }
    text = xasprintf("%s %s", type, action);
    add(TRACE_INSTANT, TRACK_EVENTS, "engine event", text, trace_args(trace_text("name", name)));
}

/* --- the queue -------------------------------------------------------------------------------- */

static void note_queue_length(size_t length)
{
    if (trace->queue_length != (int64_t)length) {
        trace->queue_length = (int64_t)length;
        add_count("keys in the queue", trace->queue_length);
    }
}

void profile_queued(const char *key, size_t queue_length)
{
    if (trace == NULL) {
        return;
    }
    free(map_put(&trace->causes, key, xstrdup_or_null(track_name(&trace->loop))));
    note_queue_length(queue_length);
}

char *profile_dequeued(const char *key, size_t queue_length)
{
    if (trace == NULL) {
        return NULL;
    }
    note_queue_length(queue_length);
    return map_remove(&trace->causes, key);
}

/* --- lanes ------------------------------------------------------------------------------------ */

static const char *kind_of_lane(enum profile_lanes kind)
{
    switch (kind) {
    case PROFILE_PLANS: return "plan";
    case PROFILE_CALLS: return "engine call";
    case PROFILE_CHILDREN: return "child process";
    case PROFILE_PROBES: return "probe";
    case PROFILE_LANES_COUNT: break;
    }
    abort();
}

static const char *counter_of_lanes(enum profile_lanes kind)
{
    switch (kind) {
    case PROFILE_PLANS: return "plans under way";
    case PROFILE_CALLS: return "engine calls in flight";
    case PROFILE_CHILDREN: return "child processes";
    case PROFILE_PROBES: return "probes under way";
    case PROFILE_LANES_COUNT: break;
    }
    abort();
}

static unsigned track_of_lane(enum profile_lanes kind, size_t index)
{
    return TRACK_LANES + (unsigned)kind * LANES_MAX + (unsigned)index;
}

static enum profile_lanes kind_of_span(profile_span span)
{
    return (enum profile_lanes)((span - TRACK_LANES) / LANES_MAX);
}

/* NULL: there is no trace, or none yet when the span began. */
static struct track *lane_of_span(profile_span span)
{
    struct lanes *lanes;
    size_t index;

    if (trace == NULL || span == 0) {
        return NULL;
    }
    lanes = &trace->kinds[kind_of_span(span)];
    index = (span - TRACK_LANES) % LANES_MAX;
    return index < lanes->count && lanes->tracks[index].depth > 0 ? &lanes->tracks[index] : NULL;
}

/* The lowest that is free; NULL: there is none. */
static struct track *take_lane(enum profile_lanes kind)
{
    struct lanes *lanes = &trace->kinds[kind];
    auto_free char *name = NULL;
    size_t index = 0;

    while (index < lanes->count && lanes->tracks[index].depth > 0) {
        index++;
    }
    if (index == LANES_MAX) {
        return NULL;
    }
    if (index == lanes->count) {
        array_grow(&lanes->tracks, lanes->count, &lanes->capacity, sizeof(*lanes->tracks));
        lanes->tracks[lanes->count++] = (struct track){
            .id = track_of_lane(kind, index),
            .category = kind_of_lane(kind),
        };
        name = xasprintf("%s %zu", kind_of_lane(kind), lanes->count);
        add_track(track_of_lane(kind, index), name);
    }
    return &lanes->tracks[index];
}

profile_span profile_span_begin(enum profile_lanes lanes, const struct trace_arg *args,
                                const char *format, ...)
{
    struct track *lane = trace != NULL ? take_lane(lanes) : NULL;
    va_list list;

    if (lane == NULL) {
        return 0;
    }
    va_start(list, format);
    track_begin(lane, args, format, list);
    va_end(list);
    add_count(counter_of_lanes(lanes), ++trace->kinds[lanes].open);
    return lane->id;
}

void profile_span_enter(profile_span span, const struct trace_arg *args, const char *format, ...)
{
    struct track *lane = lane_of_span(span);
    va_list list;

    if (lane != NULL) {
        va_start(list, format);
        track_begin(lane, args, format, list);
        va_end(list);
    }
}

void profile_span_leave(profile_span span, const struct trace_arg *args)
{
    struct track *lane = lane_of_span(span);

    if (lane != NULL && lane->depth > 1) {
        track_end(lane, args);
    }
}

void profile_span_end(profile_span *span, const struct trace_arg *args)
{
    struct track *lane = lane_of_span(*span);

    if (lane != NULL) {
        enum profile_lanes kind = kind_of_span(*span);

        while (lane->depth > 1) {
            track_end(lane, NULL);
        }
        track_end(lane, args);
        add_count(counter_of_lanes(kind), --trace->kinds[kind].open);
    }
    *span = 0;
}

/* --- the whole -------------------------------------------------------------------------------- */

int profile_trace_open(const char *path, uint64_t max_bytes, struct error *err)
{
    struct trace_file *file;
    char now[TIMESTAMP_SIZE];

    if (trace_file_open(path, max_bytes, &file, err) < 0) {
        return -1;
    }
    trace = xcalloc(1, sizeof(*trace));
    trace->file = file;
    trace->loop = (struct track){.id = TRACK_LOOP, .category = "loop"};
    add_metadata(TRACK_LOOP, "process_name", trace_args(trace_text("name", "berth")));
    add_track(TRACK_LOOP, "loop");
    add_track(TRACK_EVENTS, "engine events");
    add(TRACE_INSTANT, TRACK_LOOP, "loop", "the trace begins",
        trace_args(trace_text("time", timestamp_format(clock_wall_ms(), now)),
                   trace_text("version", BERTH_VERSION)));
    return 0;
}

static void free_trace(struct profile_trace *over)
{
    track_done(&over->loop);
    for (int kind = 0; kind < PROFILE_LANES_COUNT; kind++) {
        for (size_t i = 0; i < over->kinds[kind].count; i++) {
            track_done(&over->kinds[kind].tracks[i]);
        }
        free(over->kinds[kind].tracks);
    }
    for (struct map_entry *at = map_first(&over->causes); at != NULL; at = map_next(at)) {
        free(map_value(at));
    }
    map_done(&over->causes);
    free(over);
}

/* No more of it, for a reason that err has, or because the file is full. */
static void stop(const struct error *err)
{
    struct error unwritten = {0};
    struct profile_trace *over = TAKE(trace);
    bool is_full = trace_file_is_full(over->file);

    if (trace_file_close(over->file, &unwritten) < 0 && err == NULL) {
        err = &unwritten;
    }
    if (err != NULL) {
        log_fields(LOG_WARN, "profile_trace_ended", "error", err->message, NULL);
    } else if (is_full) {
        log_fields(LOG_WARN, "profile_trace_ended", "cause", "its file is at its ceiling", NULL);
    }
    free_trace(over);
}

void profile_trace_flush(void)
{
    struct error err = {0};

    if (trace == NULL) {
        return;
    }
    if (trace_file_flush(trace->file, &err) < 0) {
        stop(&err);
    } else if (trace_file_is_full(trace->file)) {
        stop(NULL);
    }
}

void profile_trace_close(void)
{
    if (trace == NULL) {
        return;
    }
    while (trace->loop.depth > 0) {
        profile_end(NULL);
    }
    for (unsigned kind = 0; kind < PROFILE_LANES_COUNT; kind++) {
        for (size_t i = 0; i < trace->kinds[kind].count; i++) {
            profile_span span = track_of_lane((enum profile_lanes)kind, i);

            profile_span_end(&span, trace_args(trace_flag("unfinished", true)));
        }
    }
    stop(NULL);
}
