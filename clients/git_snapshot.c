#include "clients/git_snapshot.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/git_files.h"
#include "clients/git_objects.h"
#include "clients/git_packed_refs.h"
#include "clients/git_survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BRANCHES "refs/heads/"
#define TAGS "refs/tags/"
#define REMOTE "refs/remotes/origin/"

static int fail(struct git_session *session, int code, struct error *err)
{
    return git_session_fail(session, GIT_STAGE_LOCAL, code, err);
}

/* The job's commit, and the tree that it is. */
static int find_tree(struct git_session *session, git_repository *mirror, git_tree **ret_tree,
                     struct error *err)
{
    auto_git(commit) *commit = NULL;
    git_oid id;
    int code = git_oid_fromstr(&id, session->job->commit);

    if (code == 0) {
        code = git_commit_lookup(&commit, mirror, &id);
    }
    if (code == GIT_ENOTFOUND) {
        return error_set_reason(err, ERROR_CONFLICT, "WorkspaceFailed",
                                "%s: the mirror has no commit %s (any more); fetch, and look the "
                                "revision up again",
                                session->job->url, session->job->commit);
    }
    if (code == 0) {
        code = git_commit_tree(ret_tree, commit);
    }
    return code < 0 ? fail(session, code, err) : 0;
}

/* --- references ------------------------------------------------------------------------------- */

/* refs/heads/x of the mirror becomes refs/remotes/origin/x; tags stay what they are. */
static char *name_in_snapshot(const char *name)
{
    if (text_has_prefix(name, BRANCHES) && strcmp(name, BRANCHES "HEAD") != 0) {
        return xasprintf(REMOTE "%s", name + strlen(BRANCHES));
    }
    return text_has_prefix(name, TAGS) ? xstrdup(name) : NULL;
}

static void add_reference(const git_reference *reference, struct git_packed_refs *refs)
{
    const git_oid *peeled = git_reference_target_peel(reference);
    const git_oid *id = git_reference_target(reference);
    char *name = name_in_snapshot(git_reference_name(reference));

    if (id != NULL && name != NULL) {
        git_packed_refs_add_take(refs, name, id, peeled != NULL ? peeled : id);
    } else {
        free(name);
    }
}

static int list_references(git_repository *mirror, struct git_packed_refs *refs)
{
    auto_git(reference_iterator) *iterator = NULL;
    git_reference *reference;
    int code = git_reference_iterator_new(&iterator, mirror);

    while (code == 0 && (code = git_reference_next(&reference, iterator)) == 0) {
        add_reference(reference, refs);
        git_reference_free(reference);
    }
    return code == GIT_ITEROVER ? 0 : code;
}

static int write_file(const char *directory, const char *name, const char *text, struct error *err)
{
    auto_free char *path = path_join(directory, name);

    return file_replace(AT_FDCWD, path, text, strlen(text), 0644, FILE_VISIBLE, err);
}

/* HEAD, and refs/remotes/origin/HEAD, which "git log origin" and others go by. */
static int write_heads(struct git_session *session, git_repository *mirror,
                       const char *git_directory, struct error *err)
{
    auto_free char *origin = path_join(git_directory, "refs/remotes/origin");
    auto_free char *head = xasprintf("%s\n", session->job->commit);
    auto_free char *remote_head = NULL;
    auto_git(reference) *branch = NULL;

    if (write_file(git_directory, "HEAD", head, err) < 0) {
        return -1;
    }
    if (git_repository_head(&branch, mirror) < 0 || !git_reference_is_branch(branch)) {
        return 0; /* the server does not say which it is, or it has no commit yet */
    }
    remote_head = xasprintf("ref: " REMOTE "%s\n", git_reference_shorthand(branch));
    return dir_make(origin, 0755, err) < 0 || write_file(origin, "HEAD", remote_head, err) < 0 ? -1
                                                                                               : 0;
}

/* --- the repository --------------------------------------------------------------------------- */

static int init_repository(const char *directory, git_repository **ret_repository)
{
    git_repository_init_options options;

    git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
    options.flags = GIT_REPOSITORY_INIT_NO_REINIT | GIT_REPOSITORY_INIT_MKDIR;
    return git_repository_init_ext(ret_repository, directory, &options);
}

static int fill_repository(struct git_session *session, git_repository *mirror,
                           const char *git_directory, struct error *err)
{
    auto_done(git_packed_refs) refs = {0};
    auto_free char *objects = path_join(git_directory, "objects");
    int code;

    if (git_objects_share(session, git_repository_path(mirror), objects, err) < 0) {
        return -1;
    }
    code = list_references(mirror, &refs);
    if (code < 0) {
        return fail(session, code, err);
    }
    return git_packed_refs_write(&refs, git_directory, FILE_VISIBLE, err) < 0 ||
                   write_heads(session, mirror, git_directory, err) < 0
               ? -1
               : 0;
}

static int make_repository(struct git_session *session, git_repository *mirror,
                           const char *directory, git_repository **ret_repository,
                           struct error *err)
{
    auto_git(repository) *repository = NULL;
    auto_git(remote) *remote = NULL;
    auto_free char *git_directory = path_join(directory, ".git");
    int code;

    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0);
    code = init_repository(directory, &repository);
    if (code == 0) {
        code = git_remote_create(&remote, repository, "origin", session->job->url);
    }
    if (code < 0) {
        return fail(session, code, err);
    }
    if (fill_repository(session, mirror, git_directory, err) < 0) {
        return -1;
    }
    *ret_repository = TAKE(repository);
    return 0;
}

int git_snapshot_make(struct git_session *session, git_repository *mirror, const char *directory,
                      struct git_result *result, struct error *err)
{
    auto_git(repository) *repository = NULL;
    auto_git(tree) *tree = NULL;
    auto_close int fd = -1;
    bool has_filters = false;

    if (find_tree(session, mirror, &tree, err) < 0 ||
        git_survey_tree(session, mirror, tree, result, &has_filters, err) < 0) {
        return -1;
    }
    if (directory == NULL) {
        return 0;
    }
    if (make_repository(session, mirror, directory, &repository, err) < 0) {
        return -1;
    }
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return error_set_errno(err, errno, "open \"%s\"", directory);
    }
    return git_files_write(session, tree, has_filters ? repository : NULL, fd, result, err);
}

/* --- the index -------------------------------------------------------------------------------- */

/* What "git update-index --refresh" would find out, without reading a file. */
static int stamp(git_index *index, int directory_fd, struct error *err)
{
    size_t count = git_index_entrycount(index);

    for (size_t i = 0; i < count; i++) {
        /* libgit2 has no call for this; a copy that is added takes the tree cache away */
        git_index_entry *entry = (git_index_entry *)(uintptr_t)git_index_get_byindex(index, i);
        struct stat info;

        if (fstatat(directory_fd, entry->path, &info, AT_SYMLINK_NOFOLLOW) < 0) {
            return error_set_errno(err, errno, "look at \"%.200s\" of the snapshot", entry->path);
        }
        entry->ctime =
            (git_index_time){(int32_t)info.st_ctim.tv_sec, (uint32_t)info.st_ctim.tv_nsec};
        entry->mtime =
            (git_index_time){(int32_t)info.st_mtim.tv_sec, (uint32_t)info.st_mtim.tv_nsec};
        entry->dev = (uint32_t)info.st_dev;
        entry->ino = (uint32_t)info.st_ino;
        entry->uid = info.st_uid;
        entry->gid = info.st_gid;
        if (S_ISREG(entry->mode)) { /* a tree may say 100664, which an index does not know */
            entry->mode =
                (entry->mode & 0100) != 0 ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB;
        }
        entry->file_size = entry->mode == GIT_FILEMODE_COMMIT ? 0 : (uint32_t)info.st_size;
    }
    return 0;
}

int git_snapshot_index(struct git_session *session, git_repository *mirror, const char *directory,
                       const char *path, struct error *err)
{
    auto_git(tree) *tree = NULL;
    auto_git(index) *index = NULL;
    auto_close int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int code;

    if (fd < 0) {
        return error_set_errno(err, errno, "open \"%s\"", directory);
    }
    if (find_tree(session, mirror, &tree, err) < 0) {
        return -1;
    }
    code = git_index_open(&index, path);
    if (code == 0) {
        code = git_index_read_tree(index, tree);
    }
    if (code < 0) {
        return fail(session, code, err);
    }
    if (stamp(index, fd, err) < 0) {
        return -1;
    }
    code = git_index_write(index);
    return code < 0 ? fail(session, code, err) : 0;
}
