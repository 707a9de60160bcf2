/*
 * `idle`: process 1 of a container that waits for work.
 *
 * It takes in orphans, and on TERM or INT passes the signal on and ends, with 0, when nothing else
 * is left or the grace is over. The grace is shorter than the ten seconds that engines give by
 * default, and longer than what a `run` takes that was told so by process 1: tasks end with a
 * record.
 *
 * With --user and --user-file it first writes down who that user is, for who cannot look into the
 * image (clients/runner_user.h), and gives that user the empty folders named by --own.
 */
#include "controller/runner/options.h"
#include "controller/runner/record.h"
#include "controller/runner/runner.h"
#include "controller/runner/tree.h"
#include "controller/runner/user.h"
#include "controller/runner/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    DEFAULT_GRACE_MS = 8000,
    /* What an engine started in the container is no child of ours: nobody tells us of its end. */
    LOOK_AGAIN_MS = 50,
};

/*
 * As process 1 of a pid namespace: everybody in it. As any other process, where -1 would be
 * everybody on the machine: what is below us.
 */
static void signal_others(int number)
{
    if (getpid() == 1) {
        kill(-1, number);
    } else {
        tree_signal(number);
    }
}

/* Takes in what has ended; true when nobody else is left. */
static bool reap(void)
{
    pid_t pid;

    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
    }
    if (getpid() == 1) {
        return kill(-1, 0) < 0 && errno == ESRCH;
    }
    return pid < 0 && errno == ECHILD;
}

static void end_others(const sigset_t *ours, uint64_t grace_ms)
{
    uint64_t ends_at_ms = util_monotonic_ms() + grace_ms;
    const struct timespec pause = {.tv_nsec = LOOK_AGAIN_MS * 1000000L};

    signal_others(SIGTERM);
    while (!reap() && util_monotonic_ms() < ends_at_ms) {
        sigtimedwait(ours, NULL, &pause);
    }
    signal_others(SIGKILL);
}

/* A home that could not be read back, such as one with control characters, is none. */
static const char *plain_home(const struct user *user)
{
    for (const char *p = user->home; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f) {
            return "/";
        }
    }
    return user->home[0] == '/' ? user->home : "/";
}

static bool is_empty(int fd)
{
    int again = dup(fd);
    DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    unsigned count = 0;

    while (dir != NULL && count <= 2 && readdir(dir) != NULL) {
        count++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return dir != NULL && count <= 2; /* "." and ".." */
}

/*
 * A folder that nobody has used yet, such as a new volume, becomes the user's: it is root's, and
 * empty.
 */
static void own_folder(const struct user *user, const char *path)
{
    char reason[64];
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;

    if (fd < 0) {
        return;
    }
    if (fstat(fd, &info) == 0 && info.st_uid == 0 && user->uid != 0 && is_empty(fd) &&
        fchown(fd, user->uid, user->gid) < 0) {
        runner_complain("idle: give \"%s\" to user %u: %s", path, (unsigned)user->uid,
                        util_errno_text(errno, reason));
    }
    close(fd);
}

/* Nobody waits for process 1 to be well: it says what went wrong, and idles. */
static void write_user_file(const char *spec, const char *path, const struct option_list *own)
{
    static struct user user;
    char text[1024], message[256], reason[64];
    int len;

    if (user_look_up(spec, &user, message, sizeof(message)) < 0) {
        record_clean_line(message);
        len = snprintf(text, sizeof(text), "version=%d\nerror=%s\n", RUNNER_VERSION, message);
    } else {
        for (size_t i = 0; i < own->count; i++) {
            own_folder(&user, own->items[i]);
        }
        len = snprintf(text, sizeof(text), "version=%d\nuid=%u\ngid=%u\nhome=%s\n", RUNNER_VERSION,
                       (unsigned)user.uid, (unsigned)user.gid, plain_home(&user));
    }
    if (record_replace(path, text, (size_t)len) < 0) {
        runner_complain("idle: write \"%s\": %s", path, util_errno_text(errno, reason));
    }
}

int runner_idle(int argc, char **argv)
{
    uint64_t grace_ms = DEFAULT_GRACE_MS;
    const char *user = "", *user_file = NULL;
    static struct option_list own;
    struct option_rule rules[] = {
        {.name = "--grace-ms", .number = &grace_ms, .max = INT_MAX},
        {.name = "--user", .text = &user},
        {.name = "--user-file", .is_path = true, .text = &user_file},
        {.name = "--own", .is_path = true, .list = &own},
    };
    sigset_t ours;
    int number;

    if (options_parse("idle", argc, argv, rules, sizeof(rules) / sizeof(rules[0])) < 0) {
        return RUNNER_USAGE;
    }
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&ours);
    sigaddset(&ours, SIGCHLD);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigprocmask(SIG_SETMASK, &ours, NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (user_file != NULL) {
        write_user_file(user, user_file, &own);
    }
    do {
        reap();
        number = sigwaitinfo(&ours, NULL);
    } while (number != SIGTERM && number != SIGINT);
    end_others(&ours, grace_ms);
    return RUNNER_OK;
}
