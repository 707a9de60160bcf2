#include "clients/tree_jail.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "clients/tree_failure.h"
#include "clients/tree_jail_walls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MAX = 8192 };

bool tree_jail_is_possible(const struct tree_job *job)
{
    return geteuid() == 0 || geteuid() == job->uid;
}

/* --- the child -------------------------------------------------------------------------------- */

static _Noreturn void child_main(const struct tree_jail *jail, int answer_fd, int data_fd)
{
    struct tree_result result = {0};
    struct error err = {0};
    auto_free char *line = NULL;

    if (dup2(answer_fd, STDOUT_FILENO) < 0 || dup2(data_fd, TREE_JAIL_DATA_FD) < 0) {
        _exit(1);
    }
    if (tree_jail_enter(jail, &err) < 0 || jail->inside(jail->job, &result, &err) < 0) {
        line = tree_failure_to_line(&err);
    } else {
        line = tree_result_to_line(&result);
    }
    /* libgit2 has nothing to put in order, and the sanitizers' last look would need /proc */
    _exit(file_write_all(STDOUT_FILENO, line, strlen(line)) < 0 ? 1 : 0);
}

/*
 * Forks into process numbers of their own: the child sees nobody, and whatever it might start ends
 * with it. Those of this process itself stay as they were.
 */
static pid_t fork_apart(void)
{
    auto_close int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
    int number;
    pid_t pid;

    if (own < 0 || unshare(CLONE_NEWPID) < 0) {
        return -1;
    }
    pid = fork();
    if (pid != 0) {
        number = errno;
        setns(own, CLONE_NEWPID);
        errno = number;
    }
    return pid;
}

/* --- its answer, and its data ----------------------------------------------------------------- */

struct listening {
    pid_t pid;
    int answer_fd, data_fd; /* -1: nothing more comes */
    uint64_t end_at_ms;
    uint64_t data_len;
    struct strbuf answer;
};

static void listening_done(struct listening *listening)
{
    cleanup_close(&listening->answer_fd);
    cleanup_close(&listening->data_fd);
    strbuf_done(&listening->answer);
    if (listening->pid > 0) {
        kill(listening->pid, SIGKILL); /* its answer is all that counts */
        while (waitpid(listening->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
}

static int start(const struct tree_jail *jail, struct listening *listening, struct error *err)
{
    int answer[2], data[2];

    if (pipe2(answer, O_CLOEXEC) < 0) {
        return tree_fail(err, errno, "make a pipe for", jail->job->name);
    }
    listening->answer_fd = answer[0];
    if (pipe2(data, O_CLOEXEC) < 0) {
        close(answer[1]);
        return tree_fail(err, errno, "make a pipe for", jail->job->name);
    }
    listening->data_fd = data[0];
    listening->pid = geteuid() == 0 ? fork_apart() : fork();
    if (listening->pid == 0) {
        child_main(jail, answer[1], data[1]);
    }
    close(answer[1]);
    close(data[1]);
    return listening->pid < 0 ? tree_fail(err, errno, "start a process for", jail->job->name) : 0;
}

static int take_answer(struct listening *listening)
{
    char chunk[1024];
    ssize_t got = read(listening->answer_fd, chunk, sizeof(chunk));

    if (got == 0) {
        close(TAKE_FD(listening->answer_fd));
        return 0;
    }
    return got > 0 ? strbuf_append(&listening->answer, chunk, (size_t)got) : -1;
}

static int take_data(const struct tree_jail *jail, struct listening *listening, struct error *err)
{
    char chunk[65536];
    ssize_t got = read(listening->data_fd, chunk, sizeof(chunk));

    if (got <= 0) {
        close(TAKE_FD(listening->data_fd));
        return 0;
    }
    listening->data_len += (uint64_t)got;
    if (listening->data_len > jail->data_max) {
        return tree_refuse(err, "the tree \"%s\" has more than the %llu bytes that are taken",
                           jail->job->name, (unsigned long long)jail->data_max);
    }
    if (file_write_all(jail->data_to, chunk, (size_t)got) < 0) {
        return tree_fail(err, errno, "write what comes from", jail->job->name);
    }
    return 0;
}

/* Until both pipes have ended. 1: it is not worth listening any longer. */
static int listen_to(const struct tree_jail *jail, struct listening *listening, struct error *err)
{
    while (listening->answer_fd >= 0 || listening->data_fd >= 0) {
        uint64_t now_ms = clock_monotonic_ms();
        /* poll() takes no notice of -1 */
        struct pollfd fds[] = {{.fd = listening->answer_fd, .events = POLLIN},
                               {.fd = listening->data_fd, .events = POLLIN}};

        if (now_ms >= listening->end_at_ms) {
            return 1;
        }
        if (poll(fds, ARRAY_SIZE(fds), (int)(listening->end_at_ms - now_ms)) < 0) {
            continue; /* EINTR */
        }
        if (fds[0].revents != 0 && take_answer(listening) < 0) {
            return 1;
        }
        if (fds[1].revents != 0 && take_data(jail, listening, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* What the child says is as much to be trusted as the tree. */
static int judge(struct strbuf *answer, enum tree_jail_end *ret_end, struct tree_result *ret_result,
                 struct error *err)
{
    struct error failure = {0}, nonsense = {0};
    bool is_result;

    *ret_end = TREE_JAIL_FELL_SILENT;
    if (answer->len == 0 || strlen(answer->text) != answer->len ||
        answer->text[answer->len - 1] != '\n') {
        return 0;
    }
    answer->text[answer->len - 1] = '\0';
    if (tree_line_parse(answer->text, &is_result, ret_result, &failure, &nonsense) < 0) {
        return 0;
    }
    if (!is_result) {
        *err = failure;
        return -1;
    }
    *ret_end = TREE_JAIL_ANSWERED;
    return 0;
}

int tree_jail_run(const struct tree_jail *jail, enum tree_jail_end *ret_end,
                  struct tree_result *ret_result, struct error *err)
{
    auto_done(listening) listening = {
        .answer_fd = -1,
        .data_fd = -1,
        .end_at_ms = clock_monotonic_ms() + (uint64_t)jail->wall_seconds * 1000,
        .answer = {.max_len = ANSWER_MAX},
    };
    int heard;

    if (start(jail, &listening, err) < 0) {
        return -1;
    }
    heard = listen_to(jail, &listening, err);
    if (heard != 0) {
        *ret_end = TREE_JAIL_FELL_SILENT;
        return heard < 0 ? -1 : 0;
    }
    return judge(&listening.answer, ret_end, ret_result, err);
}
