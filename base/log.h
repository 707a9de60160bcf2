/*
 * Logging: one line per fact on stderr, as text or JSON, with fields.
 *
 * Only controller/ and cli/ log. The text form is "<time> <LEVEL> <event> key=value ..."; values
 * are quoted where they hold blanks. The event is a stable word such as "reconcile_failed".
 *
 * Whatever the values are, a line stays one line of at most LOG_MAX_LINE bytes of clean UTF-8:
 * control characters and what is no UTF-8 are escaped, a value is cut at LOG_MAX_VALUE bytes with
 * "..." behind it, and fields that find no room are left out. Warnings and errors that repeat are
 * written five times a minute, and count the others (log_repeats.h). A reader that does not read
 * holds the program up for LOG_STALL_MS once; then lines are lost, and counted, until it reads
 * again.
 */
#ifndef BERTH_BASE_LOG_H
#define BERTH_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* A line of 4096 bytes is written to a pipe in one piece, whoever else writes to it. */
enum { LOG_MAX_LINE = 4096, LOG_MAX_VALUE = 1536, LOG_STALL_MS = 1000 };

/* Before the first line: text and LOG_INFO. */
void log_configure(enum log_format format, enum log_level lowest);
bool log_is_enabled(enum log_level level);

/* Pairs of const char *: name, value, ...; a NULL name ends them, a NULL value skips its pair. */
void log_fields(enum log_level level, const char *event, ...) __attribute__((sentinel));

/*
 * Who is told of every call of log_fields(), also of one whose line is not written: below the
 * lowest level, or left out since it repeats. The fields are the call's own texts, as they came,
 * without those that are NULL; of more than LOG_MAX_FIELDS the first. It must not log. NULL:
 * nobody.
 */
enum { LOG_MAX_FIELDS = 16 };

struct log_field {
    const char *name, *value;
};

typedef void log_observer_fn(void *user, enum log_level level, const char *event,
                             const struct log_field *fields, size_t count);

void log_observe(log_observer_fn *observer, void *user);

#endif
