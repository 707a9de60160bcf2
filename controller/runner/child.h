/*
 * The process of the command: a session of its own, standard input empty, both outputs one pipe.
 */
#ifndef BERTH_CONTROLLER_RUNNER_CHILD_H
#define BERTH_CONTROLLER_RUNNER_CHILD_H

#include "controller/runner/command.h"

#include <sys/types.h>

struct child {
    pid_t pid;     /* also its session and its process group */
    int output_fd; /* to be read, never blocks */
    int report_fd; /* at most one struct command_failure; the end of file once the command runs */
};

/*
 * The command dies with the caller, should that be killed: nobody would be there to end it in time
 * or to write down its result. -1 with errno: there is no process.
 */
int child_start(const struct command *command, struct child *ret_child);

#endif
