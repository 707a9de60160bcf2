#include "reconcilers/pool_status.h"

#include "base/memory.h"
#include "reconcilers/container.h"
#include "specs/reason.h"

#include <stdlib.h>

static void describe_suspended(struct object_status *status)
{
    status->phase = PHASE_RUNNING;
    status_set_condition(status, CONDITION_READY, CONDITION_TRUE, REASON_SUSPENDED,
                         "spec.suspend is true: no member is added, removed or updated");
    status_set_condition(status, CONDITION_RECONCILING, CONDITION_FALSE, REASON_SUSPENDED, NULL);
    status_set_condition(status, CONDITION_STALLED, CONDITION_FALSE, REASON_SUSPENDED, NULL);
}

static void describe_gone(const struct pool_decision *decision, struct object_status *status)
{
    auto_free char *message =
        xasprintf("its spec is gone; %u member%s still here, %u task%s on them",
                  decision->status.members, decision->status.members == 1 ? "" : "s",
                  decision->status.active_tasks, decision->status.active_tasks == 1 ? "" : "s");

    status->phase = PHASE_STOPPING;
    status_set_progressing(status, "Deleting", message);
}

static void describe_update(const struct pool_decision *decision, struct object_status *status)
{
    const struct status_pool *pool = &decision->status;
    auto_free char *message =
        xasprintf("%u of %u members are of the present template", pool->updated, pool->members);

    if (decision->is_updating) {
        status_set_condition(status, CONDITION_UPDATE_PENDING, CONDITION_TRUE,
                             decision->is_update_stuck ? REASON_UPDATE_STUCK : "RollingUpdate",
                             message);
    }
}

static bool is_on_delete(const struct pool_input *input)
{
    return input->spec->update_strategy == UPDATE_ON_DELETE;
}

/* The template says that its instances do not run: they are as they are to be. */
static bool is_at_rest(const struct pool_input *input, const struct pool_decision *decision)
{
    const struct instance_spec *template_spec = &input->spec->template_spec;

    return (template_spec->power_state != POWER_RUNNING || template_spec->is_suspended) &&
           decision->created_count == 0 && !decision->is_updating && input->resting > 0 &&
           decision->status.ready + input->resting >= decision->status.wanted;
}

static void describe_rest(const struct pool_input *input, struct object_status *status)
{
    const struct instance_spec *template_spec = &input->spec->template_spec;
    bool is_frozen = template_spec->power_state == POWER_SUSPENDED;
    auto_free char *message =
        xasprintf("%u member%s %s: the template's powerState says so", input->resting,
                  input->resting == 1 ? " is" : "s are", is_frozen ? "suspended" : "stopped");

    if (template_spec->is_suspended) {
        describe_suspended(status);
        status_set_condition(status, CONDITION_READY, CONDITION_FALSE, REASON_SUSPENDED,
                             "spec.suspend of the template is true: no member is changed");
        return;
    }
    status->phase = is_frozen ? PHASE_SUSPENDED : PHASE_TERMINATED;
    status_set_ready(status, is_frozen ? "PowerSuspended" : "Stopped", message);
}

/* Whatever is missing comes only with somebody's help. */
static bool is_stalled(const struct pool_input *input, const struct pool_decision *decision)
{
    return decision->created_count == 0 && input->stalled > 0 &&
           input->stalled == decision->status.starting;
}

void pool_describe(const struct pool_input *input, const struct pool_decision *decision,
                   struct object_status *status)
{
    const struct status_pool *pool = &decision->status;
    auto_free char *numbers = NULL;

    *status_pool(status) = *pool;
    status_pool(status)->is_set = true;
    if (input->spec == NULL) {
        describe_gone(decision, status);
        return;
    }
    if (input->spec->is_suspended) {
        describe_suspended(status);
        return;
    }
    describe_update(decision, status);
    numbers = xasprintf("%u of %u members ready, %u starting, %u failed", pool->ready, pool->wanted,
                        pool->starting, pool->failed);
    status->phase = PHASE_RUNNING;
    if (is_at_rest(input, decision)) {
        describe_rest(input, status);
        return;
    }
    if (pool->ready >= pool->wanted && decision->created_count == 0 &&
        (!decision->is_updating || is_on_delete(input))) {
        status_set_ready(status, "Healthy", numbers);
        return;
    }
    if (pool->ready < pool->wanted) {
        status->phase = pool->failed > 0 ? PHASE_REPAIRING : PHASE_PROVISIONING;
    }
    if (decision->is_update_stuck) {
        auto_free char *message = xasprintf(
            "the update waits until members of the present template are ready: %s", numbers);

        status_set_stalled(status, REASON_UPDATE_STUCK, message);
    } else if (is_stalled(input, decision)) {
        auto_free char *message = xasprintf("%s (%s)", input->stalled_message, numbers);

        status_set_stalled(status, input->stalled_reason, message);
    } else if (pool->failed > 0 && pool->starting == 0 && pool->ready < pool->wanted) {
        status_set_stalled(status, REASON_MEMBERS_FAILED, numbers);
    } else {
        status_set_progressing(status, decision->is_updating ? "Updating" : "Scaling", numbers);
    }
}
