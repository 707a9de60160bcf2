#include "controller/apply.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/entry.h"
#include "specs/reason.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GIT_UID = 65533, MAX_SECRET = 64 << 10 };

/* Secrets as they are needed for one job; wiped when it was handed to the child. */
struct secrets {
    char *username, *token, *ssh_key;
};

static void wipe(char *text)
{
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
        free(text);
    }
}

static void secrets_done(struct secrets *secrets)
{
    wipe(secrets->username);
    wipe(secrets->token);
    wipe(secrets->ssh_key);
}

static int read_secret(const char *path, bool is_line, char **ret_text, struct error *err)
{
    char *text;

    if (path == NULL) {
        return 0;
    }
    if (file_read(AT_FDCWD, path, MAX_SECRET, &text, NULL, err) < 0) {
        err->reason = REASON_AUTHENTICATION_FAILED;
        err->kind = ERROR_INVALID;
        return error_wrap(err, "credentials");
    }
    if (is_line) {
        text[strcspn(text, "\r\n")] = '\0';
    }
    *ret_text = text;
    return 0;
}

static int read_secrets(const struct credentials *paths, struct secrets *secrets, struct error *err)
{
    return read_secret(paths->username_file, true, &secrets->username, err) < 0 ||
                   read_secret(paths->token_file, true, &secrets->token, err) < 0 ||
                   read_secret(paths->ssh_key_file, false, &secrets->ssh_key, err) < 0
               ? -1
               : 0;
}

/* The user that the tree belongs to: what the spec or the image says as a number, else root. */
static uid_t tree_owner(const struct entry *entry)
{
    const struct object *settings = repository_settings(entry);
    uint64_t uid = 0;

    if (settings->repository.security.run_as_user >= 0) {
        return (uid_t)settings->repository.security.run_as_user;
    }
    {
        const char *reference = settings->repository.image != NULL
                                    ? settings->repository.image
                                    : entry->controller->options.repository_image;
        const struct image_entry *image = map_get(&entry->controller->images, reference);
        auto_free char *user = xstrdup(image != NULL && image->user != NULL ? image->user : "");

        user[strcspn(user, ":")] = '\0';
        return parse_u64(user, &uid) == 0 && uid < UINT32_MAX ? (uid_t)uid : 0;
    }
}

/* Other users of this host get no further than repos/: only the git child's group may pass, to reach git/. */
static int make_directories(struct entry *entry, struct error *err)
{
    auto_free char *top = state_path(&entry->controller->state, "repos/%s", entry->name);
    auto_free char *run = path_join(top, "run");

    if (dir_make(top, 0710, err) < 0 || dir_make(run, 0700, err) < 0 ||
        dir_make(entry->repository->tasks_path, 0755, err) < 0) {
        return -1;
    }
    if (geteuid() == 0 && chown(top, 0, GIT_UID) < 0) {
        return error_set_errno(err, errno, "change the group of \"%s\"", top);
    }
    return 0;
}

static int put_away(const struct plan_run *run, const char *part, struct error *err);

static void on_progress(void *user, const struct git_progress *progress)
{
    struct plan_run *run = user;
    auto_free char *words =
        xasprintf("%s, %.1f MiB", progress->phase, (double)progress->bytes / (1 << 20));

    run_set_progress(run, progress->percent, words);
}

/* Whether a branch that was asked for by name is the remote's HEAD all the same: the mirror's own HEAD tells. */
static bool is_default_branch(const struct entry *entry, const char *branch)
{
    auto_free char *path =
        state_path(&entry->controller->state, "repos/%s/git/mirror.git/HEAD", entry->name);
    auto_free char *head = NULL, *wanted = xasprintf("ref: refs/heads/%s\n", branch);
    struct error err = {0};

    return file_read(AT_FDCWD, path, 4096, &head, NULL, &err) == 0 && strcmp(head, wanted) == 0;
}

static void on_workspace(void *user, const struct git_result *result, struct error *err)
{
    struct plan_run *run = user;
    struct repository_entry *repository = run->entry->repository;
    auto_free char *branch = xstrdup(repository->branch);
    auto_free char *commit = xstrdup(repository->commit);

    run->git = NULL;
    if (result == NULL) {
        run_action_failed(run, err);
        return;
    }
    repository_set_workspace(repository, true, branch, commit,
                             run->is_head || is_default_branch(run->entry, branch));
    repository_save(run->entry);
    run_action_done(run);
}

/* The mirror has the branch's commit now: the tree is made from it. */
static void on_commit(void *user, const struct git_result *result, struct error *err)
{
    struct plan_run *run = user;
    struct entry *entry = run->entry;
    const char *branch = repository_wanted_branch(entry);
    auto_free char *mirror =
        state_path(&run->controller->state, "repos/%s/git/mirror.git", entry->name);
    struct error failure = {0};
    struct git_handlers handlers = {
        .on_progress = on_progress,
        .on_done = on_workspace,
        .user = run,
    };

    run->git = NULL;
    if (result != NULL && result->found[0].commit[0] == '\0') {
        error_set_reason(&failure, ERROR_INVALID, REASON_BRANCH_NOT_FOUND, "%s: %s",
                         entry->repository->url_text, result->found[0].message);
    }
    if (result == NULL || failure.kind != ERROR_NONE) {
        run_action_failed(run, result == NULL ? err : &failure);
        return;
    }
    repository_set_workspace(entry->repository, false,
                             branch != NULL ? branch : result->head_branch, result->found[0].commit,
                             false);
    run->git = git_pool_submit(run->controller->git,
                               &(const struct git_job){
                                   .url = entry->repository->url_text,
                                   .mirror = mirror,
                                   .max_bytes = run->controller->options.git_max_bytes,
                                   .is_offline = true,
                                   .run_as = geteuid() == 0 ? GIT_UID : 0,
                                   .tree = entry->repository->tree_path,
                                   .commit = entry->repository->commit,
                                   .owner = tree_owner(entry),
                                   .owner_group = tree_owner(entry),
                               },
                               &handlers);
}

void apply_make_workspace(struct plan_run *run)
{
    struct entry *entry = run->entry;
    const struct object *settings = repository_settings(entry);
    const char *branch = repository_wanted_branch(entry);
    auto_free char *mirror =
        state_path(&run->controller->state, "repos/%s/git/mirror.git", entry->name);
    struct secrets secrets = {0};
    struct error err = {0};
    struct git_job job = {
        .url = entry->repository->url_text,
        .mirror = mirror,
        .revisions = {{branch != NULL ? GIT_REVISION_BRANCH : GIT_REVISION_HEAD, branch}},
        .revision_count = 1,
        .known_hosts = run->controller->options.git_known_hosts,
        .max_bytes = run->controller->options.git_max_bytes,
        .run_as = geteuid() == 0 ? GIT_UID : 0,
    };
    struct git_handlers handlers = {
        .on_progress = on_progress,
        .on_done = on_commit,
        .user = run,
    };

    /* A tree that no record tells of is of a controller that was killed before it wrote one. */
    if (put_away(run, "tree", &err) < 0 || make_directories(entry, &err) < 0 ||
        read_secrets(&settings->repository.credentials, &secrets, &err) < 0) {
        secrets_done(&secrets);
        run_action_failed(run, &err);
        return;
    }
    run->is_head = branch == NULL;
    job.username = secrets.username;
    job.token = secrets.token;
    job.ssh_key = secrets.ssh_key;
    run->git = git_pool_submit(run->controller->git, &job, &handlers);
    secrets_done(&secrets);
}

/* Removal: out of the way at once, then emptied by a child, since a large tree takes its time. */

static void on_process_closed(uv_handle_t *handle)
{
    free(handle);
}

static void on_removed(uv_process_t *process, int64_t status, int signal_number)
{
    (void)status;
    (void)signal_number;
    uv_close((uv_handle_t *)process, on_process_closed);
}

static void remove_in_child(struct controller *controller, char *path)
{
    uv_process_t *process = xcalloc(1, sizeof(*process));
    char *arguments[] = {controller->options.program, (char[]){"remove-tree"}, path, NULL};
    uv_process_options_t options = {
        .file = controller->options.program,
        .args = arguments,
        .exit_cb = on_removed,
    };

    if (uv_spawn(&controller->loop, process, &options) < 0) {
        struct error err = {0};

        tree_remove(path, &err); /* slow, but done */
        uv_close((uv_handle_t *)process, on_process_closed);
    } else {
        uv_unref((uv_handle_t *)process);
    }
}

/* What an earlier controller did not get to empty. */
void workspace_remove_trash(void *user, const char *name)
{
    struct controller *controller = user;
    auto_free char *path = state_path(&controller->state, "repos/%s", name);

    if (text_has_prefix(name, "trash-") && controller->state.is_writable) {
        remove_in_child(controller, path);
    }
}

/* Out of the way at once; a child empties it. */
static int put_away(const struct plan_run *run, const char *part, struct error *err)
{
    struct controller *controller = run->controller;
    auto_free char *from = state_path(&controller->state, "repos/%s/%s", run->entry->name, part);
    auto_free char *to = state_path(&controller->state, "repos/trash-%s-%s-%llx", run->entry->name,
                                    part, (unsigned long long)clock_monotonic_ns());

    if (rename(from, to) == 0) {
        remove_in_child(controller, to);
    } else if (errno != ENOENT) {
        return error_set_errno(err, errno, "remove workspace \"%s\"", from);
    }
    return 0;
}

void apply_remove_workspace(struct plan_run *run)
{
    struct error err = {0};

    if (put_away(run, "tree", &err) < 0 || put_away(run, "git", &err) < 0) {
        run_action_failed(run, &err);
        return;
    }
    repository_set_workspace(run->entry->repository, false, NULL, NULL, false);
    repository_save(run->entry);
    run_action_done(run);
}
