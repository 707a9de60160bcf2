#include "reconcilers/repository.h"

#include "base/memory.h"
#include "base/parse.h"
#include "specs/reason.h"

#include <stdlib.h>

enum { DEFAULT_PIDS = 4096, REPOSITORY_GRACE_SECONDS = 10 };

const char *repository_image(const struct world *world, const struct object *settings)
{
    return settings->repository.image != NULL ? settings->repository.image
                                              : world->repository_image;
}

bool workspace_has_branch(const struct observed_workspace *workspace, const char *branch)
{
    return branch == NULL ? workspace->is_head : text_equal(workspace->branch, branch);
}

bool repository_is_gone(const struct repository_input *input)
{
    return !input->is_explicit && !input->is_warm && input->active_tasks == 0 &&
           input->container == NULL && !input->workspace->exists;
}

static struct workload *build(const struct container_pass *pass)
{
    static const char *idle[] = {"/.berth/runner", "idle"};
    const struct repository_input *input = pass->want->user;
    const struct repository_spec *spec = &input->settings->repository;
    struct workload *workload = workload_new();

    workload->hostname = arena_strdup(&workload->arena, input->container_name);
    workload->entrypoint = (struct text_list){idle, 2};
    workload->env = spec->env;
    workload->working_dir = WORKSPACE_MOUNT;
    workload->user = "0:0"; /* the runner reaps as root; tasks get the image's user */
    workload->cpu_milli = spec->resources.cpu_milli;
    workload->memory_bytes = spec->resources.memory_bytes;
    workload->pids = spec->resources.pids > 0 ? spec->resources.pids : DEFAULT_PIDS;
    workload->is_root_read_only = spec->security.is_root_read_only;
    workload->capabilities_add = spec->security.capabilities_add;
    workload->capabilities_drop = spec->security.capabilities_drop;
    workload->has_own_init = true;
    workload_add_label(workload, LABEL_REPOSITORY, input->url);
    workload_add_own_mount(workload, input->workspace->path, WORKSPACE_MOUNT);
    workload_add_own_mount(workload, input->workspace->tasks_path, "/.berth/tasks");
    for (size_t i = 0; i < spec->volumes.count; i++) {
        const struct volume_spec *volume = &spec->volumes.items[i];

        workload_add_mount(workload, volume->volume != NULL ? volume->volume : volume->host_path,
                           volume->mount_path, volume->volume != NULL, volume->is_read_only);
    }
    return workload;
}

struct demand {
    bool is_needed;
    bool should_run;
    bool should_exist;
};

/* Who needs it decides whether it runs; how long nobody did decides whether it stays. */
static struct demand find_demand(const struct world *world, const struct repository_input *input,
                                 struct plan *plan, struct object_status *status)
{
    const struct repository_spec *spec = &input->settings->repository;
    struct status_repository *repository = &status->repository;
    int64_t stop_at, remove_at;

    if (spec->is_suspended && (input->container != NULL || input->workspace->exists)) {
        return (struct demand){false, false, true};
    }
    if (input->active_tasks > 0 || input->is_warm) {
        repository->idle_since_wall_ms = 0;
        return (struct demand){true, true, true};
    }
    if (repository->idle_since_wall_ms == 0) {
        repository->idle_since_wall_ms = world->now_wall_ms;
    }
    stop_at = repository->idle_since_wall_ms + spec->idle_timeout_seconds * 1000;
    remove_at = stop_at + spec->retain_seconds * 1000;
    if (input->is_deleted || (input->container == NULL && !input->workspace->exists) ||
        world->now_wall_ms >= remove_at) {
        return (struct demand){false, false, false};
    }
    plan_wake_at(plan, world->now_wall_ms < stop_at ? stop_at : remove_at);
    return (struct demand){
        .is_needed = false,
        .should_run = world->now_wall_ms < stop_at && !input->is_displaced &&
                      input->container != NULL && input->container->state == WORKLOAD_RUNNING,
        .should_exist = true,
    };
}

static void describe(const struct repository_input *input, struct object_status *status)
{
    struct status_repository *repository = &status->repository;

    status->observed_hash = status_text(status, input->settings->hash);
    repository->url = status_text(status, input->url);
    repository->active_tasks = input->active_tasks;
    repository->pool = status_text(status, input->pool);
    repository->instance = status_text(status, input->instance);
    repository->workspace = NULL;
    if (input->workspace->exists) {
        repository->workspace = status_text(status, input->workspace->path);
        repository->branch = status_text(status, input->workspace->branch);
        repository->commit = status_text(status, input->workspace->commit);
        status_set_condition(status, CONDITION_WORKSPACE_READY, CONDITION_TRUE, "Cloned", NULL);
    }
}

static void describe_idle(const struct repository_input *input, struct object_status *status)
{
    auto_free char *message = NULL;

    if (input->awaited_pool == NULL) {
        status_set_ready(status, "Idle", "no task needs it");
    } else if (input->is_pool_unknown) {
        message =
            xasprintf("it is to be kept warm: there is no InstancePool %s", input->awaited_pool);
        status_set_stalled(status, REASON_POOL_UNKNOWN, message);
    } else {
        message = xasprintf("it is to be kept warm and waits for a place in pool %s",
                            input->awaited_pool);
        status_set_progressing(status, "Waiting", message);
    }
}

static void reconcile_unneeded(struct container_pass *pass, const struct repository_input *input)
{
    container_reconcile(pass);
    if (input->workspace->exists) {
        plan_set_operation(pass->plan, "delete", "no task needs it");
        plan_add(pass->plan, ACTION_REMOVE_WORKSPACE, PHASE_STOPPING, input->container_name,
                 "no task needs it");
        failure_holds_back(pass->failure, pass->want->key, pass->world->now_wall_ms, pass->plan,
                           pass->status);
    }
    if (input->container == NULL && !input->workspace->exists) {
        describe_idle(input, pass->status);
    }
}

/* The clone comes first; a container whose workspace was lost holds on to deleted files and must go. */
static void plan_workspace(struct container_pass *pass, const struct repository_input *input)
{
    const char *cause = input->workspace->exists ? "another branch is wanted, and no task works on "
                                                   "the present one"
                                                 : "workspace does not exist";

    plan_set_operation(pass->plan, "create", cause);
    if (input->container != NULL &&
        container_is_own(input->container, pass->want->kind, pass->want->object)) {
        plan_add(pass->plan, ACTION_REMOVE_CONTAINER, PHASE_PROVISIONING, pass->want->name,
                 input->workspace->exists ? cause : "its workspace was lost");
        pass->container = NULL;
        pass->creation_cause = input->workspace->exists ? cause : "its workspace was lost";
    }
    if (input->workspace->exists) {
        plan_add(pass->plan, ACTION_REMOVE_WORKSPACE, PHASE_PROVISIONING, input->container_name,
                 cause);
    }
    plan_add(pass->plan, ACTION_MAKE_WORKSPACE, PHASE_PROVISIONING, input->container_name, cause);
    status_set_condition(pass->status, CONDITION_WORKSPACE_READY, CONDITION_FALSE, "Missing",
                         cause);
}

void repository_reconcile(const struct world *world, const struct repository_input *input,
                          struct plan *plan, struct object_status *status)
{
    const struct repository_spec *spec = &input->settings->repository;
    auto_free char *key = xasprintf("%s/%s", KIND_REPOSITORY_CONTAINER, input->container_name);
    auto_free char *users =
        xasprintf("%u task%s in it", input->running_tasks, input->running_tasks == 1 ? "" : "s");
    struct container_want want = {
        .key = key,
        .kind = KIND_REPOSITORY_CONTAINER,
        .object = input->container_name,
        .name = input->container_name,
        .image = repository_image(world, input->settings),
        .pull_policy = (enum pull_policy)spec->pull_policy,
        .is_suspended = spec->is_suspended,
        .hold_off = input->running_tasks > 0 ? users : NULL,
        .instance = input->is_displaced && input->container != NULL ? input->container->instance
                                                                    : input->instance,
        .hash = input->settings->container_hash,
        .fields = input->settings->field_hashes,
        .source = input->settings->file,
        .ports = &spec->ports,
        .restart_policy = RESTART_ALWAYS,
        .grace_seconds = REPOSITORY_GRACE_SECONDS,
        .machine = input->machine,
        .build = build,
        .user = input,
    };
    struct container_pass pass = {
        .world = world,
        .want = &want,
        .container = input->container,
        .image = input->image,
        .values = input->values,
        .machine = input->observed_machine,
        .failure = input->failure,
        .previous = input->previous,
        .plan = plan,
        .status = status,
    };
    struct demand demand = find_demand(world, input, plan, status);

    describe(input, status);
    want.should_run = demand.should_run;
    want.should_exist = demand.should_exist;
    if (!demand.should_exist) {
        reconcile_unneeded(&pass, input);
        return;
    }
    if (input->is_refused) {
        status->phase = PHASE_PROVISIONING;
        status_set_stalled(status, REASON_SCHEME_REFUSED, input->refusal);
        return;
    }
    if (policy_refuses(world, &spec->volumes, &spec->security, status)) {
        status->phase = PHASE_PROVISIONING;
        return;
    }
    if (!demand.is_needed && input->container == NULL) {
        status->phase = PHASE_TERMINATED; /* only the workspace is kept, for the next task */
        describe_idle(input, status);
        return;
    }
    if (demand.is_needed && !want.is_suspended &&
        (!input->workspace->exists ||
         (!input->is_in_use && !workspace_has_branch(input->workspace, input->branch)))) {
        plan_workspace(&pass, input);
    }
    container_reconcile(&pass);
    if (!demand.is_needed && !want.is_suspended && plan->count == 0 &&
        status->phase == PHASE_TERMINATED) {
        describe_idle(input, status);
    }
}
