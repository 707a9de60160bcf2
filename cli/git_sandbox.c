#include "cli/git_sandbox.h"

#include "base/cleanup.h"
#include "base/core_dumps.h"
#include "base/sanitized.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const rlim_t ADDRESS_SPACE_MAX = (rlim_t)2 << 30;
static const rlim_t CPU_SECONDS_MAX = 4 * 3600;
static const rlim_t FILE_SIZE_SLACK = (rlim_t)64 << 20;

static bool somebody_listens(void)
{
    struct pollfd poll_fd = {.fd = STDOUT_FILENO};

    return poll(&poll_fd, 1, 0) >= 0 && (poll_fd.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
}

int git_sandbox_start(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    core_dumps_off();
    syscall(SYS_close_range, STDERR_FILENO + 1, ~0U,
            0); /* missing before Linux 5.9: then they stay */
    signal(SIGPIPE, SIG_IGN);
    umask(022);
    clearenv();
    if (chdir("/") < 0) {
        return -1;
    }
    return somebody_listens() ? 0 : -1; /* a parent that died before prctl() sends no signal */
}

int git_sandbox_die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return getppid() == parent ? 0 : -1;
}

static int set_limits(const struct git_sandbox *sandbox, struct error *err)
{
    const struct {
        int resource;
        rlim_t max;
        bool is_wanted;
    } limits[] = {
        {RLIMIT_AS, ADDRESS_SPACE_MAX, !IS_SANITIZED},
        {RLIMIT_CPU, CPU_SECONDS_MAX, true},
        /* an index or a repaired thin pack may be larger than what was received */
        {RLIMIT_FSIZE, (rlim_t)sandbox->max_bytes * 2 + FILE_SIZE_SLACK, sandbox->max_bytes != 0},
        {RLIMIT_NPROC, 0, !IS_SANITIZED && !sandbox->has_threads},
    };

    signal(SIGXFSZ, SIG_IGN); /* write() fails instead, with a reason */
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        struct rlimit limit = {limits[i].max, limits[i].max}, now;

        if (!limits[i].is_wanted) {
            continue;
        }
        if (getrlimit((__rlimit_resource_t)limits[i].resource, &now) == 0 &&
            now.rlim_max < limit.rlim_max) {
            limit.rlim_cur = limit.rlim_max = now.rlim_max;
        }
        if (setrlimit((__rlimit_resource_t)limits[i].resource, &limit) < 0) {
            return error_set_errno(err, errno, "limit the git process");
        }
    }
    return 0;
}

static int become(uid_t user, struct error *err)
{
    uid_t real, effective, saved;

    if (setgroups(0, NULL) < 0 || setresgid(user, user, user) < 0 ||
        setresuid(user, user, user) < 0) {
        return error_set_errno(err, errno, "become user %u for git", (unsigned)user);
    }
    if (getresuid(&real, &effective, &saved) < 0 || real != user || effective != user ||
        saved != user) {
        return error_set(err, ERROR_INTERNAL, "becoming user %u for git had no effect",
                         (unsigned)user);
    }
    return 0;
}

/* What a program could be started with; while we may still say so. Others start none anyway. */
static void bound_capabilities(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0;
         capability++) {
    }
}

/* Also of those who stay root. */
static int drop_capabilities(struct error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

    if (syscall(SYS_capset, &header, none) < 0) {
        return error_set_errno(err, errno, "give up all privileges for git");
    }
    return 0;
}

int git_sandbox_enter(const struct git_sandbox *sandbox, struct error *err)
{
    bool is_caged;

    if (set_limits(sandbox, err) < 0 || git_cage_enter(&sandbox->cage, &is_caged, err) < 0) {
        return -1;
    }
    bound_capabilities();
    if (sandbox->user != 0 && geteuid() == 0 && become(sandbox->user, err) < 0) {
        return -1;
    }
    core_dumps_off(); /* a change of user may have set it */
    return drop_capabilities(err);
}

/* The short way, after a namespace of its own was made. */
static int cover_tmp(const char *mirror_parent)
{
    /* opened in this namespace: a mount of another one cannot be bound */
    auto_close int fd = open(mirror_parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    char source[64];

    if (fd < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=1m") <
            0) {
        return -1;
    }
    /* by descriptor: the source may lie below /tmp, which is covered by now */
    snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
    if (mkdir(GIT_SANDBOX_MIRROR, 0755) < 0 ||
        mount(source, GIT_SANDBOX_MIRROR, NULL, MS_BIND, NULL) < 0) {
        umount2("/tmp", MNT_DETACH); /* as it was */
        return -1;
    }
    return 0;
}

bool git_sandbox_mount(const char *mirror_parent)
{
    return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 && cover_tmp(mirror_parent) == 0;
}
