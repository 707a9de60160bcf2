#include "controller/pass.h"

#include "base/clock.h"
#include "base/memory.h"
#include "controller/cgroups.h"
#include "controller/disk.h"
#include "controller/entry.h"
#include "controller/mirrors.h"
#include "controller/placing.h"
#include "controller/setups.h"
#include "controller/trees.h"
#include "reconcilers/capacity.h"
#include "specs/reason.h"

#include <stdlib.h>

/*
 * Passes of mirrors, setups and repository containers: the facts are gathered, and decided on
 * elsewhere.
 */

/* --- mirrors ---------------------------------------------------------------------------------- */

void pass_mirror(struct pass *pass)
{
    struct entry *entry = pass->entry;
    struct observed_failure failure = entry_failure(entry);
    auto_free struct mirror_wish *wishes =
        xcalloc(map_count(&entry->mirror->tasks) + 1, sizeof(*wishes));
    auto_done(policy_refusal) refusal = {0};
    struct mirror_input input = {.failure = &failure};

    if (mirror_refuses_url(&pass->world, &entry->mirror->url, &refusal)) {
        input.refusal_reason = refusal.reason;
        input.refusal = refusal.message;
    }
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

/* --- setups ----------------------------------------------------------------------------------- */

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
    status_repository(pass->status)->setup_commit =
        status_text(pass->status, entry->status->repository->setup_commit);
    status_repository(pass->status)->setup_log =
        status_text(pass->status, entry->status->repository->setup_log);
    setup_reconcile(&pass->world, &input, pass->plan, pass->status);
    arena_done(&arena);
}

/* --- repository containers -------------------------------------------------------------------- */

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
    struct text_list *list = &status_repository(status)->unsupported;

    list->items = arena_alloc(&status->arena, (use->unsupported_count + 2) * sizeof(*list->items));
    if (use->error != NULL) {
        list->items[list->count++] = status_text(status, use->error);
    }
    for (size_t i = 0; i < use->unsupported_count; i++) {
        list->items[list->count++] = status_text(status, use->unsupported[i]);
    }
}

/* True when entry is the container of a branch of the repository, and not the repository's own. */
static bool is_branch_of(const struct entry *entry, const struct entry *repository)
{
    return repository->repository->branch == NULL && entry->repository->branch != NULL;
}

static struct branch_container *find_branches(const struct entry *repository, size_t *ret_count)
{
    const struct map *containers = &repository->repository->mirror->mirror->containers;
    struct branch_container *branches = xcalloc(map_count(containers) + 1, sizeof(*branches));

    for (struct map_entry *at = map_first(containers); at != NULL; at = map_next(at)) {
        const struct entry *other = map_value(at);

        if (is_branch_of(other, repository)) {
            branches[(*ret_count)++] = (struct branch_container){
                .branch = other->repository->branch,
                .container = other->name,
                .active_tasks = repository_active_tasks(other),
                .status = entry_passed_status(other),
            };
        }
    }
    return branches;
}

static void add_kept_trees(struct object_status *status, const struct entry *repository)
{
    const struct map *records = &repository->repository->tree_records;
    struct status_repository *own = status_repository(status);
    struct status_kept_tree *all = arena_alloc(
        &status->arena, (own->kept_count + map_count(records) + 1) * sizeof(*own->kept));

    for (size_t i = 0; i < own->kept_count; i++) {
        all[i] = own->kept[i];
    }
    own->kept = all;
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

    struct status_repository *repository = status_repository(pass->status);

    repository->disk_bytes = mirror->disk_bytes;
    repository->has_submodules = mirror->has_submodules;
    repository->has_lfs = mirror->has_lfs;
    add_unsupported(pass->status, &mirror->config);
    add_kept_trees(pass->status, pass->entry);
    for (struct map_entry *at = map_first(&mirror->containers); at != NULL; at = map_next(at)) {
        if (is_branch_of(map_value(at), pass->entry)) {
            add_kept_trees(pass->status, map_value(at));
        }
    }
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
        (input->active_tasks > 0 || input->sessions > 0 || input->may_have_sessions ||
         input->is_warm || (input->container == NULL && !input->trees->exists))) {
        own->evicted_wall_ms = 0;
        disk_note_removed(entry->controller);
    }
    return own->evicted_wall_ms != 0;
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
    auto_done(policy_refusal) refusal = {0};
    auto_free struct branch_container *branches = NULL;
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
        .active_tasks = repository_active_tasks(entry),
        .running_tasks = repository_running_tasks(entry),
        .sessions = sessions_count(entry),
        .may_have_sessions = sessions_are_unheard(entry),
        .is_setting_up = setup_is_running(entry),
        .awaits = container_awaits(entry),
        .pressure = controller->disk_pressure,
        .trees = &own->trees,
        .mirror = &mirror->mirror->observed,
        .mirror_status = entry_passed_status(mirror),
        .setup_status = entry_passed_status(own->setup),
        .container = map_get(&controller->containers, entry->name),
        .failure = &failure,
        .previous = entry->status,
    };

    if (input.settings == NULL) {
        pass->is_gone = true;
        return;
    }
    if (mirror_refuses_url(&pass->world, &mirror->mirror->url, &refusal)) {
        input.refusal_reason = refusal.reason;
        input.refusal = refusal.message;
    }
    sessions_ask_again(entry);
    trees_observe(entry);
    input.has_unseen_trees = trees_have_unseen(entry);
    input.work_kept_until_wall_ms = trees_kept_until(entry);
    fill_placement(pass, &input, &machine, &observed_machine);
    input.is_evicted = is_evicted(entry, &input);
    pass->is_gone = repository_is_gone(&input) && map_first(&own->tasks) == NULL &&
                    own->warm_pool == NULL; /* one that waits for its place comes back */
    if (!pass->is_gone) {
        branches = find_branches(entry, &input.branch_count);
        input.branches = branches;
        decide_repository(pass, &input);
    }
}
