#include "specs/reason.h"
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
    const struct plan_case_work *work = &plan_case->work;
    int64_t kept_ms = number_of(observed, "workKeptFor", 0) * 1000;
    struct repository_input input = {
        .container_name = plan_case->name,
        .base_name = plan_case->name,
        .url = plan_case->canonical_url,
        .branch = text_of(observed, "branch", NULL),
        .settings = plan_case->object,
        .is_explicit = flag_of(observed, "explicit", true),
        .is_deleted = flag_of(observed, "deleted", false),
        .is_evicted = flag_of(observed, "evicted", false),
        .refusal_reason = REASON_SCHEME_REFUSED,
        .refusal = text_of(observed, "refused", NULL),
        .active_tasks = (unsigned)number_of(observed, "activeTasks", 0),
        .running_tasks =
            (unsigned)number_of(observed, "runningTasks", number_of(observed, "activeTasks", 0)),
        .sessions = (unsigned)number_of(observed, "sessions", 0),
        .branches = work->branches,
        .branch_count = work->branch_count,
        .is_setting_up = flag_of(observed, "settingUp", false),
        .pool = text_of(observed, "pool", NULL),
        .instance = text_of(observed, "instance", NULL),
        .is_displaced = flag_of(observed, "displaced", false),
        .is_warm =
            flag_of(observed, "warm",
                    flag_of(observed, "explicit", true) && plan_case->object->repository.is_warm),
        .awaited_pool = text_of(observed, "awaitedPool", NULL),
        .is_pool_unknown = flag_of(observed, "poolUnknown", false),
        .awaits = text_of(observed, "awaits", NULL),
        .pressure = text_of(observed, "pressure", NULL),
        .has_unseen_trees = flag_of(observed, "unseenTrees", false),
        .work_kept_until_wall_ms = kept_ms != 0 ? plan_case->world.now_wall_ms + kept_ms : 0,
        .trees = &work->trees,
        .source = work->has_source ? &work->source : NULL,
        .mirror = &work->mirror,
        .mirror_status = work->mirror_status,
        .setup_status = work->setup_status,
        .snapshot = work->snapshot,
        .container = plan_case->container,
        .image = &plan_case->image,
        .values = plan_case->has_values ? &plan_case->values : NULL,
        .failure = &plan_case->failure,
        .previous = plan_case->previous,
    };

    repository_reconcile(&plan_case->world, &input, plan, status);
}

static struct task_admission admission_of(const json_t *observed)
{
    const json_t *queued = json_object_get(observed, "queued");

    return (struct task_admission){
        .is_admitted = queued == NULL,
        .pool = text_of(queued, "pool", text_of(observed, "pool", NULL)),
        .instance = text_of(observed, "instance", NULL),
        .queue_position = (unsigned)number_of(queued, "position", 0),
        .reason = text_of(queued, "reason", NULL),
        .message = text_of(queued, "message", NULL),
    };
}

static void decide_task(const struct plan_case *plan_case, const json_t *observed,
                        struct plan *plan, struct object_status *status)
{
    const struct plan_case_work *work = &plan_case->work;
    const json_t *refusal = json_object_get(observed, "refusal");
    const struct object *desired = plan_case->is_gone ? NULL : plan_case->object;
    struct task_admission admission = admission_of(observed);
    struct task_input input = {
        .name = plan_case->name,
        .desired = desired,
        .settings = work->settings,
        .isolation = task_isolation(desired, work->settings),
        .repository = text_of(observed, "repository", "repo-org-project-1a2b3c"),
        .url = "git.example/org/project",
        .ttl_ms = plan_case->object->task.ttl_seconds_after_finished * 1000,
        .admission = flag_of(observed, "undecided", false) ? NULL : &admission,
        .refusal_reason = text_of(refusal, "reason", NULL),
        .refusal = text_of(refusal, "message", NULL),
        .forbidden = work->forbidden,
        .source = work->has_source ? &work->source : NULL,
        .mirror_status = work->mirror_status,
        .repository_status = work->repository_status,
        .container = plan_case->container,
        .trees = &work->trees,
        .free_tree = text_of(observed, "freeTree", plan_case->name),
        .has_tree = flag_of(observed, "hasTree",
                            plan_case->previous != NULL && plan_case->previous->task->tree.name),
        .shared = &work->shared,
        .has_snapshot = flag_of(observed, "snapshot", false),
        .setup = work->setup,
        .block = work->block,
        .block_count = work->block_count,
        .pressure = text_of(observed, "pressure", NULL),
        .values = plan_case->has_values ? &plan_case->values : NULL,
        .attempt = &plan_case->attempt,
        .failure = &plan_case->failure,
        .previous = plan_case->previous,
    };

    task_reconcile(&plan_case->world, &input, plan, status);
}

static void decide_mirror(const struct plan_case *plan_case, const json_t *observed,
                          struct plan *plan, struct object_status *status)
{
    const struct plan_case_work *work = &plan_case->work;
    struct mirror_input input = {
        .name = plan_case->name,
        .url = plan_case->canonical_url,
        .settings = plan_case->object,
        .refusal_reason = REASON_SCHEME_REFUSED,
        .refusal = text_of(observed, "refused", NULL),
        .pressure = text_of(observed, "pressure", NULL),
        .mirror = &work->mirror,
        .wishes = work->mirror_wishes,
        .wish_count = work->wish_count,
        .is_unused = flag_of(observed, "unused", false),
        .is_followed = flag_of(observed, "followed", false),
        .asked_wall_ms = plan_case_moment(plan_case, observed, "askedAgo"),
        .failure = &plan_case->failure,
        .previous = plan_case->previous,
    };

    mirror_reconcile(&plan_case->world, &input, plan, status);
}

static void decide_setup(const struct plan_case *plan_case, const json_t *observed,
                         struct plan *plan, struct object_status *status)
{
    const struct plan_case_work *work = &plan_case->work;
    const json_t *attempt = json_object_get(observed, "attempt");
    struct setup_input input = {
        .name = plan_case->name,
        .settings = plan_case->object,
        .wishes = work->setup_wishes,
        .wish_count = work->wish_count,
        .is_prepared = flag_of(observed, "prepared", false),
        .is_container_ready = flag_of(observed, "containerReady", true),
        .container_id = "c1",
        .trees = &work->trees,
        .attempt = (unsigned)number_of(attempt, "number", attempt != NULL ? 1 : 0),
        .observed = &plan_case->attempt,
        .pressure = text_of(observed, "pressure", NULL),
        .snapshot_image = work->snapshot.reference,
        .has_snapshot_image = work->snapshot_image.state == IMAGE_PRESENT,
        .failure = &plan_case->failure,
        .previous = plan_case->previous,
    };
    const struct setup_wish *next = setup_next(&input);
    auto_free char *run = next != NULL ? setup_run_id(next->layer, input.container_id) : NULL;

    input.run = run;
    setup_reconcile(&plan_case->world, &input, plan, status);
}

void plan_case_decide(const struct plan_case *plan_case, struct plan **ret_plan,
                      struct object_status **ret_status)
{
    const json_t *observed = json_object_get(plan_case->json, "observed");
    struct plan *plan = plan_new();
    struct object_status *status = status_successor(plan_case->previous);

    switch (plan_case->kind) {
    case CASE_INSTANCE: decide_instance(plan_case, observed, plan, status); break;
    case CASE_REPOSITORY: decide_repository(plan_case, observed, plan, status); break;
    case CASE_TASK: decide_task(plan_case, observed, plan, status); break;
    case CASE_MIRROR: decide_mirror(plan_case, observed, plan, status); break;
    case CASE_SETUP: decide_setup(plan_case, observed, plan, status); break;
    }
    *ret_plan = plan;
    *ret_status = status;
}
