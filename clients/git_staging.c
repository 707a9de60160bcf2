#include "clients/git_staging.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "clients/git_handover.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    LOCK_TRIES = 50,
    LOCK_PAUSE_MS = 100,
    AGE_SECONDS = 2, /* of files when they are handed over; git looks at whole seconds */
};

#define STAGING ".staging"
#define WORK STAGING "/work"

char *git_staging_parent(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

static const char *name_of(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* A directory that the worker owns; it is ours before, or new. */
static int give_directory(int dir_fd, const char *path, uid_t worker, int *ret_fd,
                          struct error *err)
{
    auto_close int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;

    if (fd < 0 || fstat(fd, &info) < 0) {
        return error_set_errno(err, errno, "open \"%s\"", path);
    }
    if (info.st_uid != worker && fchown(fd, worker, worker) < 0) {
        return error_set_errno(err, errno, "give \"%s\" to user %u", path, (unsigned)worker);
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

/* It stays ours: what the worker could put in its place is none of its predecessors'. */
static int take_lock(struct git_staging *staging, struct error *err)
{
    auto_free char *path = xasprintf("%s.lock", staging->job->mirror);

    staging->lock_fd = openat(staging->parent_fd, name_of(path),
                              O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (staging->lock_fd < 0) {
        return error_set_errno(err, errno, "lock \"%s\"", path);
    }
    for (unsigned tries = 0; flock(staging->lock_fd, LOCK_EX | LOCK_NB) < 0; tries++) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return error_set_errno(err, errno, "lock \"%s\"", path);
        }
        if (tries == LOCK_TRIES) {
            return error_set_reason(err, ERROR_TRANSIENT, "CloneFailed",
                                    "mirror \"%s\" is in use by another process",
                                    staging->job->mirror);
        }
        poll(NULL, 0, LOCK_PAUSE_MS);
    }
    return 0;
}

/* After a change of the git user the mirror and what lies beside it still belong to the old one. */
static int give_mirror(const struct git_staging *staging, struct error *err)
{
    static const char *const suffixes[] = {"", ".work"};
    struct stat info;

    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        auto_free char *name = xasprintf("%s%s", name_of(staging->job->mirror), suffixes[i]);

        if (fstatat(staging->parent_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            info.st_uid != staging->worker &&
            git_handover_give(&(const struct git_handover){.maker = info.st_uid,
                                                           .owner = staging->worker,
                                                           .group = staging->worker,
                                                           .links = GIT_HANDOVER_LINKS_GIVE},
                              staging->parent_fd, name, err) < 0) {
            return error_wrap(err, "mirror \"%s\"", staging->job->mirror);
        }
    }
    return 0;
}

static int remove_staging(const struct git_staging *staging, struct error *err)
{
    auto_free char *parent = git_staging_parent(staging->job->mirror);
    auto_free char *path = path_join(parent, STAGING);

    return tree_remove(path, err);
}

static int make_staging(struct git_staging *staging, struct error *err)
{
    const char *tree = staging->job->tree;
    auto_free char *parent = git_staging_parent(tree);
    struct stat info;

    if (lstat(tree, &info) == 0) {
        return S_ISDIR(info.st_mode)
                   ? 0
                   : error_set_reason(err, ERROR_CONFLICT, "WorkspaceFailed",
                                      "\"%s\" exists already, and is no directory", tree);
    }
    if (dir_make(parent, 0755, err) < 0) {
        return -1;
    }
    if (mkdirat(staging->parent_fd, STAGING, 0755) < 0) {
        return error_set_errno(err, errno, "make \"%s\"", STAGING);
    }
    staging->fd =
        openat(staging->parent_fd, STAGING, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (staging->fd < 0 || mkdirat(staging->fd, "work", 0700) < 0) {
        return error_set_errno(err, errno, "make \"%s\"", WORK);
    }
    return give_directory(staging->fd, "work", staging->worker, &staging->work_fd, err);
}

int git_staging_open(struct git_staging *staging, const struct git_job *job, uid_t worker,
                     struct error *err)
{
    auto_free char *parent = git_staging_parent(job->mirror);

    *staging = (struct git_staging){
        .job = job, .worker = worker, .parent_fd = -1, .lock_fd = -1, .fd = -1, .work_fd = -1};
    if (dir_make(parent, 0755, err) < 0 ||
        give_directory(AT_FDCWD, parent, worker, &staging->parent_fd, err) < 0 ||
        take_lock(staging, err) < 0 || give_mirror(staging, err) < 0 ||
        remove_staging(staging, err) < 0) {
        return -1;
    }
    return job->tree != NULL ? make_staging(staging, err) : 0;
}

void git_staging_done(struct git_staging *staging)
{
    struct error leftover = {0};

    if (staging->job == NULL) {
        return;
    }
    if (staging->fd >= 0 && remove_staging(staging, &leftover) < 0) {
        error_clear(&leftover); /* the next job tries again */
    }
    cleanup_close(&staging->work_fd);
    cleanup_close(&staging->fd);
    cleanup_close(&staging->lock_fd);
    cleanup_close(&staging->parent_fd);
    staging->job = NULL;
}

static struct git_handover handover_of(const struct git_staging *staging)
{
    bool is_root = geteuid() == 0;

    return (struct git_handover){
        .maker = staging->worker,
        .owner = is_root ? staging->job->owner : geteuid(),
        .group = is_root ? staging->job->owner_group : getegid(),
    };
}

int git_staging_take(struct git_staging *staging, git_packs_progress_fn *on_progress,
                     struct error *err)
{
    struct git_handover handover = handover_of(staging);
    const struct git_packs packs = {
        .parent_fd = staging->parent_fd,
        .owner = handover.owner,
        .group = handover.group,
        .on_progress = on_progress,
    };
    auto_close int tree_fd = -1;

    handover.links = GIT_HANDOVER_LINKS_LEAVE;
    handover.modified_at = time(NULL) - AGE_SECONDS;
    if (renameat(staging->work_fd, "tree", staging->fd, "tree") == 0) {
        tree_fd = openat(staging->fd, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    if (tree_fd < 0) {
        return error_set_reason(err, ERROR_CONFLICT, "WorkspaceFailed",
                                "the new working tree cannot be taken over: %s", strerror(errno));
    }
    if (git_handover_give(&handover, staging->fd, "tree", err) < 0) {
        return -1;
    }
    return geteuid() == 0 ? git_packs_give(&packs, tree_fd, err) : 0; /* else all is ours */
}

int git_staging_put_index(struct git_staging *staging, struct error *err)
{
    struct git_handover handover = handover_of(staging);
    auto_close int git_fd =
        openat(staging->fd, "tree/.git", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;

    if (git_handover_give(&handover, staging->work_fd, "index", err) < 0) {
        return -1;
    }
    if (git_fd < 0 || fstatat(staging->work_fd, "index", &info, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISREG(info.st_mode) || renameat(staging->work_fd, "index", git_fd, "index") < 0) {
        return error_set_reason(err, ERROR_CONFLICT, "WorkspaceFailed",
                                "the new working tree's index cannot be put into it");
    }
    return 0;
}

int git_staging_finish(struct git_staging *staging, struct error *err)
{
    return git_handover_move(staging->fd, "tree", staging->job->tree, err);
}
