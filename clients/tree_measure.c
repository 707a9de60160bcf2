#include "clients/tree_measure.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "clients/tree_failure.h"
#include "clients/tree_work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ENTRIES_MAX = 20 * 1000 * 1000,
    DEPTH_MAX = 500, /* each level holds a descriptor */
    BLOCK = 512,     /* the unit of st_blocks, whatever the file system's is */
};

/* A file with several names that was counted; a place in the hash with inode 0 is free. */
struct seen {
    uint64_t device, inode;
};

struct measuring {
    uint64_t bytes, files;
    struct seen *seen; /* open addressing, at most half full */
    size_t seen_count, seen_capacity;
    dev_t device; /* of the folder at hand */
    struct error *err;
};

static void measuring_done(struct measuring *measuring)
{
    free(measuring->seen);
}

static int fail(const struct measuring *measuring, const char *name)
{
    return tree_fail(measuring->err, errno, "measure", name);
}

/* --- files with several names ----------------------------------------------------------------- */

static struct seen *seen_place(struct seen *seen, size_t capacity, const struct seen *file)
{
    size_t at = (size_t)((file->inode * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (capacity - 1);

    while (seen[at].inode != 0 &&
           (seen[at].inode != file->inode || seen[at].device != file->device)) {
        at = (at + 1) & (capacity - 1);
    }
    return &seen[at];
}

static void seen_grow(struct measuring *measuring)
{
    size_t capacity = measuring->seen_capacity == 0 ? 1024 : measuring->seen_capacity * 2;
    struct seen *grown = xcalloc(capacity, sizeof(*grown));

    for (size_t i = 0; i < measuring->seen_capacity; i++) {
        if (measuring->seen[i].inode != 0) {
            *seen_place(grown, capacity, &measuring->seen[i]) = measuring->seen[i];
        }
    }
    free(measuring->seen);
    measuring->seen = grown;
    measuring->seen_capacity = capacity;
}

/* True the first time. */
static bool see(struct measuring *measuring, const struct stat *info)
{
    const struct seen file = {.device = info->st_dev, .inode = info->st_ino};
    struct seen *place;

    if (measuring->seen_count * 2 >= measuring->seen_capacity) {
        seen_grow(measuring);
    }
    place = seen_place(measuring->seen, measuring->seen_capacity, &file);
    if (place->inode != 0) {
        return false;
    }
    *place = file;
    measuring->seen_count++;
    return true;
}

/* --- folders ---------------------------------------------------------------------------------- */

static int measure_folder(struct measuring *measuring, int dir_fd, const char *name,
                          unsigned depth);

static int count(struct measuring *measuring, const struct stat *info, const char *name)
{
    if (!S_ISDIR(info->st_mode) && info->st_nlink > 1 && !see(measuring, info)) {
        return 0;
    }
    if (++measuring->files > ENTRIES_MAX) {
        return tree_refuse(measuring->err, "\"%.200s\" cannot be measured: more than %d files",
                           name, ENTRIES_MAX);
    }
    measuring->bytes += (uint64_t)info->st_blocks * BLOCK;
    return 0;
}

static int measure_entry(struct measuring *measuring, int dir_fd, const char *name, unsigned depth)
{
    struct stat info;

    if (fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0) {
        return errno == ENOENT ? 0 : fail(measuring, name); /* it was removed just now */
    }
    if (info.st_dev != measuring->device) {
        return 0;
    }
    return S_ISDIR(info.st_mode) ? measure_folder(measuring, dir_fd, name, depth)
                                 : count(measuring, &info, name);
}

static int measure_entries(struct measuring *measuring, DIR *dir, unsigned depth)
{
    struct dirent *entry;
    int result = 0;

    while (result == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            result = measure_entry(measuring, dirfd(dir), entry->d_name, depth + 1);
        }
    }
    return result;
}

static int measure_folder(struct measuring *measuring, int dir_fd, const char *name, unsigned depth)
{
    auto_close int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;
    DIR *dir;
    int result;

    if (fd < 0 || fstat(fd, &info) < 0) {
        if (depth > 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
            return 0; /* it was removed or replaced just now */
        }
        return fail(measuring, name);
    }
    if (depth > DEPTH_MAX) {
        return tree_refuse(measuring->err,
                           "\"%.200s\" cannot be measured: it lies more than %d folders deep", name,
                           DEPTH_MAX);
    }
    if (depth == 0) {
        measuring->device = info.st_dev;
    }
    if (info.st_dev != measuring->device) {
        return 0;
    }
    dir = fdopendir(fd);
    if (dir == NULL) {
        return fail(measuring, name);
    }
    (void)TAKE_FD(fd);
    result = count(measuring, &info, name) < 0 ? -1 : measure_entries(measuring, dir, depth);
    closedir(dir);
    return result;
}

int tree_measure_folders(const char *const *paths, size_t path_count, uint64_t *ret_bytes,
                         uint64_t *ret_files, struct error *err)
{
    auto_done(measuring) measuring = {.err = err};

    for (size_t i = 0; i < path_count; i++) {
        if (measure_folder(&measuring, AT_FDCWD, paths[i], 0) < 0) {
            return error_wrap(err, "folder \"%s\"", paths[i]);
        }
    }
    *ret_bytes = measuring.bytes;
    *ret_files = measuring.files;
    return 0;
}

int tree_measure(const struct tree_job *job, struct tree_result *ret_result, struct error *err)
{
    return tree_measure_folders(job->lowers, job->lower_count, &ret_result->bytes,
                                &ret_result->files, err);
}
