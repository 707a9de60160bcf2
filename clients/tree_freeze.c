/*
 * Makes a layer of what was written into a tree.
 *
 * The order lets a freeze that was killed be done again: the content is renamed to its place in one
 * step, and only then the rest of the tree is removed. Where the layer is there and the tree is
 * not, it is done.
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

static bool is_folder(int dir_fd, const char *name)
{
    struct stat info;

    return fstatat(dir_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

static bool is_made(const struct tree_place *place)
{
    auto_free char *made = tree_place_layer_path(place, "made");

    return path_exists(made);
}

/*
 * What becomes the layer: the upper folder of an overlay; of a copy the tree itself, which goes to
 * a hidden name in <layers> first, out of the container's reach, and on from there (see
 * tree_place.h).
 */
static char *content_path(const struct tree_place *place)
{
    auto_free char *taken = NULL;

    if (place->job->method == TREE_OVERLAY) {
        return tree_place_layer_path(place, "upper");
    }
    taken = tree_place_hidden_name(place, ".frozen-");
    return path_join(place->job->layers, taken);
}

static bool has_content(const struct tree_place *place, const char *content)
{
    if (place->job->method == TREE_OVERLAY) {
        return is_made(place) && is_folder(AT_FDCWD, content);
    }
    return is_folder(AT_FDCWD, content) ||
           (is_made(place) && is_folder(place->raw_trees, place->job->name));
}

static int take_away(const struct tree_place *place, const char *content, struct error *err)
{
    const char *name = place->job->name;

    if (place->job->method == TREE_OVERLAY) {
        return tree_unmount_unused(place->trees, name, err);
    }
    if (!is_folder(AT_FDCWD, content) &&
        renameat2(place->raw_trees, name, place->raw_layers, strrchr(content, '/') + 1,
                  RENAME_NOREPLACE) < 0) {
        return tree_fail(err, errno, "take away the tree", name);
    }
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
    auto_free char *content = content_path(place);

    if (!has_content(place, content)) {
        return path_exists(job->to)
                   ? 0
                   : tree_refuse(err, "there is no tree \"%s\" to freeze", job->name);
    }
    if (path_exists(job->to)) {
        return tree_refuse(err, "the layer \"%s\" exists already", job->to);
    }
    if (take_away(place, content, err) < 0 || sync_layer(content, err) < 0) {
        return -1;
    }
    return move_to(content, job->to, err);
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
