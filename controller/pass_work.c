#include "controller/pass.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/cgroups.h"
#include "controller/disk.h"
#include "controller/entry.h"
#include "controller/mirrors.h"
#include "controller/placing.h"
#include "controller/setups.h"
#include "controller/task_owner.h"
#include "controller/trees.h"
#include "reconcilers/capacity.h"
#include "specs/reason.h"

#include <stdlib.h>
#include <string.h>

/* Passes of repository containers, their mirrors and setups, and tasks: the facts are gathered, and decided on elsewhere. */

/* --- mirrors ------------------------------------------------------------------------------------- */

void pass_mirror(struct pass *pass)
{
    struct entry *entry = pass->entry;
    struct observed_failure failure = entry_failure(entry);
    auto_free struct mirror_wish *wishes =
        xcalloc(map_count(&entry->mirror->tasks) + 1, sizeof(*wishes));
    auto_free char *refusal = mirror_refuse_url(&pass->world, &entry->mirror->url);
    struct mirror_input input = {.refusal = refusal, .failure = &failure};

    pass->is_gone = mirror_settings(entry) == NULL || mirror_is_gone(entry);
    if (pass->is_gone) {
        return;
    }
    mirror_observe(entry);
    mirror_end_eviction_if_used(entry);
    mirror_fill_input(entry, &input, wishes);
    input.is_unused = mirror_is_unused(entry);
    mirror_reconcile(&pass->world, &input, pass->plan, pass->status);
}

/* --- setups -------------------------------------------------------------------------------------- */

void pass_setup(struct pass *pass)
{
    struct entry *entry = pass->entry;
    struct entry *repository = setup_repository(entry);
    struct observed_failure failure = entry_failure(entry);
    struct arena arena = {0};
    auto_free struct setup_wish *wishes = NULL;
    struct setup_input input = {.failure = &failure};

    pass->is_gone = repository == NULL;
    if (pass->is_gone) {
        return;
    }
    wishes = xcalloc(map_count(&repository->repository->tasks) + 1, sizeof(*wishes));
    setup_fill_input(entry, &input, wishes, &arena);
    pass->status->repository.setup_commit =
        status_text(pass->status, entry->status->repository.setup_commit);
    pass->status->repository.setup_log =
        status_text(pass->status, entry->status->repository.setup_log);
    setup_reconcile(&pass->world, &input, pass->plan, pass->status);
    arena_done(&arena);
}

/* --- repository containers ----------------------------------------------------------------------- */

/* The instance that a repository container is placed on, or NULL. */
static const struct object *instance_of(const struct entry *repository)
{
    const char *instance = repository->repository->instance;
    const struct entry *entry =
        instance != NULL
            ? entry_of_container(repository->controller, kind_name(KIND_INSTANCE), instance)
            : NULL;

    return entry != NULL ? entry->desired : NULL;
}

static bool is_pool_there(struct controller *controller, const char *name)
{
    auto_free char *key = object_key(kind_name(KIND_INSTANCE_POOL), name);
    const struct entry *pool = entry_find(controller, key);

    return pool != NULL && pool->desired != NULL;
}

static const char *container_awaits(const struct entry *entry)
{
    const char *awaits = mirror_awaits(entry->repository->mirror);

    return awaits != NULL ? awaits
           : entry->controller->trees_means.method == TREES_UNKNOWN
               ? "it is being found out how working trees can be made"
               : NULL;
}

static void add_unsupported(struct object_status *status, const struct devcontainer_use *use)
{
    struct text_list *list = &status->repository.unsupported;

    list->items = arena_alloc(&status->arena, (use->unsupported_count + 2) * sizeof(*list->items));
    if (use->error != NULL) {
        list->items[list->count++] = status_text(status, use->error);
    }
    for (size_t i = 0; i < use->unsupported_count; i++) {
        list->items[list->count++] = status_text(status, use->unsupported[i]);
    }
}

static void add_kept_trees(struct object_status *status, const struct entry *repository)
{
    const struct map *records = &repository->repository->tree_records;
    struct status_repository *own = &status->repository;

    own->kept = arena_alloc(&status->arena, (map_count(records) + 1) * sizeof(*own->kept));
    for (struct map_entry *at = map_first(records); at != NULL; at = map_next(at)) {
        const struct tree_record *record = map_value(at);

        if (record->is_inspected && (record->is_dirty || record->is_unpushed) &&
            record->removed_at_wall_ms != 0) {
            own->kept[own->kept_count++] = (struct status_kept_tree){
                .task = status_text(status, record->task),
                .path = arena_printf(&status->arena, "%s/%s", repository->repository->trees_path,
                                     record->name),
                .branch = status_text(status, record->end_branch),
                .commit = status_text(status, record->end_commit),
                .until_wall_ms = record->removed_at_wall_ms,
            };
        }
    }
}

static void describe_repository(struct pass *pass)
{
    const struct mirror_entry *mirror = pass->entry->repository->mirror->mirror;

    pass->status->repository.disk_bytes = mirror->disk_bytes;
    pass->status->repository.has_submodules = mirror->has_submodules;
    pass->status->repository.has_lfs = mirror->has_lfs;
    add_unsupported(pass->status, &mirror->config);
    add_kept_trees(pass->status, pass->entry);
}

static void fill_placement(struct pass *pass, struct repository_input *input,
                           struct machine_limits *machine, struct observed_machine *observed)
{
    struct entry *entry = pass->entry;
    struct repository_entry *own = entry->repository;
    const struct object *instance = instance_of(entry);
    const struct observed_container *container = input->container;

    input->pool = own->pool;
    input->instance = own->instance;
    input->is_displaced = own->is_displaced;
    input->is_warm = repository_is_kept_warm(entry);
    input->awaited_pool = own->is_waiting ? repository_pool(entry) : NULL;
    input->is_pool_unknown =
        own->is_waiting && !is_pool_there(entry->controller, repository_pool(entry));
    if (instance != NULL) {
        capacity_of_instance(instance, machine);
        cgroups_observe(entry->controller->cgroups, instance->name,
                        container != NULL ? container->id : NULL, observed);
        input->machine = machine;
        input->observed_machine = observed;
    }
}

/* It lasts until nothing is left, or somebody came who needs it after all. */
static bool is_evicted(struct entry *entry, const struct repository_input *input)
{
    struct repository_entry *own = entry->repository;

    if (own->evicted_wall_ms != 0 &&
        (input->active_tasks > 0 || input->sessions > 0 || input->is_warm ||
         (input->container == NULL && !input->trees->exists))) {
        own->evicted_wall_ms = 0;
        disk_note_removed(entry->controller);
    }
    return own->evicted_wall_ms != 0;
}

static const struct object_status *passed_status(const struct entry *entry)
{
    return entry != NULL && entry->is_passed ? entry->status : NULL;
}

static void decide_repository(struct pass *pass, const struct repository_input *facts)
{
    struct repository_input input = *facts;
    struct entry *entry = pass->entry;
    struct entry *mirror = entry->repository->mirror;
    struct revision revision = task_revision(NULL, input.settings);
    struct observed_image image, snapshot;
    struct source source;
    auto_free char *reference = NULL;

    if (entry->repository->branch != NULL) {
        revision = (struct revision){REVISION_BRANCH, entry->repository->branch};
    }
    mirror_find_source(mirror, &revision, 0, &source);
    image = image_observed(
        observe_image(entry->controller, repository_image(&pass->world, input.settings)));
    reference = setup_image(entry, &snapshot);
    pass->is_waiting =
        image.state == IMAGE_UNKNOWN || (reference != NULL && snapshot.state == IMAGE_UNKNOWN);
    if (pass->is_waiting) {
        return;
    }
    input.image = &image;
    input.snapshot = (struct snapshot_image){reference, &snapshot};
    input.source = &source;
    input.values = values_observe(entry, &input.settings->repository.env);
    repository_reconcile(&pass->world, &input, pass->plan, pass->status);
    describe_repository(pass);
}

void pass_repository(struct pass *pass)
{
    struct entry *entry = pass->entry;
    struct controller *controller = entry->controller;
    struct repository_entry *own = entry->repository;
    struct entry *mirror = own->mirror;
    struct observed_failure failure = entry_failure(entry);
    auto_free char *refusal = mirror_refuse_url(&pass->world, &mirror->mirror->url);
    struct observed_machine observed_machine = {0};
    struct machine_limits machine;
    struct repository_input input = {
        .container_name = entry->name,
        .base_name = mirror->name,
        .url = mirror->mirror->url.canonical,
        .branch = own->branch,
        .settings = repository_settings(entry),
        .is_explicit = entry->desired != NULL && own->branch == NULL,
        .is_deleted = own->is_deleted,
        .refusal = refusal,
        .active_tasks = repository_active_tasks(entry),
        .running_tasks = repository_running_tasks(entry),
        .sessions = sessions_count(entry),
        .is_setting_up = setup_is_running(entry),
        .awaits = container_awaits(entry),
        .pressure = controller->disk_pressure,
        .trees = &own->trees,
        .mirror = &mirror->mirror->observed,
        .mirror_status = passed_status(mirror),
        .setup_status = passed_status(own->setup),
        .container = map_get(&controller->containers, entry->name),
        .failure = &failure,
        .previous = entry->status,
    };

    if (input.settings == NULL) {
        pass->is_gone = true;
        return;
    }
    trees_observe(entry);
    input.has_unseen_trees = trees_have_unseen(entry);
    input.work_kept_until_wall_ms = trees_kept_until(entry);
    fill_placement(pass, &input, &machine, &observed_machine);
    input.is_evicted = is_evicted(entry, &input);
    pass->is_gone = repository_is_gone(&input) && map_first(&own->tasks) == NULL &&
                    own->warm_pool == NULL; /* one that waits for its place comes back */
    if (!pass->is_gone) {
        decide_repository(pass, &input);
    }
}

/* --- tasks --------------------------------------------------------------------------------------- */

static bool is_port_taken(const struct entry *task, uint16_t container_port)
{
    const struct entry *repository = repository_of_task(task);

    for (struct map_entry *at = map_first(&repository->repository->tasks); at != NULL;
         at = map_next(at)) {
        const struct entry *other = map_value(at);
        const struct status_task *status = &other->status->task;

        for (size_t i = 0; other != task && i < status->port_count; i++) {
            if (status->ports[i].container_port == container_port) {
                return true;
            }
        }
    }
    return false;
}

/* The ports of the block, as the container has them now. */
static struct block_port *find_block(const struct entry *task, size_t *ret_count)
{
    const struct entry *repository = repository_of_task(task);
    const struct object_status *status = passed_status(repository);
    struct block_port *block;
    size_t count = 0;

    *ret_count = 0;
    if (status == NULL) {
        return NULL;
    }
    block = xcalloc(status->port_count + 1, sizeof(*block));
    for (size_t i = 0; i < status->port_count; i++) {
        const struct status_port *port = &status->ports[i];

        if (text_has_prefix(port->name, TASK_PORT_PREFIX) &&
            port->container_port >= TASK_PORT_FIRST) {
            block[count++] = (struct block_port){
                .container_port = port->container_port,
                .host_port = port->host_port,
                .is_taken = is_port_taken(task, port->container_port),
            };
        }
    }
    *ret_count = count;
    return block;
}

static bool works_in_shared_tree(const struct entry *task)
{
    return !task_is_over(task->status) && text_equal(task->status->task.tree.name, SHARED_TREE);
}

static void find_shared_tree(const struct entry *task, struct observed_shared_tree *ret)
{
    const struct entry *repository = repository_of_task(task);
    const struct tree_record *record = tree_find(repository, SHARED_TREE);

    *ret = (struct observed_shared_tree){.exists = tree_is_there(repository, record)};
    if (record != NULL) {
        ret->branch = record->branch;
        ret->commit = record->commit;
        ret->layer = record->layer;
        ret->is_inspected = record->is_inspected;
        ret->is_dirty = record->is_dirty;
        ret->is_unpushed = record->is_unpushed;
        ret->used_wall_ms = record->used_wall_ms;
    }
    for (struct map_entry *at = map_first(&repository->repository->tasks); at != NULL;
         at = map_next(at)) {
        const struct entry *other = map_value(at);

        if (other != task && works_in_shared_tree(other)) {
            ret->users++;
            if (record == NULL) { /* what it is about to be made on */
                ret->branch = other->status->task.branch;
                ret->commit = other->status->task.commit;
                ret->layer = other->status->task.tree.layer;
            }
        }
    }
    ret->is_lost = record != NULL && !ret->exists && ret->users == 0; /* nobody is making it */
}

static bool has_snapshot(const struct entry *repository, const struct source *source)
{
    auto_free char *path = NULL;

    if (source->state != SOURCE_READY || !repository->repository->trees.is_user_known) {
        return false;
    }
    path = snapshot_path(repository->repository->mirror, source->commit,
                         repository->repository->trees.uid);
    return path_exists(path);
}

/* What is there of its repository's container. */
struct task_place {
    struct source source;
    struct observed_shared_tree shared;
    struct block_port *block;
    char *free_tree;
    char layer[SETUP_KEY_SIZE];
};

static void fill_container(const struct entry *task, struct task_input *input,
                           struct task_place *place)
{
    struct entry *repository = repository_of_task(task);

    if (repository == NULL) {
        return;
    }
    trees_observe(repository);
    find_shared_tree(task, &place->shared);
    place->block = find_block(task, &input->block_count);
    place->free_tree = tree_free_name(repository, task->name);
    input->repository = repository->name;
    input->repository_status = passed_status(repository);
    input->container = map_get(&task->controller->containers, repository->name);
    input->trees = &repository->repository->trees;
    input->shared = &place->shared;
    input->block = place->block;
    input->free_tree = place->free_tree;
    input->has_tree =
        tree_is_there(repository, tree_find(repository, task->status->task.tree.name));
    input->has_snapshot = has_snapshot(repository, &place->source);
    input->setup = setup_of_commit(repository, place->source.commit, place->layer);
}

/* Its own spelling of the URL counts beside the one that is used: another one may have come first. */
static char *refuse_task(const struct world *world, const struct entry *task,
                         const struct entry *mirror)
{
    char *refusal = mirror_refuse_url(world, &mirror->mirror->url);
    struct repo_url own = {0};
    struct error err = {0};

    if (refusal == NULL && task->desired != NULL && task->desired->task.repository_url != NULL &&
        repo_url_parse(task->desired->task.repository_url, &own, &err) == 0) {
        refusal = mirror_refuse_url(world, &own);
        repo_url_done(&own);
    }
    return refusal;
}

static void decide_task(struct pass *pass, const struct task_input *facts)
{
    struct task_input input = *facts;
    struct entry *entry = pass->entry;
    struct entry *mirror = mirror_of_task(entry);
    auto_free char *refusal = NULL, *forbidden = NULL;
    struct task_place place = {0};

    if (mirror != NULL) {
        task_find_source(entry, &place.source);
        input.source = &place.source;
        input.mirror_status = passed_status(mirror);
        input.url = mirror->mirror->url.canonical;
        refusal = input.refusal == NULL ? refuse_task(&pass->world, entry, mirror) : NULL;
    }
    if (refusal != NULL) {
        input.refusal = refusal;
        input.refusal_reason = REASON_SCHEME_REFUSED;
    }
    if (entry->desired != NULL) {
        forbidden = task_why_forbidden(entry);
        input.forbidden = forbidden;
        input.values = values_observe(entry, &entry->desired->task.env);
    }
    fill_container(entry, &input, &place);
    task_reconcile(&pass->world, &input, pass->plan, pass->status);
    free(place.block);
    free(place.free_tree);
}

void pass_task(struct pass *pass)
{
    static const struct observed_trees no_trees;
    static const struct observed_shared_tree no_tree;
    struct entry *entry = pass->entry;
    struct observed_failure failure = entry_failure(entry);
    const struct object *settings = task_settings(entry);
    struct task_input input = {
        .name = entry->name,
        .desired = entry->desired,
        .settings = settings,
        .isolation = task_isolation(entry->desired, settings),
        .ttl_ms = entry->ttl_ms,
        .admission = entry->admission,
        .refusal_reason = entry->task_refusal_reason,
        .refusal = entry->task_refusal,
        .trees = &no_trees,
        .shared = &no_tree,
        .pressure = entry->controller->disk_pressure,
        .attempt = &entry->attempt,
        .failure = &failure,
        .previous = entry->status,
    };

    observe_attempt(entry);
    if (entry->attempt.state == ATTEMPT_RUNNING) {
        observe_watch_task(entry);
    }
    pass->is_gone = entry->desired == NULL && entry->status->task.id == NULL;
    if (!pass->is_gone) {
        decide_task(pass, &input);
    }
}

/* --- who looks at whom --------------------------------------------------------------------------- */

static bool is_news(const struct object_status *before, const struct object_status *now)
{
    return before->phase != now->phase || before->operation.state != now->operation.state ||
           before->conditions[CONDITION_STALLED].value !=
               now->conditions[CONDITION_STALLED].value ||
           !text_equal(before->conditions[CONDITION_READY].reason,
                       now->conditions[CONDITION_READY].reason) ||
           !text_equal(before->container.id, now->container.id) ||
           before->port_count != now->port_count;
}

static void tell_tasks(struct map *tasks)
{
    for (struct map_entry *at = map_first(tasks); at != NULL; at = map_next(at)) {
        entry_enqueue(map_value(at));
    }
}

static void tell_of_repository(struct entry *entry, const struct object_status *before,
                               bool was_passed)
{
    if (before->repository.idle_since_wall_ms != entry->status->repository.idle_since_wall_ms) {
        repository_save(entry);
    }
    if (!was_passed || is_news(before, entry->status)) {
        tell_tasks(&entry->repository->tasks);
        setup_sync(entry);
        entry_enqueue(entry->repository->mirror);
    }
}

static bool is_waiting_for_mirror(const struct entry *task, const struct object_status *status)
{
    return status->task.tree.name == NULL && task_is_active(task->desired, status);
}

/* Who works in the shared tree changes it: what was seen in it before is no news any more. */
static void note_joining(struct entry *repository)
{
    struct tree_record *record = tree_find(repository, SHARED_TREE);
    struct error err = {0};

    if (record == NULL || !record->is_inspected) {
        return;
    }
    record->is_inspected = false;
    if (tree_save(repository, record, &err) < 0) {
        log_fields(LOG_WARN, "state_unwritable", "key", repository->key, "error", err.message,
                   NULL);
    }
}

static void tell_of_task(struct entry *entry, const struct object_status *before, bool was_passed)
{
    const struct object_status *now = entry->status;
    struct entry *repository = repository_of_task(entry), *mirror = mirror_of_task(entry);
    bool is_changed = !was_passed ||
                      task_is_held_by_branch(before) != task_is_held_by_branch(now) ||
                      task_is_active(entry->desired, before) != task_is_active(entry->desired, now);

    if (!was_passed || task_is_over(before) != task_is_over(now)) {
        placing_mark(entry->controller);
    }
    if (repository != NULL && is_changed) {
        entry_enqueue(repository);
    }
    if (repository != NULL && works_in_shared_tree(entry) &&
        (!was_passed || !text_equal(before->task.tree.name, SHARED_TREE))) {
        note_joining(repository);
    }
    if (repository != NULL && (task_is_over(before) != task_is_over(now) ||
                               before->task.port_count != now->task.port_count ||
                               !text_equal(before->task.tree.name, now->task.tree.name))) {
        tell_tasks(&repository->repository->tasks); /* ports, or the shared tree, are free */
    }
    if (mirror != NULL &&
        (is_changed || is_waiting_for_mirror(entry, now) != is_waiting_for_mirror(entry, before))) {
        entry_enqueue(mirror);
    }
    if (repository != NULL && repository->repository->setup != NULL && is_changed) {
        entry_enqueue(repository->repository->setup);
    }
}

void work_tell_relatives(struct entry *entry, const struct object_status *before, bool was_passed)
{
    struct entry *repository;

    switch (entry->kind) {
    case ENTRY_REPOSITORY: tell_of_repository(entry, before, was_passed); return;
    case ENTRY_TASK: tell_of_task(entry, before, was_passed); return;
    case ENTRY_MIRROR:
        if (!was_passed || is_news(before, entry->status)) {
            mirror_tell(entry);
        }
        return;
    case ENTRY_SETUP:
        repository = setup_repository(entry);
        if (repository != NULL && (!was_passed || is_news(before, entry->status))) {
            entry_enqueue(repository);
            tell_tasks(&repository->repository->tasks);
        }
        return;
    case ENTRY_INSTANCE:
    case ENTRY_POOL: return;
    }
}
