#include "tests/unit/work_world_parts.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void find_shared(struct work_world *world, const struct work_task *task,
                        struct observed_shared_tree *ret)
{
    const struct disk_tree *tree = work_disk_find(&world->disk, SHARED_TREE);

    *ret = (struct observed_shared_tree){.exists = tree != NULL && tree->is_ready};
    if (tree != NULL) {
        ret->is_lost = !tree->is_ready;
        ret->branch = tree->branch[0] != '\0' ? tree->branch : NULL;
        ret->layer = tree->layer[0] != '\0' ? tree->layer : NULL;
        ret->commit = tree->commit;
        ret->is_inspected = tree->is_inspected;
        ret->is_dirty = tree->is_dirty;
        ret->is_unpushed = tree->is_unpushed;
        ret->used_wall_ms = tree->used_wall_ms;
    }
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        const struct work_task *other = &world->tasks[i];

        if (other != task && world_works_in(other, SHARED_TREE)) {
            ret->users++;
            if (tree == NULL) { /* what it is about to be made on */
                ret->branch = other->model.status->task->branch;
                ret->commit = other->model.status->task->commit;
            }
        }
    }
}

static size_t find_block(const struct work_world *world, const struct work_task *task,
                         struct block_port *block)
{
    const struct object_status *status = world->repository.status;
    size_t count = 0;

    for (size_t i = 0; status != NULL && i < status->port_count; i++) {
        const struct status_port *port = &status->ports[i];

        if (text_has_prefix(port->name, TASK_PORT_PREFIX)) {
            block[count] = (struct block_port){port->container_port, port->host_port, false};
            for (unsigned other = 0; other < WORK_TASKS; other++) {
                block[count].is_taken |= &world->tasks[other] != task &&
                                         world_has_port(&world->tasks[other], port->container_port);
            }
            count++;
        }
    }
    return count;
}

static const char *free_tree(struct work_world *world, const struct work_task *task, disk_name name)
{
    snprintf(name, sizeof(disk_name), "%s", task->name);
    for (unsigned number = 2; work_disk_find(&world->disk, name) != NULL; number++) {
        snprintf(name, sizeof(disk_name), "%s-%u", task->name, number);
    }
    return name;
}

static struct task_setup find_setup(const struct work_world *world, const struct source *source,
                                    char layer[SETUP_KEY_SIZE])
{
    if (world->settings->repository.setup == NULL || source->commit == NULL) {
        return (struct task_setup){
            .state = world->settings->repository.setup == NULL ? SETUP_NONE : SETUP_WAITING,
            .message = "waits for the clone"};
    }
    setup_layer_key(world->settings, MODEL_IMAGE_ID, source->commit, world->disk.trees.uid,
                    world->disk.trees.method, layer);
    return setup_for_task(world->settings, world->setup.status, layer,
                          disk_texts_has(&world->disk.layers, layer), world_is_prepared(world));
}

static bool has_snapshot(const struct work_world *world, const struct source *source)
{
    disk_name name;

    snprintf(name, sizeof(name), "%s-%lld", source->commit != NULL ? source->commit : "",
             (long long)world->disk.trees.uid);
    return disk_texts_has(&world->disk.snapshots, name);
}

/* Whoever works in the shared tree makes what was seen in it old. */
static void note_shared_use(struct work_world *world, const struct work_task *task)
{
    struct disk_tree *tree = work_disk_find(&world->disk, SHARED_TREE);

    if (tree != NULL && world_is_in_it(task) && world_works_in(task, SHARED_TREE)) {
        tree->is_inspected = false;
    }
}

void world_pass_task(struct work_world *world, struct work_task *task)
{
    struct plan_model *model = &task->model;
    struct task_admission admission = {.is_admitted = true};
    struct observed_shared_tree shared;
    struct block_port block[TASK_PORTS_MAX];
    char layer[SETUP_KEY_SIZE];
    disk_name free_name;
    struct revision revision = task_revision(task->desired, world->settings);
    struct source source;
    const struct disk_tree *tree = work_disk_find(&world->disk, world_tree_of(task));
    auto_free char *forbidden =
        task->desired != NULL ? task_find_forbidden(task->desired, world->settings, NULL) : NULL;
    struct task_input input = {
        .name = task->name,
        .desired = task->desired,
        .settings = world->settings,
        .isolation = task_isolation(task->desired, world->settings),
        .repository = WORK_CONTAINER,
        .url = "git.example/org/project",
        .ttl_ms = task->ttl_ms,
        .admission = &admission,
        .refusal_reason = world->refusal != NULL ? "SchemeRefused" : NULL,
        .refusal = world->refusal,
        .forbidden = forbidden,
        .source = &source,
        .mirror_status = world->mirror.status,
        .repository_status = world->repository.status,
        .container = world->repository.container,
        .trees = &world->disk.trees,
        .free_tree = free_tree(world, task, free_name),
        .has_tree = tree != NULL && tree->is_ready,
        .shared = &shared,
        .block = block,
        .block_count = find_block(world, task, block),
        .pressure = world->pressure,
        .attempt = &model->attempt,
        .failure = &model->failure,
        .previous = model->status,
    };
    struct object_status *status = status_successor(model->status);
    auto_owned(plan) *plan = plan_new();

    world_observe_trees(world);
    world_find_source(world, &revision, world_begins_at(task), &source);
    find_shared(world, task, &shared);
    input.has_snapshot = source.state == SOURCE_READY && has_snapshot(world, &source);
    input.setup = find_setup(world, &source, layer);
    task_reconcile(&world->world, &input, plan, status);
    task->is_removed = plan->count > 0 && model->fails_at == 0 &&
                       plan->actions[plan->count - 1]->type == ACTION_REMOVE_TASK;
    world_take(world, model, status, plan);
    task->is_removed = task->is_removed && model->failure.count == 0;
    note_shared_use(world, task);
}

/* Trees without an owner go when their time is up. */
void world_expire_trees(struct work_world *world)
{
    for (size_t i = world->disk.count; i-- > 0;) {
        struct disk_tree *tree = &world->disk.items[i];

        if (tree->removed_at_wall_ms == 0) {
            continue;
        }
        if (tree->removed_at_wall_ms <= world->world.now_wall_ms) {
            world_check_removal(world, NULL, tree->name);
            work_disk_remove(&world->disk, tree->name);
            world->has_changed = true;
        } else if (world->wake_at_wall_ms == 0 ||
                   tree->removed_at_wall_ms < world->wake_at_wall_ms) {
            world->wake_at_wall_ms = tree->removed_at_wall_ms;
        }
    }
}
