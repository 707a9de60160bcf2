#include "controller/apply.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/docker_types.h"
#include "clients/runner_record.h"
#include "controller/entry.h"
#include "controller/mirrors.h"
#include "controller/trees.h"
#include "specs/reason.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RECORD_POLL_MS = 20,
    RECORD_WAIT_MS = 10000,
    STOP_MARGIN_MS = 10000,
    TASK_GRACE_MS = 10000,
    TASK_LOG_MAX = 64 << 20,
};

/* Waiting for what the runner writes */

static void poll_record(struct plan_run *run, uv_timer_cb on_tick, uint64_t wait_ms)
{
    run->deadline_ms = clock_monotonic_ms() + wait_ms;
    uv_timer_start(&run->timer, on_tick, RECORD_POLL_MS, RECORD_POLL_MS);
}

static void on_start_tick(uv_timer_t *timer)
{
    struct plan_run *run = timer->data;
    struct error err = {0};

    observe_attempt(run->entry);
    if (run->entry->task->attempt.state != ATTEMPT_ABSENT) {
        uv_timer_stop(timer);
        run_action_done(run);
    } else if (clock_monotonic_ms() >= run->deadline_ms) {
        uv_timer_stop(timer);
        error_set_reason(&err, ERROR_TRANSIENT, REASON_START_FAILED,
                         "the runner left no record within %d s", RECORD_WAIT_MS / 1000);
        run_action_failed(run, &err);
    }
}

/* Starting */

/*
 * On disk before the command can run: a controller that starts after a crash knows which run this
 * is.
 */
static int save_record(struct plan_run *run, const struct entry *repository, struct error *err)
{
    const struct status_task *task = run->entry->status->task;
    auto_free char *name = xasprintf("tasks/%s.json", run->entry->name);
    json_auto_t *json =
        json_pack("{s:i, s:s, s:s*, s:s, s:i, s:s*, s:s*, s:s*, s:s*, s:I, s:I}", "version", 1,
                  "id", task->id, "specHash", task->hash, "repositoryContainer", repository->name,
                  "attempt", (int)run_action(run)->attempt, "tree", task->tree.name, "branch",
                  task->branch, "commit", task->commit, "layer", task->tree.layer, "uid",
                  (json_int_t)task->tree.uid, "gid", (json_int_t)task->tree.gid);
    json_t *ports = json_array();

    for (size_t i = 0; i < task->port_count; i++) {
        json_array_append_new(ports, json_pack("{s:s, s:i}", "name", task->ports[i].name,
                                               "containerPort", task->ports[i].container_port));
    }
    json_object_set_new(json, "ports", ports);
    return state_write_json(&run->controller->state, name, json, err);
}

static int make_task_directory(const struct plan_run *run, const struct entry *repository,
                               struct error *err)
{
    auto_free char *path =
        path_join(repository->repository->tasks_path, run->entry->status->task->id);

    if (mkdir(path, 0755) < 0 && errno != EEXIST) {
        return error_set_errno(err, errno, "create directory \"%s\"", path);
    }
    return 0;
}

static json_t *runner_arguments(const struct plan_run *run, const struct entry *repository)
{
    const struct task_spec *spec = &run->desired->task;
    const struct status_task *task = run->entry->status->task;
    json_t *arguments = json_pack("[s, s]", RUNNER_PATH, "run");

    exec_add_option(arguments, "--dir", json_sprintf("%s/%s", RUNNER_TASKS, task->id));
    exec_add_option(arguments, "--attempt", json_sprintf("%u", run_action(run)->attempt));
    exec_add_option(arguments, "--grace-ms", json_sprintf("%d", TASK_GRACE_MS));
    exec_add_option(arguments, "--log-max", json_sprintf("%d", TASK_LOG_MAX));
    if (spec->timeout_seconds > 0) {
        exec_add_option(arguments, "--timeout-ms",
                        json_sprintf("%lld", (long long)spec->timeout_seconds * 1000));
    }
    exec_add_tree_options(arguments, repository, task->tree.name);
    json_array_append_new(arguments, json_string("--"));
    for (size_t i = 0; i < spec->command.count; i++) {
        json_array_append_new(arguments, json_string(spec->command.items[i]));
    }
    return arguments;
}

/* "BERTH_PORT_WEB_UI" of "web-ui". */
static void add_port(json_t *env, const struct status_task_port *port)
{
    auto_free char *name = xstrdup(port->name);

    for (char *at = name; *at != '\0'; at++) {
        *at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
    }
    json_array_append_new(env, json_sprintf("BERTH_PORT_%s=%u", name, port->container_port));
}

static json_t *task_environment(const struct plan_run *run, const struct entry *repository,
                                const struct secret_values *values)
{
    const struct task_spec *spec = &run->desired->task;
    const struct status_task *task = run->entry->status->task;
    json_t *env = json_array();

    json_array_append_new(env, json_sprintf("BERTH_TASK=%s", run->entry->name));
    json_array_append_new(env, json_sprintf("BERTH_REPOSITORY=%s",
                                            repository->repository->mirror->mirror->url.canonical));
    if (spec->user != NULL) {
        json_array_append_new(env, json_sprintf("BERTH_USER=%s", spec->user));
    }
    for (size_t i = 0; i < task->port_count; i++) {
        add_port(env, &task->ports[i]);
    }
    secret_values_add_env(env, &spec->env, values);
    return env;
}

static void on_exec_started(void *user, const struct docker_request *request,
                            const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;

    run->call = NULL;
    if (docker_reply_check(request, reply, err) < 0) {
        err->reason = err->reason != NULL ? err->reason : REASON_START_FAILED;
        run_action_failed(run, err);
        return;
    }
    poll_record(run, on_start_tick, RECORD_WAIT_MS);
}

void apply_start_task(struct plan_run *run)
{
    struct entry *repository = repository_of_task(run->entry);
    auto_done(secret_values) values = {0};
    struct error err = {0};

    if (repository == NULL || run->desired == NULL || exec_container_id(repository) == NULL) {
        error_set_reason(&err, ERROR_CONFLICT, REASON_CONTAINER_LOST,
                         "the repository container is gone");
    } else if (run->entry->desired == NULL || run->entry->desired->task.state == TASK_COMPLETED) {
        error_set_reason(&err, ERROR_CONFLICT, REASON_SUPERSEDED, "it is not wanted any more");
    } else if (secret_values_read(run->controller, &run->desired->task.env, &values, &err) == 0 &&
               make_task_directory(run, repository, &err) == 0 &&
               save_record(run, repository, &err) == 0) {
        status_task(run->entry->status)->attempt = run_action(run)->attempt;
        status_task(run->entry->status)->next_retry_wall_ms = 0;
        exec_runner(run, repository, runner_arguments(run, repository),
                    task_environment(run, repository, &values), on_exec_started);
        return;
    }
    run_action_failed(run, &err);
}

/* Stopping */

static void on_stop_tick(uv_timer_t *timer)
{
    struct plan_run *run = timer->data;
    struct error err = {0};

    observe_attempt(run->entry);
    if (run->entry->task->attempt.state != ATTEMPT_RUNNING) {
        uv_timer_stop(timer);
        run_action_done(run);
    } else if (clock_monotonic_ms() >= run->deadline_ms) {
        uv_timer_stop(timer);
        error_set_reason(&err, ERROR_TRANSIENT, REASON_ENGINE_ERROR,
                         "the command did not end although it was told to");
        run_action_failed(run, &err);
    }
}

static void on_stop_started(void *user, const struct docker_request *request,
                            const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;

    run->call = NULL;
    if (docker_reply_check(request, reply, err) < 0) {
        run_action_failed(run, err);
        return;
    }
    poll_record(run, on_stop_tick,
                (uint64_t)run_action(run)->grace_seconds * 1000 + STOP_MARGIN_MS);
}

void apply_stop_task(struct plan_run *run)
{
    struct entry *repository = repository_of_task(run->entry);
    json_t *arguments;

    if (repository == NULL || exec_container_id(repository) == NULL) {
        run_action_done(run);
        return;
    }
    arguments = json_pack("[s, s]", RUNNER_PATH, "stop");
    exec_add_option(arguments, "--dir",
                    json_sprintf("%s/%s", RUNNER_TASKS, run->entry->status->task->id));
    exec_add_option(arguments, "--attempt", json_sprintf("%u", run_action(run)->attempt));
    exec_add_option(arguments, "--grace-ms",
                    json_sprintf("%lld", (long long)run_action(run)->grace_seconds * 1000));
    exec_runner(run, repository, arguments, json_array(), on_stop_started);
}

/* The end */

void apply_remove_log(struct plan_run *run)
{
    struct entry *repository = repository_of_task(run->entry);
    struct status_task *task = status_task(run->entry->status);
    auto_free char *path = NULL;
    struct error err = {0};

    if (repository != NULL && task->id != NULL) {
        path = path_join(repository->repository->tasks_path, task->id);
        /* the records go with it, and with them how it ended */
        if (status_write_entry(run->entry, &err) < 0 || tree_remove(path, &err) < 0) {
            run_action_failed(run, &err);
            return;
        }
    }
    task->log_file = NULL;
    status_mark_entry(run->entry);
    run_action_done(run);
}

/* Records and log are kept for their time, under the id that nobody else will have. */
static int retire_log(struct plan_run *run, struct error *err)
{
    const struct entry *entry = run->entry;
    const struct status_task *task = entry->status->task;
    auto_free char *name = xasprintf("retired/%s.json", task->id);
    json_auto_t *json = NULL;

    if (task->id == NULL || task->repository == NULL || task->attempt == 0 ||
        task->log_file == NULL) {
        return 0;
    }
    json =
        json_pack("{s:i, s:s, s:s, s:I, s:I}", "version", 1, "id", task->id, "repositoryContainer",
                  task->repository, "retiredAtMs", (json_int_t)clock_wall_ms(), "removeAtMs",
                  (json_int_t)task->end_wall_ms + entry->task->ttl_ms);
    return state_write_json(&run->controller->state, name, json, err);
}

/* Its tree has no owner any more, and a time to go. */
static int retire_tree(struct plan_run *run, struct error *err)
{
    struct entry *repository = repository_of_task(run->entry);
    const struct status_tree *tree = &run->entry->status->task->tree;
    struct tree_record *record = repository != NULL ? tree_find(repository, tree->name) : NULL;

    if (record == NULL || strcmp(record->name, SHARED_TREE) == 0) {
        return 0;
    }
    record->removed_at_wall_ms = tree->removed_at_wall_ms > 0 ? tree->removed_at_wall_ms : 1;
    if (record->is_dirty || record->is_unpushed) {
        log_fields(LOG_INFO, "work_kept", "key", run->entry->key, "tree", tree->host_path, "branch",
                   record->end_branch, "commit", record->end_commit, NULL);
    }
    return tree_save(repository, record, err);
}

void apply_remove_task(struct plan_run *run)
{
    struct entry *entry = run->entry;
    auto_free char *record = xasprintf("tasks/%s.json", entry->name);
    struct error err = {0};

    if (retire_log(run, &err) < 0 || retire_tree(run, &err) < 0) {
        run_action_failed(run, &err);
        return;
    }
    state_remove(&run->controller->state, record);
    run->is_entry_over = true;
    retired_expire_soon(run->controller);
    run_action_done(run);
}
