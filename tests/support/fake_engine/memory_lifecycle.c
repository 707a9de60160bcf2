#include "tests/support/fake_engine/memory_world.h"

#include "base/memory.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Containers that start, end, pause and are waited for. */

/* --- what a command does --- */

static struct outcome outcome_of_words(char *text)
{
    struct outcome outcome = {NULL, 0, -1};
    char *rest = NULL;
    char *word = strtok_r(text, " ", &rest);
    const char *argument = rest != NULL ? rest : "";

    if (word == NULL) {
        return outcome;
    }
    if (strcmp(word, "exit") == 0 || strcmp(word, "true") == 0 || strcmp(word, "false") == 0) {
        outcome.after_ms = 0;
        outcome.exit_code =
            word[0] == 'e' ? (int)strtol(argument, NULL, 10) : strcmp(word, "false") == 0;
    } else if (strcmp(word, "echo") == 0) {
        outcome.after_ms = 0;
        outcome.output = xasprintf("%s\n", argument);
    } else if (strcmp(word, "sleep") == 0) {
        outcome.after_ms = strtoll(argument, NULL, 10) * 1000;
    }
    return outcome;
}

struct outcome outcome_of(const json_t *command)
{
    auto_done(strbuf) text = {0};
    size_t i;
    json_t *word;

    json_array_foreach(command, i, word) {
        bool is_shell = i == 0 && (strcmp(json_string_value(word), "sh") == 0 ||
                                   strcmp(json_string_value(word), "/bin/sh") == 0);

        if (!is_shell && !(i == 1 && strcmp(json_string_value(word), "-c") == 0)) {
            strbuf_addf(&text, "%s%s", text.len > 0 ? " " : "", json_string_value(word));
        }
    }
    strbuf_add(&text, "");
    auto_free char *words = xstrdup(strbuf_text(&text));

    return outcome_of_words(words);
}

void add_frame(struct strbuf *to, const char *text)
{
    size_t len = strlen(text);
    char head[8] = {1, 0, 0, 0, (char)(len >> 24), (char)(len >> 16), (char)(len >> 8), (char)len};

    strbuf_append(to, head, sizeof(head));
    strbuf_append(to, text, len);
}

void log_output(struct container *container, const char *text)
{
    auto_done(strbuf) frame = {0};
    struct open_reply *next;

    add_frame(&frame, text);
    strbuf_append(&container->log, frame.text, frame.len);
    for (struct open_reply *open = container->memory->open; open != NULL; open = next) {
        next = open->next;
        if (open->kind == OPEN_LOG && strcmp(open->container_id, container->id) == 0) {
            back_end_reply_bytes(open->call, frame.text, frame.len);
        }
    }
}

static json_t *command_of(const struct container *container)
{
    json_t *command = json_array();

    json_array_extend(command, json_object_get(container->config, "Entrypoint"));
    json_array_extend(command, json_object_get(container->config, "Cmd"));
    return command;
}

/* --- the end --- */

static void stop_timer(struct container *container)
{
    if (container->end != NULL) {
        uv_timer_stop(container->end);
    }
}

static void tell_waiting(struct container *container)
{
    auto_free char *text = xasprintf("{\"StatusCode\":%d}\n", container->exit_code);
    struct open_reply *next;

    for (struct open_reply *open = container->memory->open; open != NULL; open = next) {
        next = open->next;
        if (strcmp(open->container_id, container->id) != 0) {
            continue;
        }
        if (open->kind == OPEN_WAIT && !open->is_until_removed) {
            back_end_reply_bytes(open->call, text, strlen(text));
            open_reply_end(container->memory, open);
        } else if (open->kind == OPEN_LOG) {
            open_reply_end(container->memory, open);
        }
    }
}

void container_end(struct container *container, int exit_code)
{
    char code[16];

    snprintf(code, sizeof(code), "%d", exit_code);
    stop_timer(container);
    container->state = STATE_EXITED;
    container->exit_code = exit_code;
    container->pid = 0;
    container->finished_ns = wall_ns();
    release_ports(container);
    end_execs_of(container);
    emit_container_event(container, "die", "exitCode", code);
    leave_networks(container);
    tell_waiting(container);
}

void container_kill(struct container *container, int signal_number, bool is_stop)
{
    char number[16];

    snprintf(number, sizeof(number), "%d", signal_number);
    emit_container_event(container, "kill", "signal", number);
    container_end(container, 128 + signal_number);
    if (is_stop) {
        emit_container_event(container, "stop", NULL, NULL);
    }
}

static void on_end(uv_timer_t *timer)
{
    struct container *container = timer->data;
    json_auto_t *command = command_of(container);
    struct outcome outcome = outcome_of(command);

    free(outcome.output);
    container_end(container, outcome.exit_code);
}

/* --- the start --- */

static void begin_command(struct container *container)
{
    json_auto_t *command = command_of(container);
    struct outcome outcome = outcome_of(command);

    if (outcome.output != NULL) {
        log_output(container, outcome.output);
        free(outcome.output);
    }
    if (outcome.after_ms < 0) {
        return;
    }
    if (container->end == NULL) {
        container->end = xcalloc(1, sizeof(*container->end));
        uv_timer_init(container->memory->loop, container->end);
        container->end->data = container;
    }
    uv_timer_start(container->end, on_end, (uint64_t)outcome.after_ms, 0);
}

static void set_error(struct container *container, const char *message, int exit_code)
{
    free(container->error);
    container->error = xstrdup(message);
    container->exit_code = exit_code;
}

/* 0, or -1 after an error was answered. */
static int bring_up(struct container *container, struct call *call)
{
    auto_free char *message = NULL;

    if (join_networks(container, call) < 0) {
        return -1;
    }
    if (bind_ports(container, &message) < 0) {
        leave_networks(container);
        set_error(container, message, 128);
        reply_message(call, 500, "%s", message);
        return -1;
    }
    set_error(container, "", 0);
    container->state = STATE_RUNNING;
    container->is_oom_killed = false;
    container->pid = container->memory->next_pid++;
    container->started_ns = wall_ns();
    emit_container_event(container, "start", NULL, NULL);
    begin_command(container);
    return 0;
}

void start_container(struct memory *memory, struct call *call, const char *name)
{
    struct container *container = need_container(memory, call, name);

    if (container == NULL) {
        return;
    }
    if (is_up(container)) {
        reply_status(call, 304);
    } else if (bring_up(container, call) == 0) {
        reply_status(call, 204);
    }
}

void stop_container(struct memory *memory, struct call *call, const char *name)
{
    struct container *container = need_container(memory, call, name);

    if (container == NULL) {
        return;
    }
    if (!is_up(container)) {
        reply_status(call, 304);
        return;
    }
    container_kill(container, SIGTERM, true);
    reply_status(call, 204);
}

void restart_container(struct memory *memory, struct call *call, const char *name)
{
    struct container *container = need_container(memory, call, name);

    if (container == NULL) {
        return;
    }
    if (is_up(container)) {
        container_kill(container, SIGTERM, true);
    }
    if (bring_up(container, call) == 0) {
        emit_container_event(container, "restart", NULL, NULL);
        reply_status(call, 204);
    }
}

static int signal_of(const struct call *call)
{
    static const struct {
        const char *name;
        int number;
    } names[] = {{"KILL", SIGKILL}, {"TERM", SIGTERM}, {"INT", SIGINT},   {"HUP", SIGHUP},
                 {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"QUIT", SIGQUIT}, {"WINCH", SIGWINCH}};
    auto_free char *text = call_parameter(call, "signal");
    const char *name = text == NULL ? "KILL" : text;

    name += strncmp(name, "SIG", 3) == 0 ? 3 : 0;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(names[i].name, name) == 0) {
            return names[i].number;
        }
    }
    return (int)strtol(name, NULL, 10);
}

void kill_container(struct memory *memory, struct call *call, const char *name)
{
    struct container *container = need_container(memory, call, name);
    int number = signal_of(call);

    if (container == NULL) {
        return;
    }
    if (!is_up(container)) {
        reply_message(call, 409, "cannot kill container: %s: container %s is not running", name,
                      container->id);
        return;
    }
    if (number == SIGKILL || number == SIGTERM || number == SIGINT || number == SIGQUIT) {
        container_kill(container, number, false);
    } else {
        char text[16];

        snprintf(text, sizeof(text), "%d", number);
        emit_container_event(container, "kill", "signal", text);
    }
    reply_status(call, 204);
}

static void set_paused(struct memory *memory, struct call *call, const char *name, bool is_paused)
{
    struct container *container = need_container(memory, call, name);

    if (container == NULL) {
        return;
    }
    if (container->state != (is_paused ? STATE_RUNNING : STATE_PAUSED)) {
        const char *what = !is_up(container) ? "not running"
                           : is_paused       ? "already paused"
                                             : "not paused";

        reply_message(call, 409, "Container %s is %s", container->id, what);
        return;
    }
    container->state = is_paused ? STATE_PAUSED : STATE_RUNNING;
    emit_container_event(container, is_paused ? "pause" : "unpause", NULL, NULL);
    reply_status(call, 204);
}

void pause_container(struct memory *memory, struct call *call, const char *name)
{
    set_paused(memory, call, name, true);
}

void unpause_container(struct memory *memory, struct call *call, const char *name)
{
    set_paused(memory, call, name, false);
}

/* --- those who wait --- */

void wait_container(struct memory *memory, struct call *call, const char *name)
{
    struct container *container = need_container(memory, call, name);
    auto_free char *condition = call_parameter(call, "condition");
    bool is_until_removed = condition != NULL && strcmp(condition, "removed") == 0;
    bool is_at_once = condition == NULL || strcmp(condition, "not-running") == 0;
    struct open_reply *open;

    if (container == NULL) {
        return;
    }
    open = open_reply_new(memory, call, OPEN_WAIT, 200, "application/json");
    if (open == NULL) {
        return;
    }
    open->is_until_removed = is_until_removed;
    snprintf(open->container_id, sizeof(open->container_id), "%s", container->id);
    if (!is_up(container) && is_at_once) {
        tell_waiting(container);
    }
}

static const char *next_frame(const char *frame)
{
    const unsigned char *head = (const unsigned char *)frame;

    return frame + 8 + ((size_t)head[4] << 24 | (size_t)head[5] << 16 | head[6] << 8 | head[7]);
}

/* The last lines as frames, one for each write. */
static const char *tail_of(const struct container *container, const struct call *call)
{
    auto_free char *text = call_parameter(call, "tail");
    const char *from = strbuf_text(&container->log), *end = from + container->log.len;
    size_t frames = 0;

    for (const char *at = from; at < end; at = next_frame(at)) {
        frames++;
    }
    if (text == NULL || strcmp(text, "all") == 0) {
        return from;
    }
    for (size_t wanted = strtoul(text, NULL, 10); from < end && frames > wanted; frames--) {
        from = next_frame(from);
    }
    return from;
}

/* What it prints from now on. */
void attach_container(struct memory *memory, struct call *call, const char *name)
{
    struct container *container = need_container(memory, call, name);
    struct open_reply *open;

    if (container == NULL) {
        return;
    }
    open = open_reply_new(memory, call, OPEN_LOG, call->is_upgrade ? 101 : 200,
                          "application/vnd.docker.raw-stream");
    if (open != NULL) {
        snprintf(open->container_id, sizeof(open->container_id), "%s", container->id);
    }
}

void read_logs(struct memory *memory, struct call *call, const char *name)
{
    struct container *container = need_container(memory, call, name);
    struct open_reply *open;
    const char *from;

    if (container == NULL) {
        return;
    }
    from = tail_of(container, call);
    open = open_reply_new(memory, call, OPEN_LOG, 200, "application/vnd.docker.raw-stream");
    if (open == NULL) {
        return;
    }
    snprintf(open->container_id, sizeof(open->container_id), "%s", container->id);
    back_end_reply_bytes(call, from,
                         (size_t)(strbuf_text(&container->log) + container->log.len - from));
    if (memory->open == open && (!call_has_flag(call, "follow") || !is_up(container))) {
        open_reply_end(memory, open);
    }
}
