#include "controller/event_words.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/reason.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS = LOG_MAX_FIELDS + 1 };

/*
 * Templates: "{field}" is its value; what stands in brackets goes when a field in it is not there.
 * A reason's words are put together: "{done}" may become "CreatedContainer". object NULL: that of
 * the field "key".
 */
struct row {
    const char *log_event;
    const char *field, *value; /* only where there is this field, and has this value; NULL: any */
    const char *reason;        /* NULL: it only looked, and is no event */
    const char *message;
    const char *object;
};

static const struct row rows[] = {
    {"action_done", "action", "read log", NULL, NULL, NULL},
    {"action_done", "action", "inspect tree", NULL, NULL, NULL},
    {"action_done", "action", "look up revisions in", NULL, NULL, NULL},
    {"action_done", NULL, NULL, "{done}", "{done} {target}[ in {took}][: {cause}]", NULL},
    {"action_failed", NULL, NULL, "[{reason}]", "{action} {target}: {error}", NULL},
    {"action_given_up", NULL, NULL, "given up", "{action}: {cause}", NULL},
    {"phase", NULL, NULL, "[{reason}]", "{phase}[: {message}]", NULL},
    {"condition", NULL, NULL, "[{reason}]", "{type} {status}[: {message}]", NULL},
    {"spec_changed", NULL, NULL, "spec changed", "its spec is as in [{file}]", NULL},
    {"spec_gone", NULL, NULL, "spec gone", "its spec was removed", NULL},
    {"spec_invalid", "key", NULL, REASON_INVALID_SPEC, "{error}", NULL},
    {"spec_invalid", NULL, NULL, REASON_INVALID_SPEC, "{error}", "SpecFile/{file}"},
    {"spec_unreadable", NULL, NULL, REASON_FILE_UNREADABLE, "{error}", "SpecFile/{file}"},
    {"object_gone", NULL, NULL, "gone", "nothing of it is left", NULL},
    {"probe", "result", "failure", REASON_PROBE_FAILED, "{probe} probe[: {message}]", NULL},
    {"probe", NULL, NULL, "probe succeeded", "{probe} probe[: {message}]", NULL},
    {"hook_failed", NULL, NULL, REASON_HOOK_FAILED, "{hook}: {error}", NULL},
    {"work_kept", NULL, NULL, REASON_WORK_KEPT, "branch {branch}[ at {commit}] is kept in {tree}",
     NULL},
    {"member_added", NULL, NULL, "member added", "{key}[: {cause}]", "InstancePool/{pool}"},
    {"member_removed", NULL, NULL, "member removed", "{key}[: {cause}]", "InstancePool/{pool}"},
    {"placed", NULL, NULL, "placed", "on instance {instance} of pool {pool}", NULL},
    {"container_taken_up", NULL, NULL, "taken up", "container {container}[: {cause}]", NULL},
    {"orphan", NULL, NULL, "orphan", "nobody needs container {container} any more",
     "{kind}/{object}"},
    {"limit_failed", NULL, NULL, REASON_LIMIT_FAILED, "{error}", "Instance/{instance}"},
    {"asked_to_reconcile", NULL, NULL, "asked to reconcile", "by berth reconcile", NULL},
    {"sweep", NULL, NULL, "swept", "{kind} {name}[: {cause}]", NULL},
    {"collect", NULL, NULL, "collected", "{kind} {path}, {bytes} bytes[: {cause}]", NULL},
    {"started", NULL, NULL, "started", "Berth {version}, specs in {specs}", NULL},
    {"stopping", NULL, NULL, "stopping", "{signal}; containers are left running", NULL},
    {"engine_available", NULL, NULL, "engine available", "{address}: version {version}, API {api}",
     NULL},
    {"engine_unavailable", NULL, NULL, REASON_ENGINE_UNAVAILABLE, "{address}: {error}", NULL},
    {"deletions_held", NULL, NULL, REASON_DELETIONS_HELD, "of {objects} objects; {hint}", NULL},
    {"spec_directory_readable", NULL, NULL, "spec directory readable", "{directory}", NULL},
    {"state_writable", NULL, NULL, "state writable", "all is written", NULL},
    {"status_writable", NULL, NULL, "status writable", "all is written", NULL},
    {"config_changed", NULL, NULL, "config changed", "{key}: {now}[, before: {before}]",
     EVENT_CONTROLLER_KIND "/" EVENT_CONTROLLER_NAME},
    {"config_needs_restart", NULL, NULL, "config needs restart",
     "{key}: {of_the_file}[, in force: {in_force}]",
     EVENT_CONTROLLER_KIND "/" EVENT_CONTROLLER_NAME},
    {"policy_dropped", NULL, NULL, "policy dropped", "no policy is in force any more", NULL},
    {"policy_read", NULL, NULL, "policy read", "{file}", NULL},
    {"port_pressure", NULL, NULL, "port pressure", "{status}[: {message}]", NULL},
    {"disk_pressure", NULL, NULL, REASON_DISK_PRESSURE, "{status}[: {message}]", NULL},
    {"machine_slept", NULL, NULL, "machine slept", "{seconds} s", NULL},
};

/* The verbs of actions, where the past is not verb + "ed". */
static const struct {
    const char *verb, *past;
} verbs[] = {
    {"lease", "leased"},     {"release", "released"}, {"quarantine", "quarantined"},
    {"build", "built"},      {"create", "created"},   {"disconnect", "disconnected"},
    {"run", "ran"},          {"stop", "stopped"},     {"pause", "paused"},
    {"unpause", "unpaused"}, {"remove", "removed"},   {"read", "read"},
    {"make", "made"},        {"prepare", "prepared"}, {"freeze", "froze"},
    {"commit", "committed"},
};

void event_words_done(struct event_words *words)
{
    free(words->kind);
    free(words->name);
    free(words->reason);
    free(words->message);
    *words = (struct event_words){0};
}

char *event_words_past(const char *action)
{
    size_t len = strcspn(action, " ");

    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        if (strlen(verbs[i].verb) == len && strncmp(action, verbs[i].verb, len) == 0) {
            return xasprintf("%s%s", verbs[i].past, action + len);
        }
    }
    return xasprintf("%.*sed%s", (int)len, action, action + len);
}

static const char *value_of(const struct log_field *fields, size_t count, const char *name,
                            size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(fields[i].name) == len && strncmp(fields[i].name, name, len) == 0) {
            return fields[i].value;
        }
    }
    return NULL;
}

/*
 * Adds the template up to its end, or to the bracket that closes. False: a field of it was not
 * there.
 */
static bool fill(struct strbuf *text, const char **at, const struct log_field *fields, size_t count)
{
    bool is_whole = true;

    while (**at != '\0' && **at != ']') {
        if (**at == '{') {
            size_t len = strcspn(*at + 1, "}");
            const char *value = value_of(fields, count, *at + 1, len);

            is_whole = value != NULL && is_whole;
            strbuf_add(text, value != NULL ? value : "");
            *at += len + 2;
        } else if (**at == '[') {
            auto_done(strbuf) part = {0};

            (*at)++;
            if (fill(&part, at, fields, count)) {
                strbuf_add(text, strbuf_text(&part));
            }
            *at += **at == ']';
        } else {
            strbuf_append(text, *at, 1);
            (*at)++;
        }
    }
    return is_whole;
}

static char *filled(const char *template, const struct log_field *fields, size_t count)
{
    auto_done(strbuf) text = {0};
    const char *at = template;

    fill(&text, &at, fields, count);
    return xstrdup(strbuf_text(&text));
}

/* "made tree" -> "MadeTree"; an action's last word may belong to its target: "ran setup in". */
static char *one_word(const char *words)
{
    auto_done(strbuf) text = {0};
    bool is_first = true;
    size_t len = strlen(words);

    if (text_has_suffix(words, " in") || text_has_suffix(words, " of")) {
        len -= 3;
    }
    for (size_t i = 0; i < len; i++) {
        char letter = is_first ? (char)toupper((unsigned char)words[i]) : words[i];

        is_first = words[i] == ' ' || words[i] == '_';
        if (!is_first) {
            strbuf_append(&text, &letter, 1);
        }
    }
    return xstrdup(strbuf_text(&text));
}

static const struct row *row_of(const char *log_event, const struct log_field *fields, size_t count)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];

        const char *value =
            row->field != NULL ? value_of(fields, count, row->field, strlen(row->field)) : NULL;

        if (strcmp(row->log_event, log_event) == 0 &&
            (row->field == NULL ||
             (value != NULL && (row->value == NULL || strcmp(value, row->value) == 0)))) {
            return row;
        }
    }
    return NULL;
}

static void take_object(const char *object, struct event_words *words)
{
    const char *slash = strchr(object, '/');
    bool is_object = slash != NULL && slash > object && slash[1] != '\0';

    words->kind =
        is_object ? xstrndup(object, (size_t)(slash - object)) : xstrdup(EVENT_CONTROLLER_KIND);
    words->name = xstrdup(is_object ? slash + 1 : EVENT_CONTROLLER_NAME);
}

/* Of what has no words of its own: all that the line says, save whom it is about. */
static char *all_fields(const struct log_field *fields, size_t count)
{
    auto_done(strbuf) text = {0};

    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, "key") != 0) {
            strbuf_addf(&text, "%s%s: %s", text.len > 0 ? "; " : "", fields[i].name,
                        fields[i].value);
        }
    }
    return xstrdup(strbuf_text(&text));
}

static bool is_bad(const char *word)
{
    const struct reason *reason = reason_find(word);

    return reason != NULL && reason->code >= 400;
}

bool event_words_of(enum log_level level, const char *log_event, const struct log_field *given,
                    size_t count, struct event_words *ret)
{
    const struct row *row = row_of(log_event, given, count);
    struct log_field fields[MAX_FIELDS];
    auto_free char *object = NULL, *words = NULL, *done = NULL;
    const char *action;

    if ((row == NULL ? level < LOG_WARN : row->reason == NULL) || count > LOG_MAX_FIELDS) {
        return false;
    }
    memcpy(fields, given, count * sizeof(*given));
    action = value_of(given, count, "action", strlen("action"));
    if (action != NULL) {
        done = event_words_past(action);
        fields[count++] = (struct log_field){"done", done};
    }
    *ret = (struct event_words){0};
    object = filled(row != NULL && row->object != NULL ? row->object : "{key}", fields, count);
    take_object(object, ret);
    words = row != NULL ? filled(row->reason, fields, count) : xstrdup("");
    ret->reason = one_word(words[0] != '\0' ? words : log_event);
    ret->message = row != NULL ? filled(row->message, fields, count) : all_fields(fields, count);
    ret->is_warning = level >= LOG_WARN || is_bad(ret->reason);
    return true;
}
