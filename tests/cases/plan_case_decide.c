#include "tests/cases/plan_case.h"
#include "tests/cases/plan_case_json.h"

#include <stdlib.h>

static void decide_instance(const struct plan_case *plan_case, const json_t *observed,
                            struct plan *plan, struct object_status *status)
{
    struct instance_input input = {
        .name = plan_case->name,
        .desired = plan_case->is_gone ? NULL : plan_case->object,
        .departed = plan_case->is_gone ? plan_case->object : NULL,
        .should_retain =
            plan_case->is_gone && plan_case->object->instance.deletion_policy == DELETION_RETAIN,
        .container = plan_case->container,
        .image = &plan_case->image,
        .probes = &plan_case->probes,
        .network = flag_of(observed, "hasNetwork", true) ? &plan_case->network : NULL,
        .values = plan_case->has_values ? &plan_case->values : NULL,
        .pool = text_of(observed, "pool", NULL),
        .update_hold = text_of(observed, "updateHold", NULL),
        .failure = &plan_case->failure,
        .previous = plan_case->previous,
    };

    instance_reconcile(&plan_case->world, &input, plan, status);
}

static void decide_repository(const struct plan_case *plan_case, const json_t *observed,
                              struct plan *plan, struct object_status *status)
{
    struct repository_input input = {
        .container_name = plan_case->name,
        .url = plan_case->canonical_url,
        .settings = plan_case->object,
        .is_explicit = flag_of(observed, "explicit", true),
        .is_deleted = flag_of(observed, "deleted", false),
        .is_refused = json_object_get(observed, "refused") != NULL,
        .refusal = text_of(observed, "refused", NULL),
        .active_tasks = (unsigned)number_of(observed, "activeTasks", 0),
        .running_tasks =
            (unsigned)number_of(observed, "runningTasks", number_of(observed, "activeTasks", 0)),
        .is_warm =
            flag_of(observed, "warm",
                    flag_of(observed, "explicit", true) && plan_case->object->repository.is_warm),
        .pool = text_of(observed, "pool", NULL),
        .instance = text_of(observed, "instance", NULL),
        .is_displaced = flag_of(observed, "displaced", false),
        .branch = text_of(observed, "branch", plan_case->object->repository.branch),
        .is_in_use = flag_of(observed, "inUse", number_of(observed, "activeTasks", 0) > 0),
        .container = plan_case->container,
        .image = &plan_case->image,
        .workspace = &plan_case->workspace,
        .values = plan_case->has_values ? &plan_case->values : NULL,
        .failure = &plan_case->failure,
        .previous = plan_case->previous,
    };

    repository_reconcile(&plan_case->world, &input, plan, status);
}

static void decide_task(const struct plan_case *plan_case, const json_t *observed,
                        struct plan *plan, struct object_status *status)
{
    const json_t *refusal = json_object_get(observed, "refusal");
    const json_t *queued = json_object_get(observed, "queued");
    struct task_admission admission = {
        .is_admitted = queued == NULL,
        .pool = text_of(queued, "pool", text_of(observed, "pool", NULL)),
        .instance = text_of(observed, "instance", NULL),
        .queue_position = (unsigned)number_of(queued, "position", 0),
        .reason = text_of(queued, "reason", NULL),
        .message = text_of(queued, "message", NULL),
    };
    struct task_input input = {
        .name = plan_case->name,
        .desired = plan_case->is_gone ? NULL : plan_case->object,
        .repository = text_of(observed, "repository", "repo-org-project-1a2b3c"),
        .branch = text_of(observed, "branch", plan_case->object->task.branch),
        .admission = &admission,
        .refusal_reason = text_of(refusal, "reason", NULL),
        .refusal = text_of(refusal, "message", NULL),
        .repository_status = plan_case->repository_status,
        .container = plan_case->container,
        .workspace = &plan_case->workspace,
        .attempt = &plan_case->attempt,
        .values = plan_case->has_values ? &plan_case->values : NULL,
        .failure = &plan_case->failure,
        .previous = plan_case->previous,
    };

    task_reconcile(&plan_case->world, &input, plan, status);
}

void plan_case_decide(const struct plan_case *plan_case, struct plan **ret_plan,
                      struct object_status **ret_status)
{
    const json_t *observed = json_object_get(plan_case->json, "observed");
    struct plan *plan = plan_new();
    struct object_status *status = status_successor(plan_case->previous);

    switch (plan_case->kind) {
    case KIND_INSTANCE: decide_instance(plan_case, observed, plan, status); break;
    case KIND_INSTANCE_POOL: break; /* makes no plans: see test_pool */
    case KIND_REPOSITORY: decide_repository(plan_case, observed, plan, status); break;
    case KIND_TASK: decide_task(plan_case, observed, plan, status); break;
    }
    *ret_plan = plan;
    *ret_status = status;
}
