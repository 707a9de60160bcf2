#include "controller/apply.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/setups.h"
#include "controller/trees.h"
#include "specs/reason.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INSPECTIONS = 3 }; /* of a tree that cannot be looked at; then it counts as work */

/*
 * Working trees: each action is one job of a child (clients/tree_job.h), and what the record says
 * of it.
 */

struct entry *run_repository(const struct plan_run *run)
{
    switch (run->entry->kind) {
    case ENTRY_REPOSITORY: return run->entry;
    case ENTRY_TASK: return repository_of_task(run->entry);
    case ENTRY_SETUP: return setup_repository(run->entry);
    case ENTRY_INSTANCE:
    case ENTRY_POOL:
    case ENTRY_MIRROR: return NULL;
    }
    return NULL;
}

/* NULL: the run has failed, since its repository went meanwhile. */
static struct entry *need_repository(struct plan_run *run)
{
    struct entry *repository = run_repository(run);
    struct error err = {0};

    if (repository == NULL) {
        error_set_reason(&err, ERROR_CONFLICT, REASON_WORKSPACE_FAILED, "the repository is gone");
        run_action_failed(run, &err);
    }
    return repository;
}

static struct tree_job new_job(const struct entry *repository, enum tree_verb verb,
                               const char *name)
{
    const struct repository_entry *own = repository->repository;

    return (struct tree_job){
        .verb = verb,
        .method = own->trees.method == TREES_OVERLAY ? TREE_OVERLAY : TREE_COPY,
        .trees = own->trees_path,
        .layers = own->layers_path,
        .name = name,
        .uid = (uid_t)own->trees.uid,
        .gid = (gid_t)own->trees.gid,
    };
}

/* As the record says that the tree was made; one without a record is gone, which the job sees. */
static struct tree_job job_of_record(const struct entry *repository, enum tree_verb verb,
                                     const char *name)
{
    const struct tree_record *record = tree_find(repository, name);
    struct tree_job job = new_job(repository, verb, name);

    if (record != NULL) {
        job.method = record->method == TREES_OVERLAY ? TREE_OVERLAY : TREE_COPY;
        job.uid = (uid_t)record->uid;
        job.gid = (gid_t)record->gid;
        job.commit = record->commit;
    }
    return job;
}

static void submit(struct plan_run *run, const struct tree_job *job, tree_done_fn *on_done)
{
    run->tree = tree_pool_submit(run->controller->trees, job, on_done, run);
}

/* --- before the container starts -------------------------------------------------------------- */

static int make_directories(const struct entry *repository, struct error *err)
{
    const struct repository_entry *own = repository->repository;
    auto_free char *top = state_path(&repository->controller->state, "repos/%s", repository->name);
    auto_free char *run = path_join(top, "run");

    return dir_make(top, 0710, err) < 0 || dir_make(run, 0700, err) < 0 ||
                   dir_make(own->tasks_path, 0755, err) < 0 ||
                   dir_make(own->layers_path, 0700, err) < 0 ||
                   dir_make(own->trees_path, 0755, err) < 0
               ? -1
               : 0;
}

static void on_shared(void *user, const struct tree_result *result, struct error *err)
{
    struct plan_run *run = user;

    run->tree = NULL;
    if (result == NULL) {
        run_action_failed(run, err);
        return;
    }
    trees_observe(run->entry);
    run_action_done(run);
}

/* The container is made only when its folders are there: it has them mounted. */
void apply_share_trees(struct plan_run *run)
{
    const struct repository_entry *own = run->entry->repository;
    auto_free char *user_file = path_join(own->tasks_path, ".user");
    struct tree_job job;
    struct error err = {0};

    if (make_directories(run->entry, &err) < 0) {
        run_action_failed(run, &err);
        return;
    }
    unlink(user_file); /* what the container before this one said is no news */
    trees_observe(run->entry);
    if (own->trees.method != TREES_OVERLAY) {
        run_action_done(run);
        return;
    }
    job = new_job(run->entry, TREE_SHARE, NULL);
    submit(run, &job, on_shared);
}

/* --- making ----------------------------------------------------------------------------------- */

/*
 * Whether the container sees what was mounted: an engine in a mount namespace of its own may not.
 * What cannot be looked at counts as seen, since the command's start will tell.
 */
static bool is_seen_inside(const struct entry *repository, const char *name)
{
    const struct observed_container *container =
        map_get(&repository->controller->containers, repository->name);
    auto_free char *outside = path_join(repository->repository->trees_path, name);
    auto_free char *inside = NULL, *folder = NULL;
    struct stat here, there;

    if (container == NULL || container->pid <= 0) {
        return true;
    }
    inside = xasprintf("/proc/%lld/root%s/%s", (long long)container->pid, WORKSPACE_MOUNT, name);
    folder = xasprintf("/proc/%lld/root%s", (long long)container->pid, WORKSPACE_MOUNT);
    if (stat(folder, &there) < 0) {
        return true; /* not to be looked at, or the container has ended meanwhile */
    }
    if (stat(outside, &here) < 0 || stat(inside, &there) < 0) {
        return false;
    }
    return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

/* Decided anew, since a copy begins on other layers than an overlay. */
static void on_removed_for_copy(void *user, const struct tree_result *result, struct error *err)
{
    struct plan_run *run = user;
    struct entry *repository = run_repository(run);

    run->tree = NULL;
    if (result == NULL) {
        run_action_failed(run, err);
        return;
    }
    if (repository != NULL) {
        tree_forget(repository, run_action(run)->target);
    }
    if (run->entry->kind == ENTRY_TASK) {
        status_task(run->entry->status)->tree.name = NULL;
        status_task(run->entry->status)->commit = NULL;
    }
    error_set_reason(err, ERROR_CONFLICT, REASON_WORKSPACE_FAILED, "%s",
                     run->controller->trees_means.message);
    run_action_failed(run, err);
}

/* From now on everything is copied, here and for every other container of this engine. */
static void fall_back_to_copies(struct plan_run *run, struct entry *repository)
{
    struct tree_job job = new_job(repository, TREE_REMOVE, run_action(run)->target);

    run->controller->trees_means.method = TREES_COPY;
    free(run->controller->trees_means.message);
    run->controller->trees_means.message =
        xstrdup("mounts that are made here do not reach the engine's containers");
    log_fields(LOG_WARN, "trees", "method", "copy", "message", run->controller->trees_means.message,
               NULL);
    trees_observe(repository);
    submit(run, &job, on_removed_for_copy);
}

static void on_made(void *user, const struct tree_result *result, struct error *err)
{
    struct plan_run *run = user;
    struct entry *repository = run_repository(run);
    struct tree_record *record =
        repository != NULL ? tree_find(repository, run_action(run)->target) : NULL;

    run->tree = NULL;
    if (result == NULL || record == NULL) {
        if (result != NULL) {
            error_set_reason(err, ERROR_CONFLICT, REASON_WORKSPACE_FAILED,
                             "the repository is gone");
        }
        run_action_failed(run, err);
        return;
    }
    if (record->method == TREES_OVERLAY && !is_seen_inside(repository, record->name)) {
        fall_back_to_copies(run, repository);
        return;
    }
    record->is_ready = true;
    if (run->entry->kind == ENTRY_TASK) {
        status_task(run->entry->status)->tree.method = trees_method_name(record->method);
    }
    run_action_done(run);
}

static void fill_lowers(const struct entry *repository, const struct tree_source *source,
                        struct tree_job *job, char **ret_layer, char **ret_snapshot)
{
    const struct entry *mirror = repository->repository->mirror;

    *ret_snapshot = snapshot_path(mirror, source->commit, source->uid);
    if (source->layer != NULL) {
        *ret_layer = layer_path(mirror, source->layer);
        job->lowers[job->lower_count++] = *ret_layer;
    }
    if (source->layer == NULL || !setup_layer_is_complete(source->layer)) {
        job->lowers[job->lower_count++] = *ret_snapshot;
    }
}

static void begin_make(struct plan_run *run)
{
    const struct action *action = run_action(run);
    const struct tree_source *source = &action->source;
    struct entry *repository = run_repository(run), *task = NULL;
    auto_free char *layer = NULL, *snapshot = NULL, *mail = NULL;
    const char *person = NULL;
    struct tree_record *record;
    struct tree_job job;
    struct error err = {0};

    task = run->entry->kind == ENTRY_TASK && strcmp(action->target, SHARED_TREE) != 0 ? run->entry
                                                                                      : NULL;
    if (run->desired != NULL && run->entry->kind == ENTRY_TASK) {
        person = run->desired->task.user != NULL ? run->desired->task.user : "berth";
        mail =
            strchr(person, '@') != NULL ? xstrdup(person) : xasprintf("%s@berth.internal", person);
    }
    record = tree_record_for(repository, action->target, task != NULL ? task->name : NULL, source);
    job = new_job(repository, TREE_MAKE, action->target);
    job.uid = (uid_t)source->uid;
    job.gid = (gid_t)source->gid;
    job.branch = source->branch;
    job.upstream = source->upstream;
    job.commit = source->commit;
    job.person = person;
    job.mail = mail;
    fill_lowers(repository, source, &job, &layer, &snapshot);
    record->method = repository->repository->trees.method;
    record->is_inspected = false;
    record->removed_at_wall_ms = 0;
    if (tree_save(repository, record, &err) < 0) {
        run_action_failed(run, &err);
        return;
    }
    submit(run, &job, on_made);
}

void apply_make_tree(struct plan_run *run)
{
    if (need_repository(run) != NULL) {
        begin_make(run);
    }
}

/* --- looking at what is in it ----------------------------------------------------------------- */

/* What setup left behind uncommitted is nobody's work, as long as it is as setup left it. */
static bool is_all_of_setup(const struct entry *repository, const struct tree_record *record,
                            const struct tree_result *result)
{
    auto_free char *changes =
        record->layer != NULL ? layer_read_changes(repository->repository->mirror, record->layer)
                              : NULL;

    return changes != NULL && strcmp(changes, result->changes) == 0;
}

/* What cannot be read may be somebody's work. */
static void note_inspection(struct entry *repository, struct tree_record *record,
                            const struct tree_result *result)
{
    free(record->end_commit);
    free(record->end_branch);
    record->is_inspected = true;
    record->is_dirty =
        result == NULL || (result->is_dirty && !is_all_of_setup(repository, record, result));
    record->is_unpushed = result != NULL && result->is_unpushed;
    record->end_commit =
        result != NULL && result->commit[0] != '\0' ? xstrdup(result->commit) : NULL;
    record->end_branch =
        result != NULL && result->branch[0] != '\0' ? xstrdup(result->branch) : NULL;
    record->used_wall_ms = clock_wall_ms();
    tree_keep(repository, record);
}

static void tell_task(struct entry *task, const struct tree_record *record)
{
    struct status_tree *tree = &status_task(task->status)->tree;

    tree->is_inspected = true;
    tree->is_dirty = record != NULL && record->is_dirty;
    tree->is_unpushed = record != NULL && record->is_unpushed;
    tree->end_commit = status_text(task->status, record != NULL ? record->end_commit : NULL);
    tree->end_branch = status_text(task->status, record != NULL ? record->end_branch : NULL);
    status_mark_entry(task);
}

/* Whoever waits for the shared tree goes by what is in it. */
static void tell_sharers(struct entry *repository)
{
    for (struct map_entry *at = map_first(&repository->repository->tasks); at != NULL;
         at = map_next(at)) {
        entry_enqueue(map_value(at));
    }
}

static void on_inspected(void *user, const struct tree_result *result, struct error *err)
{
    struct plan_run *run = user;
    struct entry *repository = run_repository(run);
    struct tree_record *record =
        repository != NULL ? tree_find(repository, run_action(run)->target) : NULL;

    run->tree = NULL;
    if (result == NULL && err->kind == ERROR_TRANSIENT &&
        run->entry->failure.count < INSPECTIONS - 1) {
        run_action_failed(run, err); /* its process was killed, or there was none: again, later */
        return;
    }
    if (result == NULL) {
        log_fields(LOG_WARN, "tree_unreadable", "key", run->entry->key, "tree",
                   run_action(run)->target, "error", err->message, NULL);
    }
    if (record != NULL) {
        note_inspection(repository, record, result);
    }
    if (record != NULL && strcmp(record->name, SHARED_TREE) == 0) {
        tell_sharers(repository);
    }
    if (run->entry->kind == ENTRY_TASK) {
        tell_task(run->entry, record);
    }
    run_action_done(run);
}

void apply_inspect_tree(struct plan_run *run)
{
    struct entry *repository = run_repository(run);
    struct tree_record *record =
        repository != NULL ? tree_find(repository, run_action(run)->target) : NULL;
    struct tree_job job;

    if (record == NULL || !path_exists(repository->repository->trees_path)) {
        tell_task(run->entry, record);
        run_action_done(run);
        return;
    }
    job = job_of_record(repository, TREE_INSPECT, record->name);
    submit(run, &job, on_inspected);
}

/* --- taking away ------------------------------------------------------------------------------ */

static void on_removed(void *user, const struct tree_result *result, struct error *err)
{
    struct plan_run *run = user;
    struct entry *repository = run_repository(run);
    const char *name = run_action(run)->target;

    run->tree = NULL;
    if (result == NULL) {
        run_action_failed(run, err);
        return;
    }
    if (repository != NULL) {
        tree_forget(repository, name);
        entry_enqueue(repository);
    }
    if (run->entry->kind == ENTRY_TASK && strcmp(name, SHARED_TREE) != 0) {
        task_forget_place(run->entry->status);
        status_mark_entry(run->entry);
    }
    run_action_done(run);
}

static void begin_removal(struct plan_run *run, const struct entry *repository)
{
    struct tree_job job = new_job(repository, TREE_REMOVE, run_action(run)->target);

    submit(run, &job, on_removed);
}

static void on_inspected_again(void *user, const struct tree_result *result, struct error *err)
{
    struct plan_run *run = user;
    struct entry *repository = need_repository(run);
    struct tree_record *record;

    (void)err;
    run->tree = NULL;
    if (repository == NULL) {
        return;
    }
    record = tree_find(repository, run_action(run)->target);
    if (result != NULL && record != NULL) {
        note_inspection(repository, record, result);
        if (record->is_dirty ||
            record->is_unpushed) { /* somebody has worked in it since: it is kept */
            tell_task(run->entry, record);
            run_action_done(run);
            return;
        }
    }
    begin_removal(run, repository);
}

/*
 * A tree of its own that was clean when its task ended is looked at once more: people can work in
 * it after that.
 */
static bool may_have_work_since(const struct plan_run *run, const struct tree_record *record)
{
    return run->entry->kind == ENTRY_TASK && record != NULL && record->task != NULL &&
           record->is_inspected && !record->is_dirty && !record->is_unpushed;
}

void apply_remove_tree(struct plan_run *run)
{
    struct entry *repository = need_repository(run);
    struct tree_job job;

    if (repository == NULL) {
        return;
    }
    if (may_have_work_since(run, tree_find(repository, run_action(run)->target))) {
        job = job_of_record(repository, TREE_INSPECT, run_action(run)->target);
        submit(run, &job, on_inspected_again);
        return;
    }
    begin_removal(run, repository);
}

/* --- what setup leaves ------------------------------------------------------------------------ */

static void on_setup_tree_gone(void *user, const struct tree_result *result, struct error *err)
{
    struct plan_run *run = user;
    struct entry *repository = run_repository(run);

    run->tree = NULL;
    if (result == NULL) {
        run_action_failed(run, err);
        return;
    }
    if (repository != NULL) {
        tree_forget(repository, run_action(run)->target);
    }
    run_action_done(run);
}

/* The container of another branch was faster with this commit: its layer is as good. */
static void drop_setup_tree(struct plan_run *run, const struct entry *repository)
{
    struct tree_job job = job_of_record(repository, TREE_REMOVE, run_action(run)->target);

    submit(run, &job, on_setup_tree_gone);
}

static bool has_layer(const struct plan_run *run, const struct entry *repository)
{
    auto_free char *path =
        layer_path(repository->repository->mirror, run_action(run)->source.layer);

    return path_exists(path);
}

/*
 * Before the layer, or a controller that is killed between them leaves one whose changes count as
 * somebody's work; and after it, since a run in another container may have been about to freeze the
 * same.
 */
static void note_changes(struct plan_run *run, const struct entry *repository)
{
    struct error err = {0};

    if (run->changes != NULL &&
        layer_write_changes(repository->repository->mirror, run_action(run)->source.layer,
                            run->changes, &err) < 0) {
        log_fields(LOG_WARN, "state_unwritable", "key", run->entry->key, "error", err.message,
                   NULL); /* then what setup left counts as work */
    }
}

static void on_frozen(void *user, const struct tree_result *result, struct error *err)
{
    struct plan_run *run = user;
    struct entry *repository = run_repository(run);

    if (result == NULL && repository != NULL && has_layer(run, repository)) {
        run->tree = NULL;
        drop_setup_tree(run, repository);
        return;
    }
    if (result != NULL && repository != NULL) {
        note_changes(run, repository);
    }
    on_setup_tree_gone(user, result, err);
}

static void on_changes_known(void *user, const struct tree_result *result, struct error *err)
{
    struct plan_run *run = user;
    struct entry *repository = need_repository(run);
    auto_free char *to = NULL;
    struct tree_job job;

    run->tree = NULL;
    if (repository == NULL) {
        return;
    }
    if (result == NULL) { /* then what setup left counts as work */
        log_fields(LOG_WARN, "inspect_failed", "key", run->entry->key, "error", err->message, NULL);
    }
    if (has_layer(run, repository)) {
        drop_setup_tree(run, repository);
        return;
    }
    free(run->changes);
    run->changes = result != NULL ? xstrdup(result->changes) : NULL;
    note_changes(run, repository);
    to = layer_path(repository->repository->mirror, run_action(run)->source.layer);
    job = job_of_record(repository, TREE_FREEZE, run_action(run)->target);
    job.to = to;
    submit(run, &job, on_frozen);
}

/*
 * Also where the setup ended while no controller ran, and the one before had no time to write a
 * status.
 */
static void name_setup(struct plan_run *run, const struct entry *repository)
{
    struct object_status *status = run->entry->status;

    status_repository(status)->setup_commit = status_text(status, run_action(run)->source.commit);
    status_repository(status)->setup_log =
        arena_printf(&status->arena, "%s/%s/%u.log", repository->repository->tasks_path,
                     run_action(run)->target, run->entry->setup->attempt);
}

void apply_freeze_tree(struct plan_run *run)
{
    struct entry *repository = need_repository(run);
    auto_free char *folder = NULL;
    struct tree_job job;
    struct error err = {0};

    if (repository == NULL) {
        return;
    }
    folder =
        state_path(&run->controller->state, "repos/%s/setup", repository->repository->mirror->name);
    if (dir_make(folder, 0711, &err) < 0) {
        run_action_failed(run, &err);
        return;
    }
    name_setup(run, repository);
    job = job_of_record(repository, TREE_INSPECT, run_action(run)->target);
    submit(run, &job, on_changes_known);
}
