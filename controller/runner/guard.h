/*
 * What a command cannot write to: the trees of other tasks, though they are files of the same user.
 *
 * By Landlock, which a process puts on itself for good, and which all that it starts inherits.
 * Reading stays free everywhere. A list of guarded and one of allowed paths say where the command
 * and its children can still open for writing, truncate, make, remove, rename and link: everywhere
 * but below the guarded ones, and below the allowed ones again. That holds for every way to a file,
 * through /proc/<pid>/root or a descriptor of another task as well: processes outside can neither
 * be traced nor entered, and nothing can be mounted. Setuid programs gain nothing any more
 * (no_new_privs).
 *
 * Landlock knows only what is allowed, so everything in / gets the right but the guarded paths and
 * what leads to them. That has a price: nothing can be made in, removed from or renamed in /
 * itself, a guarded directory itself (as opposed to an allowed one in it), and a directory between
 * the two. What is mounted or made there by others after the start cannot be written to either.
 *
 * Not covered, because Landlock does not know it: mode, owner, times and extended attributes of
 * files; signals to other processes of the same user; and, before Linux 6.2, truncate(2) by path.
 * Before Linux 5.19 files could not be moved between directories at all, so there is no guard
 * there.
 */
#ifndef BERTH_CONTROLLER_RUNNER_GUARD_H
#define BERTH_CONTROLLER_RUNNER_GUARD_H

#include "controller/runner/options.h"

#include <stddef.h>

enum guard_answer {
    GUARD_READY,
    GUARD_NONE,   /* nothing to guard, or this kernel (or who bounds us) does not offer it */
    GUARD_FAILED, /* it does, and it could not be set up; said in message */
};

/*
 * Makes the guard, best while still root: who cannot list a directory cannot allow what is in it.
 * Paths are cleaned (util_clean_path) and links in them are followed. A guarded path that does not
 * exist cannot be made by the command; an allowed one must exist.
 */
enum guard_answer guard_make(const struct option_list *guarded, const struct option_list *allowed,
                             int *ret_fd, char *message, size_t message_size);

/* Puts it on this process, as the user that the command will be. -1 with errno. */
int guard_enter(int guard_fd);

#endif
