#include "controller/apply.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/disk.h"
#include "controller/setups.h"
#include "controller/trees.h"

#include <stdlib.h>
#include <string.h>

/* What tasks whose spec is gone have left: it is kept for its time, and goes then. */

struct expiry {
    struct controller *controller;
    int64_t now_wall_ms, next_wall_ms; /* 0: there is none */
};

static bool is_due(struct expiry *expiry, int64_t at_wall_ms)
{
    if (at_wall_ms <= expiry->now_wall_ms) {
        return true;
    }
    if (expiry->next_wall_ms == 0 || at_wall_ms < expiry->next_wall_ms) {
        expiry->next_wall_ms = at_wall_ms;
    }
    return false;
}

/* --- logs ------------------------------------------------------------------------------------- */

static bool is_plain(const char *name)
{
    return name != NULL && strchr(name, '/') == NULL && name[0] != '.';
}

static void save_log_times(struct controller *controller, const char *file, json_t *json,
                           int64_t retired_at_wall_ms, int64_t removed_at_wall_ms)
{
    json_object_set_new(json, "retiredAtMs", json_integer(retired_at_wall_ms));
    json_object_set_new(json, "removeAtMs", json_integer(removed_at_wall_ms));
    state_keep_json(&controller->state, file, json);
}

/* One that was written while the clock was ahead is kept from now on. */
static int64_t log_ends_at(struct controller *controller, const char *file, json_t *json)
{
    int64_t now_wall_ms = clock_wall_ms();
    int64_t ends_at = json_integer_value(json_object_get(json, "removeAtMs"));
    int64_t retired_at = json_integer_value(json_object_get(json, "retiredAtMs"));

    if (retired_at > now_wall_ms) {
        ends_at -= retired_at - now_wall_ms;
        save_log_times(controller, file, json, now_wall_ms, ends_at);
    }
    return ends_at;
}

static void expire_log(void *user, const char *name)
{
    struct expiry *expiry = user;
    struct controller *controller = expiry->controller;
    auto_free char *file = xasprintf("retired/%s", name);
    json_auto_t *json = state_read_json(&controller->state, file);
    const char *id = json_string_value(json_object_get(json, "id"));
    const char *repository = json_string_value(json_object_get(json, "repositoryContainer"));
    auto_free char *path = NULL;
    struct error err = {0};

    if (json == NULL || !is_due(expiry, log_ends_at(controller, file, json))) {
        return;
    }
    if (is_plain(id) && is_plain(repository)) {
        path = state_path(&controller->state, "repos/%s/run/tasks/%s", repository, id);
        if (tree_remove(path, &err) < 0) {
            log_fields(LOG_WARN, "cleanup_failed", "path", path, "error", err.message, NULL);
            return;
        }
        repository_remove_if_empty(controller, repository);
    }
    state_remove(&controller->state, file);
}

/* --- trees ------------------------------------------------------------------------------------ */

struct tree_removal {
    struct controller *controller;
    char *repository_key, *name;
};

/* Its task, if it still has one, has ended, and shows the tree no more. */
static void tell_owner(const struct entry *repository, const struct tree_record *record)
{
    struct entry *task = tree_owner(repository, record);

    if (task != NULL && text_equal(task->status->task->tree.name, record->name)) {
        task_forget_place(task->status);
        status_mark_entry(task);
        entry_enqueue(task);
    }
}

static void removal_free(struct tree_removal *removal)
{
    free(removal->repository_key);
    free(removal->name);
    free(removal);
}

static void on_removed(void *user, const struct tree_result *result, struct error *err)
{
    struct tree_removal *removal = user;
    struct entry *repository = entry_find(removal->controller, removal->repository_key);
    struct tree_record *record = repository != NULL ? tree_find(repository, removal->name) : NULL;

    if (record != NULL) {
        record->is_leaving = false; /* one that could not be removed is tried again */
    }
    if (result == NULL) {
        log_fields(LOG_WARN, "cleanup_failed", "key", removal->repository_key, "tree",
                   removal->name, "error", err->message, NULL);
    } else if (record != NULL) {
        tell_owner(repository, record);
        tree_forget(repository, removal->name);
        entry_enqueue(repository);
    }
    disk_note_removed(removal->controller);
    removal_free(removal);
}

static void on_inspected_again(void *user, const struct tree_result *result, struct error *err)
{
    struct tree_removal *removal = user;
    struct entry *repository = entry_find(removal->controller, removal->repository_key);
    struct tree_record *record = repository != NULL ? tree_find(repository, removal->name) : NULL;
    struct tree_job job;

    if (record == NULL) {
        on_removed(user, NULL, err);
        return;
    }
    if (result != NULL && (result->is_unpushed || (result->is_dirty && record->layer == NULL))) {
        record->is_dirty = result->is_dirty;
        record->is_unpushed = result->is_unpushed;
        record->is_leaving = false;
        record->removed_at_wall_ms =
            clock_wall_ms() + repository_settings(repository)->repository.retain_seconds * 1000;
        tree_keep(repository, record);
        entry_enqueue(repository);
        removal_free(removal);
        return;
    }
    job = (struct tree_job){
        .verb = TREE_REMOVE,
        .method = record->method == TREES_OVERLAY ? TREE_OVERLAY : TREE_COPY,
        .trees = repository->repository->trees_path,
        .layers = repository->repository->layers_path,
        .name = record->name,
    };
    tree_pool_submit(removal->controller->trees, &job, on_removed, removal);
}

void tree_remove_kept(struct entry *repository, struct tree_record *record)
{
    struct tree_removal *removal = xcalloc(1, sizeof(*removal));
    struct tree_job job = {
        .verb = TREE_REMOVE,
        .method = record->method == TREES_OVERLAY ? TREE_OVERLAY : TREE_COPY,
        .trees = repository->repository->trees_path,
        .layers = repository->repository->layers_path,
        .name = record->name,
    };

    record->is_leaving = true;
    removal->controller = repository->controller;
    removal->repository_key = xstrdup(repository->key);
    removal->name = xstrdup(record->name);
    if (record->task != NULL && record->is_inspected && !record->is_dirty &&
        !record->is_unpushed) { /* people can work in it after its task */
        job.verb = TREE_INSPECT;
        job.uid = (uid_t)record->uid;
        job.gid = (gid_t)record->gid;
        job.commit = record->commit;
        tree_pool_submit(repository->controller->trees, &job, on_inspected_again, removal);
        return;
    }
    tree_pool_submit(repository->controller->trees, &job, on_removed, removal);
}

struct entry *tree_owner(const struct entry *repository, const struct tree_record *record)
{
    auto_free char *key =
        record->task != NULL ? object_key(kind_name(KIND_TASK), record->task) : NULL;
    struct entry *task = key != NULL ? entry_find(repository->controller, key) : NULL;

    return task != NULL && task->is_passed && task->status->task->tree.name != NULL &&
                   strcmp(task->status->task->tree.name, record->name) != 0
               ? NULL
               : task;
}

/*
 * A record that says whose it is, and nobody of that name claims it: its owner went while no
 * controller looked.
 */
static bool has_lost_owner(const struct entry *repository, const struct tree_record *record)
{
    if (record->removed_at_wall_ms != 0 || !repository->controller->is_scanned) {
        return false;
    }
    return tree_is_of_setup(record)
               ? !setup_needs_tree(repository, record->name)
               : record->task != NULL && tree_owner(repository, record) == NULL;
}

static void give_time(struct entry *repository, struct tree_record *record, int64_t now_wall_ms)
{
    if (tree_is_of_setup(record)) { /* of one that was given up: nobody has worked in it */
        record->removed_at_wall_ms = now_wall_ms;
        return;
    }
    if (!record->is_inspected) { /* what nobody has looked at may be somebody's work */
        record->is_inspected = record->is_dirty = true;
    }
    record->removed_at_wall_ms =
        now_wall_ms + repository_settings(repository)->repository.retain_seconds * 1000;
    tree_keep(repository, record);
}

void trees_expire(struct controller *controller)
{
    struct expiry expiry = {controller, clock_wall_ms(), 0};

    state_list(&controller->state, "retired", expire_log, &expiry);
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        struct entry *repository = map_value(at);

        if (repository->kind != ENTRY_REPOSITORY || repository_settings(repository) == NULL) {
            continue;
        }
        for (struct map_entry *tree = map_first(&repository->repository->tree_records);
             tree != NULL; tree = map_next(tree)) {
            struct tree_record *record = map_value(tree);

            if (has_lost_owner(repository, record)) {
                give_time(repository, record, expiry.now_wall_ms);
            }
            if (record->removed_at_wall_ms != 0 && !record->is_leaving &&
                is_due(&expiry, record->removed_at_wall_ms)) {
                log_fields(LOG_INFO, "sweep", "kind", "tree", "name", record->name, "cause",
                           "the time that it is kept is over", NULL);
                tree_remove_kept(repository, record);
            }
        }
    }
    if (expiry.next_wall_ms != 0) {
        uv_timer_start(&controller->retired_timer, retired_on_timer,
                       (uint64_t)(expiry.next_wall_ms - expiry.now_wall_ms), 0);
    }
}

struct log_shift {
    struct controller *controller;
    int64_t by_ms;
};

static void shift_log(void *user, const char *name)
{
    const struct log_shift *shift = user;
    auto_free char *file = xasprintf("retired/%s", name);
    json_auto_t *json = state_read_json(&shift->controller->state, file);

    if (json != NULL) {
        save_log_times(shift->controller, file, json,
                       json_integer_value(json_object_get(json, "retiredAtMs")) + shift->by_ms,
                       json_integer_value(json_object_get(json, "removeAtMs")) + shift->by_ms);
    }
}

void retired_shift_times(struct controller *controller, int64_t by_ms)
{
    struct log_shift shift = {controller, by_ms};

    state_list(&controller->state, "retired", shift_log, &shift);
}

void retired_on_timer(uv_timer_t *timer)
{
    trees_expire(timer->data);
}

void retired_expire_soon(struct controller *controller)
{
    uv_timer_start(&controller->retired_timer, retired_on_timer, 1, 0);
}
