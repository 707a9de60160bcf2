#include "reconcilers/container_network.h"
#include "reconcilers/container_parts.h"

#include "base/memory.h"
#include "base/parse.h"
#include "reconcilers/capacity.h"
#include "reconcilers/health.h"
#include "reconcilers/hooks.h"
#include "reconcilers/restarts.h"
#include "specs/reason.h"

#include <stdlib.h>

/* What the state of a container that is right otherwise calls for. */

/* What every way to start or stop it has */

void container_plan_start(struct container_pass *pass, enum phase phase, const char *cause)
{
    const struct container_want *want = pass->want;

    capacity_plan(pass, phase, cause);
    plan_add(pass->plan, ACTION_START_CONTAINER, phase, want->name, cause);
    hooks_plan_post_start(pass, phase, cause);
    if (want->should_pause) {
        plan_add(pass->plan, ACTION_PAUSE_CONTAINER, PHASE_SUSPENDING, want->name,
                 "powerState is Suspended");
    }
}

void container_plan_stop(struct container_pass *pass, enum phase phase, const char *cause)
{
    const struct container_want *want = pass->want;
    struct action *stop;

    if (pass->container->state == WORKLOAD_PAUSED) {
        plan_add(pass->plan, ACTION_UNPAUSE_CONTAINER, phase, want->name, cause);
    }
    hooks_plan_pre_stop(pass, phase, cause);
    stop = plan_add(pass->plan, ACTION_STOP_CONTAINER, phase, want->name, cause);
    stop->grace_seconds = want->grace_seconds;
}

/* A container that runs */

static bool was_suspended(const struct container_pass *pass)
{
    return pass->previous != NULL &&
           (pass->previous->phase == PHASE_SUSPENDED || pass->previous->phase == PHASE_SUSPENDING);
}

static void plan_suspend(struct container_pass *pass)
{
    const char *cause = was_suspended(pass) ? "container was unpaused" : "powerState is Suspended";

    plan_set_operation(pass->plan, "suspend", cause);
    plan_add(pass->plan, ACTION_PAUSE_CONTAINER, PHASE_SUSPENDING, pass->want->name, cause);
    pass->status->phase = PHASE_SUSPENDING;
    status_set_progressing(pass->status, "Suspending", cause);
}

/*
 * Frozen by an operator it is repaired; frozen by the spec, which now says otherwise, it goes on.
 */
static void plan_resume(struct container_pass *pass)
{
    bool is_wanted = was_suspended(pass);
    const char *cause = is_wanted ? "should run again" : "container was paused";
    enum phase phase = is_wanted ? PHASE_STAGING : PHASE_REPAIRING;

    plan_set_operation(pass->plan, "resume", cause);
    plan_add(pass->plan, ACTION_UNPAUSE_CONTAINER, phase, pass->want->name, cause);
    pass->status->phase = phase;
    status_set_progressing(pass->status, is_wanted ? "Resuming" : "Paused", cause);
}

static void reconcile_paused(struct container_pass *pass)
{
    if (!pass->want->should_pause) {
        plan_resume(pass);
        return;
    }
    if (container_network_repair(pass)) {
        return; /* frozen processes do not mind, and when they go on it is there */
    }
    pass->status->phase = PHASE_SUSPENDED;
    pass->status->restarts.next_retry_wall_ms = 0;
    status_set_ready(pass->status, "PowerSuspended", NULL);
}

static void reconcile_running(struct container_pass *pass)
{
    const struct container_want *want = pass->want;
    const struct observed_container *container = pass->container;

    if (!want->should_run) {
        if (want->hold_off == NULL) {
            plan_set_operation(pass->plan, "stop", "should not run");
            container_plan_stop(pass, PHASE_STOPPING, "should not run");
        }
        pass->status->phase = PHASE_STOPPING;
        status_set_progressing(pass->status, "Stopping", want->hold_off);
        return;
    }
    if (container->state == WORKLOAD_PAUSED) {
        reconcile_paused(pass);
        return;
    }
    if (container_network_repair(pass)) {
        return;
    }
    if (!hooks_are_done(pass)) {
        return;
    }
    if (want->should_pause) {
        plan_suspend(pass);
        return;
    }
    pass->status->restarts.next_retry_wall_ms = 0;
    if (health_is_good(pass)) {
        pass->status->phase = PHASE_RUNNING;
        status_set_ready(pass->status, "Healthy", NULL);
    }
}

/* A container that does not run */

static void plan_start(struct container_pass *pass, const char *operation, enum phase phase,
                       const char *cause)
{
    plan_set_operation(pass->plan, operation, cause);
    container_network_prepare_start(pass, phase);
    container_plan_trees(pass, phase, cause);
    container_plan_start(pass, phase, cause);
    pass->status->phase = phase;
    status_set_progressing(pass->status, "Starting", cause);
}

static void reconcile_finished(struct container_pass *pass, const char *berths_cause)
{
    auto_free char *how = berths_cause == NULL ? restarts_describe(pass->container) : NULL;
    auto_free char *message = xasprintf("%s; restartPolicy is %s", how != NULL ? how : berths_cause,
                                        restart_policy_name(pass->want->restart_policy));

    pass->status->phase = PHASE_TERMINATED;
    pass->status->restarts.next_retry_wall_ms = 0;
    if (restarts_ended_well(&pass->status->restarts)) {
        status_set_condition(pass->status, CONDITION_READY, CONDITION_FALSE, "Completed", message);
        status_set_condition(pass->status, CONDITION_RECONCILING, CONDITION_FALSE, "Completed",
                             NULL);
        status_set_condition(pass->status, CONDITION_STALLED, CONDITION_FALSE, "Completed", NULL);
    } else {
        status_set_stalled(pass->status, REASON_FAILED, message);
    }
}

static void reconcile_exited(struct container_pass *pass)
{
    const struct container_want *want = pass->want;
    const struct observed_container *container = pass->container;
    auto_free char *probe_failure = NULL, *hook_failure = NULL, *cause = NULL;

    if (!want->should_run) {
        restarts_note_wanted_end(pass->status, container);
        pass->status->phase = PHASE_TERMINATED;
        status_set_ready(pass->status, "Stopped", NULL);
        return;
    }
    if (restarts_was_wanted(&pass->status->restarts, container)) {
        plan_start(pass, "start", PHASE_STAGING,
                   want->should_pause ? "powerState is Suspended" : "should run again");
        return;
    }
    if (!restarts_is_known(&pass->status->restarts, container) && !container->has_log) {
        plan_add(pass->plan, ACTION_READ_LOG, PHASE_REPAIRING, want->name, "container ended");
        pass->status->phase = PHASE_REPAIRING;
        status_set_progressing(pass->status, "Ended", "container ended");
        return;
    }
    probe_failure = health_end_cause(pass);
    hook_failure = probe_failure == NULL ? hooks_end_cause(pass) : NULL;
    cause = probe_failure != NULL  ? xstrdup(probe_failure)
            : hook_failure != NULL ? xstrdup(hook_failure)
                                   : NULL;
    restarts_note_end(pass->status, container, want->key, want->restart_policy,
                      probe_failure != NULL  ? REASON_PROBE_FAILED
                      : hook_failure != NULL ? REASON_HOOK_FAILED
                                             : NULL,
                      cause, pass->world->now_wall_ms);
    if (!restarts_wants_after_last(want->restart_policy, &pass->status->restarts)) {
        reconcile_finished(pass, cause);
        return;
    }
    if (cause == NULL) {
        cause = restarts_describe(container);
    }
    if (pass->status->restarts.next_retry_wall_ms > pass->world->now_wall_ms) {
        plan_wake_at(pass->plan, pass->status->restarts.next_retry_wall_ms);
        status_defer_operation(pass->status, "restart", cause,
                               "waits, since it ends again and again");
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

/*
 * "Bind for 0.0.0.0:8080 failed", "listen tcp4 127.0.0.1:8080: bind: ...": is it about this port?
 */
static bool is_about_port(const char *message, unsigned port)
{
    for (const char *at = message; (at = strchr(at, ':')) != NULL;) {
        char *end;

        at++;
        if (*at >= '0' && *at <= '9' && strtoul(at, &end, 10) == port) {
            return true;
        }
    }
    return false;
}

/* Not when the message is about a fixed one: giving up the leased ones would not help. */
static bool is_leased_port_in_use(const struct container_pass *pass)
{
    bool has_pooled = false;

    if (pass->failure->count == 0 || !text_equal(pass->failure->reason, REASON_PORT_IN_USE)) {
        return false;
    }
    for (size_t i = 0; i < pass->want->ports->count; i++) {
        const unsigned host_port = pass->want->ports->items[i].host_port;

        has_pooled |= host_port == 0;
        if (host_port != 0 && pass->failure->message != NULL &&
            is_about_port(pass->failure->message, host_port)) {
            return false;
        }
    }
    return has_pooled;
}

bool container_reconcile_port_in_use(struct container_pass *pass)
{
    if (!is_leased_port_in_use(pass)) {
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

/*
 * An engine that was killed may keep a container's own ports from it, until it is restarted or the
 * container is removed. And when somebody else has one of them, only a new container can have
 * another.
 */
static const char *find_breakage(const struct container_pass *pass)
{
    enum workload_state state = pass->container->state;

    if (pass->failure->count == 0 || (state != WORKLOAD_CREATED && state != WORKLOAD_EXITED)) {
        return NULL;
    }
    if (text_equal(pass->failure->reason, REASON_CONTAINER_BROKEN)) {
        return "the engine cannot start it any more";
    }
    return state == WORKLOAD_EXITED && is_leased_port_in_use(pass) &&
                   pass->failure->count > QUICK_TRIES
               ? "a leased host port is taken again and again"
               : NULL;
}

bool container_reconcile_broken(struct container_pass *pass)
{
    const char *cause = find_breakage(pass);

    if (cause == NULL || !pass->want->should_run || pass->want->refusal != NULL ||
        container_missing_value(pass) != NULL) {
        return false; /* one that could not be made anew is better than none */
    }
    plan_set_operation(pass->plan, "repair", cause);
    plan_add(pass->plan, ACTION_REMOVE_CONTAINER, PHASE_REPAIRING, pass->want->name, cause);
    pass->status->phase = PHASE_REPAIRING;
    status_set_progressing(pass->status, pass->failure->reason, pass->failure->message);
    return true;
}

void container_reconcile_state(struct container_pass *pass)
{
    const struct container_want *want = pass->want;

    switch (pass->container->state) { /* no default: a state without an answer does not compile */
    case WORKLOAD_RUNNING:
    case WORKLOAD_PAUSED: reconcile_running(pass); return;
    case WORKLOAD_CREATED:
        restarts_note_failed_start(pass->status, pass->container);
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
