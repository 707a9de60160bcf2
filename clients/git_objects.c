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

/* A walk over the mirror's objects: once to count the bytes, once to copy them. */
struct copy {
    struct git_session *session;
    int from_fd, to_fd; /* the two objects directories; to_fd is -1 while counting */
    uint64_t done, total;
    struct error *err;
};

static int copy_bytes(struct copy *copy, int from, int to, const char *name)
{
    ssize_t sent;

    while ((sent = sendfile(to, from, NULL, COPY_CHUNK)) != 0) {
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0) {
            return error_set_errno(copy->err, errno, "copy \"%s\" to the tree", name);
        }
        copy->done += (uint64_t)sent;
        if (git_session_report(copy->session, "copying", copy->done, copy->total) < 0) {
            return git_session_fail(copy->session, GIT_STAGE_LOCAL, GIT_EUSER, copy->err);
        }
    }
    return 0;
}

/* path is "pack/pack-....idx" or "ab/cdef...", below both directories. */
static int handle_file(struct copy *copy, const char *path)
{
    auto_close int from =
        openat(copy->from_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    auto_close int to = -1;
    struct stat info;

    if (from < 0 || fstat(from, &info) < 0) {
        return error_set_errno(copy->err, errno, "copy \"%s\" to the tree", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return 0;
    }
    if (copy->to_fd < 0) {
        copy->total += (uint64_t)info.st_size;
        return 0;
    }
    to = openat(copy->to_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);
    if (to < 0) {
        return error_set_errno(copy->err, errno, "copy \"%s\" to the tree", path);
    }
    return copy_bytes(copy, from, to, path);
}

static bool is_object_file(const char *directory, const char *name)
{
    if (strcmp(directory, "pack") == 0) {
        return text_has_prefix(name, "pack-") &&
               (text_has_suffix(name, ".pack") || text_has_suffix(name, ".idx"));
    }
    return strlen(name) == 38 && strspn(name, "0123456789abcdef") == 38;
}

static int handle_directory(struct copy *copy, const char *name)
{
    int fd = openat(copy->from_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    char path[2 * NAME_MAX];
    struct dirent *entry;
    int result = 0;

    if (dir == NULL) {
        error_set_errno(copy->err, errno, "read \"objects/%s\" of the mirror", name);
        cleanup_close(&fd);
        return -1;
    }
    if (copy->to_fd >= 0 && mkdirat(copy->to_fd, name, 0755) < 0 && errno != EEXIST) {
        result = error_set_errno(copy->err, errno, "make \"objects/%s\" in the tree", name);
    }
    while (result == 0 && (entry = readdir(dir)) != NULL) {
        if (is_object_file(name, entry->d_name)) {
            snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
            result = handle_file(copy, path);
        }
    }
    closedir(dir);
    return result;
}

static int walk(struct copy *copy)
{
    char name[3];

    if (handle_directory(copy, "pack") < 0) {
        return -1;
    }
    for (unsigned byte = 0; byte <= 0xff;
         byte++) { /* loose objects, by the first byte of their id */
        snprintf(name, sizeof(name), "%02x", byte);
        if (faccessat(copy->from_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
            handle_directory(copy, name) < 0) {
            return -1;
        }
    }
    return 0;
}

int git_objects_copy(struct git_session *session, const char *mirror, const char *objects,
                     struct error *err)
{
    auto_free char *from = path_join(mirror, "objects");
    auto_close int from_fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_close int to_fd = open(objects, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct copy copy = {.session = session, .from_fd = from_fd, .to_fd = -1, .err = err};

    if (from_fd < 0 || to_fd < 0) {
        return error_set_errno(err, errno, "copy \"%s\" to the tree", from);
    }
    if (walk(&copy) < 0) {
        return -1;
    }
    copy.to_fd = to_fd;
    return walk(&copy);
}
