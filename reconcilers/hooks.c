#include "reconcilers/hooks.h"

#include "base/memory.h"
#include "base/parse.h"
#include "reconcilers/container_parts.h"
#include "reconcilers/restarts.h"
#include "specs/reason.h"

#include <stdlib.h>

static struct action *plan_hook(struct container_pass *pass, enum action_type type,
                                const struct hook_spec *hook, enum phase phase, const char *cause)
{
    struct action *action = plan_add(pass->plan, type, phase, pass->want->name, cause);

    action_set_command(action, &hook->exec->command);
    action->timeout_seconds = hook->timeout_seconds;
    action->grace_seconds = pass->want->grace_seconds;
    return action;
}

void hooks_plan_post_start(struct container_pass *pass, enum phase phase, const char *cause)
{
    const struct hook_spec *hook = pass->want->post_start;

    if (hook != NULL) {
        plan_hook(pass, ACTION_RUN_POST_START, hook, phase, cause);
    }
}

void hooks_plan_pre_stop(struct container_pass *pass, enum phase phase, const char *cause)
{
    const struct hook_spec *hook = pass->want->pre_stop;

    if (hook != NULL && pass->want->grace_seconds > 0) {
        plan_hook(pass, ACTION_RUN_PRE_STOP, hook, phase, cause);
    }
}

static bool is_of_this_start(const struct container_pass *pass)
{
    const struct status_hook *hook = &pass->status->hooks->post_start;

    return hook->result != HOOK_UNKNOWN &&
           hook->container_started_wall_ms == pass->container->started_wall_ms;
}

/*
 * It ran already when the spec had no such hook: a hook that is new counts from the next start on.
 */
static bool was_running_without(const struct container_pass *pass)
{
    const struct object_status *previous = pass->previous;

    return previous != NULL && previous->hooks->post_start.result == HOOK_UNKNOWN &&
           (previous->phase == PHASE_RUNNING || previous->phase == PHASE_SUSPENDED) &&
           text_equal(previous->container.id, pass->container->id);
}

static char *describe_failure(const struct status_hook *hook)
{
    return xasprintf("postStart hook failed: %s",
                     hook->message != NULL ? hook->message : "no details");
}

/* Stopping is all: its end is counted, and waited after, like any other. */
static void plan_end(struct container_pass *pass)
{
    enum phase phase =
        pass->want->restart_policy == RESTART_NEVER ? PHASE_STOPPING : PHASE_REPAIRING;
    auto_free char *cause = describe_failure(&pass->status->hooks->post_start);

    status_hooks(pass->status)->post_start.has_ended_container = true;
    plan_set_operation(pass->plan, "stop", cause);
    container_plan_stop(pass, phase, cause);
    pass->status->phase = phase;
    status_set_progressing(pass->status, REASON_HOOK_FAILED, cause);
    status_add_error(pass->status, REASON_HOOK_FAILED, cause, NULL);
}

bool hooks_are_done(struct container_pass *pass)
{
    if (pass->want->post_start == NULL) {
        if (pass->status->hooks->post_start.result != HOOK_UNKNOWN) {
            status_hooks(pass->status)->post_start = (struct status_hook){0};
        }
        return true;
    }
    if (is_of_this_start(pass)) {
        if (pass->status->hooks->post_start.result != HOOK_FAILED) {
            return true;
        }
        plan_end(pass);
        return false;
    }
    if (was_running_without(pass)) {
        status_hooks(pass->status)->post_start = (struct status_hook){
            .result = HOOK_SKIPPED,
            .container_started_wall_ms = pass->container->started_wall_ms,
        };
        return true;
    }
    plan_set_operation(pass->plan, "start", "its postStart hook has not run");
    hooks_plan_post_start(pass, PHASE_STAGING, "has not run since the start");
    pass->status->phase = PHASE_STAGING;
    status_set_progressing(pass->status, "Starting", "its postStart hook runs");
    return false;
}

char *hooks_end_cause(const struct container_pass *pass)
{
    const struct status_restarts *restarts = &pass->status->restarts;

    if (restarts_is_known(restarts, pass->container)) {
        return text_equal(restarts->last_reason, REASON_HOOK_FAILED)
                   ? xstrdup(restarts->last_message != NULL ? restarts->last_message
                                                            : "a hook failed")
                   : NULL;
    }
    return is_of_this_start(pass) && pass->status->hooks->post_start.has_ended_container
               ? describe_failure(&pass->status->hooks->post_start)
               : NULL;
}
