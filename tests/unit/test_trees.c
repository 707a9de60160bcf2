#include "base/memory.h"
#include "base/parse.h"
#include "tests/unit/work_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/*
 * Tasks, their trees and the shared one in worlds where everything happens: failures, reboots, an
 * absent remote, work that is left behind. The rules that none may break are held by the world
 * itself (work_world.c); here it is asked, too, whether everything gets on once it can.
 */

enum { WORLDS = 1200, STEPS = 30, RETAIN_S = 7200 };

#define SETTINGS WORK_REPOSITORY "  retainSeconds: 7200\n"

static const char *const settings_texts[] = {
    SETTINGS,
    SETTINGS "  idleTimeoutSeconds: 60\n  fetchIntervalSeconds: 0\n",
    SETTINGS "  isolation: Shared\n",
    SETTINGS "  isolation: Shared\n  idleTimeoutSeconds: 60\n  fetchIntervalSeconds: 0\n",
    SETTINGS "  isolation: Shared\n  securityContext: {runAsUser: 1000}\n  taskPorts: 3\n",
    SETTINGS "  setup: {command: [npm, ci]}\n",
    SETTINGS "  isolation: Shared\n  setup: {command: [npm, ci]}\n  snapshot: {enabled: true}\n",
    SETTINGS "  warm: true\n  setup: {command: [npm, ci]}\n  snapshot: {enabled: true}\n"
             "  idleTimeoutSeconds: 60\n",
};

static const char *const task_texts[] = {
    WORK_TASK "  command: [make]\n",
    WORK_TASK "  command: [make]\n  branch: next\n",
    WORK_TASK "  command: [make]\n  branch: main\n  isolation: Shared\n",
    WORK_TASK "  command: [make]\n  branch: next\n  isolation: Shared\n",
    WORK_TASK "  command: [make]\n  branch: old\n  isolation: Shared\n  backoffLimit: 1\n",
    WORK_TASK "  command: [make]\n  backoffLimit: 2\n  ports: [{name: a}, {name: b}]\n",
    WORK_TASK "  command: [make]\n  ports: [{name: a}, {name: b}]\n  isolation: Shared\n",
    WORK_TASK "  command: [make]\n  ttlSecondsAfterFinished: 60\n",
    WORK_TASK "  ports: [{name: a}]\n",
    WORK_TASK "  isolation: Shared\n  branch: next\n",
};

static struct object *settings[ARRAY_SIZE(settings_texts)];
static struct object *specs[ARRAY_SIZE(task_texts)];

static int parse_specs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        settings[i] = object_from_text(settings_texts[i]);
        assert_int_equal(settings[i]->repository.retain_seconds, RETAIN_S);
    }
    for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
        specs[i] = object_from_text(task_texts[i]);
    }
    return 0;
}

static int free_specs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        object_unref(settings[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
        object_unref(specs[i]);
    }
    return 0;
}

/*
 * --- what happens
 * ---------------------------------------------------------------------------------
 */

static void happen_to_task(struct work_world *world, unsigned place)
{
    struct work_task *task = &world->tasks[place];

    switch (dice_roll(&world->dice, 8)) {
    case 0:
    case 1:
    case 2: /* a new one */
        if (task->is_removed) {
            work_world_add(world, place, specs[dice_roll(&world->dice, ARRAY_SIZE(specs))]);
        }
        return;
    case 3: task->desired = NULL; return;
    case 4: work_world_work(world, place); return;
    default: work_world_end(world, place, dice_roll(&world->dice, 2)); return;
    }
}

static void happen_outside(struct work_world *world)
{
    unsigned branch = dice_roll(&world->dice, DISK_BRANCHES);

    switch (dice_roll(&world->dice, 9)) {
    case 0: work_disk_push(&world->disk, branch); return;
    case 1: world->disk.remote[branch].commit[0] = '\0'; return;
    case 2: world->disk.is_remote_away = !world->disk.is_remote_away; return;
    case 3: work_world_kill(world); return;
    case 4: work_world_reboot(world); return;
    case 5: work_world_restart(world); return;
    case 6: world->pressure = world->pressure == NULL ? "the disk is full" : NULL; return;
    case 7: world->disk.setup_fails = !world->disk.setup_fails; return;
    case 8:
        world->sessions = dice_roll(&world->dice, 2);
        world->may_have_sessions = dice_roll(&world->dice, 2) == 0;
        return;
    }
}

static void happen(struct work_world *world)
{
    world->world.now_wall_ms +=
        (int64_t)dice_roll(&world->dice, 3) * 45000 + (int64_t)dice_roll(&world->dice, 2000);
    if (dice_roll(&world->dice, 4) == 0) {
        happen_outside(world);
    } else {
        happen_to_task(world, dice_roll(&world->dice, WORK_TASKS));
    }
    world->fails_in = dice_roll(&world->dice, 6) == 0 ? 1 + dice_roll(&world->dice, 4) : 0;
    if (world->fails_in == 0 && dice_roll(&world->dice, 20) == 0) {
        world->disk.setup_takes_long = true;
    }
}

/* A setup that took long has ended, or its container was lost. */
static void end_setup(struct work_world *world)
{
    world->disk.setup_takes_long = false;
    if (world->disk.observed.state == ATTEMPT_RUNNING && dice_roll(&world->dice, 2) == 0) {
        world->disk.observed.state = ATTEMPT_LOST;
    }
}

static void live(struct work_world *world)
{
    for (unsigned step = 0; step < STEPS; step++) {
        happen(world);
        work_world_settle(world);
        end_setup(world);
    }
}

/*
 * --- and in the end
 * -------------------------------------------------------------------------------
 */

/* Nothing stands in the way any more. */
static void calm_down(struct work_world *world)
{
    world->fails_in = world->sessions = 0;
    world->may_have_sessions = false;
    world->pressure = NULL;
    world->disk.is_remote_away = world->disk.setup_fails = world->disk.setup_takes_long = false;
    for (unsigned i = 0; i < DISK_BRANCHES; i++) {
        if (world->disk.remote[i].commit[0] == '\0') {
            work_disk_push(&world->disk, i);
        }
    }
}

static void let_time_pass(struct work_world *world, int64_t wake_at_wall_ms)
{
    int64_t soon = world->world.now_wall_ms + 60000;

    world->world.now_wall_ms = wake_at_wall_ms > world->world.now_wall_ms && wake_at_wall_ms < soon
                                   ? wake_at_wall_ms
                                   : soon;
}

static bool has_come_to_its_end(const struct work_task *task)
{
    return task->is_removed || task_is_over(task->model.status);
}

static bool are_all_over(const struct work_world *world)
{
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        if (!has_come_to_its_end(&world->tasks[i])) {
            return false;
        }
    }
    return true;
}

/* Commands end well; a session's file goes once it is open. */
static void end_all(struct work_world *world)
{
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        struct work_task *task = &world->tasks[i];

        work_world_end(world, i, 0);
        if (task->desired != NULL && task->desired->task.command.count == 0 &&
            task->model.status->phase == PHASE_TASK_RUNNING) {
            task->desired = NULL;
        }
    }
}

static void whatever_happens_no_rule_is_broken_and_all_get_their_turn(void **state)
{
    (void)state;
    for (unsigned number = 1; number <= WORLDS; number++) {
        struct work_world world;

        work_world_init(&world, number, settings[number % ARRAY_SIZE(settings)]);
        world.is_explicit = true;
        live(&world);
        calm_down(&world);
        for (unsigned round = 0; !are_all_over(&world); round++) {
            assert_true(round < 2 * (RETAIN_S / 60) + 100);
            let_time_pass(&world, work_world_settle(&world));
            end_all(&world);
        }
        work_world_done(&world);
    }
}

static void nothing_is_left_in_the_end(void **state)
{
    (void)state;
    for (unsigned number = 1; number <= WORLDS / 4; number++) {
        struct work_world world;

        work_world_init(&world, number, settings[number % ARRAY_SIZE(settings)]);
        world.is_explicit = true;
        live(&world);
        calm_down(&world);
        world.is_explicit = false;
        world.is_deleted = true;
        for (unsigned i = 0; i < WORK_TASKS; i++) {
            world.tasks[i].desired = NULL;
        }
        for (unsigned round = 0; round < 10 * (RETAIN_S / 60); round++) {
            let_time_pass(&world, work_world_settle(&world));
        }
        assert_null(world.repository.container);
        assert_false(world.disk.trees.exists);
        assert_int_equal(world.disk.count, 0);
        assert_false(world.disk.mirror.exists);
        assert_true(are_all_over(&world));
        work_world_done(&world);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(whatever_happens_no_rule_is_broken_and_all_get_their_turn,
                                  work_world_tell),
        cmocka_unit_test_teardown(nothing_is_left_in_the_end, work_world_tell),
    };

    return cmocka_run_group_tests(tests, parse_specs, free_specs);
}
