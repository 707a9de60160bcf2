#include "reconcilers/repository.h"

#include "base/memory.h"
#include "base/parse.h"
#include "specs/reason.h"

#include <inttypes.h>
#include <stdlib.h>

enum { DEFAULT_PIDS = 4096, REPOSITORY_GRACE_SECONDS = 10 };

const char *repository_image(const struct world *world, const struct object *settings)
{
    return settings->repository.image != NULL ? settings->repository.image
                                              : world->repository_image;
}

const char *repository_user(const struct object *settings, const char *image_user,
                            struct arena *arena)
{
    const struct repository_spec *spec = &settings->repository;

    if (spec->security.run_as_user >= 0) {
        return arena_printf(arena, "%" PRId64, spec->security.run_as_user);
    }
    return spec->user != NULL ? spec->user : image_user != NULL ? image_user : "";
}

bool repository_is_gone(const struct repository_input *input)
{
    return !input->is_explicit && !input->is_warm && input->active_tasks == 0 &&
           input->container == NULL && !input->trees->exists;
}

/* --- the container ---------------------------------------------------------------------------- */

struct port_list repository_ports(const struct object *settings, struct arena *arena)
{
    const struct repository_spec *spec = &settings->repository;
    struct port_list ports = {0};

    ports.items = arena_alloc(arena, (spec->ports.count + (size_t)spec->task_ports + 1) *
                                         sizeof(*ports.items));
    for (size_t i = 0; i < spec->ports.count; i++) {
        ports.items[ports.count++] = spec->ports.items[i];
    }
    for (int64_t i = 0; i < spec->task_ports; i++) { /* no own port has one of these numbers */
        ports.items[ports.count++] = (struct port_spec){
            .name = arena_printf(arena, TASK_PORT_PREFIX "%" PRId64, i + 1),
            .container_port = TASK_PORT_FIRST + i,
            .protocol = PROTOCOL_TCP,
            .host_ip = "127.0.0.1",
        };
    }
    return ports;
}

static void add_idle_command(struct workload *workload, const struct repository_input *input)
{
    const struct cache_list *caches = &input->settings->repository.caches;
    const struct volume_list *volumes = &input->settings->repository.volumes;
    const char **items =
        arena_alloc(&workload->arena, (6 + 2 * (caches->count + volumes->count)) * sizeof(*items));
    size_t count = 0;

    items[count++] = "/.berth/runner";
    items[count++] = "idle";
    items[count++] = "--user";
    items[count++] = repository_user(input->settings, input->image->user, &workload->arena);
    items[count++] = "--user-file";
    items[count++] = RUNNER_USER_FILE;
    for (size_t i = 0; i < caches->count; i++) { /* a new volume is root's */
        items[count++] = "--own";
        items[count++] = caches->items[i].mount_path;
    }
    for (size_t i = 0; i < volumes->count; i++) {
        if (volumes->items[i].volume != NULL && !volumes->items[i].is_read_only) {
            items[count++] = "--own";
            items[count++] = volumes->items[i].mount_path;
        }
    }
    workload->entrypoint = (struct text_list){items, count};
}

static void add_mounts(struct workload *workload, const struct repository_input *input)
{
    const struct repository_spec *spec = &input->settings->repository;

    workload_add_trees_mount(workload, input->trees->path, WORKSPACE_MOUNT,
                             input->trees->method == TREES_OVERLAY);
    workload_add_own_mount(workload, input->trees->tasks_path, "/.berth/tasks");
    for (size_t i = 0; i < spec->volumes.count; i++) {
        const struct volume_spec *volume = &spec->volumes.items[i];

        workload_add_mount(workload, volume->volume != NULL ? volume->volume : volume->host_path,
                           volume->mount_path, volume->volume != NULL, volume->is_read_only);
    }
    for (size_t i = 0; i < spec->caches.count; i++) {
        auto_free char *volume =
            xasprintf("%s-cache-%s", input->base_name, spec->caches.items[i].name);

        workload_add_mount(workload, volume, spec->caches.items[i].mount_path, true, false);
    }
}

/* The wanted amount, else the policy's ceiling; 0: no limit. */
static int64_t limit_of(int64_t wanted, int64_t ceiling)
{
    return wanted > 0 ? wanted : ceiling;
}

static struct workload *build(const struct container_pass *pass)
{
    const struct repository_input *input = pass->want->user;
    const struct repository_spec *spec = &input->settings->repository;
    const struct policy *policy = pass->world->policy;
    struct workload *workload = workload_new();

    workload->hostname = arena_strdup(&workload->arena, input->container_name);
    workload->env = spec->env;
    workload->working_dir = WORKSPACE_MOUNT;
    workload->user = "0:0"; /* the runner reaps as root; tasks get the image's user */
    workload->cpu_milli = limit_of(spec->resources.cpu_milli, policy_cpu_milli(policy));
    workload->memory_bytes = limit_of(spec->resources.memory_bytes, policy_memory_bytes(policy));
    workload->pids = spec->resources.pids > 0 ? spec->resources.pids : DEFAULT_PIDS;
    workload->is_root_read_only = spec->security.is_root_read_only;
    workload->capabilities_add = spec->security.capabilities_add;
    workload->capabilities_drop = spec->security.capabilities_drop;
    workload->has_own_init = true;
    add_idle_command(workload, input);
    workload_add_label(workload, LABEL_REPOSITORY, input->url);
    workload_add_label(workload, LABEL_TREES, trees_method_name(input->trees->method));
    if (input->image->id != NULL) {
        workload_add_label(workload, LABEL_BASE_IMAGE, input->image->id);
    }
    if (input->branch != NULL) {
        workload_add_label(workload, LABEL_BRANCH, input->branch);
    }
    add_mounts(workload, input);
    return workload;
}

/* --- demand ----------------------------------------------------------------------------------- */

struct demand {
    bool is_needed;
    bool should_run;
    bool should_exist;
};

/* Not heard of the engine yet; in one that does not run is nobody. */
static bool may_have_people(const struct repository_input *input)
{
    return input->may_have_sessions && input->container != NULL &&
           input->container->state == WORKLOAD_RUNNING;
}

/* Who needs it decides whether it runs; how long nobody did decides whether it stays. */
static struct demand find_demand(const struct world *world, const struct repository_input *input,
                                 struct plan *plan, struct object_status *status)
{
    const struct repository_spec *spec = &input->settings->repository;
    struct status_repository *repository = status_repository(status);
    int64_t stop_at, remove_at;

    if (spec->is_suspended && (input->container != NULL || input->trees->exists)) {
        return (struct demand){false, false, true};
    }
    if (input->active_tasks > 0 || input->is_warm) {
        repository->idle_since_wall_ms = 0;
        return (struct demand){true, true, true};
    }
    if (input->sessions > 0 && input->container != NULL) { /* somebody is in it: not idle */
        repository->idle_since_wall_ms = 0;
        return (struct demand){false, true, true};
    }
    if (may_have_people(input)) { /* idle or not: that is being asked */
        return (struct demand){false, true, true};
    }
    if (repository->idle_since_wall_ms == 0) {
        repository->idle_since_wall_ms = world->now_wall_ms;
    }
    stop_at = repository->idle_since_wall_ms + spec->idle_timeout_seconds * 1000;
    remove_at = stop_at + spec->retain_seconds * 1000;
    if (input->is_deleted || input->is_evicted ||
        (input->container == NULL && !input->trees->exists) || world->now_wall_ms >= remove_at) {
        return (struct demand){false, false, false};
    }
    plan_wake_at(plan, world->now_wall_ms < stop_at ? stop_at : remove_at);
    return (struct demand){
        .is_needed = false,
        .should_run = (world->now_wall_ms < stop_at || input->is_setting_up) &&
                      !input->is_displaced && input->container != NULL &&
                      input->container->state == WORKLOAD_RUNNING,
        .should_exist = true,
    };
}

/* --- what is said ----------------------------------------------------------------------------- */

static void describe_mirror(const struct repository_input *input, struct object_status *status)
{
    struct status_repository *repository = status_repository(status);
    const struct condition *stalled =
        input->mirror_status != NULL ? &input->mirror_status->conditions[CONDITION_STALLED] : NULL;

    repository->fetched_wall_ms = input->mirror->fetched_wall_ms;
    if (input->source != NULL && input->source->commit != NULL) {
        repository->commit = status_text(status, input->source->commit);
        repository->branch = status_text(status, input->source->branch);
    }
    if (stalled != NULL && stalled->value == CONDITION_TRUE) {
        status_set_condition(status, CONDITION_WORKSPACE_READY, CONDITION_FALSE, stalled->reason,
                             stalled->message);
    } else if (input->source != NULL && input->source->is_stale) {
        status_set_condition(status, CONDITION_WORKSPACE_READY, CONDITION_TRUE, REASON_FETCH_FAILED,
                             input->source->message);
    } else if (input->mirror->exists) {
        status_set_condition(status, CONDITION_WORKSPACE_READY, CONDITION_TRUE, "Cloned", NULL);
    }
}

static const char *setup_state_word(const struct object_status *setup)
{
    if (setup->conditions[CONDITION_STALLED].value == CONDITION_TRUE) {
        return "Failed";
    }
    if (status_is_operating(setup)) {
        return "Running";
    }
    return setup->phase == PHASE_SUCCEEDED ? "Succeeded" : "Waiting";
}

static void describe_setup(const struct repository_input *input, struct object_status *status)
{
    const struct object_status *setup = input->setup_status;
    struct status_repository *repository = status_repository(status);

    if (setup == NULL || input->settings->repository.setup == NULL) {
        return;
    }
    repository->setup_state = setup_state_word(setup);
    repository->setup_commit = status_text(status, setup->repository->setup_commit);
    repository->setup_log = status_text(status, setup->repository->setup_log);
    repository->setup_message = status_text(status, setup->conditions[CONDITION_READY].message);
}

static void describe_branches(const struct repository_input *input, struct object_status *status)
{
    struct status_repository *repository = status_repository(status);

    repository->branches =
        arena_alloc(&status->arena, (input->branch_count + 1) * sizeof(*repository->branches));
    repository->branch_count = input->branch_count;
    for (size_t i = 0; i < input->branch_count; i++) {
        const struct branch_container *from = &input->branches[i];
        struct status_branch *branch = &repository->branches[i];

        *branch = (struct status_branch){
            .branch = status_text(status, from->branch),
            .container = status_text(status, from->container),
            .phase = PHASE_PROVISIONING,
            .active_tasks = from->active_tasks,
        };
        if (from->status != NULL) {
            const struct condition *ready = &from->status->conditions[CONDITION_READY];

            branch->phase = from->status->phase;
            branch->reason = status_text(status, ready->reason);
            branch->message = status_text(status, ready->message);
        }
        repository->active_tasks += from->active_tasks;
    }
}

static void describe(const struct repository_input *input, struct object_status *status)
{
    struct status_repository *repository = status_repository(status);

    /* With what a devcontainer.json adds it is still the spec in the file that this speaks of. */
    status->observed_hash =
        status_text(status, input->settings->parent != NULL ? input->settings->parent->hash
                                                            : input->settings->hash);
    repository->url = status_text(status, input->url);
    repository->active_tasks = input->active_tasks;
    describe_branches(input, status);
    repository->sessions = input->sessions;
    repository->pool = status_text(status, input->pool);
    repository->instance = status_text(status, input->instance);
    if (input->trees->exists) {
        repository->trees = status_text(status, input->trees->path);
    }
    repository->method = trees_method_name(input->trees->method);
    repository->method_message = status_text(status, input->trees->method_message);
    if (input->snapshot.reference != NULL && input->snapshot.image->state == IMAGE_PRESENT) {
        repository->snapshot_image = status_text(status, input->snapshot.reference);
    }
    describe_mirror(input, status);
    describe_setup(input, status);
}

static void describe_idle(const struct repository_input *input, struct object_status *status)
{
    auto_free char *message = NULL;

    if (input->awaited_pool == NULL && status->repository->active_tasks > input->active_tasks) {
        status_set_ready(status, "OnBranches", "its tasks are in containers of branches");
    } else if (input->awaited_pool == NULL) {
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

/* --- the decision ----------------------------------------------------------------------------- */

static void reconcile_unneeded(struct container_pass *pass, const struct repository_input *input)
{
    bool has_work = input->work_kept_until_wall_ms > pass->world->now_wall_ms;
    const char *cause =
        input->is_evicted ? "no task needs it, and its disk is needed" : "no task needs it";

    container_reconcile(pass);
    if (input->trees->exists && has_work) {
        plan_wake_at(pass->plan, input->work_kept_until_wall_ms);
        if (input->container == NULL) {
            status_set_ready(pass->status, REASON_WORK_KEPT,
                             "no task needs it; trees with work that was not pushed are kept");
        }
    } else if (input->trees->exists && input->has_unseen_trees) {
        if (input->container == NULL) {
            pass->status->phase = PHASE_STOPPING;
            status_set_progressing(pass->status, "Waiting",
                                   "a tree that a task left was not looked at yet");
        }
    } else if (input->trees->exists) {
        plan_set_operation(pass->plan, "delete", cause);
        plan_add(pass->plan, ACTION_REMOVE_WORKSPACE, PHASE_STOPPING, input->container_name, cause);
        failure_holds_back(pass->failure, pass->want->key, pass->world->now_wall_ms, pass->plan,
                           pass->status);
    }
    if (input->container == NULL && !input->trees->exists) {
        describe_idle(input, pass->status);
    }
}

/* Its URL by the command line or the policy, or else what its settings ask for. */
static bool is_refused(const struct world *world, const struct repository_input *input,
                       struct policy_refusal *ret)
{
    if (input->refusal != NULL) {
        *ret = (struct policy_refusal){.reason = input->refusal_reason,
                                       .message = xstrdup(input->refusal)};
        return true;
    }
    return policy_refuses(world, input->settings, ret);
}

/* True when it cannot be made now, and the status says why. What is there goes on. */
static bool is_held_up(const struct repository_input *input, const struct policy_refusal *refusal,
                       const struct demand *demand, struct object_status *status)
{
    if (refusal != NULL && input->container == NULL) {
        status->phase = PHASE_PROVISIONING;
        status_set_stalled(status, refusal->reason, refusal->message);
        return true;
    }
    if (!demand->is_needed && input->container == NULL) {
        status->phase = PHASE_TERMINATED; /* only the trees are kept, for the next task */
        describe_idle(input, status);
        return true;
    }
    if (input->container == NULL && (input->awaits != NULL || input->pressure != NULL)) {
        status->phase = PHASE_PROVISIONING;
        status_set_progressing(status, input->awaits != NULL ? "Waiting" : REASON_DISK_PRESSURE,
                               input->awaits != NULL ? input->awaits : input->pressure);
        return true;
    }
    return false;
}

/*
 * What keeps it from being made anew or stopped: NULL, or words for people; the caller's to free.
 */
static char *find_hold(const struct repository_input *input)
{
    unsigned tasks = input->running_tasks, sessions = input->sessions;

    if (tasks > 0) {
        return xasprintf("%u task%s in it", tasks, tasks == 1 ? "" : "s");
    }
    if (sessions > 0) {
        return xasprintf("%u open session%s in it", sessions, sessions == 1 ? "" : "s");
    }
    if (may_have_people(input)) {
        return xstrdup("whether somebody is in it is being asked");
    }
    return input->is_setting_up ? xstrdup("its setup runs") : NULL;
}

/* An image is being made of it, and the engine lets it go on by itself. */
static bool is_being_committed(const struct repository_input *input)
{
    return input->is_setting_up && input->container != NULL &&
           input->container->state == WORKLOAD_PAUSED;
}

static void reconcile_container(struct container_pass *pass, const struct repository_input *input,
                                const struct demand *demand)
{
    if (is_being_committed(input)) {
        pass->status->phase = PHASE_RUNNING;
        status_set_progressing(pass->status, "Snapshotting", "an image is being made of it");
        return;
    }
    container_reconcile(pass);
    if (!demand->is_needed && !pass->want->is_suspended && pass->plan->count == 0 &&
        pass->status->phase == PHASE_TERMINATED) {
        describe_idle(input, pass->status);
    }
}

void repository_reconcile(const struct world *world, const struct repository_input *input,
                          struct plan *plan, struct object_status *status)
{
    const struct repository_spec *spec = &input->settings->repository;
    bool has_snapshot =
        input->snapshot.reference != NULL && input->snapshot.image->state == IMAGE_PRESENT;
    auto_free char *key = xasprintf("%s/%s", KIND_REPOSITORY_CONTAINER, input->container_name);
    auto_free char *hold = find_hold(input);
    auto_done(policy_refusal) refusal = {0};
    struct port_list ports = repository_ports(input->settings, &status->arena);
    struct container_want want = {
        .key = key,
        .kind = KIND_REPOSITORY_CONTAINER,
        .object = input->container_name,
        .name = input->container_name,
        .image =
            has_snapshot ? input->snapshot.reference : repository_image(world, input->settings),
        .base_image_id = input->image->id,
        .pull_policy = has_snapshot ? PULL_NEVER : (enum pull_policy)spec->pull_policy,
        .is_suspended = spec->is_suspended,
        .hold_off = hold,
        .update_hold = input->awaits,
        .instance = input->is_displaced && input->container != NULL ? input->container->instance
                                                                    : input->instance,
        .hash = input->settings->container_hash,
        .fields = input->settings->field_hashes,
        .source = input->settings->file,
        .ports = &ports,
        .restart_policy = RESTART_ALWAYS,
        .grace_seconds = REPOSITORY_GRACE_SECONDS,
        .machine = input->machine,
        .defect = input->trees->is_mounted_elsewhere
                      ? "its folder of working trees was lost, and another one is mounted"
                      : NULL,
        .has_trees = true,
        .build = build,
        .user = input,
    };
    struct container_pass pass = {
        .world = world,
        .want = &want,
        .container = input->container,
        .image = has_snapshot ? input->snapshot.image : input->image,
        .values = input->values,
        .machine = input->observed_machine,
        .failure = input->failure,
        .previous = input->previous,
        .plan = plan,
        .status = status,
    };
    struct demand demand = find_demand(world, input, plan, status);

    describe(input, status);
    want.refusal = is_refused(world, input, &refusal) ? &refusal : NULL;
    want.should_run = demand.should_run;
    want.should_exist = demand.should_exist;
    if (!demand.should_exist) {
        reconcile_unneeded(&pass, input);
    } else if (!is_held_up(input, want.refusal, &demand, status)) {
        reconcile_container(&pass, input, &demand);
    }
}
