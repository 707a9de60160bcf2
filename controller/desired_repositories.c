#include "controller/controller.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/entry.h"
#include "controller/mirrors.h"
#include "controller/placing.h"
#include "controller/setups.h"
#include "controller/task_owner.h"
#include "controller/trees.h"

#include <stdlib.h>
#include <string.h>

/* Repository objects and URLs to the entries of their containers. */

static void container_name(const struct repo_url *url, const char *branch,
                           char name[REPO_CONTAINER_NAME_SIZE])
{
    if (branch != NULL) {
        repo_url_branch_container_name(url, branch, name);
    } else {
        repo_url_container_name(url, name);
    }
}

static struct entry *make_entry(struct entry *mirror, const char *name, const char *branch)
{
    struct controller *controller = mirror->controller;
    struct entry *entry = entry_new(controller, ENTRY_REPOSITORY, KIND_REPOSITORY_CONTAINER, name);
    struct repository_entry *repository = entry->repository;

    repository->mirror = mirror;
    repository->branch = xstrdup_or_null(branch);
    repository->trees_path = state_path(&controller->state, "repos/%s/trees", name);
    repository->layers_path = state_path(&controller->state, "repos/%s/layers", name);
    repository->tasks_path = state_path(&controller->state, "repos/%s/run/tasks", name);
    entry_set_desired(entry, mirror->desired);
    map_put(&mirror->mirror->containers, entry->key, entry);
    repository_load(entry);
    trees_load(entry);
    trees_observe(entry);
    entry_enqueue(entry);
    placing_mark(controller);
    return entry;
}

struct entry *repository_entry_for(struct controller *controller, const char *url_text,
                                   const char *branch, struct error *err)
{
    char name[REPO_CONTAINER_NAME_SIZE];
    struct entry *mirror = mirror_entry_for(controller, url_text, err);
    struct entry *entry;

    if (mirror == NULL) {
        return NULL;
    }
    container_name(&mirror->mirror->url, branch, name);
    entry = entry_of_container(controller, KIND_REPOSITORY_CONTAINER, name);
    return entry != NULL ? entry : make_entry(mirror, name, branch);
}

const struct object *repository_settings(const struct entry *repository)
{
    return mirror_settings(repository->repository->mirror);
}

/* Before placement has decided, what is remembered holds: a command may be running. */
bool task_is_placed(const struct entry *task)
{
    return task->task->admission != NULL ? task->task->admission->is_admitted
                                         : task->status->task->attempt > 0;
}

/* Those that wait for another branch count only when nobody else does. */
unsigned repository_active_tasks(const struct entry *repository)
{
    unsigned count = 0, held = 0;

    for (struct map_entry *at = map_first(&repository->repository->tasks); at != NULL;
         at = map_next(at)) {
        const struct entry *task = map_value(at);

        if (task->task->refusal != NULL && task->status->task->attempt == 0) {
            continue;
        }
        count += task_is_placed(task) && task_is_active(task->desired, task->status) &&
                         !task_is_forbidden(task)
                     ? 1
                     : 0;
        held +=
            task_is_placed(task) && task->desired != NULL && task_is_held_by_branch(task->status)
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
                         (task->run != NULL || task->task->attempt.state == ATTEMPT_RUNNING ||
                          task->status->phase == PHASE_TASK_RUNNING)
                     ? 1
                     : 0;
    }
    return count;
}

/* --- what the state directory knows ----------------------------------------------------------- */

static void load_repository(void *user, const char *name)
{
    struct controller *controller = user;
    auto_free char *file = xasprintf("repos/%s/repository.json", name);
    json_auto_t *json = state_read_json(&controller->state, file);
    const char *url = json_string_value(json_object_get(json, "url"));
    const char *branch = json_string_value(json_object_get(json, "branch"));
    struct error err = {0};

    if (json_integer_value(json_object_get(json, "version")) < 2) {
        branch = NULL; /* there it was the branch of the tree */
    }
    if (url != NULL && repository_entry_for(controller, url, branch, &err) == NULL) {
        log_fields(LOG_WARN, "state_file_damaged", "file", file, "error", err.message, NULL);
    }
}

static void load_mirror(void *user, const char *name)
{
    struct controller *controller = user;
    auto_free char *file = xasprintf("repos/%s/mirror.json", name);
    json_auto_t *json = state_read_json(&controller->state, file);
    const char *url = json_string_value(json_object_get(json, "url"));
    struct error err = {0};

    if (url != NULL) {
        mirror_entry_for(controller, url, &err);
    }
}

void desired_load_repositories(struct controller *controller)
{
    state_list(&controller->state, "repos", load_repository, controller);
    state_list(&controller->state, "repos", load_mirror, controller);
    state_list(&controller->state, "repos", workspace_remove_trash, controller);
}

/* --- Repository objects ----------------------------------------------------------------------- */

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

/* All containers of a repository have its settings. */
static void set_object(struct entry *entry, struct object *object)
{
    struct entry *mirror = entry->repository->mirror;

    mirror_set_object(mirror, object);
    for (struct map_entry *at = map_first(&mirror->mirror->containers); at != NULL;
         at = map_next(at)) {
        struct entry *container = map_value(at);

        container->repository->is_deleted = object == NULL;
        entry_set_desired(container, object);
        if (container->repository->setup != NULL) {
            entry_clear_failure(container->repository->setup); /* it may be another command now */
        }
        setup_sync(container);
        apply_reconsider(container);
        entry_enqueue(container);
    }
    placing_mark(mirror->controller);
}

/* Takes a Repository object away from the entry whose settings it was. */
static void leave_repository(struct controller *controller, const char *name)
{
    struct entry *entry = map_remove(&controller->repositories, name);

    if (entry != NULL && text_equal(entry->repository->settings_name, name)) {
        free(entry->repository->settings_name);
        entry->repository->settings_name = NULL;
        set_object(entry, NULL);
        hand_on_settings(controller, entry);
    }
}

/* What its status file said before this controller started. */
static void recall_status(struct entry *entry, const char *name, const struct spec_entry *spec)
{
    json_t *json = NULL;
    struct object_status *remembered =
        status_remembered(entry->controller, spec->file, kind_name(KIND_REPOSITORY), name, &json);

    if (remembered != NULL && !entry->is_passed) {
        status_free(entry->status);
        entry->status = remembered;
        entry_forget_remembered(entry);
        entry->remembered = json_incref(json);
        repository_load(entry);
    } else {
        status_free(remembered);
    }
    json_decref(json);
}

void desired_change_repository(struct controller *controller, const char *name,
                               const struct spec_entry *spec)
{
    struct object *object = spec != NULL ? spec->object : NULL;
    struct error err = {0};
    struct entry *entry = object != NULL
                              ? repository_entry_for(controller, object->repository.url, NULL, &err)
                              : NULL;

    if (map_get(&controller->repositories, name) != entry) {
        leave_repository(controller, name);
    }
    if (entry == NULL) {
        return;
    }
    map_put(&controller->repositories, name, entry);
    if (entry->repository->settings_name == NULL) {
        entry->repository->settings_name = xstrdup(name);
        recall_status(entry, name, spec);
    }
    if (text_equal(entry->repository->settings_name, name)) {
        set_object(entry, object);
    }
}
