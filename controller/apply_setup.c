#include "controller/apply.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "clients/docker_types.h"
#include "clients/runner_record.h"
#include "controller/entry.h"
#include "controller/mirrors.h"
#include "controller/setups.h"
#include "specs/reason.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    RECORD_POLL_MS = 50,
    RECORD_WAIT_MS = 10000,
    SETUP_GRACE_MS = 10000,
    SETUP_LOG_MAX = 64 << 20,
    COMMIT_TIMEOUT_MS = 3600000,
};

/* --- running it ------------------------------------------------------------------------------- */

static void set_log(struct plan_run *run, const struct entry *repository)
{
    struct object_status *status = run->entry->status;
    const struct action *action = run_action(run);

    status_repository(status)->setup_log =
        arena_printf(&status->arena, "%s/%s/%u.log", repository->repository->tasks_path,
                     action->target, action->attempt);
    run_set_progress(run, 0, "its command runs");
    entry_enqueue(run_repository(run));
}

static void fail(struct plan_run *run, const char *what)
{
    const char *log = run->entry->status->repository->setup_log;
    struct error err = {0};

    error_set_reason(&err, ERROR_TRANSIENT, REASON_SETUP_FAILED, "%s; its log is %s", what,
                     log != NULL ? log : "gone");
    run_action_failed(run, &err);
}

/* What runs is not what the spec says by now. */
static bool is_outdated(struct plan_run *run)
{
    const struct entry *repository = run_repository(run);
    const struct text_list *runs = &run_action(run)->command, *wanted;

    if (repository == NULL || repository_settings(repository)->repository.setup == NULL) {
        return true;
    }
    wanted = &repository_settings(repository)->repository.setup->command;
    for (size_t i = 0; i < runs->count && i < wanted->count; i++) {
        if (strcmp(runs->items[i], wanted->items[i]) != 0) {
            return true;
        }
    }
    return runs->count != wanted->count;
}

static void give_up(struct plan_run *run)
{
    struct error err = {0};

    error_set_reason(&err, ERROR_CONFLICT, REASON_SUPERSEDED,
                     "was ended, since the spec says another command now");
    run_action_failed(run, &err);
}

static void judge(struct plan_run *run)
{
    const struct observed_attempt *attempt = &run->entry->setup->observed;
    struct entry *repository = run_repository(run);
    auto_free char *what = NULL;

    if (attempt->state == ATTEMPT_LOST || repository == NULL) {
        fail(run, "its container was lost while it ran");
        return;
    }
    switch (attempt->outcome) { /* no default: an outcome without an answer does not compile */
    case OUTCOME_EXITED:
        if (attempt->exit_code == 0) {
            setup_note_success(repository, run_action(run)->source.commit);
            run_action_done(run);
            return;
        }
        what = xasprintf("exited with code %lld", (long long)attempt->exit_code);
        break;
    case OUTCOME_TIMED_OUT:
        what = xasprintf("ran longer than %lld s", (long long)run_action(run)->timeout_seconds);
        break;
    case OUTCOME_STOPPED:
        if (is_outdated(run)) {
            give_up(run);
            return;
        }
        what = xstrdup("was ended from outside");
        break;
    case OUTCOME_NOT_STARTED:
        what = xasprintf("could not be started: %s", run->entry->setup->message);
        break;
    }
    fail(run, what);
}

static bool is_container_lost(struct plan_run *run)
{
    struct entry *repository = run_repository(run);

    return repository == NULL || exec_container_id(repository) == NULL;
}

static void on_told(void *user, const struct docker_request *request,
                    const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;

    run->call = NULL;
    if (docker_reply_check(request, reply, err) < 0) {
        uv_timer_stop(&run->timer);
        run_action_failed(run, err);
    }
}

/* Nobody waits for what it would make, and it may run for hours. */
static void tell_to_end(struct plan_run *run)
{
    json_t *arguments = json_pack("[s, s]", RUNNER_PATH, "stop");

    run->entry->setup->is_told_to_end = true;
    exec_add_option(arguments, "--dir",
                    json_sprintf("%s/%s", RUNNER_TASKS, run_action(run)->target));
    exec_add_option(arguments, "--attempt", json_sprintf("%u", run_action(run)->attempt));
    exec_add_option(arguments, "--grace-ms", json_sprintf("%d", SETUP_GRACE_MS));
    exec_runner(run, run_repository(run), arguments, json_array(), on_told);
}

static void on_tick(uv_timer_t *timer)
{
    struct plan_run *run = timer->data;
    struct setup_entry *setup = run->entry->setup;

    setup_observe(run->entry);
    if (setup->attempt >= run_action(run)->attempt) {
        if (setup->observed.state != ATTEMPT_RUNNING && run->call == NULL) {
            uv_timer_stop(timer);
            judge(run);
        } else if (!setup->is_told_to_end && is_outdated(run) && !is_container_lost(run)) {
            tell_to_end(run);
        }
        return;
    }
    if (clock_monotonic_ms() >= run->deadline_ms || is_container_lost(run)) {
        uv_timer_stop(timer);
        fail(run, "the runner left no record");
    }
}

static void wait_for_end(struct plan_run *run)
{
    run->entry->setup->is_told_to_end = false;
    run->deadline_ms = clock_monotonic_ms() + RECORD_WAIT_MS;
    uv_timer_start(&run->timer, on_tick, RECORD_POLL_MS, RECORD_POLL_MS);
}

static void on_started(void *user, const struct docker_request *request,
                       const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;

    run->call = NULL;
    if (docker_reply_check(request, reply, err) < 0) {
        err->reason = err->reason != NULL ? err->reason : REASON_SETUP_FAILED;
        run_action_failed(run, err);
        return;
    }
    wait_for_end(run);
}

static json_t *runner_arguments(const struct plan_run *run, const struct entry *repository)
{
    const struct action *action = run_action(run);
    json_t *arguments = json_pack("[s, s]", RUNNER_PATH, "run");

    exec_add_option(arguments, "--dir", json_sprintf("%s/%s", RUNNER_TASKS, action->target));
    exec_add_option(arguments, "--attempt", json_sprintf("%u", action->attempt));
    exec_add_option(arguments, "--grace-ms", json_sprintf("%d", SETUP_GRACE_MS));
    exec_add_option(arguments, "--log-max", json_sprintf("%d", SETUP_LOG_MAX));
    exec_add_option(arguments, "--timeout-ms",
                    json_sprintf("%lld", (long long)action->timeout_seconds * 1000));
    exec_add_tree_options(arguments, repository, action->target);
    json_array_append_new(arguments, json_string("--"));
    for (size_t i = 0; i < action->command.count; i++) {
        json_array_append_new(arguments, json_string(action->command.items[i]));
    }
    return arguments;
}

static json_t *environment_of(const struct entry *repository, const char *commit)
{
    json_t *env = json_array();

    json_array_append_new(env, json_sprintf("BERTH_REPOSITORY=%s",
                                            repository->repository->mirror->mirror->url.canonical));
    json_array_append_new(env, json_sprintf("BERTH_COMMIT=%s", commit != NULL ? commit : ""));
    return env;
}

void apply_run_setup(struct plan_run *run)
{
    struct entry *repository = run_repository(run);
    auto_free char *folder = NULL;
    struct object_status *status = run->entry->status;
    struct error err = {0};

    if (is_container_lost(run)) {
        fail(run, "the container is gone");
        return;
    }
    status_repository(status)->setup_commit = status_text(status, run_action(run)->source.commit);
    set_log(run, repository);
    setup_observe(run->entry);
    if (run->entry->setup->attempt >= run_action(run)->attempt) {
        wait_for_end(run); /* a controller before this one has started it */
        return;
    }
    folder = path_join(repository->repository->tasks_path, run_action(run)->target);
    if (mkdir(folder, 0755) < 0 && errno != EEXIST) {
        error_set_errno(&err, errno, "create directory \"%s\"", folder);
        run_action_failed(run, &err);
        return;
    }
    exec_runner(run, repository, runner_arguments(run, repository),
                environment_of(repository, run_action(run)->source.commit), on_started);
}

/*
 * --- keeping the container as an image
 * ------------------------------------------------------------
 */

static void on_committed(void *user, const struct docker_request *request,
                         const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;

    run->call = NULL;
    if (docker_reply_check(request, reply, err) < 0) {
        run_action_failed(run, err);
        return;
    }
    observe_image_changed(run->controller, run_action(run)->target);
    entry_enqueue(run->entry);
    run_action_done(run);
}

/*
 * The image would take over the container's labels, and whoever makes a container of it would have
 * one that counts as ours: they are blanked, and labels of the image's own say whose it is.
 */
static char *label_change(const struct entry *repository)
{
    return xasprintf("LABEL %s=\"\" %s=\"\" %s=\"\" %s=\"\" %s=\"\" %s=\"%s\" %s=\"%s\"",
                     LABEL_CONTROLLER, LABEL_KIND, LABEL_NAME, LABEL_PORTS, LABEL_HASH,
                     LABEL_SNAPSHOT_OF, repository->name, LABEL_SNAPSHOT_BY,
                     repository->controller->state.id);
}

/*
 * Values that are nobody's business are in the container's environment, and must not stay in an
 * image.
 */
static char *env_change(const struct env_list *env)
{
    auto_done(strbuf) line = {0};

    for (size_t i = 0; i < env->count; i++) {
        if (env->items[i].from != NULL) {
            strbuf_addf(&line, "%s%s=\"\"", line.len == 0 ? "ENV " : " ", env->items[i].name);
        }
    }
    return line.len > 0 ? strbuf_take(&line) : NULL;
}

void apply_commit_image(struct plan_run *run)
{
    struct entry *repository = run_repository(run);
    auto_free char *labels = NULL, *env = NULL;
    const char *changes[3] = {NULL};
    struct docker_request *request;

    if (is_container_lost(run)) {
        fail(run, "the container is gone");
        return;
    }
    labels = label_change(repository);
    env = env_change(&repository_settings(repository)->repository.env);
    changes[0] = labels;
    changes[1] = env;
    request =
        docker_commit_container(exec_container_id(repository), run_action(run)->target, changes);
    request->timeout_ms = COMMIT_TIMEOUT_MS;
    run_call(run, request, on_committed);
}
