/*
 * A child of the controller's loop, started without a copy of the controller.
 *
 * libuv forks, which copies the tables of all our memory: 2 ms for a child when 10,000 objects are
 * held, most of what a short task costs. posix_spawn() shares them until the child executes.
 *
 * The child has default signals, the descriptors 0 to 2 and no others of ours (which are all
 * close-on-exec). It is reaped by number, so that children of others in this process stay theirs. A
 * loop has one watcher for all its children, as long as it has any: with one for each, libuv's pipe
 * of signals could run full when many end at once, and their ends be lost.
 */
#ifndef BERTH_CONTROLLER_SPAWN_H
#define BERTH_CONTROLLER_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

struct spawned;

/*
 * Once, when it is gone: its exit status, or the signal that ended it (else 0). The struct is the
 * caller's again.
 */
typedef void spawn_exit_fn(struct spawned *child, int exit_status, int exit_signal);

struct spawned {
    pid_t pid; /* 0: it was not started; not its own any more once on_exit has returned */
    bool is_in_background; /* the loop may end before it does */
    void *user;
    spawn_exit_fn *on_exit;
    struct spawned *next; /* of those of its loop */
};

struct spawn_options {
    char *const *args;        /* ends with NULL; the first is a path, or a name in our PATH */
    char *const *environment; /* ends with NULL; NULL: ours */
    /*
     * Initialised pipes that become our ends of the child's descriptors 0, 1 and 2, opened here.
     * NULL: /dev/null.
     */
    uv_pipe_t *streams[3];
    bool is_apart;         /* in a session and process group of its own */
    bool is_in_background; /* the loop may end before it does */
    spawn_exit_fn *on_exit;
    void *user;
};

/*
 * Returns 0, or an error of libuv's with nothing started. The struct stays where it is until its
 * end.
 */
int spawn_start(uv_loop_t *loop, struct spawned *child, const struct spawn_options *options);

/* Nobody waits for it any more: on_exit is not called, and it is left a zombie. */
void spawn_forget(struct spawned *child);

#endif
