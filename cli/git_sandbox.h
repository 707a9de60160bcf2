/*
 * The walls around a process that uses libgit2: limits, no privileges, no way to gain any, and
 * death with its parent.
 */
#ifndef BERTH_CLI_GIT_SANDBOX_H
#define BERTH_CLI_GIT_SANDBOX_H

#include "base/error.h"
#include "cli/git_cage.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * For both processes of the worker, first thing: no core dump, no look inside from other processes,
 * nothing inherited but stdin, stdout, stderr; an empty environment; SIGPIPE is an error of
 * write(). -1: the one who reads our output is gone already.
 */
int git_sandbox_start(void);

/*
 * Dies with parent, by SIGKILL. Forgotten by the kernel on a change of user, so it comes after
 * that. -1: too late.
 */
int git_sandbox_die_with(pid_t parent);

/*
 * Gives the mirror's directory a short way that any user can go, /tmp/mirror, in a mount namespace
 * of this process alone: so the state directory may lie below a private one (/root), and what else
 * is in /tmp is out of sight. False where that is not allowed: then the real path must do.
 */
#define GIT_SANDBOX_MIRROR "/tmp/mirror"
bool git_sandbox_mount(const char *mirror_parent);

struct git_sandbox {
    uid_t user;           /* 0: stay who we are (also when we are not root) */
    uint64_t max_bytes;   /* of each file it writes; 0: not bounded */
    bool has_threads;     /* libgit2 packs what is read from a file:// source in threads */
    struct git_cage cage; /* what it reaches */
};

/* For the process that uses libgit2: user, limits, cage, and no capability. */
int git_sandbox_enter(const struct git_sandbox *sandbox, struct error *err);

#endif
