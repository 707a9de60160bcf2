#include "controller/tree_child.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/reason.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

enum {
    ANSWER_MAX = 8192,
    COMPLAINT_MAX = 8192,
    DRAIN_MS = 2000, /* for what is still in the pipes when the child is gone */
};

struct tree_child {
    struct tree_child_options options; /* program and job_text are not kept */
    uv_process_t process;
    uv_pipe_t in, out, complaints;
    uv_timer_t timer;
    uv_write_t write;
    char *job_text; /* until it is written */
    unsigned open_handles;
    unsigned open_streams; /* out and complaints, until their end is read */
    bool is_closed;        /* no callbacks any more */
    bool has_exited;
    int64_t exit_status;
    int exit_signal;

    struct strbuf answer, complaint;
    char chunk[4096];
    struct error failure; /* why it was killed */
};

/* --- its memory ------------------------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct tree_child *child = handle->data;

    if (--child->open_handles == 0) {
        free(child->job_text);
        strbuf_done(&child->answer);
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

static void close_all(struct tree_child *child)
{
    child->is_closed = true;
    close_handle((uv_handle_t *)&child->process);
    close_handle((uv_handle_t *)&child->in);
    close_handle((uv_handle_t *)&child->out);
    close_handle((uv_handle_t *)&child->complaints);
    close_handle((uv_handle_t *)&child->timer);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Until it is reaped, its number is its own. */
static void kill_group(struct tree_child *child)
{
    if (!child->has_exited) {
        kill(-child->process.pid, SIGKILL);
    }
}

void tree_child_close(struct tree_child *child)
{
    kill_group(child);
    close_all(child);
}

static void set_failure(struct tree_child *child, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The first reason counts; what follows from the killing is none. */
static void set_failure(struct tree_child *child, const char *format, ...)
{
    auto_free char *text = NULL;
    va_list args;

    if (child->failure.kind == ERROR_NONE) {
        va_start(args, format);
        text = xvasprintf(format, args);
        va_end(args);
        error_set_reason(&child->failure, ERROR_TRANSIENT, REASON_WORKSPACE_FAILED, "%s", text);
    }
}

static void on_timeout(uv_timer_t *timer)
{
    struct tree_child *child = timer->data;

    set_failure(child, "the work on the tree was not done after %" PRIu64 " s",
                (child->options.timeout_ms + 999) / 1000);
    kill_group(child);
}

static void explain_death(struct tree_child *child)
{
    const char *colon = child->complaint.len > 0 ? ": " : "";

    if (child->complaint.len > 0) {
        text_make_clean_line(child->complaint.text, 500);
    }
    if (child->exit_signal != 0) {
        set_failure(child, "the tree process was ended by signal %d (%s)%s%s", child->exit_signal,
                    strsignal(child->exit_signal), colon, strbuf_text(&child->complaint));
    } else {
        set_failure(child, "the tree process ended with status %" PRId64 " and no word%s%s",
                    child->exit_status, colon, strbuf_text(&child->complaint));
    }
}

/* True: there is a result. Otherwise child->failure is set. */
static bool take_answer(struct tree_child *child, struct tree_result *ret_result)
{
    struct strbuf *answer = &child->answer;
    struct error failure = {0}, err = {0};
    bool is_result = false;

    if (child->failure.kind != ERROR_NONE) {
        return false;
    }
    if (answer->len == 0) {
        explain_death(child);
        return false;
    }
    if (strlen(answer->text) != answer->len || answer->text[answer->len - 1] != '\n') {
        set_failure(child, "the tree process wrote something that is no line");
        return false;
    }
    answer->text[answer->len - 1] = '\0';
    if (tree_line_parse(answer->text, &is_result, ret_result, &failure, &err) < 0) {
        set_failure(child, "%s", err.message);
    } else if (!is_result) {
        child->failure = failure;
    }
    return is_result;
}

static void check_end(struct tree_child *child)
{
    struct tree_result result;
    bool has_result;

    if (child->is_closed || !child->has_exited || child->open_streams > 0) {
        return;
    }
    has_result = take_answer(child, &result);
    close_all(child);
    child->options.on_end(child->options.user, has_result ? &result : NULL, &child->failure);
}

/* Somebody who left the group has our pipes: the rest of what comes from them is not waited for. */
static void on_drain_time_over(uv_timer_t *timer)
{
    struct tree_child *child = timer->data;

    child->open_streams = 0;
    check_end(child);
}

static void on_exit_of_child(uv_process_t *process, int64_t status, int signal_number)
{
    struct tree_child *child = process->data;

    child->has_exited = true;
    child->exit_status = status;
    child->exit_signal = signal_number;
    /*
     * Whatever it left behind in its group holds our pipes open. The number of a group with members
     * is not given away, and one without any is not given away in the instant since the child was
     * reaped.
     */
    kill(-process->pid, SIGKILL);
    uv_timer_start(&child->timer, on_drain_time_over, DRAIN_MS, 0);
    check_end(child);
}

/* --- what it writes --------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct tree_child *child = handle->data;

    (void)suggested;
    *buf = uv_buf_init(child->chunk, sizeof(child->chunk));
}

static void on_output(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct tree_child *child = stream->data;
    bool is_answer = stream == (uv_stream_t *)&child->out;

    if (got < 0) {
        uv_read_stop(stream);
        child->open_streams -= child->open_streams > 0;
        check_end(child);
    } else if (strbuf_append(is_answer ? &child->answer : &child->complaint, buf->base,
                             (size_t)got) < 0 &&
               is_answer) {
        set_failure(child, "the tree process wrote more than %d bytes", ANSWER_MAX);
        kill_group(child);
    }
}

/* --- starting --------------------------------------------------------------------------------- */

static void on_job_written(uv_write_t *write, int status)
{
    struct tree_child *child = write->data;

    (void)status; /* a child that does not read its job says why, or dies */
    close_handle((uv_handle_t *)&child->in);
}

static void send_job(struct tree_child *child)
{
    uv_buf_t buf = uv_buf_init(child->job_text, (unsigned)strlen(child->job_text));

    child->write.data = child;
    if (uv_write(&child->write, (uv_stream_t *)&child->in, &buf, 1, on_job_written) < 0) {
        close_handle((uv_handle_t *)&child->in);
    }
}

static struct tree_child *child_new(uv_loop_t *loop, const struct tree_child_options *options)
{
    struct tree_child *child = xcalloc(1, sizeof(*child));
    uv_handle_t *handles[] = {
        (uv_handle_t *)&child->process,    (uv_handle_t *)&child->in,    (uv_handle_t *)&child->out,
        (uv_handle_t *)&child->complaints, (uv_handle_t *)&child->timer,
    };

    child->options = *options;
    child->options.program = child->options.job_text = NULL;
    child->job_text = xstrdup(options->job_text);
    strbuf_init(&child->answer, ANSWER_MAX);
    strbuf_init(&child->complaint, COMPLAINT_MAX);
    uv_pipe_init(loop, &child->in, 0);
    uv_pipe_init(loop, &child->out, 0);
    uv_pipe_init(loop, &child->complaints, 0);
    uv_timer_init(loop, &child->timer);
    for (size_t i = 0; i < ARRAY_SIZE(handles); i++) {
        handles[i]->data = child;
    }
    child->open_handles = ARRAY_SIZE(handles);
    return child;
}

/*
 * libuv initialises the process handle in any case; the streams become the child's three
 * descriptors.
 */
static int spawn(struct tree_child *child, uv_loop_t *loop, const char *program)
{
    auto_free char *file = xstrdup(program);
    char verb[] = "tree-worker";
    char *args[] = {file, verb, NULL};
    char *environment[] = {NULL};
    uv_stdio_container_t stdio[] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&child->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&child->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
         .data.stream = (uv_stream_t *)&child->complaints},
    };
    uv_process_options_t options = {
        .exit_cb = on_exit_of_child,
        .file = file,
        .args = args,
        .env = environment,
        .flags = UV_PROCESS_DETACHED, /* a session and process group of its own */
        .stdio = stdio,
        .stdio_count = ARRAY_SIZE(stdio),
    };

    return uv_spawn(loop, &child->process, &options);
}

struct tree_child *tree_child_start(uv_loop_t *loop, const struct tree_child_options *options,
                                    struct error *err)
{
    struct tree_child *child = child_new(loop, options);
    int status = spawn(child, loop, options->program);

    if (status < 0) {
        close_all(child);
        error_set_reason(err, ERROR_TRANSIENT, REASON_WORKSPACE_FAILED,
                         "the tree process \"%s\" cannot be started: %s", options->program,
                         uv_strerror(status));
        return NULL;
    }
    child->open_streams = 2;
    uv_read_start((uv_stream_t *)&child->out, on_alloc, on_output);
    uv_read_start((uv_stream_t *)&child->complaints, on_alloc, on_output);
    uv_timer_start(&child->timer, on_timeout, options->timeout_ms, 0);
    send_job(child);
    return child;
}
