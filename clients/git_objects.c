#include "clients/git_objects.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/parse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_CHUNK = 8 << 20 };

#define PACKS "pack"

struct share {
    struct git_session *session;
    int from_fd, to_fd; /* the two objects directories */
    struct error *err;
};

static int fail(struct share *share, const char *path)
{
    return error_set_errno(share->err, errno, "take \"objects/%s\" from the mirror", path);
}

static int copy_bytes(struct share *share, int from, int to, const char *path, uint64_t total)
{
    uint64_t done = 0;
    ssize_t sent;

    while ((sent = sendfile(to, from, NULL, COPY_CHUNK)) != 0) {
        if (sent < 0 && errno != EINTR) {
            return fail(share, path);
        }
        done += sent > 0 ? (uint64_t)sent : 0;
        if (git_session_report(share->session, "copying", done, total) < 0) {
            return git_session_fail(share->session, GIT_STAGE_LOCAL, GIT_EUSER, share->err);
        }
    }
    return 0;
}

static int copy_file(struct share *share, const char *path)
{
    auto_close int from =
        openat(share->from_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    auto_close int to = -1;
    struct stat info;

    if (from < 0 || fstat(from, &info) < 0) {
        return fail(share, path);
    }
    if (!S_ISREG(info.st_mode)) {
        return 0;
    }
    to = openat(share->to_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);
    if (to < 0) {
        return fail(share, path);
    }
    return copy_bytes(share, from, to, path, (uint64_t)info.st_size);
}

/*
 * Another file system, a kernel or file system without (enough) links, a cage of an old kernel, or
 * a pack that is not the git user's.
 */
static bool cannot_be_linked(int number)
{
    return number == EXDEV || number == EMLINK || number == EPERM || number == EACCES ||
           number == EOPNOTSUPP || number == ENOSYS;
}

/* path is "pack/pack-....idx" or "ab/cdef...", below both directories. */
static int share_file(struct share *share, const char *directory, const char *path)
{
    struct stat info;

    /* what anybody else could write is not shared */
    if (strcmp(directory, PACKS) == 0 &&
        fstatat(share->from_fd, path, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
        (info.st_mode & 07777) == 0444) {
        if (linkat(share->from_fd, path, share->to_fd, path, 0) == 0) {
            return 0;
        }
        if (!cannot_be_linked(errno)) {
            return fail(share, path);
        }
    }
    return copy_file(share, path);
}

static bool is_object_file(const char *directory, const char *name)
{
    if (strcmp(directory, PACKS) == 0) {
        return text_has_prefix(name, "pack-") &&
               (text_has_suffix(name, ".pack") || text_has_suffix(name, ".idx"));
    }
    return strlen(name) == 38 && strspn(name, "0123456789abcdef") == 38;
}

static int share_directory(struct share *share, const char *name)
{
    int fd = openat(share->from_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    char path[2 * NAME_MAX];
    struct dirent *entry;
    int result = 0;

    if (dir == NULL) {
        fail(share, name);
        cleanup_close(&fd);
        return -1;
    }
    if (mkdirat(share->to_fd, name, 0755) < 0 && errno != EEXIST) {
        result = fail(share, name);
    }
    while (result == 0 && (entry = readdir(dir)) != NULL) {
        if (is_object_file(name, entry->d_name)) {
            snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
            result = share_file(share, name, path);
        }
    }
    closedir(dir);
    return result;
}

int git_objects_share(struct git_session *session, const char *mirror, const char *objects,
                      struct error *err)
{
    auto_free char *from = path_join(mirror, "objects");
    auto_close int from_fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_close int to_fd = open(objects, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct share share = {.session = session, .from_fd = from_fd, .to_fd = to_fd, .err = err};
    char name[3];

    if (from_fd < 0 || to_fd < 0) {
        return error_set_errno(err, errno, "take \"%s\"", from);
    }
    if (share_directory(&share, PACKS) < 0) {
        return -1;
    }
    for (unsigned byte = 0; byte <= 0xff; byte++) { /* loose ones, by the first byte of their id */
        snprintf(name, sizeof(name), "%02x", byte);
        if (faccessat(from_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
            share_directory(&share, name) < 0) {
            return -1;
        }
    }
    return 0;
}
