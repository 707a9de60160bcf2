#include "base/log.h"

#include "base/clock.h"
#include "base/log_repeats.h"
#include "base/strbuf.h"
#include "base/utf8.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * What may stand around the fields: time, level and event in front, ` repeated="4294967295"` and
 * the end behind.
 */
enum { AROUND = 256, FIELDS_MAX = LOG_MAX_LINE - AROUND };

static struct {
    enum log_format format;
    enum log_level lowest;
} config = {LOG_FORMAT_TEXT, LOG_INFO};

static struct {
    struct log_repeats repeats;
    bool is_stalled;
    unsigned lost; /* lines, since the reader stalled */
} output;

static struct {
    log_observer_fn *tell;
    void *user;
} observer;

void log_observe(log_observer_fn *tell, void *user)
{
    observer.tell = tell;
    observer.user = user;
}

void log_configure(enum log_format format, enum log_level lowest)
{
    config.format = format;
    config.lowest = lowest;
}

bool log_is_enabled(enum log_level level)
{
    return level >= config.lowest;
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_DEBUG: return "DEBUG";
    case LOG_INFO: return "INFO";
    case LOG_WARN: return "WARN";
    case LOG_ERROR: return "ERROR";
    }
    abort();
}

/* --- values ----------------------------------------------------------------------------------- */

#define CUT "..."

enum { PIECE_SIZE = 16 };

/*
 * The first character of text as it is to stand in quotes; returns how many bytes of text it was.
 */
static size_t escape(const char *text, size_t left, char piece[PIECE_SIZE])
{
    uint32_t code = 0;
    size_t len = utf8_decode(text, left, &code);

    if (len == 0) {
        snprintf(piece, PIECE_SIZE, config.format == LOG_FORMAT_JSON ? "\xef\xbf\xbd" : "\\x%02x",
                 (unsigned char)*text);
        return 1;
    }
    if (code == '"' || code == '\\') {
        snprintf(piece, PIECE_SIZE, "\\%c", (char)code);
    } else if (code == '\n') {
        snprintf(piece, PIECE_SIZE, "\\n");
    } else if (!utf8_is_safe_to_show(code)) { /* none of them is beyond the 16 bits of an escape */
        snprintf(piece, PIECE_SIZE, "\\u%04x", (unsigned)code & 0xffff);
    } else {
        snprintf(piece, PIECE_SIZE, "%.*s", (int)len, text);
    }
    return len;
}

/* Up to max bytes; what is longer has CUT behind them. */
static void add_escaped(struct strbuf *fields, const char *text, size_t max)
{
    size_t left = strlen(text), used = 0;
    char piece[PIECE_SIZE];

    while (left > 0) {
        size_t taken = escape(text, left, piece), len = strlen(piece);

        if (used + len > max) {
            strbuf_add(fields, CUT);
            return;
        }
        strbuf_add(fields, piece);
        used += len;
        text += taken;
        left -= taken;
    }
}

static bool needs_quotes(const char *text)
{
    size_t left = strlen(text);

    if (left == 0) {
        return true;
    }
    while (left > 0) {
        uint32_t code = 0;
        size_t len = utf8_decode(text, left, &code);

        if (len == 0 || code == ' ' || code == '"' || code == '=' || code == '\\' ||
            !utf8_is_safe_to_show(code)) {
            return true;
        }
        text += len;
        left -= len;
    }
    return false;
}

static void add_pair(struct strbuf *fields, const char *name, const char *value)
{
    bool is_json = config.format == LOG_FORMAT_JSON;
    const char *quote = is_json || needs_quotes(value) ? "\"" : "";
    size_t around = strlen(name) + strlen(",\"\":\"\"" CUT), max = FIELDS_MAX - fields->len;

    if (max < around + PIECE_SIZE) {
        return; /* no room for anything of it */
    }
    max -= around;
    strbuf_addf(fields, is_json ? ",\"%s\":%s" : " %s=%s", name, quote);
    add_escaped(fields, value, max < LOG_MAX_VALUE ? max : LOG_MAX_VALUE);
    strbuf_add(fields, quote);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void write_all(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t put = write(STDERR_FILENO, text, len);

        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0 && errno == EAGAIN) { /* somebody made it non-blocking: the rest is lost */
            output.is_stalled = true;
            output.lost++;
            return;
        }
        if (put <= 0) {
            return; /* nobody is left to tell */
        }
        text += put;
        len -= (size_t)put;
    }
}

static void write_line(enum log_level level, const char *event, const char *fields,
                       unsigned left_out)
{
    auto_done(strbuf) line = {.max_len = LOG_MAX_LINE};
    bool is_json = config.format == LOG_FORMAT_JSON;
    char time_text[TIMESTAMP_SIZE];

    timestamp_format(clock_wall_ms(), time_text);
    strbuf_addf(&line,
                is_json ? "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%.64s\"" : "%s %-5s %.64s",
                time_text, level_name(level), event);
    strbuf_add(&line, fields);
    if (left_out > 0) {
        strbuf_addf(&line, is_json ? ",\"repeated\":\"%u\"" : " repeated=%u", left_out);
    }
    strbuf_add(&line, is_json ? "}\n" : "\n");
    write_all(line.text, line.len);
}

/*
 * Nothing may hold the loop up for long: a reader that has stopped to read gets nothing until it
 * reads again.
 */
static bool is_read(void)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

    if (poll(&out, 1, output.is_stalled ? 0 : LOG_STALL_MS) == 0) {
        output.is_stalled = true;
        output.lost++;
        return false;
    }
    output.is_stalled = false;
    return true;
}

/* False: there was no room for more than that. */
static bool tell_lost(void)
{
    auto_done(strbuf) fields = {.max_len = FIELDS_MAX};
    char lines[16];

    if (output.lost == 0) {
        return true;
    }
    snprintf(lines, sizeof(lines), "%u", output.lost);
    output.lost = 0;
    add_pair(&fields, "lines", lines);
    write_line(LOG_WARN, "log_lines_lost", fields.text, 0);
    return is_read();
}

static bool is_due(enum log_level level, const char *event, const char *fields,
                   unsigned *ret_left_out)
{
    auto_done(strbuf) line = {0};

    *ret_left_out = 0;
    if (level < LOG_WARN) {
        return true;
    }
    strbuf_addf(&line, "%s%s", event, fields);
    return log_repeats_take(&output.repeats, line.text, line.len, clock_monotonic_ms(),
                            ret_left_out);
}

static void write_fields(enum log_level level, const char *event, const struct log_field *pairs,
                         size_t count)
{
    auto_done(strbuf) fields = {.max_len = FIELDS_MAX};
    unsigned left_out;

    for (size_t i = 0; i < count; i++) {
        add_pair(&fields, pairs[i].name, pairs[i].value);
    }
    if (is_due(level, event, strbuf_text(&fields), &left_out) && is_read() && tell_lost()) {
        write_line(level, event, strbuf_text(&fields), left_out);
    }
}

void log_fields(enum log_level level, const char *event, ...)
{
    struct log_field pairs[LOG_MAX_FIELDS];
    const char *name, *value;
    size_t count = 0;
    va_list args;

    if (!log_is_enabled(level) && observer.tell == NULL) {
        return;
    }
    va_start(args, event);
    while ((name = va_arg(args, const char *)) != NULL) {
        value = va_arg(args, const char *);
        if (value != NULL && count < LOG_MAX_FIELDS) {
            pairs[count++] = (struct log_field){name, value};
        }
    }
    va_end(args);
    if (observer.tell != NULL) {
        observer.tell(observer.user, level, event, pairs, count);
    }
    if (log_is_enabled(level)) {
        write_fields(level, event, pairs, count);
    }
}
