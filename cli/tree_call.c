#include "cli/tree_call.h"

#include "base/cleanup.h"
#include "base/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MAX = 8192 };

struct worker {
    pid_t pid;
    int in, out; /* our ends of its stdin and stdout */
};

static void worker_done(struct worker *worker)
{
    cleanup_close(&worker->in);
    cleanup_close(&worker->out);
    while (worker->pid > 0 && waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

static int start(struct worker *worker, struct error *err)
{
    char program[] = "berth", verb[] = "tree-worker";
    char *args[] = {program, verb, NULL}, *environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    int in[2], out[2], status;

    if (pipe2(in, O_CLOEXEC) < 0) {
        return error_set_errno(err, errno, "make a pipe");
    }
    worker->in = in[1];
    if (pipe2(out, O_CLOEXEC) < 0) {
        close(in[0]);
        return error_set_errno(err, errno, "make a pipe");
    }
    worker->out = out[0];
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    status = posix_spawn(&worker->pid, "/proc/self/exe", &actions, NULL, args, environment);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    if (status != 0) {
        worker->pid = -1;
        return error_set_errno(err, status, "start the tree worker");
    }
    return 0;
}

/* The job is smaller than a pipe, and a worker that does not take it says why. */
static void send_job(struct worker *worker, const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t put = write(worker->in, text, len);

        if (put < 0 && errno != EINTR) {
            break;
        }
        if (put > 0) {
            text += put;
            len -= (size_t)put;
        }
    }
    close(TAKE_FD(worker->in));
}

static int read_answer(struct worker *worker, struct strbuf *answer, struct error *err)
{
    char chunk[1024];
    ssize_t got;

    while ((got = read(worker->out, chunk, sizeof(chunk))) != 0) {
        if (got < 0 && errno != EINTR) {
            return error_set_errno(err, errno, "listen to the tree worker");
        }
        if (got > 0 && strbuf_append(answer, chunk, (size_t)got) < 0) {
            return error_set(err, ERROR_INTERNAL, "the tree worker says too much");
        }
    }
    return 0;
}

static int take_answer(struct strbuf *answer, struct tree_result *ret_result, struct error *err)
{
    struct error failure = {0};
    bool is_result;

    if (answer->len == 0 || answer->text[answer->len - 1] != '\n') {
        return error_set(err, ERROR_TRANSIENT, "the tree worker ended without an answer");
    }
    answer->text[answer->len - 1] = '\0';
    if (tree_line_parse(answer->text, &is_result, ret_result, &failure, err) < 0) {
        return -1;
    }
    if (!is_result) {
        *err = failure;
        return -1;
    }
    return 0;
}

int tree_call(const struct tree_job *job, struct tree_result *ret_result, struct error *err)
{
    auto_done(strbuf) answer = {.max_len = ANSWER_MAX};
    auto_done(worker) worker = {.pid = -1, .in = -1, .out = -1};
    json_auto_t *json = NULL;
    auto_free char *text = NULL;

    if (tree_job_to_json(job, &json, err) < 0 || start(&worker, err) < 0) {
        return -1;
    }
    text = json_dumps(json, JSON_COMPACT);
    send_job(&worker, text);
    return read_answer(&worker, &answer, err) < 0 ? -1 : take_answer(&answer, ret_result, err);
}
