/*
 * berth-runner: the one file of Berth that goes into containers.
 *
 * Berth puts it into repository containers, at /.berth/runner, where `run` starts a task's command
 * and `exec` one beside it, and it is all there is in the built-in idle image, as process 1. It is
 * linked statically and asks an image for nothing: no shell, no /etc/passwd, no /dev/null, no /proc
 * (what it then cannot do is said where it is tried). It shares no code with the rest of Berth; the
 * records that it leaves are described in clients/runner_record.h and clients/runner_user.h.
 *
 * Reading order: main.c, run.c (one attempt, from claim to exit record), supervise.c (its loop),
 * command.c (how a process becomes the command), then what these stand on: record, child, guard,
 * tree, task_log, user, oom. exec.c, stop.c and idle.c are small.
 */
#ifndef BERTH_CONTROLLER_RUNNER_RUNNER_H
#define BERTH_CONTROLLER_RUNNER_RUNNER_H

/* What `berth-runner version` prints; also the version of the records. */
#define RUNNER_VERSION 1

/*
 * Exit statuses of the runner's own. `run` and `exec` otherwise end with the status of the command.
 */
enum runner_status {
    RUNNER_OK = 0,
    RUNNER_STILL_RUNNING = 1,    /* stop: the attempt could not be signalled or did not end */
    RUNNER_USAGE = 64,           /* wrong arguments, nothing was done */
    RUNNER_NO_RECORD = 74,       /* a record could not be read or written */
    RUNNER_ATTEMPT_TAKEN = 75,   /* run: this attempt was started before, nothing was run */
    RUNNER_CANNOT_EXECUTE = 126, /* the command is there, or not even looked for, but cannot run */
    RUNNER_COMMAND_NOT_FOUND = 127, /* the command is not there */
};

/* The sub-commands; argv[0] is the first argument after the sub-command's name. */
int runner_exec(int argc, char **argv);
int runner_idle(int argc, char **argv);
int runner_run(int argc, char **argv);
int runner_stop(int argc, char **argv);

#endif
