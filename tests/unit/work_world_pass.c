#include "tests/unit/work_world_parts.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* Since when it could have begun. */
int64_t world_begins_at(const struct work_task *task)
{
    return task->admitted_wall_ms != 0 ? task->admitted_wall_ms
                                       : task->model.status->task->arrival_wall_ms;
}

static bool is_waiting_for_source(const struct work_world *world, const struct work_task *task)
{
    return !task->is_removed && task->desired != NULL && world->refusal == NULL &&
           world_tree_of(task) == NULL && (world_is_active(task) || world_is_held(task));
}

static size_t find_wishes(const struct work_world *world, struct mirror_wish *wishes)
{
    size_t count = 0;

    if (world->disk.mirror.exists || world_is_in_use(world)) {
        struct revision revision = task_revision(NULL, world->settings);

        wishes[count++] = (struct mirror_wish){revision, world->disk.mirror.fetched_wall_ms,
                                               work_disk_answer(&world->disk, &revision)};
    }
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        const struct work_task *task = &world->tasks[i];

        if (is_waiting_for_source(world, task)) {
            struct revision revision = task_revision(task->desired, world->settings);

            wishes[count++] = (struct mirror_wish){revision, world_begins_at(task),
                                                   work_disk_answer(&world->disk, &revision)};
        }
    }
    return count;
}

static bool is_mirror_unused(const struct work_world *world)
{
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        if (!world->tasks[i].is_removed) {
            return false;
        }
    }
    return !world_is_in_use(world) && !world->disk.trees.exists &&
           world->repository.container == NULL;
}

void world_pass_mirror(struct work_world *world)
{
    struct plan_model *model = &world->mirror;
    struct mirror_wish wishes[WORK_TASKS + 1];
    struct mirror_input input = {
        .name = WORK_CONTAINER,
        .url = "git.example/org/project",
        .settings = world->settings,
        .refusal_reason = REASON_SCHEME_REFUSED,
        .refusal = world->refusal,
        .pressure = world->pressure,
        .mirror = &world->disk.mirror,
        .wishes = wishes,
        .wish_count = find_wishes(world, wishes),
        .is_unused = is_mirror_unused(world),
        .is_followed = world_is_in_use(world),
        .failure = &model->failure,
        .previous = model->status,
    };
    struct object_status *status = status_successor(model->status);
    auto_owned(plan) *plan = plan_new();

    world->disk.asked = wishes;
    world->disk.asked_count = input.wish_count;
    mirror_reconcile(&world->world, &input, plan, status);
    world_take(world, model, status, plan);
    world->disk.asked_count = 0;
}

void world_find_source(const struct work_world *world, const struct revision *revision,
                       int64_t since_wall_ms, struct source *ret)
{
    struct mirror_view view = {
        .mirror = &world->disk.mirror,
        .interval_seconds = world->settings->repository.fetch_interval_seconds,
        .failure = &world->mirror.failure,
        .now_wall_ms = world->world.now_wall_ms,
    };
    struct mirror_wish wish = {*revision, since_wall_ms, work_disk_answer(&world->disk, revision)};

    mirror_source(&view, &wish, ret);
}

void world_find_default_source(const struct work_world *world, struct source *ret)
{
    struct revision revision = task_revision(NULL, world->settings);

    world_find_source(world, &revision, 0, ret);
}

/* As a container's user becomes known: with its start, unless it is root. */
void world_observe_trees(struct work_world *world)
{
    world->disk.trees.is_user_known = world->disk.trees.uid == 0 || work_world_runs(world);
}

static int64_t work_kept_until(const struct work_world *world)
{
    int64_t until_wall_ms = 0;

    for (size_t i = 0; i < world->disk.count; i++) {
        const struct disk_tree *tree = &world->disk.items[i];
        int64_t end = tree->removed_at_wall_ms != 0
                          ? tree->removed_at_wall_ms
                          : tree->used_wall_ms + world_least_retain_ms(world);

        if (tree->is_inspected && (tree->is_dirty || tree->is_unpushed) && end > until_wall_ms) {
            until_wall_ms = end;
        }
    }
    return until_wall_ms;
}

static bool has_unseen_trees(const struct work_world *world)
{
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        const struct work_task *task = &world->tasks[i];

        if (world_tree_of(task) != NULL && !task->model.status->task->tree.is_inspected &&
            (task->desired == NULL || task_is_over(task->model.status))) {
            return true;
        }
    }
    return false;
}

void world_pass_repository(struct work_world *world)
{
    struct plan_model *model = &world->repository;
    struct source source;
    auto_free char *reference = NULL;
    struct observed_image snapshot = {.state = IMAGE_ABSENT};
    struct repository_input input = {
        .container_name = WORK_CONTAINER,
        .base_name = WORK_CONTAINER,
        .url = "git.example/org/project",
        .settings = world->settings,
        .is_explicit = world->is_explicit,
        .is_deleted = world->is_deleted,
        .refusal_reason = REASON_SCHEME_REFUSED,
        .refusal = world->refusal,
        .active_tasks = world_active_tasks(world),
        .running_tasks = world_running_tasks(world),
        .sessions = world->sessions,
        .may_have_sessions = world->may_have_sessions,
        .is_setting_up = world->disk.observed.state == ATTEMPT_RUNNING,
        .is_warm = world_is_warm(world),
        .pressure = world->pressure,
        .has_unseen_trees = has_unseen_trees(world),
        .work_kept_until_wall_ms = work_kept_until(world),
        .trees = &world->disk.trees,
        .source = &source,
        .mirror = &world->disk.mirror,
        .mirror_status = world->mirror.status,
        .setup_status = world->setup.status,
        .container = model->container,
        .image = &model->image,
        .failure = &model->failure,
        .previous = model->status,
    };
    struct object_status *status = status_successor(model->status);
    auto_owned(plan) *plan = plan_new();

    world_observe_trees(world);
    world_find_default_source(world, &source);
    reference =
        setup_snapshot_image(world->settings, MODEL_IMAGE_ID, WORK_CONTAINER, source.commit);
    if (reference != NULL && disk_texts_has(&world->disk.images, reference)) {
        snapshot = (struct observed_image){.state = IMAGE_PRESENT, .id = reference};
    }
    input.snapshot = (struct snapshot_image){reference, &snapshot};
    repository_reconcile(&world->world, &input, plan, status);
    world_take(world, model, status, plan);
}

static bool is_container_ready(const struct work_world *world)
{
    return work_world_runs(world) && world->repository.status != NULL &&
           world->repository.status->phase == PHASE_RUNNING;
}

bool world_is_prepared(const struct work_world *world)
{
    const struct observed_container *container = world->repository.container;

    return container != NULL && (strcmp(world->disk.prepared, container->id) == 0 ||
                                 disk_texts_has(&world->disk.images, container->image_id));
}

static void add_setup_wish(const struct work_world *world, const char *commit,
                           char layers[][SETUP_KEY_SIZE], struct setup_wish *wishes, size_t *count)
{
    disk_name snapshot;

    for (size_t i = 0; i < *count; i++) {
        if (strcmp(wishes[i].commit, commit) == 0) {
            return;
        }
    }
    snprintf(snapshot, sizeof(snapshot), "%s-%lld", commit, (long long)world->disk.trees.uid);
    setup_layer_key(world->settings, MODEL_IMAGE_ID, commit, world->disk.trees.uid,
                    world->disk.trees.method, layers[*count]);
    wishes[*count] = (struct setup_wish){
        .commit = commit,
        .layer = layers[*count],
        .has_layer = disk_texts_has(&world->disk.layers, layers[*count]),
        .has_snapshot = disk_texts_has(&world->disk.snapshots, snapshot),
    };
    ++*count;
}

static size_t find_setup_wishes(const struct work_world *world, char layers[][SETUP_KEY_SIZE],
                                struct setup_wish *wishes)
{
    struct source source;
    size_t count = 0;

    for (unsigned i = 0; i < WORK_TASKS; i++) {
        const struct work_task *task = &world->tasks[i];

        if (task->desired != NULL && world_is_active(task) && world_tree_of(task) == NULL) {
            struct revision revision = task_revision(task->desired, world->settings);

            world_find_source(world, &revision, world_begins_at(task), &source);
            if (source.state == SOURCE_READY) {
                add_setup_wish(world, source.commit, layers, wishes, &count);
            }
        }
    }
    if (world_is_warm(world)) {
        world_find_default_source(world, &source);
        if (source.commit != NULL) {
            add_setup_wish(world, source.commit, layers, wishes, &count);
        }
    }
    return count;
}

void world_pass_setup(struct work_world *world)
{
    static const struct observed_attempt no_attempt;
    struct plan_model *model = &world->setup;
    char layers[WORK_TASKS + 1][SETUP_KEY_SIZE];
    struct setup_wish wishes[WORK_TASKS + 1];
    struct source source;
    auto_free char *reference = NULL, *run = NULL;
    const struct setup_wish *next;
    struct setup_input input = {
        .name = WORK_CONTAINER,
        .settings = world->settings,
        .wishes = wishes,
        .wish_count = find_setup_wishes(world, layers, wishes),
        .is_prepared = world_is_prepared(world),
        .is_container_ready = is_container_ready(world),
        .trees = &world->disk.trees,
        .observed = &no_attempt,
        .pressure = world->pressure,
        .failure = &model->failure,
        .previous = model->status,
    };
    struct object_status *status;
    auto_owned(plan) *plan = plan_new();

    if (world->settings->repository.setup == NULL ||
        (world->disk.setup_takes_long && world->disk.observed.state == ATTEMPT_RUNNING)) {
        return; /* its plan is still under way */
    }
    status = status_successor(model->status);
    world_observe_trees(world);
    world_find_default_source(world, &source);
    reference =
        setup_snapshot_image(world->settings, MODEL_IMAGE_ID, WORK_CONTAINER, source.commit);
    input.snapshot_image = reference;
    input.has_snapshot_image = reference != NULL && disk_texts_has(&world->disk.images, reference);
    next = setup_next(&input);
    if (next != NULL && world->repository.container != NULL) {
        input.container_id = world->repository.container->id;
        input.run = run = setup_run_id(next->layer, input.container_id);
        if (strcmp(run, world->disk.run) == 0) {
            input.attempt = world->disk.attempt;
            input.observed = &world->disk.observed;
        }
    }
    setup_reconcile(&world->world, &input, plan, status);
    world_take(world, model, status, plan);
}
