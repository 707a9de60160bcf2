/*
 * A file in the Trace Event Format, which ui.perfetto.dev and chrome://tracing open: a JSON array
 * of events, a line each.
 *
 * https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 *
 * The format allows the closing bracket to be missing, and an event has its comma in front: so a
 * file whose writer was killed can be read up to the last flush, and is JSON with a "]" behind it.
 * The file never gets larger than its ceiling, and ends with whole events also on a full disk.
 * Names and texts may be anything: they are escaped, what is no UTF-8 is replaced, and what is
 * longer than TRACE_MAX_TEXT is cut, with "..." behind it. Nothing here logs: who writes asks
 * flush.
 */
#ifndef BERTH_BASE_TRACE_FILE_H
#define BERTH_BASE_TRACE_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct trace_file;

enum {
    TRACE_MAX_TEXT = 4096,
    TRACE_MAX_ARGS = 12,
    TRACE_MIN_BYTES = 1024, /* no ceiling may be lower */
};

enum trace_phase {
    TRACE_BEGIN = 'B', /* of a span; those of one track nest */
    TRACE_END = 'E',   /* of the one that began last on its track */
    TRACE_INSTANT = 'i',
    TRACE_COUNTER = 'C',  /* the args are its numbers */
    TRACE_METADATA = 'M', /* "process_name", "thread_name", "thread_sort_index" */
};

enum trace_arg_type { TRACE_TEXT, TRACE_NUMBER, TRACE_FLAG };

/* A text that is NULL is left out. */
struct trace_arg {
    const char *name; /* NULL: behind the last one */
    enum trace_arg_type type;
    const char *text;
    int64_t number;
};

/* trace_args(trace_text("path", path), trace_number("status", 201)): as long as its block lasts */
#define trace_args(...) ((const struct trace_arg[]){__VA_ARGS__, {.name = NULL}})
#define trace_text(name_, text_)                                                                   \
    ((struct trace_arg){.name = (name_), .type = TRACE_TEXT, .text = (text_)})
#define trace_number(name_, number_)                                                               \
    ((struct trace_arg){.name = (name_), .type = TRACE_NUMBER, .number = (int64_t)(number_)})
#define trace_flag(name_, is_set)                                                                  \
    ((struct trace_arg){.name = (name_), .type = TRACE_FLAG, .number = (is_set)})

struct trace_event {
    enum trace_phase phase;
    const char *name;             /* NULL: none, as an end may have */
    const char *category;         /* NULL: none */
    uint64_t at_us;               /* monotonic */
    unsigned track;               /* "tid" */
    const struct trace_arg *args; /* NULL: none */
};

/*
 * Makes the file anew, for its owner alone. A link is not followed, and a pipe that nobody reads is
 * an error. max_bytes is at least TRACE_MIN_BYTES.
 */
int trace_file_open(const char *path, uint64_t max_bytes, struct trace_file **ret_file,
                    struct error *err);

/* Nothing once the ceiling was met or a write has failed. */
void trace_file_add(struct trace_file *file, const struct trace_event *event);

/* Puts what was added into the file. -1: that failed, now or before, and the file grows no more. */
int trace_file_flush(struct trace_file *file, struct error *err);

/* The next event would have passed the ceiling; the last one in the file says so. */
bool trace_file_is_full(const struct trace_file *file);

/* Ends the array. -1: not all is in the file; it is closed in any case. */
int trace_file_close(struct trace_file *file, struct error *err);

#endif
