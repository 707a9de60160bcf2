#include "reconcilers/task.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/sha256.h"
#include "reconcilers/repository.h"
#include "specs/reason.h"

#include <stdlib.h>
#include <string.h>

enum { START_GRACE_MS = 5000, POLL_MS = 30000 };

bool task_is_over(const struct object_status *status)
{
    return status != NULL && (status->phase == PHASE_SUCCEEDED || status->phase == PHASE_FAILED);
}

static bool is_stalled_by(const struct object_status *status, const char *reason)
{
    return status->conditions[CONDITION_STALLED].value == CONDITION_TRUE &&
           text_equal(status->conditions[CONDITION_STALLED].reason, reason);
}

bool task_is_held_by_branch(const struct object_status *status)
{
    return status != NULL && is_stalled_by(status, REASON_BRANCH_CONFLICT);
}

bool task_is_active(const struct object *desired, const struct object_status *status)
{
    if (task_is_over(status)) {
        return false;
    }
    if (status != NULL && status->task.attempt > 0) {
        return true; /* its command may still run, also when the spec is gone */
    }
    if (status != NULL && (is_stalled_by(status, REASON_BRANCH_CONFLICT) ||
                           is_stalled_by(status, REASON_SCHEME_REFUSED))) {
        return false;
    }
    return desired != NULL && desired->task.state == TASK_ACTIVE &&
           (!desired->task.is_suspended || (status != NULL && status->phase == PHASE_TASK_RUNNING));
}

static void finish(struct object_status *status, enum phase phase, const char *reason,
                   const char *message, int64_t end_wall_ms)
{
    status->phase = phase;
    status->task.reason = status_text(status, reason);
    status->task.end_wall_ms = end_wall_ms;
    status_set_condition(status, CONDITION_READY, CONDITION_FALSE, reason, message);
    status_set_condition(status, CONDITION_RECONCILING, CONDITION_FALSE, reason, NULL);
    status_set_condition(status, CONDITION_STALLED,
                         phase == PHASE_FAILED ? CONDITION_TRUE : CONDITION_FALSE, reason,
                         phase == PHASE_FAILED ? message : NULL);
    if (phase == PHASE_FAILED) {
        status_add_error(status, reason, message, NULL);
    }
}

static void say_changed_after_start(struct object_status *status)
{
    status_set_condition(status, CONDITION_UPDATE_PENDING, CONDITION_TRUE,
                         REASON_CHANGED_AFTER_START,
                         "the spec was changed after the task had started; a task runs once: give "
                         "the new one a new name");
}

/* What was true when it ended stays true. */
static void keep_result(const struct task_input *input, struct object_status *status)
{
    const struct condition *ready = &input->previous->conditions[CONDITION_READY];
    const char *reason = input->previous->task.reason;

    finish(status, input->previous->phase, reason != NULL ? reason : "Completed", ready->message,
           input->previous->task.end_wall_ms);
}

static void finish_attempt(const struct task_input *input, struct object_status *status)
{
    const struct observed_attempt *attempt = input->attempt;
    auto_free char *message = NULL;

    status->task.start_wall_ms = attempt->started_wall_ms;
    status->task.has_exit_code = true;
    status->task.exit_code = attempt->exit_code;
    switch (attempt->outcome) { /* no default: an outcome without an answer does not compile */
    case OUTCOME_EXITED:
        message = xasprintf("exited with code %lld", (long long)attempt->exit_code);
        finish(status, attempt->exit_code == 0 ? PHASE_SUCCEEDED : PHASE_FAILED,
               attempt->exit_code == 0 ? "Completed" : REASON_COMMAND_FAILED, message,
               attempt->finished_wall_ms);
        return;
    case OUTCOME_TIMED_OUT:
        message = xasprintf("ran longer than %lld s",
                            input->desired != NULL ? (long long)input->desired->task.timeout_seconds
                                                   : 0LL);
        finish(status, PHASE_FAILED, REASON_DEADLINE_EXCEEDED, message, attempt->finished_wall_ms);
        return;
    case OUTCOME_STOPPED:
        finish(status, PHASE_SUCCEEDED, "Completed", "was ended before its command was through",
               attempt->finished_wall_ms);
        return;
    case OUTCOME_NOT_STARTED:
        finish(status, PHASE_FAILED, REASON_START_FAILED, attempt->message,
               attempt->finished_wall_ms);
        return;
    }
}

static void plan_stop(const struct task_input *input, struct plan *plan, const char *cause)
{
    struct action *stop;

    plan_set_operation(plan, "stop", cause);
    stop = plan_add(plan, ACTION_STOP_TASK, PHASE_TASK_RUNNING, input->name, cause);
    stop->grace_seconds = 10;
}

static bool is_suspended(const struct task_input *input)
{
    return input->desired != NULL && input->desired->task.is_suspended;
}

/* Beside what else is true of it. */
static void say_suspended(struct object_status *status)
{
    struct condition *ready = &status->conditions[CONDITION_READY];

    status_set_condition(status, CONDITION_READY, ready->value, REASON_SUSPENDED,
                         "spec.suspend is true: nothing is changed");
}

static void reconcile_running(const struct world *world, const struct task_input *input,
                              struct plan *plan, struct object_status *status)
{
    status->phase = PHASE_TASK_RUNNING;
    status->task.attempt = status->task.attempt > 0 ? status->task.attempt : 1;
    status->task.start_wall_ms = input->attempt->started_wall_ms;
    status_set_progressing(status, "Running", "its command runs");
    plan_wake_at(plan, world->now_wall_ms + POLL_MS);
    if (is_suspended(input)) {
        say_suspended(status);
    } else if (input->desired == NULL || input->desired->task.state == TASK_COMPLETED) {
        plan_stop(input, plan, input->desired == NULL ? "its spec is gone" : "state is Completed");
    }
}

/* The repository container is not there yet: its own status says why. */
static bool is_container_ready(const struct task_input *input)
{
    return input->container != NULL && input->container->is_ours &&
           input->container->state == WORKLOAD_RUNNING && input->workspace->exists &&
           input->repository_status != NULL && input->repository_status->phase == PHASE_RUNNING &&
           !status_is_operating(input->repository_status);
}

static void reconcile_waiting(const struct task_input *input, struct object_status *status)
{
    const struct object_status *repository = input->repository_status;
    const struct condition *stalled;
    auto_free char *message = NULL;

    status->phase = PHASE_PENDING;
    if (repository == NULL) {
        status_set_progressing(status, "Waiting", "waits for its repository container");
        return;
    }
    stalled = &repository->conditions[CONDITION_STALLED];
    if (repository->phase != PHASE_TERMINATED) {
        status->phase = PHASE_PREPARING;
    }
    if (stalled->value == CONDITION_TRUE) {
        message = xasprintf("repository container %s: %s", input->repository,
                            stalled->message != NULL ? stalled->message : stalled->reason);
        status_set_stalled(status, stalled->reason, message);
        return;
    }
    if (status_is_operating(repository)) {
        message = xasprintf(
            "repository container %s: %s %u %%%s%s", input->repository, repository->operation.type,
            repository->operation.progress, repository->operation.message != NULL ? ", " : "",
            repository->operation.message != NULL ? repository->operation.message : "");
    } else {
        message = xasprintf("waits for repository container %s", input->repository);
    }
    status_set_progressing(status, "Preparing", message);
}

static void refuse_branch(const struct task_input *input, struct object_status *status)
{
    auto_free char *message = xasprintf(
        "the workspace of %s is on branch \"%s\", which other tasks work on; this one, on %s%s%s, "
        "starts when they have ended (all tasks of a repository share one tree)",
        input->repository, input->workspace->branch, input->branch != NULL ? "\"" : "",
        input->branch != NULL ? input->branch : "the remote's HEAD",
        input->branch != NULL ? "\"" : "");

    status->phase = PHASE_PENDING;
    status_set_stalled(status, REASON_BRANCH_CONFLICT, message);
}

static bool is_on_other_branch(const struct task_input *input)
{
    return input->workspace->exists && !workspace_has_branch(input->workspace, input->branch);
}

static void describe_place(const struct task_input *input, struct object_status *status)
{
    struct status_task *task = &status->task;

    task->repository = status_text(status, input->repository);
    task->work_dir = WORKSPACE_MOUNT;
    if (input->workspace->exists && task->attempt == 0 && !is_on_other_branch(input)) {
        task->branch = status_text(status, input->workspace->branch);
        task->commit = status_text(status, input->workspace->commit);
    }
    if (input->container != NULL && input->container->is_ours) {
        status->container.id = status_text(status, input->container->id);
        status->container.name = status_text(status, input->container->name);
        status->container.image = status_text(status, input->container->image);
    }
}

/* Tasks that cannot ever have a place as things are need somebody's help; the others only wait. */
static void reconcile_queued(const struct task_input *input, struct object_status *status)
{
    const struct task_admission *admission = input->admission;

    status->phase = PHASE_PENDING;
    if (admission == NULL) {
        status_set_progressing(status, "Waiting", "waits for its place");
    } else if (text_equal(admission->reason, REASON_POOL_UNKNOWN) ||
               text_equal(admission->reason, REASON_UNSCHEDULABLE)) {
        status_set_stalled(status, admission->reason, admission->message);
    } else {
        status_set_progressing(status, admission->reason, admission->message);
    }
}

static void reconcile_command(const struct world *world, const struct task_input *input,
                              struct plan *plan, struct object_status *status)
{
    auto_free char *log = NULL;

    if (input->values != NULL && input->values->unavailable != NULL) {
        status->phase = PHASE_PENDING;
        status_set_stalled(status, REASON_VALUE_UNAVAILABLE, input->values->unavailable);
        plan_wake_at(plan, world->now_wall_ms + RETRY_MAX_MS / 10);
        return;
    }

    status->phase = PHASE_PREPARING;
    status->task.hash = status_text(status, input->desired->container_hash);
    log = xasprintf("%s/%s/1.log", input->workspace->tasks_path, status->task.id);
    status->task.log_file = status_text(status, log);
    plan_set_operation(plan, "run", "not started yet");
    plan_add(plan, ACTION_START_TASK, PHASE_PREPARING, input->name, "not started yet");
    status_set_progressing(status, "Starting", "its command is being started");
}

static void reconcile_session(const struct task_input *input, struct object_status *status,
                              int64_t now_wall_ms)
{
    status->phase = PHASE_TASK_RUNNING;
    status->task.hash = status_text(status, input->desired->container_hash);
    if (status->task.start_wall_ms == 0) {
        status->task.start_wall_ms = now_wall_ms;
    }
    status_set_ready(status, "SessionOpen", "open until state is Completed or the file goes");
    if (is_suspended(input)) {
        say_suspended(status);
    }
}

/* The records say what happened to the command; the spec only says whether it is still wanted. */
static bool reconcile_attempt(const struct world *world, const struct task_input *input,
                              struct plan *plan, struct object_status *status)
{
    switch (input->attempt->state) { /* no default: a state without an answer does not compile */
    case ATTEMPT_ABSENT:
        if (input->previous != NULL && input->previous->phase == PHASE_TASK_RUNNING &&
            input->previous->task.attempt > 0) {
            finish(status, PHASE_FAILED, REASON_CONTAINER_LOST, "its records are gone",
                   world->now_wall_ms);
            return true;
        }
        return false;
    case ATTEMPT_RUNNING: reconcile_running(world, input, plan, status); return true;
    case ATTEMPT_ENDED:
        status->task.attempt = status->task.attempt > 0 ? status->task.attempt : 1;
        finish_attempt(input, status);
        return true;
    case ATTEMPT_LOST:
        status->task.attempt = status->task.attempt > 0 ? status->task.attempt : 1;
        status->task.start_wall_ms = input->attempt->started_wall_ms;
        finish(status, PHASE_FAILED, REASON_CONTAINER_LOST,
               "its container or its runner was killed while the command ran", world->now_wall_ms);
        return true;
    }
    return false;
}

static void reconcile_gone(const struct world *world, const struct task_input *input,
                           struct plan *plan, struct object_status *status)
{
    if (input->attempt->state == ATTEMPT_RUNNING) {
        reconcile_running(world, input, plan, status);
        return;
    }
    status->phase = PHASE_SUCCEEDED;
    plan_set_operation(plan, "delete", "its spec is gone");
    plan_add(plan, ACTION_REMOVE_TASK, PHASE_SUCCEEDED, input->name, "its spec is gone");
}

/* One incarnation of a name, as a directory: short enough, and never that of another name. */
static const char *make_id(struct object_status *status, const char *name, int64_t now_wall_ms)
{
    char digest[SHA256_HEX_SIZE];

    sha256_hex(name, strlen(name), digest);
    return arena_printf(&status->arena, "%.40s-%.6s-%llx", name, digest,
                        (unsigned long long)now_wall_ms);
}

/* Its place, and when it came: what outlives the controller so that nobody is overtaken. */
static void describe_admission(const struct world *world, const struct task_input *input,
                               struct object_status *status)
{
    struct status_task *task = &status->task;

    if (task->arrival_wall_ms == 0) {
        task->arrival_wall_ms = world->now_wall_ms;
    }
    if (input->admission == NULL) {
        return; /* what was true before stays true until it is decided anew */
    }
    task->is_admitted = input->admission->is_admitted;
    task->pool = status_text(status, input->admission->pool);
    task->instance = status_text(status, input->admission->instance);
    task->queue_position = input->admission->queue_position;
}

static void decide(const struct world *world, const struct task_input *input, struct plan *plan,
                   struct object_status *status)
{
    if (input->desired != NULL) {
        status->observed_hash = status_text(status, input->desired->hash);
    }
    describe_admission(world, input, status);
    if (input->repository != NULL) {
        describe_place(input, status);
    }
    if (input->desired == NULL) {
        reconcile_gone(world, input, plan, status);
        return;
    }
    if (task_is_over(input->previous)) {
        keep_result(input, status);
        return;
    }
    if (status->task.id == NULL) {
        status->task.id = make_id(status, input->name, world->now_wall_ms);
    }
    if (input->attempt->state == ATTEMPT_ABSENT && status->task.attempt == 0 &&
        input->refusal != NULL) {
        status->phase = PHASE_PENDING;
        status_set_stalled(status, input->refusal_reason, input->refusal);
        return;
    }
    if (reconcile_attempt(world, input, plan, status)) {
        return;
    }
    if (input->desired->task.state == TASK_COMPLETED) {
        finish(status, PHASE_SUCCEEDED, "Completed", "state is Completed", world->now_wall_ms);
        return;
    }
    if (input->desired->task.is_suspended &&
        (input->previous == NULL || input->previous->phase != PHASE_TASK_RUNNING)) {
        status->phase = PHASE_PENDING;
        status_set_condition(status, CONDITION_READY, CONDITION_FALSE, REASON_SUSPENDED,
                             "spec.suspend is true: nothing is changed");
        status_set_condition(status, CONDITION_RECONCILING, CONDITION_FALSE, REASON_SUSPENDED,
                             NULL);
        status_set_condition(status, CONDITION_STALLED, CONDITION_FALSE, REASON_SUSPENDED, NULL);
        return;
    }
    if (!status->task.is_admitted) {
        reconcile_queued(input, status);
        return;
    }
    if (is_on_other_branch(input)) {
        refuse_branch(input, status);
        return;
    }
    if (!is_container_ready(input)) {
        reconcile_waiting(input, status);
        return;
    }
    if (input->desired->task.command.count > 0) {
        reconcile_command(world, input, plan, status);
    } else {
        reconcile_session(input, status, world->now_wall_ms);
    }
}

void task_reconcile(const struct world *world, const struct task_input *input, struct plan *plan,
                    struct object_status *status)
{
    decide(world, input, plan, status);
    if (input->desired != NULL && status->task.attempt > 0 && status->task.hash != NULL &&
        !text_equal(status->task.hash, input->desired->container_hash)) {
        say_changed_after_start(status);
    }
    failure_holds_back(input->failure, input->name, world->now_wall_ms, plan, status);
}
