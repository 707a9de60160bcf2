/*
 * Decoders for bodies that come in pieces: events, pull progress, multiplexed logs.
 *
 * Each is fed bytes as they arrive, at any boundary, and calls back per whole item. Work is
 * linear in the number of bytes and memory has a ceiling, whatever the bytes are.
 */
#ifndef BERTH_CLIENTS_DOCKER_STREAM_H
#define BERTH_CLIENTS_DOCKER_STREAM_H

#include "base/error.h"
#include "base/strbuf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DOCKER_MAX_LINE = 1 << 20 };

/*
 * JSON objects and arrays one after another (with or without newlines between, RFC 7464 RS bytes
 * skipped).
 */
struct json_lines {
    struct strbuf pending; /* the begun value: what came of it in earlier pieces */
    size_t depth;          /* of braces and brackets, outside of strings */
    bool is_in_string, is_escaped;
};

/* The value is borrowed for the duration of the call, which must not feed or end the decoder. */
typedef void json_value_fn(void *user, const json_t *value);

void json_lines_init(struct json_lines *lines);
void json_lines_done(struct json_lines *lines);
/*
 * -1 (TRANSIENT, EngineError): something that is no JSON, or a value over DOCKER_MAX_LINE.
 * Nothing can follow then: the decoder is good for json_lines_done() only. Values before the
 * fault have been handed out.
 */
int json_lines_feed(struct json_lines *lines, const char *bytes, size_t len,
                    json_value_fn *on_value, void *user, struct error *err);
/* Whether a value has begun and not ended: the stream was cut when nothing more comes. */
bool json_lines_is_within_value(const struct json_lines *lines);

/* What an event says: look at this again. Texts are borrowed from the value. */
struct docker_event {
    const char *type;   /* "container", "network", ... */
    const char *action; /* "die", "health_status: healthy", ... */
    const char *id;
    const char *name;         /* Actor.Attributes.name, or NULL */
    const json_t *attributes; /* labels and others, or NULL */
    int64_t time_ns;          /* 0: not told */
};

/* -1: not an event (no Type, Action or Actor.ID). */
int docker_parse_event(const json_t *value, struct docker_event *ret_event);

/*
 * Progress of a pull over its layers (of an import too: it has none, but its errors come the same
 * way).
 */
struct docker_pull {
    struct json_lines lines;
    json_t *layers;                      /* id -> [current, total] */
    char *error;                         /* text of errorDetail, on one line, or NULL */
    uint64_t current_bytes, total_bytes; /* over the layers whose size is known */
};

void docker_pull_init(struct docker_pull *pull);
void docker_pull_done(struct docker_pull *pull);
int docker_pull_feed(struct docker_pull *pull, const char *bytes, size_t len, struct error *err);
/*
 * Whether the finished stream was a success. An error inside the 200 stream is TRANSIENT
 * ImagePullFailed, or NOT_FOUND ImageNotFound where the registry has no such image; a stream that
 * ends within a value is ImagePullFailed too.
 */
int docker_pull_finish(const struct docker_pull *pull, const char *image, struct error *err);
/* 0..100 of the bytes known so far; it may fall when another layer's size becomes known. */
unsigned docker_pull_percent(const struct docker_pull *pull);
/* Whether an engine's text says that the registry has no such image (or does not show it to us). */
bool docker_pull_is_unknown(const char *text);

/*
 * Appends a whole logs body (8-byte frames, or raw for a TTY) to the array lines as strings: the
 * last max_lines lines (1 and on), each on one line of clean text of at most max_line bytes
 * (docker_text_clean). Lines of the two streams stay in the order in which they ended. A frame
 * that is cut off gives what is there of it.
 */
void docker_logs_to_lines(const char *body, size_t len, size_t max_lines, size_t max_line,
                          json_t *lines);

#endif
