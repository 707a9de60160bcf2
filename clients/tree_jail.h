/*
 * A process that may look at one tree, at nothing else, and change nothing.
 *
 * Git's files of a tree are written by strangers, and libgit2 reads them: FIFOs that never open,
 * files that shrink while they are read, paths that lead out, and whatever else. So that is done by
 * a child with a file system of its own in which there is only the tree, read-only; as the
 * container's user, without capabilities, network, other processes, or a way to make any; with
 * limits, and killed at a deadline.
 *
 * Without root there is no such file system, and the child has only the limits: then it must be the
 * user's own tree.
 */
#ifndef BERTH_CLIENTS_TREE_JAIL_H
#define BERTH_CLIENTS_TREE_JAIL_H

#include "clients/tree_job.h"

enum { TREE_JAIL_DATA_FD = 3 }; /* in the child; its standard output is for the answer */

struct tree_jail {
    const struct tree_job *job; /* trees, name, method, uid, gid */
    unsigned cpu_seconds, wall_seconds;

    /*
     * In the child, whose working directory is the tree: fills ret_result, or err. It may write
     * bytes to TREE_JAIL_DATA_FD. A system call that waits for somebody (a FIFO) fails soon, with
     * EINTR.
     */
    int (*inside)(const struct tree_job *job, struct tree_result *ret_result, struct error *err);

    int data_to; /* a file for those bytes; -1: none are wanted */
    uint64_t data_max;
};

enum tree_jail_end {
    TREE_JAIL_ANSWERED,
    TREE_JAIL_FELL_SILENT, /* it died, was killed at the deadline, or talked nonsense */
};

/*
 * 0: *ret_end tells whether ret_result is set. ERROR_CONFLICT: the jail cannot be made, there is no
 * such tree, `inside` failed, or more than data_max bytes came.
 */
int tree_jail_run(const struct tree_jail *jail, enum tree_jail_end *ret_end,
                  struct tree_result *ret_result, struct error *err);

/* Whether this process may look at the job's tree at all: root may, others at their own. */
bool tree_jail_is_possible(const struct tree_job *job);

#endif
