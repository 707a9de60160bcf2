#include "controller/controller.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

/* What must be known of a repository container after a restart of the controller. */

void repository_save(struct entry *entry)
{
    const struct repository_entry *repository = entry->repository;
    auto_free char *name = xasprintf("repos/%s/repository.json", entry->name);
    auto_free char *directory = state_path(&entry->controller->state, "repos/%s", entry->name);
    json_auto_t *json = json_object();
    char idle_since[TIMESTAMP_SIZE];
    struct error err = {0};

    if (!path_exists(directory)) {
        return; /* nothing was made for it yet */
    }
    timestamp_format(entry->status->repository.idle_since_wall_ms, idle_since);
    json_object_set_new(json, "version", json_integer(1));
    json_object_set_new(json, "url", json_string(repository->url_text));
    if (repository->workspace.exists) {
        json_object_set_new(json, "branch", json_string(repository->workspace.branch));
        json_object_set_new(json, "commit", json_string(repository->workspace.commit));
        json_object_set_new(json, "isHead", json_boolean(repository->workspace.is_head));
    }
    if (repository->instance != NULL) {
        json_object_set_new(json, "instance", json_string(repository->instance));
    }
    if (idle_since[0] != '\0') {
        json_object_set_new(json, "idleSince", json_string(idle_since));
    }
    if (state_write_json(&entry->controller->state, name, json, &err) < 0) {
        log_fields(LOG_WARN, "state_unwritable", "key", entry->key, "error", err.message, NULL);
    }
}

/* The directories go, but for run/, which holds the logs of tasks until their time is up. */
void repository_forget(struct entry *entry)
{
    static const char *const parts[] = {"repository.json", "tree", "git"};
    struct controller *controller = entry->controller;

    if (!controller->state.is_writable) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        auto_free char *path = state_path(&controller->state, "repos/%s/%s", entry->name, parts[i]);
        struct error err = {0};

        if (tree_remove(path, &err) < 0) {
            log_fields(LOG_WARN, "cleanup_failed", "key", entry->key, "error", err.message, NULL);
        }
    }
}

void repository_remove_if_empty(struct controller *controller, const char *container)
{
    static const char *const parts[] = {"run/tasks", "run", ""};

    if (entry_of_container(controller, KIND_REPOSITORY_CONTAINER, container) != NULL ||
        map_get(&controller->containers, container) != NULL) {
        return; /* its container has the directory mounted, or will */
    }
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        auto_free char *path = state_path(&controller->state, "repos/%s/%s", container, parts[i]);

        if (rmdir(path) < 0) {
            return;
        }
    }
}
