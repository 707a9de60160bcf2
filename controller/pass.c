#include "controller/controller.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "controller/cgroups.h"
#include "controller/dry_run.h"
#include "controller/entry.h"
#include "controller/mirrors.h"
#include "controller/pass.h"
#include "controller/placing.h"
#include "controller/pools.h"
#include "controller/probes.h"
#include "controller/profile_trace.h"
#include "controller/released.h"
#include "reconcilers/instance.h"
#include "specs/reason.h"
#include "specs/status_equal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void controller_fill_world(const struct controller *controller, struct world *world,
                           struct text_list *roots)
{
    union {
        char *const *owned;
        const char **borrowed;
    } paths = {.owned = controller->options.host_path_roots.items},
      schemes = {.owned = controller->options.git_schemes.items};

    roots->items = paths.borrowed;
    roots->count = controller->options.host_path_roots.count;
    *world = (struct world){
        .controller_id = controller->state.id,
        .idle_image = controller->idle_image,
        .repository_image = controller->options.repository_image,
        .git_schemes = {schemes.borrowed, controller->options.git_schemes.count},
        .git_file_root = controller->options.git_file_root,
        .host_path_roots = *roots,
        .policy = controller->policy,
        .ports = &controller->ports,
        .capacity = *cgroups_capacity(controller->cgroups),
        .now_wall_ms = clock_wall_ms(),
    };
}

static void pass_instance(struct pass *pass)
{
    struct entry *entry = pass->entry;
    struct controller *controller = entry->controller;
    struct observed_failure failure = entry_failure(entry);
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
        image =
            image_observed(observe_image(controller, instance_image(&pass->world, entry->desired)));
        pass->is_waiting = image.state == IMAGE_UNKNOWN;
        network = zone_network_name(&pass->world, entry->desired->instance.zone);
        input.network = map_get(&controller->networks, network);
        input.values = values_observe(entry, &entry->desired->instance.env);
    }
    if (!pass->is_gone && !pass->is_waiting) {
        instance_reconcile(&pass->world, &input, pass->plan, pass->status);
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
            spec->is_doubted
                ? "its directory is empty and another one than before, as when something is "
                  "unmounted: kept until the files are back or berth confirm-deletions is run"
                : "its spec is gone with more than half of all: kept until the files are "
                  "back or berth confirm-deletions is run");
    }
}

/* Its members say it too, where it has any. */
static void add_pool_refusal(const struct pass *pass)
{
    auto_done(policy_refusal) refusal = {0};

    if (pass->entry->desired != NULL &&
        policy_refuses(&pass->world, pass->entry->desired, &refusal)) {
        status_add_error(pass->status, refusal.reason, refusal.message, NULL);
    }
}

static void pass_pool(struct pass *pass)
{
    pass->is_gone =
        !pools_pass(pass->entry, &pass->world, pass->status, &pass->plan->wake_at_wall_ms);
    add_pool_refusal(pass);
}

/* Those that look at it look again. */
static void tell_relatives(struct entry *entry, const struct object_status *before, bool was_passed)
{
    pools_note_member(entry, before);
    if (entry->kind == ENTRY_POOL &&
        (!was_passed || before->pool->members != entry->status->pool->members ||
         before->pool->failed != entry->status->pool->failed)) {
        placing_mark(entry->controller); /* whether it can grow is said to those that wait */
    }
    work_tell_relatives(entry, before, was_passed);
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

/*
 * Of conditions that are news by themselves: what is behind the others the phase tells, with its
 * reason.
 */
static void tell_conditions(const struct entry *entry, const struct object_status *before)
{
    static const struct {
        enum condition_type type;
        enum condition_value usual; /* which is news only after another one */
    } told[] = {
        {CONDITION_SPEC_VALID, CONDITION_TRUE},
        {CONDITION_UPDATE_PENDING, CONDITION_FALSE},
        {CONDITION_CAPACITY_ENFORCED, CONDITION_TRUE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
        const struct condition *old = &before->conditions[told[i].type],
                               *now = &entry->status->conditions[told[i].type];

        if (old->value == now->value || now->value == CONDITION_ABSENT ||
            (now->value == told[i].usual && old->value == CONDITION_ABSENT)) {
            continue;
        }
        log_fields(LOG_DEBUG, "condition", "key", entry->key, "type",
                   condition_type_name(told[i].type), "status",
                   now->value == CONDITION_TRUE    ? "True"
                   : now->value == CONDITION_FALSE ? "False"
                                                   : "Unknown",
                   "reason", now->reason, "message", now->message, NULL);
    }
}

/*
 * A hand-written instance's file shows its status and its spec, whose changes are marked where they
 * are seen; a member's is shown with more in the file of its pool.
 */
static bool shows_nothing_new(const struct entry *entry, const struct object_status *before,
                              bool was_passed)
{
    return was_passed && entry->kind == ENTRY_INSTANCE && entry->member.pool == NULL &&
           status_equal_of_instance(before, entry->status);
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
    entry_forget_remembered(entry);
    if (!shows_nothing_new(entry, before, was_passed)) {
        status_mark_entry(entry);
    }
    log_transition(entry, before);
    tell_conditions(entry, before);
    tell_relatives(entry, before, was_passed);
    status_free(before);
}

static void remove_gone(struct entry *entry)
{
    struct controller *controller = entry->controller;
    enum entry_kind kind = entry->kind;
    auto_free char *name = xstrdup(entry->name);
    struct entry *mirror = /* of a branch: who names it */
        kind == ENTRY_REPOSITORY && entry->repository->branch != NULL ? entry->repository->mirror
                                                                      : NULL;

    port_table_release(&controller->ports, entry->key);
    released_forget_intent(entry);
    if (kind == ENTRY_REPOSITORY) {
        repository_forget(entry);
    }
    log_fields(LOG_INFO, "object_gone", "key", entry->key, NULL);
    entry_remove(entry);
    if (mirror != NULL) {
        mirror_tell(mirror);
    }
    if (kind == ENTRY_REPOSITORY || kind == ENTRY_MIRROR) {
        repository_remove_if_empty(controller, name);
    }
    if (kind == ENTRY_INSTANCE) {
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
    case ENTRY_MIRROR: pass_mirror(pass); return;
    case ENTRY_SETUP: pass_setup(pass); return;
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
 * that does not know its place yet, and a pool whose numbers of who waits are older than its
 * members, would decide wrongly.
 */
static bool is_due(const struct entry *entry)
{
    const struct controller *controller = entry->controller;

    return controller->is_listed && (entry->kind != ENTRY_REPOSITORY || controller->has_placed) &&
           (entry->kind != ENTRY_POOL || !entry->is_passed || !controller->is_placing_due);
}

/* What was decided becomes true, or begins to. */
static void pass_end(struct pass *pass)
{
    struct entry *entry = pass->entry;

    if (pass->is_gone) {
        remove_gone(entry);
    } else if (!pass->is_waiting) {
        take_status(pass);
        entry_wake_at(entry, pass->plan->wake_at_wall_ms);
        if (pass->plan->count > 0) {
            apply_plan(entry, TAKE(pass->plan));
        }
    }
    status_free(pass->status);
    if (pass->plan != NULL) {
        plan_free(pass->plan);
        entry_settle(entry);
    }
}

static void pass_traced(struct entry *entry, const char *cause)
{
    auto_done(strbuf) plan = {0};
    const char *operation;
    struct pass pass;
    size_t actions;

    profile_begin("pass %s", entry->key);
    pass_begin(&pass, entry);
    operation = pass.plan->operation;
    actions = pass.plan->count;
    if (profile_trace_is_on()) {
        plan_print(pass.plan, &plan);
    }
    pass_end(&pass);
    profile_end(trace_args(trace_text("cause", cause), trace_number("actions", actions),
                           trace_text("operation", operation),
                           trace_text("plan", actions > 0 ? strbuf_text(&plan) : NULL),
                           trace_text("phase", phase_name(entry->status->phase)),
                           trace_flag("waiting", pass.is_waiting),
                           trace_flag("again", entry->state == KEY_QUEUED),
                           trace_flag("gone", pass.is_gone)));
}

void pass_run(struct entry *entry)
{
    struct controller *controller = entry->controller;
    auto_free char *cause = profile_dequeued(entry->key, controller->queue_length);

    if (!is_due(entry)) {
        entry_settle(entry);
        return;
    }
    controller->pass_count++;
    controller->last_pass_wall_ms = clock_wall_ms();
    pass_traced(entry, cause);
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
    struct dry_run *report = controller->options.dry_run;
    size_t actions = 0;

    map_sort(&controller->entries);
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        struct entry *entry = map_value(at);
        auto_done(strbuf) text = {0};
        struct pass pass;

        if (entry->kind == ENTRY_POOL) { /* it is its members that would be changed */
            if (report != NULL) {
                dry_run_add(report, entry, NULL);
            }
            continue;
        }
        profile_begin("pass %s", entry->key);
        pass_begin(&pass, entry);
        plan_print(pass.plan, &text);
        profile_end(trace_args(trace_number("actions", pass.plan->count),
                               trace_text("operation", pass.plan->operation),
                               trace_text("plan", strbuf_text(&text))));
        if (report == NULL && text.len > 0) {
            printf("%s: %s\n%s", entry->key, pass.plan->operation, text.text);
        }
        actions += pass.plan->count;
        reserve_ports(controller, entry, pass.plan);
        status_finish(pass.status, entry->status, pass.world.now_wall_ms);
        status_free(entry->status);
        entry->status = pass.status;
        if (report != NULL) {
            dry_run_add(report, entry, pass.plan);
        }
        plan_free(pass.plan);
    }
    if (report != NULL) {
        return actions;
    }
    printf("%zu action%s\n", actions, actions == 1 ? "" : "s");
    return actions;
}
