#include "clients/git_handover.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 400 }; /* each level holds a descriptor; tree_remove() goes deeper */

struct handover {
    uid_t maker, owner;
    struct error *err;
};

static int refuse(const struct handover *handover, const char *name, const char *why)
{
    return error_set_reason(handover->err, ERROR_CONFLICT, "WorkspaceFailed",
                            "the new working tree is refused: \"%.200s\" %s", name, why);
}

static int fail(const struct handover *handover, const char *name)
{
    int number = errno;

    return error_set_reason(handover->err, ERROR_CONFLICT, "WorkspaceFailed",
                            "the new working tree cannot be handed over: \"%.200s\": %s", name,
                            strerror(number));
}

static int check(const struct handover *handover, const char *name, const struct stat *info)
{
    if (!S_ISDIR(info->st_mode) && !S_ISREG(info->st_mode) && !S_ISLNK(info->st_mode)) {
        return refuse(handover, name, "is neither file, directory nor symbolic link");
    }
    if (!S_ISDIR(info->st_mode) && info->st_nlink != 1) {
        return refuse(handover, name, "has more than one name");
    }
    if (info->st_uid != handover->maker && info->st_uid != handover->owner) {
        return refuse(handover, name, "belongs to somebody else");
    }
    return 0;
}

/*
 * The descriptor is opened without following or waiting; for a symbolic link it is good for its
 * owner only.
 */
static int open_entry(int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 && errno == ELOOP) {
        fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    }
    return fd;
}

static int give_entry(const struct handover *handover, int dir_fd, const char *name,
                      unsigned depth);

/* Owns fd. */
static int give_children(const struct handover *handover, int fd, const char *name, unsigned depth)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    int result = 0;

    if (dir == NULL) {
        fail(handover, name);
        close(fd);
        return -1;
    }
    while (result == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            result = give_entry(handover, dirfd(dir), entry->d_name, depth + 1);
        }
    }
    closedir(dir);
    return result;
}

static int give_entry(const struct handover *handover, int dir_fd, const char *name, unsigned depth)
{
    auto_close int fd = open_entry(dir_fd, name);
    struct stat info;

    if (fd < 0 || fstat(fd, &info) < 0) {
        return fail(handover, name);
    }
    if (depth > MAX_DEPTH) {
        return refuse(handover, name, "lies too deep");
    }
    if (check(handover, name, &info) < 0) {
        return -1;
    }
    if ((info.st_uid != handover->owner || info.st_gid != handover->owner) && geteuid() == 0 &&
        fchownat(fd, "", handover->owner, handover->owner, AT_EMPTY_PATH) < 0) {
        return fail(handover, name);
    }
    if (!S_ISLNK(info.st_mode) && (info.st_mode & 07000) != 0 &&
        fchmod(fd, info.st_mode & 0777) < 0) {
        return fail(handover, name);
    }
    return S_ISDIR(info.st_mode) ? give_children(handover, TAKE_FD(fd), name, depth) : 0;
}

int git_handover_give(const char *path, uid_t maker, uid_t owner, struct error *err)
{
    struct handover handover = {.maker = maker, .owner = owner, .err = err};

    return give_entry(&handover, AT_FDCWD, path, 0);
}

int git_handover_move(const char *from, const char *to, struct error *err)
{
    struct stat info;
    int moved = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);

    if (moved < 0 && (errno == EINVAL || errno == ENOSYS)) { /* not every file system knows how */
        moved = lstat(to, &info) == 0 ? (errno = EEXIST, -1) : rename(from, to);
    }
    if (moved == 0) {
        return 0;
    }
    if (errno == EEXIST || errno == ENOTEMPTY) {
        return error_set_reason(err, ERROR_CONFLICT, "WorkspaceFailed",
                                "the working tree \"%s\" exists already", to);
    }
    return error_set_reason(err, ERROR_CONFLICT, "WorkspaceFailed",
                            "the working tree cannot be put at \"%s\": %s", to, strerror(errno));
}
