#include "controller/runner/supervise.h"

#include "controller/runner/tree.h"
#include "controller/runner/util.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LINGER_MS = 250, /* for what is behind a finished command to end by itself, such as `tee` */
    LEFTOVER_GRACE_MS = 2000,  /* from TERM to KILL for what a finished command left behind */
    SHUTDOWN_GRACE_MS = 5000,  /* at most, when process 1 says it: the container is being stopped */
    KILL_REPEAT_MS = 100,      /* the first pause between two rounds of KILL ... */
    KILL_REPEAT_MAX_MS = 1000, /* ... and the longest */
};

enum phase {
    PHASE_RUNNING,     /* until the timeout */
    PHASE_LINGERING,   /* the command ended, others have not */
    PHASE_TERMINATING, /* TERM was sent */
    PHASE_KILLING,     /* KILL was sent, and is sent again */
};

struct supervisor {
    const struct supervise_limits *limits;
    struct child child;
    struct task_log *log;
    int signal_fd;
    enum phase phase;
    uint64_t phase_ends_at_ms;
    uint64_t kill_pause_ms;
    int told_by;          /* the signal that last told the command to end; 0: none did */
    bool is_command_gone; /* the command itself was reaped */
    bool is_tree_gone;    /* nothing that it started is left */
    bool is_tree_hidden;  /* no /proc to find it in */
    int wait_status;
    bool has_failed_to_start;
    struct record_result *result;
};

/* The tree through /proc, else the process group of the command. */
static void signal_tree(struct supervisor *supervisor, int number)
{
    supervisor->is_tree_hidden = tree_signal(number) < 0;
    if (supervisor->is_tree_hidden && kill(-supervisor->child.pid, number) < 0 &&
        !supervisor->is_command_gone) {
        kill(supervisor->child.pid, number); /* not the leader of its group yet */
    }
}

/*
 * Without /proc what left the group cannot be found, and what is left of it is waited for in vain.
 */
static bool is_all_done_that_can_be(const struct supervisor *supervisor)
{
    return supervisor->phase == PHASE_KILLING && supervisor->is_tree_hidden &&
           supervisor->is_command_gone &&
           (kill(-supervisor->child.pid, 0) < 0 || supervisor->kill_pause_ms == KILL_REPEAT_MAX_MS);
}

/* The only writer of supervisor->phase. */
static void enter_phase(struct supervisor *supervisor, enum phase phase, uint64_t duration_ms)
{
    supervisor->phase = phase;
    supervisor->phase_ends_at_ms = util_monotonic_ms() + duration_ms;
}

/* The same twice would be a sign of impatience to some: who cleans up is not disturbed. */
static void tell(struct supervisor *supervisor, int number)
{
    signal_tree(supervisor, number);
    supervisor->told_by = number;
}

static void terminate(struct supervisor *supervisor, int number, uint64_t grace_ms)
{
    tell(supervisor, number);
    enter_phase(supervisor, PHASE_TERMINATING, grace_ms);
}

static void kill_again(struct supervisor *supervisor)
{
    signal_tree(supervisor, SIGKILL);
    enter_phase(supervisor, PHASE_KILLING, supervisor->kill_pause_ms);
    supervisor->kill_pause_ms *= 2;
    if (supervisor->kill_pause_ms > KILL_REPEAT_MAX_MS) {
        supervisor->kill_pause_ms = KILL_REPEAT_MAX_MS;
    }
}

static void on_phase_end(struct supervisor *supervisor)
{
    switch (supervisor->phase) { /* no default: a phase without an end does not compile */
    case PHASE_RUNNING:
        supervisor->result->outcome = RECORD_TIMED_OUT;
        terminate(supervisor, SIGTERM, supervisor->limits->grace_ms);
        break;
    case PHASE_LINGERING: terminate(supervisor, SIGTERM, LEFTOVER_GRACE_MS); break;
    case PHASE_TERMINATING:
    case PHASE_KILLING: kill_again(supervisor); break;
    }
}

/* `runner stop` sends the grace it wants along; a plain kill(1) does not. */
static uint64_t wanted_grace(const struct supervisor *supervisor,
                             const struct signalfd_siginfo *info)
{
    if (info->ssi_code == SI_QUEUE && info->ssi_int >= 0) {
        return (uint64_t)info->ssi_int;
    }
    if (info->ssi_pid == 1 && supervisor->limits->grace_ms > SHUTDOWN_GRACE_MS) {
        return SHUTDOWN_GRACE_MS;
    }
    return supervisor->limits->grace_ms;
}

/* A later request can shorten the grace of an earlier one, and never lengthen it. */
static void on_stop(struct supervisor *supervisor, int number, uint64_t grace_ms)
{
    uint64_t ends_at_ms = util_monotonic_ms() + grace_ms;

    switch (supervisor->phase) {
    case PHASE_RUNNING:
        supervisor->result->outcome = RECORD_STOPPED;
        terminate(supervisor, number, grace_ms);
        break;
    case PHASE_LINGERING:
        terminate(supervisor, number, grace_ms < LEFTOVER_GRACE_MS ? grace_ms : LEFTOVER_GRACE_MS);
        break;
    case PHASE_TERMINATING:
        if (number != supervisor->told_by) {
            tell(supervisor, number);
        }
        if (ends_at_ms < supervisor->phase_ends_at_ms) {
            supervisor->phase_ends_at_ms = ends_at_ms;
        }
        break;
    case PHASE_KILLING: break;
    }
}

static void reap(struct supervisor *supervisor)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == supervisor->child.pid) {
            supervisor->is_command_gone = true;
            supervisor->wait_status = status;
            supervisor->result->finished_wall_ms = util_wall_ms();
        }
    }
    supervisor->is_tree_gone = pid < 0 && errno == ECHILD;
    if (supervisor->is_command_gone && !supervisor->is_tree_gone &&
        supervisor->phase == PHASE_RUNNING) {
        enter_phase(supervisor, PHASE_LINGERING, LINGER_MS);
    }
}

static void on_signal(struct supervisor *supervisor, const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;

    switch (number) {
    case SIGCHLD: break; /* all that ended are looked for in any case */
    case SIGTERM:
    case SIGINT:
    case SIGHUP: on_stop(supervisor, number, wanted_grace(supervisor, info)); break;
    default: kill(-supervisor->child.pid, number); break;
    }
}

/*
 * Stop requests before dead children: process 1 ends a container by a signal to all at once, and a
 * command that dies of it did not end by itself.
 */
static void on_signals(struct supervisor *supervisor)
{
    struct signalfd_siginfo info;

    while (read(supervisor->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        on_signal(supervisor, &info);
    }
    reap(supervisor);
}

/* One read, so that a command that never stops writing cannot keep us from the rest. */
static ssize_t copy_output(struct supervisor *supervisor, size_t max_len)
{
    static char buffer[64 * 1024];
    ssize_t got = read(supervisor->child.output_fd, buffer,
                       max_len < sizeof(buffer) ? max_len : sizeof(buffer));

    if (got > 0) {
        task_log_write(supervisor->log, buffer, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(supervisor->child.output_fd);
        supervisor->child.output_fd = -1;
    }
    return got;
}

/* What was in the pipe when the last process went; a stranger that holds its end cannot keep us. */
static void copy_last_output(struct supervisor *supervisor)
{
    int left = 0;

    if (supervisor->child.output_fd < 0 ||
        ioctl(supervisor->child.output_fd, FIONREAD, &left) < 0) {
        return;
    }
    while (left > 0) {
        ssize_t got = copy_output(supervisor, (size_t)left);

        if (got <= 0) {
            return;
        }
        left -= (int)got;
    }
}

static void read_report(struct supervisor *supervisor)
{
    struct command_failure failure;
    ssize_t got = read(supervisor->child.report_fd, &failure, sizeof(failure));

    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got == (ssize_t)sizeof(failure)) {
        supervisor->has_failed_to_start = true;
        supervisor->result->exit_code = failure.exit_code;
        memcpy(supervisor->result->message, failure.message, sizeof(supervisor->result->message));
    }
    close(supervisor->child.report_fd);
    supervisor->child.report_fd = -1;
}

/* Milliseconds for poll(2), rounded up by one: waking up early would be waiting in a circle. */
static int poll_timeout(const struct supervisor *supervisor)
{
    uint64_t now_ms = util_monotonic_ms();

    if (supervisor->phase_ends_at_ms == UINT64_MAX) {
        return -1;
    }
    if (supervisor->phase_ends_at_ms <= now_ms) {
        return 0;
    }
    return supervisor->phase_ends_at_ms - now_ms < INT_MAX
               ? (int)(supervisor->phase_ends_at_ms - now_ms) + 1
               : INT_MAX;
}

static void wait_for_tree(struct supervisor *supervisor)
{
    while (!supervisor->is_tree_gone) {
        struct pollfd fds[] = {
            {.fd = supervisor->signal_fd, .events = POLLIN},
            {.fd = supervisor->child.output_fd, .events = POLLIN},
            {.fd = supervisor->child.report_fd, .events = POLLIN},
        };

        poll(fds, sizeof(fds) / sizeof(fds[0]), poll_timeout(supervisor));
        if (fds[1].revents != 0) {
            copy_output(supervisor, SIZE_MAX);
        }
        if (fds[2].revents != 0) {
            read_report(supervisor);
        }
        on_signals(supervisor);
        if (!supervisor->is_tree_gone && util_monotonic_ms() >= supervisor->phase_ends_at_ms) {
            on_phase_end(supervisor);
        }
        if (is_all_done_that_can_be(supervisor)) {
            supervisor->is_tree_gone = true;
        }
    }
    copy_last_output(supervisor);
    if (supervisor->child.report_fd >= 0) {
        read_report(supervisor);
    }
}

static void conclude(struct supervisor *supervisor)
{
    if (supervisor->has_failed_to_start) {
        supervisor->result->outcome = RECORD_NOT_STARTED;
    } else if (WIFSIGNALED(supervisor->wait_status)) {
        supervisor->result->signal = WTERMSIG(supervisor->wait_status);
        supervisor->result->exit_code = 128 + supervisor->result->signal;
    } else {
        supervisor->result->exit_code = WEXITSTATUS(supervisor->wait_status);
    }
}

/* All but those that say something about this very process; of them two are no reason to end. */
static void choose_signals(sigset_t *ours)
{
    static const int own[] = {SIGSEGV, SIGBUS,  SIGFPE,  SIGILL, SIGTRAP,
                              SIGSYS,  SIGABRT, SIGPIPE, SIGXFSZ};

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* where it was ignored, children would end without a status */
    sigfillset(ours);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        sigdelset(ours, own[i]);
    }
}

int supervise_prepare(void)
{
    sigset_t ours;

    choose_signals(&ours);
    sigprocmask(SIG_SETMASK, &ours, NULL);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
        return -1;
    }
    return signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
}

int supervise(int signal_fd, const struct command *command, const struct supervise_limits *limits,
              struct task_log *log, struct record_result *result)
{
    struct supervisor supervisor = {
        .limits = limits,
        .log = log,
        .signal_fd = signal_fd,
        .phase_ends_at_ms = UINT64_MAX,
        .kill_pause_ms = KILL_REPEAT_MS,
        .result = result,
    };

    if (child_start(command, &supervisor.child) < 0) {
        return -1;
    }
    if (limits->timeout_ms > 0) {
        enter_phase(&supervisor, PHASE_RUNNING, limits->timeout_ms);
    }
    wait_for_tree(&supervisor);
    conclude(&supervisor);
    return 0;
}
