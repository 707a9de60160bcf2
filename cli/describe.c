#include "cli/describe.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/documents.h"
#include "specs/yaml_writer.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void describe_line(struct strbuf *out, const char *label, const char *value)
{
    auto_free char *clean = xstrdup_or_null(value);
    int width = DESCRIBE_LABEL_WIDTH - (int)strlen(label) - 1;

    if (clean != NULL && clean[0] != '\0') {
        text_make_clean_line(clean, strlen(clean)); /* it goes to a terminal */
        strbuf_addf(out, "%s:%*s%s\n", label, width > 1 ? width : 1, "", clean);
    }
}

void describe_heading(struct strbuf *out, const char *label)
{
    strbuf_addf(out, "%s:\n", label);
}

void describe_text(struct strbuf *out, const char *text)
{
    auto_free char *copy = xstrdup(text);
    char *rest = copy, *line;

    while ((line = strsep(&rest, "\n")) != NULL) {
        text_make_clean_line(line, strlen(line));
        if (rest != NULL || line[0] != '\0') {
            strbuf_addf(out, "%s%s\n", line[0] != '\0' ? "  " : "", line);
        }
    }
}

/* "3m ago", "in 4s"; NULL: there is no such time. */
static char *when(const char *timestamp)
{
    int64_t wall_ms, now_wall_ms = clock_wall_ms();
    char age[AGE_SIZE];

    if (timestamp == NULL || timestamp_parse(timestamp, &wall_ms) < 0) {
        return NULL;
    }
    if (wall_ms > now_wall_ms) {
        return xasprintf("in %llds", (long long)((wall_ms - now_wall_ms + 999) / MS_PER_SECOND));
    }
    document_age(timestamp, age);
    return xasprintf("%s ago", age);
}

static void add_head(struct strbuf *out, const struct description *description)
{
    const json_t *document = description->document;
    const json_t *labels = json_object_get(json_object_get(document, "metadata"), "labels");
    auto_done(strbuf) text = {0};
    const char *key;
    json_t *value;

    describe_line(out, "Name", document_name(document));
    describe_line(out, "Kind", document_kind(document));
    json_object_foreach((json_t *)(uintptr_t)labels, key, value) {
        strbuf_addf(&text, "%s%s=%s", text.len > 0 ? "," : "", key,
                    json_is_string(value) ? json_string_value(value) : "");
    }
    describe_line(out, "Labels", strbuf_text(&text));
    describe_line(out, "Pool", document_text(document, "pool"));
    describe_line(out, "Spec", description->spec_origin);
    describe_line(out, "Status file", document_text(document, "file"));
    describe_line(out, "Phase",
                  document_status(document) != NULL
                      ? document_phase(document)
                      : "no status yet: no controller has looked at it");
    describe_line(out, "Ready", document_text(document_condition(document, "Ready"), "status"));
}

static void add_operation(struct strbuf *out, const json_t *status)
{
    const json_t *operation = json_object_get(status, "operation");
    const char *state = document_text(operation, "state"), *type = document_text(operation, "type");
    const char *message = document_text(operation, "message"),
               *cause = document_text(operation, "cause");
    auto_free char *begun = when(document_text(operation, "startTime"));
    auto_free char *line = NULL;

    if (type == NULL || state == NULL || strcmp(state, "DONE") == 0) {
        return; /* what is over is in the history */
    }
    line = xasprintf("%s, %s, %lld %%%s%s%s%s%s%s", type, state,
                     (long long)json_integer_value(json_object_get(operation, "progress")),
                     message != NULL ? ": " : "", message != NULL ? message : "",
                     begun != NULL ? "; begun " : "", begun != NULL ? begun : "",
                     cause != NULL ? "; cause: " : "", cause != NULL ? cause : "");
    describe_line(out, "Operation", line);
}

static void add_container(struct strbuf *out, const json_t *status)
{
    const json_t *container = json_object_get(status, "container");
    const char *id = document_text(container, "id");
    auto_free char *started = when(document_text(container, "startedAt"));
    auto_free char *name =
        xasprintf("%s%s%.12s%s",
                  document_text(container, "name") != NULL ? document_text(container, "name") : "",
                  id != NULL ? " (" : "", id != NULL ? id : "", id != NULL ? ")" : "");

    if (json_object_size(container) == 0) {
        return;
    }
    describe_heading(out, "Container");
    describe_line(out, "  Name", name);
    describe_line(out, "  Image", document_text(container, "image"));
    describe_line(out, "  Network", document_text(container, "network"));
    describe_line(out, "  Address", document_text(container, "ip"));
    describe_line(out, "  Started", started);
}

static void add_restarts(struct strbuf *out, const json_t *status)
{
    const json_t *restarts = json_object_get(status, "restarts");
    const json_t *last = json_object_get(restarts, "last");
    auto_free char *next = when(document_text(restarts, "nextRetryTime"));
    auto_free char *ended = when(document_text(last, "finishedAt"));
    const char *reason = document_text(last, "reason"), *message = document_text(last, "message");
    auto_free char *count =
        xasprintf("%lld%s%s", (long long)json_integer_value(json_object_get(restarts, "count")),
                  next == NULL                   ? ""
                  : text_has_prefix(next, "in ") ? "; the next try is "
                                                 : "; the next try was due ",
                  next != NULL ? next : "");
    auto_free char *line =
        xasprintf("exit code %lld%s%s%s%s%s%s%s",
                  (long long)json_integer_value(json_object_get(last, "exitCode")),
                  reason != NULL ? " (" : "", reason != NULL ? reason : "",
                  reason != NULL ? ")" : "", ended != NULL ? ", " : "", ended != NULL ? ended : "",
                  message != NULL ? ": " : "", message != NULL ? message : "");
    size_t index;
    json_t *item;

    if (restarts == NULL) {
        return;
    }
    describe_line(out, "Restarts", count);
    if (last == NULL) {
        return;
    }
    describe_line(out, "Last end", line);
    if (json_array_size(json_object_get(last, "logTail")) > 0) {
        describe_heading(out, "Its last lines");
    }
    json_array_foreach(json_object_get(last, "logTail"), index, item) {
        describe_text(out, json_is_string(item) ? json_string_value(item) : "");
    }
}

static bool is_told_elsewhere(const char *key)
{
    static const char *const keys[] = {"phase",   "conditions", "operation", "container",
                                       "ports",   "restarts",   "error",     "errors",
                                       "history", "members"};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (strcmp(keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

/* "observedHash" -> "Observed hash" */
static char *title_of(const char *key)
{
    auto_done(strbuf) title = {0};

    for (size_t i = 0; key[i] != '\0'; i++) {
        bool is_word = i > 0 && isupper((unsigned char)key[i]);
        char letter =
            (char)(i == 0 ? toupper((unsigned char)key[i]) : tolower((unsigned char)key[i]));

        strbuf_add(&title, is_word ? " " : "");
        strbuf_append(&title, &letter, 1);
    }
    return xstrdup(strbuf_text(&title));
}

/* What only some kinds have, as the status says it: the task, the pool, probes, hooks. */
static void add_others(struct strbuf *out, const json_t *status)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)status, key, value) {
        auto_free char *title = title_of(key);
        auto_done(strbuf) text = {0};

        if (is_told_elsewhere(key) || yaml_write(&text, value) < 0) {
            continue;
        }
        if (json_is_object(value) || json_is_array(value)) {
            describe_heading(out, title);
            describe_text(out, strbuf_text(&text));
        } else {
            if (text.len > 0) {
                text.text[strcspn(text.text, "\n")] = '\0';
            }
            describe_line(out, title, strbuf_text(&text));
        }
    }
}

static void add_spec(struct strbuf *out, const struct description *description)
{
    if (description->spec_text != NULL) {
        describe_heading(out, "Spec in force");
        describe_text(out, description->spec_text);
    }
}

void describe(const struct description *description, struct strbuf *out)
{
    const json_t *status = document_status(description->document);

    add_head(out, description);
    describe_advice(out, description->document);
    add_operation(out, status);
    add_restarts(out, status);
    describe_errors(out, description->document);
    describe_ports(out, description);
    add_container(out, status);
    add_others(out, status);
    describe_conditions(out, description->document);
    describe_history(out, description->document);
    add_spec(out, description);
    describe_events(out, description);
}
