#include "controller/setups.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/runner_record.h"
#include "controller/entry.h"
#include "controller/mirrors.h"
#include "controller/placing.h"
#include "controller/trees.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

void setup_free(struct setup_entry *setup)
{
    if (setup != NULL) {
        free(setup->repository_key);
        free(setup->run);
        free(setup->message);
        free(setup);
    }
}

struct entry *setup_repository(const struct entry *setup)
{
    return entry_find(setup->controller, setup->setup->repository_key);
}

/*
 * What its last run was is in the status file of the Repository, which a controller before this one
 * wrote. It may have been killed when the log had gone and the status did not say so yet.
 */
static struct entry *setup_new(const struct entry *repository)
{
    const struct status_repository *recalled = repository->status->repository;
    struct entry *entry =
        entry_new(repository->controller, ENTRY_SETUP, KIND_SETUP, repository->name);

    entry->setup->repository_key = xstrdup(repository->key);
    status_repository(entry->status)->setup_commit =
        status_text(entry->status, recalled->setup_commit);
    if (recalled->setup_log != NULL && path_exists(recalled->setup_log)) {
        status_repository(entry->status)->setup_log =
            status_text(entry->status, recalled->setup_log);
    }
    return entry;
}

void setup_sync(struct entry *repository)
{
    struct repository_entry *own = repository->repository;

    if (own->setup == NULL && repository_settings(repository)->repository.setup != NULL) {
        own->setup = setup_new(repository);
    }
    if (own->setup != NULL) {
        entry_enqueue(own->setup);
    }
}

/* --- facts ------------------------------------------------------------------------------------ */

/* The id of the image that the settings name; NULL: not known. */
static const char *base_image_id(const struct entry *repository)
{
    struct text_list roots;
    struct world world;
    const struct image_entry *image;

    controller_fill_world(repository->controller, &world, &roots);
    image = map_get(&repository->controller->images,
                    repository_image(&world, repository_settings(repository)));
    return image != NULL && image->state == IMAGE_PRESENT ? image->id : NULL;
}

static const struct observed_container *container_of(const struct entry *repository)
{
    const struct observed_container *container =
        map_get(&repository->controller->containers, repository->name);

    return container != NULL && container->is_ours ? container : NULL;
}

static bool is_of_snapshot(const struct entry *repository,
                           const struct observed_container *container)
{
    struct observed_image image;
    auto_free char *reference = setup_image(repository, &image);

    return reference != NULL && image.state == IMAGE_PRESENT &&
           text_equal(container->image_id, image.id);
}

static char *prepared_text(const struct entry *repository,
                           const struct observed_container *container)
{
    char key[SETUP_KEY_SIZE];

    return xasprintf(
        "%s %s", container->id,
        setup_text_key(repository_settings(repository), base_image_id(repository), key));
}

static bool is_prepared(const struct entry *repository)
{
    const struct observed_container *container = container_of(repository);
    auto_free char *text = NULL;

    if (container == NULL) {
        return false;
    }
    text = prepared_text(repository, container);
    return text_equal(repository->repository->prepared, text) ||
           is_of_snapshot(repository, container);
}

void setup_note_success(struct entry *repository, const char *commit)
{
    const struct observed_container *container = container_of(repository);

    if (container != NULL) {
        free(repository->repository->prepared);
        free(repository->repository->prepared_commit);
        repository->repository->prepared = prepared_text(repository, container);
        repository->repository->prepared_commit = xstrdup(commit);
        repository_save(repository);
    }
}

char *setup_image(const struct entry *repository, struct observed_image *ret_image)
{
    struct revision revision = task_revision(NULL, repository_settings(repository));
    const char *commit = repository->repository->prepared_commit;
    struct source source;
    char *reference;

    *ret_image = (struct observed_image){.state = IMAGE_ABSENT};
    mirror_find_source(repository->repository->mirror, &revision, 0, &source);
    if (source.commit != NULL) {
        commit = source.commit;
    }
    reference = setup_snapshot_image(repository_settings(repository), base_image_id(repository),
                                     repository->name, commit);
    if (reference != NULL) {
        *ret_image = image_observed(observe_image(repository->controller, reference));
    }
    return reference;
}

static bool has_layer(const struct entry *repository, const char *key)
{
    auto_free char *path = layer_path(repository->repository->mirror, key);

    return path_exists(path);
}

struct task_setup setup_of_commit(const struct entry *repository, const char *commit,
                                  char layer[SETUP_KEY_SIZE])
{
    const struct object *settings = repository_settings(repository);
    const struct observed_trees *trees = &repository->repository->trees;
    const struct entry *setup = repository->repository->setup;

    if (settings->repository.setup == NULL || commit == NULL) {
        return (struct task_setup){.state = settings->repository.setup == NULL ? SETUP_NONE
                                                                               : SETUP_WAITING,
                                   .message = "waits for the clone"};
    }
    setup_layer_key(settings, base_image_id(repository), commit, trees->uid, trees->method, layer);
    return setup_for_task(settings, setup != NULL && setup->is_passed ? setup->status : NULL, layer,
                          has_layer(repository, layer), is_prepared(repository));
}

bool setup_needs_tree(const struct entry *repository, const char *tree)
{
    const struct entry *setup = repository->repository->setup;

    return setup != NULL &&
           (setup->run != NULL || !setup->is_passed || text_equal(setup->setup->run, tree));
}

bool setup_is_running(const struct entry *repository)
{
    const struct entry *setup = repository->repository->setup;

    return setup != NULL && (setup->run != NULL || setup->setup->observed.state == ATTEMPT_RUNNING);
}

/* --- the newest attempt ----------------------------------------------------------------------- */

void setup_observe(struct entry *entry)
{
    struct setup_entry *setup = entry->setup;
    const struct entry *repository = setup_repository(entry);
    struct observed_attempt observed = {0};
    auto_close int fd = -1;
    struct error err = {0};
    unsigned attempt = 0;

    if (repository == NULL || setup->run == NULL) {
        return;
    }
    fd = open(repository->repository->tasks_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    for (;;) {
        struct observed_attempt next = {0};
        char *message = NULL;

        if (observe_record(fd, setup->run, attempt + 1, &next, &message, &err) < 0 ||
            next.state == ATTEMPT_ABSENT) {
            free(message);
            break;
        }
        free(setup->message);
        setup->message = message;
        observed = next;
        attempt++;
    }
    setup->attempt = attempt;
    setup->observed = observed;
}

/* --- the input of a pass ---------------------------------------------------------------------- */

static void add_wish(const struct entry *repository, const char *commit, struct setup_wish *wishes,
                     size_t *count, struct arena *arena)
{
    const struct observed_trees *trees = &repository->repository->trees;
    char key[SETUP_KEY_SIZE];
    auto_free char *snapshot = NULL;

    for (size_t i = 0; i < *count; i++) {
        if (strcmp(wishes[i].commit, commit) == 0) {
            return;
        }
    }
    setup_layer_key(repository_settings(repository), base_image_id(repository), commit, trees->uid,
                    trees->method, key);
    snapshot = snapshot_path(repository->repository->mirror, commit, trees->uid);
    wishes[(*count)++] = (struct setup_wish){
        .commit = arena_strdup(arena, commit),
        .layer = arena_strdup(arena, key),
        .has_layer = has_layer(repository, key),
        .has_snapshot = path_exists(snapshot),
    };
}

/* Those of tasks that have no tree yet, in the order in which they came; a warm one's own. */
static size_t find_wishes(const struct entry *repository, struct setup_wish *wishes,
                          struct arena *arena)
{
    size_t count = 0;

    for (struct map_entry *at = map_first(&repository->repository->tasks); at != NULL;
         at = map_next(at)) {
        const struct entry *task = map_value(at);
        struct source source;

        if (task->desired == NULL || !task_is_placed(task) ||
            !task_is_active(task->desired, task->status) || task->status->task->tree.name != NULL) {
            continue;
        }
        task_find_source(task, &source);
        if (source.state == SOURCE_READY) {
            add_wish(repository, source.commit, wishes, &count, arena);
        }
    }
    if (repository_is_kept_warm(repository)) {
        struct revision revision = task_revision(NULL, repository_settings(repository));
        struct source source;

        mirror_find_source(repository->repository->mirror, &revision, 0, &source);
        if (source.commit != NULL) {
            add_wish(repository, source.commit, wishes, &count, arena);
        }
    }
    return count;
}

static void choose_run(struct setup_entry *setup, const struct setup_input *input,
                       const struct observed_container *container)
{
    const struct setup_wish *wish = container != NULL ? setup_next(input) : NULL;

    free(setup->run);
    setup->run = wish != NULL ? setup_run_id(wish->layer, container->id) : NULL;
    setup->attempt = 0;
    setup->observed = (struct observed_attempt){0};
}

static bool has_succeeded(const struct observed_attempt *attempt)
{
    return attempt->state == ATTEMPT_ENDED && attempt->outcome == OUTCOME_EXITED &&
           attempt->exit_code == 0;
}

void setup_fill_input(struct entry *entry, struct setup_input *input, struct setup_wish *wishes,
                      struct arena *arena)
{
    struct entry *repository = setup_repository(entry);
    const struct observed_container *container = container_of(repository);
    const struct object_status *status = repository->status;
    struct observed_image image;
    auto_free char *reference = setup_image(repository, &image);

    trees_observe(repository);
    input->name = repository->name;
    input->settings = repository_settings(repository);
    input->wishes = wishes;
    input->wish_count = find_wishes(repository, wishes, arena);
    input->is_prepared = is_prepared(repository);
    input->is_container_ready = container != NULL && container->state == WORKLOAD_RUNNING &&
                                repository->is_passed && status->phase == PHASE_RUNNING &&
                                !status_is_operating(status) && base_image_id(repository) != NULL;
    input->container_id = container != NULL ? container->id : NULL;
    input->trees = &repository->repository->trees;
    input->pressure = entry->controller->disk_pressure;
    input->snapshot_image = reference != NULL ? arena_strdup(arena, reference) : NULL;
    input->has_snapshot_image = image.state != IMAGE_ABSENT;
    choose_run(entry->setup, input, container);
    setup_observe(entry);
    input->run = entry->setup->run;
    input->attempt = entry->setup->attempt;
    input->observed = &entry->setup->observed;
    input->previous = entry->status;
    if (input->run != NULL && has_succeeded(&entry->setup->observed) && !input->is_prepared) {
        setup_note_success(repository, setup_next(input)->commit);
        input->is_prepared = true;
        choose_run(entry->setup, input, container); /* another wish may be next now */
        setup_observe(entry);
        input->run = entry->setup->run;
        input->attempt = entry->setup->attempt;
    }
}
