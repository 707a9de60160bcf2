/*
 * Makes trees, and mounts them again.
 *
 * Everything is made in <layers>, where no container can reach it, and becomes visible in one step:
 * by the mount, or by a rename. The file "made" is written last; a tree without it is removed and
 * made anew.
 */
#include "clients/tree_work.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/tree_copy.h"
#include "clients/tree_failure.h"
#include "clients/tree_git_files.h"
#include "clients/tree_mount.h"
#include "clients/tree_overlay.h"
#include "clients/tree_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char MADE_OVERLAY[] = "overlay\n", MADE_COPY[] = "copy\n";

/* --- folders that a container can see --------------------------------------------------------- */

/* Whatever else a container's root put there is put away. */
static int open_or_make(const struct tree_place *place, int raw_fd, const char *name, int *ret_fd,
                        bool *ret_is_new, struct error *err)
{
    enum { TRIES = 3 };

    for (unsigned tries = 0; tries < TRIES; tries++) {
        bool is_new = mkdirat(raw_fd, name, 0700) == 0;
        int fd = openat(raw_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd >= 0) {
            *ret_fd = fd;
            *ret_is_new = is_new;
            return 0;
        }
        if (errno != ENOTDIR && errno != ELOOP) {
            break;
        }
        if (tree_place_put_away(place, raw_fd, name, err) < 0) {
            return -1;
        }
    }
    return tree_fail(err, errno, "make the folder", name);
}

static int give(int fd, uid_t uid, gid_t gid, mode_t mode, const char *name, struct error *err)
{
    if (fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0) {
        return tree_fail(err, errno, "give the folder", name);
    }
    return 0;
}

/* <trees>/.home/<name> or <trees>/.tmp/<name> */
static int make_scratch(const struct tree_place *place, const char *folder, bool is_home,
                        struct error *err)
{
    const struct tree_job *job = place->job;
    auto_close int parent = -1, fd = -1;
    bool is_new;

    if (open_or_make(place, place->raw_trees, folder, &parent, &is_new, err) < 0 ||
        give(parent, geteuid(), getegid(), 0755, folder, err) < 0 ||
        open_or_make(place, parent, job->name, &fd, &is_new, err) < 0) {
        return -1;
    }
    if (!is_new) {
        return 0;
    }
    if (is_home && tree_git_files_write_person(job, fd, err) < 0) {
        return -1;
    }
    return give(fd, job->uid, job->gid, 0700, folder, err);
}

static int make_scratches(const struct tree_place *place, struct error *err)
{
    return make_scratch(place, ".home", true, err) < 0 ? -1
                                                       : make_scratch(place, ".tmp", false, err);
}

/* --- layers ----------------------------------------------------------------------------------- */

static int write_made(const struct tree_place *place, const char *method, struct error *err)
{
    auto_free char *path = tree_place_layer_path(place, "made");

    if (file_replace(AT_FDCWD, path, method, strlen(method), 0600, FILE_DURABLE, err) < 0) {
        return tree_blame(err);
    }
    return 0;
}

static int make_folder(int dir_fd, const char *name, mode_t mode, int *ret_fd, struct error *err)
{
    auto_close int fd = -1;

    if (mkdirat(dir_fd, name, mode) < 0) {
        return tree_fail(err, errno, "make the folder", name);
    }
    fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return tree_fail(err, errno, "open the folder", name);
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

/* The tree's top folder looks like that of what it lies on. */
static int make_upper(const struct tree_job *job, int layer_fd, struct error *err)
{
    auto_close int fd = -1;
    struct stat info;

    if (lstat(job->lowers[0], &info) < 0) {
        return tree_fail(err, errno, "the layer", job->lowers[0]);
    }
    if (make_folder(layer_fd, "upper", 0700, &fd, err) < 0 ||
        tree_git_files_write(job, fd, err) < 0) {
        return -1;
    }
    return give(fd, info.st_uid, info.st_gid, info.st_mode & 01777, "upper", err);
}

static int make_layer(const struct tree_place *place, struct error *err)
{
    auto_close int fd = -1, work = -1;

    if (make_folder(place->layers, place->job->name, 0700, &fd, err) < 0 ||
        make_folder(fd, "work", 0700, &work, err) < 0 || make_upper(place->job, fd, err) < 0) {
        return -1;
    }
    return write_made(place, MADE_OVERLAY, err);
}

static int mount_tree(const struct tree_place *place, struct error *err)
{
    const struct tree_job *job = place->job;
    auto_free char *upper = tree_place_layer_path(place, "upper");
    auto_free char *work = tree_place_layer_path(place, "work");
    auto_free char *label = xasprintf("berth-tree-%s", job->name);
    const struct tree_overlay overlay = {
        .lowers = job->lowers,
        .lower_count = job->lower_count,
        .upper = upper,
        .work = work,
        .label = label,
    };

    if (tree_mount_is_on(place->trees, job->name)) {
        return 0;
    }
    /*
     * the folder below the mount is ours: nobody can write into it by mistake while nothing is
     * mounted
     */
    if (tree_place_put_away(place, place->raw_trees, job->name, err) < 0) {
        return -1;
    }
    if (mkdirat(place->raw_trees, job->name, 0755) < 0) {
        return tree_fail(err, errno, "make the folder of the tree", job->name);
    }
    return tree_overlay_mount(&overlay, place->trees, job->name, err);
}

/* --- copies ----------------------------------------------------------------------------------- */

static int fill_copy(const struct tree_job *job, int to, struct error *err)
{
    auto_close int from = open(job->lowers[0], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (from < 0) {
        return tree_fail(err, errno, "the layer", job->lowers[0]);
    }
    if (tree_copy(from, to, job->uid, job->gid, err) < 0) {
        return error_wrap(err, "layer \"%s\"", job->lowers[0]);
    }
    if (tree_git_files_write(job, to, err) < 0) {
        return -1;
    }
    return syncfs(to) < 0 ? tree_fail(err, errno, "write the copy of", job->lowers[0]) : 0;
}

static int make_copy(const struct tree_place *place, struct error *err)
{
    const struct tree_job *job = place->job;
    auto_free char *staging = tree_place_hidden_name(place, ".copy-");
    auto_close int fd = -1, layer = -1;

    if (job->lower_count != 1) {
        return tree_refuse(err, "a tree that is a copy is one of a single layer, not of %zu",
                           job->lower_count);
    }
    if (make_folder(place->layers, staging, 0700, &fd, err) < 0 || fill_copy(job, fd, err) < 0 ||
        make_folder(place->layers, job->name, 0700, &layer, err) < 0) {
        return -1;
    }
    if (renameat2(place->raw_layers, staging, place->raw_trees, job->name, RENAME_NOREPLACE) < 0) {
        return tree_fail(err, errno, "put the copy in place as", job->name);
    }
    return write_made(place, MADE_COPY, err);
}

/* --- making ----------------------------------------------------------------------------------- */

/* How the tree was made, one of the two; NULL: it was not, or not to the end. */
static const char *read_made(const struct tree_place *place)
{
    auto_free char *path = tree_place_layer_path(place, "made");
    auto_free char *text = NULL;
    struct error err = {0};

    if (file_read(AT_FDCWD, path, sizeof(MADE_OVERLAY), &text, NULL, &err) < 0) {
        return NULL;
    }
    return strcmp(text, MADE_OVERLAY) == 0 ? MADE_OVERLAY
           : strcmp(text, MADE_COPY) == 0  ? MADE_COPY
                                           : NULL;
}

static bool is_folder(int dir_fd, const char *name)
{
    struct stat info;

    return fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

static int make_new(const struct tree_place *place, struct error *err)
{
    struct error ignored = {0};
    int result = tree_place_clear(place, err);

    if (result == 0) {
        result = make_scratches(place, err);
    }
    if (result == 0 && place->job->method == TREE_OVERLAY) {
        result = make_layer(place, err) < 0 ? -1 : mount_tree(place, err);
    } else if (result == 0) {
        result = make_copy(place, err);
    }
    if (result < 0) {
        tree_place_clear(place, &ignored); /* what cannot be removed now is by the next job */
    }
    return result;
}

static int check_user(const struct tree_job *job, struct error *err)
{
    if (geteuid() == 0) {
        return 0;
    }
    if (job->method == TREE_OVERLAY) {
        return tree_refuse(err, "only root can mount trees; we are user %u", (unsigned)geteuid());
    }
    if (job->uid != geteuid()) {
        return tree_refuse(err, "only root can give a tree to user %u; we are user %u",
                           (unsigned)job->uid, (unsigned)geteuid());
    }
    return 0;
}

int tree_make(const struct tree_job *asked, struct tree_result *ret_result, struct error *err)
{
    auto_done(tree_place) place = TREE_PLACE_NONE;
    struct tree_job own = *asked;
    const struct tree_job *job = &own;
    struct error ignored = {0};
    const char *made;
    int result;

    if (geteuid() != 0) { /* the user is ours, its group in the container (often 0) need not be */
        own.gid = getegid();
    }
    if (check_user(job, err) < 0 || tree_place_open(&place, job, err) < 0) {
        return -1;
    }
    made = read_made(&place);
    if (made == MADE_COPY && !is_folder(place.raw_trees, job->name)) {
        made = NULL; /* a container removed all of it */
    }
    if (made == NULL) {
        return make_new(&place, err);
    }
    result = make_scratches(&place, err);
    if (result == 0 && made == MADE_OVERLAY) {
        result = mount_tree(&place, err);
    }
    tree_place_empty_trash(&place, &ignored); /* the folder that lay there without its mount */
    if (result == 0) {
        ret_result->was_there = true;
    }
    return result;
}

int tree_remove_all(const struct tree_job *job, struct error *err)
{
    auto_done(tree_place) place = TREE_PLACE_NONE;

    return tree_place_open(&place, job, err) < 0 ? -1 : tree_place_clear(&place, err);
}

int tree_clear(const struct tree_job *job, struct error *err)
{
    const char *name = strrchr(job->trees, '/') + 1;
    auto_free char *parent = xstrndup(job->trees, (size_t)(name - 1 - job->trees));
    auto_close int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return errno == ENOENT ? 0 : tree_fail(err, errno, "open", parent);
    }
    return tree_unmount_all(fd, name, err) < 0 || tree_remove(job->trees, err) < 0 ||
                   tree_remove(job->layers, err) < 0
               ? -1
               : 0;
}
