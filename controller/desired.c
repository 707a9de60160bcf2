#include "controller/controller.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/entry.h"
#include "controller/mirrors.h"
#include "controller/placing.h"
#include "controller/pools.h"
#include "controller/profile_trace.h"
#include "controller/requests.h"
#include "controller/setups.h"
#include "controller/task_owner.h"
#include "controller/trees.h"
#include "specs/reason.h"
#include "specs/spec_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESCAN_MARGIN_MS = 50, RESCAN_WRITING_MS = 500, RESCAN_UNKNOWN_MS = 2000 };

/* Tasks */

struct entry *repository_of_task(const struct entry *task)
{
    return task->task->repository_key != NULL
               ? entry_find(task->controller, task->task->repository_key)
               : NULL;
}

static void refuse_task(struct entry *task, const char *reason, const char *message)
{
    free(task->task->refusal_reason);
    free(task->task->refusal);
    task->task->refusal_reason = xstrdup_or_null(reason);
    task->task->refusal = xstrdup_or_null(message);
}

struct entry *mirror_of_task(const struct entry *task)
{
    return task->task->mirror_key != NULL ? entry_find(task->controller, task->task->mirror_key)
                                          : NULL;
}

const struct object *task_settings(const struct entry *task)
{
    const struct entry *mirror = mirror_of_task(task);

    return mirror != NULL ? mirror_settings(mirror) : NULL;
}

static struct entry *find_mirror(struct entry *task)
{
    const struct task_spec *spec = &task->desired->task;
    struct controller *controller = task->controller;
    struct error err = {0};
    struct entry *repository, *mirror;

    refuse_task(task, NULL, NULL);
    if (spec->repository_name != NULL) {
        repository = map_get(&controller->repositories, spec->repository_name);
        if (repository == NULL) {
            auto_free char *message =
                xasprintf("there is no Repository named \"%s\"", spec->repository_name);

            refuse_task(task, REASON_REPOSITORY_UNKNOWN, message);
        }
        return repository != NULL ? repository->repository->mirror : NULL;
    }
    mirror = mirror_entry_for(controller, spec->repository_url, &err);
    if (mirror == NULL) {
        refuse_task(task, REASON_INVALID_URL, err.message);
    } else {
        mirror_offer_url(mirror, spec->repository_url);
    }
    return mirror;
}

/* Whose container it is to be in; NULL: only the mirror knows the branch, and was not asked yet. */
static struct entry *find_container(struct entry *task, struct entry *mirror)
{
    const struct object *settings = mirror_settings(mirror);
    struct revision revision = task_revision(task->desired, settings);
    const char *branch = NULL;
    struct error err = {0};

    if (task_isolation(task->desired, settings) == ISOLATION_BRANCH) {
        branch =
            revision.kind == REVISION_HEAD ? mirror->mirror->observed.head_branch : revision.name;
        if (branch == NULL) {
            return NULL;
        }
    }
    return repository_entry_for(task->controller, mirror->mirror->url_text, branch, &err);
}

static void join_mirror(struct entry *task, struct entry *mirror)
{
    struct entry *before = mirror_of_task(task);

    if (before == mirror) {
        return;
    }
    if (before != NULL) {
        map_remove(&before->mirror->tasks, task->key);
        entry_enqueue(before);
    }
    free(task->task->mirror_key);
    task->task->mirror_key = mirror != NULL ? xstrdup(mirror->key) : NULL;
    if (mirror != NULL) {
        map_put(&mirror->mirror->tasks, task->key, task);
        entry_clear_failure(mirror); /* somebody new deserves a try at once */
        entry_enqueue(mirror);
    }
}

static void join_container(struct entry *task, struct entry *container)
{
    struct entry *before = repository_of_task(task);

    if (before == container) {
        return;
    }
    if (before != NULL) {
        map_remove(&before->repository->tasks, task->key);
        entry_enqueue(before);
        placing_release(task);
    }
    free(task->task->repository_key);
    task->task->repository_key = container != NULL ? xstrdup(container->key) : NULL;
    if (container != NULL) {
        container->repository->is_deleted = false;
        map_put(&container->repository->tasks, task->key, task);
        setup_sync(container);
        entry_enqueue(container);
    }
}

/* The tree that an earlier controller made for it. */
static void recall_tree(struct entry *task)
{
    struct entry *repository = repository_of_task(task);
    struct status_task *status = status_task(task->status);

    if (repository == NULL || status->tree.name != NULL) {
        return;
    }
    for (struct map_entry *at = map_first(&repository->repository->tree_records); at != NULL;
         at = map_next(at)) {
        const struct tree_record *record = map_value(at);

        if (text_equal(record->task, task->name) && record->removed_at_wall_ms == 0) {
            tree_fill_status(repository, record, task->status);
        }
    }
}

/* A task belongs to the repository it was started in, whatever its spec says later. */
static void relate_task(struct entry *task)
{
    struct entry *before = repository_of_task(task), *mirror;

    if (task->desired == NULL || (before != NULL && (task->status->task->attempt > 0 ||
                                                     task->status->task->tree.name != NULL))) {
        return;
    }
    mirror = find_mirror(task);
    join_mirror(task, mirror);
    join_container(task, mirror != NULL ? find_container(task, mirror) : NULL);
    recall_tree(task);
    entry_enqueue(task);
    placing_mark(task->controller);
}

void desired_relate_tasks(struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        struct entry *entry = map_value(at);

        if (entry->kind == ENTRY_TASK) {
            relate_task(entry);
        }
    }
}

/* One that works in the shared tree, and the ports that it has. */
static void load_shared(struct entry *task, const json_t *json)
{
    struct status_task *status = status_task(task->status);
    const json_t *ports = json_object_get(json, "ports");

    if (text_equal(json_string_value(json_object_get(json, "tree")), SHARED_TREE) &&
        status->tree.name == NULL) {
        status->tree.name = SHARED_TREE;
        status->branch =
            status_text(task->status, json_string_value(json_object_get(json, "branch")));
        status->commit =
            status_text(task->status, json_string_value(json_object_get(json, "commit")));
    }
    if (task_is_over(task->status) || status->port_count > 0) {
        return;
    }
    status->ports =
        arena_alloc(&task->status->arena, (json_array_size(ports) + 1) * sizeof(*status->ports));
    for (size_t i = 0; i < json_array_size(ports); i++) {
        const json_t *port = json_array_get(ports, i);
        const char *name = json_string_value(json_object_get(port, "name"));
        json_int_t number = json_integer_value(json_object_get(port, "containerPort"));

        if (name != NULL && number > 0 && number <= UINT16_MAX) {
            status->ports[status->port_count++] = (struct status_task_port){
                .name = status_text(task->status, name), .container_port = (uint16_t)number};
        }
    }
}

/* The durable record of a task's incarnation outweighs what a status file says. */
static void load_task(struct entry *task)
{
    struct status_task *status = status_task(task->status);
    auto_free char *name = xasprintf("tasks/%s.json", task->name);
    json_auto_t *json = state_read_json(&task->controller->state, name);
    const char *id = json_string_value(json_object_get(json, "id"));
    const char *hash = json_string_value(json_object_get(json, "specHash"));
    const char *container = json_string_value(json_object_get(json, "repositoryContainer"));
    json_int_t attempt = json_integer_value(json_object_get(json, "attempt"));

    if (id == NULL || container == NULL || !object_name_is_valid(id) ||
        !object_name_is_valid(container)) {
        return; /* they name folders: nothing but what we would have written */
    }
    if (!text_equal(status->id, id)) {
        status_free(task->status);
        task->status = status_new();
        status = status_task(task->status);
    }
    status->id = status_text(task->status, id);
    status->hash = status_text(task->status, hash);
    status->repository = status_text(task->status, container);
    status->attempt = attempt > 0 && attempt <= INT32_MAX ? (unsigned)attempt : 1;
    if (status->log_file == NULL && !task_is_over(task->status)) {
        auto_free char *log = state_path(&task->controller->state, "repos/%s/run/tasks/%s/%u.log",
                                         container, id, status->attempt);

        status->log_file = status_text(task->status, log);
    }
    if (task->task->repository_key == NULL) {
        struct entry *repository =
            entry_of_container(task->controller, KIND_REPOSITORY_CONTAINER, container);

        if (repository != NULL) {
            join_mirror(task, repository->repository->mirror);
            join_container(task, repository);
            recall_tree(task);
        }
    }
    load_shared(task, json);
}

/*
 * A record without a spec: the spec went while nobody looked. Its entry ends it, so that a new task
 * of the name is a new one.
 */
static void load_task_record(void *user, const char *file)
{
    struct controller *controller = user;
    auto_free char *name = xstrndup(file, strcspn(file, "."));
    auto_free char *key = object_key(kind_name(KIND_TASK), name);
    struct entry *task;

    if (entry_find(controller, key) != NULL || !object_name_is_valid(name)) {
        return;
    }
    task = entry_new(controller, ENTRY_TASK, kind_name(KIND_TASK), name);
    load_task(task);
    entry_enqueue(task);
}

void desired_load_task_records(struct controller *controller)
{
    if (controller->is_scanned) {
        state_list(&controller->state, "tasks", load_task_record, controller);
    }
}

/* From changes of the set to entries */

static struct entry *entry_for(struct controller *controller, enum entry_kind kind, const char *key,
                               const struct spec_entry *spec)
{
    struct entry *entry = entry_find(controller, key);
    struct object_status *remembered = NULL;
    json_auto_t *json = NULL;

    if (entry != NULL || spec == NULL) {
        return entry;
    }
    entry =
        entry_new(controller, kind, kind == ENTRY_TASK ? "Task" : "Instance", spec->object->name);
    if (!status_is_written(controller, spec->file)) { /* else it is of one that was here before */
        remembered = status_remembered(controller, spec->file, kind_name(spec->object->kind),
                                       spec->object->name, &json);
    }
    if (remembered != NULL) {
        entry_remember(entry, json);
        status_free(entry->status);
        entry->status = remembered;
    }
    return entry;
}

static void change_instance(struct controller *controller, const char *key,
                            const struct spec_entry *spec)
{
    struct entry *entry = entry_for(controller, ENTRY_INSTANCE, key, spec);

    if (entry != NULL && spec != NULL) {
        if (entry->member.pool != NULL) {
            log_fields(LOG_WARN, "member_taken", "key", key, "pool", entry->member.pool->name,
                       "cause", "a file names an instance like this member", "file", spec->file,
                       NULL);
        }
        pools_leave(entry); /* its pool takes another number */
    }
    if (entry != NULL && entry->member.pool == NULL) {
        entry_set_desired(entry, spec != NULL ? spec->object : NULL);
        entry_enqueue(entry);
        apply_reconsider(entry);
    }
}

/* Another pool is asked for, and nothing was begun in the one before. */
static bool leaves_pool(const struct entry *task, const struct spec_entry *spec)
{
    return task->desired != NULL && spec != NULL && task->status->task->attempt == 0 &&
           task->status->phase != PHASE_TASK_RUNNING &&
           !text_equal(task->desired->task.pool, spec->object->task.pool);
}

static void change_task(struct controller *controller, const char *key,
                        const struct spec_entry *spec)
{
    bool is_new = entry_find(controller, key) == NULL;
    struct entry *entry = entry_for(controller, ENTRY_TASK, key, spec);

    if (entry == NULL) {
        return;
    }
    if (leaves_pool(entry, spec)) {
        placing_release(entry);
    }
    entry_set_desired(entry, spec != NULL ? spec->object : NULL);
    task_note_owner(entry);
    if (entry->desired != NULL) {
        entry->task->ttl_ms = entry->desired->task.ttl_seconds_after_finished * 1000;
    }
    if (is_new) {
        load_task(entry);
    }
    relate_task(entry);
    entry_enqueue(entry);
    placing_mark(controller);
    apply_reconsider(entry);
    if (repository_of_task(entry) != NULL) {
        entry_enqueue(repository_of_task(entry));
        apply_reconsider(repository_of_task(entry));
    }
    if (mirror_of_task(entry) != NULL) {
        entry_enqueue(mirror_of_task(entry));
        apply_reconsider(mirror_of_task(entry));
    }
}

static void apply_change(struct controller *controller, const char *key, bool *ret_has_repository)
{
    const struct spec_entry *spec = spec_set_find(controller->specs, key);
    const struct entry *entry = entry_find(controller, key);
    auto_free char *file_before =
        entry != NULL && entry->desired != NULL ? xstrdup(entry->desired->file) : NULL;

    if (text_has_prefix(key, "Repository/")) {
        desired_change_repository(controller, key + strlen("Repository/"), spec);
        *ret_has_repository = true;
    } else if (text_has_prefix(key, "InstancePool/")) {
        pools_change(controller, key, spec);
    } else if (text_has_prefix(key, "Instance/")) {
        change_instance(controller, key, spec);
    } else if (text_has_prefix(key, "Task/")) {
        change_task(controller, key, spec);
    }
    if (spec != NULL || file_before != NULL) {
        status_mark_file(controller, spec != NULL ? spec->file : file_before);
    }
    log_fields(LOG_INFO, spec != NULL ? "spec_changed" : "spec_gone", "key", key, "file",
               spec != NULL ? spec->file : NULL, NULL);
}

enum { LOGGED_ERRORS = 5 }; /* of one file: the status has them all */

static void log_spec_error(const char *file, const struct spec_document *document,
                           const struct spec_error *error)
{
    bool is_named = document != NULL && document->kind != NULL && document->name != NULL;
    auto_free char *text = spec_error_format(file, error);
    auto_free char *key = is_named ? object_key(document->kind, document->name) : NULL;

    log_fields(LOG_WARN, "spec_invalid", "error", text, "file", file, "key", key, NULL);
}

static void log_spec_errors(const struct spec_set_file *file)
{
    unsigned left = LOGGED_ERRORS;

    for (size_t i = 0; file->parsed != NULL && i < file->parsed->count; i++) {
        const struct spec_document *document = &file->parsed->documents[i];

        for (size_t e = 0; e < document->error_count && left > 0; e++, left--) {
            log_spec_error(file->name, document, &document->errors[e]);
        }
    }
    for (size_t i = 0; file->parsed != NULL && i < file->parsed->error_count && left > 0;
         i++, left--) {
        log_spec_error(file->name, NULL, &file->parsed->errors[i]);
    }
    if (file->unreadable != NULL) {
        log_fields(LOG_WARN, "spec_unreadable", "file", file->name, "error", file->unreadable,
                   NULL);
    }
}

static void apply_object_changes(struct controller *controller)
{
    struct spec_set *specs = controller->specs;
    bool has_repository = false;

    map_sort(
        &specs
             ->changes); /* Instance, Repository, Task: repositories are there before their tasks */
    for (struct map_entry *at = map_first(&specs->changes); at != NULL; at = map_next(at)) {
        apply_change(controller, map_key(at), &has_repository);
    }
    if (has_repository) {
        desired_relate_tasks(controller);
    }
}

static void apply_file_change(struct controller *controller, const struct spec_set_file *file)
{
    if (file->is_changed) {
        status_mark_file(controller, file->name);
        log_spec_errors(file);
    }
    if (file->good_text != NULL && controller->is_scanned && !file->has_missing) {
        good_specs_mark(controller, file);
    }
}

static void apply_changes(struct controller *controller)
{
    struct spec_set *specs = controller->specs;

    apply_object_changes(controller);
    for (struct map_entry *at = map_first(&specs->files); at != NULL; at = map_next(at)) {
        apply_file_change(controller, map_value(at));
    }
    status_mark_departed(controller);
    spec_set_clear_changes(specs);
    status_forget_remembered(controller);
}

static void on_rescan(uv_timer_t *timer)
{
    desired_scan(timer->data);
}

static void rescan_in(struct controller *controller, uint64_t delay_ms)
{
    if (!controller->options.is_dry_run) {
        uv_timer_start(&controller->rescan_timer, on_rescan, delay_ms, 0);
    }
}

static void note_doubts(struct controller *controller)
{
    if (controller->specs->has_doubts && !controller->has_doubts) {
        log_fields(LOG_WARN, "spec_directory_replaced", "directory", controller->scan.directory,
                   "error", "it, or a part of it, is empty and not the one that was read before",
                   "hint", "if it is unmounted, mount it; if all is to go, confirm", NULL);
    }
    controller->has_doubts = controller->specs->has_doubts;
}

static void keep_places(struct controller *controller)
{
    if (controller->scan.are_places_changed && !controller->options.is_dry_run) {
        json_auto_t *places = spec_scan_places(&controller->scan);

        state_keep_json(&controller->state, "places.json", places);
    }
}

static void note_scan_error(struct controller *controller, const struct error *err)
{
    if (!text_equal(controller->scan_error, err->message)) {
        log_fields(LOG_ERROR, "spec_directory_unreadable", "error", err->message, "hint",
                   "nothing is deleted while it cannot be read", NULL);
        free(controller->scan_error);
        controller->scan_error = xstrdup(err->message);
    }
}

static void scan_at(struct controller *controller, uint64_t now_ms)
{
    size_t held_before = controller->specs->held_count;
    auto_free char *request = state_path(&controller->state, "requests/confirm-deletions");
    bool is_asked = path_exists(request), is_confirmed = held_before > 0 && is_asked;
    struct error err = {0};

    requests_take_deletions(controller);
    if (spec_scan_run(&controller->scan, controller->specs, now_ms, is_confirmed, &err) < 0) {
        note_scan_error(controller, &err);
        apply_changes(controller); /* at the start: what was known before stays in force */
        rescan_in(controller, RESCAN_UNKNOWN_MS); /* no event tells of what is mounted */
        return;
    }
    if (controller->scan_error != NULL) {
        log_fields(LOG_INFO, "spec_directory_readable", "directory", controller->scan.directory,
                   NULL);
        free(controller->scan_error);
        controller->scan_error = NULL;
    }
    if (!controller->is_scanned && controller->state.is_writable) {
        retired_expire_soon(
            controller); /* what is to go, and when, is known from the state directory */
    }
    controller->is_scanned = true;
    if (is_asked) { /* it was meant for what is held now, not for what may be held one day */
        state_remove(&controller->state, "requests/confirm-deletions");
    }
    if (controller->watch != NULL) {
        spec_watch_update(controller->watch, &controller->scan.directories);
    }
    if (controller->specs->held_count != held_before && controller->specs->held_count > 0) {
        auto_free char *count = xasprintf("%zu", controller->specs->held_count);

        log_fields(LOG_WARN, "deletions_held", "objects", count, "hint",
                   "put the files back, or run berth confirm-deletions", NULL);
    }
    note_doubts(controller);
    keep_places(controller);
    unwritten_hold_id(controller);
    apply_changes(controller);
    if (controller->scan.is_being_written) {
        rescan_in(controller, RESCAN_WRITING_MS);
    } else if (controller->specs->is_waiting) {
        rescan_in(controller, SPEC_DELETION_DELAY_MS + RESCAN_MARGIN_MS);
    } else if (controller->specs->has_doubts) {
        rescan_in(controller, RESCAN_UNKNOWN_MS);
    }
}

void desired_scan_at(struct controller *controller, uint64_t now_ms)
{
    profile_begin("scan the specs");
    scan_at(controller, now_ms);
    profile_end(trace_args(trace_number("files", map_count(&controller->specs->files)),
                           trace_text("error", controller->scan_error)));
}

/*
 * With one file among thousands that are as they were. Whatever a scan would have to do beside
 * that, or is going to do soon, is left to it.
 */
bool desired_take_files(struct controller *controller, const struct map *names)
{
    struct spec_set *specs = controller->specs;
    auto_free char *request = state_path(&controller->state, "requests/confirm-deletions");

    if (!controller->is_scanned || controller->scan_error != NULL ||
        uv_is_active((uv_handle_t *)&controller->rescan_timer) || path_exists(request) ||
        !spec_scan_files(&controller->scan, specs, names, clock_monotonic_ms())) {
        return false;
    }
    apply_object_changes(controller);
    for (struct map_entry *at = map_first(names); at != NULL; at = map_next(at)) {
        struct spec_set_file *file = map_get(&specs->files, map_key(at));

        apply_file_change(controller, file);
        status_look_for(controller, file->name);
        spec_set_clear_changes_of(specs, file);
    }
    status_forget_remembered(controller);
    return true;
}

void desired_scan(struct controller *controller)
{
    desired_scan_at(controller, clock_monotonic_ms());
}

const struct spec_entry *entry_spec(const struct entry *entry)
{
    const struct spec_set *specs = entry->controller->specs;
    auto_free char *key = NULL;

    if (entry->member.pool != NULL) {
        return spec_set_find(specs, entry->member.pool->key);
    }
    if (entry->kind != ENTRY_REPOSITORY) {
        return spec_set_find(specs, entry->key);
    }
    if (entry->repository->settings_name == NULL) {
        return NULL;
    }
    key = object_key(kind_name(KIND_REPOSITORY), entry->repository->settings_name);
    return spec_set_find(specs, key);
}
