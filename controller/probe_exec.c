#include "base/memory.h"
#include "clients/docker_types.h"
#include "controller/probe_worker.h"
#include "controller/process_kill.h"
#include "specs/reason.h"

#include <stdlib.h>
#include <string.h>

/*
 * create, start with its output, look at how it ended. The engine has no call that ends a command:
 * one that is not over in time is killed where Berth can reach the engine's processes. Where it
 * cannot, the probe fails, without another command, until this one has gone: so at most one command
 * of a probe runs in a container, however long it hangs.
 */

enum { MAX_OUTPUT = 4096, SHOWN_LINES = 3, SHOWN_LINE = 120 };

static void forget_command(struct probe_worker *worker)
{
    free(TAKE(worker->exec_id));
    worker->is_stuck = false;
    strbuf_done(&worker->output);
}

void probe_exec_cancel(struct probe_worker *worker)
{
    engine_call_cancel(TAKE(worker->call));
    forget_command(worker);
}

static void call(struct probe_worker *worker, struct docker_request *request,
                 engine_reply_fn *on_reply)
{
    worker->call = engine_call(probe_worker_controller(worker)->engine, request, on_reply, worker);
}

/* What the engine refuses is the probe's fault; what it could not answer says nothing. */
static void end_with_error(struct probe_worker *worker, const struct error *err)
{
    forget_command(worker);
    probe_worker_done(worker, err->kind == ERROR_INVALID ? PROBE_FAILED : PROBE_LOST, "%s",
                      err->message);
}

/* How it ended */

/* The last lines of its output, on one line; "" when it has none. The caller's to free. */
static char *shown_output(const struct probe_worker *worker)
{
    json_auto_t *lines = json_array();
    auto_done(strbuf) text = {0};

    docker_logs_to_lines(strbuf_text(&worker->output), worker->output.len, SHOWN_LINES, SHOWN_LINE,
                         lines);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        strbuf_addf(&text, "%s%s", i > 0 ? " / " : "", json_string_value(json_array_get(lines, i)));
    }
    return xstrdup(strbuf_text(&text));
}

static void end_with_code(struct probe_worker *worker, int64_t exit_code)
{
    auto_free char *output = shown_output(worker);

    forget_command(worker);
    if (exit_code == 0) {
        probe_worker_done(worker, PROBE_SUCCEEDED, "exit code 0");
    } else {
        probe_worker_done(worker, PROBE_FAILED, "exit code %lld%s%s", (long long)exit_code,
                          output[0] != '\0' ? ": " : "", output);
    }
}

static void on_inspected(void *user, const struct docker_request *request,
                         const struct http_reply *reply, struct error *err)
{
    struct probe_worker *worker = user;
    struct docker_exec command;
    json_auto_t *json = NULL;

    worker->call = NULL;
    if (docker_reply_json(request, reply, &json, err) < 0 ||
        docker_parse_exec(json, &command, err) < 0) {
        end_with_error(worker, err);
    } else if (command.has_exit_code) {
        end_with_code(worker, command.exit_code);
    } else {
        probe_worker_poll(worker); /* it let go of its output, and runs on */
    }
}

/* Running it */

static int on_output(void *user, const char *bytes, size_t len)
{
    struct probe_worker *worker = user;
    size_t room = MAX_OUTPUT - worker->output.len;

    strbuf_append(&worker->output, bytes, len < room ? len : room);
    return 0;
}

static void on_ended(void *user, const struct docker_request *request,
                     const struct http_reply *reply, struct error *err)
{
    struct probe_worker *worker = user;

    worker->call = NULL;
    if (docker_reply_check(request, reply, err) < 0) {
        end_with_error(worker, err);
    } else {
        probe_exec_poll(worker);
    }
}

static void on_created(void *user, const struct docker_request *request,
                       const struct http_reply *reply, struct error *err)
{
    struct probe_worker *worker = user;
    json_auto_t *json = NULL;

    worker->call = NULL;
    if (docker_reply_json(request, reply, &json, err) < 0 ||
        docker_parse_id(json, &worker->exec_id, err) < 0) {
        end_with_error(worker, err);
        return;
    }
    worker->call = engine_stream(probe_worker_controller(worker)->engine,
                                 docker_attach_exec(worker->exec_id), on_output, on_ended, worker);
}

static void create(struct probe_worker *worker)
{
    const struct text_list *command = &probe_worker_spec(worker)->exec->command;
    json_t *arguments = json_array();
    json_auto_t *body =
        json_pack("{s:o, s:b, s:b}", "Cmd", arguments, "AttachStdout", 1, "AttachStderr", 1);

    for (size_t i = 0; i < command->count; i++) {
        json_array_append_new(arguments, json_string(command->items[i]));
    }
    strbuf_init(&worker->output, MAX_OUTPUT);
    call(worker, docker_create_exec(probe_worker_container_id(worker), body), on_created);
}

/* One that does not end */

/* Kills it if it runs and can be reached. False: it is gone. */
static bool look_after_stuck(struct probe_worker *worker, const struct docker_request *request,
                             const struct http_reply *reply, struct error *err)
{
    struct docker_exec command = {0};
    json_auto_t *json = NULL;

    worker->call = NULL;
    if (docker_reply_json(request, reply, &json, err) < 0) {
        return err->kind != ERROR_NOT_FOUND;
    }
    if (docker_parse_exec(json, &command, err) < 0 || !command.is_running) {
        return false;
    }
    process_kill_in_container(command.pid, probe_worker_container_id(worker));
    return true;
}

static void on_timed_out_inspected(void *user, const struct docker_request *request,
                                   const struct http_reply *reply, struct error *err)
{
    struct probe_worker *worker = user;

    if (!look_after_stuck(worker, request, reply, err)) {
        forget_command(worker);
    }
}

void probe_exec_time_out(struct probe_worker *worker)
{
    engine_call_cancel(TAKE(worker->call));
    strbuf_done(&worker->output);
    if (worker->exec_id != NULL) {
        worker->is_stuck = true;
        call(worker, docker_inspect_exec(worker->exec_id), on_timed_out_inspected);
    }
}

static void on_stuck_inspected(void *user, const struct docker_request *request,
                               const struct http_reply *reply, struct error *err)
{
    struct probe_worker *worker = user;

    if (!look_after_stuck(worker, request, reply, err)) {
        forget_command(worker);
        probe_worker_begin_clock(worker);
        create(worker);
    } else if (err->kind != ERROR_NONE) {
        probe_worker_done(worker, PROBE_LOST, "%s", err->message);
    } else {
        probe_worker_poll(worker);
    }
}

void probe_exec_poll(struct probe_worker *worker)
{
    call(worker, docker_inspect_exec(worker->exec_id),
         worker->is_stuck ? on_stuck_inspected : on_inspected);
}

void probe_exec_begin(struct probe_worker *worker)
{
    engine_call_cancel(TAKE(worker->call)); /* may still be looking after the last command */
    if (worker->is_stuck) {
        probe_exec_poll(worker);
    } else {
        create(worker);
    }
}
