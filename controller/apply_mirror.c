#include "controller/apply_shared.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/mirrors.h"
#include "controller/trees.h"
#include "specs/reason.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Git's part: mirrors are made and fetched, snapshots of commits made from them, each in a child.
 */

enum { GIT_UID = 65533, MAX_SECRET = 64 << 10 };

/* --- secrets ---------------------------------------------------------------------------------- */

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

/* --- the mirror ------------------------------------------------------------------------------- */

/*
 * Other users of this host get no further than repos/: only the git child's group may pass, to
 * reach git/.
 */
static int make_directory(const struct entry *mirror, struct error *err)
{
    auto_free char *top = state_path(&mirror->controller->state, "repos/%s", mirror->name);

    if (dir_make(top, 0710, err) < 0) {
        return -1;
    }
    if (geteuid() == 0 && chown(top, 0, GIT_UID) < 0) {
        return error_set_errno(err, errno, "change the group of \"%s\"", top);
    }
    return 0;
}

static struct git_job new_job(const struct entry *mirror, const char *path,
                              const struct secrets *secrets)
{
    const struct controller_options *options = &mirror->controller->options;

    return (struct git_job){
        .url = mirror->mirror->url_text,
        .mirror = path,
        .username = secrets->username,
        .token = secrets->token,
        .ssh_key = secrets->ssh_key,
        .known_hosts = options->git_known_hosts,
        .proxy = options->git_proxy,
        .max_bytes = options->git_max_bytes,
        .run_as = geteuid() == 0 ? GIT_UID : 0,
    };
}

static char *mirror_path(const struct entry *mirror)
{
    return state_path(&mirror->controller->state, "repos/%s/git/mirror.git", mirror->name);
}

/* One job on the mirror, and the revisions that it looks up. */
struct mirror_job {
    struct revision revisions[GIT_REVISIONS_MAX];
    struct arena arena;
    int64_t began_wall_ms;
    bool is_fetch;
};

static void on_progress(void *user, const struct git_progress *progress)
{
    auto_free char *words =
        xasprintf("%s, %.1f MiB", progress->phase, (double)progress->bytes / (1 << 20));

    run_set_progress(user, progress->percent, words);
    mirror_tell(((struct plan_run *)user)->entry);
}

static void mirror_job_free(struct mirror_job *job)
{
    if (job != NULL) {
        arena_done(&job->arena);
        free(job);
    }
}

static void on_mirror(void *user, const struct git_result *result, struct error *err)
{
    struct plan_run *run = user;
    struct mirror_job *job = TAKE(run->mirror_job);

    run->git = NULL;
    if (result == NULL) {
        mirror_save_failure(run->entry, err);
        run_action_failed(run, err);
    } else {
        mirror_take_result(run->entry, job->revisions, result, job->began_wall_ms, job->is_fetch);
        run_action_done(run);
        desired_relate_tasks(run->controller); /* whose container has the name of a branch */
    }
    mirror_job_free(job);
}

void mirror_job_drop(struct plan_run *run)
{
    mirror_job_free(TAKE(run->mirror_job));
}

/* Names are kept with the job: specs may change meanwhile. */
static void fill_revisions(const struct entry *mirror, struct mirror_job *own, struct git_job *job)
{
    static const enum git_revision_kind kinds[] = {
        [REVISION_HEAD] = GIT_REVISION_HEAD,
        [REVISION_BRANCH] = GIT_REVISION_BRANCH,
        [REVISION_REF] = GIT_REVISION_REF,
    };

    job->revision_count = mirror_wanted_revisions(mirror, own->is_fetch, own->revisions);
    for (size_t i = 0; i < job->revision_count; i++) {
        struct revision *revision = &own->revisions[i];

        if (revision->name != NULL) {
            revision->name = arena_strdup(&own->arena, revision->name);
        }
        job->revisions[i] = (struct git_revision){kinds[revision->kind], revision->name};
    }
}

static void submit_mirror_job(struct plan_run *run, bool is_fetch)
{
    struct entry *mirror = run->entry;
    const struct object *settings = mirror_settings(mirror);
    auto_free char *path = mirror_path(mirror);
    auto_free struct git_job *job = xcalloc(1, sizeof(*job));
    struct secrets secrets = {0};
    struct error err = {0};
    struct git_handlers handlers = {.on_progress = on_progress, .on_done = on_mirror, .user = run};

    if (make_directory(mirror, &err) < 0 ||
        (is_fetch && read_secrets(&settings->repository.credentials, &secrets, &err) < 0)) {
        secrets_done(&secrets);
        mirror_save_failure(mirror, &err);
        run_action_failed(run, &err);
        return;
    }
    run->mirror_job = xcalloc(1, sizeof(*run->mirror_job));
    run->mirror_job->began_wall_ms = clock_wall_ms();
    run->mirror_job->is_fetch = is_fetch;
    *job = new_job(mirror, path, &secrets);
    job->is_offline = !is_fetch;
    fill_revisions(mirror, run->mirror_job, job);
    run->git = git_pool_submit(run->controller->git, job, &handlers);
    secrets_done(&secrets);
}

void apply_fetch_mirror(struct plan_run *run)
{
    submit_mirror_job(run, true);
}

void apply_look_up_revisions(struct plan_run *run)
{
    submit_mirror_job(run, false);
}

void apply_remove_mirror(struct plan_run *run)
{
    /* What says that there is a mirror goes last: a controller killed here must see the rest. */
    static const char *const parts[] = {"setup", "snap", "git"};
    struct error err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (workspace_put_away(run->controller, run->entry->name, parts[i], &err) < 0) {
            run_action_failed(run, &err);
            return;
        }
    }
    mirror_clear(run->entry);
    run_action_done(run);
}

/* --- snapshots: several trees may want one at the same time ----------------------------------- */

static struct entry *mirror_of_run(const struct plan_run *run)
{
    struct entry *repository = run_repository(run);

    return repository != NULL ? repository->repository->mirror : NULL;
}

static void on_snapshot_progress(void *user, const struct git_progress *progress)
{
    auto_free char *words = xasprintf("%s %u %%", progress->phase, progress->percent);

    shared_set_progress(user, progress->percent, words);
}

static void on_snapshot(void *user, const struct git_result *result, struct error *err)
{
    struct shared_work *work = user;
    struct entry *mirror = entry_of_container(work->controller, KIND_MIRROR, work->owner);

    work->git = NULL;
    if (result != NULL && mirror != NULL) {
        mirror->mirror->has_submodules = result->has_submodules;
        mirror->mirror->has_lfs = result->has_lfs;
        mirror_save(mirror);
    } else if (mirror != NULL) {
        entry_enqueue(mirror); /* it may be gone from the disk */
    }
    shared_finish(work, result != NULL ? NULL : err);
}

void apply_make_snapshot(struct plan_run *run)
{
    const struct tree_source *source = &run_action(run)->source;
    struct entry *mirror = mirror_of_run(run);
    auto_free char *tree = NULL, *path = NULL, *folder = NULL, *what = NULL;
    auto_free struct git_job *job = xcalloc(1, sizeof(*job));
    struct secrets none = {0};
    struct shared_work *work;
    struct error err = {0};

    if (mirror == NULL) {
        error_set_reason(&err, ERROR_CONFLICT, REASON_WORKSPACE_FAILED, "the repository is gone");
        run_action_failed(run, &err);
        return;
    }
    tree = snapshot_path(mirror, source->commit, source->uid);
    if (path_exists(tree)) {
        run_action_done(run);
        return;
    }
    folder = state_path(&run->controller->state, "repos/%s/snap", mirror->name);
    if (dir_make(folder, 0711, &err) < 0) {
        run_action_failed(run, &err);
        return;
    }
    what = xasprintf("snapshot %s %lld", mirror->name, (long long)source->uid);
    work = shared_join(run, what);
    if (work == NULL) {
        return; /* somebody else makes it */
    }
    path = mirror_path(mirror);
    *job = new_job(mirror, path, &none);
    job->is_offline = true;
    job->tree = tree;
    job->commit = source->commit;
    job->owner = (uid_t)source->uid;
    job->owner_group = (gid_t)source->gid;
    work->owner = xstrdup(mirror->name);
    work->git = git_pool_submit(run->controller->git, job,
                                &(struct git_handlers){.on_progress = on_snapshot_progress,
                                                       .on_done = on_snapshot,
                                                       .user = work});
}
