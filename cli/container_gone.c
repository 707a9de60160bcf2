#include "cli/container_gone.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/ask_controller.h"
#include "cli/command.h"
#include "cli/documents.h"
#include "cli/engine_session.h"
#include "cli/status_store.h"
#include "reconcilers/workload.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* Whether a container's labels say that it is one of theirs. */
static bool belongs_to(const json_t *labels, const struct object_names *names)
{
    const char *kind = document_text(labels, LABEL_KIND);
    const char *name = document_text(labels, LABEL_NAME);
    const char *pool = document_text(labels, LABEL_POOL);

    if (!text_equal(kind, kind_name(KIND_INSTANCE)) || name == NULL ||
        text_equal(document_text(labels, LABEL_DELETION_POLICY), DELETION_POLICY_RETAIN)) {
        return false;
    }
    return object_names_have(names, KIND_INSTANCE, name) ||
           (pool != NULL && object_names_have(names, KIND_INSTANCE_POOL, pool));
}

/* The name of one, or NULL. */
static char *find_left(const json_t *containers, const struct object_names *names)
{
    size_t index;
    json_t *container;

    json_array_foreach(containers, index, container) {
        const json_t *labels = json_object_get(container, "Labels");

        if (belongs_to(labels, names)) {
            return xstrdup(document_text(labels, LABEL_NAME));
        }
    }
    return NULL;
}

static int wait_in(struct engine_session *session, const json_t *filters,
                   const struct object_names *names, uint64_t until_ms, char **ret_left,
                   struct error *err)
{
    for (;;) {
        json_auto_t *containers = NULL;
        auto_free char *left = NULL;

        if (engine_session_call(session, docker_list_containers(filters), &containers, err) < 0) {
            return -1;
        }
        left = find_left(containers, names);
        if (left == NULL || clock_monotonic_ms() >= until_ms) {
            *ret_left = TAKE(left);
            return 0;
        }
        ask_pause();
    }
}

static int ask_engine(const json_t *heartbeat, const struct object_names *names, uint64_t until_ms,
                      char **ret_left, struct error *err)
{
    const char *engine = document_text(json_object_get(heartbeat, "engine"), "address");
    const char *id = document_text(heartbeat, "id");
    json_auto_t *filters =
        json_pack("{s:[o]}", "label", json_sprintf(LABEL_CONTROLLER "=%s", id != NULL ? id : ""));
    struct engine_session session;
    int result;

    if (engine_session_open(&session, engine, NULL, err) < 0) {
        return -1;
    }
    result = wait_in(&session, filters, names, until_ms, ret_left, err);
    engine_session_done(&session);
    return result;
}

int containers_wait_gone(const char *command, const char *state, const struct object_names *names,
                         uint64_t until_ms)
{
    json_auto_t *heartbeat = status_store_heartbeat(state);
    auto_free char *left = NULL;
    struct error err = {0};

    if (ask_engine(heartbeat, names, until_ms, &left, &err) < 0) {
        fprintf(stderr,
                "berth %s: whether all containers are gone is not known, the engine cannot be "
                "asked: %s\n",
                command, err.message);
        return EXIT_FAILED;
    }
    if (left != NULL) {
        fprintf(stderr, "berth %s: container %s is still there; it is being stopped\n", command,
                left);
        return EXIT_TIMED_OUT;
    }
    return EXIT_OK;
}
