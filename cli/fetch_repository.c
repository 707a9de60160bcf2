#include "cli/fetch_repository.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/tree_repository.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

DEFINE_GIT_CLEANUP(indexer)

static int fail(struct error *err, const char *what)
{
    const git_error *error = git_error_last();

    return error_set(err, ERROR_INVALID, "%s: %s", what,
                     error != NULL ? error->message : "for no reason that git tells");
}

int fetch_repository_open(const char *path, git_repository **ret_repository, struct error *err)
{
    if (git_libgit2_init() < 0) {
        return error_set(err, ERROR_INTERNAL, "libgit2 does not start");
    }
    for (int level = GIT_CONFIG_LEVEL_PROGRAMDATA; level <= GIT_CONFIG_LEVEL_GLOBAL; level++) {
        git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
    }
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0); /* we are its owner, or cannot write to it */
    if (git_repository_open_ext(ret_repository, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL) < 0) {
        auto_free char *what = xasprintf("open the repository \"%s\"", path);

        return fail(err, what);
    }
    return 0;
}

bool fetch_repository_has(git_repository *repository, const char *commit)
{
    auto_git(commit) *found = NULL;
    git_oid id;

    return git_oid_fromstr(&id, commit) == 0 && git_commit_lookup(&found, repository, &id) == 0;
}

/* --- the pack --------------------------------------------------------------------------------- */

static char *pack_folder(git_repository *repository)
{
    git_buf objects = {0};
    char *folder = NULL;

    if (git_repository_item_path(&objects, repository, GIT_REPOSITORY_ITEM_OBJECTS) == 0) {
        folder = xasprintf("%s%spack", objects.ptr, text_has_suffix(objects.ptr, "/") ? "" : "/");
        mkdir(folder, 0777); /* it is there, save in odd repositories */
    }
    git_buf_dispose(&objects);
    return folder;
}

static int feed(git_indexer *indexer, int fd, git_indexer_progress *progress)
{
    char chunk[65536];
    ssize_t got;

    while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        if (got > 0 && git_indexer_append(indexer, chunk, (size_t)got, progress) < 0) {
            return -1;
        }
    }
    return git_indexer_commit(indexer, progress);
}

int fetch_repository_take_pack(git_repository *repository, int fd, struct error *err)
{
    auto_free char *folder = pack_folder(repository);
    auto_git(indexer) *indexer = NULL;
    auto_git(odb) *odb = NULL;
    git_indexer_progress progress = {0};
    git_indexer_options options;

    git_indexer_options_init(&options, GIT_INDEXER_OPTIONS_VERSION);
    options.verify = 1; /* what comes out of a tree may be anything */
    if (folder == NULL || git_repository_odb(&odb, repository) < 0 ||
        git_indexer_new(&indexer, folder, 0, odb, &options) < 0 ||
        feed(indexer, fd, &progress) < 0) {
        return fail(err, "take the commits in");
    }
    return git_odb_refresh(odb) < 0 ? fail(err, "find the new commits") : 0;
}

/* --- the branch ------------------------------------------------------------------------------- */

/* Also a HEAD that names a branch which does not exist yet. */
static bool is_head(git_repository *repository, const char *name)
{
    auto_git(reference) *head = NULL;

    return !git_repository_is_bare(repository) &&
           git_reference_lookup(&head, repository, "HEAD") == 0 &&
           git_reference_type(head) == GIT_REFERENCE_SYMBOLIC &&
           strcmp(git_reference_symbolic_target(head), name) == 0;
}

static unsigned long count_commits(git_repository *repository, const git_oid *to,
                                   const git_oid *from)
{
    auto_git(revwalk) *walk = NULL;
    unsigned long count = 0;
    git_oid id;

    if (git_revwalk_new(&walk, repository) < 0 || git_revwalk_push(walk, to) < 0) {
        return 0;
    }
    if (from != NULL) {
        git_revwalk_hide(walk, from);
    }
    while (git_revwalk_next(&id, walk) == 0) {
        count++;
    }
    return count;
}

/* What speaks against moving the branch from old to id. */
static int check_move(git_repository *repository, const struct fetch_wish *wish,
                      const git_reference *reference, const git_oid *old, const git_oid *id,
                      struct fetch_outcome *outcome, struct error *err)
{
    if (reference != NULL && git_branch_is_checked_out(reference) == 1) {
        return error_set(err, ERROR_CONFLICT,
                         "branch \"%s\" is checked out there; say another one with --branch",
                         wish->branch);
    }
    if (old == NULL || git_graph_descendant_of(repository, id, old) == 1) {
        return 0;
    }
    if (!wish->is_forced) {
        return error_set(err, ERROR_CONFLICT,
                         "branch \"%s\" has commits there that the tree has not; "
                         "--force moves it all the same, --branch takes another one",
                         wish->branch);
    }
    outcome->is_forced = true;
    return 0;
}

static int move(git_repository *repository, const char *name, const git_oid *old, const git_oid *id,
                struct error *err)
{
    auto_git(reference) *moved = NULL;
    int code = git_reference_create_matching(&moved, repository, name, id, old != NULL, old,
                                             "fetch: from a task's tree");

    if (code == GIT_EMODIFIED || code == GIT_EEXISTS) {
        return error_set(err, ERROR_CONFLICT, "somebody else moved the branch meanwhile; again?");
    }
    return code < 0 ? fail(err, "move the branch") : 0;
}

int fetch_repository_move_branch(git_repository *repository, const struct fetch_wish *wish,
                                 struct fetch_outcome *ret_outcome, struct error *err)
{
    auto_free char *name = xasprintf("refs/heads/%s", wish->branch);
    auto_git(reference) *reference = NULL;
    struct fetch_outcome outcome = {0};
    const git_oid *old = NULL;
    git_oid id, begin;
    int is_valid = 0;

    if (git_reference_name_is_valid(&is_valid, name) < 0 || !is_valid) {
        return error_set(err, ERROR_INVALID, "\"%s\" is no name for a branch", wish->branch);
    }
    if (git_oid_fromstr(&id, wish->commit) < 0 || !fetch_repository_has(repository, wish->commit)) {
        return error_set(err, ERROR_INVALID, "the commit %s did not come", wish->commit);
    }
    if (git_reference_lookup(&reference, repository, name) == 0) {
        old = git_reference_target(reference);
        if (old == NULL) {
            return error_set(err, ERROR_INVALID, "branch \"%s\" is a link to another one there",
                             wish->branch);
        }
    } else if (is_head(repository, name)) {
        return error_set(err, ERROR_CONFLICT,
                         "branch \"%s\" is checked out there, with no commit yet; say another one "
                         "with --branch",
                         wish->branch);
    }
    outcome.is_new = old == NULL;
    if (old != NULL && git_oid_equal(old, &id)) {
        *ret_outcome = outcome;
        return 0;
    }
    if (check_move(repository, wish, reference, old, &id, &outcome, err) < 0) {
        return -1;
    }
    if (old == NULL && wish->begin != NULL && git_oid_fromstr(&begin, wish->begin) == 0) {
        git_oid_tostr(outcome.from, sizeof(outcome.from), &begin);
        outcome.count = count_commits(repository, &id, &begin);
    } else {
        outcome.count = count_commits(repository, &id, old);
    }
    if (old != NULL) {
        git_oid_tostr(outcome.from, sizeof(outcome.from), old);
    }
    outcome.is_moved = true;
    if (move(repository, name, old, &id, err) < 0) {
        return -1;
    }
    *ret_outcome = outcome;
    return 0;
}
