#include "controller/child_process.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "controller/profile_trace.h"
#include "controller/spawn.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

enum {
    COMPLAINT_MAX = 8192, /* kept of stderr; cut by those who tell of it, after they hid secrets */
    DRAIN_MS = 2000,      /* for what is still in the pipes when the child is gone */
};

struct child_process {
    struct child_process_options options; /* program, verb, what and input are not kept */
    struct spawned process;
    uv_pipe_t in, out, complaints;
    uv_timer_t stall, total;
    uv_write_t write;
    char *input; /* until it is written */
    unsigned open_handles;
    unsigned open_streams; /* out and complaints, until their end is read */
    bool is_closed;        /* no callbacks any more */
    bool has_exited;
    int exit_status, exit_signal;

    profile_span profile;
    struct strbuf complaint;
    char chunk[CHILD_OUTPUT_CHUNK];
};

/* --- its memory ------------------------------------------------------------------------------- */

static void free_input(struct child_process *child)
{
    if (child->input != NULL) { /* may have secrets */
        explicit_bzero(child->input, strlen(child->input));
        free(TAKE(child->input));
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct child_process *child = handle->data;

    if (--child->open_handles == 0) {
        free_input(child);
        strbuf_done(&child->complaint);
        free(child);
    }
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, on_handle_closed);
    }
}

static void close_all(struct child_process *child)
{
    child->is_closed = true;
    profile_span_end(&child->profile, child->has_exited
                                          ? trace_args(trace_number("status", child->exit_status),
                                                       trace_number("signal", child->exit_signal))
                                          : trace_args(trace_flag("abandoned", true)));
    spawn_forget(&child->process);
    close_handle((uv_handle_t *)&child->in);
    close_handle((uv_handle_t *)&child->out);
    close_handle((uv_handle_t *)&child->complaints);
    close_handle((uv_handle_t *)&child->stall);
    close_handle((uv_handle_t *)&child->total);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Until it is reaped, its number is its own. */
void child_process_kill(struct child_process *child)
{
    if (!child->has_exited && child->process.pid > 0) {
        kill(-child->process.pid, SIGKILL);
    }
}

void child_process_close(struct child_process *child)
{
    child_process_kill(child);
    close_all(child);
}

/* The last line that the child complained with; the buffer is used up. */
static const char *last_complaint(struct strbuf *complaint)
{
    char *line;

    for (size_t i = 0; i < complaint->len; i++) { /* the text ends where we say */
        if (complaint->text[i] == '\0') {
            complaint->text[i] = '?';
        }
    }
    while (complaint->len > 0 && strchr("\n ", complaint->text[complaint->len - 1]) != NULL) {
        complaint->text[--complaint->len] = '\0';
    }
    if (complaint->len == 0) {
        return "";
    }
    line = strrchr(complaint->text, '\n');
    line = line != NULL ? line + 1 : complaint->text;
    text_make_clean_line(line, COMPLAINT_MAX);
    return line;
}

static void tell_end(struct child_process *child)
{
    const char *complaint = last_complaint(&child->complaint);
    const char *colon = complaint[0] != '\0' ? ": " : "";
    auto_free char *death = NULL;

    if (child->exit_signal != 0) {
        death = xasprintf("%s was ended by signal %d (%s)%s%s", child->options.name,
                          child->exit_signal, strsignal(child->exit_signal), colon, complaint);
    } else {
        death = xasprintf("%s ended with status %d and no word%s%s", child->options.name,
                          child->exit_status, colon, complaint);
    }
    profile_begin("end of %s", child->options.name);
    child->options.on_end(child->options.user, death);
    profile_end(NULL);
}

static void check_end(struct child_process *child)
{
    if (!child->is_closed && child->has_exited && child->open_streams == 0) {
        close_all(child);
        tell_end(child);
    }
}

/* Somebody who left the group has our pipes: the rest of what comes from them is not waited for. */
static void on_drain_time_over(uv_timer_t *timer)
{
    struct child_process *child = timer->data;

    child->open_streams = 0;
    check_end(child);
}

static void on_exit_of_child(struct spawned *process, int exit_status, int exit_signal)
{
    struct child_process *child = process->user;

    child->has_exited = true;
    child->exit_status = exit_status;
    child->exit_signal = exit_signal;
    /*
     * Whatever it left behind in its group holds our pipes open. The number of a group with members
     * is not given away, and one without any is not given away in the instant since the child was
     * reaped.
     */
    kill(-process->pid, SIGKILL);
    uv_timer_stop(&child->stall);
    uv_timer_start(&child->total, on_drain_time_over, DRAIN_MS, 0);
    check_end(child);
}

static void on_timer(uv_timer_t *timer)
{
    struct child_process *child = timer->data;

    child->options.on_limit(child->options.user,
                            timer == &child->stall ? CHILD_STALLED : CHILD_LATE);
    child_process_kill(child);
}

/* --- what it writes --------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct child_process *child = handle->data;

    (void)suggested;
    *buf = uv_buf_init(child->chunk, sizeof(child->chunk));
}

/* What both streams have in common: true when bytes came. */
static bool take_end(struct child_process *child, uv_stream_t *stream, ssize_t got)
{
    if (got < 0) {
        uv_read_stop(stream);
        child->open_streams -= child->open_streams > 0;
        check_end(child);
    }
    return got > 0;
}

static void on_output(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct child_process *child = stream->data;

    if (take_end(child, stream, got)) {
        if (!child->has_exited && child->options.stall_ms > 0) {
            uv_timer_again(&child->stall);
        }
        child->options.on_output(child->options.user, buf->base, (size_t)got);
    }
}

static void on_complaint(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct child_process *child = stream->data;

    if (!take_end(child, stream, got)) {
        return;
    }
    if (child->complaint.len + (size_t)got > COMPLAINT_MAX) { /* the end tells most */
        strbuf_reset(&child->complaint);
    }
    strbuf_append(&child->complaint, buf->base, (size_t)got);
}

/* --- starting --------------------------------------------------------------------------------- */

static void on_input_written(uv_write_t *write, int status)
{
    struct child_process *child = write->data;

    (void)status; /* a child that does not read its input says why, or dies */
    free_input(child);
    close_handle((uv_handle_t *)&child->in);
}

static void send_input(struct child_process *child)
{
    uv_buf_t buf = uv_buf_init(child->input, (unsigned)strlen(child->input));

    child->write.data = child;
    if (uv_write(&child->write, (uv_stream_t *)&child->in, &buf, 1, on_input_written) < 0) {
        close_handle((uv_handle_t *)&child->in);
    }
}

static struct child_process *child_new(uv_loop_t *loop, const struct child_process_options *options)
{
    struct child_process *child = xcalloc(1, sizeof(*child));
    uv_handle_t *handles[] = {
        (uv_handle_t *)&child->in,         (uv_handle_t *)&child->out,
        (uv_handle_t *)&child->complaints, (uv_handle_t *)&child->stall,
        (uv_handle_t *)&child->total,
    };

    child->options = *options;
    child->options.program = child->options.verb = child->options.what = NULL;
    child->options.input = NULL;
    child->input = xstrdup(options->input);
    strbuf_init(&child->complaint, COMPLAINT_MAX);
    uv_pipe_init(loop, &child->in, 0);
    uv_pipe_init(loop, &child->out, 0);
    uv_pipe_init(loop, &child->complaints, 0);
    uv_timer_init(loop, &child->stall);
    uv_timer_init(loop, &child->total);
    for (size_t i = 0; i < ARRAY_SIZE(handles); i++) {
        handles[i]->data = child;
    }
    child->open_handles = ARRAY_SIZE(handles);
    return child;
}

static int spawn(struct child_process *child, uv_loop_t *loop,
                 const struct child_process_options *wanted)
{
    auto_free char *program = xstrdup(wanted->program);
    auto_free char *verb = xstrdup(wanted->verb);
    char *args[] = {program, verb, NULL};
    char *environment[] = {NULL};
    struct spawn_options options = {
        .args = args,
        .environment = environment,
        .streams = {&child->in, &child->out, &child->complaints},
        .is_apart = true,
        .on_exit = on_exit_of_child,
        .user = child,
    };

    return spawn_start(loop, &child->process, &options);
}

struct child_process *child_process_start(uv_loop_t *loop,
                                          const struct child_process_options *options,
                                          const char *reason, struct error *err)
{
    struct child_process *child = child_new(loop, options);
    int status;

    assert(options->total_ms > 0);
    status = spawn(child, loop, options);
    if (status < 0) {
        close_all(child);
        error_set_reason(err, ERROR_TRANSIENT, reason, "%s \"%s\" cannot be started: %s",
                         options->name, options->program, uv_strerror(status));
        return NULL;
    }
    child->profile =
        profile_span_begin(PROFILE_CHILDREN, trace_args(trace_number("pid", child->process.pid)),
                           "%s%s%s", options->verb, options->what != NULL ? " " : "",
                           options->what != NULL ? options->what : "");
    child->open_streams = 2;
    uv_read_start((uv_stream_t *)&child->out, on_alloc, on_output);
    uv_read_start((uv_stream_t *)&child->complaints, on_alloc, on_complaint);
    if (options->stall_ms > 0) {
        uv_timer_start(&child->stall, on_timer, options->stall_ms, options->stall_ms);
    }
    uv_timer_start(&child->total, on_timer, options->total_ms, 0);
    send_input(child);
    return child;
}
