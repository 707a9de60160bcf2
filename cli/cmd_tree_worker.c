#include "cli/cmd_tree_worker.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "cli/command.h"
#include "cli/git_sandbox.h"
#include "clients/tree_job.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { JOB_MAX = 64 * 1024 };

static int read_job(struct strbuf *text, struct error *err)
{
    char chunk[4096];
    ssize_t got;

    while ((got = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return error_set_errno(err, errno, "read the tree job");
        }
        if (strbuf_append(text, chunk, (size_t)got) < 0) {
            return error_set(err, ERROR_INVALID, "the tree job is larger than %d bytes", JOB_MAX);
        }
    }
    return 0;
}

static int run_job(struct tree_result *ret_result, struct error *err)
{
    auto_done(strbuf) text = {.max_len = JOB_MAX};
    json_auto_t *json = NULL;
    struct tree_job job;

    if (read_job(&text, err) < 0) {
        return -1;
    }
    json = json_loadb(strbuf_text(&text), text.len, JSON_REJECT_DUPLICATES, NULL);
    if (tree_job_from_json(json, &job, err) < 0) {
        return -1;
    }
    return tree_job_run(&job, ret_result, err);
}

int cmd_tree_worker(int argc, char **argv)
{
    struct tree_result result;
    struct error err = {0};
    auto_free char *line = NULL;
    int status;

    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "berth tree-worker takes no arguments: its job comes on stdin\n");
        return EXIT_BAD_USAGE;
    }
    if (git_sandbox_start() < 0) {
        return EXIT_FAILED;
    }
    status = run_job(&result, &err);
    line = status == 0 ? tree_result_to_line(&result) : tree_failure_to_line(&err);
    if (fputs(line, stdout) < 0 || fflush(stdout) != 0) {
        return EXIT_FAILED;
    }
    return status == 0 ? EXIT_OK : EXIT_FAILED;
}

const struct command command_tree_worker = {
    .name = "tree-worker",
    .run = cmd_tree_worker,
};
