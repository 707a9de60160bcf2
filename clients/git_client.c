#include "clients/git_client.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/git_devcontainer.h"
#include "clients/git_mirror.h"
#include "clients/git_revisions.h"
#include "clients/git_session.h"
#include "clients/git_snapshot.h"
#include "clients/git_staging.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * An empty home of our own, but for the known hosts: libgit2 and libssh2 look there and nowhere
 * else.
 */
static int make_home(const char *work, const char *known_hosts, char **ret_home, struct error *err)
{
    auto_free char *home = path_join(work, "home");
    auto_free char *ssh = path_join(home, ".ssh");
    auto_free char *file = path_join(ssh, "known_hosts");

    if (tree_remove(work, err) < 0 || dir_make(ssh, 0700, err) < 0) {
        return -1;
    }
    if (known_hosts != NULL && file_replace(AT_FDCWD, file, known_hosts, strlen(known_hosts), 0600,
                                            FILE_VISIBLE, err) < 0) {
        return -1;
    }
    if (setenv("HOME", home, 1) < 0) {
        return error_set(err, ERROR_INTERNAL, "the environment cannot be changed");
    }
    *ret_home = TAKE(home);
    return 0;
}

/* The configuration of what is asked for first. */
static int take_devcontainer(struct git_session *session, git_repository *mirror,
                             struct git_result *result, struct error *err)
{
    auto_free char *directory = git_staging_parent(session->job->mirror);

    if (result->found_count == 0 || result->found[0].commit[0] == '\0') {
        return 0;
    }
    if (git_devcontainer_take(session, mirror, result->found[0].commit, directory, err) < 0) {
        return -1;
    }
    snprintf(result->config_commit, sizeof(result->config_commit), "%s", result->found[0].commit);
    return 0;
}

static int work(struct git_session *session, enum git_mirror_mode mode, const char *new_tree,
                struct git_result *ret_result, bool *ret_is_fresh, struct error *err)
{
    auto_git(repository) *mirror = NULL;
    struct git_result result = {0};

    if (git_mirror_open(session, mode, &mirror, ret_is_fresh, err) < 0 ||
        git_revisions_find(session, mirror, &result, err) < 0 ||
        take_devcontainer(session, mirror, &result, err) < 0) {
        return -1;
    }
    if (session->job->tree != NULL &&
        git_snapshot_make(session, mirror, new_tree, &result, err) < 0) {
        return -1;
    }
    result.received_bytes = session->received_bytes;
    *ret_result = result;
    return 0;
}

/* For the next job that may use the network. */
static int leave_mark(const char *mark, struct error *err)
{
    auto_close int fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

    err->kind = ERROR_TRANSIENT;
    return error_wrap(err, fd >= 0 ? "the mirror is damaged, and made anew by the next fetch"
                                   : "the mirror is damaged");
}

static int work_twice_if_damaged(struct git_session *session, const char *new_tree,
                                 struct git_result *ret_result, struct error *err)
{
    auto_free char *mark = xasprintf("%s.damaged", session->job->mirror);
    enum git_mirror_mode mode = session->job->is_offline ? GIT_MIRROR_OFFLINE
                                : path_exists(mark)      ? GIT_MIRROR_REMAKE
                                                         : GIT_MIRROR_UPDATE;
    bool is_fresh = false;
    int result = work(session, mode, new_tree, ret_result, &is_fresh, err);

    if (result < 0 && session->is_damaged && session->job->is_offline) {
        return leave_mark(mark, err);
    }
    if (result < 0 && session->is_damaged && !is_fresh) {
        error_clear(err);
        session->is_damaged = false;
        session->is_offering = false;
        if (new_tree != NULL && tree_remove(new_tree, err) < 0) {
            return -1;
        }
        result = work(session, GIT_MIRROR_REMAKE, new_tree, ret_result, &is_fresh, err);
    }
    if (result == 0 && is_fresh) {
        unlink(mark);
    }
    return result;
}

int git_client_run(const struct git_job *job, const char *new_tree, const char *known_hosts,
                   git_progress_fn *on_progress, void *user, struct git_result *ret_result,
                   struct error *err)
{
    auto_free char *work_path = xasprintf("%s.work", job->mirror);
    auto_free char *home = NULL;
    auto_done(git_session) session = {0};
    struct error leftover = {0};
    int result;

    if (git_session_check_job(job, err) < 0 || make_home(work_path, known_hosts, &home, err) < 0 ||
        git_session_init(&session, job, home, on_progress, user, err) < 0) {
        return -1;
    }
    result = work_twice_if_damaged(&session, new_tree, ret_result, err);
    if (tree_remove(work_path, &leftover) < 0) {
        error_clear(&leftover); /* the next job tries again */
    }
    return result;
}

static int nobody_asks(void *user, const struct git_progress *progress)
{
    (void)user;
    (void)progress;
    return 0;
}

int git_client_write_index(const struct git_job *job, const char *tree, const char *index,
                           struct error *err)
{
    auto_done(git_session) session = {0};
    auto_git(repository) *mirror = NULL;
    bool is_fresh;

    if (git_session_init(&session, job, "", nobody_asks, NULL, err) < 0 ||
        git_mirror_open(&session, GIT_MIRROR_OFFLINE, &mirror, &is_fresh, err) < 0) {
        return -1;
    }
    return git_snapshot_index(&session, mirror, tree, index, err);
}

const char *git_client_library_version(char text[32])
{
    int major, minor, revision;

    git_libgit2_version(&major, &minor, &revision);
    snprintf(text, 32, "%d.%d.%d", major, minor, revision);
    return text;
}
