#include "clients/docker_stream.h"
#include "clients/docker_text.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/*
 * A frame is {stream, 0, 0, 0, length as 32 bits big-endian}, then its bytes. Streams: 1 stdout,
 * 2 stderr (0, stdin, is never sent in fact).
 */
enum { FRAME_HEADER = 8, STREAMS = 3 };

/* Of a line far longer than what is shown, only the beginning is kept. */
struct open_line {
    struct strbuf text;
    bool has_begun;
};

struct log_tail {
    char **lines; /* a ring of max_lines */
    size_t max_lines, max_line;
    size_t count; /* of all lines so far; line i is at i % max_lines */
    struct open_line open[STREAMS];
};

static void end_line(struct log_tail *tail, struct open_line *line)
{
    char **slot = &tail->lines[tail->count % tail->max_lines];

    free(*slot);
    *slot = docker_text_clean(strbuf_text(&line->text), line->text.len, tail->max_line);
    tail->count++;
    strbuf_reset(&line->text);
    line->has_begun = false;
}

static void keep_beginning(const struct log_tail *tail, struct open_line *line, const char *bytes,
                           size_t len)
{
    size_t room = 2 * tail->max_line; /* more than is shown, so that a cut can be seen */

    room -= line->text.len < room ? line->text.len : room;
    strbuf_append(&line->text, bytes, len < room ? len : room);
    line->has_begun = true;
}

static void add_bytes(struct log_tail *tail, struct open_line *line, const char *bytes, size_t len)
{
    while (len > 0) {
        const char *newline = memchr(bytes, '\n', len);
        size_t part = newline != NULL ? (size_t)(newline - bytes) : len;

        keep_beginning(tail, line, bytes, part);
        if (newline == NULL) {
            return;
        }
        end_line(tail, line);
        bytes += part + 1;
        len -= part + 1;
    }
}

static bool is_frame(const unsigned char *bytes, size_t len)
{
    return len >= FRAME_HEADER && bytes[0] < STREAMS && bytes[1] == 0 && bytes[2] == 0 &&
           bytes[3] == 0;
}

static size_t frame_len(const unsigned char *bytes)
{
    return (size_t)bytes[4] << 24 | (size_t)bytes[5] << 16 | (size_t)bytes[6] << 8 | bytes[7];
}

static void add_body(struct log_tail *tail, const char *body, size_t len)
{
    while (len > 0) {
        const unsigned char *bytes = (const unsigned char *)body;
        size_t part;

        if (!is_frame(bytes, len)) { /* a TTY's raw bytes */
            add_bytes(tail, &tail->open[1], body, len);
            return;
        }
        part = frame_len(bytes);
        part = part < len - FRAME_HEADER ? part : len - FRAME_HEADER;
        add_bytes(tail, &tail->open[bytes[0]], body + FRAME_HEADER, part);
        body += FRAME_HEADER + part;
        len -= FRAME_HEADER + part;
    }
}

void docker_logs_to_lines(const char *body, size_t len, size_t max_lines, size_t max_line,
                          json_t *lines)
{
    struct log_tail tail = {.max_lines = max_lines, .max_line = max_line};
    size_t shown;

    assert(max_lines > 0);
    tail.lines = xcalloc(max_lines, sizeof(*tail.lines));
    add_body(&tail, body, len);
    for (size_t i = 0; i < STREAMS; i++) {
        if (tail.open[i].has_begun) {
            end_line(&tail, &tail.open[i]);
        }
        strbuf_done(&tail.open[i].text);
    }
    shown = tail.count < max_lines ? tail.count : max_lines;
    for (size_t i = tail.count - shown; i < tail.count; i++) {
        json_array_append_new(lines, json_string(tail.lines[i % max_lines]));
    }
    for (size_t i = 0; i < max_lines; i++) {
        free(tail.lines[i]);
    }
    free(tail.lines);
}
