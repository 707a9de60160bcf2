#include "reconcilers/capacity.h"
#include "reconcilers/container_network.h"
#include "reconcilers/container_parts.h"

#include "base/memory.h"
#include "base/parse.h"
#include "reconcilers/health.h"
#include "reconcilers/restarts.h"
#include "specs/reason.h"

#include <stdlib.h>

bool container_is_own(const struct observed_container *container, const char *kind,
                      const char *object)
{
    return container->is_ours && text_equal(container->kind, kind) &&
           text_equal(container->object, object);
}

bool container_is_up(const struct observed_container *container)
{
    return container->state == WORKLOAD_RUNNING || container->state == WORKLOAD_PAUSED ||
           container->state == WORKLOAD_RESTARTING;
}

bool container_shows_start(const struct observed_container *container, int64_t event_wall_ms)
{
    enum { EVENT_DELAY_MS = 1000 }; /* an event is made a moment after the start that it tells of */

    return container != NULL && container->state == WORKLOAD_RUNNING &&
           container->started_wall_ms > 0 && container->started_wall_ms <= event_wall_ms &&
           event_wall_ms - container->started_wall_ms < EVENT_DELAY_MS;
}

/* It stays as it is: running, paused or ended. What its ports are is its own affair then. */
static void plan_release(struct container_pass *pass)
{
    enum phase phase = container_is_up(pass->container) ? PHASE_RUNNING : PHASE_TERMINATED;

    plan_set_operation(pass->plan, "release", "deletionPolicy is Retain");
    plan_add(pass->plan, ACTION_RELEASE_CONTAINER, phase, pass->want->name,
             "deletionPolicy is Retain");
    pass->status->phase = phase;
}

static void reconcile_absent(struct container_pass *pass)
{
    bool is_own = pass->container != NULL &&
                  container_is_own(pass->container, pass->want->kind, pass->want->object);

    pass->status->phase = PHASE_TERMINATED;
    /* of an action that failed: said anew as long as it waits */
    pass->status->restarts.next_retry_wall_ms = 0;
    if (is_own && pass->container->state == WORKLOAD_REMOVING) {
        plan_wake_at(pass->plan, pass->world->now_wall_ms + 1000);
        pass->status->phase = PHASE_STOPPING;
        return;
    }
    if (is_own && pass->want->should_retain) {
        plan_release(pass);
    } else if (is_own) {
        plan_set_operation(pass->plan, "delete", "no longer wanted");
        container_plan_removal(pass, PHASE_STOPPING, "no longer wanted");
        pass->status->phase = PHASE_STOPPING;
    }
    if (port_table_has_owner(pass->world->ports, pass->want->key)) {
        plan_set_operation(pass->plan, "delete", "no longer wanted");
        plan_add(pass->plan, ACTION_RELEASE_PORTS, pass->status->phase, pass->want->key,
                 "no longer wanted");
    }
}

static void describe_container(struct container_pass *pass)
{
    const struct observed_container *container = pass->container;
    struct object_status *status = pass->status;

    status->container = (struct status_container){
        .id = status_text(status, container->id),
        .name = status_text(status, container->name),
        .image = status_text(status, pass->want->image),
        .image_id = status_text(status, container->image_id),
        .ip = status_text(status, container->ip),
        .network = status_text(status, container->network),
        .started_wall_ms = container->state == WORKLOAD_RUNNING ? container->started_wall_ms : 0,
    };
    health_describe(pass);
    if (pass->want->network != NULL && container->ip != NULL && container->ip[0] != '\0') {
        status->last_address = status->container.ip;
    }
}

static void reconcile_foreign(struct container_pass *pass)
{
    auto_free char *message = xasprintf(
        "a container named \"%s\" exists that %s; rename the object or remove that "
        "container",
        pass->want->name,
        pass->container->is_ours ? "belongs to another object" : "this controller does not own");

    pass->status->phase = PHASE_PROVISIONING;
    status_set_stalled(pass->status, REASON_NAME_TAKEN, message);
}

static bool has_finished_before(const struct container_pass *pass)
{
    const struct object_status *previous = pass->previous;

    return pass->want->restart_policy != RESTART_ALWAYS && previous != NULL &&
           previous->phase == PHASE_TERMINATED && previous->restarts.has_last &&
           text_equal(previous->observed_hash, pass->status->observed_hash) &&
           !restarts_wants_after_last(pass->want->restart_policy, &previous->restarts);
}

static void reconcile_missing(struct container_pass *pass, const struct resolved_port *ports)
{
    const struct object_status *previous = pass->previous;
    bool was_there =
        previous != NULL && (previous->container.id != NULL || previous->last_address != NULL ||
                             text_equal(previous->operation.type, "repair"));

    if (has_finished_before(pass)) {
        pass->status->phase = PHASE_TERMINATED;
        if (restarts_ended_well(&pass->previous->restarts)) {
            status_set_condition(pass->status, CONDITION_READY, CONDITION_FALSE, "Completed",
                                 "its container was removed after it had ended");
            status_set_condition(pass->status, CONDITION_RECONCILING, CONDITION_FALSE, "Completed",
                                 NULL);
            status_set_condition(pass->status, CONDITION_STALLED, CONDITION_FALSE, "Completed",
                                 NULL);
        } else {
            status_set_stalled(pass->status, REASON_FAILED,
                               "it failed, and its container was removed after that");
        }
        return;
    }
    if (pass->creation_cause != NULL) {
        container_plan_creation(pass, ports, "update", PHASE_PROVISIONING, pass->creation_cause);
    } else if (was_there) {
        container_plan_creation(pass, ports, "repair", PHASE_REPAIRING, "container was removed");
    } else {
        container_plan_creation(pass, ports, "create", PHASE_PROVISIONING,
                                "container does not exist");
    }
}

/* What it is in before anything is decided. */
static enum phase initial_phase(const struct container_pass *pass)
{
    if (pass->container == NULL) {
        return PHASE_PROVISIONING;
    }
    if (pass->container->state == WORKLOAD_PAUSED && pass->want->should_pause) {
        return PHASE_SUSPENDED;
    }
    return container_is_up(pass->container) ? PHASE_RUNNING : PHASE_TERMINATED;
}

static void reconcile_suspended(struct container_pass *pass)
{
    enum phase phase = initial_phase(pass);
    bool is_running = phase == PHASE_SUSPENDED ||
                      (pass->container != NULL && pass->container->state == WORKLOAD_RUNNING);

    pass->status->phase = phase == PHASE_PROVISIONING ? PHASE_TERMINATED : phase;
    status_set_condition(pass->status, CONDITION_READY,
                         is_running ? CONDITION_TRUE : CONDITION_FALSE, REASON_SUSPENDED,
                         "spec.suspend is true: nothing is changed");
    status_set_condition(pass->status, CONDITION_RECONCILING, CONDITION_FALSE, REASON_SUSPENDED,
                         NULL);
    status_set_condition(pass->status, CONDITION_STALLED, CONDITION_FALSE, REASON_SUSPENDED, NULL);
}

/* What is there goes on as it was made; the next one could not be made. */
static void say_next_impossible(struct container_pass *pass, const char *reason, const char *why)
{
    enum condition_value ready = pass->status->conditions[CONDITION_READY].value;

    if (ready == CONDITION_TRUE) {
        status_set_condition(pass->status, CONDITION_READY, ready, reason, why);
    }
    status_add_error(pass->status, reason, why, NULL);
}

static void reconcile_existing(struct container_pass *pass, const struct resolved_port *ports)
{
    const struct container_want *want = pass->want;
    auto_free char *difference = container_find_difference(pass, ports);
    const char *missing_value = container_missing_value(pass);
    const char *hold_off = want->hold_off != NULL  ? want->hold_off
                           : want->refusal != NULL ? want->refusal->message
                           : missing_value != NULL ? missing_value
                                                   : want->update_hold;

    if (pass->container->state == WORKLOAD_REMOVING) {
        container_reconcile_state(pass); /* waits until it is gone: another removal is refused */
        return;
    }
    if (difference != NULL && hold_off == NULL) {
        container_plan_creation(pass, ports, "update", PHASE_PROVISIONING, difference);
        return;
    }
    if (difference != NULL) {
        auto_free char *message = xasprintf("%s; waits: %s", difference, hold_off);

        status_set_condition(pass->status, CONDITION_UPDATE_PENDING, CONDITION_TRUE, "Waiting",
                             message);
    }
    container_reconcile_state(pass);
    if (want->refusal != NULL) {
        say_next_impossible(pass, want->refusal->reason, want->refusal->message);
    } else if (missing_value != NULL) {
        say_next_impossible(pass, REASON_VALUE_UNAVAILABLE, missing_value);
        plan_wake_at(pass->plan, pass->world->now_wall_ms + RETRY_MAX_MS / 10);
    }
}

static void reconcile_present(struct container_pass *pass)
{
    const struct container_want *want = pass->want;
    auto_free struct resolved_port *ports = xcalloc(want->ports->count, sizeof(*ports));

    if (pass->image->state == IMAGE_PRESENT) {
        status_set_condition(pass->status, CONDITION_IMAGE_READY, CONDITION_TRUE, "Present", NULL);
    }
    if (container_ports_resolve(pass, ports) < 0) {
        container_ports_describe_leases(pass);
        return;
    }
    container_ports_describe(pass, ports, want->ports->count);
    if (pass->container == NULL) {
        reconcile_missing(pass, ports);
    } else if (!container_reconcile_broken(pass) && (pass->container->state != WORKLOAD_CREATED ||
                                                     !container_reconcile_port_in_use(pass))) {
        reconcile_existing(pass, ports);
    }
}

void container_reconcile(struct container_pass *pass)
{
    const struct container_want *want = pass->want;
    bool is_own, is_replaced;

    if (!want->should_exist) {
        reconcile_absent(pass);
    } else {
        is_own =
            pass->container != NULL && container_is_own(pass->container, want->kind, want->object);
        if (pass->container != NULL && !is_own) {
            reconcile_foreign(pass);
            return;
        }
        pass->status->phase = initial_phase(pass);
        if (is_own) {
            describe_container(pass);
            container_network_describe(pass);
        }
        capacity_describe(pass);
        if (want->is_suspended) {
            container_ports_describe_leases(pass);
            reconcile_suspended(pass);
            return;
        }
        reconcile_present(pass);
        capacity_adjust(pass);
    }
    is_replaced = text_equal(pass->plan->operation, "update");
    if (failure_holds_back(pass->failure, want->key, pass->world->now_wall_ms, pass->plan,
                           pass->status)) {
        container_network_note_failure(pass);
        if (is_replaced) {
            pass->status->phase = initial_phase(pass); /* the old container may still serve */
        }
    }
}
