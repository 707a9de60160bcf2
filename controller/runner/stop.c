/*
 * `stop`: asks the runner of an attempt to end it, and waits until it has.
 */
#include "controller/runner/options.h"
#include "controller/runner/record.h"
#include "controller/runner/runner.h"
#include "controller/runner/util.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/time.h>
#include <unistd.h>

enum { RECORD_WRITING_MS = 10 * 1000 }; /* from KILL to a record on a slow disk */

static void on_alarm(int number)
{
    (void)number; /* only there to end the wait for the lock */
}

/* The signal comes again and again: the first one could fall before the wait. */
static void set_alarm(uint64_t delay_ms)
{
    struct sigaction action = {.sa_handler = on_alarm}; /* without SA_RESTART */
    struct itimerval timer = {
        .it_value = {.tv_sec = (time_t)(delay_ms / 1000),
                     .tv_usec = (long)(delay_ms % 1000) * 1000},
        .it_interval = {.tv_usec = 100 * 1000},
    };
    sigset_t alarm_only;

    sigaction(SIGALRM, &action, NULL);
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    sigprocmask(SIG_UNBLOCK, &alarm_only, NULL); /* whoever started us may have blocked it */
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* The lock is let go by the runner's end, and the exit record is written before. */
static int stop_runner(int start_fd, uint64_t grace_ms)
{
    union sigval grace = {.sival_int = (int)grace_ms};
    char reason[64];
    pid_t pid;

    if (flock(start_fd, LOCK_SH | LOCK_NB) == 0) {
        return RUNNER_OK; /* ended before */
    }
    if (errno != EWOULDBLOCK || record_read_pid(start_fd, &pid) < 0) {
        runner_complain("stop: the start record is damaged");
        return RUNNER_NO_RECORD;
    }
    if (sigqueue(pid, SIGTERM, grace) < 0 && errno != ESRCH) {
        runner_complain("stop: signal process %d: %s", (int)pid, util_errno_text(errno, reason));
        return RUNNER_STILL_RUNNING;
    }
    set_alarm(grace_ms + RECORD_WRITING_MS);
    if (flock(start_fd, LOCK_SH) < 0) {
        runner_complain("stop: process %d has not ended the attempt in time", (int)pid);
        return RUNNER_STILL_RUNNING;
    }
    return RUNNER_OK;
}

int runner_stop(int argc, char **argv)
{
    const char *dir = "";
    uint64_t attempt = 0, grace_ms = 10 * 1000;
    struct option_rule rules[] = {
        {.name = "--dir", .is_required = true, .text = &dir},
        {.name = "--attempt", .is_required = true, .number = &attempt, .min = 1, .max = UINT_MAX},
        {.name = "--grace-ms", .number = &grace_ms, .max = INT_MAX - RECORD_WRITING_MS},
    };
    int first = options_parse("stop", argc, argv, rules, sizeof(rules) / sizeof(rules[0]));
    int dir_fd, start_fd;
    char reason[64];

    if (first < 0) {
        return RUNNER_USAGE;
    }
    dir_fd = record_open_dir(dir);
    start_fd = dir_fd < 0 ? -1 : record_open_start(dir_fd, (unsigned)attempt);
    if (start_fd < 0 && errno == ENOENT) {
        return RUNNER_OK; /* never started: there is nothing to stop */
    }
    if (start_fd < 0) {
        runner_complain("stop: read the start record in \"%s\": %s", dir,
                        util_errno_text(errno, reason));
        return RUNNER_NO_RECORD;
    }
    return stop_runner(start_fd, grace_ms);
}
