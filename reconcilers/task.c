#include "reconcilers/task_parts.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/sha256.h"
#include "specs/reason.h"

#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 30000, STOP_GRACE_SECONDS = 10 };

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
    if (status != NULL && status->task->attempt > 0) {
        return true; /* its command may still run, also when the spec is gone */
    }
    if (status != NULL && (is_stalled_by(status, REASON_BRANCH_CONFLICT) ||
                           is_stalled_by(status, REASON_SCHEME_REFUSED))) {
        return false;
    }
    return desired != NULL && desired->task.state == TASK_ACTIVE &&
           (!desired->task.is_suspended || (status != NULL && status->phase == PHASE_TASK_RUNNING));
}

struct revision task_revision(const struct object *desired, const struct object *settings)
{
    const struct task_spec *task = desired != NULL ? &desired->task : NULL;
    const char *branch = settings != NULL ? settings->repository.branch : NULL;

    if (task != NULL && task->ref != NULL) {
        return (struct revision){REVISION_REF, task->ref};
    }
    branch = task != NULL && task->branch != NULL ? task->branch : branch;
    return branch != NULL ? (struct revision){REVISION_BRANCH, branch}
                          : (struct revision){REVISION_HEAD, NULL};
}

enum isolation task_isolation(const struct object *desired, const struct object *settings)
{
    if (desired != NULL && desired->task.isolation >= 0) {
        return (enum isolation)desired->task.isolation;
    }
    return settings != NULL ? (enum isolation)settings->repository.isolation : ISOLATION_TASK;
}

char *task_find_forbidden(const struct object *desired, const struct object *settings,
                          const char *owner)
{
    const char *user = desired->task.user;
    const struct access_spec *access = settings != NULL ? settings->repository.access : NULL;

    if (owner != NULL && !text_equal(owner, "root") && !text_equal(owner, user)) {
        return xasprintf("its file belongs to user \"%s\" of this machine, and spec.user says "
                         "\"%s\"; the controller wants both to be one (--verify-task-user)",
                         owner, user != NULL ? user : "");
    }
    if (access == NULL) {
        return NULL;
    }
    for (size_t i = 0; user != NULL && i < access->users.count; i++) {
        if (strcmp(access->users.items[i], user) == 0) {
            return NULL;
        }
    }
    return user != NULL
               ? xasprintf("user \"%s\" is not in access.users of Repository %s", user,
                           settings->name)
               : xasprintf("access.users of Repository %s names who may run tasks, and the task "
                           "has no spec.user",
                           settings->name);
}

/* --- what is always said ---------------------------------------------------------------------- */

/* One incarnation of a name, as a directory: short enough, and never that of another name. */
static const char *make_id(struct object_status *status, const char *name, int64_t now_wall_ms)
{
    char digest[SHA256_HEX_SIZE];

    sha256_hex(name, strlen(name), digest);
    return arena_printf(&status->arena, "%.40s-%.6s-%llx", name, digest,
                        (unsigned long long)now_wall_ms);
}

/* Its place, and when it came: what outlives the controller so that nobody is overtaken. */
static void describe_admission(const struct task_pass *pass)
{
    const struct task_admission *admission = pass->input->admission;
    struct status_task *task = status_task(pass->status);

    if (task->arrival_wall_ms == 0) {
        task->arrival_wall_ms = pass->world->now_wall_ms;
    }
    if (admission == NULL) {
        return; /* what was true before stays true until it is decided anew */
    }
    task->is_admitted = admission->is_admitted;
    task->pool = status_text(pass->status, admission->pool);
    task->instance = status_text(pass->status, admission->instance);
    task->queue_position = admission->queue_position;
}

static void describe_links(struct object_status *status, const struct cache_list *caches)
{
    struct text_list *links = &status_task(status)->links;

    links->count = 0;
    links->items = arena_alloc(&status->arena, (caches->count + 1) * sizeof(*links->items));
    for (size_t i = 0; i < caches->count; i++) {
        links->items[links->count++] = status_text(status, caches->items[i].mount_path);
    }
}

static void describe_place(const struct task_pass *pass)
{
    const struct task_input *input = pass->input;
    struct object_status *status = pass->status;
    struct status_task *task = status_task(status);

    task->repository = status_text(status, input->repository);
    task->url = status_text(status, input->url);
    if (input->settings != NULL) {
        describe_links(status, &input->settings->repository.caches);
    }
    if (input->desired != NULL) {
        task->person = status_text(status, input->desired->task.user);
    }
    if (input->trees->is_user_known) {
        task->user = status_text(status, input->trees->user);
    }
    if (task->tree.note != NULL) {
        status_set_condition(status, CONDITION_WORKSPACE_READY, CONDITION_TRUE, REASON_FETCH_FAILED,
                             task->tree.note);
    }
    if (input->container != NULL && input->container->is_ours) {
        status->container.id = status_text(status, input->container->id);
        status->container.name = status_text(status, input->container->name);
        status->container.image = status_text(status, input->container->image);
    }
}

static bool is_suspended(const struct task_input *input)
{
    return input->desired != NULL && input->desired->task.is_suspended;
}

/* --- a command that runs ---------------------------------------------------------------------- */

static void plan_stop(struct task_pass *pass, const char *cause)
{
    struct action *stop;

    plan_set_operation(pass->plan, "stop", cause);
    stop = plan_add(pass->plan, ACTION_STOP_TASK, PHASE_TASK_RUNNING, pass->input->name, cause);
    stop->grace_seconds = STOP_GRACE_SECONDS;
    stop->attempt = pass->status->task->attempt;
}

static void reconcile_running(struct task_pass *pass)
{
    const struct task_input *input = pass->input;
    struct object_status *status = pass->status;
    const struct condition *ready = &status->conditions[CONDITION_READY];

    status->phase = PHASE_TASK_RUNNING;
    status_task(status)->start_wall_ms = input->attempt->started_wall_ms;
    status_task(status)->next_retry_wall_ms = 0;
    status_set_progressing(status, "Running", "its command runs");
    plan_wake_at(pass->plan, pass->world->now_wall_ms + POLL_MS);
    if (is_suspended(input)) {
        status_set_condition(status, CONDITION_READY, ready->value, REASON_SUSPENDED,
                             "spec.suspend is true: nothing is changed");
    } else if (input->desired == NULL || input->desired->task.state == TASK_COMPLETED) {
        plan_stop(pass, input->desired == NULL ? "its spec is gone" : "state is Completed");
    }
}

/* The records say what happened to the command; the spec only says whether it is still wanted. */
static bool reconcile_attempt(struct task_pass *pass)
{
    const struct object_status *previous = pass->input->previous;
    struct status_task *task = status_task(pass->status);

    switch (pass->input->attempt->state) { /* no default: each state needs an answer to compile */
    case ATTEMPT_ABSENT:
        if (previous != NULL && previous->phase == PHASE_TASK_RUNNING &&
            previous->task->attempt > 0) {
            task_finish(pass, PHASE_FAILED, REASON_CONTAINER_LOST, "its records are gone",
                        pass->world->now_wall_ms);
            return true;
        }
        return false;
    case ATTEMPT_RUNNING:
        task->attempt = task->attempt > 0 ? task->attempt : 1;
        reconcile_running(pass);
        return true;
    case ATTEMPT_ENDED:
    case ATTEMPT_LOST:
        task->attempt = task->attempt > 0 ? task->attempt : 1;
        return task_judge_attempt(pass);
    }
    return false;
}

/* --- before it starts ------------------------------------------------------------------------- */

/* Tasks that cannot ever have a place as things are need somebody's help; the others only wait. */
static void reconcile_queued(const struct task_pass *pass)
{
    const struct task_admission *admission = pass->input->admission;

    pass->status->phase = PHASE_PENDING;
    if (admission == NULL) {
        status_set_progressing(pass->status, "Waiting", "waits for its place");
    } else if (text_equal(admission->reason, REASON_POOL_UNKNOWN) ||
               text_equal(admission->reason, REASON_UNSCHEDULABLE)) {
        status_set_stalled(pass->status, admission->reason, admission->message);
    } else {
        status_set_progressing(pass->status, admission->reason, admission->message);
    }
}

static void reconcile_suspended(const struct task_pass *pass)
{
    struct object_status *status = pass->status;

    status->phase = PHASE_PENDING;
    status_set_condition(status, CONDITION_READY, CONDITION_FALSE, REASON_SUSPENDED,
                         "spec.suspend is true: nothing is changed");
    status_set_condition(status, CONDITION_RECONCILING, CONDITION_FALSE, REASON_SUSPENDED, NULL);
    status_set_condition(status, CONDITION_STALLED, CONDITION_FALSE, REASON_SUSPENDED, NULL);
}

static void say_changed_after_start(struct object_status *status)
{
    status_set_condition(status, CONDITION_UPDATE_PENDING, CONDITION_TRUE,
                         REASON_CHANGED_AFTER_START,
                         "the spec was changed after the task had started; a task runs once: give "
                         "the new one a new name");
}

static bool is_untouched(const struct task_pass *pass)
{
    const struct status_task *task = pass->status->task;

    return pass->input->attempt->state == ATTEMPT_ABSENT && task->attempt == 0 &&
           task->tree.name == NULL;
}

/* True when something in the spec, or against it, decides alone. */
static bool reconcile_by_spec(struct task_pass *pass)
{
    const struct task_input *input = pass->input;
    struct object_status *status = pass->status;

    if (is_untouched(pass) && input->forbidden != NULL) {
        task_finish(pass, PHASE_FAILED, REASON_FORBIDDEN, input->forbidden,
                    pass->world->now_wall_ms);
    } else if (is_untouched(pass) && input->refusal != NULL) {
        status->phase = PHASE_PENDING;
        status_set_stalled(status, input->refusal_reason, input->refusal);
    } else if (reconcile_attempt(pass)) {
        return true;
    } else if (input->desired->task.state == TASK_COMPLETED) {
        task_finish(pass, PHASE_SUCCEEDED, "Completed", "state is Completed",
                    pass->world->now_wall_ms);
    } else if (is_suspended(input) &&
               (input->previous == NULL || input->previous->phase != PHASE_TASK_RUNNING)) {
        reconcile_suspended(pass);
    } else {
        return false;
    }
    return true;
}

static void decide(struct task_pass *pass)
{
    const struct task_input *input = pass->input;
    struct object_status *status = pass->status;

    if (input->desired != NULL) {
        status->observed_hash = status_text(status, input->desired->hash);
    }
    describe_admission(pass);
    if (input->repository != NULL) {
        describe_place(pass);
    }
    if (input->desired == NULL) {
        if (input->attempt->state == ATTEMPT_RUNNING) {
            reconcile_running(pass);
        } else {
            task_reconcile_gone(pass);
        }
        return;
    }
    if (task_is_over(input->previous)) {
        task_reconcile_over(pass);
        return;
    }
    if (status->task->id == NULL) {
        status_task(status)->id = make_id(status, input->name, pass->world->now_wall_ms);
    }
    if (reconcile_by_spec(pass)) {
        return;
    }
    if (!status->task->is_admitted && input->repository == NULL && input->source != NULL &&
        input->source->state != SOURCE_READY) {
        task_wait_for_source(pass); /* only the mirror can tell which container it belongs to */
        return;
    }
    if (!status->task->is_admitted) {
        reconcile_queued(pass);
        return;
    }
    task_reconcile_start(pass);
}

void task_reconcile(const struct world *world, const struct task_input *input, struct plan *plan,
                    struct object_status *status)
{
    struct task_pass pass = {.world = world, .input = input, .plan = plan, .status = status};

    status_task(status); /* from here on it has one: what is read of it stays where it is */
    /* of an action that failed: said anew as long as it waits */
    status->restarts.next_retry_wall_ms = 0;
    decide(&pass);
    if (input->desired != NULL && status->task->attempt > 0 && status->task->hash != NULL &&
        !text_equal(status->task->hash, input->desired->container_hash)) {
        say_changed_after_start(status);
    }
    if (failure_holds_back(input->failure, input->name, world->now_wall_ms, plan, status) &&
        pass.has_chosen_tree) {
        task_forget_tree(status);
    }
}
