#include "clients/tree_copy.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "clients/tree_failure.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DEPTH_MAX =
        400, /* each level holds two descriptors, and paths that git can use are not deeper */
    MODE_KEPT = 01777,
};

struct copying {
    uid_t uid;
    gid_t gid;
    struct error *err;
};

static int copy_folder(const struct copying *copying, int from_fd, int to_fd, unsigned depth);

static int fail(const struct copying *copying, const char *name)
{
    return tree_fail(copying->err, errno, "copy", name);
}

/* Owner first: a change of owner may take bits of the mode away. */
static int finish(const struct copying *copying, int fd, const struct stat *info, const char *name)
{
    const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, info->st_mtim};

    if (fchown(fd, copying->uid, copying->gid) < 0 || fchmod(fd, info->st_mode & MODE_KEPT) < 0 ||
        futimens(fd, times) < 0) {
        return fail(copying, name);
    }
    return 0;
}

/* --- files ------------------------------------------------------------------------------------ */

static int copy_through_memory(int from, int to)
{
    char chunk[65536];
    ssize_t got;

    while ((got = read(from, chunk, sizeof(chunk))) != 0) {
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 || file_write_all(to, chunk, (size_t)got) < 0) {
            return -1;
        }
    }
    return 0;
}

/* The ways from the cheapest on; each goes on where the one before stopped. */
static int copy_bytes(int from, int to)
{
    ssize_t got;

    if (ioctl(to, FICLONE, from) == 0) {
        return 0;
    }
    while ((got = copy_file_range(from, NULL, to, NULL, SSIZE_MAX & ~0xfffff, 0)) > 0) {
    }
    return got == 0 ? 0 : copy_through_memory(from, to);
}

static int copy_file(const struct copying *copying, int from_dir, int to_dir, const char *name)
{
    auto_close int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    auto_close int to = -1;
    struct stat info;

    if (from < 0 || fstat(from, &info) < 0) {
        return fail(copying, name);
    }
    if (!S_ISREG(info.st_mode)) {
        errno = EAGAIN; /* it was one just now */
        return fail(copying, name);
    }
    to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0 || copy_bytes(from, to) < 0) {
        return fail(copying, name);
    }
    return finish(copying, to, &info, name);
}

/* --- what is no file -------------------------------------------------------------------------- */

static int copy_below(const struct copying *copying, int from_dir, int to_dir, const char *name,
                      unsigned depth)
{
    auto_close int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    auto_close int to = -1;
    struct stat info;

    if (from < 0 || fstat(from, &info) < 0 || mkdirat(to_dir, name, 0700) < 0) {
        return fail(copying, name);
    }
    if (depth > DEPTH_MAX) {
        return tree_refuse(copying->err, "\"%.200s\" cannot be copied: it lies %u folders deep",
                           name, depth);
    }
    to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0) {
        return fail(copying, name);
    }
    if (copy_folder(copying, from, to, depth) < 0) {
        return -1;
    }
    return finish(copying, to, &info, name); /* after its content, which changes its time */
}

/* A link, or a FIFO: what has an owner and a time, but nothing that is opened. */
static int finish_unopened(const struct copying *copying, int to_dir, const char *name,
                           const struct stat *info)
{
    const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, info->st_mtim};

    if (fchownat(to_dir, name, copying->uid, copying->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0) {
        return fail(copying, name);
    }
    return 0;
}

static int copy_link(const struct copying *copying, int from_dir, int to_dir, const char *name,
                     const struct stat *info)
{
    char target[PATH_MAX];
    ssize_t len = readlinkat(from_dir, name, target, sizeof(target) - 1);

    if (len < 0) {
        return fail(copying, name);
    }
    target[len] = '\0';
    if (symlinkat(target, to_dir, name) < 0) {
        return fail(copying, name);
    }
    return finish_unopened(copying, to_dir, name, info);
}

static int copy_entry(const struct copying *copying, int from_dir, int to_dir, const char *name,
                      unsigned depth)
{
    struct stat info;

    if (fstatat(from_dir, name, &info, AT_SYMLINK_NOFOLLOW) < 0) {
        return fail(copying, name);
    }
    switch (info.st_mode & S_IFMT) {
    case S_IFREG: return copy_file(copying, from_dir, to_dir, name);
    case S_IFDIR: return copy_below(copying, from_dir, to_dir, name, depth);
    case S_IFLNK: return copy_link(copying, from_dir, to_dir, name, &info);
    case S_IFIFO:
        if (mkfifoat(to_dir, name, info.st_mode & 0777) < 0) {
            return fail(copying, name);
        }
        return finish_unopened(copying, to_dir, name, &info);
    default: return 0;
    }
}

static int copy_folder(const struct copying *copying, int from_fd, int to_fd, unsigned depth)
{
    int fd = openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    int result = 0;

    if (dir == NULL) {
        fail(copying, ".");
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    while (result == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            result = copy_entry(copying, from_fd, to_fd, entry->d_name, depth + 1);
        }
    }
    closedir(dir);
    return result;
}

int tree_copy(int from_fd, int to_fd, uid_t uid, gid_t gid, struct error *err)
{
    const struct copying copying = {.uid = uid, .gid = gid, .err = err};
    struct stat info;

    if (fstat(from_fd, &info) < 0) {
        return fail(&copying, ".");
    }
    if (copy_folder(&copying, from_fd, to_fd, 0) < 0) {
        return -1;
    }
    return finish(&copying, to_fd, &info, ".");
}
