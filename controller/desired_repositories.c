#include "controller/controller.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/entry.h"
#include "controller/placing.h"
#include "reconcilers/repository.h"
#include "reconcilers/task.h"
#include "specs/reason.h"
#include "specs/spec_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Repository objects and URLs to the entries of their containers. */

static char *read_text(const json_t *json, const char *key)
{
    return xstrdup_or_null(json_string_value(json_object_get(json, key)));
}

/* What the state directory says about the workspace, as far as the disk bears it out. */
static void load_workspace(struct entry *entry)
{
    struct repository_entry *repository = entry->repository;
    auto_free char *name = xasprintf("repos/%s/repository.json", entry->name);
    json_auto_t *json = state_read_json(&entry->controller->state, name);
    auto_free char *branch = read_text(json, "branch"), *commit = read_text(json, "commit");
    const char *idle_since = json_string_value(json_object_get(json, "idleSince"));

    repository_set_workspace(repository, commit != NULL && path_exists(repository->tree_path),
                             branch, commit, json_is_true(json_object_get(json, "isHead")));
    repository->instance = read_text(json, "instance");
    if (idle_since != NULL) {
        timestamp_parse(idle_since, &entry->status->repository.idle_since_wall_ms);
    }
}

/* A Repository object with nothing but its URL: what a task without one gets. */
static struct object *make_defaults(const char *container_name, const char *url)
{
    auto_free char *text = xasprintf("apiVersion: " API_VERSION "\nkind: Repository\n"
                                     "metadata: {name: \"defaults\"}\nspec: {url: \"%s\"}\n",
                                     url);
    auto_owned(spec_file) *file = spec_file_parse("(defaults)", text, strlen(text));

    (void)container_name;
    if (file->count != 1 || file->documents[0].object == NULL) {
        return NULL;
    }
    return object_ref(file->documents[0].object);
}

/* The entry of the repository with this URL, made where there is none. NULL with err: no usable URL. */
struct entry *repository_entry_for(struct controller *controller, const char *url_text,
                                   struct error *err)
{
    char name[REPO_CONTAINER_NAME_SIZE];
    struct repo_url url = {0};
    struct repository_entry *repository;
    struct entry *entry;

    if (repo_url_parse(url_text, &url, err) < 0) {
        return NULL;
    }
    repo_url_container_name(&url, name);
    entry = entry_of_container(controller, KIND_REPOSITORY_CONTAINER, name);
    if (entry != NULL) {
        repo_url_done(&url);
        return entry;
    }
    entry = entry_new(controller, ENTRY_REPOSITORY, KIND_REPOSITORY_CONTAINER, name);
    repository = entry->repository;
    repository->url = url;
    repository->url_text = xstrdup(url_text);
    repository->defaults = make_defaults(name, url_text);
    repository->tree_path = state_path(&controller->state, "repos/%s/tree", name);
    repository->tasks_path = state_path(&controller->state, "repos/%s/run/tasks", name);
    load_workspace(entry);
    entry_enqueue(entry);
    placing_mark(controller);
    return entry;
}

const struct object *repository_settings(const struct entry *repository)
{
    return repository->desired != NULL ? repository->desired : repository->repository->defaults;
}

/* Before placement has decided, what is remembered holds: a command may be running. */
static bool is_placed(const struct entry *task)
{
    return task->admission != NULL ? task->admission->is_admitted : task->status->task.attempt > 0;
}

/* Those that wait for another branch count only when nobody else does. */
unsigned repository_active_tasks(const struct entry *repository)
{
    unsigned count = 0, held = 0;

    for (struct map_entry *at = map_first(&repository->repository->tasks); at != NULL;
         at = map_next(at)) {
        const struct entry *task = map_value(at);

        count += is_placed(task) && task_is_active(task->desired, task->status) ? 1 : 0;
        held += is_placed(task) && task->desired != NULL && task_is_held_by_branch(task->status)
                    ? 1
                    : 0;
    }
    return count > 0 ? count : held;
}

unsigned repository_running_tasks(const struct entry *repository)
{
    unsigned count = 0;

    for (struct map_entry *at = map_first(&repository->repository->tasks); at != NULL;
         at = map_next(at)) {
        const struct entry *task = map_value(at);

        count += task_is_active(task->desired, task->status) &&
                         (task->run != NULL || task->status->task.attempt > 0 ||
                          task->status->phase == PHASE_TASK_RUNNING)
                     ? 1
                     : 0;
    }
    return count;
}

const char *task_branch(const struct entry *task)
{
    const struct entry *repository = repository_of_task(task);

    if (task->desired != NULL && task->desired->task.branch != NULL) {
        return task->desired->task.branch;
    }
    return repository != NULL && repository_settings(repository) != NULL
               ? repository_settings(repository)->repository.branch
               : NULL;
}

const char *repository_wanted_branch(const struct entry *repository)
{
    const struct entry *first = NULL;

    for (struct map_entry *at = map_first(&repository->repository->tasks); at != NULL;
         at = map_next(at)) {
        const struct entry *task = map_value(at);
        bool is_candidate =
            is_placed(task) && task->desired != NULL &&
            (task_is_active(task->desired, task->status) || task_is_held_by_branch(task->status));

        if (is_candidate && (first == NULL || task->sequence < first->sequence)) {
            first = task;
        }
    }
    return first != NULL ? task_branch(first) : repository_settings(repository)->repository.branch;
}

bool repository_is_in_use(const struct entry *repository)
{
    for (struct map_entry *at = map_first(&repository->repository->tasks); at != NULL;
         at = map_next(at)) {
        const struct entry *task = map_value(at);

        if (is_placed(task) && task_is_active(task->desired, task->status) &&
            (task->status->phase == PHASE_TASK_RUNNING || task->status->task.attempt > 0 ||
             task->desired == NULL ||
             workspace_has_branch(&repository->repository->workspace, task_branch(task)))) {
            return true;
        }
    }
    return false;
}

static void load_repository(void *user, const char *name)
{
    struct controller *controller = user;
    auto_free char *file = xasprintf("repos/%s/repository.json", name);
    json_auto_t *json = state_read_json(&controller->state, file);
    const char *url = json_string_value(json_object_get(json, "url"));
    struct error err = {0};

    if (url != NULL && repository_entry_for(controller, url, &err) == NULL) {
        log_fields(LOG_WARN, "state_file_damaged", "file", file, "error", err.message, NULL);
    }
}

void desired_load_repositories(struct controller *controller)
{
    state_list(&controller->state, "repos", load_repository, controller);
    state_list(&controller->state, "repos", workspace_remove_trash, controller);
}

/* Another Repository object with the same URL was only waiting for this. */
static void hand_on_settings(struct controller *controller, const struct entry *entry)
{
    for (struct map_entry *at = map_first(&controller->repositories); at != NULL;
         at = map_next(at)) {
        auto_free char *key = object_key(kind_name(KIND_REPOSITORY), map_key(at));
        const struct spec_entry *spec = spec_set_find(controller->specs, key);

        if (map_value(at) == entry && spec != NULL) {
            desired_change_repository(controller, spec->object->name, spec);
            status_mark_file(controller, spec->file);
            return;
        }
    }
}

/* Takes a Repository object away from the entry whose settings it was. */
static void leave_repository(struct controller *controller, const char *name)
{
    struct entry *entry = map_remove(&controller->repositories, name);

    if (entry != NULL && text_equal(entry->repository->settings_name, name)) {
        free(entry->repository->settings_name);
        entry->repository->settings_name = NULL;
        entry->repository->is_deleted = true;
        entry_set_desired(entry, NULL);
        entry_enqueue(entry);
        placing_mark(controller);
        hand_on_settings(controller, entry);
    }
}

void desired_change_repository(struct controller *controller, const char *name,
                               const struct spec_entry *spec)
{
    struct object *object = spec != NULL ? spec->object : NULL;
    struct error err = {0};
    struct entry *entry =
        object != NULL ? repository_entry_for(controller, object->repository.url, &err) : NULL;

    if (map_get(&controller->repositories, name) != entry) {
        leave_repository(controller, name);
    }
    if (entry == NULL) {
        return;
    }
    map_put(&controller->repositories, name, entry);
    if (entry->repository->settings_name == NULL) {
        json_t *json = NULL;
        struct object_status *remembered =
            status_remembered(controller, spec->file, kind_name(KIND_REPOSITORY), name, &json);

        entry->repository->settings_name = xstrdup(name);
        if (remembered != NULL && !entry->is_passed) {
            status_free(entry->status);
            entry->status = remembered;
            json_decref(entry->remembered);
            entry->remembered = json_incref(json);
            load_workspace(entry);
        } else {
            status_free(remembered);
        }
        json_decref(json);
    }
    if (text_equal(entry->repository->settings_name, name)) {
        entry->repository->is_deleted = false;
        entry_set_desired(entry, object);
        free(entry->repository->url_text);
        entry->repository->url_text = xstrdup(object->repository.url);
    }
    apply_reconsider(entry);
    entry_enqueue(entry);
    placing_mark(controller);
}
