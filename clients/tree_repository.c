#include "clients/tree_repository.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    /* Below what the jail's limit of address space leaves. */
    MAPPED_WINDOWS_MAX = 512 << 20,
    MAPPED_WINDOW_SIZE = 32 << 20,
    OBJECT_CACHE_MAX = 64 << 20,
};

int tree_repository_open(git_repository **ret_repository)
{
    auto_git(repository) *repository = NULL;
    struct stat info;

    if (lstat(".git", &info) < 0 || !S_ISDIR(info.st_mode) || git_libgit2_init() < 0) {
        return -1;
    }
    for (int level = GIT_CONFIG_LEVEL_PROGRAMDATA; level <= GIT_CONFIG_LEVEL_GLOBAL; level++) {
        git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
    }
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0); /* it is the container's, and so are we */
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)MAPPED_WINDOWS_MAX);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, (size_t)MAPPED_WINDOW_SIZE);
    git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)OBJECT_CACHE_MAX);
    /* as a bare one, or the folder that its configuration names would have to be there */
    if (git_repository_open_bare(&repository, ".git") < 0 ||
        git_repository_set_workdir(repository, ".", 0) < 0) {
        return -1;
    }
    *ret_repository = repository;
    repository = NULL;
    return 0;
}

int tree_repository_read_head(git_repository *repository, struct tree_result *result)
{
    auto_git(reference) *head = NULL;
    auto_git(commit) *commit = NULL;
    const git_oid *id;

    if (git_repository_head(&head, repository) < 0) {
        return -1;
    }
    id = git_reference_target(head);
    if (id == NULL || git_commit_lookup(&commit, repository, id) < 0) {
        return -1;
    }
    if (git_reference_is_branch(head)) {
        const char *branch = git_reference_shorthand(head);

        if (strlen(branch) < sizeof(result->branch)) {
            snprintf(result->branch, sizeof(result->branch), "%s", branch);
        }
    }
    git_oid_tostr(result->commit, sizeof(result->commit), id);
    return 0;
}
