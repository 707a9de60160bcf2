#include "controller/apply.h"

#include "controller/cgroups.h"
#include "controller/entry.h"
#include "reconcilers/capacity.h"
#include "specs/reason.h"
#include "specs/types.h"

#include <string.h>

enum { START_PROCESSES = 8 }; /* what starting a container takes for a moment, beside its own */

/*
 * A limit that could not be set is told by the condition CapacityEnforced, and keeps nobody from
 * starting.
 */
static void on_limited(void *user, const struct error *err)
{
    struct plan_run *run = user;

    (void)err;
    run->limiting = NULL;
    run_action_done(run);
}

void apply_limit_machine(struct plan_run *run)
{
    struct cgroup_work *work =
        cgroups_limit(run->controller->cgroups, &run_action(run)->limits, on_limited, run);

    if (work != NULL) { /* else the run went on already, and may be over */
        run->limiting = work;
    }
}

/* Whose cgroup this run has limited, or NULL. */
static const char *machine_of(const struct plan_run *run)
{
    for (size_t i = 0; i < run->plan->count; i++) {
        if (run->plan->actions[i]->type == ACTION_LIMIT_MACHINE) {
            return run->plan->actions[i]->target;
        }
    }
    return NULL;
}

void machine_explain_failed_start(const struct plan_run *run, struct error *err)
{
    const char *machine = machine_of(run);
    uint64_t current, max;

    if (machine == NULL) {
        return;
    }
    cgroups_pids(run->controller->cgroups, machine, &current, &max);
    if (max > 0 && current + START_PROCESSES > max) {
        error_wrap(err,
                   "instance \"%s\" is full: %llu of its %llu processes are in use, and a start "
                   "needs some",
                   machine, (unsigned long long)current, (unsigned long long)max);
        err->reason = REASON_INSTANCE_FULL;
    }
}

/* Sweeping */

static bool is_wanted(void *user, const char *instance)
{
    return entry_of_container(user, kind_name(KIND_INSTANCE), instance) != NULL;
}

void sweep_cgroups(struct controller *controller)
{
    if (controller->is_scanned && controller->scan_error == NULL &&
        !controller->options.is_dry_run) {
        cgroups_sweep(controller->cgroups, is_wanted, controller);
    }
}
