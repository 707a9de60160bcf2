#include "cli/documents.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/suggest.h"
#include "specs/reason.h"
#include "specs/status.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *document_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

const char *document_kind(const json_t *document)
{
    return document_text(document, "kind");
}

const char *document_name(const json_t *document)
{
    return document_text(json_object_get(document, "metadata"), "name");
}

const json_t *document_status(const json_t *document)
{
    return json_object_get(document, "status");
}

const char *document_phase(const json_t *document)
{
    return document_text(document_status(document), "phase");
}

const json_t *document_condition(const json_t *document, const char *type)
{
    size_t index;
    json_t *item;

    json_array_foreach(json_object_get(document_status(document), "conditions"), index, item) {
        if (text_equal(document_text(item, "type"), type)) {
            return item;
        }
    }
    return NULL;
}

bool document_is_true(const json_t *document, const char *condition)
{
    return text_equal(document_text(document_condition(document, condition), "status"), "True");
}

/* What runs may be fine while its file is not: the file's trouble is what to act on. */
static const json_t *telling_condition(const json_t *document)
{
    const json_t *valid = document_condition(document, "SpecValid");

    return text_equal(document_text(valid, "status"), "False")
               ? valid
               : document_condition(document, "Ready");
}

const char *document_reason(const json_t *document)
{
    const char *reason = document_text(telling_condition(document), "reason");

    return reason != NULL ? reason : "";
}

const char *document_message(const json_t *document)
{
    const json_t *error = json_object_get(document_status(document), "error");
    const char *message =
        document_text(error != NULL ? error : telling_condition(document), "message");

    return message != NULL ? message : "";
}

bool document_is_duplicate(const json_t *document)
{
    const json_t *error = json_object_get(document_status(document), "error");

    return text_equal(document_text(error, "reason"), REASON_DUPLICATE_OBJECT);
}

const char *document_duration(const char *start, const char *end, char text[AGE_SIZE])
{
    int64_t start_ms, end_ms = clock_wall_ms(), seconds;

    text[0] = '\0';
    if (start == NULL || timestamp_parse(start, &start_ms) < 0 ||
        (end != NULL && timestamp_parse(end, &end_ms) < 0)) {
        return text;
    }
    seconds = (end_ms - start_ms) / 1000;
    seconds = seconds > 0 ? seconds : 0;
    if (seconds < 120) {
        snprintf(text, AGE_SIZE, "%llds", (long long)seconds);
    } else if (seconds < 7200) {
        snprintf(text, AGE_SIZE, "%lldm", (long long)seconds / 60);
    } else if (seconds < 172800) {
        snprintf(text, AGE_SIZE, "%lldh", (long long)seconds / 3600);
    } else {
        snprintf(text, AGE_SIZE, "%lldd", (long long)seconds / 86400);
    }
    return text;
}

const char *document_age(const char *timestamp, char text[AGE_SIZE])
{
    return document_duration(timestamp, NULL, text);
}

char *document_spelling(const json_t *document)
{
    const char *kind = document_kind(document), *name = document_name(document);
    char *text = xasprintf("%s/%s", kind != NULL ? kind : "", name != NULL ? name : "");

    for (char *at = text; *at != '\0' && *at != '/'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    return text;
}

char *documents_suggest(const json_t *documents, const char *kind, const char *name)
{
    auto_free const char **names = xcalloc(json_array_size(documents) + 1, sizeof(*names));
    size_t used = 0, index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        if (document_name(document) != NULL &&
            (kind == NULL || text_equal(document_kind(document), kind))) {
            names[used++] = document_name(document);
        }
    }
    return suggest_hint(name, names, used);
}
