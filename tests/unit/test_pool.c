#include "pool_scene.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void need_follows_tasks_within_its_bounds(void **state)
{
    static const struct {
        unsigned active, waiting, wanted;
    } rows[] = {
        {0, 0, 1},  {8, 0, 1}, {9, 0, 2}, {16, 0, 2}, {17, 0, 3},  {40, 0, 5},
        {99, 0, 5}, {0, 1, 2}, {8, 1, 2}, {10, 7, 3}, {10, 90, 5},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(scene) scene;

        scene_init(&scene);
        add_member(&scene, MEMBER_READY, rows[i].active);
        scene.input.waiting_tasks = rows[i].waiting;
        decide(&scene);
        assert_int_equal(scene.decision.status.wanted, rows[i].wanted);
        assert_int_equal(scene.decision.created_count, rows[i].wanted - 1);
    }
}

static void what_is_asked_for_makes_more_members_than_the_number_of_tasks(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, MEMBER_READY, 1);
    scene.input.waiting_tasks = 3; /* each fills a machine */
    scene.input.waiting_members = 3;
    decide(&scene);
    expect_created(&scene, 3, (const unsigned[]){1, 2, 3});
    assert_string_equal(scene.decision.cause, "tasks wait for a place");
    add_members(&scene, 3, MEMBER_STARTING, 0);
    decide(&scene);
    expect_created(&scene, 0, NULL); /* they are on their way */
}

static void warm_repositories_make_a_member_and_hold_it(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.scale_down_delay_seconds = 0;
    add_member(&scene, MEMBER_READY, 0)->warm_repositories = 1;
    scene.input.waiting_repositories = 1;
    decide(&scene);
    expect_created(&scene, 1, (const unsigned[]){1});
    assert_string_equal(scene.decision.cause, "warm repositories wait for a place");
    scene.input.waiting_repositories = 0;
    add_member(&scene, MEMBER_READY, 0)->warm_repositories = 1;
    decide(&scene);
    expect_orders(&scene, "--");
    scene.members[0].warm_repositories = 0;
    decide(&scene);
    expect_orders(&scene, "r-"); /* not the newest: that one is in use */
}

static void numbers_are_the_lowest_free(void **state)
{
    static const unsigned taken[] = {7, 2, 2, 0};
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = 5;
    scene.spec.max_instances = 9;
    add_member(&scene, MEMBER_LEAVING, 0)->number = 1;
    add_member(&scene, MEMBER_FAILED, 0)->number = 4;
    scene.members[1].failed_wall_ms = 0; /* as after a restart: known */
    scene.input.taken = taken;
    scene.input.taken_count = ARRAY_SIZE(taken);
    decide(&scene);
    expect_created(&scene, 5, (const unsigned[]){3, 5, 6, 8, 9});
    assert_string_equal(scene.decision.cause, "there are fewer members than minInstances");
}

static void a_surplus_goes_after_the_delay_idle_and_newest_first(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_members(&scene, 4, MEMBER_READY, 0);
    scene.members[3].active_tasks = 1;
    decide(&scene);
    expect_orders(&scene, "----");
    assert_int_equal(scene.decision.wake_at_wall_ms, now_wall_ms + 300 * SECOND);
    decide_later(&scene, 300 * SECOND - 1);
    expect_orders(&scene, "----");
    decide_later(&scene, 1);
    expect_orders(&scene, "rrr-");
    assert_string_equal(scene.decision.cause, "fewer members are enough");
    assert_int_equal(scene.decision.wake_at_wall_ms, 0);
}

static void those_that_are_missed_less_go_before_the_newest(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.scale_down_delay_seconds = 0;
    scene.spec.update_strategy = UPDATE_ON_DELETE;
    add_members(&scene, 4, MEMBER_READY, 0);
    scene.members[0].state = MEMBER_STARTING;
    scene.members[2].is_outdated = true;
    scene.spec.min_instances = 3;
    decide(&scene);
    expect_orders(&scene, "r---");
    scene.spec.min_instances = 2;
    decide(&scene);
    expect_orders(&scene, "r-r-");
    scene.spec.min_instances = 1;
    decide(&scene);
    expect_orders(&scene, "r-rr");
}

static void what_was_needed_within_the_delay_stays(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_members(&scene, 4, MEMBER_READY, 1);
    scene.members[3].active_tasks = 0;
    decide(&scene); /* one is too many from now on */
    scene.members[1].active_tasks = scene.members[2].active_tasks = 0;
    decide_later(&scene, 200 * SECOND); /* three are, from now on */
    decide_later(&scene, 100 * SECOND);
    expect_orders(&scene, "---r");
    scene.members[3].state = MEMBER_LEAVING;
    decide_later(&scene, 300 * SECOND - 1);
    expect_orders(&scene, "----");
    decide_later(&scene, 1);
    expect_orders(&scene, "-rr-");
}

static void a_load_that_comes_back_in_time_removes_nobody(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_members(&scene, 2, MEMBER_READY, 0);
    decide(&scene);
    scene.members[0].active_tasks = 9;
    decide_later(&scene, 200 * SECOND);
    assert_int_equal(scene.decision.status.surplus_since_wall_ms, 0);
    scene.members[0].active_tasks = 0;
    decide_later(&scene, SECOND);
    decide_later(&scene, 200 * SECOND);
    expect_orders(&scene, "--");
}

static void more_than_the_maximum_goes_at_once(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_members(&scene, 5, MEMBER_READY, 1);
    scene.members[1].active_tasks = 0;
    scene.members[2].active_tasks = 0;
    scene.spec.max_instances = 4;
    decide(&scene);
    expect_orders(&scene, "--r--");
    assert_string_equal(scene.decision.cause, "there are more members than maxInstances");
    scene.spec.max_instances = 2;
    decide(&scene);
    expect_orders(&scene, "-rr-d");
    scene.spec.min_instances = scene.spec.max_instances = 0;
    decide(&scene);
    expect_orders(&scene, "drrdd");
}

static void a_suspended_pool_is_left_alone(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.is_suspended = true;
    scene.spec.max_instances = 1;
    add_member(&scene, MEMBER_READY, 0)->is_outdated = true;
    add_members(&scene, 2, MEMBER_READY, 0);
    add_members(&scene, 5, MEMBER_FAILED, 0);
    scene.previous.surplus_since_wall_ms = now_wall_ms - HOUR;
    decide(&scene);
    expect_orders(&scene, "--------");
    assert_int_equal(scene.decision.wake_at_wall_ms, 0);
    assert_int_equal(scene.decision.status.surplus_since_wall_ms, 0);
    scene.input.member_count = 0;
    decide(&scene);
    expect_created(&scene, 0, NULL);
}

static void before_the_load_is_known_nothing_is_decided(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.max_instances = 1;
    scene.input.is_load_unknown = true;
    add_member(&scene, MEMBER_READY, 0)->is_outdated = true;
    add_members(&scene, 2, MEMBER_READY, 0);
    add_members(&scene, 5, MEMBER_FAILED, 0);
    scene.previous.surplus_since_wall_ms = now_wall_ms - HOUR;
    scene.previous.surplus_wanted = 2;
    decide(&scene);
    expect_orders(&scene, "--------");
    assert_int_equal(scene.decision.status.failures_in_a_row, 0);
    assert_int_equal(scene.decision.status.surplus_since_wall_ms, now_wall_ms - HOUR);
    assert_int_equal(scene.decision.status.surplus_wanted, 2);
    assert_int_equal(scene.decision.status.ready, 3);
    scene.spec.min_instances = scene.spec.max_instances = 9;
    decide(&scene);
    expect_created(&scene, 0, NULL);
    scene.input.spec = NULL;
    decide(&scene);
    expect_orders(&scene, "--------");
}

static void a_deleted_pool_lets_tasks_finish(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, MEMBER_READY, 1);
    add_member(&scene, MEMBER_STARTING, 0);
    add_member(&scene, MEMBER_FAILED, 0);
    add_member(&scene, MEMBER_LEAVING, 0);
    scene.input.spec = NULL;
    decide(&scene);
    expect_orders(&scene, "drr-");
    assert_int_equal(scene.decision.status.wanted, 0);
    assert_int_equal(scene.decision.status.active_tasks, 1);
    assert_string_equal(scene.decision.cause, "the pool is no longer wanted");
}

static void stopped_members_stand_still(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.template_spec.power_state = POWER_STOPPED;
    scene.spec.scale_down_delay_seconds = 0;
    add_members(&scene, 3, MEMBER_STARTING, 0);
    scene.input.waiting_tasks = 50; /* none of them would run on a stopped one */
    decide(&scene);
    expect_orders(&scene, "---");
    expect_created(&scene, 0, NULL);
    assert_int_equal(scene.decision.wake_at_wall_ms, 0);
    scene.spec.min_instances = 4;
    decide(&scene);
    expect_created(&scene, 1, (const unsigned[]){3});
    scene.spec.min_instances = 0;
    scene.spec.max_instances = 1;
    decide(&scene);
    expect_orders(&scene, "-rr");
}

static void the_numbers_are_told(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, MEMBER_READY, 4);
    add_member(&scene, MEMBER_READY, 3)->is_outdated = true;
    add_member(&scene, MEMBER_STARTING, 0);
    add_member(&scene, MEMBER_FAILED, 0);
    add_member(&scene, MEMBER_LEAVING, 1);
    scene.spec.max_unavailable = 2;
    scene.input.waiting_tasks = 6;
    decide(&scene);
    assert_true(scene.decision.status.is_set);
    assert_int_equal(scene.decision.status.members, 4);
    assert_int_equal(scene.decision.status.ready, 2);
    assert_int_equal(scene.decision.status.starting, 1);
    assert_int_equal(scene.decision.status.failed, 1);
    assert_int_equal(scene.decision.status.updated, 3);
    assert_int_equal(scene.decision.status.active_tasks, 8);
    assert_int_equal(scene.decision.status.waiting_tasks, 6);
    assert_int_equal(scene.decision.status.capacity, 30);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(need_follows_tasks_within_its_bounds),
        cmocka_unit_test(what_is_asked_for_makes_more_members_than_the_number_of_tasks),
        cmocka_unit_test(warm_repositories_make_a_member_and_hold_it),
        cmocka_unit_test(numbers_are_the_lowest_free),
        cmocka_unit_test(a_surplus_goes_after_the_delay_idle_and_newest_first),
        cmocka_unit_test(those_that_are_missed_less_go_before_the_newest),
        cmocka_unit_test(what_was_needed_within_the_delay_stays),
        cmocka_unit_test(a_load_that_comes_back_in_time_removes_nobody),
        cmocka_unit_test(more_than_the_maximum_goes_at_once),
        cmocka_unit_test(a_suspended_pool_is_left_alone),
        cmocka_unit_test(before_the_load_is_known_nothing_is_decided),
        cmocka_unit_test(a_deleted_pool_lets_tasks_finish),
        cmocka_unit_test(stopped_members_stand_still),
        cmocka_unit_test(the_numbers_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
