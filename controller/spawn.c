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

/* --- their ends ------------------------------------------------------------------------------- */

struct watcher {
    uv_signal_t signal;
    struct spawned *first;
    struct watcher *next;
};

/* Of all loops that have children: one. */
static struct watcher *watchers;

static void on_watcher_closed(uv_handle_t *handle)
{
    free(handle);
}

static void close_watcher(struct watcher *watcher)
{
    for (struct watcher **at = &watchers; *at != NULL; at = &(*at)->next) {
        if (*at == watcher) {
            *at = watcher->next;
            break;
        }
    }
    if (!uv_is_closing((uv_handle_t *)&watcher->signal)) {
        uv_close((uv_handle_t *)&watcher->signal, on_watcher_closed);
    }
}

/* The loop goes on for those that are waited for. */
static void hold_loop(struct watcher *watcher)
{
    bool is_held = false;

    for (const struct spawned *child = watcher->first; child != NULL; child = child->next) {
        is_held |= !child->is_in_background;
    }
    if (is_held) {
        uv_ref((uv_handle_t *)&watcher->signal);
    } else {
        uv_unref((uv_handle_t *)&watcher->signal);
    }
}

static bool has_ended(const struct spawned *child, int *ret_status)
{
    pid_t pid;

    do {
        pid = waitpid(child->pid, ret_status, WNOHANG);
    } while (pid < 0 && errno == EINTR);
    if (pid < 0) {
        *ret_status = SIGKILL; /* taken from us: all that is known is that it is gone */
    }
    return pid != 0;
}

/* The first in the list that has ended is taken out of it; NULL: none has. */
static struct spawned *take_ended(struct watcher *watcher, int *ret_status)
{
    for (struct spawned **at = &watcher->first; *at != NULL; at = &(*at)->next) {
        struct spawned *child = *at;

        if (has_ended(child, ret_status)) {
            *at = child->next;
            return child;
        }
    }
    return NULL;
}

static void after_end(struct watcher *watcher)
{
    if (watcher->first == NULL) {
        close_watcher(watcher);
    } else {
        hold_loop(watcher);
    }
}

/* One signal may stand for many ends. Whoever is told may start and forget others. */
static void on_child_signal(uv_signal_t *signal, int number)
{
    struct watcher *watcher = (struct watcher *)signal;
    struct spawned *child;
    int status;

    (void)number;
    while ((child = take_ended(watcher, &status)) != NULL) {
        child->on_exit(child, WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                       WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    }
    after_end(watcher);
}

static struct watcher *watcher_of(uv_loop_t *loop)
{
    struct watcher *watcher = watchers;

    while (watcher != NULL && watcher->signal.loop != loop) {
        watcher = watcher->next;
    }
    if (watcher == NULL) {
        watcher = xcalloc(1, sizeof(*watcher));
        uv_signal_init(loop, &watcher->signal);
        watcher->next = watchers;
        watchers = watcher;
    }
    return watcher;
}

void spawn_forget(struct spawned *child)
{
    for (struct watcher *watcher = watchers; watcher != NULL; watcher = watcher->next) {
        for (struct spawned **at = &watcher->first; *at != NULL; at = &(*at)->next) {
            if (*at == child) {
                *at = child->next;
                after_end(watcher);
                return;
            }
        }
    }
}

/* --- starting --------------------------------------------------------------------------------- */

static int start(const struct spawn_options *options, pid_t *ret_pid)
{
    struct ends ends = {{-1, -1, -1}};
    int status = open_streams(options->streams, &ends);

    if (status == 0) {
        status = execute(options, &ends, ret_pid);
    }
    close_ends(&ends);
    return status;
}

int spawn_start(uv_loop_t *loop, struct spawned *child, const struct spawn_options *options)
{
    struct watcher *watcher = watcher_of(loop);
    int status = uv_signal_start(&watcher->signal, on_child_signal, SIGCHLD); /* before it ends */

    *child = (struct spawned){
        .user = options->user,
        .on_exit = options->on_exit,
        .is_in_background = options->is_in_background,
    };
    if (status == 0) {
        status = start(options, &child->pid);
    }
    if (status == 0) {
        child->next = watcher->first;
        watcher->first = child;
    } else {
        child->pid = 0;
    }
    after_end(watcher);
    return status;
}
