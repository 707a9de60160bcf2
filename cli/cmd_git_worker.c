#include "cli/cmd_git_worker.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "cli/git_sandbox.h"
#include "clients/git_client.h"
#include "clients/git_handover.h"
#include "clients/git_protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    KNOWN_HOSTS_MAX = 1 << 20,
    LOCK_TRIES = 50,
    LOCK_PAUSE_MS = 100,
};

/* What the keeper holds while the job is done. */
struct keeper {
    const struct git_job *job;
    uid_t worker;         /* who the worker is */
    char *known_hosts;    /* text, or NULL */
    char *staging;        /* the directory, or NULL where no tree is asked for */
    char *staged_tree;    /* in it */
    int staging_fd;       /* its lock says that somebody works there */
    bool is_staging_ours; /* locked by us, so ours to remove */
};

static void keeper_done(struct keeper *keeper)
{
    free(keeper->known_hosts);
    free(keeper->staging);
    free(keeper->staged_tree);
    cleanup_close(&keeper->staging_fd);
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
    char chunk[4096];
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

/* --- directories ------------------------------------------------------------------------------ */

static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* After a change of the git user the mirror and what lies beside it still belong to the old one. */
static int give_mirror(const struct git_job *job, uid_t worker, struct error *err)
{
    static const char *const suffixes[] = {"", ".lock", ".work"};
    struct stat info;

    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        auto_free char *path = xasprintf("%s%s", job->mirror, suffixes[i]);

        if (lstat(path, &info) == 0 && info.st_uid != worker &&
            git_handover_give(path, info.st_uid, worker, err) < 0) {
            return error_wrap(err, "mirror \"%s\"", job->mirror);
        }
    }
    return 0;
}

/* A directory that the worker owns; it is ours before, or new. */
static int give_directory(const char *path, uid_t worker, int *ret_fd, struct error *err)
{
    auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;

    if (fd < 0 || fstat(fd, &info) < 0) {
        return error_set_errno(err, errno, "open \"%s\"", path);
    }
    if (info.st_uid != worker && fchown(fd, worker, worker) < 0) {
        return error_set_errno(err, errno, "give \"%s\" to user %u", path, (unsigned)worker);
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int make_mirror_parent(struct keeper *keeper, struct error *err)
{
    auto_free char *parent = parent_of(keeper->job->mirror);
    auto_close int fd = -1;

    if (dir_make(parent, 0755, err) < 0 || give_directory(parent, keeper->worker, &fd, err) < 0) {
        return -1;
    }
    return give_mirror(keeper->job, keeper->worker, err);
}

/* One job at a time for one tree; the lock goes with the process. */
static int lock_staging(const struct keeper *keeper, struct error *err)
{
    struct stat here, named;

    for (unsigned tries = 0; flock(keeper->staging_fd, LOCK_EX | LOCK_NB) < 0; tries++) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || tries == LOCK_TRIES) {
            return error_set_errno(err, errno, "lock \"%s\"", keeper->staging);
        }
        poll(NULL, 0, LOCK_PAUSE_MS);
    }
    if (fstat(keeper->staging_fd, &here) < 0 || lstat(keeper->staging, &named) < 0 ||
        here.st_ino != named.st_ino || here.st_dev != named.st_dev) {
        return error_set(err, ERROR_TRANSIENT, "\"%s\" was removed meanwhile", keeper->staging);
    }
    return 0;
}

static int make_staging(struct keeper *keeper, struct error *err)
{
    auto_free char *parent = parent_of(keeper->job->tree);

    keeper->staging = xasprintf("%s/.%s.staging", parent, strrchr(keeper->job->tree, '/') + 1);
    keeper->staged_tree = path_join(keeper->staging, "tree");
    if (dir_make(parent, 0755, err) < 0) {
        return -1;
    }
    if (mkdir(keeper->staging, 0700) < 0 && errno != EEXIST) {
        return error_set_errno(err, errno, "make \"%s\"", keeper->staging);
    }
    if (give_directory(keeper->staging, keeper->worker, &keeper->staging_fd, err) < 0 ||
        lock_staging(keeper, err) < 0) {
        return -1;
    }
    keeper->is_staging_ours = true;
    if (path_exists(keeper->job->tree)) {
        return error_set_reason(err, ERROR_CONFLICT, "WorkspaceFailed",
                                "the working tree \"%s\" exists already", keeper->job->tree);
    }
    return tree_remove(keeper->staged_tree, err); /* of one who was killed */
}

static int prepare(struct keeper *keeper, struct error *err)
{
    const struct git_job *job = keeper->job;

    if (geteuid() != 0 && job->owner != 0 && job->owner != geteuid()) {
        return error_set_reason(err, ERROR_CONFLICT, "WorkspaceFailed",
                                "only root can give a working tree to user %u; we are user %u",
                                (unsigned)job->owner, (unsigned)geteuid());
    }
    if (job->known_hosts != NULL && file_read(AT_FDCWD, job->known_hosts, KNOWN_HOSTS_MAX,
                                              &keeper->known_hosts, NULL, err) < 0) {
        return error_wrap(err, "known hosts");
    }
    if (make_mirror_parent(keeper, err) < 0) {
        return -1;
    }
    return job->tree != NULL ? make_staging(keeper, err) : 0;
}

/* --- the worker ------------------------------------------------------------------------------- */

static int on_progress(void *user, const struct git_progress *progress)
{
    auto_free char *line = git_progress_to_line(progress);

    (void)user;
    return write_line(STDOUT_FILENO, line);
}

/* A hint that our own user could not use: the way to the mirror may be closed for another one. */
static int check_reach(const struct keeper *keeper, struct error *err)
{
    const char *paths[] = {keeper->job->mirror, keeper->staged_tree};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        auto_free char *parent = paths[i] != NULL ? parent_of(paths[i]) : NULL;

        if (parent != NULL && access(parent, R_OK | W_OK | X_OK) < 0) {
            return error_set_reason(
                err, ERROR_CONFLICT, "WorkspaceFailed",
                "user %u, who does the git work, cannot write in \"%s\": %s; "
                "each directory on the way to it must be searchable (chmod o+x)",
                (unsigned)geteuid(), parent, strerror(errno));
        }
    }
    return 0;
}

/* Where the worker finds what the keeper prepared. */
struct places {
    struct git_job job;
    struct keeper keeper;
    char *mirror;
};

/* The same job under the short names, where a mount namespace can be had. */
static const struct keeper *move_in(const struct keeper *keeper, struct places *places)
{
    auto_free char *parent = parent_of(keeper->job->mirror);

    if (keeper->job->run_as == 0 || text_has_prefix(keeper->job->url, "file:") ||
        !git_sandbox_mount(parent, keeper->staging)) {
        return keeper;
    }
    places->mirror = xasprintf("%s/%s", GIT_SANDBOX_MIRROR, strrchr(keeper->job->mirror, '/') + 1);
    places->job = *keeper->job;
    places->job.mirror = places->mirror;
    places->keeper = *keeper;
    places->keeper.job = &places->job;
    if (keeper->staging != NULL) {
        places->keeper.staged_tree = xasprintf("%s/tree", GIT_SANDBOX_STAGING);
    }
    return &places->keeper;
}

static int work(const struct keeper *given, pid_t parent, struct git_result *ret_result,
                struct error *err)
{
    struct places places = {0}; /* the process ends with the work: nothing of it is freed */
    const struct keeper *keeper = move_in(given, &places);

    if (git_sandbox_enter(keeper->job->run_as, keeper->job->max_bytes, err) < 0) {
        return -1;
    }
    if (git_sandbox_die_with(parent) < 0) {
        return error_set(err, ERROR_TRANSIENT, "nobody waits for this job any more");
    }
    if (check_reach(keeper, err) < 0) {
        return -1;
    }
    return git_client_run(keeper->job, keeper->staged_tree, keeper->known_hosts, on_progress, NULL,
                          ret_result, err);
}

/* The worker's process. Its stdout is the pipe to the keeper. */
static int worker_main(const struct keeper *keeper, pid_t parent)
{
    struct git_result result;
    struct error err = {0};
    auto_free char *line = NULL;

    if (work(keeper, parent, &result, &err) < 0) {
        git_job_hide_secrets(keeper->job, err.message);
        line = git_failure_to_line(&err);
    } else {
        line = git_result_to_line(&result);
    }
    return write_line(STDOUT_FILENO, line) < 0;
}

static int start_worker(const struct keeper *keeper, pid_t *ret_pid, int *ret_fd, struct error *err)
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
        _exit(worker_main(keeper, parent));
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
    char chunk[GIT_LINE_MAX];
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

static int run_worker(const struct keeper *keeper, struct git_result *ret_result, struct error *err)
{
    struct answer answer = {0};
    auto_close int fd = -1;
    pid_t pid = -1;
    int status = 0, heard;

    if (start_worker(keeper, &pid, &fd, err) < 0) {
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

static int hand_over(const struct keeper *keeper, struct error *err)
{
    if (keeper->staging == NULL) {
        return 0;
    }
    if (git_handover_give(keeper->staged_tree, keeper->worker,
                          geteuid() == 0 ? keeper->job->owner : geteuid(), err) < 0) {
        return -1;
    }
    return git_handover_move(keeper->staged_tree, keeper->job->tree, err);
}

static int keep(struct keeper *keeper, struct git_result *ret_result, struct error *err)
{
    struct error leftover = {0};
    int result = -1;

    if (prepare(keeper, err) == 0 && run_worker(keeper, ret_result, err) == 0) {
        result = hand_over(keeper, err);
    }
    if (keeper->is_staging_ours && tree_remove(keeper->staging, &leftover) < 0) {
        error_clear(&leftover); /* the next job for this tree tries again */
    }
    return result;
}

int cmd_git_worker(int argc, char **argv)
{
    auto_done(keeper) keeper = {.staging_fd = -1};
    auto_free char *line = NULL;
    json_auto_t *json = NULL;
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
        keeper.worker = geteuid() == 0 ? job.run_as : geteuid();
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
