#include "controller/spawn.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STREAMS = 3 };

/* The child's ends; -1: /dev/null. */
struct ends {
    int fds[STREAMS];
};

static void close_ends(struct ends *ends)
{
    for (size_t i = 0; i < STREAMS; i++) {
        if (ends->fds[i] >= 0) {
            close(ends->fds[i]);
        }
    }
}

static int open_stream(uv_pipe_t *stream, int *ret_end)
{
    uv_os_sock_t pair[2];
    int status = uv_socketpair(SOCK_STREAM, 0, pair, UV_NONBLOCK_PIPE, 0);

    if (status < 0) {
        return status;
    }
    status = uv_pipe_open(stream, pair[0]);
    if (status < 0) {
        close(pair[0]);
        close(pair[1]);
        return status;
    }
    *ret_end = pair[1];
    return 0;
}

static int open_streams(uv_pipe_t *const *streams, struct ends *ends)
{
    int status = 0;

    for (size_t i = 0; i < STREAMS && status == 0; i++) {
        if (streams[i] != NULL) {
            status = open_stream(streams[i], &ends->fds[i]);
        }
    }
    return status;
}

/* Our own signals are libuv's and ignored ones; none of that is for the child. */
static int set_attributes(posix_spawnattr_t *attributes, bool is_apart)
{
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    sigset_t all, none;

    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setsigmask(attributes, &none);
    return posix_spawnattr_setflags(attributes,
                                    is_apart ? (short)(flags | POSIX_SPAWN_SETSID) : flags);
}

static int set_streams(posix_spawn_file_actions_t *actions, const struct ends *ends)
{
    int error = 0;

    for (int i = 0; i < STREAMS && error == 0; i++) {
        error = ends->fds[i] >= 0
                    ? posix_spawn_file_actions_adddup2(actions, ends->fds[i], i)
                    : posix_spawn_file_actions_addopen(actions, i, "/dev/null",
                                                       i == STDIN_FILENO ? O_RDONLY : O_RDWR, 0);
    }
    return error;
}

static int execute(const struct spawn_options *options, const struct ends *ends, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error;

    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    error = set_attributes(&attributes, options->is_apart);
    if (error == 0) {
        error = set_streams(&actions, ends);
    }
    if (error == 0) {
        error = posix_spawnp(ret_pid, options->args[0], &actions, &attributes, options->args,
                             options->environment != NULL ? options->environment : environ);
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return uv_translate_sys_error(error);
}

static void on_child_signal(uv_signal_t *end, int number)
{
    struct spawned *child = (struct spawned *)end;
    int status;
    pid_t pid;

    (void)number;
    do {
        pid = waitpid(child->pid, &status, WNOHANG);
    } while (pid < 0 && errno == EINTR);
    if (pid == 0) {
        return; /* it was another child's */
    }
    uv_signal_stop(end);
    if (pid < 0) { /* taken from us: all that is known is that it is gone */
        child->on_exit(child, 0, SIGKILL);
    } else {
        child->on_exit(child, WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                       WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    }
}

int spawn_start(uv_loop_t *loop, struct spawned *child, const struct spawn_options *options)
{
    struct ends ends = {{-1, -1, -1}};
    int status;

    child->user = options->user;
    child->on_exit = options->on_exit;
    child->pid = 0;
    uv_signal_init(loop, &child->end);
    status = uv_signal_start(&child->end, on_child_signal, SIGCHLD); /* before it can end */
    if (status == 0) {
        status = open_streams(options->streams, &ends);
    }
    if (status == 0) {
        status = execute(options, &ends, &child->pid);
    }
    close_ends(&ends);
    if (status < 0) {
        child->pid = 0;
        uv_signal_stop(&child->end);
    }
    return status;
}
