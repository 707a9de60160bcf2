#include "base/trace_file.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define ARRAY_BEGIN "["
#define ARRAY_END "\n]" /* some readers take a byte behind it for an error, even a newline */

enum {
    FLUSH_BYTES = 65536,
    /* Of one event: a byte may become six of "\u001f", and there is something around the texts. */
    MAX_EVENT_BYTES = (TRACE_MAX_ARGS + 2) * (2 * 6 * TRACE_MAX_TEXT + 64),
    ENDING_BYTES = 256, /* what is written at the ceiling */
    PIECE_SIZE = 16,
};

struct trace_file {
    char *path;
    int fd;
    uint64_t max_bytes;
    uint64_t written; /* whole events in the file */
    struct strbuf buffer;
    bool has_events; /* the next one has a comma in front */
    bool is_full;
    int failure; /* errno of the write that failed; 0: none */
};

/* --- JSON ------------------------------------------------------------------------------------- */

/* The first character of text as it stands in a JSON string; returns how many bytes it was. */
static size_t escape(const char *text, size_t left, char piece[PIECE_SIZE])
{
    uint32_t code = 0;
    size_t len = utf8_decode(text, left, &code);

    if (len == 0) {
        snprintf(piece, PIECE_SIZE, REPLACEMENT);
        return 1;
    }
    if (code == '"' || code == '\\') {
        snprintf(piece, PIECE_SIZE, "\\%c", (char)code);
    } else if (code == '\n') {
        snprintf(piece, PIECE_SIZE, "\\n");
    } else if (code < ' ' || code == 0x7f) { /* the last one for readers that are strict */
        snprintf(piece, PIECE_SIZE, "\\u%04x", (unsigned)code);
    } else {
        snprintf(piece, PIECE_SIZE, "%.*s", (int)len, text);
    }
    return len;
}

/* How many characters from here on, at most max, stand in a JSON string as they are. */
static size_t count_plain(const char *text, size_t max)
{
    size_t count = 0;

    while (count < max && text[count] >= ' ' && text[count] < 0x7f && text[count] != '"' &&
           text[count] != '\\') {
        count++;
    }
    return count;
}

static void add_string(struct strbuf *out, const char *text)
{
    size_t left = strlen(text), used = 0;

    strbuf_add(out, "\"");
    while (left > 0) {
        char piece[PIECE_SIZE];
        size_t plain = count_plain(text, TRACE_MAX_TEXT - used);
        size_t taken = plain > 0 ? plain : escape(text, left, piece);

        if (used + taken > TRACE_MAX_TEXT) {
            strbuf_add(out, "...");
            break;
        }
        strbuf_append(out, plain > 0 ? text : piece, plain > 0 ? plain : strlen(piece));
        used += taken;
        text += taken;
        left -= taken;
    }
    strbuf_add(out, "\"");
}

static void add_value(struct strbuf *out, const struct trace_arg *arg)
{
    switch (arg->type) {
    case TRACE_TEXT: add_string(out, arg->text); return;
    case TRACE_NUMBER: strbuf_addf(out, "%" PRId64, arg->number); return;
    case TRACE_FLAG: strbuf_add(out, arg->number != 0 ? "true" : "false"); return;
    }
}

static void add_args(struct strbuf *out, const struct trace_arg *args)
{
    const char *between = "";

    strbuf_add(out, ",\"args\":{");
    for (size_t i = 0; args[i].name != NULL; i++) {
        assert(i < TRACE_MAX_ARGS);
        if (args[i].type == TRACE_TEXT && args[i].text == NULL) {
            continue;
        }
        strbuf_add(out, between);
        add_string(out, args[i].name);
        strbuf_add(out, ":");
        add_value(out, &args[i]);
        between = ",";
    }
    strbuf_add(out, "}");
}

static void add_event(struct trace_file *file, const struct trace_event *event)
{
    struct strbuf *out = &file->buffer;

    strbuf_addf(out, "%s\n{\"ph\":\"%c\",\"pid\":%d,\"tid\":%u,\"ts\":%" PRIu64,
                file->has_events ? "," : "", event->phase, (int)getpid(), event->track,
                event->at_us);
    if (event->category != NULL) {
        strbuf_add(out, ",\"cat\":");
        add_string(out, event->category);
    }
    if (event->name != NULL) {
        strbuf_add(out, ",\"name\":");
        add_string(out, event->name);
    }
    if (event->phase == TRACE_INSTANT) {
        strbuf_add(out, ",\"s\":\"t\""); /* of its track, not of the whole process */
    }
    if (event->args != NULL) {
        add_args(out, event->args);
    }
    strbuf_add(out, "}");
    file->has_events = true;
}

/* --- the file --------------------------------------------------------------------------------- */

/* Takes a part of an event out again; that may have made room for the end of the array. */
static void mend_file(struct trace_file *file)
{
    struct stat info;

    if (fstat(file->fd, &info) == 0 && S_ISREG(info.st_mode) &&
        ftruncate(file->fd, (off_t)file->written) == 0 &&
        lseek(file->fd, (off_t)file->written, SEEK_SET) >= 0 &&
        file_write_all(file->fd, ARRAY_END, strlen(ARRAY_END)) < 0) {
        (void)!ftruncate(file->fd, (off_t)file->written);
    }
}

static int set_failure(const struct trace_file *file, struct error *err)
{
    return error_set_errno(err, file->failure, "write \"%s\"", file->path);
}

static void flush(struct trace_file *file)
{
    if (file->failure == 0 && file->buffer.len > 0) {
        if (file_write_all(file->fd, file->buffer.text, file->buffer.len) < 0) {
            file->failure = errno;
            mend_file(file);
        } else {
            file->written += file->buffer.len;
        }
        strbuf_reset(&file->buffer);
    }
}

int trace_file_open(const char *path, uint64_t max_bytes, struct trace_file **ret_file,
                    struct error *err)
{
    /* Of a pipe without a reader O_NONBLOCK makes an error, and of one that is full. */
    auto_close int fd = open(
        path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    struct trace_file *file;

    assert(max_bytes >= TRACE_MIN_BYTES);
    if (fd < 0) {
        return error_set_errno(err, errno, "open \"%s\"", path);
    }
    file = xcalloc(1, sizeof(*file));
    file->path = xstrdup(path);
    file->fd = TAKE_FD(fd);
    file->max_bytes = max_bytes;
    strbuf_init(&file->buffer, FLUSH_BYTES + MAX_EVENT_BYTES + ENDING_BYTES);
    strbuf_add(&file->buffer, ARRAY_BEGIN);
    *ret_file = file;
    return 0;
}

static void add_ending(struct trace_file *file, uint64_t at_us)
{
    add_event(file, &(const struct trace_event){
                        .phase = TRACE_INSTANT,
                        .name = "the trace ends here: its file is at its ceiling",
                        .category = "trace",
                        .at_us = at_us,
                    });
    file->is_full = true;
}

void trace_file_add(struct trace_file *file, const struct trace_event *event)
{
    size_t before = file->buffer.len;

    if (file->is_full || file->failure != 0) {
        return;
    }
    add_event(file, event);
    if (file->written + file->buffer.len + ENDING_BYTES > file->max_bytes) {
        file->buffer.len = before;
        file->buffer.text[before] = '\0';
        file->has_events = file->written + before > strlen(ARRAY_BEGIN);
        add_ending(file, event->at_us);
    }
    if (file->buffer.len >= FLUSH_BYTES) {
        flush(file);
    }
}

int trace_file_flush(struct trace_file *file, struct error *err)
{
    flush(file);
    return file->failure != 0 ? set_failure(file, err) : 0;
}

bool trace_file_is_full(const struct trace_file *file)
{
    return file->is_full;
}

int trace_file_close(struct trace_file *file, struct error *err)
{
    int result;

    strbuf_add(&file->buffer, ARRAY_END);
    result = trace_file_flush(file, err);
    if (close(file->fd) < 0 && result == 0) {
        result = error_set_errno(err, errno, "write \"%s\"", file->path);
    }
    strbuf_done(&file->buffer);
    free(file->path);
    free(file);
    return result;
}
