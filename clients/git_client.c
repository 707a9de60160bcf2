#include "clients/git_client.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/git_mirror.h"
#include "clients/git_revisions.h"
#include "clients/git_session.h"
#include "clients/git_tree.h"

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

static int work(struct git_session *session, enum git_mirror_mode mode, const char *staging,
                struct git_result *ret_result, bool *ret_is_fresh, struct error *err)
{
    auto_git(repository) *mirror = NULL;
    struct git_result result = {0};

    if (git_mirror_open(session, mode, &mirror, ret_is_fresh, err) < 0 ||
        git_revisions_find(session, mirror, &result, err) < 0) {
        return -1;
    }
    if (staging != NULL && git_tree_make(session, mirror, staging, &result, err) < 0) {
        return -1;
    }
    result.received_bytes = session->received_bytes;
    *ret_result = result;
    return 0;
}

static int work_twice_if_damaged(struct git_session *session, const char *staging,
                                 struct git_result *ret_result, struct error *err)
{
    enum git_mirror_mode mode = session->job->is_offline ? GIT_MIRROR_OFFLINE : GIT_MIRROR_UPDATE;
    bool is_fresh = false;

    if (work(session, mode, staging, ret_result, &is_fresh, err) == 0) {
        return 0;
    }
    if (!session->is_damaged || is_fresh || session->job->is_offline) {
        return -1;
    }
    error_clear(err);
    session->is_damaged = false;
    session->is_offering = false;
    if (staging != NULL && tree_remove(staging, err) < 0) {
        return -1;
    }
    return work(session, GIT_MIRROR_REMAKE, staging, ret_result, &is_fresh, err);
}

int git_client_run(const struct git_job *job, const char *staging, const char *known_hosts,
                   git_progress_fn *on_progress, void *user, struct git_result *ret_result,
                   struct error *err)
{
    auto_free char *work_path = xasprintf("%s.work", job->mirror);
    auto_free char *home = NULL;
    auto_close int lock_fd = -1;
    auto_done(git_session) session = {0};
    struct error leftover = {0};
    int result;

    if (git_session_check_url(job->url, err) < 0 ||
        git_mirror_lock(job->mirror, &lock_fd, err) < 0 ||
        make_home(work_path, known_hosts, &home, err) < 0 ||
        git_session_init(&session, job, home, on_progress, user, err) < 0) {
        return -1;
    }
    result = work_twice_if_damaged(&session, staging, ret_result, err);
    if (tree_remove(work_path, &leftover) < 0) {
        error_clear(&leftover); /* the next job tries again */
    }
    return result;
}

const char *git_client_library_version(char text[32])
{
    int major, minor, revision;

    git_libgit2_version(&major, &minor, &revision);
    snprintf(text, 32, "%d.%d.%d", major, minor, revision);
    return text;
}
