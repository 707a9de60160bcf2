#include "controller/trees.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/runner_user.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* --- records ---------------------------------------------------------------------------------- */

static void record_free(struct tree_record *record)
{
    if (record != NULL) {
        free(record->name);
        free(record->task);
        free(record->commit);
        free(record->branch);
        free(record->upstream);
        free(record->layer);
        free(record->end_commit);
        free(record->end_branch);
        free(record);
    }
}

void trees_done(struct repository_entry *repository)
{
    for (struct map_entry *at = map_first(&repository->tree_records); at != NULL;
         at = map_next(at)) {
        record_free(map_value(at));
    }
    map_done(&repository->tree_records);
}

struct tree_record *tree_find(const struct entry *repository, const char *name)
{
    return name != NULL ? map_get(&repository->repository->tree_records, name) : NULL;
}

static void replace(char **text, const char *value)
{
    char *copy = xstrdup_or_null(value);

    free(*text);
    *text = copy;
}

struct tree_record *tree_record_for(struct entry *repository, const char *name, const char *task,
                                    const struct tree_source *source)
{
    struct tree_record *record = tree_find(repository, name);

    if (record == NULL) {
        record = xcalloc(1, sizeof(*record));
        record->name = xstrdup(name);
        map_put(&repository->repository->tree_records, name, record);
    }
    replace(&record->task, task);
    replace(&record->commit, source->commit);
    replace(&record->branch, source->branch);
    replace(&record->upstream, source->upstream);
    replace(&record->layer, source->layer);
    record->uid = source->uid;
    record->gid = source->gid;
    record->used_wall_ms = clock_wall_ms();
    return record;
}

static void put_text(json_t *json, const char *key, const char *text)
{
    if (text != NULL) {
        json_object_set_new(json, key, json_string(text));
    }
}

static char *record_path(const struct entry *repository, const char *name)
{
    return xasprintf("repos/%s/records/%s.json", repository->name, name);
}

static json_t *record_to_json(const struct tree_record *record)
{
    json_t *json = json_object();

    json_object_set_new(json, "version", json_integer(1));
    put_text(json, "task", record->task);
    put_text(json, "commit", record->commit);
    put_text(json, "branch", record->branch);
    put_text(json, "upstream", record->upstream);
    put_text(json, "layer", record->layer);
    json_object_set_new(json, "uid", json_integer(record->uid));
    json_object_set_new(json, "gid", json_integer(record->gid));
    put_text(json, "method", trees_method_name(record->method));
    if (record->is_inspected) {
        json_object_set_new(json, "dirty", json_boolean(record->is_dirty));
        json_object_set_new(json, "unpushed", json_boolean(record->is_unpushed));
        put_text(json, "endCommit", record->end_commit);
        put_text(json, "endBranch", record->end_branch);
    }
    json_object_set_new(json, "usedAtMs", json_integer(record->used_wall_ms));
    json_object_set_new(json, "removeAtMs", json_integer(record->removed_at_wall_ms));
    return json;
}

static int make_records(struct entry *repository, struct error *err)
{
    auto_free char *directory =
        state_path(&repository->controller->state, "repos/%s/records", repository->name);

    return dir_make(directory, 0700, err);
}

int tree_save(struct entry *repository, const struct tree_record *record, struct error *err)
{
    auto_free char *name = record_path(repository, record->name);
    json_auto_t *json = record_to_json(record);

    return make_records(repository, err) < 0
               ? -1
               : state_write_json(&repository->controller->state, name, json, err);
}

void tree_keep(struct entry *repository, const struct tree_record *record)
{
    auto_free char *name = record_path(repository, record->name);
    json_auto_t *json = record_to_json(record);
    struct error ignored = {0}; /* then the file cannot be written either, which is told */

    make_records(repository, &ignored);
    state_keep_json(&repository->controller->state, name, json);
}

void tree_forget(struct entry *repository, const char *name)
{
    auto_free char *path = record_path(repository, name);

    state_remove(&repository->controller->state, path);
    record_free(map_remove(&repository->repository->tree_records, name));
}

static char *read_text(const json_t *json, const char *key)
{
    return xstrdup_or_null(json_string_value(json_object_get(json, key)));
}

/*
 * Used at a moment to come: it was written while the clock was ahead, and so was what followed from
 * it.
 */
static void bring_back(struct tree_record *record, int64_t now_wall_ms)
{
    int64_t ahead_ms = record->used_wall_ms - now_wall_ms;

    if (ahead_ms > 0) {
        record->used_wall_ms = now_wall_ms;
        if (record->removed_at_wall_ms > ahead_ms) {
            record->removed_at_wall_ms -= ahead_ms;
        }
    }
}

static void load_record(void *user, const char *file)
{
    struct entry *repository = user;
    size_t len = strlen(file);
    auto_free char *name = len > 5 ? xstrndup(file, len - 5) : NULL;
    auto_free char *path = xasprintf("repos/%s/records/%s", repository->name, file);
    json_auto_t *json = state_read_json(&repository->controller->state, path);
    const char *method = json_string_value(json_object_get(json, "method"));
    struct tree_record *record;

    if (name == NULL || !text_has_suffix(file, ".json") ||
        json_string_value(json_object_get(json, "commit")) == NULL) {
        return;
    }
    record = xcalloc(1, sizeof(*record));
    record->name = xstrdup(name);
    record->task = read_text(json, "task");
    record->commit = read_text(json, "commit");
    record->branch = read_text(json, "branch");
    record->upstream = read_text(json, "upstream");
    record->layer = read_text(json, "layer");
    record->uid = json_integer_value(json_object_get(json, "uid"));
    record->gid = json_integer_value(json_object_get(json, "gid"));
    record->method = text_equal(method, "overlay") ? TREES_OVERLAY : TREES_COPY;
    record->is_inspected = json_is_boolean(json_object_get(json, "dirty"));
    record->is_dirty = json_is_true(json_object_get(json, "dirty"));
    record->is_unpushed = json_is_true(json_object_get(json, "unpushed"));
    record->end_commit = read_text(json, "endCommit");
    record->end_branch = read_text(json, "endBranch");
    record->used_wall_ms = json_integer_value(json_object_get(json, "usedAtMs"));
    record->removed_at_wall_ms = json_integer_value(json_object_get(json, "removeAtMs"));
    bring_back(record, clock_wall_ms());
    map_put(&repository->repository->tree_records, name, record);
}

void trees_load(struct entry *repository)
{
    auto_free char *directory = xasprintf("repos/%s/records", repository->name);
    struct error err = {0};

    if (!path_exists(repository->repository->trees_path) &&
        !path_exists(
            repository->repository->layers_path)) { /* the trees are gone, and so are they */
        if (repository->controller->state.is_writable) {
            workspace_put_away(repository->controller, repository->name, "records", &err);
        }
        return;
    }
    state_list(&repository->controller->state, directory, load_record, repository);
}

bool task_is_in_shared_tree(const struct entry *task)
{
    return !task_is_over(task->status) && text_equal(task->status->task->tree.name, SHARED_TREE);
}

/* --- what is there ---------------------------------------------------------------------------- */

bool tree_is_there(const struct entry *repository, const struct tree_record *record)
{
    auto_free char *path = NULL;
    struct statx info;

    if (record == NULL || !record->is_ready) {
        return false;
    }
    path = path_join(repository->repository->trees_path, record->name);
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &info) < 0 ||
        !S_ISDIR(info.stx_mode)) {
        return false;
    }
    return record->method != TREES_OVERLAY ||
           (info.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0 ||
           (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

void tree_fill_status(const struct entry *repository, const struct tree_record *record,
                      struct object_status *status)
{
    struct status_tree *tree = &status_task(status)->tree;

    tree->name = status_text(status, record->name);
    tree->method = trees_method_name(record->method);
    tree->layer = status_text(status, record->layer);
    tree->uid = record->uid;
    tree->gid = record->gid;
    tree->host_path =
        arena_printf(&status->arena, "%s/%s", repository->repository->trees_path, record->name);
    tree->home = arena_printf(&status->arena, "%s/.home/%s", WORKSPACE_MOUNT, record->name);
    tree->tmp = arena_printf(&status->arena, "%s/.tmp/%s", WORKSPACE_MOUNT, record->name);
    tree->is_inspected = record->is_inspected;
    tree->is_dirty = record->is_dirty;
    tree->is_unpushed = record->is_unpushed;
    tree->end_commit = status_text(status, record->end_commit);
    tree->end_branch = status_text(status, record->end_branch);
    status_task(status)->work_dir =
        arena_printf(&status->arena, "%s/%s", WORKSPACE_MOUNT, record->name);
    status_task(status)->branch = status_text(status, record->branch);
    status_task(status)->commit = status_text(status, record->commit);
}

bool tree_is_of_setup(const struct tree_record *record)
{
    return record->task == NULL && text_has_prefix(record->name, "setup-");
}

bool trees_have_unseen(const struct entry *repository)
{
    for (struct map_entry *at = map_first(&repository->repository->tree_records); at != NULL;
         at = map_next(at)) {
        const struct tree_record *record = map_value(at);

        if (!record->is_inspected && !tree_is_of_setup(record)) {
            return true;
        }
    }
    return false;
}

static int64_t work_ends_at(const struct tree_record *record, int64_t retain_ms)
{
    if (!record->is_inspected || (!record->is_dirty && !record->is_unpushed)) {
        return 0;
    }
    return record->removed_at_wall_ms != 0 ? record->removed_at_wall_ms
                                           : record->used_wall_ms + retain_ms;
}

int64_t trees_kept_until(const struct entry *repository)
{
    int64_t retain_ms = repository_settings(repository)->repository.retain_seconds * 1000;
    int64_t until_wall_ms = 0;

    for (struct map_entry *at = map_first(&repository->repository->tree_records); at != NULL;
         at = map_next(at)) {
        int64_t end_wall_ms = work_ends_at(map_value(at), retain_ms);

        if (end_wall_ms > until_wall_ms) {
            until_wall_ms = end_wall_ms;
        }
    }
    return until_wall_ms;
}

char *tree_free_name(const struct entry *repository, const char *task)
{
    char *name = xstrdup(task);

    for (unsigned number = 2; strcmp(name, SHARED_TREE) == 0 || tree_find(repository, name) != NULL;
         number++) {
        free(name);
        name = xasprintf("%s-%u", task, number);
    }
    return name;
}

char *snapshot_path(const struct entry *mirror, const char *commit, int64_t uid)
{
    return state_path(&mirror->controller->state, "repos/%s/snap/%s-%" PRId64, mirror->name, commit,
                      uid);
}

char *layer_path(const struct entry *mirror, const char *key)
{
    return state_path(&mirror->controller->state, "repos/%s/setup/%s", mirror->name, key);
}

char *layer_read_changes(const struct entry *mirror, const char *key)
{
    auto_free char *layer = layer_path(mirror, key);
    auto_free char *path = xasprintf("%s.changes", layer);
    char *text = NULL;
    struct error err = {0};

    return file_read(AT_FDCWD, path, 128, &text, NULL, &err) < 0 ? NULL : text;
}

int layer_write_changes(const struct entry *mirror, const char *key, const char *changes,
                        struct error *err)
{
    auto_free char *layer = layer_path(mirror, key);
    auto_free char *path = xasprintf("%s.changes", layer);

    return file_replace(AT_FDCWD, path, changes, strlen(changes), 0600, FILE_DURABLE, err);
}

/* --- whose trees are -------------------------------------------------------------------------- */

static void set_user(struct repository_entry *repository, const char *user, const char *error)
{
    replace(&repository->trees_user, user);
    replace(&repository->trees_user_error, error);
    repository->trees.user = repository->trees_user;
    repository->trees.user_error = repository->trees_user_error;
}

static void observe_user(struct entry *repository, const struct observed_container *container)
{
    struct repository_entry *own = repository->repository;
    const struct object *settings = repository_settings(repository);
    const char *reference = settings->repository.image != NULL
                                ? settings->repository.image
                                : repository->controller->options.repository_image;
    const struct image_entry *image = map_get(&repository->controller->images, reference);
    auto_free char *path = path_join(own->tasks_path, ".user");
    struct arena arena = {0};
    struct runner_user user;
    struct error err = {0};
    const char *name = repository_user(settings, image != NULL ? image->user : NULL, &arena);

    own->trees.is_user_known = false;
    own->trees.uid = own->trees.gid = 0;
    if (name[0] == '\0' || strcmp(name, "0") == 0 || strcmp(name, "root") == 0) {
        own->trees.is_user_known = true; /* root has no entry to look up */
        set_user(own, "", NULL);
    } else if (container == NULL || container->state != WORKLOAD_RUNNING) {
        set_user(own, name, NULL);
    } else if (runner_user_read(path, &user, &err) == 0) {
        own->trees.is_user_known = true;
        own->trees.uid = user.uid;
        own->trees.gid = user.gid;
        set_user(own, name, NULL);
    } else {
        set_user(own, name, err.kind == ERROR_NOT_FOUND ? NULL : err.message);
    }
    arena_done(&arena);
}

/*
 * What is there of the host's folder, and what the container has mounted; what cannot be looked at
 * is as it should be.
 */
static bool is_mounted_elsewhere(const struct repository_entry *own,
                                 const struct observed_container *container)
{
    auto_free char *inside = NULL;
    struct stat here, there;

    if (container == NULL || !container->is_ours || container->state != WORKLOAD_RUNNING ||
        container->pid <= 0) {
        return false;
    }
    inside = xasprintf("/proc/%lld/root%s", (long long)container->pid, WORKSPACE_MOUNT);
    if (stat(inside, &there) < 0) {
        return false;
    }
    return stat(own->trees_path, &here) < 0 || here.st_dev != there.st_dev ||
           here.st_ino != there.st_ino;
}

void trees_observe(struct entry *repository)
{
    struct controller *controller = repository->controller;
    struct repository_entry *own = repository->repository;
    const struct observed_container *container = map_get(&controller->containers, repository->name);

    own->trees.path = own->trees_path;
    own->trees.tasks_path = own->tasks_path;
    own->trees.exists = path_exists(own->trees_path) || path_exists(own->layers_path);
    own->trees.is_mounted_elsewhere = is_mounted_elsewhere(own, container);
    trees_probe(controller);
    own->trees.method = controller->trees_means.method;
    own->trees.method_message = controller->trees_means.message;
    if (container != NULL && container->is_ours && own->trees.method == TREES_OVERLAY &&
        !text_equal(container->trees, trees_method_name(TREES_OVERLAY))) {
        own->trees.method = TREES_COPY; /* it was made without the way in for mounts */
    }
    if (repository_settings(repository) != NULL) {
        observe_user(repository, container);
    }
}

/* --- the means -------------------------------------------------------------------------------- */

/* One that was killed, by hand or for want of memory, says nothing about mounts either. */
enum { DEATHS_UNTIL_COPY = 3 };

/* What fails there says nothing about mounts. */
static bool is_disk_unwritable(const char *path)
{
    struct statvfs info;

    return statvfs(path, &info) == 0 && ((info.f_flag & ST_RDONLY) != 0 || info.f_bavail == 0 ||
                                         (info.f_files > 0 && info.f_favail == 0));
}

static void on_probed(void *user, const struct tree_result *result, struct error *err)
{
    struct controller *controller = user;
    auto_free char *path = state_path(&controller->state, "probe");
    auto_free char *layers = state_path(&controller->state, "probe-layers");
    struct tree_job clear = {.verb = TREE_CLEAR, .trees = path, .layers = layers};

    bool is_overlay = result != NULL && result->method == TREE_OVERLAY;

    controller->trees_means.is_asked = false;
    tree_pool_submit(controller->trees, &clear, NULL, NULL);
    if (!is_overlay && is_disk_unwritable(controller->state.path)) {
        controller->unwritten.is_probe_due = true;
        return;
    }
    if (result == NULL && ++controller->trees_means.deaths < DEATHS_UNTIL_COPY) {
        log_fields(LOG_WARN, "trees_probe_failed", "error", err->message, NULL);
        trees_probe(controller);
        return;
    }
    controller->trees_means.method = is_overlay ? TREES_OVERLAY : TREES_COPY;
    replace(&controller->trees_means.message, result == NULL ? err->message : result->message);
    log_fields(LOG_INFO, "trees", "method", trees_method_name(controller->trees_means.method),
               "message", controller->trees_means.message, NULL);
    controller_enqueue_all(controller);
}

void trees_probe(struct controller *controller)
{
    auto_free char *path = state_path(&controller->state, "probe");
    struct tree_job job = {.verb = TREE_PROBE, .trees = path};
    struct error err = {0};

    if (controller->trees_means.method != TREES_UNKNOWN || controller->trees_means.is_asked ||
        controller->unwritten.is_probe_due) {
        return;
    }
    if (controller->options.trees == TREES_WISH_COPY) {
        controller->trees_means.method = TREES_COPY;
        controller->trees_means.message = xstrdup("the controller was started with --trees copy");
        return;
    }
    if (dir_make(path, 0700, &err) < 0) {
        on_probed(controller, NULL, &err);
        return;
    }
    controller->trees_means.is_asked = true;
    tree_pool_submit(controller->trees, &job, on_probed, controller);
}
