#include "clients/git_mirror.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/git_packed_refs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SWEEP_DEPTH_MAX = 64 };

/* What the mirror's HEAD names when the server's names nothing that can be had. */
#define NO_HEAD "refs/berth/none"

static const char *const refspecs[] = {"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"};

/* --- leftovers of a killed predecessor -------------------------------------------------------- */

static bool is_leftover(const char *name)
{
    return text_has_prefix(name, "pack_git2_") || text_has_suffix(name, ".lock");
}

/* Best effort: what cannot be removed shows up in what follows. */
static void sweep_directory(int parent_fd, const char *name, unsigned depth)
{
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    if (dir == NULL) {
        cleanup_close(&fd);
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (is_leftover(entry->d_name)) {
            unlinkat(dirfd(dir), entry->d_name, 0);
        } else if (entry->d_name[0] != '.' && depth > 0) {
            sweep_directory(dirfd(dir), entry->d_name, depth - 1);
        }
    }
    closedir(dir);
}

static void sweep_mirror(const char *mirror)
{
    auto_free char *refs = path_join(mirror, "refs");
    auto_free char *packs = path_join(mirror, "objects/pack");

    sweep_directory(AT_FDCWD, mirror, 0);
    sweep_directory(AT_FDCWD, refs, SWEEP_DEPTH_MAX);
    sweep_directory(AT_FDCWD, packs, 0);
}

/* --- fetching --------------------------------------------------------------------------------- */

static uint64_t size_of_packs(const char *mirror)
{
    auto_free char *path = path_join(mirror, "objects/pack");
    DIR *dir = opendir(path);
    struct dirent *entry;
    struct stat info;
    uint64_t size = 0;

    if (dir == NULL) {
        return 0;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(info.st_mode)) {
            size += (uint64_t)info.st_size;
        }
    }
    closedir(dir);
    return size;
}

static void set_receive_limit(struct git_session *session, const char *mirror)
{
    uint64_t size = size_of_packs(mirror);
    uint64_t max = session->job->max_bytes;

    session->receive_limit = max == 0 ? 0 : size < max ? max - size : 1;
}

/* Where the server's HEAD is a commit and no branch: that, if it came with a branch or tag. */
static int set_head_without_branch(git_repository *mirror, git_remote *remote)
{
    auto_git(reference) *reference = NULL;
    auto_git(commit) *commit = NULL;
    const git_remote_head **heads;
    size_t count;
    int code = git_remote_ls(&heads, &count, remote);

    if (code == 0 && count > 0 && strcmp(heads[0]->name, "HEAD") == 0 &&
        git_commit_lookup(&commit, mirror, &heads[0]->oid) == 0) {
        return git_repository_set_head_detached(mirror, &heads[0]->oid);
    }
    return code == 0 ? git_reference_symbolic_create(&reference, mirror, "HEAD", NO_HEAD, 1, NULL)
                     : code;
}

static int set_head(git_repository *mirror, git_remote *remote)
{
    git_buf branch = {0};
    int code = git_remote_default_branch(&branch, remote);

    if (code == 0) {
        code = git_repository_set_head(mirror, branch.ptr);
    } else if (code == GIT_ENOTFOUND) {
        code = set_head_without_branch(mirror, remote);
    }
    git_buf_dispose(&branch);
    return code;
}

/* The server's branches and tags; those that no git would have are left out. */
static int list_references(git_remote *remote, struct git_packed_refs *refs)
{
    const git_remote_head **heads;
    size_t count;
    int code = git_remote_ls(&heads, &count, remote), is_valid;

    for (size_t i = 0; code == 0 && i < count; i++) {
        const char *name = heads[i]->name;

        if ((text_has_prefix(name, "refs/heads/") || text_has_prefix(name, "refs/tags/")) &&
            git_reference_name_is_valid(&is_valid, name) == 0 && is_valid) {
            git_packed_refs_add_take(refs, xstrdup(name), &heads[i]->oid, &heads[i]->oid);
        }
    }
    return code;
}

/* A file of a reference, by whomever, would go before what is packed. */
static int remove_loose_references(const char *mirror, struct error *err)
{
    static const char *const folders[] = {"refs/heads", "refs/tags"};

    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        auto_free char *path = path_join(mirror, folders[i]);

        if (rmdir(path) < 0 && tree_remove(path, err) < 0) {
            return -1;
        }
        if (dir_make(path, 0755, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* All at once, when what they name is on disk. */
static int take_references(struct git_session *session, git_repository *mirror, git_remote *remote,
                           struct error *err)
{
    auto_done(git_packed_refs) refs = {0};
    int code = list_references(remote, &refs);

    if (code == 0) {
        code = git_packed_refs_peel(&refs, mirror);
    }
    if (code < 0) {
        return git_session_fail(session, GIT_STAGE_LOCAL, code, err);
    }
    if (git_packed_refs_write(&refs, git_repository_path(mirror), FILE_DURABLE, err) < 0 ||
        remove_loose_references(git_repository_path(mirror), err) < 0) {
        return -1;
    }
    code = set_head(mirror, remote);
    return code < 0 ? git_session_fail(session, GIT_STAGE_LOCAL, code, err) : 0;
}

static int download(struct git_session *session, git_repository *mirror, git_remote *remote,
                    const git_remote_connect_options *options, struct error *err)
{
    git_fetch_options fetch;
    int code;

    git_fetch_options_init(&fetch, GIT_FETCH_OPTIONS_VERSION);
    fetch.callbacks = options->callbacks;
    fetch.follow_redirects = options->follow_redirects;
    fetch.proxy_opts = options->proxy_opts;
    fetch.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE; /* all tags come by their refspec */
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1); /* a pack is on disk before what names it */
    code = git_remote_download(remote, NULL, &fetch);
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0);
    return code < 0 ? git_session_fail(session, GIT_STAGE_RECEIVE, code, err)
                    : take_references(session, mirror, remote, err);
}

static int fetch_remote(struct git_session *session, git_repository *mirror, git_remote *remote,
                        struct error *err)
{
    git_remote_connect_options options;
    int code, result;

    git_session_connect_options(session, &options);
    if (git_session_report(session, "connecting", 0, 0) < 0) {
        return git_session_fail(session, GIT_STAGE_CONNECT, GIT_EUSER, err);
    }
    code = git_remote_connect_ext(remote, GIT_DIRECTION_FETCH, &options);
    if (code < 0) {
        return git_session_fail(session, GIT_STAGE_CONNECT, code, err);
    }
    result = download(session, mirror, remote, &options, err);
    git_remote_disconnect(remote);
    return result;
}

/* Makes the mirror's configuration what the job says; "origin" is made where it is missing. */
static int prepare_remote(git_repository *mirror, const char *url, git_remote **ret_remote)
{
    auto_git(remote) *remote = NULL;
    int code = git_remote_lookup(&remote, mirror, "origin");

    if (code == GIT_ENOTFOUND) {
        code = git_remote_create_with_fetchspec(&remote, mirror, "origin", url, refspecs[0]);
        for (size_t i = 1; code == 0 && i < ARRAY_SIZE(refspecs); i++) {
            code = git_remote_add_fetch(mirror, "origin", refspecs[i]);
        }
    }
    if (code == 0 && !text_equal(git_remote_url(remote), url)) {
        code = git_remote_set_url(mirror, "origin", url);
    }
    git_remote_free(TAKE(remote));
    if (code == 0) { /* a remote that was looked up before does not see what changed */
        code = git_remote_lookup(ret_remote, mirror, "origin");
    }
    return code;
}

static int fetch(struct git_session *session, git_repository *mirror, struct error *err)
{
    auto_git(remote) *remote = NULL;
    int code;

    set_receive_limit(session, git_repository_path(mirror));
    code = prepare_remote(mirror, session->job->url, &remote);
    if (code < 0) {
        return git_session_fail(session, GIT_STAGE_LOCAL, code, err);
    }
    return fetch_remote(session, mirror, remote, err);
}

/* --- making, updating ------------------------------------------------------------------------- */

/* The old mirror is out of the way before the new one comes: a kill in between costs a clone. */
static int put_in_place(const char *made, const char *old, const char *mirror, struct error *err)
{
    if (access(mirror, W_OK) < 0 && errno == EACCES) {
        chmod(mirror, 0700); /* a directory that may not be written cannot be moved */
    }
    if (rename(mirror, old) < 0 && errno != ENOENT) {
        return error_set_errno(err, errno, "move the old mirror \"%s\" away", mirror);
    }
    if (rename(made, mirror) < 0) {
        return error_set_errno(err, errno, "put mirror \"%s\" in place", mirror);
    }
    return 0;
}

static int make(struct git_session *session, git_repository **ret_repository, struct error *err)
{
    auto_free char *made = xasprintf("%s.work/mirror.git", session->job->mirror);
    auto_free char *old = xasprintf("%s.work/old.git", session->job->mirror);
    auto_git(repository) *repository = NULL;
    struct error leftover = {0};
    int code;

    if (tree_remove(made, err) < 0 || tree_remove(old, err) < 0) {
        return -1;
    }
    code = git_repository_init(&repository, made, 1);
    if (code < 0) {
        return git_session_fail(session, GIT_STAGE_LOCAL, code, err);
    }
    if (fetch(session, repository, err) < 0) {
        return -1;
    }
    git_repository_free(TAKE(repository));
    if (put_in_place(made, old, session->job->mirror, err) < 0) {
        return -1;
    }
    code = git_repository_open_bare(&repository, session->job->mirror);
    if (code < 0) {
        return git_session_fail(session, GIT_STAGE_LOCAL, code, err);
    }
    if (tree_remove(old, &leftover) < 0) {
        error_clear(&leftover); /* the next job tries again */
    }
    *ret_repository = TAKE(repository);
    return 0;
}

static int open_offline(struct git_session *session, git_repository **ret_repository,
                        struct error *err)
{
    int code = git_repository_open_bare(ret_repository, session->job->mirror);

    if (code == GIT_ENOTFOUND) {
        return error_set_reason(err, ERROR_TRANSIENT, "CloneFailed",
                                "%s: there is no mirror of it yet, and this job may not use the "
                                "network",
                                session->job->url);
    }
    return code < 0 ? git_session_fail(session, GIT_STAGE_LOCAL, code, err) : 0;
}

int git_mirror_open(struct git_session *session, enum git_mirror_mode mode,
                    git_repository **ret_repository, bool *ret_is_fresh, struct error *err)
{
    auto_git(repository) *repository = NULL;

    if (mode == GIT_MIRROR_OFFLINE) {
        *ret_is_fresh = false;
        return open_offline(session, ret_repository, err);
    }
    sweep_mirror(session->job->mirror);
    if (mode == GIT_MIRROR_REMAKE ||
        git_repository_open_bare(&repository, session->job->mirror) < 0) {
        *ret_is_fresh = true;
        return make(session, ret_repository, err);
    }
    *ret_is_fresh = false;
    if (fetch(session, repository, err) < 0) {
        return -1;
    }
    *ret_repository = TAKE(repository);
    return 0;
}
