#include "controller/requests.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/disk.h"
#include "controller/entry.h"
#include "controller/mirrors.h"

#include <string.h>

/* At once, whatever failed before and however long that would hold it back. */
static void look_at(struct entry *entry)
{
    entry_clear_failure(entry);
    entry_enqueue(entry);
}

static void look_at_pool(struct entry *pool)
{
    look_at(pool);
    for (struct map_entry *at = map_first(&pool->pool->members); at != NULL; at = map_next(at)) {
        look_at(map_value(at));
    }
}

/*
 * All of a repository: its mirror, which asks the remote, its containers, their setups, and tasks
 * that wait.
 */
static void look_at_repository(struct entry *mirror, int64_t asked_wall_ms)
{
    mirror->mirror->asked_wall_ms = asked_wall_ms;
    look_at(mirror);
    for (struct map_entry *at = map_first(&mirror->mirror->containers); at != NULL;
         at = map_next(at)) {
        struct entry *container = map_value(at);

        look_at(container);
        if (container->repository->setup != NULL) {
            look_at(container->repository->setup);
        }
    }
    for (struct map_entry *at = map_first(&mirror->mirror->tasks); at != NULL; at = map_next(at)) {
        entry_enqueue(map_value(at));
    }
}

/* NULL: the controller knows of none. */
static struct entry *find_mirror(struct controller *controller, const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "name"));
    const char *url_text = json_string_value(json_object_get(request, "url"));
    const struct entry *container = name != NULL ? map_get(&controller->repositories, name) : NULL;
    char mirror[REPO_CONTAINER_NAME_SIZE];
    auto_done(repo_url) url = {0};
    struct error err = {0};

    if (container != NULL) {
        return container->repository->mirror;
    }
    if (url_text == NULL || repo_url_parse(url_text, &url, &err) < 0) {
        return NULL;
    }
    return entry_of_container(controller, KIND_MIRROR, repo_url_container_name(&url, mirror));
}

static int64_t asked_at(const json_t *request)
{
    int64_t now_wall_ms = clock_wall_ms();
    json_int_t at_wall_ms = json_integer_value(json_object_get(request, "atMs"));

    /* Of a moment to come no fetch could ever be new enough. */
    return at_wall_ms > 0 && at_wall_ms < now_wall_ms ? at_wall_ms : now_wall_ms;
}

static void reconcile(struct controller *controller, const json_t *request)
{
    const char *kind = json_string_value(json_object_get(request, "kind"));
    const char *name = json_string_value(json_object_get(request, "name"));
    const char *url = json_string_value(json_object_get(request, "url"));
    auto_free char *key = kind != NULL && name != NULL ? object_key(kind, name) : NULL;
    struct entry *entry = NULL;

    if (url != NULL || text_equal(kind, kind_name(KIND_REPOSITORY))) {
        entry = find_mirror(controller, request);
    } else if (key != NULL) {
        entry = entry_find(controller, key);
    }
    log_fields(LOG_INFO, "asked_to_reconcile", "kind", kind, "name", name, "url", url, "key",
               entry != NULL ? entry->key : NULL, NULL);
    if (entry == NULL) {
        return;
    }
    switch (entry->kind) { /* no default: a kind that nobody can ask for does not compile */
    case ENTRY_MIRROR: look_at_repository(entry, asked_at(request)); return;
    case ENTRY_POOL: look_at_pool(entry); return;
    case ENTRY_INSTANCE:
    case ENTRY_TASK:
    case ENTRY_REPOSITORY:
    case ENTRY_SETUP: look_at(entry); return;
    }
}

static void take_deletion(void *user, const char *name)
{
    struct controller *controller = user;
    auto_free char *file = xasprintf("requests/%s", name);
    json_auto_t *request = NULL;
    const json_t *key;
    size_t index;

    if (!text_has_prefix(name, "delete-")) {
        return;
    }
    request = state_read_json(&controller->state, file);
    json_array_foreach(json_object_get(request, "keys"), index, key) {
        if (json_is_string(key)) {
            spec_set_mean_deletion(controller->specs, json_string_value(key));
        }
    }
    state_remove(&controller->state, file);
}

void requests_take_deletions(struct controller *controller)
{
    state_list(&controller->state, "requests", take_deletion, controller);
}

static void serve(void *user, const char *name)
{
    struct controller *controller = user;
    auto_free char *file = xasprintf("requests/%s", name);
    json_auto_t *request = NULL;

    if (strcmp(name, "gc") == 0) {
        const char *id;

        request = state_read_json(&controller->state, file);
        id = json_string_value(json_object_get(request, "id"));
        disk_collect_for(controller, id != NULL ? id : "");
    } else if (text_has_prefix(name, "reconcile-")) {
        request = state_read_json(&controller->state, file);
        reconcile(controller, request);
    } else {
        return;
    }
    state_remove(&controller->state, file);
}

void requests_serve(struct controller *controller)
{
    state_list(&controller->state, "requests", serve, controller);
}
