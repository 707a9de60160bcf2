#include "reconcilers/task_parts.h"

#include "base/memory.h"
#include "base/parse.h"
#include "specs/reason.h"

#include <stdlib.h>
#include <string.h>

/* How attempts end, whether there is another one, and for how long what a task leaves is kept. */

static void say_end(struct object_status *status, const char *reason, const char *message)
{
    bool has_failed = status->phase == PHASE_FAILED;

    status_set_condition(status, CONDITION_READY, CONDITION_FALSE, reason, message);
    status_set_condition(status, CONDITION_RECONCILING, CONDITION_FALSE, reason, NULL);
    status_set_condition(status, CONDITION_STALLED, has_failed ? CONDITION_TRUE : CONDITION_FALSE,
                         reason, has_failed ? message : NULL);
}

void task_finish(struct task_pass *pass, enum phase phase, const char *reason, const char *message,
                 int64_t end_wall_ms)
{
    struct object_status *status = pass->status;
    struct status_task *task = status_task(status);

    status->phase = phase;
    task->reason = status_text(status, reason);
    task->end_wall_ms = end_wall_ms;
    task->next_retry_wall_ms = 0;
    task->port_count = 0; /* given back */
    say_end(status, reason, message);
    if (phase == PHASE_FAILED) {
        status_add_error(status, reason, message, NULL);
    }
}

/* --- attempts --------------------------------------------------------------------------------- */

struct verdict {
    enum phase phase;
    const char *reason;
    char *message; /* owned */
    int64_t end_wall_ms;
};

static struct verdict judge_ended(const struct task_input *input, int64_t now_wall_ms)
{
    const struct observed_attempt *attempt = input->attempt;
    struct verdict verdict = {.phase = PHASE_FAILED, .end_wall_ms = attempt->finished_wall_ms};

    if (verdict.end_wall_ms > now_wall_ms) {
        verdict.end_wall_ms = now_wall_ms; /* the clock was set back since */
    }

    switch (attempt->outcome) { /* no default: an outcome without an answer does not compile */
    case OUTCOME_EXITED:
        verdict.phase = attempt->exit_code == 0 ? PHASE_SUCCEEDED : PHASE_FAILED;
        verdict.reason = attempt->exit_code == 0  ? "Completed"
                         : attempt->is_oom_killed ? REASON_OOM_KILLED
                                                  : REASON_COMMAND_FAILED;
        verdict.message = xasprintf(
            "exited with code %lld%s", (long long)attempt->exit_code,
            attempt->is_oom_killed ? "; the kernel killed a process of it for want of memory" : "");
        break;
    case OUTCOME_TIMED_OUT:
        verdict.reason = REASON_DEADLINE_EXCEEDED;
        verdict.message = xasprintf(
            "ran longer than %lld s",
            input->desired != NULL ? (long long)input->desired->task.timeout_seconds : 0LL);
        break;
    case OUTCOME_STOPPED:
        verdict.phase = PHASE_SUCCEEDED;
        verdict.reason = "Completed";
        verdict.message = xstrdup("was ended before its command was through");
        break;
    case OUTCOME_NOT_STARTED:
        verdict.reason = REASON_START_FAILED;
        verdict.message = xstrdup(attempt->message);
        break;
    }
    return verdict;
}

static struct verdict judge(const struct task_pass *pass)
{
    if (pass->input->attempt->state == ATTEMPT_ENDED) {
        return judge_ended(pass->input, pass->world->now_wall_ms);
    }
    return (struct verdict){
        .phase = PHASE_FAILED,
        .reason = REASON_CONTAINER_LOST,
        .message = xstrdup("its container or its runner was killed while the command ran"),
        .end_wall_ms = pass->world->now_wall_ms,
    };
}

static bool has_another_try(const struct task_pass *pass)
{
    const struct object *desired = pass->input->desired;

    return desired != NULL && desired->task.state == TASK_ACTIVE &&
           pass->status->task->attempt <= desired->task.backoff_limit;
}

/* True while the next attempt is waited for. */
static bool wait_for_retry(struct task_pass *pass, const struct verdict *verdict)
{
    struct object_status *status = pass->status;
    struct status_task *task = status_task(status);
    auto_free char *message = NULL;

    if (task->next_retry_wall_ms == 0) {
        task->next_retry_wall_ms =
            pass->world->now_wall_ms + (int64_t)retry_delay_ms(pass->input->name, task->attempt);
    }
    task->reason = status_text(status, verdict->reason);
    if (pass->world->now_wall_ms >= task->next_retry_wall_ms) {
        return false;
    }
    message = xasprintf("attempt %u of %lld: %s; it is tried again", task->attempt,
                        (long long)pass->input->desired->task.backoff_limit + 1, verdict->message);
    status->phase = PHASE_PENDING;
    status_set_progressing(status, verdict->reason, message);
    plan_wake_at(pass->plan, task->next_retry_wall_ms);
    return true;
}

bool task_judge_attempt(struct task_pass *pass)
{
    const struct observed_attempt *attempt = pass->input->attempt;
    struct verdict verdict = judge(pass);
    struct status_task *task = status_task(pass->status);
    bool is_answered = true;

    task->start_wall_ms = attempt->started_wall_ms;
    task->has_exit_code = attempt->state == ATTEMPT_ENDED;
    task->exit_code = attempt->exit_code;
    if (verdict.phase == PHASE_FAILED && has_another_try(pass)) {
        is_answered = wait_for_retry(pass, &verdict);
    } else {
        task_finish(pass, verdict.phase, verdict.reason, verdict.message, verdict.end_wall_ms);
    }
    free(verdict.message);
    return is_answered;
}

/* --- what is left ----------------------------------------------------------------------------- */

static bool has_own_tree(const struct status_tree *tree)
{
    return tree->name != NULL && strcmp(tree->name, SHARED_TREE) != 0;
}

/* True when the tree must be looked at before anything is decided about it. */
static bool plan_inspection(struct task_pass *pass)
{
    const struct status_tree *tree = &pass->status->task->tree;

    if (tree->name == NULL || tree->is_inspected) {
        return false;
    }
    plan_set_operation(pass->plan, "inspect", "the task has ended");
    plan_add(pass->plan, ACTION_INSPECT_TREE, pass->status->phase, tree->name,
             "the task has ended");
    return true;
}

static bool has_work(const struct status_tree *tree)
{
    return tree->is_dirty || tree->is_unpushed;
}

/*
 * When its tree goes: with its log, or, with work that is nowhere else, when the repository's time
 * for that is over.
 */
static int64_t tree_ends_at(const struct task_input *input, const struct status_task *task)
{
    int64_t log_ends_at = task->end_wall_ms + input->ttl_ms;
    int64_t work_ends_at =
        task->end_wall_ms +
        (input->settings != NULL ? input->settings->repository.retain_seconds : 0) * 1000;

    return has_work(&task->tree) && work_ends_at > log_ends_at ? work_ends_at : log_ends_at;
}

void task_forget_place(struct object_status *status)
{
    struct status_tree *tree = &status_task(status)->tree;

    tree->name = tree->method = tree->host_path = tree->home = tree->tmp = tree->layer = NULL;
    tree->uid = tree->gid = 0;
    tree->removed_at_wall_ms = 0;
    status_task(status)->work_dir = NULL;
}

static void describe_work(struct task_pass *pass)
{
    const struct status_tree *tree = &pass->status->task->tree;
    auto_free char *message = NULL;

    if (!has_own_tree(tree) || !has_work(tree)) {
        return;
    }
    message = xasprintf("its tree has %s%s%s, so it is kept until keptUntil; berth fetch %s brings "
                        "its commits into a clone of yours",
                        tree->is_dirty ? "uncommitted changes" : "",
                        tree->is_dirty && tree->is_unpushed ? " and " : "",
                        tree->is_unpushed ? "commits that were not pushed" : "", pass->input->name);
    status_set_condition(pass->status, CONDITION_WORK_KEPT, CONDITION_TRUE, REASON_WORK_KEPT,
                         message);
}

static void expire(struct task_pass *pass)
{
    const struct task_input *input = pass->input;
    struct object_status *status = pass->status;
    struct status_task *task = status_task(status);
    int64_t now_wall_ms = pass->world->now_wall_ms;
    int64_t log_ends_at = task->end_wall_ms + input->ttl_ms;

    if (has_own_tree(&task->tree)) {
        task->tree.removed_at_wall_ms = tree_ends_at(input, task);
        if (now_wall_ms >= task->tree.removed_at_wall_ms) {
            plan_set_operation(pass->plan, "clean up", "the time that it is kept is over");
            plan_add(pass->plan, ACTION_REMOVE_TREE, status->phase, task->tree.name,
                     "the time that it is kept is over");
        } else {
            plan_wake_at(pass->plan, task->tree.removed_at_wall_ms);
            describe_work(pass);
        }
    }
    if (task->log_file != NULL && now_wall_ms >= log_ends_at) {
        plan_set_operation(pass->plan, "clean up", "the time that it is kept is over");
        plan_add(pass->plan, ACTION_REMOVE_LOG, status->phase, input->name,
                 "the time that it is kept is over");
    } else if (task->log_file != NULL) {
        plan_wake_at(pass->plan, log_ends_at);
    }
}

void task_reconcile_over(struct task_pass *pass)
{
    const struct task_input *input = pass->input;
    const struct object_status *previous = input->previous;
    const char *message = previous->conditions[CONDITION_READY].message;
    const char *reason = previous->task->reason != NULL ? previous->task->reason : "Completed";

    task_finish(pass, previous->phase, reason, message, previous->task->end_wall_ms);
    if (pass->status->task->tree.name == NULL) {
        task_forget_place(pass->status); /* it may have gone while the controller was killed */
    }
    if (!plan_inspection(pass)) {
        expire(pass);
    }
    if (failure_holds_back(input->failure, input->name, pass->world->now_wall_ms, pass->plan,
                           pass->status)) {
        say_end(pass->status, reason,
                message); /* how it ended counts; what fails now is an error */
    }
}

void task_reconcile_gone(struct task_pass *pass)
{
    struct object_status *status = pass->status;
    struct status_task *task = status_task(status);

    if (task_is_over(pass->input->previous)) {
        status->phase = pass->input->previous->phase;
    } else {
        status->phase = PHASE_SUCCEEDED;
        task->end_wall_ms = pass->world->now_wall_ms;
    }
    task->port_count = 0;
    task->next_retry_wall_ms = 0;
    if (plan_inspection(pass)) {
        return;
    }
    if (has_own_tree(&task->tree)) {
        task->tree.removed_at_wall_ms = tree_ends_at(pass->input, task);
    }
    plan_set_operation(pass->plan, "delete", "its spec is gone");
    plan_add(pass->plan, ACTION_REMOVE_TASK, status->phase, pass->input->name, "its spec is gone");
}
