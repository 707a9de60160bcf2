#include "base/log.h"

#include "base/clock.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_LINE = 64 << 10 };

static struct {
    enum log_format format;
    enum log_level lowest;
} config = {LOG_FORMAT_TEXT, LOG_INFO};

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

static void add_quoted(struct strbuf *line, const char *text)
{
    strbuf_add(line, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\') {
            strbuf_addf(line, "\\%c", *p);
        } else if (*p == '\n') {
            strbuf_add(line, "\\n");
        } else if (*p < 0x20 || *p == 0x7f) {
            strbuf_addf(line, "\\u%04x", *p);
        } else {
            strbuf_append(line, p, 1);
        }
    }
    strbuf_add(line, "\"");
}

static bool needs_quotes(const char *text)
{
    if (*text == '\0') {
        return true;
    }
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p <= ' ' || *p == '"' || *p == '=' || *p == '\\' || *p == 0x7f) {
            return true;
        }
    }
    return false;
}

static void add_pair(struct strbuf *line, const char *name, const char *value)
{
    if (config.format == LOG_FORMAT_JSON) {
        strbuf_add(line, ",");
        add_quoted(line, name);
        strbuf_add(line, ":");
        add_quoted(line, value);
    } else {
        strbuf_addf(line, " %s=", name);
        if (needs_quotes(value)) {
            add_quoted(line, value);
        } else {
            strbuf_add(line, value);
        }
    }
}

void log_fields(enum log_level level, const char *event, ...)
{
    auto_done(strbuf) line = {.max_len = MAX_LINE};
    char time_text[TIMESTAMP_SIZE];
    const char *name, *value;
    va_list args;

    if (!log_is_enabled(level)) {
        return;
    }
    timestamp_format(clock_wall_ms(), time_text);
    if (config.format == LOG_FORMAT_JSON) {
        strbuf_addf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", time_text,
                    level_name(level), event);
    } else {
        strbuf_addf(&line, "%s %-5s %s", time_text, level_name(level), event);
    }
    va_start(args, event);
    while ((name = va_arg(args, const char *)) != NULL) {
        value = va_arg(args, const char *);
        if (value != NULL) {
            add_pair(&line, name, value);
        }
    }
    va_end(args);
    strbuf_add(&line, config.format == LOG_FORMAT_JSON ? "}\n" : "\n");
    if (write(STDERR_FILENO, line.text, line.len) < 0) {
        /* nobody is left to tell */
    }
}
