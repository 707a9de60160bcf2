#include "controller/controller.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "controller/cgroups.h"
#include "controller/entry.h"
#include "controller/placing.h"
#include "controller/pools.h"
#include "controller/probes.h"
#include "controller/released.h"
#include "reconcilers/capacity.h"
#include "reconcilers/instance.h"
#include "reconcilers/repository.h"
#include "reconcilers/task.h"
#include "specs/reason.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void controller_fill_world(const struct controller *controller, struct world *world,
                           struct text_list *roots)
{
    union {
        char *const *owned;
        const char **borrowed;
    } paths = {.owned = controller->options.host_path_roots};

    roots->items = paths.borrowed;
    roots->count = controller->options.host_path_root_count;
    *world = (struct world){
        .controller_id = controller->state.id,
        .idle_image = controller->idle_image,
        .repository_image = controller->options.repository_image,
        .git_file_root = controller->options.git_file_root,
        .host_path_roots = *roots,
        .ports = &controller->ports,
        .capacity = *cgroups_capacity(controller->cgroups),
        .now_wall_ms = clock_wall_ms(),
    };
}

static struct observed_failure failure_of(const struct entry *entry)
{
    return (struct observed_failure){
        .count = entry->failure.count,
        .is_permanent = entry->failure.is_permanent,
        .reason = entry->failure.reason,
        .message = entry->failure.message,
        .at_wall_ms = entry->failure.at_wall_ms,
    };
}

static struct observed_image image_of(const struct image_entry *image)
{
    return (struct observed_image){
        .state = image->state,
        .id = image->id,
        .user = image->user,
        .has_command = image->has_command,
    };
}

/* One pass: what it saw, and what it decided. */
struct pass {
    struct entry *entry;
    struct world world;
    struct text_list roots;
    struct plan *plan;
    struct object_status *status;
    bool is_waiting; /* for a fact that is being fetched: nothing was decided */
    bool is_gone;    /* nothing of the object is left */
};

static void pass_instance(struct pass *pass)
{
    struct entry *entry = pass->entry;
    struct controller *controller = entry->controller;
    struct observed_failure failure = failure_of(entry);
    struct observed_container *container = map_get(&controller->containers, entry->name);
    struct observed_image image = {0};
    struct observed_machine machine;
    auto_free char *network = NULL;
    struct instance_input input = {
        .name = entry->name,
        .desired = entry->desired,
        .pool = entry->member.pool != NULL ? entry->member.pool->name : NULL,
        .update_hold = pools_update_hold(entry),
        .container = container,
        .image = &image,
        .machine = &machine,
        .probes = probes_sync(entry, container),
        .failure = &failure,
        .previous = entry->status,
    };

    cgroups_observe(controller->cgroups, entry->name, container != NULL ? container->id : NULL,
                    &machine);
    if (entry->desired == NULL) {
        input.should_retain = released_is_intended(entry);
        input.departed = entry->departed;
        pass->is_gone = container == NULL ||
                        !container_is_own(container, kind_name(KIND_INSTANCE), entry->name);
    } else {
        if (container != NULL) {
            released_take_up(entry, container);
        }
        image = image_of(observe_image(controller, instance_image(&pass->world, entry->desired)));
        pass->is_waiting = image.state == IMAGE_UNKNOWN;
        network = zone_network_name(&pass->world, entry->desired->instance.zone);
        input.network = map_get(&controller->networks, network);
        input.values = values_observe(entry, &entry->desired->instance.env);
    }
    if (!pass->is_gone && !pass->is_waiting) {
        instance_reconcile(&pass->world, &input, pass->plan, pass->status);
    }
}

/* file:// only below the root that the operator named. Returns why not, or NULL; the caller's to free. */
static char *refuse_url(const struct world *world, const struct repo_url *url)
{
    if (strcmp(url->scheme, "file") != 0) {
        return NULL;
    }
    if (world->git_file_root == NULL) {
        return xstrdup("file:// repositories are refused unless --git-file-root names a directory "
                       "that holds them");
    }
    return path_is_below(url->path, world->git_file_root)
               ? NULL
               : xasprintf("%s is not below %s (--git-file-root)", url->path, world->git_file_root);
}

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

static void pass_repository(struct pass *pass)
{
    struct entry *entry = pass->entry;
    struct controller *controller = entry->controller;
    struct repository_entry *repository = entry->repository;
    const struct object *settings = repository_settings(entry);
    struct observed_failure failure = failure_of(entry);
    auto_free char *refusal = refuse_url(&pass->world, &repository->url);
    const struct observed_container *container = map_get(&controller->containers, entry->name);
    const struct object *instance = instance_of(entry);
    struct observed_machine observed_machine = {0};
    struct machine_limits machine;
    struct observed_image image = {0};
    struct repository_input input = {
        .container_name = entry->name,
        .url = repository->url.canonical,
        .settings = settings,
        .is_explicit = entry->desired != NULL,
        .is_deleted = repository->is_deleted,
        .is_refused = refusal != NULL,
        .refusal = refusal,
        .active_tasks = repository_active_tasks(entry),
        .running_tasks = repository_running_tasks(entry),
        .pool = repository->pool,
        .instance = repository->instance,
        .is_displaced = repository->is_displaced,
        .is_warm = repository_is_kept_warm(entry),
        .awaited_pool = repository->is_waiting ? repository_pool(entry) : NULL,
        .is_pool_unknown =
            repository->is_waiting && !is_pool_there(controller, repository_pool(entry)),
        .branch = settings != NULL ? repository_wanted_branch(entry) : NULL,
        .is_in_use = repository_is_in_use(entry),
        .container = container,
        .image = &image,
        .workspace = &repository->workspace,
        .failure = &failure,
        .previous = entry->status,
    };

    if (settings == NULL) {
        pass->is_gone = true;
        return;
    }
    if (instance != NULL) {
        capacity_of_instance(instance, &machine);
        cgroups_observe(controller->cgroups, instance->name,
                        container != NULL ? container->id : NULL, &observed_machine);
        input.machine = &machine;
        input.observed_machine = &observed_machine;
    }
    if (repository->workspace.exists && !path_exists(repository->tree_path)) {
        repository_set_workspace(repository, false, NULL, NULL, false);
    }
    pass->is_gone = repository_is_gone(&input) && map_first(&repository->tasks) == NULL &&
                    repository->warm_pool == NULL; /* one that waits for its place comes back */
    if (pass->is_gone) {
        return;
    }
    image = image_of(observe_image(controller, repository_image(&pass->world, settings)));
    pass->is_waiting = image.state == IMAGE_UNKNOWN;
    input.values = values_observe(entry, &settings->repository.env);
    if (!pass->is_waiting) {
        repository_reconcile(&pass->world, &input, pass->plan, pass->status);
    }
}

static void pass_task(struct pass *pass)
{
    struct entry *entry = pass->entry;
    struct entry *repository = repository_of_task(entry);
    struct observed_failure failure = failure_of(entry);
    static const struct observed_workspace no_workspace;
    auto_free char *refusal = NULL;
    struct task_input input = {
        .name = entry->name,
        .desired = entry->desired,
        .branch = task_branch(entry),
        .repository = repository != NULL ? repository->name : NULL,
        .admission = entry->admission,
        .refusal_reason = entry->task_refusal_reason,
        .refusal = entry->task_refusal,
        .repository_status =
            repository != NULL && repository->is_passed ? repository->status : NULL,
        .container =
            repository != NULL ? map_get(&entry->controller->containers, repository->name) : NULL,
        .workspace = repository != NULL ? &repository->repository->workspace : &no_workspace,
        .attempt = &entry->attempt,
        .failure = &failure,
        .previous = entry->status,
    };

    if (repository != NULL && input.refusal == NULL) {
        refusal = refuse_url(&pass->world, &repository->repository->url);
        input.refusal = refusal;
        input.refusal_reason = REASON_SCHEME_REFUSED;
    }
    if (entry->desired != NULL) {
        input.values = values_observe(entry, &entry->desired->task.env);
    }
    observe_attempt(entry);
    if (entry->attempt.state == ATTEMPT_RUNNING) {
        observe_watch_task(entry);
    }
    pass->is_gone = entry->desired == NULL && entry->status->task.id == NULL;
    if (!pass->is_gone) {
        task_reconcile(&pass->world, &input, pass->plan, pass->status);
    }
}

/* What the user sees of a spec that is not in force as written. */
static void add_spec_conditions(struct entry *entry, struct object_status *status)
{
    const struct spec_entry *spec = entry_spec(entry);

    if (spec == NULL) {
        return;
    }
    if (!spec->is_valid) {
        status_set_condition(status, CONDITION_SPEC_VALID, CONDITION_FALSE, REASON_INVALID_SPEC,
                             "the file has errors; the last good version stays in force");
    } else if (spec->is_held) {
        status_set_condition(
            status, CONDITION_SPEC_VALID, CONDITION_FALSE, REASON_DELETIONS_HELD,
            "its spec is gone with more than half of all: kept until the files are "
            "back or berth confirm-deletions is run");
    }
}

static void pass_pool(struct pass *pass)
{
    pass->is_gone =
        !pools_pass(pass->entry, &pass->world, pass->status, &pass->plan->wake_at_wall_ms);
}

static bool is_told_to_tasks(const struct object_status *before, const struct object_status *now)
{
    return before->phase != now->phase || before->operation.state != now->operation.state ||
           before->conditions[CONDITION_STALLED].value !=
               now->conditions[CONDITION_STALLED].value ||
           !text_equal(before->container.id, now->container.id) ||
           !text_equal(before->repository.workspace, now->repository.workspace) ||
           !text_equal(before->repository.branch, now->repository.branch);
}

/* Tasks look at their repository's container, and the other way round. */
static void tell_relatives(struct entry *entry, const struct object_status *before, bool was_passed)
{
    struct entry *repository = repository_of_task(entry);

    if (entry->kind == ENTRY_REPOSITORY &&
        (!was_passed || is_told_to_tasks(before, entry->status))) {
        for (struct map_entry *at = map_first(&entry->repository->tasks); at != NULL;
             at = map_next(at)) {
            entry_enqueue(map_value(at));
        }
    }
    pools_note_member(entry, before);
    if (entry->kind == ENTRY_POOL &&
        (!was_passed || before->pool.members != entry->status->pool.members ||
         before->pool.failed != entry->status->pool.failed)) {
        placing_mark(entry->controller); /* whether it can grow is said to those that wait */
    }
    if (entry->kind == ENTRY_TASK &&
        (!was_passed || task_is_over(before) != task_is_over(entry->status))) {
        placing_mark(entry->controller);
    }
    if (entry->kind == ENTRY_TASK && repository != NULL &&
        (!was_passed || task_is_held_by_branch(before) != task_is_held_by_branch(entry->status) ||
         task_is_active(entry->desired, before) != task_is_active(entry->desired, entry->status))) {
        entry_enqueue(repository);
    }
}

static void remember_idle_since(struct entry *entry, const struct object_status *before)
{
    if (entry->kind == ENTRY_REPOSITORY &&
        before->repository.idle_since_wall_ms != entry->status->repository.idle_since_wall_ms) {
        repository_save(entry);
    }
}

static void log_transition(const struct entry *entry, const struct object_status *before)
{
    const struct condition *ready = &entry->status->conditions[CONDITION_READY];

    if (before->phase != entry->status->phase ||
        !text_equal(before->conditions[CONDITION_READY].reason, ready->reason)) {
        log_fields(entry->status->conditions[CONDITION_STALLED].value == CONDITION_TRUE ? LOG_WARN
                                                                                        : LOG_INFO,
                   "phase", "key", entry->key, "phase", phase_name(entry->status->phase), "reason",
                   ready->reason, "message", ready->message, NULL);
    }
}

static void take_status(struct pass *pass)
{
    struct entry *entry = pass->entry;
    struct object_status *before = entry->status;
    bool was_passed = entry->is_passed;

    add_spec_conditions(entry, pass->status);
    status_finish(pass->status, before, pass->world.now_wall_ms);
    entry->status = TAKE(pass->status);
    entry->is_passed = true;
    json_decref(entry->remembered);
    entry->remembered = NULL;
    status_mark_entry(entry);
    log_transition(entry, before);
    tell_relatives(entry, before, was_passed);
    remember_idle_since(entry, before);
    status_free(before);
}

static void remove_gone(struct entry *entry)
{
    struct controller *controller = entry->controller;
    bool was_instance = entry->kind == ENTRY_INSTANCE;
    bool was_repository = entry->kind == ENTRY_REPOSITORY;
    auto_free char *name = xstrdup(entry->name);

    port_table_release(&controller->ports, entry->key);
    released_forget_intent(entry);
    if (was_repository) {
        repository_forget(entry);
    }
    log_fields(LOG_INFO, "object_gone", "key", entry->key, NULL);
    entry_remove(entry);
    if (was_repository) {
        repository_remove_if_empty(controller, name);
    }
    if (was_instance) {
        sweep_networks(controller);
        sweep_cgroups(controller);
    }
}

static void decide(struct pass *pass)
{
    switch (pass->entry->kind) {
    case ENTRY_INSTANCE: pass_instance(pass); return;
    case ENTRY_POOL: pass_pool(pass); return;
    case ENTRY_REPOSITORY: pass_repository(pass); return;
    case ENTRY_TASK: pass_task(pass); return;
    }
}

static void pass_begin(struct pass *pass, struct entry *entry)
{
    *pass = (struct pass){.entry = entry};
    controller_fill_world(entry->controller, &pass->world, &pass->roots);
    pass->plan = plan_new();
    pass->status = status_successor(entry->status);
    decide(pass);
}

/*
 * Every key is enqueued when the facts are complete, and by the placement that is due: a repository
 * that does not know its place yet, and a pool whose numbers of who waits are older than its members,
 * would decide wrongly.
 */
static bool is_due(const struct entry *entry)
{
    const struct controller *controller = entry->controller;

    return controller->is_listed && (entry->kind != ENTRY_REPOSITORY || controller->has_placed) &&
           (entry->kind != ENTRY_POOL || !entry->is_passed || !controller->is_placing_due);
}

void pass_run(struct entry *entry)
{
    struct controller *controller = entry->controller;
    struct pass pass;

    if (!is_due(entry)) {
        entry_settle(entry);
        return;
    }
    controller->pass_count++;
    controller->last_pass_wall_ms = clock_wall_ms();
    pass_begin(&pass, entry);
    if (pass.is_gone) {
        remove_gone(entry);
    } else if (!pass.is_waiting) {
        take_status(&pass);
        entry_wake_at(entry, pass.plan->wake_at_wall_ms);
        if (pass.plan->count > 0) {
            apply_plan(entry, TAKE(pass.plan));
        }
    }
    status_free(pass.status);
    if (pass.plan != NULL) {
        plan_free(pass.plan);
        entry_settle(entry);
    }
}

/* Dry run */

/* Two objects of one dry run must not be promised one port. */
static void reserve_ports(struct controller *controller, const struct entry *entry,
                          const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct action *action = plan->actions[i];

        if (action->type == ACTION_LEASE_PORT) {
            port_table_take(&controller->ports, entry->key, action->target, action->host_ip,
                            action->port, action->protocol);
        } else if (action->type == ACTION_CREATE_NETWORK) {
            networks_put(controller, action->target, "", NULL);
        }
    }
}

static void pass_pools(struct controller *controller)
{
    struct map pools = {0}; /* a pool's pass makes entries */

    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        if (((struct entry *)map_value(at))->kind == ENTRY_POOL) {
            map_put(&pools, map_key(at), map_value(at));
        }
    }
    for (struct map_entry *at = map_first(&pools); at != NULL; at = map_next(at)) {
        struct entry *pool = map_value(at);
        struct pass pass;

        pass_begin(&pass, pool);
        status_finish(pass.status, pool->status, pass.world.now_wall_ms);
        status_free(pool->status);
        pool->status = pass.status;
        pool->is_passed = true;
        plan_free(pass.plan);
    }
    map_done(&pools);
}

/* First who is there, then what they need, then what those need that have no place even so. */
void pass_find_members(struct controller *controller)
{
    enum { ROUNDS = 3 };

    for (int round = 0; round < ROUNDS; round++) {
        pass_pools(controller);
        placing_run(controller);
    }
}

size_t pass_dry_run(struct controller *controller)
{
    size_t actions = 0;

    map_sort(&controller->entries);
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        struct entry *entry = map_value(at);
        auto_done(strbuf) text = {0};
        struct pass pass;

        if (entry->kind == ENTRY_POOL) {
            continue; /* it is its members that would be changed */
        }
        pass_begin(&pass, entry);
        plan_print(pass.plan, &text);
        if (text.len > 0) {
            printf("%s: %s\n%s", entry->key, pass.plan->operation, text.text);
        }
        actions += pass.plan->count;
        reserve_ports(controller, entry, pass.plan);
        status_finish(pass.status, entry->status, pass.world.now_wall_ms);
        status_free(entry->status);
        entry->status = pass.status;
        plan_free(pass.plan);
    }
    printf("%zu action%s\n", actions, actions == 1 ? "" : "s");
    return actions;
}
