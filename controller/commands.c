#include "controller/commands.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/profile_trace.h"
#include "controller/spawn.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { ARGS_MAX = 16, COMPLAINT_MAX = 512, CHUNK = 512, TIMEOUT_MS = 20000 };

struct command {
    struct commands *commands;
    struct command *next; /* waiting, or running */
    char *args[ARGS_MAX + 1];
    command_done_fn *on_done; /* NULL: nobody wants to know */
    void *user;

    struct spawned process;
    uv_pipe_t complaints;
    uv_timer_t timeout;
    unsigned open_handles;
    bool has_exited, is_read, is_late;
    int exit_status, exit_signal;
    char complaint[COMPLAINT_MAX + 1], chunk[CHUNK];
    size_t complaint_len;
    profile_span profile;
};

struct commands {
    uv_loop_t *loop;
    unsigned concurrency, running_count;
    struct command *waiting, *running;
    bool is_closing;
};

static void begin_waiting(struct commands *commands);

static void command_free(struct command *command)
{
    for (size_t i = 0; i < ARRAY_SIZE(command->args); i++) {
        free(command->args[i]);
    }
    free(command);
}

static void take_out(struct command **list, const struct command *command)
{
    for (; *list != NULL; list = &(*list)->next) {
        if (*list == command) {
            *list = command->next;
            return;
        }
    }
}

/* The end */

static void on_closed(uv_handle_t *handle)
{
    struct command *command = handle->data;
    struct commands *commands = command->commands;

    if (--command->open_handles > 0) {
        return;
    }
    take_out(&commands->running, command);
    commands->running_count--;
    command_free(command);
    if (commands->is_closing) {
        if (commands->running == NULL) {
            free(commands);
        }
        return;
    }
    begin_waiting(commands);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, on_closed);
    }
}

static void close_handles(struct command *command)
{
    profile_span_end(&command->profile,
                     command->has_exited ? trace_args(trace_number("status", command->exit_status),
                                                      trace_number("signal", command->exit_signal))
                                         : trace_args(trace_flag("abandoned", true)));
    spawn_forget(&command->process);
    close_handle((uv_handle_t *)&command->complaints);
    close_handle((uv_handle_t *)&command->timeout);
}

static void describe_end(const struct command *command, struct error *err)
{
    const char *program = command->args[0];
    const char *blank = command->complaint_len > 0 ? ": " : "";

    if (command->is_late) {
        error_set(err, ERROR_TRANSIENT, "%s took longer than %d s", program, TIMEOUT_MS / 1000);
    } else if (command->exit_signal != 0) {
        error_set(err, ERROR_TRANSIENT, "%s was ended by signal %d%s%s", program,
                  command->exit_signal, blank, command->complaint);
    } else if (command->exit_status != 0) {
        error_set(err, ERROR_TRANSIENT, "%s ended with exit status %d%s%s", program,
                  command->exit_status, blank, command->complaint);
    }
}

static void check_end(struct command *command)
{
    struct error err = {0};
    command_done_fn *on_done = command->on_done;

    if (!command->has_exited || !command->is_read) {
        return;
    }
    describe_end(command, &err);
    command->on_done = NULL;
    close_handles(command);
    if (on_done != NULL) {
        profile_begin("end of %s", command->args[0]);
        on_done(command->user, err.kind != ERROR_NONE ? &err : NULL);
        profile_end(NULL);
    }
}

static void on_exit_of_child(struct spawned *process, int exit_status, int exit_signal)
{
    struct command *command = process->user;

    command->has_exited = true;
    command->exit_status = exit_status;
    command->exit_signal = exit_signal;
    check_end(command);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct command *command = handle->data;

    (void)suggested;
    *buf = uv_buf_init(command->chunk, sizeof(command->chunk));
}

/* The beginning of it, on one line. */
static void on_complaint(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct command *command = stream->data;

    if (got < 0) {
        while (command->complaint_len > 0 &&
               command->complaint[command->complaint_len - 1] == ' ') {
            command->complaint[--command->complaint_len] = '\0';
        }
        uv_read_stop(stream);
        command->is_read = true;
        check_end(command);
        return;
    }
    for (ssize_t i = 0; i < got && command->complaint_len < COMPLAINT_MAX; i++) {
        unsigned char byte = (unsigned char)buf->base[i];

        command->complaint[command->complaint_len++] = byte < ' ' || byte > '~' ? ' ' : (char)byte;
    }
}

static void on_timeout(uv_timer_t *timer)
{
    struct command *command = timer->data;

    command->is_late = true;
    command->is_read = true; /* whoever else holds the pipe must not keep us */
    if (!command->has_exited && command->process.pid > 0) {
        kill(command->process.pid, SIGKILL);
    }
    check_end(command);
}

/* The beginning */

static int spawn(struct command *command)
{
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char language[] = "LC_ALL=C";
    char *environment[] = {path, language, NULL};
    struct spawn_options options = {
        .args = command->args,
        .environment = environment,
        .streams = {NULL, NULL, &command->complaints},
        .on_exit = on_exit_of_child,
        .user = command,
    };

    return spawn_start(command->commands->loop, &command->process, &options);
}

static void on_not_spawned(uv_timer_t *timer)
{
    check_end(timer->data);
}

static void profile(struct command *command)
{
    auto_done(strbuf) words = {0};

    if (profile_trace_is_on()) {
        for (size_t i = 0; command->args[i] != NULL; i++) {
            strbuf_addf(&words, "%s%s", i > 0 ? " " : "", command->args[i]);
        }
        command->profile = profile_span_begin(PROFILE_CHILDREN,
                                              trace_args(trace_number("pid", command->process.pid)),
                                              "%s", strbuf_text(&words));
    }
}

static void begin(struct command *command)
{
    uv_loop_t *loop = command->commands->loop;
    int status;

    uv_pipe_init(loop, &command->complaints, 0);
    uv_timer_init(loop, &command->timeout);
    command->complaints.data = command->timeout.data = command;
    command->open_handles = 2;
    command->next = command->commands->running;
    command->commands->running = command;
    command->commands->running_count++;
    status = spawn(command);
    if (status < 0) {
        const char *why = uv_strerror(status);

        command->has_exited = command->is_read = true;
        command->exit_status = 127;
        command->complaint_len = strlen(why) < COMPLAINT_MAX ? strlen(why) : COMPLAINT_MAX;
        memcpy(command->complaint, why, command->complaint_len);
        uv_timer_start(&command->timeout, on_not_spawned, 0, 0);
        return;
    }
    profile(command);
    uv_read_start((uv_stream_t *)&command->complaints, on_alloc, on_complaint);
    uv_timer_start(&command->timeout, on_timeout, TIMEOUT_MS, 0);
}

static void begin_waiting(struct commands *commands)
{
    while (commands->waiting != NULL && commands->running_count < commands->concurrency) {
        struct command *command = commands->waiting;

        commands->waiting = command->next;
        begin(command);
    }
}

struct commands *commands_new(uv_loop_t *loop, unsigned concurrency)
{
    struct commands *commands = xcalloc(1, sizeof(*commands));

    commands->loop = loop;
    commands->concurrency = concurrency;
    return commands;
}

void commands_close(struct commands *commands)
{
    struct command *next;

    if (commands == NULL) {
        return;
    }
    commands->is_closing = true;
    for (struct command *at = commands->waiting; at != NULL; at = next) {
        next = at->next;
        command_free(at);
    }
    commands->waiting = NULL;
    if (commands->running == NULL) {
        free(commands);
        return;
    }
    for (struct command *at = commands->running; at != NULL; at = at->next) {
        at->on_done = NULL;
        close_handles(at);
    }
}

void commands_run(struct commands *commands, const char *const *argv, command_done_fn *on_done,
                  void *user)
{
    struct command *command = xcalloc(1, sizeof(*command));
    struct command **last = &commands->waiting;

    command->commands = commands;
    command->on_done = on_done;
    command->user = user;
    for (size_t i = 0; i < ARGS_MAX && argv[i] != NULL; i++) {
        command->args[i] = xstrdup(argv[i]);
    }
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = command;
    begin_waiting(commands);
}
