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

enum { MAX_ROUNDS = 30 };

static unsigned world_at_hand;
bool world_is_traced; /* TRACE_WORLD=313 shows what happens in that one */

int work_world_tell(void **state)
{
    (void)state;
    if (world_at_hand != 0) {
        print_message("# in world %u\n", world_at_hand);
    }
    world_at_hand = 0;
    return 0;
}

/*
 * --- making and changing one
 * ----------------------------------------------------------------------
 */

void work_world_use(struct work_world *world, const struct object *settings)
{
    const struct security_context *security = &settings->repository.security;

    world->settings = settings;
    world->wanted = repository_ports(settings, &world->arena);
    world->repository.wanted_ports = &world->wanted;
    world->disk.trees.uid = world->disk.trees.gid =
        security->run_as_user >= 0 ? security->run_as_user : 0;
}

static bool is_asked_for(unsigned number)
{
    const char *asked = getenv("TRACE_WORLD");
    auto_free char *text = xasprintf("%u", number);

    return text_equal(asked, text);
}

void work_world_init(struct work_world *world, unsigned number, const struct object *settings)
{
    struct error err = {0};

    memset(world, 0, sizeof(*world));
    world_at_hand = number;
    world_is_traced = is_asked_for(number);
    world->dice.state = UINT64_C(88172645463325252) + number * UINT64_C(2654435769);
    port_table_init(&world->ports);
    assert_int_equal(port_table_set_ranges(&world->ports, "20000-20029", &err), 0);
    world->world = (struct world){
        .controller_id = MODEL_CONTROLLER,
        .repository_image = "debian:12",
        .ports = &world->ports,
        .now_wall_ms = INT64_C(1767355200000),
    };
    work_disk_init(&world->disk);
    world->mirror = (struct plan_model){.disk = &world->disk};
    world->setup = (struct plan_model){.disk = &world->disk, .place = &world->repository};
    world->repository = (struct plan_model){
        .ports = &world->ports,
        .key = KIND_REPOSITORY_CONTAINER "/" WORK_CONTAINER,
        .disk = &world->disk,
        .image = {.state = IMAGE_PRESENT, .id = MODEL_IMAGE_ID},
    };
    work_world_use(world, settings);
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        world->tasks[i].is_removed = true;
    }
}

void work_world_done(struct work_world *world)
{
    plan_model_done(&world->mirror);
    plan_model_done(&world->setup);
    plan_model_done(&world->repository);
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        plan_model_done(&world->tasks[i].model);
    }
    arena_done(&world->arena);
    port_table_done(&world->ports);
    world_at_hand = 0;
}

void work_world_add(struct work_world *world, unsigned place, const struct object *spec)
{
    struct work_task *task = &world->tasks[place];

    plan_model_done(&task->model);
    *task = (struct work_task){
        .desired = spec,
        .admitted_wall_ms = world->world.now_wall_ms,
        .ttl_ms = spec->task.ttl_seconds_after_finished * 1000,
        .model = {.disk = &world->disk,
                  .place = &world->repository,
                  .task = task->name,
                  .attempt.message = ""},
    };
    snprintf(task->name, sizeof(task->name), "t-%u", place);
}

void work_world_end(struct work_world *world, unsigned place, int64_t exit_code)
{
    struct observed_attempt *attempt = &world->tasks[place].model.attempt;

    if (attempt->state == ATTEMPT_RUNNING) {
        attempt->state = ATTEMPT_ENDED;
        attempt->outcome = OUTCOME_EXITED;
        attempt->exit_code = exit_code;
        attempt->finished_wall_ms = world->world.now_wall_ms;
    }
}

void work_world_kill(struct work_world *world)
{
    struct observed_container *container = world->repository.container;

    if (container == NULL || container->state != WORKLOAD_RUNNING) {
        return;
    }
    container->state = WORKLOAD_EXITED;
    container->exit_code = 137;
    container->finished_wall_ms = world->world.now_wall_ms;
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        if (world->tasks[i].model.attempt.state == ATTEMPT_RUNNING) {
            world->tasks[i].model.attempt.state = ATTEMPT_LOST;
        }
    }
    if (world->disk.observed.state == ATTEMPT_RUNNING) {
        world->disk.observed.state = ATTEMPT_LOST;
    }
}

void work_world_reboot(struct work_world *world)
{
    work_world_kill(world);
    for (size_t i = 0; i < world->disk.count; i++) {
        world->disk.items[i].is_ready = false;
    }
}

/* Through its file and back, with what the record in the state directory says beside it. */
static void restart_task(struct work_world *world, struct work_task *task)
{
    struct object_status *before = task->model.status, *after;
    json_auto_t *json = before != NULL ? status_to_json(before) : NULL;
    const struct disk_tree *tree;

    task->model.failure.count = 0;
    task->admitted_wall_ms = before != NULL ? 0 : task->admitted_wall_ms;
    if (before == NULL || task->is_removed) {
        return;
    }
    after = status_from_json(json);
    status_task(after)->attempt = before->task->attempt;
    if (after->task->tree.name == NULL) {
        tree = work_disk_find(&world->disk, before->task->tree.name);
        if (tree != NULL && tree->removed_at_wall_ms == 0) {
            status_task(after)->tree.name = status_text(after, tree->name);
            status_task(after)->tree.layer =
                tree->layer[0] != '\0' ? status_text(after, tree->layer) : NULL;
            status_task(after)->tree.is_inspected = tree->is_inspected;
            status_task(after)->tree.is_dirty = tree->is_dirty;
        }
    }
    task->model.status = after;
    status_free(before);
}

static void forget(struct plan_model *model)
{
    status_free(model->status);
    model->status = NULL;
    model->failure.count = 0;
}

void work_world_restart(struct work_world *world)
{
    json_auto_t *json =
        world->repository.status != NULL ? status_to_json(world->repository.status) : NULL;

    forget(&world->mirror);
    forget(&world->setup);
    forget(&world->repository);
    world->repository.status = json != NULL ? status_from_json(json) : NULL;
    world->disk.answer_count = 0;
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        restart_task(world, &world->tasks[i]);
    }
}

bool work_world_runs(const struct work_world *world)
{
    return world->repository.container != NULL &&
           world->repository.container->state == WORKLOAD_RUNNING;
}

const struct object_status *work_world_status(const struct work_world *world, unsigned place)
{
    return world->tasks[place].model.status;
}

bool work_world_work(struct work_world *world, unsigned place)
{
    const struct work_task *task = &world->tasks[place];
    struct disk_tree *tree = world_is_in_it(task) && work_world_runs(world)
                                 ? work_disk_find(&world->disk, world_tree_of(task))
                                 : NULL;

    if (tree == NULL || !tree->is_ready) {
        return false;
    }
    tree->has_work = true;
    tree->worked_wall_ms = world->world.now_wall_ms;
    return true;
}

/*
 * --- passes
 * ------------------------------------------------------------------------------------------
 */

int64_t work_world_settle(struct work_world *world)
{
    for (unsigned round = 0; round < MAX_ROUNDS; round++) {
        world->has_changed = false;
        world->wake_at_wall_ms = 0;
        world_pass_mirror(world);
        world_pass_repository(world);
        world_pass_setup(world);
        for (unsigned i = 0; i < WORK_TASKS; i++) {
            if (!world->tasks[i].is_removed) {
                world_pass_task(world, &world->tasks[i]);
            }
        }
        world_expire_trees(world);
        if (!world->has_changed) {
            return world->wake_at_wall_ms;
        }
    }
    fail_msg("it does not come to rest");
    return 0;
}
