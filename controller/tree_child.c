#include "controller/tree_child.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/child_process.h"
#include "specs/reason.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum { ANSWER_MAX = 8192 };

struct tree_child {
    struct tree_child_options options; /* program and job_text are not kept */
    struct child_process *process;
    struct strbuf answer;
    struct error failure; /* the first reason; what follows from the killing is none */
};

static void child_free(struct tree_child *child)
{
    strbuf_done(&child->answer);
    free(child);
}

static void set_failure(struct tree_child *child, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

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

static void on_limit(void *user, enum child_limit limit)
{
    struct tree_child *child = user;

    (void)limit; /* it has only one */
    set_failure(child, "the work on the tree was not done after %" PRIu64 " s",
                (child->options.timeout_ms + 999) / 1000);
}

static void on_output(void *user, const char *bytes, size_t len)
{
    struct tree_child *child = user;

    if (strbuf_append(&child->answer, bytes, len) < 0) {
        set_failure(child, "the tree process wrote more than %d bytes", ANSWER_MAX);
        child_process_kill(child->process);
    }
}

/* True: there is a result. Otherwise child->failure is set. */
static bool take_answer(struct tree_child *child, const char *death, struct tree_result *ret_result)
{
    struct strbuf *answer = &child->answer;
    struct error failure = {0}, err = {0};
    bool is_result = false;

    if (child->failure.kind != ERROR_NONE) {
        return false;
    }
    if (answer->len == 0) {
        set_failure(child, "%s", death);
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

static void on_end(void *user, const char *death)
{
    struct tree_child *child = user;
    struct tree_result result;
    bool has_result = take_answer(child, death, &result);

    child->options.on_end(child->options.user, has_result ? &result : NULL, &child->failure);
    child_free(child);
}

struct tree_child *tree_child_start(uv_loop_t *loop, const struct tree_child_options *options,
                                    struct error *err)
{
    struct tree_child *child = xcalloc(1, sizeof(*child));
    const struct child_process_options process = {
        .program = options->program,
        .verb = "tree-worker",
        .name = "the tree process",
        .what = options->what,
        .input = options->job_text,
        .total_ms = options->timeout_ms,
        .on_output = on_output,
        .on_limit = on_limit,
        .on_end = on_end,
        .user = child,
    };

    child->process = child_process_start(loop, &process, REASON_WORKSPACE_FAILED, err);
    if (child->process == NULL) {
        child_free(child);
        return NULL;
    }
    child->options = *options;
    child->options.program = child->options.job_text = child->options.what = NULL;
    strbuf_init(&child->answer, ANSWER_MAX);
    return child;
}

void tree_child_close(struct tree_child *child)
{
    child_process_close(child->process);
    child_free(child);
}
