#include "cli/describe.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/documents.h"
#include "cli/object_urls.h"
#include "cli/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The parts of a description that are tables. */

static void add_table(struct strbuf *out, struct table *table)
{
    auto_free char *text = NULL;
    size_t len;
    FILE *stream = open_memstream(&text, &len);

    if (stream == NULL) {
        abort(); /* memory is used up */
    }
    table_print(table, stream);
    fclose(stream);
    describe_text(out, text);
}

static void add_titles(struct table *table, const char *const *titles, size_t count)
{
    table_init(table, count);
    for (size_t i = 0; i < count; i++) {
        table_add(table, titles[i]);
    }
}

void describe_conditions(struct strbuf *out, const json_t *document)
{
    static const char *const titles[] = {"TYPE", "STATUS", "AGE", "REASON", "MESSAGE"};
    const json_t *conditions = json_object_get(document_status(document), "conditions");
    auto_done(table) table = {0};
    char age[AGE_SIZE];
    size_t index;
    json_t *item;

    add_titles(&table, titles, ARRAY_SIZE(titles));
    json_array_foreach(conditions, index, item) {
        table_add(&table, document_text(item, "type"));
        table_add(&table, document_text(item, "status"));
        table_add(&table, document_age(document_text(item, "lastTransitionTime"), age));
        table_add(&table, document_text(item, "reason"));
        table_add(&table, document_text(item, "message"));
    }
    if (json_array_size(conditions) > 0) {
        describe_heading(out, "Conditions");
        add_table(out, &table);
    }
}

static void add_error(struct strbuf *out, const json_t *error)
{
    const char *location = document_text(error, "location"),
               *reason = document_text(error, "reason"), *message = document_text(error, "message");
    auto_free char *line =
        xasprintf("%s%s%s (%s)", location != NULL ? location : "", location != NULL ? ": " : "",
                  message != NULL ? message : "", reason != NULL ? reason : "no reason");

    describe_text(out, line);
}

void describe_errors(struct strbuf *out, const json_t *document)
{
    const json_t *status = document_status(document);
    const json_t *error = json_object_get(status, "error");
    const json_t *errors = json_object_get(status, "errors");
    size_t index;
    json_t *item;

    if (error == NULL && json_array_size(errors) == 0) {
        return;
    }
    describe_heading(out, "Errors");
    if (json_array_size(errors) == 0) {
        add_error(out, error);
    }
    json_array_foreach(errors, index, item) {
        add_error(out, item);
    }
}

void describe_history(struct strbuf *out, const json_t *document)
{
    static const char *const titles[] = {"AGE", "OPERATION", "RESULT", "TOOK", "CAUSE"};
    const json_t *history = json_object_get(document_status(document), "history");
    auto_done(table) table = {0};
    char age[AGE_SIZE];
    size_t index;
    json_t *item;

    add_titles(&table, titles, ARRAY_SIZE(titles));
    json_array_foreach(history, index, item) {
        json_int_t took_ms = json_integer_value(json_object_get(item, "durationMs"));
        auto_free char *took = xasprintf("%.1f s", (double)took_ms / (double)MS_PER_SECOND);
        const char *message = document_text(item, "message"), *cause = document_text(item, "cause");
        auto_free char *words =
            xasprintf("%s%s%s", cause != NULL ? cause : "", message != NULL ? ": " : "",
                      message != NULL ? message : "");

        table_add(&table, document_age(document_text(item, "startTime"), age));
        table_add(&table, document_text(item, "type"));
        table_add(&table, document_text(item, "result"));
        table_add(&table, took);
        table_add(&table, words);
    }
    if (json_array_size(history) > 0) {
        describe_heading(out, "History");
        add_table(out, &table);
    }
}

void describe_ports(struct strbuf *out, const struct description *description)
{
    auto_free char *host = engine_host_of(description->engine);
    const json_t *status = document_status(description->document);
    json_auto_t *urls = object_urls(description->document, host);
    const json_t *ports = json_object_get(json_object_get(status, "task"), "ports");
    auto_done(table) table = {0};
    size_t index, at;
    json_t *port, *item;

    ports = ports != NULL ? ports : json_object_get(status, "ports");
    table_init(&table, 3);
    json_array_foreach(ports, index, port) {
        const char *ip = document_text(port, "hostIP"), *protocol = document_text(port, "protocol");
        auto_free char *way =
            xasprintf("%s:%lld->%lld/%s", ip != NULL ? ip : "127.0.0.1",
                      (long long)json_integer_value(json_object_get(port, "hostPort")),
                      (long long)json_integer_value(json_object_get(port, "containerPort")),
                      protocol != NULL ? protocol : "TCP");
        const char *url = NULL;

        json_array_foreach(urls, at, item) {
            if (text_equal(document_text(item, "name"), document_text(port, "name"))) {
                url = document_text(item, "url");
            }
        }
        table_add(&table, document_text(port, "name"));
        table_add(&table, way);
        table_add(&table, url);
    }
    if (json_array_size(ports) > 0) {
        describe_heading(out, "Ports");
        add_table(out, &table);
    }
}

void describe_events(struct strbuf *out, const struct description *description)
{
    static const char *const titles[] = {"LAST SEEN", "TYPE", "REASON", "MESSAGE"};
    const struct event_filter filter = {.kind = document_kind(description->document),
                                        .name = document_name(description->document)};
    const struct event_list *events = description->events;
    size_t wanted = 0, first = events != NULL ? events->count : 0;
    auto_done(table) table = {0};
    char age[EVENT_AGE_SIZE];

    while (first > 0 && wanted < DESCRIBE_EVENTS) {
        wanted += event_filter_takes(&filter, &events->items[--first]);
    }
    if (wanted == 0) {
        describe_line(out, "Events", "none");
        return;
    }
    add_titles(&table, titles, ARRAY_SIZE(titles));
    for (size_t i = first; i < events->count; i++) {
        const struct event *event = &events->items[i];

        if (event_filter_takes(&filter, event)) {
            table_add(&table, event_age(event, age));
            table_add(&table, event_type_name(event->is_warning));
            table_add(&table, event->reason);
            table_add(&table, event->message);
        }
    }
    describe_heading(out, "Events");
    add_table(out, &table);
}
