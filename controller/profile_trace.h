/*
 * What `berth run --profile-trace FILE` writes: where the time of this controller goes, as a file
 * for ui.perfetto.dev (base/trace_file.h).
 *
 * Tracks: the loop's own work, as spans that nest (a pass, a scan, what a reply or an event sets
 * off, each file that is written); events of the engine, as instants; and lanes for what takes its
 * time elsewhere: plans with their actions, engine calls, child processes, probes. A span of these
 * has a lane for itself from its beginning to its end, the lowest that is free, so that there are
 * as many lanes as were ever in use at once; how many are is a counter.
 *
 * There is one trace a process, like the log, since what it tells of happens in modules that know
 * no controller. Until it is opened, and when it is over, each function is one look at a NULL
 * pointer. Only the loop's thread may call them.
 *
 * It tells names, paths, numbers and the texts that status and log have too: no bodies, no values
 * of an environment, no command lines. All is in the file at the end of each turn, in one write.
 * The file stops at PROFILE_TRACE_MAX_BYTES, and at the first write that fails: that is logged,
 * once, and the controller goes on without it.
 */
#ifndef BERTH_CONTROLLER_PROFILE_TRACE_H
#define BERTH_CONTROLLER_PROFILE_TRACE_H

#include "base/error.h"
#include "base/trace_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROFILE_TRACE_MAX_BYTES (UINT64_C(256) << 20)

enum profile_lanes {
    PROFILE_PLANS,
    PROFILE_CALLS,
    PROFILE_CHILDREN,
    PROFILE_PROBES,
    PROFILE_LANES_COUNT,
};

/* A span on a lane. 0: none, which all functions accept. */
typedef unsigned profile_span;

/* ERROR_INVALID and others: it cannot be opened. There must be none open. */
int profile_trace_open(const char *path, uint64_t max_bytes, struct error *err);
bool profile_trace_is_on(void);
void profile_trace_flush(void); /* at the end of a turn */
void profile_trace_close(void); /* ends all spans that have none yet */

/* Args, here and below, are those of trace_args(), or NULL. */

/* The loop's own work. What begins is ended by the same function, so that spans nest. */
void profile_begin(const char *format, ...) __attribute__((format(printf, 1, 2)));
void profile_end(const struct trace_arg *args);

/* Something the engine told of by itself. */
void profile_engine_event(const char *type, const char *action, const char *name);

/* What takes its time elsewhere. */
profile_span profile_span_begin(enum profile_lanes lanes, const struct trace_arg *args,
                                const char *format, ...) __attribute__((format(printf, 3, 4)));
void profile_span_end(profile_span *span, const struct trace_arg *args); /* which becomes 0 */
/* A part of it, on the same lane; parts that are not left end with it. */
void profile_span_enter(profile_span span, const struct trace_arg *args, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void profile_span_leave(profile_span span, const struct trace_arg *args);

/* The key came into the queue of so many: because of what the loop is doing at this moment. */
void profile_queued(const char *key, size_t queue_length);
/*
 * The key came out of the queue. What it was put there for, such as "engine event: container die
 * web"; the caller's. NULL: that is not known, or there is no trace.
 */
char *profile_dequeued(const char *key, size_t queue_length);

#endif
