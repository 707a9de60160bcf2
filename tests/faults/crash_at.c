/*
 * Runs a program and kills it at one of its changes to the world.
 *
 * usage: crash_at -l LOG -e SOCKET -r NAME=FOLDER... [-n N | -p POINT | -t FILE] [-a] [-c] --
 * PROGRAM ARGUMENT...
 *
 * A change is a system call by which the program alters something below one of the FOLDERs, or by
 * which it sends something to the engine at SOCKET; of its children (our own binary under another
 * verb) every change of a file counts, wherever it is. Nothing is preloaded or traced: the kernel
 * asks before each of these calls (seccomp's user notification), so children without an environment
 * and raw system calls are seen too, and the program runs as it does otherwise, under its own pid.
 *
 * LOG gets a line for each change: "WHO WHAT#K", where K says the how manieth of that name it is.
 * WHO is the verb ("run" is the controller), and random digits in WHAT are a "*", so that a line
 * means the same in another run. Without -n, -p or -t nobody is killed.
 *
 *   -n N      at the Nth change
 *   -p POINT  at the change with this line
 *   -a        when the call was carried out, instead of before it
 *   -c        only the process that makes the change dies, be it a child or the controller
 *   -t FILE   at the first change for which there is a line in FILE, "before POINT", "after POINT"
 *   or "alone
 *             POINT" (before it, and only that process), and none "killed before POINT" or so in
 *             LOG; who is
 *             left goes on to the next one
 *
 * Otherwise SIGKILL goes to the program first and then to the child whose change it was. LOG gets
 * the line "killed HOW WHO WHAT#K", and "end" when all processes are gone.
 */
#include "base/cleanup.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/parse.h"
#include "tests/support/world_change.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LISTENER_FD = 200, MAX_ROOTS = 4 };

static struct world_root roots[MAX_ROOTS];
static struct world world = {.roots = roots};

static struct {
    const char *log, *point, *todo;
    unsigned long number;
    const char *how;
} options = {.how = "before"};

/* The group leader of a thread. */
static pid_t process_of(pid_t tid)
{
    auto_free char *path = xasprintf("/proc/%d/status", (int)tid);
    FILE *file = fopen(path, "re");
    char line[128];
    int pid = tid;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL &&
           sscanf(line, "Tgid: %d", &pid) != 1) {
    }
    if (file != NULL) {
        fclose(file);
    }
    return pid;
}

/*
 * --- counting and killing
 * ----------------------------------------------------------------------------
 */

static struct map seen; /* a change -> how often it came, as a pointer's value */
static struct map todo; /* "HOW POINT" */
static unsigned long change_count;
static pid_t
    over_soon; /* who carries the call out after which it dies; at its next call that is over */
static char *fatal;  /* "HOW POINT" of the next kill */
static bool is_over; /* nobody is killed any more */

static void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void log_line(const char *format, ...)
{
    FILE *file = fopen(options.log, "ae");
    va_list args;

    if (file == NULL) {
        err(1, "%s", options.log);
    }
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    fclose(file);
}

/* What FILE has and LOG has not yet. */
static void read_todo(void)
{
    const char *paths[] = {options.todo, options.log};
    char line[1024];

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        FILE *file = fopen(paths[i], "re");

        while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
            line[strcspn(line, "\n")] = '\0';
            if (i == 0) {
                map_put(&todo, line, &todo);
            } else if (text_has_prefix(line, "killed ")) {
                map_remove(&todo, line + strlen("killed "));
            }
        }
        if (file != NULL) {
            fclose(file);
        }
    }
}

/* How to kill at the change; NULL: not at all. */
static const char *how_at(const char *point)
{
    static const char *const hows[] = {"before", "alone", "after"};

    if (options.todo == NULL) {
        bool is_point = options.point != NULL ? strcmp(point, options.point) == 0
                                              : change_count == options.number;

        return is_point ? options.how : NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(hows); i++) {
        auto_free char *line = xasprintf("%s %s", hows[i], point);

        if (map_remove(&todo, line) != NULL) {
            return hows[i];
        }
    }
    return NULL;
}

/* How to kill at the call; NULL: not at all. */
static const char *count_change(pid_t tid, const struct seccomp_data *data)
{
    auto_free char *change = world_change_describe(&world, tid, data), *point = NULL;
    uintptr_t times;
    const char *how;

    if (change == NULL) {
        return NULL;
    }
    times = (uintptr_t)map_get(&seen, change) + 1;
    map_put(&seen, change, (void *)times);
    point = xasprintf("%s#%lu", change, (unsigned long)times);
    log_line("%s\n", point);
    change_count++;
    how = how_at(point);
    if (how != NULL) {
        free(fatal);
        fatal = xasprintf("%s %s", how, point);
    }
    return how;
}

static void kill_at_point(pid_t program, pid_t tid, const char *how)
{
    pid_t victim = process_of(tid);
    bool is_alone = strcmp(how, "alone") == 0;

    log_line("killed %s\n", fatal);
    if (!is_alone) {
        kill(program, SIGKILL);
    }
    kill(victim, SIGKILL);
    is_over = options.todo == NULL || !is_alone || victim == program;
}

/* True: the call may go on; false: its process is dead. */
static bool judge(pid_t program, pid_t tid, const struct seccomp_data *data)
{
    const char *how;

    if (over_soon == tid && !is_over) {
        over_soon = 0;
        kill_at_point(program, tid, "after");
        return false;
    }
    if (is_over || over_soon != 0) { /* what is left after the kill does as it likes */
        return true;
    }
    how = count_change(tid, data);
    if (how == NULL) {
        return true;
    }
    if (strcmp(how, "after") == 0) {
        over_soon = tid;
        return true;
    }
    kill_at_point(program, tid, how);
    return false;
}

static void serve(pid_t program, int listener)
{
    struct pollfd asked = {.fd = listener, .events = POLLIN};

    for (;;) {
        struct seccomp_notif request = {0};
        struct seccomp_notif_resp answer = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

        if (poll(&asked, 1, -1) < 0 && errno != EINTR) {
            err(1, "poll");
        }
        if ((asked.revents & POLLIN) == 0) {
            break; /* nobody is left who could ask */
        }
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0) {
            continue; /* it died meanwhile */
        }
        answer.id = request.id;
        if (judge(program, (pid_t)request.pid, &request.data)) {
            ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
        }
    }
    log_line("end\n");
}

/*
 * --- starting
 * ------------------------------------------------------------------------------------------
 */

/* The one who watches: a process of its own that is not a child of the program. */
static void watch(pid_t program, const int is_ready[2], const int is_taken[2])
{
    char byte;
    int process = (int)syscall(SYS_pidfd_open, program, 0);
    int listener;

    setsid();
    close(is_ready[1]);
    close(is_taken[0]);
    if (read(is_ready[0], &byte, 1) < 0 || process < 0) {
        err(1, "the program to be watched");
    }
    listener = (int)syscall(SYS_pidfd_getfd, process, LISTENER_FD, 0);
    if (listener < 0) {
        err(1, "the filter's descriptor");
    }
    fcntl(listener, F_SETFD, FD_CLOEXEC);
    close(is_taken[1]);
    serve(program, listener);
    exit(0);
}

static void start_watcher(const int is_ready[2], const int is_taken[2])
{
    pid_t program = getpid(), between = fork();

    if (between < 0) {
        err(1, "fork");
    }
    if (between == 0) {
        if (fork() == 0) {
            watch(program, is_ready, is_taken);
        }
        _exit(0);
    }
    waitpid(between, NULL, 0);
}

static void take_root(char *text)
{
    char *equals = strchr(text, '=');

    if (equals == NULL || world.root_count == MAX_ROOTS) {
        errx(2, "-r: \"%s\" is not NAME=FOLDER, or one too many", text);
    }
    *equals = '\0';
    roots[world.root_count++] = (struct world_root){.name = text, .folder = equals + 1};
}

static void read_options(int argc, char **argv)
{
    uint64_t number = 0;
    int option;

    while ((option = getopt(argc, argv, "+l:e:r:n:p:t:ac")) != -1) {
        switch (option) {
        case 'l': options.log = optarg; break;
        case 'e': world.engine_socket = optarg; break;
        case 'r': take_root(optarg); break;
        case 'n':
            if (parse_u64(optarg, &number) < 0) {
                errx(2, "-n: \"%s\" is not a number", optarg);
            }
            options.number = number;
            break;
        case 'p': options.point = optarg; break;
        case 't': options.todo = optarg; break;
        case 'a': options.how = "after"; break;
        case 'c': options.how = "alone"; break;
        default: exit(2);
        }
    }
    if (options.log == NULL || world.engine_socket == NULL || optind == argc) {
        errx(2, "see the head of crash_at.c for how it is used");
    }
}

int main(int argc, char **argv)
{
    int is_ready[2], is_taken[2], listener;
    char byte;

    read_options(argc, argv);
    if (options.todo != NULL) {
        read_todo();
    }
    if (pipe2(is_ready, O_CLOEXEC) < 0 || pipe2(is_taken, O_CLOEXEC) < 0) {
        err(1, "pipe");
    }
    start_watcher(is_ready, is_taken);
    close(is_ready[0]);
    close(is_taken[1]);
    listener = world_change_ask();
    if (listener < 0 || dup3(listener, LISTENER_FD, O_CLOEXEC) < 0) {
        err(1, "seccomp");
    }
    close(is_ready[1]); /* from here on the watcher is asked */
    if (read(is_taken[0], &byte, 1) < 0) {
        err(1, "the watcher");
    }
    execvp(argv[optind], argv + optind);
    err(127, "%s", argv[optind]);
}
