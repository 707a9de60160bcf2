#include "controller/controller.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/runner_record.h"
#include "controller/entry.h"
#include "controller/profile_trace.h"
#include "reconcilers/container.h"

#include <string.h>

/*
 * Commands come and go in containers all the time: only people in a repository's container change
 * anything.
 */
static bool is_telling(struct controller *controller, const struct docker_event *event)
{
    static const char work[] = "exec_start: " RUNNER_PATH " run";
    const struct entry *repository;

    if (!text_has_prefix(event->action, "exec_")) {
        return strcmp(event->action, "create") != 0 && strcmp(event->action, "oom") != 0;
    }
    repository = event->name != NULL
                     ? entry_of_container(controller, KIND_REPOSITORY_CONTAINER, event->name)
                     : NULL;
    if (repository == NULL || text_has_prefix(event->action, "exec_create") ||
        text_has_prefix(event->action, work)) {
        return false;
    }
    return !text_has_prefix(event->action, "exec_die") || sessions_count(repository) > 0;
}

/* What is being asked for now is older than the event. */
static bool is_start_seen(struct controller *controller, const char *name, int64_t start_wall_ms)
{
    return map_get(&controller->inspections, name) == NULL &&
           container_shows_start(map_get(&controller->containers, name), start_wall_ms);
}

void observe_start(struct controller *controller, const char *name, int64_t start_wall_ms)
{
    if (!is_start_seen(controller, name, start_wall_ms)) {
        observe_container(controller, name);
    }
}

static void on_container_event(struct controller *controller, const struct docker_event *event)
{
    const char *owner = json_string_value(json_object_get(event->attributes, LABEL_CONTROLLER));
    const char *old_name = json_string_value(json_object_get(event->attributes, "oldName"));
    int64_t start_wall_ms = strcmp(event->action, "start") == 0 ? event->time_ns / NS_PER_MS : 0;
    struct entry *entry;

    if (event->name == NULL) {
        return;
    }
    entry = entry_of_container(controller, kind_name(KIND_INSTANCE), event->name);
    if (entry == NULL) {
        entry = entry_of_container(controller, KIND_REPOSITORY_CONTAINER, event->name);
    }
    if (entry != NULL && entry->run != NULL) { /* its plan looks at the container when it ends */
        if (start_wall_ms != 0) {
            entry->start_wall_ms = start_wall_ms;
        } else {
            entry->is_touched = true;
        }
        return;
    }
    if (start_wall_ms != 0 && is_start_seen(controller, event->name, start_wall_ms)) {
        return;
    }
    if (entry != NULL || text_equal(owner, controller->state.id) ||
        map_get(&controller->containers, event->name) != NULL) {
        observe_container(controller, event->name);
    }
    if (old_name != NULL && old_name[0] == '/') {
        observe_container(controller, old_name + 1);
    }
}

void observe_event(struct controller *controller, const struct docker_event *event)
{
    /* "exec_start: sh -c ..." has the command behind it, and that may be as secret as the spec */
    auto_free char *action = xstrndup(event->action, strcspn(event->action, ":"));

    log_fields(LOG_DEBUG, "engine_event", "type", event->type, "action", action, "name",
               event->name, NULL);
    profile_engine_event(event->type, action, event->name);
    profile_begin("engine event: %s %s %s", event->type, action, event->name);
    if (strcmp(event->type, "container") == 0) {
        if (is_telling(controller, event)) {
            on_container_event(controller, event);
        }
    } else if (strcmp(event->type, "network") == 0) {
        networks_on_event(controller, event);
    } else if (strcmp(event->type, "image") == 0) {
        observe_all_images_again(controller);
    }
    profile_end(NULL);
}
