#include "controller/apply.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/docker_stream.h"
#include "clients/docker_types.h"
#include "controller/process_kill.h"
#include "specs/reason.h"

#include <stdlib.h>
#include <string.h>

/*
 * A hook is a command in the container: its start is looked up, the command is made and started
 * with its output, and looked at when it has ended. One that takes too long is killed where Berth
 * can reach the engine's processes.
 *
 * A postStart hook that fails ends the run without counting as a failure of its own: the next pass
 * stops the container, and that end counts. A preStop hook that fails is told, and the container is
 * stopped all the same.
 */

enum {
    OUTPUT_MAX = 128 << 10,
    OUTPUT_KEPT = 16 << 10,
    FRAME_HEADER = 8,
    SHOWN_LINE = 200,
    POLL_MS = 100,
    LAST_GRACE_SECONDS = 2
};

static bool is_post_start(const struct plan_run *run)
{
    return run_action(run)->type == ACTION_RUN_POST_START;
}

static const char *hook_name(const struct plan_run *run)
{
    return is_post_start(run) ? "postStart" : "preStop";
}

static void forget_command(struct plan_run *run)
{
    uv_timer_stop(&run->timer);
    engine_call_cancel(TAKE(run->call));
    free(TAKE(run->exec_id));
    strbuf_done(&run->output);
}

/* The end */

static void note_result(struct plan_run *run, enum hook_result result, const char *message)
{
    struct object_status *status = run->entry->status;
    struct status_hooks *hooks = status_hooks(status);
    struct status_hook *hook = is_post_start(run) ? &hooks->post_start : &hooks->pre_stop;

    *hook = (struct status_hook){
        .result = result,
        .message = status_text(status, message),
        .container_started_wall_ms = run->hook_start_wall_ms,
        .end_wall_ms = clock_wall_ms(),
    };
    status_mark_entry(run->entry);
}

static void hook_succeeded(struct plan_run *run)
{
    forget_command(run);
    note_result(run, HOOK_SUCCEEDED, NULL);
    run_action_done(run);
}

static void hook_failed(struct plan_run *run, const char *message)
{
    auto_free char *text = xstrdup(message); /* it may be in what is forgotten */
    struct error err = {0};

    forget_command(run);
    note_result(run, HOOK_FAILED, text);
    log_fields(LOG_WARN, "hook_failed", "key", run->entry->key, "hook", hook_name(run), "error",
               text, NULL);
    if (is_post_start(run)) {
        error_set_reason(&err, ERROR_CONFLICT, REASON_HOOK_FAILED, "postStart hook failed: %s",
                         text);
        run_give_up(run, &err);
    } else {
        run_action_done(run);
    }
}

/* It could not be told whether it ran. */
static void hook_lost(struct plan_run *run, const struct error *err)
{
    struct error why = *err;

    forget_command(run);
    if (!is_post_start(run)) {
        note_result(run, HOOK_FAILED, why.message);
        run_action_done(run);
    } else if (err->kind == ERROR_CONFLICT || err->kind == ERROR_NOT_FOUND) {
        why.reason = REASON_CONTAINER_LOST; /* it ended by itself: that counts, not the hook */
        run_give_up(run, &why);
    } else {
        run_action_failed(run, &why);
    }
}

/* "exit code 3: no such table": the code and the last line of what it said. */
static void end_with_code(struct plan_run *run, int64_t exit_code)
{
    json_auto_t *lines = json_array();
    auto_free char *message = NULL;
    const char *line;

    if (exit_code == 0) {
        hook_succeeded(run);
        return;
    }
    docker_logs_to_lines(strbuf_text(&run->output), run->output.len, 1, SHOWN_LINE, lines);
    line = json_string_value(json_array_get(lines, 0));
    message = xasprintf("exit code %lld%s%s", (long long)exit_code, line != NULL ? ": " : "",
                        line != NULL ? line : "");
    hook_failed(run, message);
}

/* Too long */

static void on_overdue_inspected(void *user, const struct docker_request *request,
                                 const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;
    struct docker_exec command = {0};
    json_auto_t *json = NULL;
    auto_free char *message =
        xasprintf("took longer than %lld s", (long long)run->hook_timeout_seconds);

    run->call = NULL;
    if (docker_reply_json(request, reply, &json, err) == 0 &&
        docker_parse_exec(json, &command, err) == 0 && command.is_running &&
        process_kill_in_container(command.pid, run_container_id(run)) < 0) {
        log_fields(LOG_WARN, "hook_not_killed", "key", run->entry->key, "hook", hook_name(run),
                   "cause", "its process cannot be reached from here", NULL);
    }
    hook_failed(run, message);
}

static void inspect_command(struct plan_run *run, engine_reply_fn *on_reply)
{
    run_call(run, docker_inspect_exec(run->exec_id), on_reply);
}

static void on_inspected(void *user, const struct docker_request *request,
                         const struct http_reply *reply, struct error *err);

static void on_hook_timer(uv_timer_t *timer)
{
    struct plan_run *run = timer->data;

    engine_call_cancel(TAKE(run->call));
    if (clock_monotonic_ms() < run->deadline_ms) {
        inspect_command(run, on_inspected);
    } else if (run->exec_id != NULL) {
        inspect_command(run, on_overdue_inspected);
    } else {
        hook_failed(run, "the engine did not start it in time");
    }
}

/* In between it may have let go of its output and run on. */
static void wait_on(struct plan_run *run, uint64_t wait_ms)
{
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t left_ms = run->deadline_ms > now_ms ? run->deadline_ms - now_ms : 0;

    uv_timer_start(&run->timer, on_hook_timer, wait_ms < left_ms ? wait_ms : left_ms, 0);
}

static void on_inspected(void *user, const struct docker_request *request,
                         const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;
    struct docker_exec command;
    json_auto_t *json = NULL;

    run->call = NULL;
    if (docker_reply_json(request, reply, &json, err) < 0 ||
        docker_parse_exec(json, &command, err) < 0) {
        hook_lost(run, err);
    } else if (command.has_exit_code) {
        end_with_code(run, command.exit_code);
    } else {
        wait_on(run, POLL_MS);
    }
}

/* The beginning */

/* Whole frames go from the front: the last lines are where programs say why. */
static void drop_old_frames(struct strbuf *output)
{
    size_t at = 0;

    while (output->len - at > OUTPUT_KEPT) {
        const unsigned char *frame = (const unsigned char *)output->text + at;
        size_t len = FRAME_HEADER + ((size_t)frame[4] << 24 | (size_t)frame[5] << 16 |
                                     (size_t)frame[6] << 8 | frame[7]);

        if (len > output->len - at) {
            break;
        }
        at += len;
    }
    strbuf_consume(output, at);
}

static int on_output(void *user, const char *bytes, size_t len)
{
    struct plan_run *run = user;
    size_t room;

    if (run->output.len + len > OUTPUT_MAX) {
        drop_old_frames(&run->output);
    }
    room = OUTPUT_MAX - run->output.len;
    strbuf_append(&run->output, bytes, len < room ? len : room);
    return 0;
}

static void on_ended(void *user, const struct docker_request *request,
                     const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;

    run->call = NULL;
    if (docker_reply_check(request, reply, err) == 0) {
        inspect_command(run, on_inspected);
    } else if (err->kind == ERROR_INVALID) {
        hook_failed(run, err->message); /* no such program, mostly */
    } else {
        hook_lost(run, err);
    }
}

static void on_created(void *user, const struct docker_request *request,
                       const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;
    json_auto_t *json = NULL;

    run->call = NULL;
    if (docker_reply_json(request, reply, &json, err) < 0 ||
        docker_parse_id(json, &run->exec_id, err) < 0) {
        hook_lost(run, err);
        return;
    }
    run->call = engine_stream(run->controller->engine, docker_attach_exec(run->exec_id), on_output,
                              on_ended, run);
}

/* Which start of the container it is that the hook belongs to. */
static void on_container(void *user, const struct docker_request *request,
                         const struct http_reply *reply, struct error *err)
{
    const struct text_list *command;
    struct plan_run *run = user;
    struct docker_container container = {0};
    json_auto_t *json = NULL, *body = NULL;
    json_t *arguments;

    run->call = NULL;
    if (docker_reply_json(request, reply, &json, err) < 0 ||
        docker_parse_container(json, &container, err) < 0) {
        hook_lost(run, err);
        return;
    }
    run->hook_start_wall_ms = container.started_wall_ms;
    if (container.state != DOCKER_RUNNING) {
        error_set_reason(err, ERROR_CONFLICT, REASON_CONTAINER_LOST,
                         "the container ended before its %s hook ran", hook_name(run));
        docker_container_done(&container);
        hook_lost(run, err);
        return;
    }
    docker_container_done(&container);
    command = &run_action(run)->command;
    arguments = json_array();
    for (size_t i = 0; i < command->count; i++) {
        json_array_append_new(arguments, json_string(command->items[i]));
    }
    body = json_pack("{s:o, s:b, s:b}", "Cmd", arguments, "AttachStdout", 1, "AttachStderr", 1);
    run_call(run, docker_create_exec(run_container_id(run), body), on_created);
}

void apply_run_hook(struct plan_run *run)
{
    const struct action *action = run_action(run);
    uint64_t now_ms = clock_monotonic_ms();
    struct error err = {0};

    if (run_container_id(run) == NULL) {
        error_set_reason(&err, ERROR_CONFLICT, REASON_CONTAINER_LOST, "container \"%s\" is gone",
                         action->target);
        hook_lost(run, &err);
        return;
    }
    run->hook_timeout_seconds = action->timeout_seconds;
    if (action->type == ACTION_RUN_PRE_STOP) {
        run->stop_by_ms = now_ms + (uint64_t)action->grace_seconds * 1000;
        if (action->grace_seconds < action->timeout_seconds) {
            run->hook_timeout_seconds = action->grace_seconds;
        }
    }
    run->deadline_ms = now_ms + (uint64_t)run->hook_timeout_seconds * 1000;
    strbuf_init(&run->output, OUTPUT_MAX);
    wait_on(run, UINT64_MAX);
    run_call(run, docker_inspect_container(run_container_id(run)), on_container);
}

unsigned run_grace_left(const struct plan_run *run)
{
    int64_t grace_seconds = run_action(run)->grace_seconds;
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t left_seconds;

    if (run->stop_by_ms == 0) {
        return (unsigned)grace_seconds;
    }
    left_seconds = run->stop_by_ms > now_ms ? (run->stop_by_ms - now_ms + 999) / 1000 : 0;
    if (left_seconds < LAST_GRACE_SECONDS) {
        left_seconds = LAST_GRACE_SECONDS;
    }
    return left_seconds < (uint64_t)grace_seconds ? (unsigned)left_seconds
                                                  : (unsigned)grace_seconds;
}
