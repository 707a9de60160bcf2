/*
 * Events: what happened to an object, in a line for people. The controller appends them to a file
 * of its state directory, and `berth events` and `berth describe` read it there, without a
 * controller.
 *
 * The file has one JSON object a line. What repeats is one series: each of its lines says how often
 * it was until then, and the last one counts. When the file is full it becomes the old one, and the
 * old one goes.
 */
#ifndef BERTH_SPECS_EVENT_H
#define BERTH_SPECS_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENTS_FILE "events.jsonl"
#define EVENTS_OLD_FILE "events.1.jsonl"

/* Whose events they are that are no object's. */
#define EVENT_CONTROLLER_KIND "Controller"
#define EVENT_CONTROLLER_NAME "berth"

enum {
    EVENTS_FILE_MAX = 2 << 20, /* bytes, of each of the two */
    EVENT_LINE_MAX = 4096,
    EVENT_MESSAGE_MAX = 1024, /* a longer message is cut */
};

/* Texts are borrowed from whoever made it. */
struct event {
    const char *kind, *name; /* of the object: "Instance", "web" */
    bool is_warning;
    const char *reason; /* one word: "CreatedContainer", "CrashLoopBackOff" */
    const char *message;
    const char *series;                  /* who repeats it; NULL: nobody */
    int64_t first_wall_ms, last_wall_ms; /* of the series */
    unsigned count;                      /* how often until last_wall_ms; at least 1 */
};

const char *event_type_name(bool is_warning); /* "Warning" or "Normal" */

/*
 * As it stands in the file, without the end of the line. New reference; never NULL: what is no
 * clean text is made one.
 */
json_t *event_to_json(const struct event *event);

/* -1: it is no such line, as one that was not written to its end. Texts are borrowed from json. */
int event_from_json(const json_t *json, struct event *ret_event);

#endif
