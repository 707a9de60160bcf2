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

/*
 * --- who needs what, as the controller counts
 * -----------------------------------------------------
 */

bool world_is_active(const struct work_task *task)
{
    return !task->is_removed && task_is_active(task->desired, task->model.status);
}

bool world_is_held(const struct work_task *task)
{
    return !task->is_removed && task->desired != NULL && task_is_held_by_branch(task->model.status);
}

bool world_is_in_it(const struct work_task *task)
{
    return world_is_active(task) && task->model.status != NULL &&
           (task->model.attempt.state == ATTEMPT_RUNNING ||
            task->model.status->phase == PHASE_TASK_RUNNING);
}

/* Those that wait for another branch count only when nobody else is there. */
unsigned world_active_tasks(const struct work_world *world)
{
    unsigned count = 0, held = 0;

    for (unsigned i = 0; i < WORK_TASKS && world->refusal == NULL; i++) {
        count += world_is_active(&world->tasks[i]);
        held += world_is_held(&world->tasks[i]);
    }
    return count > 0 ? count : held;
}

unsigned world_running_tasks(const struct work_world *world)
{
    unsigned count = 0;

    for (unsigned i = 0; i < WORK_TASKS; i++) {
        count += world_is_in_it(&world->tasks[i]);
    }
    return count;
}

bool world_is_warm(const struct work_world *world)
{
    return world->is_explicit && world->settings->repository.is_warm;
}

bool world_is_in_use(const struct work_world *world)
{
    return world_is_warm(world) || world_active_tasks(world) > 0;
}

const char *world_tree_of(const struct work_task *task)
{
    return !task->is_removed && task->model.status != NULL ? task->model.status->task->tree.name
                                                           : NULL;
}

bool world_works_in(const struct work_task *task, const char *tree)
{
    return !task_is_over(task->model.status) && text_equal(world_tree_of(task), tree);
}

/*
 * --- the rules
 * ------------------------------------------------------------------------------------
 */

/* All that work in the shared tree work on one branch, and it is the tree's. */
static void check_shared_tree(struct work_world *world)
{
    const struct disk_tree *tree = work_disk_find(&world->disk, SHARED_TREE);
    const struct status_task *first = NULL;

    for (unsigned i = 0; i < WORK_TASKS; i++) {
        const struct work_task *task = &world->tasks[i];

        if (!world_is_in_it(task) || !world_works_in(task, SHARED_TREE)) {
            continue; /* one that only waits may have to think again */
        }
        if (first == NULL) {
            first = task->model.status->task;
        }
        assert_true(text_equal(first->branch, task->model.status->task->branch));
        assert_string_equal(first->commit, task->model.status->task->commit);
        if (tree != NULL) {
            assert_string_equal(tree->branch, first->branch != NULL ? first->branch : "");
            assert_string_equal(tree->commit, first->commit);
        }
    }
}

bool world_has_port(const struct work_task *task, uint16_t number)
{
    const struct object_status *status = task->model.status;

    for (size_t i = 0; !task->is_removed && status != NULL && i < status->task->port_count; i++) {
        if (status->task->ports[i].container_port == number) {
            return true;
        }
    }
    return false;
}

static void check_ports(const struct work_world *world)
{
    for (unsigned number = TASK_PORT_FIRST; number < TASK_PORT_FIRST + TASK_PORTS_MAX; number++) {
        unsigned owners = 0;

        for (unsigned i = 0; i < WORK_TASKS; i++) {
            owners += world_has_port(&world->tasks[i], (uint16_t)number);
        }
        assert_true(owners <= 1);
    }
}

/* Two tasks never have one tree of their own, and work in none that is not theirs. */
static void check_own_trees(struct work_world *world)
{
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        const struct work_task *task = &world->tasks[i];
        const char *name = world_tree_of(task);
        const struct disk_tree *tree = work_disk_find(&world->disk, name);

        if (name != NULL && strcmp(name, SHARED_TREE) != 0) {
            for (unsigned other = 0; other < i; other++) {
                assert_false(text_equal(world_tree_of(&world->tasks[other]), name));
            }
            if (tree != NULL) {
                assert_string_equal(tree->owner, task->name);
                assert_int_equal(tree->removed_at_wall_ms, 0);
            }
        }
    }
}

int64_t world_least_retain_ms(const struct work_world *world)
{
    return world->settings->repository.retain_seconds * 1000;
}

/* Nobody's tree is pulled away under them, and nobody's work before its time. */
void world_check_removal(struct work_world *world, const struct plan_model *model, const char *name)
{
    const struct disk_tree *tree = work_disk_find(&world->disk, name);

    for (unsigned i = 0; i < WORK_TASKS; i++) {
        assert_true(&world->tasks[i].model == model || !world_works_in(&world->tasks[i], name));
        assert_false(world_is_in_it(&world->tasks[i]) &&
                     text_equal(world_tree_of(&world->tasks[i]), name));
    }
    if (tree != NULL && tree->has_work) {
        assert_true(tree->is_inspected);
        /* files tell seconds */
        assert_true(world->world.now_wall_ms / 1000 >=
                    (tree->worked_wall_ms + world_least_retain_ms(world)) / 1000);
    }
}

static void check_workspace_removal(struct work_world *world)
{
    for (size_t i = 0; i < world->disk.count; i++) {
        world_check_removal(world, &world->repository, world->disk.items[i].name);
    }
}

/* No more attempts than its spec allows, and none of what has ended well. */
static void check_start(const struct work_world *world, const struct plan_model *model,
                        const struct action *start)
{
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        const struct work_task *task = &world->tasks[i];
        const struct observed_attempt *last = &task->model.attempt;

        if (&task->model == model) {
            assert_non_null(task->desired);
            assert_true(start->attempt <= task->desired->task.backoff_limit + 1);
            assert_false(last->state == ATTEMPT_ENDED && last->exit_code == 0);
        }
    }
}

static void check_plan(struct work_world *world, const struct plan_model *model,
                       const struct plan *plan)
{
    bool is_in_container =
        world_running_tasks(world) > 0 || world->sessions > 0 || world->may_have_sessions;

    if (model->failure.count > 0 && plan->count > 0 && plan->operation != NULL) {
        assert_true(world->world.now_wall_ms > model->failure.at_wall_ms); /* not in a loop */
    }
    for (size_t i = 0; i < plan->count; i++) {
        switch (plan->actions[i]->type) {
        case ACTION_REMOVE_TREE: world_check_removal(world, model, plan->actions[i]->target); break;
        case ACTION_REMOVE_WORKSPACE: check_workspace_removal(world); break;
        case ACTION_START_TASK: check_start(world, model, plan->actions[i]); break;
        case ACTION_STOP_CONTAINER: assert_false(is_in_container); break;
        case ACTION_REMOVE_CONTAINER:
            assert_true(!is_in_container || model->container->state != WORKLOAD_RUNNING);
            break;
        default: break;
        }
    }
}

static void check_world(struct work_world *world)
{
    check_shared_tree(world);
    check_own_trees(world);
    check_ports(world);
}

/*
 * --- a pass is over
 * -----------------------------------------------------------------------------------
 */

static bool is_same_status(const struct object_status *a, const struct object_status *b)
{
    if (a == NULL || a->phase != b->phase || a->task->attempt != b->task->attempt ||
        a->task->port_count != b->task->port_count ||
        !text_equal(a->task->tree.name, b->task->tree.name)) {
        return false;
    }
    for (int i = 0; i < CONDITION_COUNT; i++) {
        if (a->conditions[i].value != b->conditions[i].value ||
            !text_equal(a->conditions[i].reason, b->conditions[i].reason)) {
            return false;
        }
    }
    return true;
}

static void trace(const struct work_world *world, const struct plan_model *model,
                  const struct object_status *status, const struct plan *plan)
{
    const struct condition *ready = &status->conditions[CONDITION_READY];
    auto_done(strbuf) text = {0};

    if (!world_is_traced || (plan->count == 0 && is_same_status(model->status, status))) {
        return;
    }
    plan_print(plan, &text);
    print_message("# %s at %lld s: %s, %s: %s\n%s",
                  model == &world->mirror       ? "mirror"
                  : model == &world->repository ? "repository"
                  : model == &world->setup      ? "setup"
                                                : model->task,
                  (long long)(world->world.now_wall_ms / 1000 % 1000000), phase_name(status->phase),
                  ready->reason, ready->message != NULL ? ready->message : "", strbuf_text(&text));
}

void world_take(struct work_world *world, struct plan_model *model, struct object_status *status,
                const struct plan *plan)
{
    unsigned attempt = model->status != NULL ? model->status->task->attempt : 0;

    if (plan->count > 0 || !is_same_status(model->status, status)) {
        world->has_changed = true;
    }
    if (plan->wake_at_wall_ms != 0 &&
        (world->wake_at_wall_ms == 0 || plan->wake_at_wall_ms < world->wake_at_wall_ms)) {
        world->wake_at_wall_ms = plan->wake_at_wall_ms;
    }
    if (plan->count > 0 && world->fails_in > 0 && --world->fails_in == 0) {
        model->fails_at = 1 + dice_roll(&world->dice, (unsigned)plan->count);
    }
    model->now_wall_ms = world->world.now_wall_ms;
    trace(world, model, status, plan);
    check_plan(world, model, plan);
    plan_model_take_status(model, status);
    plan_model_apply(model, plan);
    assert_true(model->status->task->attempt >= attempt);
    check_world(world);
}
