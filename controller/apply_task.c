#include "controller/apply.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/docker_types.h"
#include "clients/runner_record.h"
#include "controller/entry.h"
#include "reconcilers/repository.h"
#include "specs/reason.h"

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
    if (run->entry->attempt.state != ATTEMPT_ABSENT) {
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

/* On disk before the command can run: a controller that starts after a crash knows which run this is. */
static int save_record(struct plan_run *run, const struct entry *repository, struct error *err)
{
    const struct status_task *task = &run->entry->status->task;
    auto_free char *name = xasprintf("tasks/%s.json", run->entry->name);
    json_auto_t *json =
        json_pack("{s:i, s:s, s:s*, s:s, s:i}", "version", 1, "id", task->id, "specHash",
                  task->hash, "repositoryContainer", repository->name, "attempt", 1);

    return state_write_json(&run->controller->state, name, json, err);
}

static int make_task_directory(const struct plan_run *run, const struct entry *repository,
                               struct error *err)
{
    auto_free char *path =
        path_join(repository->repository->tasks_path, run->entry->status->task.id);

    if (mkdir(path, 0755) < 0 && errno != EEXIST) {
        return error_set_errno(err, errno, "create directory \"%s\"", path);
    }
    return 0;
}

static void add_option(json_t *arguments, const char *name, json_t *value)
{
    json_array_append_new(arguments, json_string(name));
    json_array_append_new(arguments, value);
}

/* Who the command runs as: the spec's word, else the image's. */
static const char *task_user(const struct entry *repository, char number[24])
{
    const struct repository_spec *spec = &repository_settings(repository)->repository;
    const char *reference =
        spec->image != NULL ? spec->image : repository->controller->options.repository_image;
    const struct image_entry *image = map_get(&repository->controller->images, reference);

    if (spec->security.run_as_user >= 0) {
        snprintf(number, 24, "%lld", (long long)spec->security.run_as_user);
        return number;
    }
    return image != NULL && image->user != NULL && image->user[0] != '\0' ? image->user : NULL;
}

static json_t *runner_arguments(const struct plan_run *run, const struct entry *repository)
{
    const struct task_spec *spec = &run->desired->task;
    json_t *arguments = json_pack("[s, s]", RUNNER_PATH, "run");
    char number[24];
    const char *user = task_user(repository, number);

    add_option(arguments, "--dir",
               json_sprintf("%s/%s", RUNNER_TASKS, run->entry->status->task.id));
    add_option(arguments, "--attempt", json_string("1"));
    add_option(arguments, "--cwd", json_string(WORKSPACE_MOUNT));
    add_option(arguments, "--grace-ms", json_sprintf("%d", TASK_GRACE_MS));
    add_option(arguments, "--log-max", json_sprintf("%d", TASK_LOG_MAX));
    if (spec->timeout_seconds > 0) {
        add_option(arguments, "--timeout-ms",
                   json_sprintf("%lld", (long long)spec->timeout_seconds * 1000));
    }
    if (user != NULL) {
        add_option(arguments, "--user", json_string(user));
    }
    json_array_append_new(arguments, json_string("--"));
    for (size_t i = 0; i < spec->command.count; i++) {
        json_array_append_new(arguments, json_string(spec->command.items[i]));
    }
    return arguments;
}

static json_t *task_environment(const struct plan_run *run, const struct entry *repository,
                                const struct secret_values *values)
{
    const struct task_spec *spec = &run->desired->task;
    json_t *env = json_array();

    json_array_append_new(env, json_sprintf("BERTH_TASK=%s", run->entry->name));
    json_array_append_new(
        env, json_sprintf("BERTH_REPOSITORY=%s", repository->repository->url.canonical));
    if (spec->user != NULL) {
        json_array_append_new(env, json_sprintf("BERTH_USER=%s", spec->user));
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

static void on_exec_created(void *user, const struct docker_request *request,
                            const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;
    json_auto_t *json = NULL;

    run->call = NULL;
    if (docker_reply_json(request, reply, &json, err) < 0 ||
        docker_parse_id(json, &run->exec_id, err) < 0) {
        run_action_failed(run, err);
        return;
    }
    run_call(run, docker_start_exec(run->exec_id), run->on_exec_started);
}

/* By id, never by name: see run_container_id(). NULL: there is none of ours. */
static const char *container_id(const struct entry *repository)
{
    const struct observed_container *container =
        map_get(&repository->controller->containers, repository->name);

    return container != NULL && container->is_ours ? container->id : NULL;
}

/* Runs the runner in the repository's container, as root there; on_started gets the reply of the start. */
static void exec_runner(struct plan_run *run, const struct entry *repository, json_t *arguments,
                        json_t *environment, engine_reply_fn *on_started)
{
    json_auto_t *body =
        json_pack("{s:o, s:o, s:s}", "Cmd", arguments, "Env", environment, "User", "0:0");

    free(TAKE(run->exec_id));
    run->on_exec_started = on_started;
    run_call(run, docker_create_exec(container_id(repository), body), on_exec_created);
    secret_values_wipe(environment);
}

void apply_start_task(struct plan_run *run)
{
    struct entry *repository = repository_of_task(run->entry);
    auto_done(secret_values) values = {0};
    struct error err = {0};

    if (repository == NULL || run->desired == NULL || container_id(repository) == NULL) {
        error_set_reason(&err, ERROR_CONFLICT, REASON_CONTAINER_LOST,
                         "the repository container is gone");
    } else if (secret_values_read(run->controller, &run->desired->task.env, &values, &err) == 0 &&
               make_task_directory(run, repository, &err) == 0 &&
               save_record(run, repository, &err) == 0) {
        run->entry->status->task.attempt = 1;
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
    if (run->entry->attempt.state != ATTEMPT_RUNNING) {
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

    if (repository == NULL || container_id(repository) == NULL) {
        run_action_done(run);
        return;
    }
    arguments = json_pack("[s, s]", RUNNER_PATH, "stop");
    add_option(arguments, "--dir",
               json_sprintf("%s/%s", RUNNER_TASKS, run->entry->status->task.id));
    add_option(arguments, "--attempt", json_string("1"));
    add_option(arguments, "--grace-ms",
               json_sprintf("%lld", (long long)run_action(run)->grace_seconds * 1000));
    exec_runner(run, repository, arguments, json_array(), on_stop_started);
}

/* The end: records and log are kept for their time, under the id that nobody else will have. */
void apply_remove_task(struct plan_run *run)
{
    struct entry *entry = run->entry;
    const struct status_task *task = &entry->status->task;
    auto_free char *record = xasprintf("tasks/%s.json", entry->name);
    struct error err = {0};

    if (task->id != NULL && task->repository != NULL && task->attempt > 0) {
        auto_free char *name = xasprintf("retired/%s.json", task->id);
        json_auto_t *json =
            json_pack("{s:i, s:s, s:s, s:I}", "version", 1, "id", task->id, "repositoryContainer",
                      task->repository, "removeAtMs", (json_int_t)clock_wall_ms() + entry->ttl_ms);

        if (state_write_json(&run->controller->state, name, json, &err) < 0) {
            run_action_failed(run, &err);
            return;
        }
    }
    state_remove(&run->controller->state, record);
    run->is_entry_over = true;
    run_action_done(run);
}
