#include "cli/cmd_git_worker.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "cli/command.h"
#include "cli/git_sandbox.h"
#include "clients/git_client.h"
#include "clients/git_protocol.h"
#include "clients/git_staging.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    KNOWN_HOSTS_MAX = 1 << 20,
    CHUNK_MAX = 4096, /* of what is read at once */
    SYNC_TURN_MS = 10,
    SYNC_TURNS_OF_SECOND = 1000 / SYNC_TURN_MS,
    SYNC_TURNS_MAX = 5 * SYNC_TURNS_OF_SECOND,
};

/* What the keeper holds while the job is done. */
struct keeper {
    const struct git_job *job;
    char *known_hosts; /* text, or NULL */
    struct git_staging staging;
};

static void keeper_done(struct keeper *keeper)
{
    free(keeper->known_hosts);
    git_staging_done(&keeper->staging);
}

static int write_line(int fd, const char *line)
{
    size_t len = strlen(line);

    while (len > 0) {
        ssize_t put = write(fd, line, len);

        if (put < 0 && errno != EINTR) {
            return -1;
        }
        if (put > 0) {
            line += put;
            len -= (size_t)put;
        }
    }
    return 0;
}

/* --- the job ---------------------------------------------------------------------------------- */

static int read_job(struct git_job *ret_job, json_t **ret_json, struct error *err)
{
    auto_done(strbuf) text = {.max_len = GIT_JOB_MAX};
    char chunk[CHUNK_MAX];
    ssize_t got;

    while ((got = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return error_set_errno(err, errno, "read the git job");
        }
        if (strbuf_append(&text, chunk, (size_t)got) < 0) {
            return error_set(err, ERROR_INVALID, "the git job is larger than %d bytes",
                             GIT_JOB_MAX);
        }
    }
    *ret_json = json_loadb(strbuf_text(&text), text.len, JSON_REJECT_DUPLICATES, NULL);
    explicit_bzero(chunk, sizeof(chunk));
    if (text.text != NULL) {
        explicit_bzero(text.text, text.len);
    }
    return git_job_from_json(*ret_json, ret_job, err);
}

/* --- the worker ------------------------------------------------------------------------------- */

static int on_progress(void *user, const struct git_progress *progress)
{
    auto_free char *line = git_progress_to_line(progress);

    (void)user;
    return write_line(STDOUT_FILENO, line);
}

/* The steps that are a worker's, each in a process of its own. */
enum step {
    STEP_WORK,        /* mirror, revisions, the files of a snapshot */
    STEP_WRITE_INDEX, /* of the snapshot, when it was handed over */
};

/* A hint that our own user could not use: the way to the mirror may be closed for another one. */
static int check_reach(const char *parent, struct error *err)
{
    if (access(parent, R_OK | W_OK | X_OK) < 0) {
        return error_set_reason(err, ERROR_CONFLICT, "WorkspaceFailed",
                                "user %u, who does the git work, cannot write in \"%s\": %s; "
                                "each directory on the way to it must be searchable (chmod o+x)",
                                (unsigned)geteuid(), parent, strerror(errno));
    }
    return 0;
}

/*
 * The mirror's directory as the worker gets to it. A source on this machine may lie anywhere, also
 * where a namespace of our own covers it.
 */
static char *move_in(const struct git_job *job, bool has_source)
{
    auto_free char *parent = git_staging_parent(job->mirror);

    if (job->run_as == 0 || has_source || !git_sandbox_mount(parent)) {
        return TAKE(parent);
    }
    return xstrdup(GIT_SANDBOX_MIRROR);
}

static int hex_value(char digit)
{
    return digit >= '0' && digit <= '9'   ? digit - '0'
           : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
           : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                          : -1;
}

/* The path of a file:// URL, as libgit2 takes it: a host "localhost" is none, %20 is a blank. */
static char *path_of_url(const char *url)
{
    static const char host[] = "localhost";
    char *path, *to;

    url += strlen("file://");
    url += text_has_prefix(url, host) && url[strlen(host)] == '/' ? strlen(host) : 0;
    path = to = xstrdup(url);
    for (const char *at = url; *at != '\0'; at++) {
        if (at[0] == '%' && hex_value(at[1]) >= 0 && hex_value(at[2]) >= 0) {
            *to++ = (char)(hex_value(at[1]) << 4 | hex_value(at[2]));
            at += 2;
        } else {
            *to++ = *at;
        }
    }
    *to = '\0';
    return path;
}

static int do_step(const struct keeper *keeper, enum step step, const struct git_job *job,
                   const char *parent, struct git_result *ret_result, struct error *err)
{
    auto_free char *new_tree = path_join(parent, GIT_STAGING_NEW_TREE);
    auto_free char *tree = path_join(parent, GIT_STAGING_TREE);
    auto_free char *index = path_join(parent, GIT_STAGING_INDEX);

    switch (step) {
    case STEP_WORK:
        return git_client_run(job, keeper->staging.fd >= 0 ? new_tree : NULL, keeper->known_hosts,
                              on_progress, NULL, ret_result, err);
    case STEP_WRITE_INDEX:
        *ret_result = (struct git_result){0};
        return git_client_write_index(job, tree, index, err);
    }
    abort(); /* not a step at all: memory is damaged */
}

static int work(const struct keeper *keeper, enum step step, pid_t keeper_pid,
                struct git_result *ret_result, struct error *err)
{
    struct git_job job = *keeper->job;
    auto_free char *source =
        text_has_prefix(job.url, "file://") && !job.is_offline ? path_of_url(job.url) : NULL;
    auto_free char *parent = move_in(&job, source != NULL);
    auto_free char *mirror = path_join(parent, strrchr(job.mirror, '/') + 1);
    const struct git_sandbox sandbox = {
        .user = job.run_as,
        .max_bytes = job.max_bytes,
        .has_threads = source != NULL,
        .cage = {.writable = parent,
                 .readable = source,
                 .is_offline = job.is_offline || step == STEP_WRITE_INDEX},
    };

    job.mirror = mirror;
    if (git_sandbox_enter(&sandbox, err) < 0) {
        return -1;
    }
    if (git_sandbox_die_with(keeper_pid) < 0) {
        return error_set(err, ERROR_TRANSIENT, "nobody waits for this job any more");
    }
    return check_reach(parent, err) < 0 ? -1 : do_step(keeper, step, &job, parent, ret_result, err);
}

/* The worker's process. Its stdout is the pipe to the keeper. */
static int worker_main(const struct keeper *keeper, enum step step, pid_t keeper_pid)
{
    struct git_result result;
    struct error err = {0};
    auto_free char *line = NULL;

    if (work(keeper, step, keeper_pid, &result, &err) < 0) {
        git_job_hide_secrets(keeper->job, err.message);
        line = git_failure_to_line(&err);
    } else {
        line = git_result_to_line(&result);
    }
    return write_line(STDOUT_FILENO, line) < 0;
}

static int start_worker(const struct keeper *keeper, enum step step, pid_t *ret_pid, int *ret_fd,
                        struct error *err)
{
    pid_t parent = getpid();
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0) {
        return error_set_errno(err, errno, "make a pipe");
    }
    pid = fork();
    if (pid == 0) {
        int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        if (git_sandbox_die_with(parent) < 0 || dup2(ends[1], STDOUT_FILENO) < 0 ||
            dup2(null_fd, STDIN_FILENO) < 0) {
            _exit(1);
        }
        close(ends[0]);
        close(ends[1]);
        /* libgit2 1.5 leaks with each fetch; nothing of ours waits for the end of the process */
        _exit(worker_main(keeper, step, parent));
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return error_set_errno(err, errno, "start a process for git");
    }
    *ret_pid = pid;
    *ret_fd = ends[0];
    return 0;
}

/* --- the keeper, while the worker works ------------------------------------------------------- */

struct answer {
    struct git_result result;
    struct error failure;
    bool has_result;
};

/* Progress goes on; the last word is kept. -1 ends the job. */
static int take_line(const char *line, struct answer *answer, struct error *err)
{
    struct git_progress progress;
    enum git_line type;

    error_clear(&answer->failure);
    if (git_line_parse(line, &type, &progress, &answer->result, &answer->failure, err) < 0) {
        return -1;
    }
    answer->has_result = type == GIT_LINE_RESULT;
    if (type != GIT_LINE_PROGRESS) {
        return 0;
    }
    auto_free char *again = git_progress_to_line(&progress);

    if (write_line(STDOUT_FILENO, again) < 0) {
        return error_set_errno(err, errno, "tell of the progress");
    }
    return 0;
}

static int take_lines(struct strbuf *text, struct answer *answer, struct error *err)
{
    char *end;

    while (text->len > 0 && (end = memchr(text->text, '\n', text->len)) != NULL) {
        *end = '\0';
        if (strlen(text->text) != (size_t)(end - text->text)) {
            return error_set(err, ERROR_INTERNAL, "the git process wrote a NUL byte");
        }
        if (take_line(text->text, answer, err) < 0) {
            return -1;
        }
        strbuf_consume(text, (size_t)(end - text->text) + 1);
    }
    return 0;
}

/* Waits for the worker, however long; that nobody reads our own output any more ends it as well. */
static int wait_for_more(int fd, struct error *err)
{
    struct pollfd polled[] = {{.fd = fd, .events = POLLIN}, {.fd = STDOUT_FILENO}};

    while (poll(polled, ARRAY_SIZE(polled), -1) < 0) {
        if (errno != EINTR) {
            return error_set_errno(err, errno, "wait for the git process");
        }
    }
    if (polled[1].revents != 0) {
        return error_set(err, ERROR_TRANSIENT, "nobody waits for this job any more");
    }
    return 0;
}

static int listen_to(int fd, struct answer *answer, struct error *err)
{
    auto_done(strbuf) text = {.max_len = 2 * GIT_LINE_MAX};
    char chunk[CHUNK_MAX];
    ssize_t got;

    for (;;) {
        if (wait_for_more(fd, err) < 0) {
            return -1;
        }
        got = read(fd, chunk, sizeof(chunk));
        if (got < 0) {
            return error_set_errno(err, errno, "listen to the git process");
        }
        if (got == 0) {
            return 0;
        }
        if (strbuf_append(&text, chunk, (size_t)got) < 0) {
            return error_set(err, ERROR_INTERNAL, "the git process wrote a line without an end");
        }
        if (take_lines(&text, answer, err) < 0) {
            return -1;
        }
    }
}

static int judge(const struct answer *answer, int status, struct error *err)
{
    if (answer->has_result) {
        return 0;
    }
    if (answer->failure.kind != ERROR_NONE) {
        *err = answer->failure;
        return -1;
    }
    if (WIFSIGNALED(status)) {
        return error_set_reason(err, ERROR_TRANSIENT, "CloneFailed",
                                "the git process was ended by signal %d (%s)", WTERMSIG(status),
                                strsignal(WTERMSIG(status)));
    }
    return error_set_reason(err, ERROR_TRANSIENT, "CloneFailed",
                            "the git process ended with status %d and no word",
                            WEXITSTATUS(status));
}

static int run_worker(const struct keeper *keeper, enum step step, struct git_result *ret_result,
                      struct error *err)
{
    struct answer answer = {0};
    auto_close int fd = -1;
    pid_t pid = -1;
    int status = 0, heard;

    if (start_worker(keeper, step, &pid, &fd, err) < 0) {
        return -1;
    }
    heard = listen_to(fd, &answer, err);
    if (heard < 0) {
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (heard < 0 || judge(&answer, status, err) < 0) {
        return -1;
    }
    *ret_result = answer.result;
    return 0;
}

static int prepare(struct keeper *keeper, struct error *err)
{
    const struct git_job *job = keeper->job;

    if (geteuid() != 0 && job->tree != NULL && job->owner != 0 && job->owner != geteuid()) {
        return error_set_reason(err, ERROR_CONFLICT, "WorkspaceFailed",
                                "only root can give a working tree to user %u; we are user %u",
                                (unsigned)job->owner, (unsigned)geteuid());
    }
    if (job->known_hosts != NULL && file_read(AT_FDCWD, job->known_hosts, KNOWN_HOSTS_MAX,
                                              &keeper->known_hosts, NULL, err) < 0) {
        return error_wrap(err, "known hosts");
    }
    return git_staging_open(&keeper->staging, job, geteuid() == 0 ? job->run_as : geteuid(), err);
}

/*
 * A snapshot that is there under its name counts as complete for ever, so what is in it should be
 * on disk before, also for after a power cut. The call for that covers the whole file system, which
 * others may be writing a lot to, and cannot be given up: so it is a process of its own, and waited
 * for with signs of life, and not for long. What it did not get to is written by the kernel soon.
 */
static void sync_to_disk(int fd)
{
    const struct git_progress progress = {.percent = 100, .phase = "syncing"};
    auto_free char *line = git_progress_to_line(&progress);
    pid_t keeper_pid = getpid(), pid = fork();
    int status;

    if (pid == 0) {
        git_sandbox_die_with(keeper_pid);
        close(STDOUT_FILENO); /* nobody waits for us by waiting for their end */
        close(STDERR_FILENO);
        _exit(syncfs(fd) < 0 ? 1 : 0);
    }
    for (unsigned turns = 0; pid > 0 && waitpid(pid, &status, WNOHANG) == 0; turns++) {
        if (turns == SYNC_TURNS_MAX) {
            kill(pid, SIGKILL);
            return;
        }
        if (turns % SYNC_TURNS_OF_SECOND == 0) {
            write_line(STDOUT_FILENO, line);
        }
        poll(NULL, 0, SYNC_TURN_MS);
    }
}

static void tell_copying(uint64_t done, uint64_t total)
{
    const struct git_progress progress = {
        .percent = total > 0 ? (unsigned)(done * 100 / total) : 100, .phase = "copying"};
    auto_free char *line = git_progress_to_line(&progress);

    write_line(STDOUT_FILENO, line);
}

static int finish_snapshot(struct keeper *keeper, struct error *err)
{
    struct git_result none;

    if (git_staging_take(&keeper->staging, tell_copying, err) < 0 ||
        run_worker(keeper, STEP_WRITE_INDEX, &none, err) < 0 ||
        git_staging_put_index(&keeper->staging, err) < 0) {
        return -1;
    }
    sync_to_disk(keeper->staging.fd);
    return git_staging_finish(&keeper->staging, err);
}

static int keep(struct keeper *keeper, struct git_result *ret_result, struct error *err)
{
    if (prepare(keeper, err) < 0 || run_worker(keeper, STEP_WORK, ret_result, err) < 0) {
        return -1;
    }
    return keeper->staging.fd >= 0 ? finish_snapshot(keeper, err) : 0;
}

int cmd_git_worker(int argc, char **argv)
{
    json_auto_t *json = NULL; /* first, and so let go last: the job's texts are in it */
    auto_done(keeper) keeper = {0};
    auto_free char *line = NULL;
    struct git_result result;
    struct git_job job;
    struct error err = {0};

    (void)argv;
    if (argc > 1) {
        fprintf(stderr, "berth git-worker takes no arguments: its job comes on stdin\n");
        return 2;
    }
    if (git_sandbox_start() < 0) {
        return 1;
    }
    if (read_job(&job, &json, &err) == 0) {
        keeper.job = &job;
        if (keep(&keeper, &result, &err) == 0) {
            line = git_result_to_line(&result);
        } else {
            git_job_hide_secrets(&job, err.message);
        }
    }
    if (line == NULL) {
        line = git_failure_to_line(&err);
    }
    return write_line(STDOUT_FILENO, line) < 0 || err.kind != ERROR_NONE;
}

const struct command command_git_worker = {
    .name = "git-worker",
    .run = cmd_git_worker,
};
