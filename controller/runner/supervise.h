/*
 * Running a command until nothing of it is left.
 *
 * The loop waits for three things: signals (a child ended, somebody wants us to stop), output of
 * the command, and the moment at which the next step against its processes is due:
 *
 *     running ──command ended, others are left──► lingering ──250 ms──► terminating ──grace──►
 *     killing
 *        └───────────timeout or stop request─────────────────────────────────▲
 *
 * It ends when wait(2) knows of no child any more, so a result also says that nothing runs any
 * more.
 *
 * TERM, INT and HUP are stop requests, and what the command and all below it are told first. Every
 * other signal that we get goes on to the command's process group, and means what it means there.
 */
#ifndef BERTH_CONTROLLER_RUNNER_SUPERVISE_H
#define BERTH_CONTROLLER_RUNNER_SUPERVISE_H

#include "controller/runner/child.h"
#include "controller/runner/record.h"
#include "controller/runner/task_log.h"

#include <stdint.h>

struct supervise_limits {
    uint64_t timeout_ms; /* 0: none */
    uint64_t grace_ms;   /* from TERM to KILL */
};

/*
 * From here on no signal ends us without a record, and orphans of the command become our children.
 * A full file-size limit or a reader of our standard error that went away are no reasons to end
 * either. Returns the descriptor for supervise(); -1 with errno.
 */
int supervise_prepare(void);

/*
 * Fills in the result but for is_log_truncated. -1 with errno: there was no process to be had, and
 * the result is as it was.
 */
int supervise(int signal_fd, const struct command *command, const struct supervise_limits *limits,
              struct task_log *log, struct record_result *result);

#endif
