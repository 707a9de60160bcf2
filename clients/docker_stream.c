#include "clients/docker_stream.h"

#include <string.h>

enum { RECORD_SEPARATOR = 0x1e };

void json_lines_init(struct json_lines *lines)
{
    *lines = (struct json_lines){.pending = {.max_len = DOCKER_MAX_LINE}};
}

void json_lines_done(struct json_lines *lines)
{
    strbuf_done(&lines->pending);
    *lines = (struct json_lines){0};
}

bool json_lines_is_within_value(const struct json_lines *lines)
{
    return lines->depth > 0;
}

static int fail(struct error *err, const char *what)
{
    return error_set_reason(err, ERROR_TRANSIENT, "EngineError", "the engine's stream holds %s",
                            what);
}

static bool is_between_values(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == RECORD_SEPARATOR;
}

/* Takes one byte of a value in; true when it was the value's last. */
static bool scan(struct json_lines *lines, char byte)
{
    if (lines->is_in_string) {
        if (lines->is_escaped) {
            lines->is_escaped = false;
        } else if (byte == '\\') {
            lines->is_escaped = true;
        } else if (byte == '"') {
            lines->is_in_string = false;
        }
        return false;
    }
    switch (byte) {
    case '"': lines->is_in_string = true; return false;
    case '{':
    case '[': lines->depth++; return false;
    case '}':
    case ']': lines->depth--; return lines->depth == 0;
    default: return false;
    }
}

static int hand_out(const char *text, size_t len, json_value_fn *on_value, void *user,
                    struct error *err)
{
    json_auto_t *value = json_loadb(text, len, JSON_ALLOW_NUL, NULL);

    if (value == NULL) {
        return fail(err, "something that is no JSON");
    }
    on_value(user, value);
    return 0;
}

/* A value ended: its last len bytes are at bytes, what came before is pending. */
static int end_value(struct json_lines *lines, const char *bytes, size_t len,
                     json_value_fn *on_value, void *user, struct error *err)
{
    int result;

    if (lines->pending.len == 0) {
        return len <= DOCKER_MAX_LINE ? hand_out(bytes, len, on_value, user, err)
                                      : fail(err, "a value that is too large");
    }
    if (strbuf_append(&lines->pending, bytes, len) < 0) {
        return fail(err, "a value that is too large");
    }
    result = hand_out(lines->pending.text, lines->pending.len, on_value, user, err);
    strbuf_reset(&lines->pending);
    return result;
}

/*
 * Every byte is scanned once and copied at most once, so the boundaries of the pieces cost
 * nothing.
 */
int json_lines_feed(struct json_lines *lines, const char *bytes, size_t len,
                    json_value_fn *on_value, void *user, struct error *err)
{
    size_t start = 0; /* of the value at hand, within these bytes */

    for (size_t i = 0; i < len; i++) {
        if (lines->depth == 0) {
            if (is_between_values(bytes[i])) {
                continue;
            }
            if (bytes[i] != '{' && bytes[i] != '[') {
                return fail(err, "something that is no JSON");
            }
            start = i;
        }
        if (scan(lines, bytes[i]) &&
            end_value(lines, bytes + start, i + 1 - start, on_value, user, err) < 0) {
            return -1;
        }
    }
    if (lines->depth > 0 && strbuf_append(&lines->pending, bytes + start, len - start) < 0) {
        return fail(err, "a value that is too large");
    }
    return 0;
}

static const char *text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);

    return text != NULL && strlen(text) == json_string_length(value) ? text : NULL;
}

int docker_parse_event(const json_t *value, struct docker_event *ret_event)
{
    const json_t *actor = json_object_get(value, "Actor");
    const json_t *attributes = json_object_get(actor, "Attributes");
    struct docker_event event = {
        .type = text_of(value, "Type"),
        .action = text_of(value, "Action"),
        .id = text_of(actor, "ID"),
        .name = text_of(attributes, "name"),
        .attributes = json_is_object(attributes) ? attributes : NULL,
        .time_ns = (int64_t)json_integer_value(json_object_get(value, "timeNano")),
    };

    if (event.type == NULL || event.action == NULL || event.id == NULL) {
        return -1;
    }
    *ret_event = event;
    return 0;
}
