#include "clients/git_packs.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_CHUNK = 8 << 20 };

#define POOL "packs"
#define NEW ".new"

struct giving {
    const struct git_packs *packs;
    int pool_fd, tree_fd; /* of the owner's copies, and of the tree's packs */
    struct error *err;
};

static int fail(struct error *err, const char *what, const char *name)
{
    return error_set_reason(err, ERROR_TRANSIENT, "WorkspaceFailed", "%s \"%.200s\": %s", what,
                            name, strerror(errno));
}

/* --- directories ------------------------------------------------------------------------------ */

/* A directory of ours in dir_fd, made where it is missing: what the worker put there is none. */
static int open_own(int dir_fd, const char *name, struct error *err)
{
    auto_close int fd = -1;
    struct stat info;

    if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST) {
        fail(err, "make the directory of packs", name);
        return -1;
    }
    fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0) {
        fail(err, "open the directory of packs", name);
        return -1;
    }
    if (info.st_uid != geteuid()) {
        error_set_reason(err, ERROR_CONFLICT, "WorkspaceFailed",
                         "the directory \"%s\" beside the mirror belongs to user %u, not to us; "
                         "remove it",
                         name, (unsigned)info.st_uid);
        return -1;
    }
    return TAKE_FD(fd);
}

static int open_pool(const struct git_packs *packs, struct error *err)
{
    auto_free char *name = xasprintf("%u-%u", (unsigned)packs->owner, (unsigned)packs->group);
    auto_close int all_fd = open_own(packs->parent_fd, POOL, err);

    return all_fd >= 0 ? open_own(all_fd, name, err) : -1;
}

/* -1 with errno */
static int open_tree_packs(int tree_fd)
{
    static const char *const folders[] = {".git", "objects", "pack"};
    auto_close int fd = fcntl(tree_fd, F_DUPFD_CLOEXEC, 0);

    for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(folders); i++) {
        auto_close int parent = fd;

        fd = openat(parent, folders[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    return TAKE_FD(fd);
}

typedef int each_file_fn(struct giving *giving, const char *name, const struct stat *info);

static int each_file(struct giving *giving, int dir_fd, each_file_fn *take)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    struct stat info;

    if (dir == NULL) {
        fail(giving->err, "read the packs in", ".");
        cleanup_close(&fd);
        return -1;
    }
    while (result == 0 && (entry = readdir(dir)) != NULL) {
        if (fstatat(dir_fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(info.st_mode)) {
            result = take(giving, entry->d_name, &info);
        }
    }
    closedir(dir);
    return result;
}

/* --- copies ----------------------------------------------------------------------------------- */

static int copy_bytes(const struct giving *giving, int from, int to, const char *name,
                      uint64_t total)
{
    uint64_t done = 0;
    ssize_t sent;

    while ((sent = sendfile(to, from, NULL, COPY_CHUNK)) != 0) {
        if (sent < 0 && errno != EINTR) {
            return fail(giving->err, "copy", name);
        }
        done += sent > 0 ? (uint64_t)sent : 0;
        giving->packs->on_progress(done, total);
    }
    return 0;
}

/* It gets its name when it is complete. */
static int make_copy(const struct giving *giving, const char *name, const char *copy)
{
    const struct git_packs *packs = giving->packs;
    auto_close int from = openat(giving->tree_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    auto_close int to = -1;
    struct timespec times[2];
    struct stat info;

    if (from < 0 || fstat(from, &info) < 0 ||
        (unlinkat(giving->pool_fd, NEW, 0) < 0 && errno != ENOENT)) {
        return fail(giving->err, "copy", name);
    }
    to = openat(giving->pool_fd, NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (to < 0) {
        return fail(giving->err, "copy", name);
    }
    if (copy_bytes(giving, from, to, name, (uint64_t)info.st_size) < 0) {
        return -1;
    }
    times[0] = info.st_atim;
    times[1] = info.st_mtim;
    if (fchown(to, packs->owner, packs->group) < 0 || fchmod(to, 0444) < 0 ||
        futimens(to, times) < 0 || renameat(giving->pool_fd, NEW, giving->pool_fd, copy) < 0) {
        return fail(giving->err, "copy", name);
    }
    return 0;
}

/* As many trees link to it as the file system allows: the next ones get another copy. */
static int link_copy(const struct giving *giving, const char *copy)
{
    int result = linkat(giving->pool_fd, copy, giving->tree_fd, NEW, 0);

    if (result < 0 && errno == EMLINK) {
        unlinkat(giving->pool_fd, copy, 0);
        errno = ENOENT;
    }
    return result;
}

static int give_file(struct giving *giving, const char *name, const struct stat *info)
{
    auto_free char *copy = NULL;

    if (info->st_uid == giving->packs->owner && info->st_gid == giving->packs->group) {
        return 0;
    }
    copy = xasprintf("%ju-%jd-%s", (uintmax_t)info->st_ino,
                     (intmax_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec, name);
    if (link_copy(giving, copy) < 0) {
        if (errno != ENOENT) {
            return fail(giving->err, "link", name);
        }
        if (make_copy(giving, name, copy) < 0) {
            return -1;
        }
        if (link_copy(giving, copy) < 0) {
            return fail(giving->err, "link", name);
        }
    }
    return renameat(giving->tree_fd, NEW, giving->tree_fd, name) < 0
               ? fail(giving->err, "replace", name)
               : 0;
}

static int drop_unused(struct giving *giving, const char *name, const struct stat *info)
{
    if (info->st_nlink == 1 && unlinkat(giving->pool_fd, name, 0) < 0) {
        return fail(giving->err, "remove", name);
    }
    return 0;
}

int git_packs_give(const struct git_packs *packs, int tree_fd, struct error *err)
{
    auto_close int packs_fd = open_tree_packs(tree_fd);
    auto_close int pool_fd = -1;
    struct giving giving = {.packs = packs, .tree_fd = packs_fd, .err = err};

    if (packs_fd < 0) {
        return errno == ENOENT ? 0 : fail(err, "open", ".git/objects/pack"); /* none, or no tree */
    }
    pool_fd = open_pool(packs, err);
    if (pool_fd < 0) {
        return -1;
    }
    giving.pool_fd = pool_fd;
    if (each_file(&giving, packs_fd, give_file) < 0) {
        return -1;
    }
    return each_file(&giving, pool_fd, drop_unused);
}
