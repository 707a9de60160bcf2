#include "controller/git_child.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/child_process.h"
#include "specs/reason.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

struct git_child {
    struct git_child_options options; /* program and job_text are not kept */
    struct child_process *process;
    struct strbuf lines; /* read, not yet complete */
    struct git_result result;
    struct error failure;
    bool has_result;
};

static bool is_decided(const struct git_child *child)
{
    return child->has_result || child->failure.kind != ERROR_NONE;
}

static void child_free(struct git_child *child)
{
    strbuf_done(&child->lines);
    free(child);
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
    child_process_kill(child->process);
}

static void on_limit(void *user, enum child_limit limit)
{
    struct git_child *child = user;
    const struct git_child_options *options = &child->options;

    if (limit == CHILD_STALLED) {
        set_failure(child, REASON_CLONE_STALLED, "%s: nothing came for %" PRIu64 " s",
                    options->job->url, (options->stall_ms + 999) / 1000);
    } else {
        set_failure(child, REASON_CLONE_STALLED, "%s: not done after %" PRIu64 " s",
                    options->job->url, (options->total_ms + 999) / 1000);
    }
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

static void on_output(void *user, const char *bytes, size_t len)
{
    struct git_child *child = user;

    if (!is_decided(child)) {
        strbuf_append(&child->lines, bytes, len); /* fits: more than a line is a failure */
        take_lines(child);
    }
}

static void on_end(void *user, const char *death)
{
    struct git_child *child = user;

    if (!is_decided(child)) {
        set_failure(child, REASON_CLONE_FAILED, "%s", death);
    }
    child->options.on_end(child->options.user, child->has_result ? &child->result : NULL,
                          &child->failure);
    child_free(child);
}

/* --- the outside ------------------------------------------------------------------------------ */

static char *describe(const struct git_job *job)
{
    return job->tree != NULL ? xasprintf("snapshot of %s %s", job->url, job->commit)
                             : xasprintf(job->is_offline ? "look into %s" : "fetch %s", job->url);
}

struct git_child *git_child_start(uv_loop_t *loop, const struct git_child_options *options,
                                  struct error *err)
{
    struct git_child *child = xcalloc(1, sizeof(*child));
    auto_free char *what = describe(options->job);
    const struct child_process_options process = {
        .program = options->program,
        .verb = "git-worker",
        .name = "the git process",
        .what = what,
        .input = options->job_text,
        .stall_ms = options->stall_ms,
        .total_ms = options->total_ms,
        .on_output = on_output,
        .on_limit = on_limit,
        .on_end = on_end,
        .user = child,
    };

    child->process = child_process_start(loop, &process, REASON_CLONE_FAILED, err);
    if (child->process == NULL) {
        child_free(child);
        return NULL;
    }
    child->options = *options;
    child->options.program = child->options.job_text = NULL;
    strbuf_init(&child->lines, GIT_LINE_MAX + CHILD_OUTPUT_CHUNK);
    return child;
}

void git_child_kill(struct git_child *child)
{
    child_process_kill(child->process);
}

void git_child_close(struct git_child *child)
{
    child_process_close(child->process);
    child_free(child);
}
