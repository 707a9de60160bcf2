#include "controller/git_child.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "specs/reason.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

enum { DRAIN_MS = 2000 }; /* for what is still in the pipes when the child is gone */

struct git_child {
    struct git_child_options options; /* program and job_text are not kept */
    uv_process_t process;
    uv_pipe_t in, out, complaints;
    uv_timer_t stall, total;
    uv_write_t write;
    char *job_text; /* until it is written */
    unsigned open_handles;
    unsigned open_streams; /* out and complaints, until their end is read */
    bool is_closed;        /* no callbacks any more */
    bool has_exited;
    int64_t exit_status;
    int exit_signal;

    struct strbuf lines; /* read, not yet complete */
    struct strbuf complaint;
    char chunk[8192];
    struct git_result result;
    struct error failure;
    bool has_result;
};

static bool is_decided(const struct git_child *child)
{
    return child->has_result || child->failure.kind != ERROR_NONE;
}

/* --- its memory ------------------------------------------------------------------------------- */

static void free_job_text(struct git_child *child)
{
    if (child->job_text != NULL) { /* has secrets */
        explicit_bzero(child->job_text, strlen(child->job_text));
        free(TAKE(child->job_text));
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct git_child *child = handle->data;

    if (--child->open_handles == 0) {
        free_job_text(child);
        strbuf_done(&child->lines);
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

static void close_all(struct git_child *child)
{
    child->is_closed = true;
    close_handle((uv_handle_t *)&child->process);
    close_handle((uv_handle_t *)&child->in);
    close_handle((uv_handle_t *)&child->out);
    close_handle((uv_handle_t *)&child->complaints);
    close_handle((uv_handle_t *)&child->stall);
    close_handle((uv_handle_t *)&child->total);
}

/* --- failing ---------------------------------------------------------------------------------- */

/* Until it is reaped, its number is its own. */
void git_child_kill(struct git_child *child)
{
    if (!child->has_exited) {
        kill(-child->process.pid, SIGKILL);
    }
}

void git_child_close(struct git_child *child)
{
    git_child_kill(child);
    close_all(child);
}

/* The first reason counts; what follows from the killing is none. */
static void set_failure(struct git_child *child, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void set_failure(struct git_child *child, const char *reason, const char *format, ...)
{
    auto_free char *text = NULL;
    va_list args;

    if (!is_decided(child)) {
        va_start(args, format);
        text = xvasprintf(format, args);
        va_end(args);
        git_job_hide_secrets(child->options.job, text);
        error_set_reason(&child->failure, ERROR_TRANSIENT, reason, "%s", text);
    }
    git_child_kill(child);
}

static void on_stall(uv_timer_t *timer)
{
    struct git_child *child = timer->data;

    set_failure(child, REASON_CLONE_STALLED, "%s: nothing came for %" PRIu64 " s",
                child->options.job->url, (child->options.stall_ms + 999) / 1000);
}

static void on_total(uv_timer_t *timer)
{
    struct git_child *child = timer->data;

    set_failure(child, REASON_CLONE_STALLED, "%s: not done after %" PRIu64 " s",
                child->options.job->url, (child->options.total_ms + 999) / 1000);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void make_printable(struct strbuf *text)
{
    for (size_t i = 0; i < text->len; i++) {
        unsigned char byte = (unsigned char)text->text[i];

        if (byte >= 0x7f || (byte < 0x20 && byte != '\n')) {
            text->text[i] = '?';
        }
    }
}

/* The last line that the child complained with; the buffer is used up. */
static const char *last_complaint(struct strbuf *complaint)
{
    char *line;

    make_printable(complaint);
    while (complaint->len > 0 && strchr("\n ", complaint->text[complaint->len - 1]) != NULL) {
        complaint->text[--complaint->len] = '\0';
    }
    if (complaint->len == 0) {
        return "";
    }
    line = strrchr(complaint->text, '\n');
    return line != NULL ? line + 1 : complaint->text;
}

static void explain_death(struct git_child *child)
{
    const char *complaint = last_complaint(&child->complaint);
    const char *colon = complaint[0] != '\0' ? ": " : "";

    if (child->exit_signal != 0) {
        set_failure(child, REASON_CLONE_FAILED,
                    "the git process was ended by signal %d (%s)%s%.500s", child->exit_signal,
                    strsignal(child->exit_signal), colon, complaint);
    } else {
        set_failure(child, REASON_CLONE_FAILED,
                    "the git process ended with status %" PRId64 " and no word%s%.500s",
                    child->exit_status, colon, complaint);
    }
}

static void check_end(struct git_child *child)
{
    if (child->is_closed || !child->has_exited || child->open_streams > 0) {
        return;
    }
    if (!is_decided(child)) {
        explain_death(child);
    }
    close_all(child);
    child->options.on_end(child->options.user, child->has_result ? &child->result : NULL,
                          &child->failure);
}

/* Somebody who left the group has our pipes: the rest of what comes from them is not waited for. */
static void on_drain_time_over(uv_timer_t *timer)
{
    struct git_child *child = timer->data;

    child->open_streams = 0;
    check_end(child);
}

static void on_exit_of_child(uv_process_t *process, int64_t status, int signal_number)
{
    struct git_child *child = process->data;

    child->has_exited = true;
    child->exit_status = status;
    child->exit_signal = signal_number;
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

/* --- what it writes --------------------------------------------------------------------------- */

static void take_line(struct git_child *child, const char *line, size_t len,
                      struct git_progress *progress, bool *has_progress)
{
    struct error failure = {0}, err = {0};
    enum git_line type;

    if (strlen(line) != len) {
        set_failure(child, REASON_CLONE_FAILED, "the git process wrote a NUL byte");
        return;
    }
    if (git_line_parse(line, &type, progress, &child->result, &failure, &err) < 0) {
        set_failure(child, REASON_CLONE_FAILED, "%s", err.message);
        return;
    }
    switch (type) {
    case GIT_LINE_PROGRESS: *has_progress = true; break;
    case GIT_LINE_RESULT:
        if (child->result.found_count != child->options.job->revision_count) {
            set_failure(child, REASON_CLONE_FAILED,
                        "the git process was asked for %zu revisions and told of %zu",
                        child->options.job->revision_count, child->result.found_count);
            return;
        }
        child->has_result = true;
        break;
    case GIT_LINE_ERROR:
        git_job_hide_secrets(child->options.job, failure.message);
        child->failure = failure;
        break;
    }
}

/* Of several progress lines at once the newest is told. */
static void take_lines(struct git_child *child)
{
    struct git_progress progress;
    bool has_progress = false;
    size_t used = 0;
    char *line, *end;

    while (!is_decided(child) && used < child->lines.len) {
        line = child->lines.text + used;
        end = memchr(line, '\n', child->lines.len - used);
        if (end == NULL) {
            break;
        }
        *end = '\0';
        take_line(child, line, (size_t)(end - line), &progress, &has_progress);
        used += (size_t)(end - line) + 1;
    }
    strbuf_consume(&child->lines, used);
    if (!is_decided(child) && child->lines.len > GIT_LINE_MAX) {
        set_failure(child, REASON_CLONE_FAILED,
                    "the git process wrote a line of more than %d bytes", GIT_LINE_MAX);
    }
    if (has_progress && !is_decided(child)) {
        child->options.on_progress(child->options.user, &progress); /* may close the child */
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct git_child *child = handle->data;

    (void)suggested;
    *buf = uv_buf_init(child->chunk, sizeof(child->chunk));
}

/* What both streams have in common: true when bytes came. */
static bool take_end(struct git_child *child, uv_stream_t *stream, ssize_t got)
{
    if (got < 0) {
        uv_read_stop(stream);
        if (child->open_streams > 0) {
            child->open_streams--;
        }
        check_end(child);
    }
    return got > 0;
}

static void on_output(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct git_child *child = stream->data;

    if (!take_end(child, stream, got) || is_decided(child)) {
        return;
    }
    uv_timer_again(&child->stall);
    strbuf_append(&child->lines, buf->base, (size_t)got); /* fits: more than a line is a failure */
    take_lines(child);
}

static void on_complaint(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct git_child *child = stream->data;

    if (!take_end(child, stream, got)) {
        return;
    }
    if (child->complaint.len + (size_t)got > GIT_STDERR_MAX) { /* the end tells most */
        strbuf_reset(&child->complaint);
    }
    strbuf_append(&child->complaint, buf->base, (size_t)got);
}

/* --- starting --------------------------------------------------------------------------------- */

static void on_job_written(uv_write_t *write, int status)
{
    struct git_child *child = write->data;

    (void)status; /* a child that does not read its job says why, or dies */
    free_job_text(child);
    close_handle((uv_handle_t *)&child->in);
}

static void send_job(struct git_child *child)
{
    uv_buf_t buf = uv_buf_init(child->job_text, (unsigned)strlen(child->job_text));

    child->write.data = child;
    if (uv_write(&child->write, (uv_stream_t *)&child->in, &buf, 1, on_job_written) < 0) {
        close_handle((uv_handle_t *)&child->in);
    }
}

static struct git_child *child_new(uv_loop_t *loop, const struct git_child_options *options)
{
    struct git_child *child = xcalloc(1, sizeof(*child));
    uv_handle_t *handles[] = {
        (uv_handle_t *)&child->process, (uv_handle_t *)&child->in,
        (uv_handle_t *)&child->out,     (uv_handle_t *)&child->complaints,
        (uv_handle_t *)&child->stall,   (uv_handle_t *)&child->total,
    };

    child->options = *options;
    child->options.program = child->options.job_text = NULL;
    child->job_text = xstrdup(options->job_text);
    strbuf_init(&child->lines, GIT_LINE_MAX + sizeof(child->chunk));
    strbuf_init(&child->complaint, GIT_STDERR_MAX + sizeof(child->chunk));
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

/*
 * libuv initialises the process handle in any case; the streams become the child's three
 * descriptors.
 */
static int spawn(struct git_child *child, uv_loop_t *loop, const char *program)
{
    auto_free char *file = xstrdup(program);
    char verb[] = "git-worker";
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

struct git_child *git_child_start(uv_loop_t *loop, const struct git_child_options *options,
                                  struct error *err)
{
    struct git_child *child = child_new(loop, options);
    int status = spawn(child, loop, options->program);

    if (status < 0) {
        close_all(child);
        error_set_reason(err, ERROR_TRANSIENT, REASON_CLONE_FAILED,
                         "the git process \"%s\" cannot be started: %s", options->program,
                         uv_strerror(status));
        return NULL;
    }
    child->open_streams = 2;
    uv_read_start((uv_stream_t *)&child->out, on_alloc, on_output);
    uv_read_start((uv_stream_t *)&child->complaints, on_alloc, on_complaint);
    uv_timer_start(&child->stall, on_stall, options->stall_ms, options->stall_ms);
    uv_timer_start(&child->total, on_total, options->total_ms, 0);
    send_job(child);
    return child;
}
