#include "reconcilers/health.h"

#include "base/memory.h"
#include "base/parse.h"
#include "reconcilers/container_parts.h"
#include "reconcilers/restarts.h"
#include "specs/reason.h"

/* What is known about the container as it is: NULL: nothing, or it has no probes. */
static const struct observed_probes *known_probes(const struct container_pass *pass)
{
    const struct observed_probes *probes = pass->probes;

    return probes != NULL && pass->container != NULL && probes_are_of(probes, pass->container) &&
                   !probe_specs_are_none(&pass->want->probes)
               ? probes
               : NULL;
}

static unsigned capped(unsigned count, int64_t threshold)
{
    return count < (unsigned)threshold ? count : (unsigned)threshold;
}

void health_describe(struct container_pass *pass)
{
    const struct observed_probes *probes = known_probes(pass);
    struct object_status *status = pass->status;
    struct status_probes *told;

    if (probes == NULL) {
        return;
    }
    told = status_probes(status);
    *told = (struct status_probes){0};
    told->started_wall_ms = probes->started_wall_ms;
    told->ready_wall_ms = probes->ready_wall_ms;
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        const struct observed_probe *probe = &probes->of[i];
        const struct probe_spec *spec = pass->want->probes.of[i];

        if (spec != NULL) {
            told->of[i] = (struct status_probe){
                .is_set = true,
                .verdict = probe->verdict,
                .successes = capped(probe->successes, spec->success_threshold),
                .failures = capped(probe->failures, spec->failure_threshold),
                .last_failure = status_text(status, probe->last_failure),
                .since_wall_ms = probe->since_wall_ms,
            };
        }
    }
}

/*
 * A container that must be restarted. Stopping is all: its end is counted, and waited after, like
 * any other.
 */
static void plan_end(struct container_pass *pass, enum probe_type type)
{
    enum phase phase =
        pass->want->restart_policy == RESTART_NEVER ? PHASE_STOPPING : PHASE_REPAIRING;
    auto_free char *cause = probes_describe_failure(pass->probes, type);

    plan_set_operation(pass->plan, "stop", cause);
    container_plan_stop(pass, phase, cause);
    pass->status->phase = phase;
    status_set_progressing(pass->status, REASON_PROBE_FAILED, cause);
    status_add_error(pass->status, REASON_PROBE_FAILED, cause, NULL);
}

/* Why it is not ready, and whether that is a failure or only early. */
static void describe_waiting(struct container_pass *pass, enum probe_type type, enum phase phase)
{
    const struct observed_probes *probes = known_probes(pass);
    const struct observed_probe *probe = probes != NULL ? &probes->of[type] : NULL;
    bool has_failed = probe != NULL && (probe->failures > 0 || probe->verdict == VERDICT_FAILURE);

    pass->status->phase = phase;
    if (has_failed) {
        auto_free char *message = probes_describe_failure(probes, type);

        status_set_progressing(pass->status, REASON_PROBE_FAILED, message);
        if (probe->verdict == VERDICT_FAILURE) {
            status_add_error(pass->status, REASON_PROBE_FAILED, message, NULL);
        }
    } else {
        auto_free char *message =
            xasprintf("waits for its %s probe to succeed", probe_type_name(type));

        status_set_progressing(pass->status, "Starting", message);
    }
}

bool health_is_good(struct container_pass *pass)
{
    static const struct observed_probes nothing;
    const struct probe_specs *specs = &pass->want->probes;
    const struct observed_probes *probes = known_probes(pass);
    enum probe_type type;

    if (probes == NULL) {
        probes = &nothing;
    }
    if (probes_want_restart(probes, specs, &type)) {
        plan_end(pass, type);
        return false;
    }
    if (!probes_are_started(probes, specs)) {
        describe_waiting(pass, PROBE_STARTUP, PHASE_STAGING);
        return false;
    }
    if (!probes_are_ready(probes, specs)) {
        describe_waiting(pass, PROBE_READINESS,
                         probes->ready_wall_ms != 0 ? PHASE_REPAIRING : PHASE_STAGING);
        return false;
    }
    return true;
}

char *health_end_cause(const struct container_pass *pass)
{
    const struct status_restarts *restarts = &pass->status->restarts;
    const struct observed_probes *probes = known_probes(pass);
    enum probe_type type;

    if (restarts_is_known(restarts, pass->container)) {
        return text_equal(restarts->last_reason, REASON_PROBE_FAILED)
                   ? xstrdup(restarts->last_message != NULL ? restarts->last_message
                                                            : "a probe failed")
                   : NULL;
    }
    return probes != NULL && probes_want_restart(probes, &pass->want->probes, &type)
               ? probes_describe_failure(probes, type)
               : NULL;
}
