#include "cli/describe.h"

#include "base/memory.h"
#include "base/parse.h"
#include "cli/documents.h"
#include "specs/reason.h"
#include "specs/status.h"

#include <string.h>

/* What a reason of the catalogue says is to be done, each reason once. */

enum { MAX_ADVICE = 8 };

struct advice {
    const struct reason *reasons[MAX_ADVICE];
    size_t count;
};

static void add(struct advice *advice, const char *name)
{
    const struct reason *reason = name != NULL ? reason_find(name) : NULL;

    for (size_t i = 0; i < advice->count; i++) {
        if (advice->reasons[i] == reason) {
            return;
        }
    }
    if (reason != NULL && advice->count < MAX_ADVICE) {
        advice->reasons[advice->count++] = reason;
    }
}

static void gather(struct advice *advice, const json_t *document)
{
    const json_t *status = document_status(document);
    const json_t *restarts = json_object_get(status, "restarts");
    const json_t *operation = json_object_get(status, "operation");
    const char *end = document_text(json_object_get(restarts, "last"), "reason");
    size_t index;
    json_t *item;

    add(advice, document_text(json_object_get(status, "error"), "reason"));
    json_array_foreach(json_object_get(status, "errors"), index, item) {
        add(advice, document_text(item, "reason"));
    }
    if (!document_is_true(document, "Ready")) {
        add(advice, document_text(json_object_get(operation, "error"), "reason"));
        /* of a container an end with an exit code is no more than that */
        if (!text_equal(end, REASON_COMMAND_FAILED)) {
            add(advice, end);
        }
        add(advice, document_text(json_object_get(status, "task"), "reason"));
    }
    json_array_foreach(json_object_get(status, "conditions"), index, item) {
        const char *type = document_text(item, "type");
        bool is_usual = text_equal(document_text(item, "status"), "True");

        /* these two tell of something by being true */
        if (text_equal(type, "UpdatePending") || text_equal(type, "WorkKept") ||
                    text_equal(type, "Stalled")
                ? is_usual
                : !is_usual) {
            add(advice, document_text(item, "reason"));
        }
    }
}

static bool is_well(const json_t *document)
{
    const char *phase = document_phase(document);

    return document_is_true(document, "Ready") || text_equal(phase, phase_name(PHASE_SUCCEEDED)) ||
           document_status(document) == NULL;
}

void describe_advice(struct strbuf *out, const json_t *document)
{
    const char *reason = document_reason(document), *message = document_message(document);
    struct advice advice = {0};

    if (!is_well(document) && reason[0] != '\0') {
        auto_free char *why = xasprintf("%s%s%s", reason, message[0] != '\0' ? ": " : "", message);

        describe_line(out, "Why", why);
    }
    gather(&advice, document);
    if (advice.count == 0) {
        return;
    }
    describe_heading(out, "What to do");
    for (size_t i = 0; i < advice.count; i++) {
        auto_free char *line = xasprintf("%s: %s %s", advice.reasons[i]->name,
                                         advice.reasons[i]->meaning, advice.reasons[i]->remedy);

        describe_text(out, line);
    }
}
