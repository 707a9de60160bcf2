/*
 * Logging: one line per fact on stderr, as text or JSON, with fields.
 *
 * Only controller/ and cli/ log. The text form is "<time> <LEVEL> <event> key=value ..."; values are
 * quoted where they hold blanks. The event is a stable word such as "reconcile_failed".
 */
#ifndef BERTH_BASE_LOG_H
#define BERTH_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Before the first line: text and LOG_INFO. */
void log_configure(enum log_format format, enum log_level lowest);
bool log_is_enabled(enum log_level level);

/* Pairs of const char *: name, value, ...; a NULL name ends them, a NULL value skips its pair. */
void log_fields(enum log_level level, const char *event, ...) __attribute__((sentinel));

#endif
