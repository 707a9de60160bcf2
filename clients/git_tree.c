#include "clients/git_tree.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/git_objects.h"

#include <fcntl.h>
#include <git2/sys/repository.h>
#include <string.h>
#include <strings.h>

enum {
    ENTRIES_MAX = 5 * 1000 * 1000, /* files and directories: a small pack can name endlessly many */
    PATH_LEN_MAX = 3500,           /* below the tree; the kernel takes 4096 in all */
    DEPTH_MAX = 256,               /* of directories: what comes later goes down with descriptors */
};

/* --- looking before leaping ------------------------------------------------------------------- */

struct survey {
    struct git_session *session;
    git_odb *odb;
    struct git_result *result;
    uint64_t entries;
};

static bool is_safe_mode(unsigned mode)
{
    switch (mode) { /* anything else, such as 104755, might become a set-user-id file */
    case 0040000:
    case 0100644:
    case 0100664:
    case 0100755:
    case 0120000:
    case 0160000: return true;
    default: return false;
    }
}

/* libgit2 looks at them too, and takes a slash for a directory. */
static bool is_safe_name(const char *name)
{
    return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0 && strcasecmp(name, ".git") != 0;
}

static unsigned depth_of(const char *root)
{
    unsigned depth = 0;

    for (const char *at = root; (at = strchr(at, '/')) != NULL; at++) {
        depth++;
    }
    return depth;
}

static int survey_entry(const char *root, const git_tree_entry *entry, void *payload)
{
    struct survey *survey = payload;
    struct git_session *session = survey->session;
    unsigned mode = (unsigned)git_tree_entry_filemode_raw(entry);
    git_object_t type;
    size_t size = 0;
    int code;

    if (!is_safe_mode(mode)) {
        return git_session_stop(session, "WorkspaceFailed",
                                "%s: \"%.200s%.200s\" has the unsafe mode %o in the repository",
                                session->job->url, root, git_tree_entry_name(entry), mode);
    }
    if (!is_safe_name(git_tree_entry_name(entry))) {
        return git_session_stop(session, "WorkspaceFailed",
                                "%s: \"%.200s%.200s\" is an unsafe name in the repository",
                                session->job->url, root, git_tree_entry_name(entry));
    }
    if (++survey->entries > ENTRIES_MAX || depth_of(root) > DEPTH_MAX ||
        strlen(root) + strlen(git_tree_entry_name(entry)) > PATH_LEN_MAX) {
        return git_session_stop(session, "CloneTooLarge",
                                "%s: the tree has more than %d files or directories, or paths "
                                "longer than %d bytes or deeper than %d directories",
                                session->job->url, ENTRIES_MAX, PATH_LEN_MAX, DEPTH_MAX);
    }
    if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB) {
        return 0;
    }
    code = git_odb_read_header(&size, &type, survey->odb, git_tree_entry_id(entry));
    survey->result->tree_files++;
    survey->result->tree_bytes += size;
    if (code == 0 && session->job->max_bytes != 0 &&
        survey->result->tree_bytes > session->job->max_bytes) {
        return git_session_stop(session, "CloneTooLarge",
                                "%s: the working tree is larger than the %llu bytes it may have",
                                session->job->url, (unsigned long long)session->job->max_bytes);
    }
    return code;
}

static int survey_tree(struct git_session *session, git_repository *mirror, const git_oid *id,
                       struct git_result *result, struct error *err)
{
    auto_git(commit) *commit = NULL;
    auto_git(tree) *tree = NULL;
    auto_git(odb) *odb = NULL;
    struct survey survey = {.session = session, .result = result};
    int code = git_commit_lookup(&commit, mirror, id);

    if (code == 0) {
        code = git_commit_tree(&tree, commit);
    }
    if (code == 0) {
        code = git_repository_odb(&odb, mirror);
    }
    if (code == 0) {
        survey.odb = odb;
        code = git_tree_walk(tree, GIT_TREEWALK_PRE, survey_entry, &survey);
    }
    return code < 0 ? git_session_fail(session, GIT_STAGE_LOCAL, code, err) : 0;
}

/* --- the repository of the tree --------------------------------------------------------------- */

/* refs/heads/x of the mirror becomes refs/remotes/origin/x; tags stay what they are. */
static int copy_reference(git_repository *repository, const git_reference *reference)
{
    auto_git(reference) *copy = NULL;
    auto_free char *name = NULL;
    const char *from = git_reference_name(reference);

    if (git_reference_type(reference) != GIT_REFERENCE_DIRECT) {
        return 0;
    }
    if (text_has_prefix(from, "refs/heads/")) {
        name = xasprintf("refs/remotes/origin/%s", from + strlen("refs/heads/"));
    } else if (text_has_prefix(from, "refs/tags/")) {
        name = xstrdup(from);
    } else {
        return 0;
    }
    return git_reference_create(&copy, repository, name, git_reference_target(reference), 0, NULL);
}

static int copy_references(git_repository *mirror, git_repository *repository)
{
    auto_git(reference_iterator) *iterator = NULL;
    auto_git(refdb) *refdb = NULL;
    git_reference *reference;
    int code = git_reference_iterator_new(&iterator, mirror);

    while (code == 0 && (code = git_reference_next(&reference, iterator)) == 0) {
        code = copy_reference(repository, reference);
        git_reference_free(reference);
    }
    if (code != GIT_ITEROVER) {
        return code;
    }
    code = git_repository_refdb(&refdb, repository);
    return code == 0 ? git_refdb_compress(refdb) : code; /* one file instead of thousands */
}

/* refs/remotes/origin/HEAD, which "git log origin" and others go by. */
static int set_remote_head(git_repository *mirror, git_repository *repository)
{
    auto_git(reference) *head = NULL;
    auto_git(reference) *created = NULL;
    auto_free char *target = NULL;

    if (git_repository_head(&head, mirror) < 0) {
        return 0; /* the server does not say which it is */
    }
    target = xasprintf("refs/remotes/origin/%s", git_reference_shorthand(head));
    return git_reference_symbolic_create(&created, repository, "refs/remotes/origin/HEAD", target,
                                         1, NULL);
}

static int init_repository(const char *directory, git_repository **ret_repository)
{
    git_repository_init_options options;

    git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
    options.flags = GIT_REPOSITORY_INIT_NO_REINIT | GIT_REPOSITORY_INIT_MKDIR;
    return git_repository_init_ext(ret_repository, directory, &options);
}

static int fill_repository(struct git_session *session, git_repository *mirror,
                           git_repository *repository, const git_oid *commit)
{
    auto_git(remote) *remote = NULL;
    int code = git_remote_create(&remote, repository, "origin", session->job->url);

    if (code == 0) {
        code = copy_references(mirror, repository);
    }
    if (code == 0) {
        code = set_remote_head(mirror, repository);
    }
    return code == 0 ? git_repository_set_head_detached(repository, commit) : code;
}

/* --- its files -------------------------------------------------------------------------------- */

struct checkout {
    struct git_session *session;
    int stop_code;
};

static void on_checkout_progress(const char *path, size_t done, size_t total, void *payload)
{
    struct checkout *checkout = payload;

    (void)path;
    if (checkout->stop_code == 0) {
        checkout->stop_code = git_session_report(checkout->session, "checking out", done, total);
    }
}

static int check_out(struct git_session *session, git_repository *repository)
{
    struct checkout checkout = {.session = session};
    git_checkout_options options;
    int code;

    git_checkout_options_init(&options, GIT_CHECKOUT_OPTIONS_VERSION);
    options.checkout_strategy = GIT_CHECKOUT_SAFE | GIT_CHECKOUT_RECREATE_MISSING;
    options.file_open_flags = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
    options.progress_cb = on_checkout_progress;
    options.progress_payload = &checkout;
    code = git_checkout_head(repository, &options);
    return code == 0 ? checkout.stop_code : code;
}

int git_tree_make(struct git_session *session, git_repository *mirror, const char *directory,
                  struct git_result *result, struct error *err)
{
    auto_git(repository) *repository = NULL;
    auto_free char *objects = path_join(directory, ".git/objects");
    git_oid commit;
    int code = git_oid_fromstr(&commit, session->job->commit);

    if (code < 0) {
        return git_session_fail(session, GIT_STAGE_LOCAL, code, err);
    }
    if (survey_tree(session, mirror, &commit, result, err) < 0) {
        return -1;
    }
    git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 0);
    code = init_repository(directory, &repository);
    if (code < 0) {
        return git_session_fail(session, GIT_STAGE_LOCAL, code, err);
    }
    if (git_objects_copy(session, git_repository_path(mirror), objects, err) < 0) {
        return -1;
    }
    code = fill_repository(session, mirror, repository, &commit);
    if (code == 0) {
        code = check_out(session, repository);
    }
    return code < 0 ? git_session_fail(session, GIT_STAGE_LOCAL, code, err) : 0;
}
