#include "cli/staleness.h"

#include "base/clock.h"
#include "base/parse.h"
#include "cli/documents.h"
#include "cli/status_store.h"

#include <stdio.h>

/* It lives and does not say so: its state directory is full, or it hangs. */
static void warn_of_silence(const json_t *heartbeat)
{
    const char *last = document_text(heartbeat, "time");
    json_int_t interval_seconds = json_integer_value(json_object_get(heartbeat, "intervalSeconds"));
    int64_t then_ms;
    char age[AGE_SIZE];

    if (last != NULL && timestamp_parse(last, &then_ms) == 0 && interval_seconds > 0 &&
        clock_wall_ms() - then_ms > (2 * interval_seconds + 10) * MS_PER_SECOND) {
        fprintf(stderr,
                "warning: the controller has written nothing for %s: its log says why (a full or "
                "read-only state directory?)\n",
                document_age(last, age));
    }
}

static void warn_of_unwritten(const json_t *heartbeat)
{
    size_t index;
    json_t *item;

    json_array_foreach(json_object_get(heartbeat, "conditions"), index, item) {
        const char *type = document_text(item, "type"), *message = document_text(item, "message");

        if ((text_equal(type, "StateWritten") || text_equal(type, "StatusWritten")) &&
            text_equal(document_text(item, "status"), "False")) {
            fprintf(stderr, "warning: %s is False: %s\n", type, message != NULL ? message : "");
        }
    }
}

void staleness_warn(const char *state_dir, const json_t *heartbeat)
{
    const char *last = document_text(heartbeat, "time");
    const json_t *engine = json_object_get(heartbeat, "engine");
    const json_t *specs = json_object_get(heartbeat, "specs");
    char age[AGE_SIZE];

    if (!status_store_is_controlled(state_dir)) {
        if (last != NULL) {
            fprintf(stderr,
                    "warning: no controller is running; this is what it last wrote, %s ago\n",
                    document_age(last, age));
        } else {
            fprintf(stderr, "warning: no controller has run with state directory %s\n", state_dir);
        }
        return;
    }
    warn_of_silence(heartbeat);
    warn_of_unwritten(heartbeat);
    if (json_is_false(json_object_get(engine, "available"))) {
        const char *message = document_text(engine, "message");

        fprintf(stderr, "warning: the controller cannot reach its engine%s%s\n",
                message != NULL ? ": " : "", message != NULL ? message : "");
    }
    if (json_integer_value(json_object_get(specs, "heldDeletions")) > 0) {
        fprintf(stderr,
                "warning: %lld deletions are held: put the files back, or run berth "
                "confirm-deletions\n",
                (long long)json_integer_value(json_object_get(specs, "heldDeletions")));
    }
}
