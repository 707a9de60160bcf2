#include "reconcilers/task_parts.h"

#include "base/memory.h"
#include "base/parse.h"
#include "specs/reason.h"

#include <stdlib.h>
#include <string.h>

/*
 * From its place to its tree and its command, or to an open session. What is missing is waited for,
 * and said.
 */

enum { USER_POLL_MS = 50 };

/* --- waiting ---------------------------------------------------------------------------------- */

static bool is_going_on(const struct object_status *status)
{
    return status != NULL && status_is_operating(status);
}

static char *operation_text(const struct object_status *status)
{
    const struct operation *operation = &status->operation;

    return xasprintf("%s %u %%%s%s", operation->type, operation->progress,
                     operation->message != NULL ? ", " : "",
                     operation->message != NULL ? operation->message : "");
}

static void wait_preparing(const struct task_pass *pass, const char *message)
{
    pass->status->phase = PHASE_PREPARING;
    status_set_progressing(pass->status, "Preparing", message);
}

/* The repository container is not there yet: its own status says why. */
static void wait_for_container(const struct task_pass *pass)
{
    const struct object_status *repository = pass->input->repository_status;
    const struct condition *stalled;
    auto_free char *message = NULL, *operation = NULL;

    pass->status->phase = PHASE_PENDING;
    if (repository == NULL) {
        status_set_progressing(pass->status, "Waiting", "waits for its repository container");
        return;
    }
    stalled = &repository->conditions[CONDITION_STALLED];
    if (repository->phase != PHASE_TERMINATED) {
        pass->status->phase = PHASE_PREPARING;
    }
    if (stalled->value == CONDITION_TRUE) {
        message = xasprintf("repository container %s: %s", pass->input->repository,
                            stalled->message != NULL ? stalled->message : stalled->reason);
        status_set_stalled(pass->status, stalled->reason, message);
        return;
    }
    operation = is_going_on(repository) ? operation_text(repository) : NULL;
    message = operation != NULL
                  ? xasprintf("repository container %s: %s", pass->input->repository, operation)
                  : xasprintf("waits for repository container %s", pass->input->repository);
    status_set_progressing(pass->status, "Preparing", message);
}

void task_wait_for_source(const struct task_pass *pass)
{
    const struct task_input *input = pass->input;
    const struct source *source = input->source;
    const struct object_status *mirror = input->mirror_status;
    auto_free char *message = NULL;
    const struct condition *stalled =
        mirror != NULL ? &mirror->conditions[CONDITION_STALLED] : NULL;

    if (source->state == SOURCE_MISSING) {
        pass->status->phase = PHASE_PENDING;
        status_set_stalled(pass->status, source->reason, source->message);
    } else if (stalled != NULL && stalled->value == CONDITION_TRUE) {
        pass->status->phase = PHASE_PREPARING;
        status_set_stalled(pass->status, stalled->reason, stalled->message);
    } else if (source->reason != NULL) {
        pass->status->phase = PHASE_PREPARING;
        status_set_progressing(pass->status, source->reason, source->message);
    } else {
        message = is_going_on(mirror) ? operation_text(mirror)
                                      : xstrdup("waits for the mirror of its repository");
        wait_preparing(pass, message);
    }
}

static bool is_container_ready(const struct task_input *input)
{
    return input->container != NULL && input->container->is_ours &&
           input->container->state == WORKLOAD_RUNNING && input->repository_status != NULL &&
           input->repository_status->phase == PHASE_RUNNING &&
           !status_is_operating(input->repository_status);
}

/* What its tree is made from is known already: to make it again it waits for nothing else. */
static bool is_decided(const struct status_task *task)
{
    return task->tree.name != NULL && task->commit != NULL;
}

/* True when there is everything that a tree and a command in it need. */
static bool has_all(struct task_pass *pass)
{
    const struct task_input *input = pass->input;
    bool is_new = !is_decided(pass->status->task);
    const struct object_status *repository = input->repository_status;
    auto_free char *message = NULL;

    if (input->pressure != NULL) {
        pass->status->phase = PHASE_PENDING;
        status_set_progressing(pass->status, REASON_DISK_PRESSURE, input->pressure);
    } else if (repository != NULL &&
               repository->conditions[CONDITION_STALLED].value == CONDITION_TRUE) {
        wait_for_container(pass);
    } else if (is_new && input->source->state != SOURCE_READY) {
        task_wait_for_source(pass);
    } else if (!is_container_ready(input)) {
        wait_for_container(pass);
    } else if (input->trees->user_error != NULL) {
        pass->status->phase = PHASE_PENDING;
        status_set_stalled(pass->status, REASON_START_FAILED, input->trees->user_error);
    } else if (!input->trees->is_user_known || input->trees->method == TREES_UNKNOWN) {
        wait_preparing(pass, input->trees->is_user_known
                                 ? "it is being found out how working trees can be made"
                                 : "the container has not said yet who its user is");
        plan_wake_at(pass->plan, pass->world->now_wall_ms + USER_POLL_MS);
    } else if (is_new && input->setup.state == SETUP_FAILED) {
        message = xasprintf("setup: %s", input->setup.message);
        pass->status->phase = PHASE_PREPARING;
        status_set_stalled(pass->status, REASON_SETUP_FAILED, message);
    } else if (is_new && input->setup.state == SETUP_WAITING) {
        message = xasprintf("setup: %s", input->setup.message);
        wait_preparing(pass, message);
    } else {
        return true;
    }
    return false;
}

/* --- ports ------------------------------------------------------------------------------------ */

static const struct block_port *find_block_port(const struct task_input *input, uint16_t number)
{
    for (size_t i = 0; i < input->block_count; i++) {
        if (input->block[i].container_port == number) {
            return &input->block[i];
        }
    }
    return NULL;
}

static bool is_chosen(const struct status_task *task, uint16_t container_port)
{
    for (size_t i = 0; i < task->port_count; i++) {
        if (task->ports[i].container_port == container_port) {
            return true;
        }
    }
    return false;
}

/*
 * What it has it keeps, at the host ports of today. That it has them a file may say, which is held
 * against the rest.
 */
static bool keep_ports(struct status_task *task, const struct task_input *input)
{
    const struct task_port_list *wanted = &input->desired->task.ports;

    if (task->port_count != wanted->count) {
        return false;
    }
    for (size_t i = 0; i < task->port_count; i++) {
        const struct block_port *port = find_block_port(input, task->ports[i].container_port);

        if (port == NULL || port->is_taken ||
            !text_equal(task->ports[i].name, wanted->items[i].name)) {
            return false;
        }
        task->ports[i].host_port = port->host_port;
    }
    return true;
}

static void wait_for_ports(const struct task_pass *pass)
{
    const struct task_input *input = pass->input;
    size_t wanted = input->desired->task.ports.count, taken = 0;
    auto_free char *message = NULL;

    for (size_t i = 0; i < input->block_count; i++) {
        taken += input->block[i].is_taken ? 1 : 0;
    }
    pass->status->phase = PHASE_PENDING;
    if (wanted > input->block_count) {
        message = xasprintf("it wants %zu ports, and %s has %zu for all its tasks; raise "
                            "spec.taskPorts of the Repository",
                            wanted, input->repository, input->block_count);
        status_set_stalled(pass->status, REASON_PORTS_EXHAUSTED, message);
        return;
    }
    message = xasprintf("it wants %zu of the %zu ports that %s has for tasks, and other tasks have "
                        "%zu of them; it starts when they have ended (spec.taskPorts of the "
                        "Repository says how many there are)",
                        wanted, input->block_count, input->repository, taken);
    status_set_progressing(pass->status, REASON_PORTS_EXHAUSTED, message);
}

static bool take_ports(struct task_pass *pass)
{
    const struct task_input *input = pass->input;
    const struct task_port_list *wanted = &input->desired->task.ports;
    struct object_status *status = pass->status;
    struct status_task *task = status_task(status);
    size_t next = 0;

    if (keep_ports(task, input)) {
        return true;
    }
    task->ports = arena_alloc(&status->arena, (wanted->count + 1) * sizeof(*task->ports));
    task->port_count = 0;
    for (size_t i = 0; i < wanted->count; i++) {
        while (next < input->block_count && (input->block[next].is_taken ||
                                             is_chosen(task, input->block[next].container_port))) {
            next++;
        }
        if (next == input->block_count) {
            break;
        }
        task->ports[task->port_count++] = (struct status_task_port){
            .name = status_text(status, wanted->items[i].name),
            .container_port = input->block[next].container_port,
            .host_port = input->block[next].host_port,
        };
    }
    if (task->port_count == wanted->count) {
        return true;
    }
    task->port_count = 0;
    wait_for_ports(pass);
    return false;
}

/* --- trees ------------------------------------------------------------------------------------ */

static void plan_tree(struct task_pass *pass, const char *name, const struct tree_source *source,
                      const char *cause)
{
    plan_set_operation(pass->plan, "prepare", cause);
    if (!pass->input->has_snapshot ||
        !text_equal(source->commit, pass->input->source->commit)) { /* else it is there already */
        struct action *snapshot = plan_add(pass->plan, ACTION_MAKE_SNAPSHOT, PHASE_PREPARING,
                                           source->commit, "snapshot does not exist");

        action_set_source(snapshot, source);
    }
    action_set_source(plan_add(pass->plan, ACTION_MAKE_TREE, PHASE_PREPARING, name, cause), source);
    wait_preparing(pass, "its working tree is being made");
}

/*
 * From the moment that it is decided on, the status says which tree a task works in: others go by
 * that.
 */
static void set_tree(struct task_pass *pass, const char *name, const struct tree_source *source)
{
    const struct task_input *input = pass->input;
    struct object_status *status = pass->status;
    struct status_tree *tree = &status_task(status)->tree;

    pass->has_chosen_tree |= tree->name == NULL;
    tree->name = status_text(status, name);
    tree->method = trees_method_name(input->trees->method);
    tree->uid = input->trees->uid;
    tree->gid = input->trees->gid;
    tree->host_path = arena_printf(&status->arena, "%s/%s", input->trees->path, name);
    tree->home = arena_printf(&status->arena, "%s/.home/%s", WORKSPACE_MOUNT, name);
    tree->tmp = arena_printf(&status->arena, "%s/.tmp/%s", WORKSPACE_MOUNT, name);
    tree->layer = status_text(status, source->layer);
    tree->is_inspected = false;
    status_task(status)->work_dir = arena_printf(&status->arena, "%s/%s", WORKSPACE_MOUNT, name);
    status_task(status)->branch = status_text(status, source->branch);
    status_task(status)->commit = status_text(status, source->commit);
}

static struct tree_source new_source(const struct task_input *input, const char *branch)
{
    return (struct tree_source){
        .commit = input->source->commit,
        .branch = branch,
        .upstream = branch != NULL ? input->source->branch : NULL,
        .uid = input->trees->uid,
        .gid = input->trees->gid,
        .layer = input->setup.layer,
    };
}

static void note_stale(const struct task_pass *pass)
{
    const struct source *source = pass->input->source;

    status_task(pass->status)->tree.note =
        source->is_stale ? arena_printf(&pass->status->arena,
                                        "the remote could not be asked, so its commit is the "
                                        "newest one known here: %s",
                                        source->message)
                         : NULL;
}

/* True when its own tree is ready to be worked in. */
static bool prepare_own_tree(struct task_pass *pass)
{
    const struct task_input *input = pass->input;
    struct status_task *task = status_task(pass->status);

    if (task->tree.name != NULL && input->has_tree) {
        return true;
    }
    if (is_decided(task)) { /* made again, or mounted again */
        struct tree_source source = new_source(input, task->branch);

        source.commit = task->commit;
        source.layer = task->tree.layer;
        plan_tree(pass, task->tree.name, &source, "working tree is not there");
        return false;
    }
    {
        const char *branch = arena_printf(&pass->status->arena, "task/%s", input->name);
        struct tree_source source = new_source(input, branch);

        set_tree(pass, input->free_tree, &source);
        plan_tree(pass, input->free_tree, &source, "working tree does not exist");
        note_stale(pass);
    }
    return false;
}

static bool is_same_branch(const struct observed_shared_tree *shared, const struct source *source)
{
    return source->branch != NULL
               ? text_equal(shared->branch, source->branch)
               : shared->branch == NULL && text_equal(shared->commit, source->commit);
}

static void refuse_branch(struct task_pass *pass, const char *why)
{
    const struct observed_shared_tree *shared = pass->input->shared;
    const struct source *source = pass->input->source;
    auto_free char *message = xasprintf(
        "the shared tree of %s is on %s%s%s, and this task is to start from %s%s%s: %s (isolation "
        "Task gives each task a tree of its own)",
        pass->input->repository, shared->branch != NULL ? "branch \"" : "commit \"",
        shared->branch != NULL ? shared->branch : shared->commit, "\"",
        source->branch != NULL ? "branch \"" : "commit \"",
        source->branch != NULL ? source->branch : source->commit, "\"", why);

    pass->status->phase = PHASE_PENDING;
    status_set_stalled(pass->status, REASON_BRANCH_CONFLICT, message);
}

static void make_shared_tree(struct task_pass *pass, bool is_replaced, const char *cause)
{
    const struct task_input *input = pass->input;
    struct tree_source source = new_source(input, input->source->branch);

    set_tree(pass, SHARED_TREE, &source);
    if (is_replaced) {
        plan_add(pass->plan, ACTION_REMOVE_TREE, PHASE_PREPARING, SHARED_TREE, cause);
    }
    plan_tree(pass, SHARED_TREE, &source, cause);
    note_stale(pass);
}

/* What the shared tree was made from, whatever is the newest now. */
static struct tree_source shared_source(const struct task_input *input)
{
    struct tree_source source = new_source(input, input->shared->branch);

    source.commit = input->shared->commit;
    source.upstream = input->shared->branch;
    source.layer = input->shared->layer;
    return source;
}

/* True when it is ready; one whose mount is gone is mounted again. */
static bool join_shared_tree(struct task_pass *pass)
{
    struct tree_source source = shared_source(pass->input);

    set_tree(pass, SHARED_TREE, &source);
    if (!pass->input->shared->exists) {
        plan_tree(pass, SHARED_TREE, &source, "working tree is not there");
    }
    return pass->input->shared->exists;
}

/* What is in it can only be seen when it is there. */
static void inspect_shared_tree(struct task_pass *pass)
{
    const char *cause = "a newer commit or another branch is wanted";
    struct tree_source source = shared_source(pass->input);

    plan_set_operation(pass->plan, "inspect", cause);
    if (!pass->input->shared->exists) {
        plan_tree(pass, SHARED_TREE, &source, "working tree is not there");
    }
    plan_add(pass->plan, ACTION_INSPECT_TREE, PHASE_PREPARING, SHARED_TREE, cause);
    wait_preparing(pass, "the shared tree is looked at");
}

/*
 * Nobody works in it: it is made anew for another branch, or for a newer commit, if no work is lost
 * with it.
 */
static bool reuse_shared_tree(struct task_pass *pass)
{
    const struct task_input *input = pass->input;
    const struct observed_shared_tree *shared = input->shared;
    bool is_same = is_same_branch(shared, input->source);

    if (is_same && text_equal(shared->commit, input->source->commit)) {
        return join_shared_tree(pass);
    }
    if (!shared->is_inspected) {
        inspect_shared_tree(pass);
        return false;
    }
    if (shared->is_dirty || shared->is_unpushed) {
        int64_t until_wall_ms =
            shared->used_wall_ms + input->settings->repository.retain_seconds * 1000;

        if (is_same) {
            return join_shared_tree(pass);
        }
        if (pass->world->now_wall_ms < until_wall_ms) {
            plan_wake_at(pass->plan, until_wall_ms);
            refuse_branch(pass, "the shared tree has work that was not pushed; push or discard it");
            return false;
        }
    }
    make_shared_tree(pass, true,
                     is_same ? "there is a newer commit, and no task works in the shared tree"
                             : "another branch is wanted, and no task works on the present one");
    return false;
}

/* True when the shared tree is ready for it. */
static bool prepare_shared_tree(struct task_pass *pass)
{
    const struct task_input *input = pass->input;
    const struct observed_shared_tree *shared = input->shared;
    const struct status_task *task = pass->status->task;
    bool is_same = is_same_branch(shared, input->source);

    if (task->tree.name != NULL) { /* it has joined */
        if (shared->is_lost) {
            return join_shared_tree(pass);
        }
        if (!shared->exists) {
            struct tree_source source = new_source(input, task->branch);

            source.commit = task->commit;
            source.layer = task->tree.layer;
            plan_tree(pass, SHARED_TREE, &source, "working tree is not there");
        }
        return shared->exists;
    }
    if (shared->users > 0 && !is_same) {
        refuse_branch(pass, "it starts when those who work there have ended");
        return false;
    }
    if (shared->users > 0 && !shared->exists && !shared->is_lost) {
        wait_preparing(pass, "the shared tree is being made");
        return false;
    }
    if (shared->users > 0) {
        return join_shared_tree(pass);
    }
    if (shared->exists || shared->is_lost) {
        return reuse_shared_tree(pass);
    }
    make_shared_tree(pass, false, "working tree does not exist");
    return false;
}

/* --- starting --------------------------------------------------------------------------------- */

static void plan_command(struct task_pass *pass)
{
    const struct task_input *input = pass->input;
    struct object_status *status = pass->status;
    struct status_task *task = status_task(status);
    unsigned attempt = input->attempt->state == ATTEMPT_ABSENT && task->attempt > 0
                           ? task->attempt /* its start was never carried out */
                           : task->attempt + 1;
    struct action *start;

    task->hash = status_text(status, input->desired->container_hash);
    task->log_file =
        arena_printf(&status->arena, "%s/%s/%u.log", input->trees->tasks_path, task->id, attempt);
    plan_set_operation(pass->plan, "run",
                       attempt > 1 ? "it failed, and is tried again" : "not started yet");
    start = plan_add(pass->plan, ACTION_START_TASK, PHASE_PREPARING, input->name,
                     attempt > 1 ? "it failed, and is tried again" : "not started yet");
    start->attempt = attempt;
    status->phase = PHASE_PREPARING;
    status_set_progressing(status, "Starting", "its command is being started");
}

static void open_session(struct task_pass *pass)
{
    struct object_status *status = pass->status;
    const struct condition *ready = &status->conditions[CONDITION_READY];

    status->phase = PHASE_TASK_RUNNING;
    status_task(status)->hash = status_text(status, pass->input->desired->container_hash);
    if (status->task->start_wall_ms == 0) {
        status_task(status)->start_wall_ms = pass->world->now_wall_ms;
    }
    status_set_ready(status, "SessionOpen", "open until state is Completed or the file goes");
    if (pass->input->desired->task.is_suspended) {
        status_set_condition(status, CONDITION_READY, ready->value, REASON_SUSPENDED,
                             "spec.suspend is true: nothing is changed");
    }
}

static bool is_value_missing(struct task_pass *pass)
{
    const struct observed_values *values = pass->input->values;

    if (values == NULL || values->unavailable == NULL) {
        return false;
    }
    pass->status->phase = PHASE_PENDING;
    status_set_stalled(pass->status, REASON_VALUE_UNAVAILABLE, values->unavailable);
    plan_wake_at(pass->plan, pass->world->now_wall_ms + RETRY_MAX_MS / 10);
    return true;
}

/* A task that has its tree does not wait for what only a new tree needs. */
static bool is_ready_to_go_on(struct task_pass *pass)
{
    const struct task_input *input = pass->input;
    const char *tree = pass->status->task->tree.name;
    bool is_there =
        tree != NULL && (strcmp(tree, SHARED_TREE) == 0 ? input->shared->exists : input->has_tree);

    if (!is_there) {
        return has_all(pass);
    }
    if (!is_container_ready(input)) {
        wait_for_container(pass);
        return false;
    }
    return true;
}

void task_forget_tree(struct object_status *status)
{
    struct status_task *task = status_task(status);

    task->tree.name = NULL;
    task->branch = task->commit = task->work_dir = NULL;
    task->port_count = 0;
}

/*
 * The shared tree was to be made anew for this task, and the old one could not be removed: it has
 * not joined that one, and what is to be done is decided again.
 */
static void leave_other_tree(struct task_pass *pass)
{
    const struct observed_shared_tree *shared = pass->input->shared;
    struct status_task *task = status_task(pass->status);

    if (text_equal(task->tree.name, SHARED_TREE) && (shared->exists || shared->is_lost) &&
        !(text_equal(task->branch, shared->branch) && text_equal(task->commit, shared->commit))) {
        task_forget_tree(pass->status);
    }
}

void task_reconcile_start(struct task_pass *pass)
{
    const struct task_input *input = pass->input;

    if (input->source == NULL || input->settings == NULL) {
        wait_for_container(pass);
        return;
    }
    leave_other_tree(pass);
    if (!is_ready_to_go_on(pass) || is_value_missing(pass) || !take_ports(pass)) {
        return;
    }
    if (input->isolation == ISOLATION_TASK ? prepare_own_tree(pass) : prepare_shared_tree(pass)) {
        if (input->desired->task.command.count == 0) {
            open_session(pass);
            return;
        }
        plan_command(pass);
    } else if (pass->plan->count > 0 && input->desired->task.command.count > 0 &&
               pass->plan->actions[pass->plan->count - 1]->type == ACTION_MAKE_TREE) {
        plan_command(pass); /* in one go, without another pass */
    } else if (pass->status->task->tree.name == NULL) {
        status_task(pass->status)->port_count = 0; /* it may wait long: others can have them */
    }
}
