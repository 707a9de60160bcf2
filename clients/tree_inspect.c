/*
 * Whether a tree has work that exists nowhere else. Whatever cannot be read is taken for such work:
 * it is what decides about removing the tree.
 */
#include "clients/tree_work.h"

#include "base/cleanup.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include "clients/tree_jail.h"
#include "clients/tree_repository.h"

#include <string.h>
#include <sys/stat.h>

enum { CPU_SECONDS = 60, WALL_SECONDS = 120, CHANGES_MAX = 64 << 20 };

/* --- in the jail ------------------------------------------------------------------------------ */

/* What changed, and when: two trees with the same text have the same changes. */
struct changes {
    struct strbuf text;
    size_t count;
};

static int on_change(const char *path, unsigned flags, void *payload)
{
    struct changes *changes = payload;
    struct stat info = {0};

    if (lstat(path, &info) < 0) {
        memset(&info, 0, sizeof(info)); /* it was deleted */
    }
    changes->count++;
    return strbuf_addf(&changes->text, "%s %x %o %lld %lld.%09ld\n", path, flags,
                       (unsigned)info.st_mode, (long long)info.st_size,
                       (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

/* A list that is too long has no digest: it is then no other tree's. */
static void find_changes(git_repository *repository, struct tree_result *result)
{
    struct changes changes = {.text = {.max_len = CHANGES_MAX}};
    git_status_options options;
    int code;

    git_status_options_init(&options, GIT_STATUS_OPTIONS_VERSION);
    options.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
    options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS;
    code = git_status_foreach_ext(repository, &options, on_change, &changes);
    result->is_dirty = code != 0 || changes.count > 0;
    if (code == 0 && changes.count > 0) {
        sha256_hex(strbuf_text(&changes.text), changes.text.len, result->changes);
    }
    strbuf_done(&changes.text);
}

/* The usual case, without a walk through history: all local branches are where the tree began. */
static bool is_all_at(git_repository *repository, const struct tree_result *head,
                      const char *commit)
{
    auto_git(reference_iterator) *iterator = NULL;
    git_reference *reference;
    git_oid begin;
    bool is_all = commit != NULL && strcmp(head->commit, commit) == 0 &&
                  git_oid_fromstr(&begin, commit) == 0 &&
                  git_reference_iterator_glob_new(&iterator, repository, "refs/heads/*") == 0;

    while (is_all && git_reference_next(&reference, iterator) == 0) {
        const git_oid *id = git_reference_target(reference);

        is_all = id != NULL && git_oid_equal(id, &begin);
        git_reference_free(reference);
    }
    return is_all;
}

static bool has_stash(git_repository *repository)
{
    git_oid id;

    return git_reference_name_to_id(&id, repository, "refs/stash") != GIT_ENOTFOUND;
}

static bool has_unpushed(git_repository *repository, const struct tree_result *head,
                         const char *commit)
{
    auto_git(revwalk) *walk = NULL;
    git_oid id;

    if (has_stash(repository)) {
        return true;
    }
    if (is_all_at(repository, head, commit)) {
        return false;
    }
    if (git_revwalk_new(&walk, repository) < 0 || git_revwalk_push_head(walk) < 0 ||
        git_revwalk_push_glob(walk, "refs/heads/*") < 0 ||
        git_revwalk_hide_glob(walk, "refs/remotes/*") < 0 ||
        git_revwalk_hide_glob(walk, "refs/tags/*") < 0) {
        return true;
    }
    if (commit != NULL && git_oid_fromstr(&id, commit) == 0) {
        git_revwalk_hide(walk, &id); /* it may be gone, and then hides nothing */
    }
    return git_revwalk_next(&id, walk) != GIT_ITEROVER;
}

static int inspect_inside(const struct tree_job *job, struct tree_result *ret_result,
                          struct error *err)
{
    auto_git(repository) *repository = NULL;

    (void)err;
    ret_result->is_dirty = ret_result->is_unpushed = true;
    if (tree_repository_open(&repository) < 0 ||
        tree_repository_read_head(repository, ret_result) < 0) {
        return 0;
    }
    ret_result->is_unpushed = has_unpushed(repository, ret_result, job->commit);
    find_changes(repository, ret_result);
    return 0;
}

/* --- outside ---------------------------------------------------------------------------------- */

int tree_inspect(const struct tree_job *job, struct tree_result *ret_result, struct error *err)
{
    const struct tree_jail jail = {
        .job = job,
        .cpu_seconds = CPU_SECONDS,
        .wall_seconds = WALL_SECONDS,
        .inside = inspect_inside,
        .data_to = -1,
    };
    enum tree_jail_end end = TREE_JAIL_FELL_SILENT;

    if (tree_jail_is_possible(job) && tree_jail_run(&jail, &end, ret_result, err) < 0) {
        return -1;
    }
    if (end == TREE_JAIL_FELL_SILENT) {
        *ret_result = (struct tree_result){.is_dirty = true, .is_unpushed = true};
    }
    return 0;
}
