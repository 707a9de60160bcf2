#include "tests/support/fake_engine/memory_world.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "health_status: healthy" and "exec_start: sh" are asked for by their beginning. */
static bool fits_action(const json_t *filters, const char *action)
{
    size_t len = strcspn(action, ":");
    auto_free char *begin = xstrndup(action, len);

    return filter_has(filters, "event", action) || filter_has(filters, "event", begin);
}

static bool fits(const json_t *filters, const json_t *event)
{
    const json_t *actor = json_object_get(event, "Actor");
    const json_t *attributes = json_object_get(actor, "Attributes");
    const char *type = text_of(event, "Type");

    return filter_has(filters, "type", type) && fits_action(filters, text_of(event, "Action")) &&
           filter_fits_labels(filters, attributes) &&
           (strcmp(type, "container") != 0 ||
            filter_has(filters, "container", text_of(actor, "ID")) ||
            filter_has(filters, "container", text_of(attributes, "name")));
}

static void send_event(struct call *call, const json_t *event)
{
    auto_free char *text = json_dumps(event, JSON_COMPACT);
    auto_free char *line = xasprintf("%s\n", text);

    back_end_reply_bytes(call, line, strlen(line));
}

/* Events have times that differ, as those of an engine do that needs some time for each. */
static int64_t next_event_ns(struct memory *memory)
{
    int64_t now_ns = wall_ns();

    memory->last_event_ns = now_ns > memory->last_event_ns ? now_ns : memory->last_event_ns + 1;
    return memory->last_event_ns;
}

void emit_event(struct memory *memory, const char *type, const char *action, const char *id,
                json_t *attributes)
{
    int64_t at_ns = next_event_ns(memory);
    json_t *event =
        json_pack("{s:s, s:s, s:{s:s, s:o}, s:s, s:I, s:I}", "Type", type, "Action", action,
                  "Actor", "ID", id, "Attributes", attributes, "scope", "local", "time",
                  (json_int_t)(at_ns / 1000000000), "timeNano", (json_int_t)at_ns);
    struct open_reply *next;

    if (api_minor(memory) < 52) {
        json_object_set_new(event, "status", json_string(action));
        json_object_set_new(event, "id", json_string(id));
    }
    json_array_append_new(memory->events, event);
    if (json_array_size(memory->events) > EVENT_RING) {
        json_array_remove(memory->events, 0);
    }
    event = json_array_get(memory->events, json_array_size(memory->events) - 1);
    json_incref(event);
    for (struct open_reply *open = memory->open; open != NULL; open = next) {
        next = open->next;
        if (open->kind == OPEN_EVENTS && fits(open->filters, event)) {
            send_event(open->call, event);
        }
    }
    json_decref(event);
}

void emit_container_event(struct container *container, const char *action, const char *key,
                          const char *value)
{
    json_t *attributes = json_object();

    json_object_update(attributes, json_object_get(container->config, "Labels"));
    json_object_set_new(attributes, "image", json_string(container->image));
    json_object_set_new(attributes, "name", json_string(container->name));
    if (key != NULL) {
        json_object_set_new(attributes, key, json_string(value));
    }
    emit_event(container->memory, "container", action, container->id, attributes);
}

/* "1790000000.123456789"; 0: not given. */
static int64_t moment_of(const struct call *call, const char *name)
{
    auto_free char *text = call_parameter(call, name);
    long long seconds = 0;
    char digits[10] = "";
    int64_t fraction = 0;

    if (text == NULL || sscanf(text, "%lld.%9[0-9]", &seconds, digits) < 1) {
        return 0;
    }
    for (size_t i = 0, len = strlen(digits); i < 9; i++) {
        fraction = fraction * 10 + (i < len ? digits[i] - '0' : 0);
    }
    return seconds * 1000000000 + fraction;
}

void watch_events(struct memory *memory, struct call *call, const char *name)
{
    int64_t since_ns = moment_of(call, "since"), until_ns = moment_of(call, "until");
    struct open_reply *open;
    json_t *filters = filters_of(call);
    size_t i;
    json_t *event;

    (void)name;
    open = open_reply_new(memory, call, OPEN_EVENTS, 200, "application/json");
    if (open == NULL) {
        json_decref(filters);
        return;
    }
    open->filters = filters;
    json_array_foreach(memory->events, i, event) {
        int64_t at_ns = json_integer_value(json_object_get(event, "timeNano"));

        if (since_ns > 0 && at_ns >= since_ns && fits(filters, event)) {
            send_event(call, event);
            if (memory->open != open) {
                return; /* the stream was closed within */
            }
        }
    }
    if (until_ns > 0 && until_ns <= wall_ns()) {
        open_reply_end(memory, open);
    }
}
