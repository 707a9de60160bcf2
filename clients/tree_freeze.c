/*
 * Makes a layer of what was written into a tree.
 *
 * The order lets a freeze that was killed be done again: the content is renamed to its place in one step,
 * and only then the rest of the tree is removed. Where the layer is there and the tree is not, it is done.
 */
#include "clients/tree_work.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "clients/tree_failure.h"
#include "clients/tree_measure.h"
#include "clients/tree_mount.h"
#include "clients/tree_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What becomes the layer: the upper folder of an overlay, or a copy that was taken out of <trees>. */
struct content {
    char *path;
    bool is_there;
};

static void content_done(struct content *content)
{
    free(content->path);
}

static bool is_folder(int dir_fd, const char *name)
{
    struct stat info;

    return fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

static int take_upper(const struct tree_place *place, struct content *content, struct error *err)
{
    auto_free char *made = tree_place_layer_path(place, "made");

    content->path = tree_place_layer_path(place, "upper");
    content->is_there = path_exists(made) && is_folder(AT_FDCWD, content->path);
    return tree_unmount_unused(place->trees, place->job->name, err);
}

/* Out of the container's reach first, and on from there: see tree_place.h. */
static int take_copy(const struct tree_place *place, struct content *content, struct error *err)
{
    const char *name = place->job->name;
    auto_free char *taken = tree_place_hidden_name(place, ".frozen-");
    auto_free char *made = tree_place_layer_path(place, "made");

    content->path = path_join(place->job->layers, taken);
    if (!is_folder(AT_FDCWD, content->path) && path_exists(made) &&
        is_folder(place->raw_trees, name) &&
        renameat2(place->raw_trees, name, place->raw_layers, taken, RENAME_NOREPLACE) < 0) {
        return tree_fail(err, errno, "take away the tree", name);
    }
    content->is_there = is_folder(AT_FDCWD, content->path);
    return 0;
}

/* The layer is counted on from now on: it must outlive a power cut. */
static int sync_layer(const char *path, struct error *err)
{
    auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 || syncfs(fd) < 0 ? tree_fail(err, errno, "write the layer", path) : 0;
}

static int move_to(const char *from, const char *to, struct error *err)
{
    auto_free char *parent = xstrndup(to, (size_t)(strrchr(to, '/') - to));

    if (parent[0] != '\0' && dir_make(parent, 0700, err) < 0) {
        return tree_blame(err);
    }
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0) {
        return tree_fail(err, errno, "put the layer at", to);
    }
    return 0;
}

static int freeze(const struct tree_place *place, struct error *err)
{
    const struct tree_job *job = place->job;
    auto_done(content) content = {0};

    if ((job->method == TREE_OVERLAY ? take_upper(place, &content, err)
                                     : take_copy(place, &content, err)) < 0) {
        return -1;
    }
    if (!content.is_there) {
        return path_exists(job->to)
                   ? 0
                   : tree_refuse(err, "there is no tree \"%s\" to freeze", job->name);
    }
    if (path_exists(job->to)) {
        return tree_refuse(err, "the layer \"%s\" exists already", job->to);
    }
    return sync_layer(content.path, err) < 0 ? -1 : move_to(content.path, job->to, err);
}

int tree_freeze(const struct tree_job *job, struct tree_result *ret_result, struct error *err)
{
    auto_done(tree_place) place = TREE_PLACE_NONE;

    if (tree_place_open(&place, job, err) < 0 || freeze(&place, err) < 0 ||
        tree_place_clear(&place, err) < 0) {
        return -1;
    }
    return tree_measure_folders(&job->to, 1, &ret_result->bytes, &ret_result->files, err);
}
