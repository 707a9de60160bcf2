#include "tests/support/fake_engine/memory_world.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Commands beside a container's own. */

static void on_end_closed(uv_handle_t *handle)
{
    free(handle);
}

void exec_free(struct exec *exec)
{
    if (exec->end != NULL) {
        uv_close((uv_handle_t *)exec->end, on_end_closed);
    }
    json_decref(exec->command);
    free(exec);
}

static struct exec *need_exec(struct memory *memory, struct call *call, const char *id)
{
    struct exec *exec = map_get(&memory->execs, id);

    if (exec == NULL) {
        reply_message(call, 404, "No such exec instance: %s", id);
    }
    return exec;
}

/* "exec_start: sh -c true", as the engine says what begins. */
static void emit(struct exec *exec, const char *action)
{
    auto_done(strbuf) text = {0};
    size_t i;
    json_t *word;

    strbuf_addf(&text, "%s:", action);
    json_array_foreach(exec->command, i, word) {
        strbuf_addf(&text, " %s", json_string_value(word));
    }
    emit_container_event(exec->container, strbuf_text(&text), "execID", exec->id);
}

void create_exec(struct memory *memory, struct call *call, const char *name)
{
    struct container *container = need_container(memory, call, name);
    json_auto_t *body = container != NULL ? request_object(call) : NULL;
    struct exec *exec;

    if (body == NULL) {
        return;
    }
    if (!is_up(container)) {
        reply_message(call, 409, "container %s is not running", container->id);
        return;
    }
    exec = xcalloc(1, sizeof(*exec));
    new_id(memory, exec->id);
    exec->container = container;
    exec->command = json_incref(json_object_get(body, "Cmd"));
    map_put(&memory->execs, exec->id, exec);
    emit(exec, "exec_create");
    reply_json(call, 201, json_pack("{s:s}", "Id", exec->id));
}

static void end_exec(struct exec *exec, int exit_code)
{
    struct call *call = TAKE(exec->call);
    char code[16];

    snprintf(code, sizeof(code), "%d", exit_code);
    exec->is_running = false;
    exec->has_ended = true;
    exec->exit_code = exit_code;
    emit_container_event(exec->container, "exec_die", "execID", exec->id);
    if (call != NULL) {
        back_end_reply_end(call);
    }
}

static void on_end(uv_timer_t *timer)
{
    struct exec *exec = timer->data;
    struct outcome outcome = outcome_of(exec->command);

    free(outcome.output);
    end_exec(exec, outcome.exit_code);
}

/* One that the fake does not know has done its work at once. */
static void run(struct memory *memory, struct exec *exec)
{
    struct outcome outcome = outcome_of(exec->command);

    if (outcome.output != NULL && exec->call != NULL) {
        auto_done(strbuf) frame = {0};

        add_frame(&frame, outcome.output);
        back_end_reply_bytes(exec->call, frame.text, frame.len);
    }
    free(outcome.output);
    if (outcome.after_ms <= 0) {
        end_exec(exec, outcome.exit_code);
        return;
    }
    exec->end = xcalloc(1, sizeof(*exec->end));
    uv_timer_init(memory->loop, exec->end);
    exec->end->data = exec;
    uv_timer_start(exec->end, on_end, (uint64_t)outcome.after_ms, 0);
}

void start_exec(struct memory *memory, struct call *call, const char *id)
{
    struct exec *exec = need_exec(memory, call, id);
    json_auto_t *body = exec != NULL ? request_object(call) : NULL;
    bool is_detached = json_is_true(json_object_get(body, "Detach"));

    if (body == NULL) {
        return;
    }
    if (exec->is_running || exec->has_ended) {
        reply_message(call, 409, "exec %s has already been started", id);
        return;
    }
    exec->is_running = true;
    emit(exec, "exec_start");
    if (is_detached) {
        run(memory, exec);
        reply_status(call, 200);
        return;
    }
    back_end_reply_head(call, call->is_upgrade ? 101 : 200,
                        "Content-Type: application/vnd.docker.raw-stream\r\n");
    exec->call = call->is_ended ? NULL : call;
    run(memory, exec);
}

void inspect_exec(struct memory *memory, struct call *call, const char *id)
{
    struct exec *exec = need_exec(memory, call, id);
    json_t *arguments = json_array();
    size_t i;
    json_t *word;

    if (exec == NULL) {
        json_decref(arguments);
        return;
    }
    json_array_foreach(exec->command, i, word) {
        if (i > 0) {
            json_array_append(arguments, word);
        }
    }
    reply_json(call, 200,
               json_pack("{s:s, s:b, s:o, s:s, s:i, s:{s:s?, s:o}}", "ID", exec->id, "Running",
                         (int)exec->is_running, "ExitCode",
                         exec->has_ended ? json_integer(exec->exit_code) : json_null(),
                         "ContainerID", exec->container->id, "Pid", 0, "ProcessConfig",
                         "entrypoint", json_string_value(json_array_get(exec->command, 0)),
                         "arguments", arguments));
}

void resize_exec(struct memory *memory, struct call *call, const char *id)
{
    if (need_exec(memory, call, id) != NULL) {
        reply_status(call, 200);
    }
}

json_t *exec_ids_of(const struct container *container)
{
    json_t *ids = json_array();

    for (struct map_entry *at = map_first(&container->memory->execs); at != NULL;
         at = map_next(at)) {
        const struct exec *exec = map_value(at);

        if (exec->container == container && exec->is_running) {
            json_array_append_new(ids, json_string(exec->id));
        }
    }
    if (json_array_size(ids) > 0) {
        return ids;
    }
    json_decref(ids);
    return json_null();
}

/* The container has ended, and with it what ran in it. */
void end_execs_of(struct container *container)
{
    struct memory *memory = container->memory;
    struct map_entry *next;

    for (struct map_entry *at = map_first(&memory->execs); at != NULL; at = next) {
        struct exec *exec = map_value(at);

        next = map_next(at);
        if (exec->container == container) {
            if (exec->is_running) {
                end_exec(exec, 137);
            }
            map_remove(&memory->execs, exec->id);
            exec_free(exec);
        }
    }
}
