/*
 * Whether overlays work for trees here. Asking the kernel's version or the file system's type would
 * not tell what a container around us, its policy or a mount option forbids: so it is tried.
 */
#include "clients/tree_work.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "clients/tree_failure.h"
#include "clients/tree_mount.h"
#include "clients/tree_overlay.h"
#include "clients/tree_place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/*
 * Jobs of one folder of trees come one after the other: one name is enough, and finds what was left
 * behind.
 */
static const char SCRATCH[] = ".probe";

static int make_file(int dir_fd, const char *name)
{
    auto_close int fd =
        openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    return fd < 0 || write(fd, "x", 1) != 1 ? -1 : 0;
}

static bool is_there(int dir_fd, const char *name)
{
    return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* lower/kept, lower/gone, lower/folder/old, and empty folders for the rest. */
static int make_layers(int fd)
{
    static const char *const folders[] = {"lower", "lower/folder", "upper", "work", "merged"};

    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        if (mkdirat(fd, folders[i], 0755) < 0) {
            return -1;
        }
    }
    return make_file(fd, "lower/kept") < 0 || make_file(fd, "lower/gone") < 0 ||
                   make_file(fd, "lower/folder/old") < 0
               ? -1
               : 0;
}

/*
 * What a build does all day: a file written and renamed, one deleted, a folder deleted and made
 * anew.
 */
static int use(int fd)
{
    if (!is_there(fd, "kept") || make_file(fd, "new") < 0 || renameat(fd, "new", fd, "kept") < 0 ||
        unlinkat(fd, "gone", 0) < 0 || unlinkat(fd, "folder/old", 0) < 0 ||
        unlinkat(fd, "folder", AT_REMOVEDIR) < 0 || mkdirat(fd, "folder", 0755) < 0) {
        return -1;
    }
    if (is_there(fd, "gone") || is_there(fd, "folder/old")) {
        errno = EOPNOTSUPP; /* without extended attributes what was deleted comes back */
        return -1;
    }
    return 0;
}

static int try_overlay(int fd, struct error *err)
{
    auto_free char *lower = xasprintf("/proc/self/fd/%d/lower", fd);
    auto_free char *upper = xasprintf("/proc/self/fd/%d/upper", fd);
    auto_free char *work = xasprintf("/proc/self/fd/%d/work", fd);
    const struct tree_overlay overlay = {
        .lowers = (const char *const[]){lower},
        .lower_count = 1,
        .upper = upper,
        .work = work,
        .label = "berth-tree-probe",
    };
    auto_close int merged = -1;

    if (make_layers(fd) < 0) {
        return tree_fail(err, errno, "make layers in", SCRATCH);
    }
    if (tree_overlay_mount(&overlay, fd, "merged", err) < 0) {
        return -1;
    }
    merged = openat(fd, "merged", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return merged < 0 || use(merged) < 0 ? tree_fail(err, errno, "use an overlay in", SCRATCH) : 0;
}

static int clean_up(int trees_fd, const char *trees, struct error *err)
{
    auto_free char *path = path_join(trees, SCRATCH);

    return tree_unmount_all(trees_fd, SCRATCH, err) < 0 ? -1 : tree_remove(path, err);
}

static int probe_in(int trees_fd, const char *trees, struct error *err)
{
    struct error ignored = {0};
    auto_close int fd = -1;
    int result;

    if (clean_up(trees_fd, trees, err) < 0) {
        return -1;
    }
    if (mkdirat(trees_fd, SCRATCH, 0700) < 0 ||
        (fd = openat(trees_fd, SCRATCH, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0) {
        return tree_fail(err, errno, "make the folder", SCRATCH);
    }
    result = try_overlay(fd, err);
    clean_up(trees_fd, trees, &ignored); /* else by the next probe */
    return result;
}

static const char *hint(int fd)
{
    struct statfs info;

    if (fstatfs(fd, &info) == 0 && info.f_type == OVERLAYFS_SUPER_MAGIC) {
        return "; the folder is on an overlay itself, which cannot hold the upper layer of another";
    }
    return "";
}

int tree_share(const struct tree_job *job, struct tree_result *ret_result, struct error *err)
{
    auto_done(tree_place) place = TREE_PLACE_NONE;

    if (tree_place_open(&place, job, err) < 0) {
        return -1;
    }
    ret_result->method =
        tree_mount_share(job->trees, ret_result->message) ? TREE_OVERLAY : TREE_COPY;
    return 0;
}

/*
 * What is mounted in here goes with the process, also with one that is killed half way. Where that
 * is forbidden so is mounting, or it is cleaned up as far as this process comes.
 */
static void leave_the_hosts_mounts(void)
{
    if (unshare(CLONE_NEWNS) == 0) {
        mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
    }
}

int tree_probe(const struct tree_job *job, struct tree_result *ret_result, struct error *err)
{
    auto_close int fd = -1;
    struct error why = {0};

    leave_the_hosts_mounts();
    if (tree_share(job, ret_result, err) < 0 || ret_result->method == TREE_COPY) {
        return err->kind != ERROR_NONE ? -1 : 0;
    }
    fd = open(job->trees, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return tree_fail(err, errno, "open", job->trees);
    }
    if (probe_in(fd, job->trees, &why) < 0) {
        ret_result->method = TREE_COPY;
        snprintf(ret_result->message, sizeof(ret_result->message), "%.140s%s", why.message,
                 hint(fd));
    }
    return 0;
}
