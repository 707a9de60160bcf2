#include "specs/event.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"

#include <stdlib.h>

const char *event_type_name(bool is_warning)
{
    return is_warning ? "Warning" : "Normal";
}

static json_t *clean_text(const char *text)
{
    auto_free char *clean = xstrdup(text != NULL ? text : "");

    text_make_clean_line(clean, EVENT_MESSAGE_MAX);
    return json_string(clean);
}

json_t *event_to_json(const struct event *event)
{
    char first[TIMESTAMP_SIZE], last[TIMESTAMP_SIZE];
    json_t *json =
        json_pack("{s:s, s:s, s:I, s:o, s:o, s:s, s:o, s:o}", "time",
                  timestamp_format(event->last_wall_ms, last), "firstTime",
                  timestamp_format(event->first_wall_ms, first), "count", (json_int_t)event->count,
                  "kind", clean_text(event->kind), "name", clean_text(event->name), "type",
                  event_type_name(event->is_warning), "reason", clean_text(event->reason),
                  "message", clean_text(event->message));

    if (event->series != NULL) {
        json_object_set_new(json, "series", clean_text(event->series));
    }
    return json;
}

static const char *text_of(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

int event_from_json(const json_t *json, struct event *ret_event)
{
    const char *type = text_of(json, "type"), *first = text_of(json, "firstTime"),
               *last = text_of(json, "time");
    json_int_t count = json_integer_value(json_object_get(json, "count"));
    struct event event = {
        .kind = text_of(json, "kind"),
        .name = text_of(json, "name"),
        .is_warning = text_equal(type, event_type_name(true)),
        .reason = text_of(json, "reason"),
        .message = text_of(json, "message"),
        .series = text_of(json, "series"),
        .count = count > 0 && count <= UINT32_MAX ? (unsigned)count : 1,
    };

    if (event.kind == NULL || event.name == NULL || event.reason == NULL || event.message == NULL ||
        type == NULL || last == NULL || timestamp_parse(last, &event.last_wall_ms) < 0) {
        return -1;
    }
    if (first == NULL || timestamp_parse(first, &event.first_wall_ms) < 0) {
        event.first_wall_ms = event.last_wall_ms;
    }
    *ret_event = event;
    return 0;
}
