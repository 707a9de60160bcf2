/*
 * Decoders for bodies that come in pieces: events, pull progress, multiplexed logs.
 *
 * Each is fed bytes as they arrive, at any boundary, and calls back per whole item. Lines and frames have ceilings;
 * what is past them is dropped and counted, or an error where nothing sane can follow.
 */
#ifndef BERTH_CLIENTS_DOCKER_STREAM_H
#define BERTH_CLIENTS_DOCKER_STREAM_H

#include "base/error.h"
#include "base/strbuf.h"

#include <jansson.h>
#include <stdint.h>

enum { DOCKER_MAX_LINE = 1 << 20 };

/* JSON values one after another (with or without newlines, RFC 7464 RS bytes skipped). */
struct json_lines {
    struct strbuf pending;
    int depth; /* of braces, outside of strings */
    bool is_in_string, is_escaped;
};

typedef void json_value_fn(void *user, const json_t *value);

void json_lines_init(struct json_lines *lines);
void json_lines_done(struct json_lines *lines);
/* -1 (TRANSIENT): something that is no JSON, or a value over DOCKER_MAX_LINE. Linear in the number of bytes fed. */
int json_lines_feed(struct json_lines *lines, const char *bytes, size_t len, json_value_fn *on_value,
                    void *user, struct error *err);

/* What an event says: look at this again. Texts are borrowed from the value. */
struct docker_event {
    const char *type;   /* "container", "network", ... */
    const char *action; /* "die", "health_status: healthy", ... */
    const char *id;
    const char *name;   /* Actor.Attributes.name, or NULL */
    const json_t *attributes; /* labels and others, or NULL */
    int64_t time_ns;
};

/* -1: not an event (no Type, Action or Actor.ID). */
int docker_parse_event(const json_t *value, struct docker_event *ret_event);

/* Progress of a pull over its layers. */
struct docker_pull {
    struct json_lines lines;
    json_t *layers; /* id -> {current, total} */
    char *error;    /* text of errorDetail, or NULL */
    uint64_t current_bytes, total_bytes;
};

void docker_pull_init(struct docker_pull *pull);
void docker_pull_done(struct docker_pull *pull);
int docker_pull_feed(struct docker_pull *pull, const char *bytes, size_t len, struct error *err);
/* Whether the finished stream was a success; an error inside the 200 stream is ImagePullFailed (ImageNotFound for unknown ones). */
int docker_pull_finish(const struct docker_pull *pull, const char *image, struct error *err);
/* 0..100 of what is known so far */
unsigned docker_pull_percent(const struct docker_pull *pull);

/* A whole logs body (8-byte frames, or raw for a TTY) as text, appended to out: at most the last max_lines lines, each cut at max_line bytes, invalid UTF-8 and control characters replaced. */
void docker_logs_to_lines(const char *body, size_t len, size_t max_lines, size_t max_line, json_t *ret_lines);

#endif
