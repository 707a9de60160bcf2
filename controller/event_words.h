/*
 * Which lines of the log are events, and in what words.
 *
 * The log is the one seam: what it says of an object, or of the controller itself, is what
 * happened. A table says how; what is no row of it is an event when it is a warning or an error.
 * Pure.
 */
#ifndef BERTH_CONTROLLER_EVENT_WORDS_H
#define BERTH_CONTROLLER_EVENT_WORDS_H

#include "base/log.h"
#include "specs/event.h"

struct event_words {
    char *kind, *name, *reason, *message;
    bool is_warning;
};

void event_words_done(struct event_words *words);

/* False: it is no event, and ret is untouched. */
bool event_words_of(enum log_level level, const char *log_event, const struct log_field *fields,
                    size_t count, struct event_words *ret);

/*
 * "created container" of "create container"; what begins with no known verb stays. The caller's to
 * free.
 */
char *event_words_past(const char *action);

#endif
