#include "controller/controller.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "controller/mirrors.h"
#include "specs/status_times.h"

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

    if (!path_exists(directory)) {
        return; /* nothing was made for it yet */
    }
    timestamp_format(entry->status->repository->idle_since_wall_ms, idle_since);
    json_object_set_new(json, "version", json_integer(2));
    json_object_set_new(json, "url", json_string(repository->mirror->mirror->url_text));
    if (repository->branch != NULL) {
        json_object_set_new(json, "branch", json_string(repository->branch));
    }
    if (repository->prepared != NULL) {
        json_object_set_new(json, "prepared", json_string(repository->prepared));
        json_object_set_new(json, "preparedCommit", json_string(repository->prepared_commit));
    }
    if (repository->instance != NULL) {
        json_object_set_new(json, "instance", json_string(repository->instance));
    }
    if (idle_since[0] != '\0') {
        json_object_set_new(json, "idleSince", json_string(idle_since));
    }
    state_keep_json(&entry->controller->state, name, json);
}

static char *read_text(const json_t *json, const char *key)
{
    return xstrdup_or_null(json_string_value(json_object_get(json, key)));
}

/*
 * Before there were trees for each task there was one, in "tree": somebody's work may be in it, so
 * it is named.
 */
static void note_old_tree(const struct entry *entry, const json_t *json)
{
    auto_free char *path = state_path(&entry->controller->state, "repos/%s/tree", entry->name);

    if (json != NULL && json_integer_value(json_object_get(json, "version")) < 2 &&
        path_exists(path)) {
        log_fields(
            LOG_WARN, "old_workspace", "key", entry->key, "path", path, "hint",
            "it is of an earlier version and is not used any more; take out what you need: it "
            "is removed with the repository's container",
            NULL);
    }
}

void repository_load(struct entry *entry)
{
    struct repository_entry *repository = entry->repository;
    auto_free char *name = xasprintf("repos/%s/repository.json", entry->name);
    json_auto_t *json = state_read_json(&entry->controller->state, name);
    const char *idle_since = json_string_value(json_object_get(json, "idleSince"));

    note_old_tree(entry, json);
    free(repository->instance);
    free(repository->prepared);
    free(repository->prepared_commit);
    repository->instance = read_text(json, "instance");
    repository->prepared = read_text(json, "prepared");
    repository->prepared_commit = read_text(json, "preparedCommit");
    if (idle_since != NULL) {
        timestamp_parse(idle_since, &status_repository(entry->status)->idle_since_wall_ms);
        status_limit_times(entry->status, clock_wall_ms(), RETRY_MAX_MS);
    }
}

/*
 * The record goes; run/ holds the logs of tasks until their time is up, and a mirror has its own
 * end.
 */
void repository_forget(struct entry *entry)
{
    auto_free char *name = xasprintf("repos/%s/repository.json", entry->name);
    struct error err = {0};

    state_remove(&entry->controller->state, name);
    if (entry->controller->state.is_writable &&
        workspace_put_away(entry->controller, entry->name, "tree", &err) < 0) {
        log_fields(LOG_WARN, "cleanup_failed", "key", entry->key, "error", err.message, NULL);
    }
}

void repository_remove_if_empty(struct controller *controller, const char *container)
{
    static const char *const parts[] = {"run/tasks", "run", "layers", "trees", "records"};
    auto_free char *directory = state_path(&controller->state, "repos/%s", container);
    auto_free char *git = path_join(directory, "git");
    auto_free char *mirror = path_join(directory, "mirror.json");
    auto_free char *user = state_path(&controller->state, "repos/%s/run/tasks/.user", container);

    if (!controller->state.is_writable ||
        entry_of_container(controller, KIND_REPOSITORY_CONTAINER, container) != NULL ||
        entry_of_container(controller, KIND_MIRROR, container) != NULL ||
        map_get(&controller->containers, container) != NULL) {
        return; /* its container has the directory mounted, or will */
    }
    unlink(user);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        auto_free char *path = path_join(directory, parts[i]);

        rmdir(path); /* those that are missing do not matter, and one that is not empty stays */
    }
    if (!path_exists(git)) {
        unlink(mirror);
    }
    rmdir(directory);
}
