#include "tests/support/fake_engine/http_reader.h"

#include "base/memory.h"
#include "base/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_HEAD = 1 << 20 };

void http_reader_done(struct http_reader *reader)
{
    strbuf_done(&reader->line);
    strbuf_done(&reader->fields);
    free(reader->method);
    free(reader->target);
    *reader = (struct http_reader){0};
}

void http_reader_reset(struct http_reader *reader, bool is_reply)
{
    http_reader_done(reader);
    reader->is_reply = is_reply;
    strbuf_init(&reader->line, MAX_HEAD);
    strbuf_init(&reader->fields, MAX_HEAD);
}

/* --- the head --- */

/* "POST /containers/create?name=web HTTP/1.1", "HTTP/1.1 201 Created" */
static int read_first_line(struct http_reader *reader, const char *line)
{
    char method[16], version[16];
    auto_free char *target = xcalloc(1, strlen(line) + 1);

    if (reader->is_reply) {
        return sscanf(line, "HTTP/1.%*c %3d", &reader->status) == 1 ? 0 : -1;
    }
    if (sscanf(line, "%15s %s %15s", method, target, version) != 3 ||
        !text_has_prefix(version, "HTTP/1.")) {
        return -1;
    }
    reader->method = xstrdup(method);
    reader->target = TAKE(target);
    return 0;
}

static bool is_framing(const char *name, size_t len)
{
    static const char *const names[] = {"connection", "content-length", "transfer-encoding",
                                        "expect",     "upgrade",        "keep-alive"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strlen(names[i]) == len && strncasecmp(names[i], name, len) == 0) {
            return true;
        }
    }
    return false;
}

static int read_framing(struct http_reader *reader, const char *name, const char *value)
{
    if (strcasecmp(name, "content-length") == 0) {
        return parse_u64(value, &reader->body_left);
    }
    if (strcasecmp(name, "transfer-encoding") == 0) {
        reader->is_chunked = strcasestr(value, "chunked") != NULL;
    } else if (strcasecmp(name, "upgrade") == 0) {
        reader->is_upgrade = true;
    } else if (strcasecmp(name, "expect") == 0) {
        reader->wants_continue = true;
    } else if (strcasecmp(name, "connection") == 0) {
        reader->wants_close = strcasecmp(value, "close") == 0;
    }
    return 0;
}

static int read_field(struct http_reader *reader, const char *line)
{
    const char *colon = strchr(line, ':');
    const char *value;

    if (colon == NULL) {
        return -1;
    }
    value = colon + 1 + strspn(colon + 1, " \t");
    if (is_framing(line, (size_t)(colon - line))) {
        auto_free char *name = xstrndup(line, (size_t)(colon - line));

        return read_framing(reader, name, value);
    }
    return strbuf_addf(&reader->fields, "%s\r\n", line);
}

static bool has_body_until_close(const struct http_reader *reader)
{
    return reader->is_reply &&
           strcasestr(strbuf_text(&reader->line), "\r\ncontent-length:") == NULL;
}

static void begin_body(struct http_reader *reader)
{
    bool is_bodyless = reader->has_no_body || reader->status == 204 || reader->status == 304 ||
                       (reader->status >= 100 && reader->status < 200);

    if (reader->is_reply && reader->status == 101) {
        reader->state = HTTP_UPGRADED;
    } else if (is_bodyless) {
        reader->state = HTTP_END;
    } else if (reader->is_chunked) {
        reader->state = HTTP_CHUNK_SIZE;
    } else if (has_body_until_close(reader)) {
        reader->state = HTTP_UNTIL_CLOSE;
    } else {
        reader->state = reader->body_left > 0 ? HTTP_BODY : HTTP_END;
    }
}

/* The head is whole; it ends with an empty line. */
static int read_head(struct http_reader *reader)
{
    auto_free char *head = xstrdup(strbuf_text(&reader->line));
    char *rest = head;
    bool is_first = true;

    while (*rest != '\0') {
        char *end = strstr(rest, "\r\n");

        if (end == NULL || end == rest) {
            break;
        }
        *end = '\0';
        if ((is_first ? read_first_line(reader, rest) : read_field(reader, rest)) < 0) {
            return -1;
        }
        is_first = false;
        rest = end + 2;
    }
    if (is_first) {
        return -1;
    }
    begin_body(reader);
    strbuf_reset(&reader->line);
    return 0;
}

/* --- pieces --- */

/* Takes bytes up to the end that the line shall have; *ret_is_whole tells whether it was there. */
static long take_until(struct http_reader *reader, const char *bytes, size_t len, const char *end,
                       bool *ret_is_whole)
{
    size_t end_len = strlen(end);

    for (size_t i = 0; i < len; i++) {
        if (strbuf_append(&reader->line, bytes + i, 1) < 0) {
            return -1;
        }
        if (reader->line.len >= end_len &&
            memcmp(reader->line.text + reader->line.len - end_len, end, end_len) == 0) {
            *ret_is_whole = true;
            return (long)i + 1;
        }
    }
    return (long)len;
}

static long feed_head(struct http_reader *reader, const char *bytes, size_t len)
{
    bool is_whole = false;
    long used = take_until(reader, bytes, len, "\r\n\r\n", &is_whole);

    return is_whole && read_head(reader) < 0 ? -1 : used;
}

static long feed_chunk_size(struct http_reader *reader, const char *bytes, size_t len)
{
    bool is_whole = false;
    long used = take_until(reader, bytes, len, "\r\n", &is_whole);
    char *end;

    if (!is_whole || reader->line.len == 2) {
        if (is_whole) {
            strbuf_reset(&reader->line); /* the end of the chunk before */
        }
        return used;
    }
    reader->body_left = strtoull(reader->line.text, &end, 16);
    if (end == reader->line.text) {
        return -1;
    }
    strbuf_reset(&reader->line);
    reader->state = reader->body_left > 0 ? HTTP_CHUNK : HTTP_TRAILER;
    return used;
}

static long feed_trailer(struct http_reader *reader, const char *bytes, size_t len)
{
    bool is_whole = false;
    long used = take_until(reader, bytes, len, "\r\n", &is_whole);

    if (is_whole) {
        reader->state = reader->line.len == 2 ? HTTP_END : HTTP_TRAILER;
        strbuf_reset(&reader->line);
    }
    return used;
}

static long feed_body(struct http_reader *reader, const char *bytes, size_t len,
                      const char **ret_piece, size_t *ret_piece_len)
{
    size_t used = len < reader->body_left ? len : (size_t)reader->body_left;

    *ret_piece = bytes;
    *ret_piece_len = used;
    reader->body_left -= used;
    if (reader->body_left == 0) {
        reader->state = reader->state == HTTP_CHUNK ? HTTP_CHUNK_SIZE : HTTP_END;
    }
    return (long)used;
}

long http_reader_feed(struct http_reader *reader, const char *bytes, size_t len,
                      const char **ret_piece, size_t *ret_piece_len)
{
    *ret_piece = NULL;
    *ret_piece_len = 0;
    switch (reader->state) { /* no default: a new state does not compile */
    case HTTP_HEAD: return feed_head(reader, bytes, len);
    case HTTP_BODY:
    case HTTP_CHUNK: return feed_body(reader, bytes, len, ret_piece, ret_piece_len);
    case HTTP_CHUNK_SIZE: return feed_chunk_size(reader, bytes, len);
    case HTTP_TRAILER: return feed_trailer(reader, bytes, len);
    case HTTP_UPGRADED:
    case HTTP_UNTIL_CLOSE:
        *ret_piece = bytes;
        *ret_piece_len = len;
        return (long)len;
    case HTTP_END: return 0;
    }
    abort();
}

bool http_reader_ends_well(struct http_reader *reader)
{
    if (reader->state == HTTP_UNTIL_CLOSE || reader->state == HTTP_UPGRADED) {
        reader->state = HTTP_END;
    }
    return reader->state == HTTP_END;
}
