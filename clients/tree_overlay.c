#include "clients/tree_overlay.h"

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "clients/tree_failure.h"
#include "clients/tree_job.h"
#include "clients/tree_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

enum {
    FDS_MAX = TREE_LOWERS_MAX + 2,
    OPTION_PATH_MAX = 300, /* longer ones go by descriptor: all options together may have a page */
};

/* Descriptors that must stay open until the mount is made. */
struct option_fds {
    int fds[FDS_MAX];
    size_t count;
};

static void option_fds_done(struct option_fds *fds)
{
    while (fds->count > 0) {
        close(fds->fds[--fds->count]);
    }
}

/*
 * How the folder is named in an option: by its path, which tells more in the mount table, or by
 * descriptor where the path has characters that mean something there.
 */
static int add_folder(struct strbuf *option, const char *path, struct option_fds *fds,
                      struct error *err)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
    int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        return tree_fail(err, errno, "the layer", path);
    }
    fds->fds[fds->count++] = fd;
    if (path[strspn(path, plain)] == '\0' && strlen(path) <= OPTION_PATH_MAX) {
        strbuf_add(option, path);
    } else {
        strbuf_addf(option, "/proc/self/fd/%d", fd);
    }
    return 0;
}

struct overlay_options {
    struct strbuf lower, upper, work;
};

static void overlay_options_done(struct overlay_options *options)
{
    strbuf_done(&options->lower);
    strbuf_done(&options->upper);
    strbuf_done(&options->work);
}

static int add_folders(const struct tree_overlay *overlay, struct overlay_options *options,
                       struct option_fds *fds, struct error *err)
{
    for (size_t i = 0; i < overlay->lower_count; i++) {
        if (i > 0) {
            strbuf_add(&options->lower, ":");
        }
        if (add_folder(&options->lower, overlay->lowers[i], fds, err) < 0) {
            return -1;
        }
    }
    if (add_folder(&options->upper, overlay->upper, fds, err) < 0) {
        return -1;
    }
    return add_folder(&options->work, overlay->work, fds, err);
}

static int set_option(int fs, const char *key, const char *value)
{
    return fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0);
}

/* Returns the descriptor of a mount that is nowhere yet; -1 and errno. */
static int make_overlay(const char *label, const struct overlay_options *options, bool is_tuned)
{
    auto_close int fs = fsopen("overlay", FSOPEN_CLOEXEC);

    if (fs < 0 || set_option(fs, "source", label) < 0 ||
        set_option(fs, "lowerdir", strbuf_text(&options->lower)) < 0 ||
        set_option(fs, "upperdir", strbuf_text(&options->upper)) < 0 ||
        set_option(fs, "workdir", strbuf_text(&options->work)) < 0) {
        return -1;
    }
    /* directories can be renamed; data is always in the layer that names it; layers can be moved */
    if (is_tuned && (set_option(fs, "redirect_dir", "on") < 0 ||
                     set_option(fs, "metacopy", "off") < 0 || set_option(fs, "index", "off") < 0)) {
        return -1;
    }
    if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
        return -1;
    }
    return fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

static void let_go(int mount_fd)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", mount_fd);
    umount2(path, MNT_DETACH);
}

/* What a container's root moved away meanwhile is not where it was asked for. */
static int check_place(int mount_fd, int dir_fd, const char *name, struct error *err)
{
    auto_close int fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0 && tree_mount_id(fd) == tree_mount_id(mount_fd)) {
        return 0;
    }
    let_go(mount_fd);
    return tree_refuse(err, "the folder of the tree \"%s\" was changed while it was mounted", name);
}

int tree_overlay_mount(const struct tree_overlay *overlay, int dir_fd, const char *name,
                       struct error *err)
{
    auto_done(overlay_options) options = {0};
    auto_done(option_fds) fds = {0};
    auto_close int target = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    auto_close int mount_fd = -1;

    if (target < 0) {
        return tree_fail(err, errno, "open the folder of the tree", name);
    }
    if (add_folders(overlay, &options, &fds, err) < 0) {
        return -1;
    }
    mount_fd = make_overlay(overlay->label, &options, true);
    if (mount_fd < 0 && errno == EINVAL) { /* a kernel that does not know them all */
        mount_fd = make_overlay(overlay->label, &options, false);
    }
    if (mount_fd < 0) {
        return tree_fail(err, errno, "mount an overlay for", name);
    }
    if (move_mount(mount_fd, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
        0) {
        return tree_fail(err, errno, "put the overlay on", name);
    }
    return check_place(mount_fd, dir_fd, name, err);
}
