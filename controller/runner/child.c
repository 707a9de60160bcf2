#include "controller/runner/child.h"

#include "controller/runner/runner.h"
#include "controller/runner/util.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

__attribute__((noreturn, format(printf, 3, 4))) static void fail(int report_fd, int exit_code,
                                                                 const char *format, ...)
{
    struct child_failure failure = {.exit_code = exit_code};
    va_list args;

    va_start(args, format);
    vsnprintf(failure.message, sizeof(failure.message), format, args);
    va_end(args);
    util_write(report_fd, &failure, sizeof(failure));
    _exit(exit_code);
}

/*
 * The runner blocks and ignores signals for itself, and so may have who started it: the command starts as
 * from a fresh login. By the kernel's own call, because the C library keeps two signals to itself; zeros
 * are the default action with every flag and mask empty. It fails for KILL and STOP alone.
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

__attribute__((noreturn)) static void execute(char **argv, int report_fd)
{
    char reason[64];
    struct stat info;
    int number;

    execvp(argv[0], argv);
    number = errno;
    if (number == ENOENT && strchr(argv[0], '/') != NULL && stat(argv[0], &info) == 0) {
        fail(report_fd, RUNNER_COMMAND_NOT_FOUND,
             "exec \"%.128s\": its interpreter or dynamic loader does not exist", argv[0]);
    }
    fail(report_fd,
         number == ENOENT || number == ENOTDIR ? RUNNER_COMMAND_NOT_FOUND : RUNNER_CANNOT_EXECUTE,
         "exec \"%.128s\": %s", argv[0], util_errno_text(number, reason));
}

__attribute__((noreturn)) static void become_command(const struct child_setup *setup,
                                                     pid_t runner_pid, int output_fd, int report_fd)
{
    char reason[64];

    reset_signals();
    setsid();
    if (connect_descriptors(output_fd) < 0) {
        fail(report_fd, RUNNER_CANNOT_EXECUTE, "connect the output: %s",
             util_errno_text(errno, reason));
    }
    if (setup->home != NULL && setenv("HOME", setup->home, 1) < 0) {
        fail(report_fd, RUNNER_CANNOT_EXECUTE, "set HOME: %s", util_errno_text(errno, reason));
    }
    if (setup->user != NULL && user_become(setup->user) < 0) {
        fail(report_fd, RUNNER_CANNOT_EXECUTE, "become user %u, group %u: %s",
             (unsigned)setup->user->uid, (unsigned)setup->user->gid,
             util_errno_text(errno, reason));
    }
    /* After the change of user, which clears it; who died before that is seen by its orphan. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != runner_pid) {
        _exit(RUNNER_CANNOT_EXECUTE);
    }
    if (chdir(setup->cwd) < 0) {
        fail(report_fd, RUNNER_CANNOT_EXECUTE, "change to directory \"%.128s\": %s", setup->cwd,
             util_errno_text(errno, reason));
    }
    execute(setup->argv, report_fd);
}

static void close_pair(const int ends[2])
{
    int number = errno;

    close(ends[0]);
    close(ends[1]);
    errno = number;
}

int child_start(const struct child_setup *setup, struct child *ret_child)
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
        become_command(setup, runner_pid, output[1], report[1]);
    }
    close(output[1]);
    close(report[1]);
    fcntl(output[0], F_SETFL,
          O_NONBLOCK); /* the reading end's alone: the command's stays blocking */
    fcntl(report[0], F_SETFL, O_NONBLOCK);
    *ret_child = (struct child){.pid = pid, .output_fd = output[0], .report_fd = report[0]};
    return 0;
}
