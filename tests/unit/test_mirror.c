#include "reconcilers/mirror.h"

#include "base/memory.h"
#include "base/parse.h"
#include "tests/unit/work_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* The decisions themselves are in tests/cases/plans/mirror-*. */

#define COMMIT "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"

static const char *const settings_texts[] = {
    WORK_REPOSITORY "  fetchIntervalSeconds: 60\n",
    WORK_REPOSITORY "  fetchIntervalSeconds: 0\n",
};

static const char *const task_texts[] = {
    WORK_TASK "  command: [make]\n",
    WORK_TASK "  command: [make]\n  branch: next\n",
};

static struct object *settings[ARRAY_SIZE(settings_texts)];
static struct object *specs[ARRAY_SIZE(task_texts)];

static int parse_specs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        settings[i] = object_from_text(settings_texts[i]);
        specs[i] = object_from_text(task_texts[i]);
    }
    return 0;
}

static int free_specs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        object_unref(settings[i]);
        object_unref(specs[i]);
    }
    return 0;
}

/*
 * --- revisions
 * ------------------------------------------------------------------------------------
 */

static void only_a_whole_commit_never_changes(void **state)
{
    static const struct {
        struct revision revision;
        bool is_commit;
    } rows[] = {
        {{REVISION_REF, COMMIT}, true},
        {{REVISION_BRANCH, COMMIT}, false}, /* a branch may be called so */
        {{REVISION_HEAD, NULL}, false},
        {{REVISION_REF, "v1"}, false},
        {{REVISION_REF, "0a1b2c3d"}, false},
        {{REVISION_REF, COMMIT "8"}, false},
        {{REVISION_REF, "0A1B2C3D4e5f60718293a4b5c6d7e8f901234567"}, false},
        {{REVISION_REF, "0a1b2c3d4e5f60718293a4b5c6d7e8f90123456g"}, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(revision_is_commit(&rows[i].revision), rows[i].is_commit);
    }
}

static void revisions_are_the_same_by_kind_and_name(void **state)
{
    static const struct revision revisions[] = {
        {REVISION_HEAD, NULL},  {REVISION_BRANCH, "main"}, {REVISION_BRANCH, "next"},
        {REVISION_REF, "main"}, {REVISION_REF, "v1"},
    };

    (void)state;
    for (size_t a = 0; a < ARRAY_SIZE(revisions); a++) {
        for (size_t b = 0; b < ARRAY_SIZE(revisions); b++) {
            auto_free char *text_a = revision_text(&revisions[a]);
            auto_free char *text_b = revision_text(&revisions[b]);

            assert_int_equal(revision_equal(&revisions[a], &revisions[b]), a == b);
            assert_int_equal(strcmp(text_a, text_b) == 0, a == b); /* it is a key, too */
        }
    }
}

static void every_known_method_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(trees_method_name(TREES_OVERLAY), "overlay");
    assert_string_equal(trees_method_name(TREES_COPY), "copy");
    assert_null(trees_method_name(TREES_UNKNOWN));
}

/*
 * --- how often the remote is asked
 * -----------------------------------------------------------------
 */

static void run(struct work_world *world, unsigned place, unsigned which)
{
    work_world_add(world, place, specs[which]);
    work_world_settle(world);
}

static const char *commit_of(const struct work_world *world, unsigned place)
{
    return work_world_status(world, place)->task->commit;
}

static void tasks_within_the_interval_share_a_fetch(void **state)
{
    struct work_world world;

    (void)state;
    work_world_init(&world, 1, settings[0]);
    run(&world, 0, 0);
    assert_int_equal(world.disk.fetches, 1);
    work_disk_push(&world.disk, 0);
    world.world.now_wall_ms += 30000;
    run(&world, 1, 0);
    assert_int_equal(world.disk.fetches, 1);
    assert_string_equal(commit_of(&world, 1), commit_of(&world, 0));
    world.world.now_wall_ms += 31000;
    run(&world, 2, 0);
    assert_int_equal(world.disk.fetches, 2);
    assert_string_equal(commit_of(&world, 2), world.disk.remote[0].commit);
    work_world_done(&world);
}

static void without_an_interval_each_task_has_the_newest(void **state)
{
    struct work_world world;

    (void)state;
    work_world_init(&world, 1, settings[1]);
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        work_disk_push(&world.disk, 0);
        world.world.now_wall_ms += 1;
        run(&world, i, 0);
        assert_string_equal(commit_of(&world, i), world.disk.remote[0].commit);
        assert_int_equal(world.disk.fetches, i + 1);
    }
    work_world_done(&world);
}

static void another_branch_of_a_fresh_mirror_is_only_looked_up(void **state)
{
    struct work_world world;

    (void)state;
    work_world_init(&world, 1, settings[0]);
    run(&world, 0, 0);
    run(&world, 1, 1);
    assert_int_equal(world.disk.fetches, 1);
    assert_int_equal(world.disk.lookups, 1);
    assert_string_equal(commit_of(&world, 1), world.disk.remote[1].commit);
    work_world_done(&world);
}

static void a_branch_that_comes_later_is_found(void **state)
{
    struct work_world world;

    (void)state;
    work_world_init(&world, 1, settings[0]);
    world.disk.remote[1].commit[0] = '\0';
    run(&world, 0, 1);
    assert_string_equal(work_world_status(&world, 0)->conditions[CONDITION_STALLED].reason,
                        "BranchNotFound");
    work_disk_push(&world.disk, 1);
    world.world.now_wall_ms += 60000;
    work_world_settle(&world);
    assert_int_equal(world.tasks[0].model.attempt.state, ATTEMPT_RUNNING);
    work_world_done(&world);
}

/*
 * --- while the remote is away
 * -----------------------------------------------------------------------
 */

/* Each wait is as long as it says. */
static void wait_until_it_runs(struct work_world *world, unsigned place)
{
    for (unsigned i = 0; world->tasks[place].model.attempt.state != ATTEMPT_RUNNING; i++) {
        int64_t wake_at = work_world_settle(world);

        assert_true(i < 6);
        world->world.now_wall_ms = wake_at != 0 ? wake_at : world->world.now_wall_ms + 1000;
    }
}

static void what_is_known_is_begun_with_and_said(void **state)
{
    struct work_world world;

    (void)state;
    work_world_init(&world, 1, settings[1]);
    run(&world, 0, 0);
    world.disk.is_remote_away = true;
    world.world.now_wall_ms += 5000;
    run(&world, 1, 0);
    wait_until_it_runs(&world, 1);
    assert_string_equal(commit_of(&world, 1), commit_of(&world, 0));
    assert_non_null(work_world_status(&world, 1)->task->tree.note);
    assert_null(work_world_status(&world, 0)->task->tree.note);
    work_world_done(&world);
}

/* It was not looked up by this controller: the mirror knows it all the same. */
static void also_by_a_controller_that_starts_then(void **state)
{
    struct work_world world;

    (void)state;
    for (unsigned which = 0; which < 2; which++) {
        work_world_init(&world, 1, settings[1]);
        run(&world, 0, 0);
        work_world_end(&world, 0, 0);
        work_world_settle(&world);
        world.disk.is_remote_away = true;
        work_world_restart(&world);
        world.world.now_wall_ms += 5000;
        run(&world, 1, which);
        wait_until_it_runs(&world, 1);
        assert_string_equal(commit_of(&world, 1), world.disk.remote[which].commit);
        work_world_done(&world);
    }
}

static void without_a_mirror_it_waits_and_says_why(void **state)
{
    struct work_world world;

    (void)state;
    work_world_init(&world, 1, settings[0]);
    world.disk.is_remote_away = true;
    run(&world, 0, 0);
    assert_string_equal(work_world_status(&world, 0)->conditions[CONDITION_READY].reason,
                        "EngineError"); /* what this world calls each failure */
    world.disk.is_remote_away = false;
    wait_until_it_runs(&world, 0);
    work_world_done(&world);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_whole_commit_never_changes),
        cmocka_unit_test(revisions_are_the_same_by_kind_and_name),
        cmocka_unit_test(every_known_method_has_a_name),
        cmocka_unit_test(tasks_within_the_interval_share_a_fetch),
        cmocka_unit_test(without_an_interval_each_task_has_the_newest),
        cmocka_unit_test(another_branch_of_a_fresh_mirror_is_only_looked_up),
        cmocka_unit_test(a_branch_that_comes_later_is_found),
        cmocka_unit_test(what_is_known_is_begun_with_and_said),
        cmocka_unit_test(also_by_a_controller_that_starts_then),
        cmocka_unit_test(without_a_mirror_it_waits_and_says_why),
    };

    return cmocka_run_group_tests(tests, parse_specs, free_specs);
}
