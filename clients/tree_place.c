#include "clients/tree_place.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/tree_failure.h"
#include "clients/tree_mount.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the folders ------------------------------------------------------------------------------ */

/* The folder is ours again whatever a container's root made of it. */
static int open_ours(const char *path, mode_t mode, int *ret_fd, struct error *err)
{
    auto_close int fd = -1;
    struct stat info;

    if (dir_make(path, 0755, err) < 0) {
        return tree_blame(err);
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0) {
        return tree_fail(err, errno, "open", path);
    }
    if ((info.st_uid != geteuid() && fchown(fd, geteuid(), getegid()) < 0) ||
        ((info.st_mode & 07777) != mode && fchmod(fd, mode) < 0)) {
        return tree_fail(err, errno, "take", path);
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

/* The last folder that both paths go through. */
static char *common_parent(const char *a, const char *b)
{
    size_t len = 0;

    for (size_t i = 0; a[i] == b[i]; i++) {
        if (a[i] == '/') {
            len = i;
        }
        if (a[i] == '\0') {
            break;
        }
    }
    return len == 0 ? xstrdup("/") : xstrndup(a, len);
}

static int open_in(int dir_fd, const char *path, const char *below)
{
    const char *rest = below + (strcmp(path, "/") == 0 ? 0 : strlen(path));

    return openat(dir_fd, rest + strspn(rest, "/"),
                  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_same_folder(int a, int b)
{
    struct stat first, second;

    return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static int open_raw(struct tree_place *place, struct error *err)
{
    const struct tree_job *job = place->job;
    auto_free char *parent = common_parent(job->trees, job->layers);
    auto_close int clone = -1;

    if (tree_mount_id(place->trees) == tree_mount_id(place->layers)) { /* neighbours already */
        place->raw_trees = fcntl(place->trees, F_DUPFD_CLOEXEC, 0);
        place->raw_layers = fcntl(place->layers, F_DUPFD_CLOEXEC, 0);
        return place->raw_trees < 0 || place->raw_layers < 0
                   ? tree_fail(err, errno, "hold", job->trees)
                   : 0;
    }
    clone = open_tree(AT_FDCWD, parent, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (clone < 0) {
        return tree_fail(err, errno, "look below the mounts of", parent);
    }
    place->raw_trees = open_in(clone, parent, job->trees);
    place->raw_layers = open_in(clone, parent, job->layers);
    if (place->raw_trees < 0 || place->raw_layers < 0) {
        return tree_fail(err, errno, "look below the mounts of", parent);
    }
    if (!is_same_folder(place->raw_trees, place->trees) ||
        !is_same_folder(place->raw_layers, place->layers)) {
        return tree_refuse(err,
                           "\"%.300s\" and \"%.300s\" are not on one file system, as trees and "
                           "their layers must be",
                           job->trees, job->layers);
    }
    return 0;
}

int tree_place_open(struct tree_place *place, const struct tree_job *job, struct error *err)
{
    place->job = job;
    if (open_ours(job->trees, 0755, &place->trees, err) < 0) {
        return -1;
    }
    if (job->layers == NULL) {
        return 0;
    }
    return open_ours(job->layers, 0700, &place->layers, err) < 0 ? -1 : open_raw(place, err);
}

void tree_place_done(struct tree_place *place)
{
    cleanup_close(&place->trees);
    cleanup_close(&place->layers);
    cleanup_close(&place->raw_trees);
    cleanup_close(&place->raw_layers);
}

char *tree_place_hidden_name(const struct tree_place *place, const char *prefix)
{
    return xasprintf("%s%s", prefix, place->job->name);
}

char *tree_place_layer_path(const struct tree_place *place, const char *part)
{
    return xasprintf("%s/%s%s%s", place->job->layers, place->job->name, part != NULL ? "/" : "",
                     part != NULL ? part : "");
}

/* --- trash ------------------------------------------------------------------------------------ */

enum { TRASH_NAMES_MAX = 10000 };

/* ".trash-<name>.<number>": no other tree's name begins so, since names have no dots. */
static char *trash_prefix(const struct tree_place *place)
{
    return xasprintf(".trash-%s.", place->job->name);
}

int tree_place_put_away(const struct tree_place *place, int raw_fd, const char *name,
                        struct error *err)
{
    auto_free char *prefix = trash_prefix(place);

    for (unsigned number = 0; number < TRASH_NAMES_MAX; number++) {
        auto_free char *trash = xasprintf("%s%u", prefix, number);

        if (renameat2(raw_fd, name, place->raw_layers, trash, RENAME_NOREPLACE) == 0 ||
            errno == ENOENT) {
            return 0;
        }
        if (errno != EEXIST) {
            return tree_fail(err, errno, "put away", name);
        }
    }
    return tree_fail(err, EEXIST, "put away", name);
}

int tree_place_empty_trash(const struct tree_place *place, struct error *err)
{
    auto_free char *prefix = trash_prefix(place);
    int fd = openat(place->layers, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    int result = 0;

    if (dir == NULL) {
        return tree_fail(err, errno, "read", place->job->layers);
    }
    while (result == 0 && (entry = readdir(dir)) != NULL) {
        if (text_has_prefix(entry->d_name, prefix)) {
            auto_free char *path = path_join(place->job->layers, entry->d_name);

            result = tree_remove(path, err);
        }
    }
    closedir(dir);
    return result < 0 ? tree_blame(err) : 0;
}

/* --- all of a tree ---------------------------------------------------------------------------- */

/*
 * <trees>/.home/<name> and the like: a folder that a container's root can have replaced by
 * anything.
 */
static int put_away_scratch(const struct tree_place *place, const char *folder, struct error *err)
{
    auto_close int fd =
        openat(place->raw_trees, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? 0 : tree_place_put_away(place, fd, place->job->name, err);
}

int tree_place_clear(const struct tree_place *place, struct error *err)
{
    const char *name = place->job->name;
    auto_free char *copy = tree_place_hidden_name(place, ".copy-");
    auto_free char *frozen = tree_place_hidden_name(place, ".frozen-");

    if (tree_unmount_all(place->trees, name, err) < 0 ||
        tree_place_put_away(place, place->raw_trees, name, err) < 0 ||
        tree_place_put_away(place, place->raw_layers, name, err) < 0 ||
        tree_place_put_away(place, place->raw_layers, copy, err) < 0 ||
        tree_place_put_away(place, place->raw_layers, frozen, err) < 0 ||
        put_away_scratch(place, ".home", err) < 0 || put_away_scratch(place, ".tmp", err) < 0) {
        return -1;
    }
    return tree_place_empty_trash(place, err);
}
