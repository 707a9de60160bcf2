#include "controller/mirrors.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/entry.h"
#include "controller/placing.h"
#include "controller/task_owner.h"
#include "specs/reason.h"
#include "specs/spec_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- entries ---------------------------------------------------------------------------------- */

static void known_revision_free(struct known_revision *known)
{
    if (known != NULL) {
        free(known->commit);
        free(known->message);
        free(known);
    }
}

static void forget_revisions(struct mirror_entry *mirror)
{
    struct map_entry *next;

    for (struct map_entry *at = map_first(&mirror->revisions); at != NULL; at = next) {
        next = map_next(at);
        known_revision_free(map_remove(&mirror->revisions, map_key(at)));
    }
}

void mirror_free(struct mirror_entry *mirror)
{
    if (mirror == NULL) {
        return;
    }
    forget_revisions(mirror);
    repo_url_done(&mirror->url);
    object_unref(mirror->defaults);
    devcontainer_use_done(&mirror->config);
    free(mirror->url_text);
    free(mirror->head_branch);
    free(mirror->head_commit);
    map_done(&mirror->revisions);
    map_done(&mirror->containers);
    map_done(&mirror->tasks);
    free(mirror);
}

/* A Repository object with nothing but its URL: what a task without one gets. */
static struct object *make_defaults(const char *url)
{
    auto_free char *text = xasprintf("apiVersion: " API_VERSION "\nkind: Repository\n"
                                     "metadata: {name: \"defaults\"}\nspec: {url: \"%s\"}\n",
                                     url);
    auto_owned(spec_file) *file = spec_file_parse("(defaults)", text, strlen(text));

    assert(file->count == 1 &&
           file->documents[0].object != NULL); /* a URL that was parsed is good */
    return object_ref(file->documents[0].object);
}

static void set_head(struct mirror_entry *mirror, const char *branch, const char *commit)
{
    free(mirror->head_branch);
    free(mirror->head_commit);
    mirror->head_branch = branch != NULL && branch[0] != '\0' ? xstrdup(branch) : NULL;
    mirror->head_commit = commit != NULL && commit[0] != '\0' ? xstrdup(commit) : NULL;
    mirror->observed.head_branch = mirror->head_branch;
    mirror->observed.head_commit = mirror->head_commit;
}

static bool is_on_disk(const struct entry *entry)
{
    auto_free char *path =
        state_path(&entry->controller->state, "repos/%s/git/mirror.git", entry->name);

    return path_exists(path);
}

/* What the state directory says, as far as the disk bears it out. */
static void load(struct entry *entry)
{
    struct mirror_entry *mirror = entry->mirror;
    auto_free char *name = xasprintf("repos/%s/mirror.json", entry->name);
    json_auto_t *json = state_read_json(&entry->controller->state, name);
    const char *fetched = json_string_value(json_object_get(json, "fetchTime"));

    mirror->observed.exists = is_on_disk(entry);
    if (fetched != NULL) {
        timestamp_parse(fetched, &mirror->observed.fetched_wall_ms);
    }
    mirror->has_submodules = json_is_true(json_object_get(json, "submodules"));
    mirror->has_lfs = json_is_true(json_object_get(json, "lfs"));
    set_head(mirror, json_string_value(json_object_get(json, "headBranch")),
             json_string_value(json_object_get(json, "headCommit")));
    devcontainer_use_recall(entry, json_string_value(json_object_get(json, "configCommit")));
}

static void save(struct entry *entry, const struct error *failure)
{
    const struct mirror_entry *mirror = entry->mirror;
    auto_free char *name = xasprintf("repos/%s/mirror.json", entry->name);
    auto_free char *directory = state_path(&entry->controller->state, "repos/%s", entry->name);
    json_auto_t *json = json_object();
    char fetched[TIMESTAMP_SIZE];

    if (!path_exists(directory)) {
        return; /* nothing was made for it yet */
    }
    json_object_set_new(json, "version", json_integer(1));
    json_object_set_new(json, "url", json_string(mirror->url_text));
    json_object_set_new(json, "fetchTime",
                        json_string(timestamp_format(mirror->observed.fetched_wall_ms, fetched)));
    json_object_set_new(json, "fetchedAtMs", json_integer(mirror->observed.fetched_wall_ms));
    if (failure != NULL) {
        json_object_set_new(json, "failure",
                            json_pack("{s:s*, s:s, s:I}", "reason", failure->reason, "message",
                                      failure->message, "atMs", (json_int_t)clock_wall_ms()));
    }
    json_object_set_new(json, "submodules", json_boolean(mirror->has_submodules));
    json_object_set_new(json, "lfs", json_boolean(mirror->has_lfs));
    if (mirror->head_branch != NULL) {
        json_object_set_new(json, "headBranch", json_string(mirror->head_branch));
    }
    if (mirror->head_commit != NULL) {
        json_object_set_new(json, "headCommit", json_string(mirror->head_commit));
    }
    if (mirror->config.commit != NULL) {
        json_object_set_new(json, "configCommit", json_string(mirror->config.commit));
    }
    state_keep_json(&entry->controller->state, name, json);
}

void mirror_save(struct entry *entry)
{
    save(entry, NULL);
}

void mirror_save_failure(struct entry *entry, const struct error *failure)
{
    save(entry, failure);
}

struct entry *mirror_entry_for(struct controller *controller, const char *url_text,
                               struct error *err)
{
    char name[REPO_CONTAINER_NAME_SIZE];
    struct repo_url url = {0};
    struct mirror_entry *mirror;
    struct entry *entry;

    if (repo_url_parse(url_text, &url, err) < 0) {
        return NULL;
    }
    repo_url_container_name(&url, name);
    entry = entry_of_container(controller, KIND_MIRROR, name);
    if (entry != NULL) {
        repo_url_done(&url);
        return entry;
    }
    entry = entry_new(controller, ENTRY_MIRROR, KIND_MIRROR, name);
    mirror = entry->mirror;
    mirror->url = url;
    mirror->url_text = xstrdup(url_text);
    mirror->defaults = make_defaults(url_text);
    load(entry);
    entry_enqueue(entry);
    return entry;
}

/* --- URLs ------------------------------------------------------------------------------------- */

void mirror_offer_url(struct entry *entry, const char *url_text)
{
    struct mirror_entry *mirror = entry->mirror;
    auto_done(policy_refusal) present = {0}, offered = {0};
    auto_done(repo_url) url = {0};
    struct text_list roots;
    struct world world;
    struct error err = {0};

    if (entry->desired != NULL || repo_url_parse(url_text, &url, &err) < 0) {
        return;
    }
    controller_fill_world(entry->controller, &world, &roots);
    if (mirror_refuses_url(&world, &mirror->url, &present) &&
        !mirror_refuses_url(&world, &url, &offered)) {
        mirror_set_url(entry, url_text);
    }
}

/* --- settings --------------------------------------------------------------------------------- */

const struct object *mirror_settings(const struct entry *entry)
{
    const struct mirror_entry *mirror = entry->mirror;

    if (mirror->config.settings != NULL) {
        return mirror->config.settings;
    }
    return entry->desired != NULL ? entry->desired : mirror->defaults;
}

void mirror_set_url(struct entry *entry, const char *url_text)
{
    struct mirror_entry *mirror = entry->mirror;
    struct repo_url url = {0};
    struct error err = {0};

    if (text_equal(mirror->url_text, url_text) || repo_url_parse(url_text, &url, &err) < 0) {
        return;
    }
    repo_url_done(&mirror->url);
    mirror->url = url;
    free(mirror->url_text);
    mirror->url_text = xstrdup(url_text);
    object_unref(mirror->defaults);
    mirror->defaults = make_defaults(url_text);
}

void mirror_set_object(struct entry *entry, struct object *object)
{
    entry_set_desired(entry, object);
    if (object != NULL) {
        mirror_set_url(entry, object->repository.url);
    }
    apply_reconsider(entry);
    devcontainer_use_apply(entry);
    mirror_tell(entry);
    entry_enqueue(entry);
}

const char *mirror_awaits(const struct entry *entry)
{
    const struct object *own = entry->desired != NULL ? entry->desired : entry->mirror->defaults;

    return devcontainer_is_allowed(entry->controller) && own != NULL &&
                   own->repository.image == NULL && entry->mirror->config.commit == NULL
               ? "waits for the clone, whose devcontainer.json may say which image it has"
               : NULL;
}

void mirror_tell(struct entry *entry)
{
    for (struct map_entry *at = map_first(&entry->mirror->containers); at != NULL;
         at = map_next(at)) {
        struct entry *container = map_value(at);

        entry_enqueue(container);
        if (container->repository->setup != NULL) {
            entry_enqueue(container->repository->setup);
        }
    }
    for (struct map_entry *at = map_first(&entry->mirror->tasks); at != NULL; at = map_next(at)) {
        entry_enqueue(map_value(at));
    }
}

/* --- wishes ----------------------------------------------------------------------------------- */

static struct observed_revision observed_of(const struct mirror_entry *mirror,
                                            const struct revision *revision)
{
    auto_free char *text = revision_text(revision);
    const struct known_revision *known = map_get(&mirror->revisions, text);

    return known != NULL
               ? (struct observed_revision){known->is_looked_up, known->commit, known->message}
               : (struct observed_revision){0};
}

void mirror_find_source(const struct entry *entry, const struct revision *revision,
                        int64_t since_wall_ms, struct source *ret)
{
    const struct object *settings = mirror_settings(entry);
    struct observed_failure failure = entry_failure(entry);
    struct mirror_view view = {
        .mirror = &entry->mirror->observed,
        .interval_seconds = settings != NULL ? settings->repository.fetch_interval_seconds : 0,
        .failure = &failure,
        .now_wall_ms = clock_wall_ms(),
    };
    struct mirror_wish wish = {
        .revision = *revision,
        .since_wall_ms = since_wall_ms,
        .observed = observed_of(entry->mirror, revision),
    };

    mirror_source(&view, &wish, ret);
}

/* Since when it could have begun: what came to the remote before that is in its tree. */
static int64_t begins_at(const struct entry *task)
{
    return task->task->admitted_wall_ms != 0 ? task->task->admitted_wall_ms
                                             : task->status->task->arrival_wall_ms;
}

void task_find_source(const struct entry *task, struct source *ret)
{
    const struct entry *mirror = mirror_of_task(task);
    struct revision revision = task_revision(task->desired, mirror_settings(mirror));

    mirror_find_source(mirror, &revision, begins_at(task), ret);
}

/* A task that has no tree yet, and could have one. */
static bool is_waiting_for_source(const struct entry *task)
{
    return task->desired != NULL && (task_is_placed(task) || task->task->repository_key == NULL) &&
           task->status->task->tree.name == NULL &&
           (task_is_active(task->desired, task->status) || task_is_held_by_branch(task->status)) &&
           task->task->refusal == NULL && !task_is_forbidden(task);
}

static bool is_in_use(const struct entry *entry)
{
    for (struct map_entry *at = map_first(&entry->mirror->containers); at != NULL;
         at = map_next(at)) {
        const struct entry *container = map_value(at);

        if (repository_is_kept_warm(container) || repository_active_tasks(container) > 0) {
            return true;
        }
    }
    return false;
}

/*
 * What its containers are about when no task says anything else: known as soon as there is a
 * mirror.
 */
static bool wants_default(const struct entry *entry)
{
    return entry->mirror->observed.exists || is_in_use(entry);
}

static bool is_known(const struct entry *entry, const struct revision *revision)
{
    return observed_of(entry->mirror, revision).is_looked_up;
}

size_t mirror_wanted_revisions(const struct entry *entry, bool is_fetch, struct revision *revisions)
{
    const struct object *settings = mirror_settings(entry);
    size_t count = 0;

    revisions[count++] = task_revision(NULL, settings);
    for (struct map_entry *at = map_first(&entry->mirror->tasks); at != NULL; at = map_next(at)) {
        const struct entry *task = map_value(at);
        struct revision revision = task_revision(task->desired, settings);
        bool is_new = is_waiting_for_source(task) && (is_fetch || !is_known(entry, &revision));

        for (size_t i = 0; is_new && i < count; i++) {
            is_new = !revision_equal(&revisions[i], &revision);
        }
        if (is_new && count < GIT_REVISIONS_MAX) {
            revisions[count++] = revision;
        }
    }
    return count;
}

void mirror_fill_input(const struct entry *entry, struct mirror_input *input,
                       struct mirror_wish *wishes)
{
    const struct mirror_entry *mirror = entry->mirror;
    const struct object *settings = mirror_settings(entry);
    size_t count = 0;

    if (wants_default(entry)) {
        struct revision revision = task_revision(NULL, settings);

        wishes[count++] = (struct mirror_wish){
            .revision = revision,
            .since_wall_ms = mirror->observed.fetched_wall_ms, /* whatever its age */
            .observed = observed_of(mirror, &revision),
        };
    }
    for (struct map_entry *at = map_first(&mirror->tasks); at != NULL; at = map_next(at)) {
        const struct entry *task = map_value(at);

        if (is_waiting_for_source(task)) {
            struct revision revision = task_revision(task->desired, settings);

            wishes[count++] = (struct mirror_wish){
                .revision = revision,
                .since_wall_ms = begins_at(task),
                .observed = observed_of(mirror, &revision),
            };
        }
    }
    input->name = entry->name;
    input->url = mirror->url.canonical;
    input->settings = settings;
    input->pressure = entry->controller->disk_pressure;
    input->mirror = &mirror->observed;
    input->wishes = wishes;
    input->wish_count = count;
    input->is_followed = is_in_use(entry);
    input->asked_wall_ms = mirror->asked_wall_ms;
    input->previous = entry->status;
}

/* --- results ---------------------------------------------------------------------------------- */

void mirror_take_result(struct entry *entry, const struct revision *revisions,
                        const struct git_result *result, int64_t began_wall_ms, bool is_fetch)
{
    struct mirror_entry *mirror = entry->mirror;

    mirror->observed.exists = true;
    if (is_fetch) {
        mirror->observed.fetched_wall_ms = began_wall_ms;
        forget_revisions(mirror); /* they may be elsewhere now */
    }
    set_head(mirror, result->head_branch, result->head_commit);
    for (size_t i = 0; i < result->found_count; i++) {
        auto_free char *text = revision_text(&revisions[i]);
        struct known_revision *known = xcalloc(1, sizeof(*known));

        known->is_looked_up = true;
        known->commit =
            result->found[i].commit[0] != '\0' ? xstrdup(result->found[i].commit) : NULL;
        known->message = xstrdup(result->found[i].message);
        known_revision_free(map_put(&mirror->revisions, text, known));
    }
    if (result->config_commit[0] != '\0') {
        devcontainer_use_take(entry, result->config_commit);
    }
    mirror_save(entry);
}

void mirror_clear(struct entry *entry)
{
    struct mirror_entry *mirror = entry->mirror;

    forget_revisions(mirror);
    mirror->observed.exists = false;
    mirror->observed.fetched_wall_ms = 0;
    mirror->disk_bytes = 0;
    mirror->evicted_wall_ms = 0;
    set_head(mirror, NULL, NULL);
    devcontainer_use_done(&mirror->config);
    mirror_save(entry);
}

void mirror_observe(struct entry *entry)
{
    if (entry->mirror->observed.exists && !is_on_disk(entry)) {
        mirror_clear(entry);
    }
}

/* Tasks that are over only name it. */
static bool has_users(const struct entry *entry)
{
    for (struct map_entry *at = map_first(&entry->mirror->tasks); at != NULL; at = map_next(at)) {
        const struct entry *task = map_value(at);

        if (entry->mirror->evicted_wall_ms == 0 || !task_is_over(task->status)) {
            return true;
        }
    }
    return is_in_use(entry);
}

void mirror_end_eviction_if_used(struct entry *entry)
{
    if (entry->mirror->evicted_wall_ms != 0 && has_users(entry)) {
        entry->mirror->evicted_wall_ms = 0;
    }
}

/* Without containers, trees, tasks and wishes for warmth. */
bool mirror_is_unused(const struct entry *entry)
{
    if (has_users(entry)) {
        return false;
    }
    for (struct map_entry *at = map_first(&entry->mirror->containers); at != NULL;
         at = map_next(at)) {
        const struct entry *container = map_value(at);

        if (container->repository->trees.exists || container->repository->warm_pool != NULL ||
            map_get(&entry->controller->containers, container->name) != NULL) {
            return false;
        }
    }
    return true;
}

bool mirror_is_gone(const struct entry *entry)
{
    return !entry->mirror->observed.exists && map_first(&entry->mirror->containers) == NULL &&
           map_first(&entry->mirror->tasks) == NULL;
}
