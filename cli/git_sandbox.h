/*
 * The walls around a process that uses libgit2: limits, no privileges, no way to gain any, and
 * death with its parent.
 */
#ifndef BERTH_CLI_GIT_SANDBOX_H
#define BERTH_CLI_GIT_SANDBOX_H

#include "base/error.h"

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
 * Gives two directories a short way that any user can go, /tmp/mirror and /tmp/staging, in a mount
 * namespace of this process alone: so the state directory may lie below a private one (/root), and
 * what else is in /tmp is out of sight. False where that is not allowed: then the real paths must do.
 * staging may be NULL.
 */
#define GIT_SANDBOX_MIRROR "/tmp/mirror"
#define GIT_SANDBOX_STAGING "/tmp/staging"
bool git_sandbox_mount(const char *mirror_parent, const char *staging);

/*
 * For the process that uses libgit2. user 0 means: stay who we are (also when we are not root).
 * max_bytes bounds each file it writes; 0: not bounded.
 */
int git_sandbox_enter(uid_t user, uint64_t max_bytes, struct error *err);

#endif
