#include "reconcilers/container.h"

#include "base/memory.h"
#include "base/parse.h"
#include "reconcilers/container_ports.h"
#include "reconcilers/restarts.h"
#include "specs/fingerprint.h"
#include "specs/reason.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool container_is_own(const struct observed_container *container, const char *kind,
                      const char *object)
{
    return container->is_ours && text_equal(container->kind, kind) &&
           text_equal(container->object, object);
}

static bool is_up(const struct observed_container *container)
{
    return container->state == WORKLOAD_RUNNING || container->state == WORKLOAD_PAUSED ||
           container->state == WORKLOAD_RESTARTING;
}

/* Stop and remove, with the evidence of why left to the caller. */
static void plan_removal(struct container_pass *pass, enum phase phase, const char *cause)
{
    const struct container_want *want = pass->want;

    if (is_up(pass->container)) {
        struct action *stop = plan_add(pass->plan, ACTION_STOP_CONTAINER, phase, want->name, cause);

        stop->grace_seconds = want->grace_seconds;
    }
    plan_add(pass->plan, ACTION_REMOVE_CONTAINER, phase, want->name, cause);
}

static void reconcile_absent(struct container_pass *pass)
{
    pass->status->phase = PHASE_TERMINATED;
    if (pass->container != NULL &&
        container_is_own(pass->container, pass->want->kind, pass->want->object)) {
        plan_set_operation(pass->plan, "delete", "no longer wanted");
        plan_removal(pass, PHASE_STOPPING, "no longer wanted");
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
}

/* Creation */

static struct workload *build_workload(struct container_pass *pass,
                                       const struct resolved_port *ports)
{
    const struct container_want *want = pass->want;
    struct workload *workload = want->build(pass);
    auto_free char *label = container_ports_label(ports, want->ports->count);

    workload->name = arena_strdup(&workload->arena, want->name);
    workload->image = arena_strdup(&workload->arena, want->image);
    workload->network =
        want->network != NULL ? arena_strdup(&workload->arena, want->network) : NULL;
    workload->grace_seconds = want->grace_seconds;
    workload_add_label(workload, LABEL_CONTROLLER, pass->world->controller_id);
    workload_add_label(workload, LABEL_KIND, want->kind);
    workload_add_label(workload, LABEL_NAME, want->object);
    workload_add_label(workload, LABEL_HASH, want->hash);
    workload_add_label(workload, LABEL_FIELDS, want->fields);
    workload_add_label(workload, LABEL_SOURCE, want->source);
    workload_add_label(workload, LABEL_PORTS, label);
    for (size_t i = 0; i < want->ports->count; i++) {
        workload_add_port(workload, &(struct workload_port){
                                        .container_port = (uint16_t)ports[i].spec->container_port,
                                        .protocol = (enum port_protocol)ports[i].spec->protocol,
                                        .host_ip = ports[i].spec->host_ip,
                                        .host_port = ports[i].host_port,
                                    });
    }
    return workload;
}

static void plan_network(struct container_pass *pass, enum phase phase)
{
    if (pass->want->network != NULL && !pass->has_network) {
        plan_add(pass->plan, ACTION_CREATE_NETWORK, phase, pass->want->network,
                 "network does not exist");
    }
}

static void plan_image(struct container_pass *pass, enum phase phase)
{
    const struct container_want *want = pass->want;

    if (want->is_idle_image) {
        if (pass->image->state != IMAGE_PRESENT) {
            plan_add(pass->plan, ACTION_BUILD_IDLE_IMAGE, phase, want->image,
                     "image does not exist");
        }
    } else if (want->pull_policy == PULL_ALWAYS) {
        plan_add(pass->plan, ACTION_PULL_IMAGE, phase, want->image, "imagePullPolicy is Always");
    } else if (pass->image->state != IMAGE_PRESENT) {
        plan_add(pass->plan, ACTION_PULL_IMAGE, phase, want->image, "image does not exist");
    }
}

/* True when the image is missing and may not be pulled; the status says so. */
static bool is_image_missing(struct container_pass *pass)
{
    const struct container_want *want = pass->want;
    auto_free char *message = NULL;

    if (pass->image->state == IMAGE_PRESENT || want->is_idle_image ||
        want->pull_policy != PULL_NEVER) {
        return false;
    }
    message = xasprintf("image \"%s\" does not exist and imagePullPolicy is Never", want->image);
    status_set_condition(pass->status, CONDITION_IMAGE_READY, CONDITION_FALSE,
                         REASON_IMAGE_NOT_FOUND, message);
    status_set_stalled(pass->status, REASON_IMAGE_NOT_FOUND, message);
    plan_wake_at(pass->plan, pass->world->now_wall_ms + RETRY_MAX_MS / 10);
    return true;
}

/* From nothing to running; an old container is removed in between, as late as possible. */
static void plan_creation(struct container_pass *pass, const struct resolved_port *ports,
                          const char *operation, enum phase phase, const char *cause)
{
    const struct container_want *want = pass->want;
    struct action *create;

    if (is_image_missing(pass)) {
        return;
    }
    plan_set_operation(pass->plan, operation, cause);
    plan_image(pass, phase);
    plan_network(pass, phase);
    if (port_table_has_stale(pass->world->ports, want->key, want->ports)) {
        plan_add(pass->plan, ACTION_RELEASE_PORTS, phase, want->key, "ports changed");
    }
    container_ports_plan_leases(pass, ports, cause);
    if (pass->container != NULL) {
        plan_removal(pass, phase, cause);
    }
    create = plan_add(pass->plan, ACTION_CREATE_CONTAINER, phase, want->name, cause);
    create->workload = build_workload(pass, ports);
    if (want->should_run) {
        plan_add(pass->plan, ACTION_START_CONTAINER,
                 phase == PHASE_REPAIRING ? PHASE_REPAIRING : PHASE_STAGING, want->name, cause);
    }
    pass->status->phase = phase;
    status_set_progressing(pass->status, "Creating", cause);
}

/* What differs between the container and the wish: a text for people, or NULL. The caller's to free. */
static char *find_difference(const struct container_pass *pass, const struct resolved_port *ports)
{
    const struct observed_container *container = pass->container;
    const struct container_want *want = pass->want;
    auto_free char *label = container_ports_label(ports, want->ports->count);

    if (!text_equal(container->hash, want->hash)) {
        auto_free char *fields = fingerprint_changed_fields(container->fields, want->fields);

        return xasprintf("changed: %s", fields[0] != '\0' ? fields : "how specs are hashed");
    }
    if (!text_equal(container->ports != NULL ? container->ports : "", label)) {
        return xstrdup("changed: ports leased to it");
    }
    if (pass->image->state == IMAGE_PRESENT && container->image_id != NULL &&
        !text_equal(container->image_id, pass->image->id)) {
        return xasprintf("image %s was replaced: %.19s, before %.19s", want->image, pass->image->id,
                         container->image_id);
    }
    if (want->network != NULL && !pass->has_network && !is_up(container)) {
        return xstrdup("its network was removed");
    }
    return NULL;
}

/* A container that runs */

static void reconcile_running(struct container_pass *pass)
{
    const struct container_want *want = pass->want;
    const struct observed_container *container = pass->container;

    if (!want->should_run) {
        if (want->hold_off == NULL) {
            struct action *stop;

            plan_set_operation(pass->plan, "stop", "should not run");
            stop = plan_add(pass->plan, ACTION_STOP_CONTAINER, PHASE_STOPPING, want->name,
                            "should not run");
            stop->grace_seconds = want->grace_seconds;
        }
        pass->status->phase = PHASE_STOPPING;
        status_set_progressing(pass->status, "Stopping", want->hold_off);
        return;
    }
    if (container->state == WORKLOAD_PAUSED) {
        plan_set_operation(pass->plan, "resume", "container was paused");
        plan_add(pass->plan, ACTION_UNPAUSE_CONTAINER, PHASE_REPAIRING, want->name,
                 "container was paused");
        pass->status->phase = PHASE_REPAIRING;
        status_set_progressing(pass->status, "Paused", "container was paused");
        return;
    }
    if (want->network != NULL &&
        (!pass->has_network || !text_equal(container->network, want->network))) {
        struct action *connect;

        plan_set_operation(pass->plan, "repair", "not on its network");
        plan_network(pass, PHASE_REPAIRING);
        connect = plan_add(pass->plan, ACTION_CONNECT_NETWORK, PHASE_REPAIRING, want->name,
                           "not on its network");
        connect->workload = want->build(pass);
        connect->workload->network = arena_strdup(&connect->workload->arena, want->network);
        pass->status->phase = PHASE_REPAIRING;
        status_set_progressing(pass->status, "NetworkLost", "not on its network");
        return;
    }
    pass->status->phase = PHASE_RUNNING;
    pass->status->restarts.next_retry_wall_ms = 0;
    status_set_ready(pass->status, "Healthy", NULL);
}

/* A container that does not run */

static void plan_start(struct container_pass *pass, const char *operation, enum phase phase,
                       const char *cause)
{
    plan_set_operation(pass->plan, operation, cause);
    plan_network(pass, phase);
    plan_add(pass->plan, ACTION_START_CONTAINER, phase, pass->want->name, cause);
    pass->status->phase = phase;
    status_set_progressing(pass->status, "Starting", cause);
}

static void reconcile_finished(struct container_pass *pass)
{
    auto_free char *message =
        xasprintf("exited with code %lld", (long long)pass->container->exit_code);

    pass->status->phase = PHASE_TERMINATED;
    pass->status->restarts.next_retry_wall_ms = 0;
    if (pass->container->exit_code == 0) {
        status_set_condition(pass->status, CONDITION_READY, CONDITION_FALSE, "Completed", message);
        status_set_condition(pass->status, CONDITION_RECONCILING, CONDITION_FALSE, "Completed",
                             NULL);
        status_set_condition(pass->status, CONDITION_STALLED, CONDITION_FALSE, "Completed", NULL);
    } else {
        status_set_stalled(pass->status, REASON_EXITED, message);
    }
}

static void reconcile_exited(struct container_pass *pass)
{
    const struct container_want *want = pass->want;
    const struct observed_container *container = pass->container;
    auto_free char *cause = NULL;

    if (!want->should_run) {
        restarts_note_wanted_end(pass->status, container);
        pass->status->phase = PHASE_TERMINATED;
        status_set_ready(pass->status, "Stopped", NULL);
        return;
    }
    if (restarts_was_wanted(&pass->status->restarts, container)) {
        plan_start(pass, "start", PHASE_STAGING, "should run again");
        return;
    }
    if (!restarts_is_known(&pass->status->restarts, container) && !container->has_log) {
        plan_add(pass->plan, ACTION_READ_LOG, PHASE_REPAIRING, want->name, "container ended");
        pass->status->phase = PHASE_REPAIRING;
        status_set_progressing(pass->status, "Ended", "container ended");
        return;
    }
    restarts_note_end(pass->status, container, want->key, want->restart_policy);
    if (!restarts_wants_another(want->restart_policy, container->exit_code)) {
        reconcile_finished(pass);
        return;
    }
    cause = restarts_describe(container);
    if (pass->status->restarts.next_retry_wall_ms > pass->world->now_wall_ms) {
        plan_wake_at(pass->plan, pass->status->restarts.next_retry_wall_ms);
        pass->status->phase = PHASE_REPAIRING;
        if (pass->status->restarts.in_a_row >= STALLED_AFTER) {
            status_set_stalled(pass->status, REASON_CRASH_LOOP, cause);
        } else {
            status_set_progressing(pass->status, REASON_CRASH_LOOP, cause);
        }
        return;
    }
    plan_start(pass, "restart", PHASE_REPAIRING, cause);
}

/* The engine said at the start that a port is taken: give up the leased ones and make it anew with others. */
static bool reconcile_port_in_use(struct container_pass *pass)
{
    bool has_pooled = false;

    if (pass->failure->count == 0 || !text_equal(pass->failure->reason, REASON_PORT_IN_USE)) {
        return false;
    }
    for (size_t i = 0; i < pass->want->ports->count; i++) {
        has_pooled |= pass->want->ports->items[i].host_port == 0;
    }
    if (!has_pooled || pass->failure->count > QUICK_TRIES) {
        return false;
    }
    plan_set_operation(pass->plan, "repair", "a leased host port is taken");
    plan_add(pass->plan, ACTION_REMOVE_CONTAINER, PHASE_PROVISIONING, pass->want->name,
             "a leased host port is taken");
    plan_add(pass->plan, ACTION_QUARANTINE_PORTS, PHASE_PROVISIONING, pass->want->key,
             "a leased host port is taken");
    pass->status->phase = PHASE_PROVISIONING;
    status_set_progressing(pass->status, REASON_PORT_IN_USE, pass->failure->message);
    return true;
}

static void reconcile_state(struct container_pass *pass)
{
    const struct container_want *want = pass->want;

    switch (pass->container->state) { /* no default: a state without an answer does not compile */
    case WORKLOAD_RUNNING:
    case WORKLOAD_PAUSED: reconcile_running(pass); return;
    case WORKLOAD_CREATED:
        if (!want->should_run) {
            pass->status->phase = PHASE_TERMINATED;
            status_set_ready(pass->status, "Stopped", NULL);
        } else {
            plan_start(pass, "start", PHASE_STAGING, "container was created");
        }
        return;
    case WORKLOAD_EXITED: reconcile_exited(pass); return;
    case WORKLOAD_DEAD:
        plan_set_operation(pass->plan, "repair", "the engine calls it dead");
        plan_add(pass->plan, ACTION_REMOVE_CONTAINER, PHASE_REPAIRING, want->name,
                 "the engine calls it dead");
        pass->status->phase = PHASE_REPAIRING;
        status_set_progressing(pass->status, "Dead", "the engine calls it dead");
        return;
    case WORKLOAD_RESTARTING:
    case WORKLOAD_REMOVING:
        plan_wake_at(pass->plan, pass->world->now_wall_ms + 1000);
        pass->status->phase = PHASE_REPAIRING;
        status_set_progressing(pass->status, "Changing",
                               workload_state_name(pass->container->state));
        return;
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
           !restarts_wants_another(pass->want->restart_policy, previous->restarts.last_exit_code);
}

static void reconcile_missing(struct container_pass *pass, const struct resolved_port *ports)
{
    const struct object_status *previous = pass->previous;
    bool was_there = previous != NULL && (previous->container.id != NULL ||
                                          text_equal(previous->operation.type, "repair"));

    if (has_finished_before(pass)) {
        pass->status->phase = PHASE_TERMINATED;
        if (pass->previous->restarts.last_exit_code == 0) {
            status_set_condition(pass->status, CONDITION_READY, CONDITION_FALSE, "Completed",
                                 "its container was removed after it had ended");
            status_set_condition(pass->status, CONDITION_RECONCILING, CONDITION_FALSE, "Completed",
                                 NULL);
            status_set_condition(pass->status, CONDITION_STALLED, CONDITION_FALSE, "Completed",
                                 NULL);
        } else {
            status_set_stalled(pass->status, REASON_EXITED,
                               "it failed, and its container was removed after that");
        }
        return;
    }
    if (pass->creation_cause != NULL) {
        plan_creation(pass, ports, "recreate", PHASE_PROVISIONING, pass->creation_cause);
    } else if (was_there) {
        plan_creation(pass, ports, "repair", PHASE_REPAIRING, "container was removed");
    } else {
        plan_creation(pass, ports, "create", PHASE_PROVISIONING, "container does not exist");
    }
}

/* What it is in before anything is decided. */
static enum phase initial_phase(const struct container_pass *pass)
{
    if (pass->container == NULL) {
        return PHASE_PROVISIONING;
    }
    return is_up(pass->container) ? PHASE_RUNNING : PHASE_TERMINATED;
}

static void reconcile_suspended(struct container_pass *pass)
{
    bool is_running = pass->container != NULL && pass->container->state == WORKLOAD_RUNNING;

    pass->status->phase = initial_phase(pass) == PHASE_RUNNING ? PHASE_RUNNING : PHASE_TERMINATED;
    status_set_condition(pass->status, CONDITION_READY,
                         is_running ? CONDITION_TRUE : CONDITION_FALSE, REASON_SUSPENDED,
                         "spec.suspend is true: nothing is changed");
    status_set_condition(pass->status, CONDITION_RECONCILING, CONDITION_FALSE, REASON_SUSPENDED,
                         NULL);
    status_set_condition(pass->status, CONDITION_STALLED, CONDITION_FALSE, REASON_SUSPENDED, NULL);
}

static void reconcile_existing(struct container_pass *pass, const struct resolved_port *ports)
{
    const struct container_want *want = pass->want;
    auto_free char *difference = find_difference(pass, ports);

    if (difference != NULL && want->hold_off == NULL) {
        plan_creation(pass, ports, "recreate", PHASE_PROVISIONING, difference);
        return;
    }
    if (difference != NULL) {
        auto_free char *message = xasprintf("%s; waits: %s", difference, want->hold_off);

        status_set_condition(pass->status, CONDITION_UPDATE_PENDING, CONDITION_TRUE, "Waiting",
                             message);
    }
    reconcile_state(pass);
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
    } else if (pass->container->state != WORKLOAD_CREATED || !reconcile_port_in_use(pass)) {
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
        }
        if (want->is_suspended) {
            container_ports_describe_leases(pass);
            reconcile_suspended(pass);
            return;
        }
        reconcile_present(pass);
    }
    is_replaced = text_equal(pass->plan->operation, "recreate");
    if (failure_holds_back(pass->failure, want->key, pass->world->now_wall_ms, pass->plan,
                           pass->status) &&
        is_replaced) {
        pass->status->phase = initial_phase(pass); /* the old container may still serve */
    }
}
