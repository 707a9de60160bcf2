#include "clients/tree_jail_walls.h"

#include "base/cleanup.h"
#include "base/core_dumps.h"
#include "base/memory.h"
#include "base/sanitized.h"
#include "clients/tree_failure.h"
#include "clients/tree_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static const rlim_t ADDRESS_SPACE_MAX = (rlim_t)2 << 30;

enum {
    OPEN_FILES_MAX = 512,
    CAPABILITIES_MAX = 64,
    TICK_US = 50000, /* a FIFO named .gitattributes is opened again for every file */
};

static int fail(struct error *err, const char *what)
{
    return tree_refuse(err, "the jail for looking at a tree cannot be made: %s: %s", what,
                       strerror(errno));
}

/* --- its file system -------------------------------------------------------------------------- */

/* The tree's top folder, in this mount namespace. */
static int open_tree_folder(const struct tree_job *job, int *ret_fd, struct error *err)
{
    auto_close int trees = open(job->trees, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    auto_close int fd = -1;

    if (trees < 0) {
        return tree_fail(err, errno, "open", job->trees);
    }
    fd = openat(trees, job->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return tree_refuse(err, "there is no tree \"%s\"", job->name);
    }
    if (job->method == TREE_OVERLAY && tree_mount_id(fd) == tree_mount_id(trees)) {
        return tree_refuse(err, "the tree \"%s\" is not mounted", job->name);
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int bind_read_only(int fd, const char *target)
{
    const unsigned long walls = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    char source[64];

    snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
    return mount(source, target, NULL, MS_BIND, NULL) < 0 ||
                   mount(NULL, target, NULL, MS_BIND | MS_REMOUNT | walls, NULL) < 0
               ? -1
               : 0;
}

/*
 * An empty file system over the folder of trees, with the tree in it, becomes the root; the rest of
 * the machine's is let go of. Only this process's namespace changes.
 */
static int move_in(const struct tree_job *job, struct error *err)
{
    auto_close int fd = -1;

    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0) {
        return fail(err, "namespaces");
    }
    /* unmounting outside still reaches in here, as long as anything of it is seen */
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) {
        return fail(err, "mounts of its own");
    }
    if (open_tree_folder(job, &fd, err) < 0) {
        return -1;
    }
    if (mount("tmpfs", job->trees, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "mode=0755,size=64k,nr_inodes=8") < 0 ||
        chdir(job->trees) < 0 || mkdir("tree", 0755) < 0 || bind_read_only(fd, "tree") < 0 ||
        mount(NULL, ".", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) <
            0) {
        return fail(err, "a file system of its own");
    }
    if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
        chdir("/tree") < 0) {
        return fail(err, "a root of its own");
    }
    return 0;
}

static int stay_here(const struct tree_job *job, struct error *err)
{
    auto_close int fd = -1;

    if (open_tree_folder(job, &fd, err) < 0) {
        return -1;
    }
    return fchdir(fd) < 0 ? fail(err, "the way into the tree") : 0;
}

/* --- its rights ------------------------------------------------------------------------------- */

static int set_limits(unsigned cpu_seconds, struct error *err)
{
    const struct {
        int resource;
        rlim_t max;
        bool is_wanted;
    } limits[] = {
        {RLIMIT_AS, ADDRESS_SPACE_MAX, !IS_SANITIZED},
        {RLIMIT_CPU, cpu_seconds, true},
        {RLIMIT_FSIZE, 0, true},
        {RLIMIT_NOFILE, OPEN_FILES_MAX, true},
        {RLIMIT_NPROC, 0, !IS_SANITIZED},
    };

    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        const struct rlimit limit = {limits[i].max, limits[i].max};

        if (limits[i].is_wanted && setrlimit((__rlimit_resource_t)limits[i].resource, &limit) < 0) {
            return fail(err, "limits");
        }
    }
    return 0;
}

/* Also where the container's user is root: it is one without any power then. */
static int drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {{0}};

    return (int)syscall(SYS_capset, &header, none);
}

static int become(const struct tree_job *job, struct error *err)
{
    uid_t real, effective, saved;

    for (int capability = 0; capability < CAPABILITIES_MAX; capability++) {
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0); /* fails for those that the kernel has not */
    }
    if (setgroups(0, NULL) < 0 || setresgid(job->gid, job->gid, job->gid) < 0 ||
        setresuid(job->uid, job->uid, job->uid) < 0 || drop_capabilities() < 0) {
        return fail(err, "the container's user");
    }
    if (getresuid(&real, &effective, &saved) < 0 || real != job->uid || effective != job->uid ||
        saved != job->uid) {
        return tree_refuse(err, "becoming user %u had no effect", (unsigned)job->uid);
    }
    return 0;
}

/* --- its life --------------------------------------------------------------------------------- */

/* Forgotten by the kernel on a change of user, so it comes after that. */
static int die_with_parent(struct error *err)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    core_dumps_off();
    /* the parent's number cannot be seen from here, but that its end of the pipe is gone can */
    if (poll(&out, 1, 0) < 0 || (out.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
        return tree_refuse(err, "nobody waits for this look at the tree any more");
    }
    return 0;
}

static void on_tick(int number)
{
    (void)number; /* that it comes is enough: what waits returns */
}

static void start_ticking(void)
{
    const struct sigaction action = {.sa_handler = on_tick}; /* without SA_RESTART */
    const struct itimerval ticks = {.it_interval.tv_usec = TICK_US, .it_value.tv_usec = TICK_US};

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &ticks, NULL);
}

static void close_what_is_inherited(void)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    dup2(null_fd, STDIN_FILENO);
    dup2(null_fd, STDERR_FILENO);
    closefrom(TREE_JAIL_DATA_FD + 1);
}

int tree_jail_enter(const struct tree_jail *jail, struct error *err)
{
    close_what_is_inherited();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* write() fails instead */
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (geteuid() == 0) {
        if (move_in(jail->job, err) < 0 || set_limits(jail->cpu_seconds, err) < 0 ||
            become(jail->job, err) < 0) {
            return -1;
        }
    } else if (stay_here(jail->job, err) < 0 || set_limits(jail->cpu_seconds, err) < 0) {
        return -1;
    }
    start_ticking();
    return die_with_parent(err);
}
