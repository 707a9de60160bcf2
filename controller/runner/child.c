#include "controller/runner/child.h"

#include "controller/runner/runner.h"
#include "controller/runner/util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

__attribute__((noreturn)) static void report(int report_fd, const struct command_failure *failure)
{
    util_write(report_fd, failure, sizeof(*failure));
    _exit(failure->exit_code);
}

/*
 * The runner blocks and ignores signals for itself, and so may have who started it: the command
 * starts as from a fresh login. By the kernel's own call, because the C library keeps two signals
 * to itself; zeros are the default action with every flag and mask empty. It fails for KILL and
 * STOP alone.
 */
static void reset_signals(void)
{
    static const unsigned long default_action[16];
    sigset_t none;

    for (int number = 1; number < NSIG; number++) {
        syscall(SYS_rt_sigaction, number, default_action, NULL, (NSIG - 1) / 8);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Without a /dev/null, the reading end of a pipe that nobody writes to is as empty. */
static int open_empty(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int ends[2];

    if (fd < 0 && pipe2(ends, O_CLOEXEC) == 0) {
        close(ends[1]);
        fd = ends[0];
    }
    return fd;
}

static int connect_descriptors(int output_fd)
{
    int input_fd = open_empty();

    if (input_fd < 0 || dup2(input_fd, STDIN_FILENO) < 0 || dup2(output_fd, STDOUT_FILENO) < 0 ||
        dup2(output_fd, STDERR_FILENO) < 0) {
        return -1;
    }
    /* Whatever our own caller left open is none of the command's business. Linux 5.11 and on. */
    syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    return 0;
}

__attribute__((noreturn)) static void become_command(const struct command *command,
                                                     pid_t runner_pid, int output_fd, int report_fd)
{
    struct command_failure failure = {.exit_code = RUNNER_CANNOT_EXECUTE};
    char reason[64];

    reset_signals();
    setsid();
    if (connect_descriptors(output_fd) < 0) {
        snprintf(failure.message, sizeof(failure.message), "connect the output: %s",
                 util_errno_text(errno, reason));
        report(report_fd, &failure);
    }
    if (command_become_user(command, &failure) < 0) {
        report(report_fd, &failure);
    }
    /* After the change of user, which clears it; who died before that is seen by its orphan. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != runner_pid) {
        _exit(RUNNER_CANNOT_EXECUTE);
    }
    command_execute(command, &failure);
    report(report_fd, &failure);
}

static void close_pair(const int ends[2])
{
    int number = errno;

    close(ends[0]);
    close(ends[1]);
    errno = number;
}

int child_start(const struct command *command, struct child *ret_child)
{
    pid_t runner_pid = getpid(), pid;
    int output[2], report[2];

    if (pipe2(output, O_CLOEXEC) < 0) {
        return -1;
    }
    if (pipe2(report, O_CLOEXEC) < 0) {
        close_pair(output);
        return -1;
    }
    pid = fork();
    if (pid < 0) {
        close_pair(output);
        close_pair(report);
        return -1;
    }
    if (pid == 0) {
        become_command(command, runner_pid, output[1], report[1]);
    }
    close(output[1]);
    close(report[1]);
    fcntl(output[0], F_SETFL,
          O_NONBLOCK); /* the reading end's alone: the command's stays blocking */
    fcntl(report[0], F_SETFL, O_NONBLOCK);
    *ret_child = (struct child){.pid = pid, .output_fd = output[0], .report_fd = report[0]};
    return 0;
}
