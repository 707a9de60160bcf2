#include "controller/apply.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "clients/docker_types.h"
#include "controller/cgroups.h"
#include "controller/entry.h"
#include "controller/mirrors.h"
#include "controller/placing.h"
#include "specs/reason.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOLD_TIME_MS = 1000 }; /* an action that takes less is told without its time */

static void run_step(struct plan_run *run);

const struct action *run_action(const struct plan_run *run)
{
    return run->plan->actions[run->index];
}

void run_set_progress(struct plan_run *run, unsigned percent, const char *message)
{
    struct object_status *status = run->entry->status;
    struct operation *operation = &status->operation;

    if (operation->progress == percent && text_equal(operation->message, message)) {
        return;
    }
    operation->progress = percent;
    operation->message = status_text(status, message);
    status_mark_entry(run->entry);
    if (run->entry->kind == ENTRY_REPOSITORY) {
        for (struct map_entry *at = map_first(&run->entry->repository->tasks); at != NULL;
             at = map_next(at)) {
            entry_enqueue(map_value(at));
        }
    }
}

const char *run_container_id(const struct plan_run *run)
{
    const struct observed_container *container =
        map_get(&run->controller->containers, run->entry->name);

    if (run->created_id != NULL) {
        return run->created_id;
    }
    return container != NULL && container->is_ours ? container->id : NULL;
}

bool run_is_container_gone(struct plan_run *run)
{
    struct error err = {0};

    if (run_container_id(run) != NULL) {
        return false;
    }
    error_set_reason(&err, ERROR_CONFLICT, REASON_CONTAINER_LOST, "container \"%s\" is gone",
                     run_action(run)->target);
    run_action_failed(run, &err);
    return true;
}

void run_call(struct plan_run *run, struct docker_request *request, engine_reply_fn *on_reply)
{
    run->call = engine_call(run->controller->engine, request, on_reply, run);
}

void run_on_plain_reply(void *user, const struct docker_request *request,
                        const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;

    run->call = NULL;
    if (docker_reply_check(request, reply, err) < 0) {
        run_action_failed(run, err);
    } else {
        run_action_done(run);
    }
}

/* The end of a run */

static void on_timer_closed(uv_handle_t *handle)
{
    struct plan_run *run = handle->data;

    plan_free(run->plan);
    object_unref(run->desired);
    strbuf_done(&run->output);
    free(run->exec_id);
    free(run->changes);
    free(run->created_id);
    free(run);
}

/* Lets go of everything; the memory follows when the loop has closed the timer. */
static void run_close(struct plan_run *run)
{
    struct controller *controller = run->controller;

    run->is_closing = true;
    engine_call_cancel(TAKE(run->call));
    if (run->git != NULL) {
        git_work_cancel(TAKE(run->git));
    }
    if (run->tree != NULL) {
        tree_work_abandon(TAKE(run->tree));
    }
    mirror_job_drop(run);
    if (run->limiting != NULL) {
        cgroup_work_forget(TAKE(run->limiting));
    }
    shared_leave(run);
    run_leave_turn(run);
    leases_stop_waiting(controller, run);
    run->entry->run = NULL;
    controller->runs--;
    profile_span_end(&run->profile, trace_args(trace_number("done", run->index)));
    uv_close((uv_handle_t *)&run->timer, on_timer_closed);
}

static void run_end(struct plan_run *run)
{
    struct entry *entry = run->entry;
    bool is_over = run->is_entry_over, is_touched = entry->is_touched;
    int64_t start_wall_ms = entry->start_wall_ms;

    run_close(run);
    entry->is_touched = false;
    entry->start_wall_ms = 0;
    entry->state = KEY_RUNNING_AND_DIRTY; /* the world changed: look again */
    if (is_over) {
        entry->state = KEY_IDLE;
        entry_remove(entry);
        return;
    }
    if (is_touched) {
        observe_container(entry->controller, entry->name);
    } else if (start_wall_ms != 0) {
        observe_start(entry->controller, entry->name, start_wall_ms);
    }
    entry_settle(entry);
}

static void on_inspected(void *user, const struct docker_request *request,
                         const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;
    struct docker_container docker = {0};
    json_auto_t *json = NULL;

    run->call = NULL;
    if (docker_reply_json(request, reply, &json, err) == 0 &&
        docker_parse_container(json, &docker, err) == 0) {
        observe_take_inspection(run->controller, run->entry->name, &docker);
        docker_container_done(&docker);
    } else if (err->kind == ERROR_NOT_FOUND) {
        observe_set_container(run->controller, run->entry->name, NULL);
    }
    run_end(run);
}

static bool has_container(const struct entry *entry)
{
    return entry->kind == ENTRY_INSTANCE || entry->kind == ENTRY_REPOSITORY;
}

/* Whatever the run did to a container, the next pass must not decide on what was true before it. */
static void run_finish(struct plan_run *run)
{
    run->entry->is_touched = false;
    run->entry->start_wall_ms = 0;
    if (has_container(run->entry) && engine_is_up(run->controller->engine)) {
        run_call(run, docker_inspect_container(run->entry->name), on_inspected);
    } else {
        run_end(run);
    }
}

static void end_operation(struct plan_run *run, const char *error_reason, const char *message)
{
    if (run->plan->operation != NULL) {
        status_end_operation(run->entry->status, error_reason, message, clock_wall_ms());
        status_mark_entry(run->entry);
    }
}

/* The world had changed before anything was done: there was no operation. */
static void drop_operation(struct plan_run *run)
{
    if (run->plan->operation != NULL) {
        status_drop_operation(run->entry->status);
        status_mark_entry(run->entry);
    }
}

static bool is_unknown_outcome(const struct error *err)
{
    return text_equal(err->reason, REASON_ENGINE_UNAVAILABLE);
}

/*
 * How often a plan that the world contradicts is made anew at once. Each port that turns out to be
 * busy is passed over by the next plan; with a back-off their quarantine could end before all were
 * tried.
 */
enum { PLAN_TRIES = 3, PORT_TRIES = 64 };

void run_action_failed(struct plan_run *run, const struct error *err)
{
    struct entry *entry = run->entry;
    const struct action *action = run_action(run);
    unsigned quick_tries = action->type == ACTION_LEASE_PORT ? PORT_TRIES : PLAN_TRIES;

    profile_span_leave(run->profile, trace_args(trace_text("reason", err->reason),
                                                trace_text("error", err->message)));
    log_fields(is_unknown_outcome(err) ? LOG_INFO : LOG_WARN, "action_failed", "key", entry->key,
               "action", action_type_name(action->type), "target", action->target, "reason",
               err->reason, "error", err->message, NULL);
    run_leave_turn(run);
    if (err->kind == ERROR_CONFLICT && ++entry->failure.conflicts <= quick_tries) {
        if (run->index == 0) {
            drop_operation(run);
        } else {
            end_operation(run, err->reason != NULL ? err->reason : REASON_ENGINE_ERROR,
                          err->message);
        }
        run_finish(run); /* the world is not as planned: look, then decide */
        return;
    }
    end_operation(run, err->reason != NULL ? err->reason : REASON_ENGINE_ERROR, err->message);
    if (!is_unknown_outcome(err)) {
        entry_note_failure(entry, err);
    }
    run_finish(run);
}

void run_give_up(struct plan_run *run, const struct error *err)
{
    end_operation(run, err->reason, err->message);
    run_finish(run);
}

/* Giving up ports that are taken mends nothing by itself: the tries that follow count on. */
static bool is_only_preparation(const struct plan *plan)
{
    return plan->actions[plan->count - 1]->type == ACTION_QUARANTINE_PORTS;
}

static void run_succeeded(struct plan_run *run)
{
    end_operation(run, NULL, NULL);
    if (run->plan->operation != NULL && !is_only_preparation(run->plan)) {
        entry_clear_failure(run->entry);
    }
    run_finish(run);
}

/* For the history (events.h); the log has told of its begin. */
static void tell_done(const struct plan_run *run)
{
    const struct action *action = run_action(run);
    uint64_t took_ms = clock_monotonic_ms() - run->action_at_ms;
    auto_free char *took = took_ms >= TOLD_TIME_MS
                               ? xasprintf("%.1f s", (double)took_ms / (double)MS_PER_SECOND)
                               : NULL;

    log_fields(LOG_DEBUG, "action_done", "key", run->entry->key, "action",
               action_type_name(action->type), "target", action->target, "cause", action->cause,
               "took", took, NULL);
}

void run_action_done(struct plan_run *run)
{
    tell_done(run);
    profile_span_leave(run->profile, NULL);
    run->index++;
    run_end_turn(run);
    run_step(run);
}

/* The steps of a run */

static void begin_action(struct plan_run *run)
{
    const struct action *action = run_action(run);
    struct object_status *status = run->entry->status;

    run->action_at_ms = clock_monotonic_ms();
    log_fields(LOG_INFO, "action", "key", run->entry->key, "action", action_type_name(action->type),
               "target", action->target, "cause", action->cause, NULL);
    profile_span_enter(run->profile, trace_args(trace_text("cause", action->cause)), "%s %s",
                       action_type_name(action->type), action->target);
    if (run->plan->operation != NULL) {
        status->phase = action->phase;
        status->operation.state = OPERATION_RUNNING;
        run_set_progress(run, (unsigned)(run->index * 100 / run->plan->count),
                         action_type_name(action->type));
    }
}

static void dispatch(struct plan_run *run)
{
    switch (run_action(run)->type) { /* no default: an action nobody carries out does not compile */
    case ACTION_LEASE_PORT: apply_lease_port(run); return;
    case ACTION_RELEASE_PORTS: apply_release_ports(run); return;
    case ACTION_QUARANTINE_PORTS: apply_quarantine_ports(run); return;
    case ACTION_BUILD_IDLE_IMAGE: apply_build_idle_image(run); return;
    case ACTION_PULL_IMAGE: apply_pull_image(run); return;
    case ACTION_CREATE_NETWORK: apply_create_network(run); return;
    case ACTION_CONNECT_NETWORK: apply_connect_network(run); return;
    case ACTION_LIMIT_MACHINE: apply_limit_machine(run); return;
    case ACTION_DISCONNECT_NETWORK: apply_disconnect_network(run); return;
    case ACTION_CREATE_CONTAINER: apply_create_container(run); return;
    case ACTION_START_CONTAINER: apply_start_container(run); return;
    case ACTION_RUN_POST_START:
    case ACTION_RUN_PRE_STOP: apply_run_hook(run); return;
    case ACTION_STOP_CONTAINER: apply_stop_container(run); return;
    case ACTION_PAUSE_CONTAINER: apply_pause_container(run); return;
    case ACTION_UNPAUSE_CONTAINER: apply_unpause_container(run); return;
    case ACTION_RELEASE_CONTAINER: apply_release_container(run); return;
    case ACTION_REMOVE_CONTAINER: apply_remove_container(run); return;
    case ACTION_READ_LOG: apply_read_log(run); return;
    case ACTION_FETCH_MIRROR: apply_fetch_mirror(run); return;
    case ACTION_LOOK_UP_REVISIONS: apply_look_up_revisions(run); return;
    case ACTION_REMOVE_MIRROR: apply_remove_mirror(run); return;
    case ACTION_MAKE_SNAPSHOT: apply_make_snapshot(run); return;
    case ACTION_SHARE_TREES: apply_share_trees(run); return;
    case ACTION_MAKE_TREE: apply_make_tree(run); return;
    case ACTION_INSPECT_TREE: apply_inspect_tree(run); return;
    case ACTION_REMOVE_TREE: apply_remove_tree(run); return;
    case ACTION_RUN_SETUP: apply_run_setup(run); return;
    case ACTION_FREEZE_TREE: apply_freeze_tree(run); return;
    case ACTION_COMMIT_IMAGE: apply_commit_image(run); return;
    case ACTION_REMOVE_LOG: apply_remove_log(run); return;
    case ACTION_REMOVE_WORKSPACE: apply_remove_workspace(run); return;
    case ACTION_START_TASK: apply_start_task(run); return;
    case ACTION_STOP_TASK: apply_stop_task(run); return;
    case ACTION_REMOVE_TASK: apply_remove_task(run); return;
    }
}

void run_go_on(struct plan_run *run)
{
    begin_action(run);
    dispatch(run);
}

static void run_step(struct plan_run *run)
{
    if (run->index == run->plan->count) {
        run_succeeded(run);
    } else if (run_take_turn(run)) {
        run_go_on(run);
    }
}

void apply_plan(struct entry *entry, struct plan *plan)
{
    struct controller *controller = entry->controller;
    struct plan_run *run = xcalloc(1, sizeof(*run));

    assert(entry->run == NULL);
    run->controller = controller;
    run->entry = entry;
    run->plan = plan;
    run->desired = entry->desired != NULL ? object_ref(entry->desired) : NULL;
    uv_timer_init(&controller->loop, &run->timer);
    run->timer.data = run;
    entry->run = run;
    controller->runs++;
    controller->has_run = true;
    run->profile = profile_span_begin(
        PROFILE_PLANS,
        trace_args(trace_text("cause", plan->cause), trace_number("actions", plan->count)),
        "%s: %s", entry->key, plan->operation != NULL ? plan->operation : "prepare");
    if (plan->operation != NULL) {
        status_begin_operation(entry->status, plan->operation, plan->cause, clock_wall_ms());
        status_mark_entry(entry);
    }
    run_step(run);
}

void apply_abandon(struct plan_run *run)
{
    run_close(run);
}

static bool can_be_given_up(const struct plan_run *run)
{
    if (run->wait.is_waiting) {
        return true;
    }
    switch (run_action(run)->type) {
    case ACTION_PULL_IMAGE:
    case ACTION_FETCH_MIRROR:
    case ACTION_LOOK_UP_REVISIONS:
    case ACTION_MAKE_SNAPSHOT: return true;
    default: return false;
    }
}

/* A clone that nobody waits for any more. */
static bool is_without_purpose(const struct plan_run *run)
{
    const struct entry *entry = run->entry;

    switch (entry->kind) {
    case ENTRY_REPOSITORY:
        return repository_active_tasks(entry) == 0 && !repository_is_kept_warm(entry);
    case ENTRY_MIRROR: return mirror_is_unused(entry);
    default: return false;
    }
}

void apply_reconsider(struct entry *entry)
{
    struct plan_run *run = entry->run;
    bool was_waiting;

    if (run == NULL || run->index >= run->plan->count || !can_be_given_up(run) ||
        (run->desired == entry->desired && !is_without_purpose(run))) {
        return;
    }
    was_waiting = run->wait.is_waiting;
    run_leave_turn(run);
    log_fields(LOG_INFO, "action_given_up", "key", entry->key, "action",
               action_type_name(run_action(run)->type), "cause", "the spec changed", NULL);
    end_operation(run, REASON_SUPERSEDED, "given up: the spec changed");
    if (was_waiting) {
        run_finish(run); /* an action before may have changed the container */
    } else {
        run_end(run);
    }
}
