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

static void a_template_rolls_member_by_member(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = 3;
    add_members(&scene, 3, MEMBER_READY, 0);
    for (size_t i = 0; i < 3; i++) {
        scene.members[i].is_outdated = true;
    }
    scene.members[0].active_tasks = 1;
    decide(&scene);
    expect_orders(&scene, "-u-"); /* idle ones first */
    assert_true(scene.decision.is_updating);
    scene.members[1].is_let_go = true;
    decide(&scene);
    expect_orders(&scene, "-u-");
    scene.members[1].is_outdated = false;
    scene.members[1].state = MEMBER_STARTING;
    decide(&scene);
    expect_orders(&scene, "---");
    scene.members[1].state = MEMBER_READY;
    decide(&scene);
    expect_orders(&scene, "--u");
    scene.members[2].is_outdated = false;
    decide(&scene);
    expect_orders(&scene, "d--"); /* none but busy ones are left */
    scene.members[0].is_draining = true;
    scene.members[0].active_tasks = 0;
    decide(&scene);
    expect_orders(&scene, "u--");
    scene.members[0].is_outdated = false;
    decide(&scene);
    expect_orders(&scene, "---");
    assert_false(scene.decision.is_updating);
}

static void a_member_that_is_drained_is_stood_in_for(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.scale_down_delay_seconds = 0;
    add_member(&scene, MEMBER_READY, 1)->is_outdated = true;
    decide(&scene);
    expect_orders(&scene, "d");
    expect_created(&scene, 1, (const unsigned[]){1});
    scene.members[0].is_draining = true;
    add_member(&scene, MEMBER_STARTING, 0);
    decide(&scene);
    expect_orders(&scene, "d-"); /* it stays drained while the other one starts */
    expect_created(&scene, 0, NULL);
    scene.spec.max_instances = 1; /* no room for another one: it drains all the same */
    scene.input.member_count = 1;
    decide(&scene);
    expect_orders(&scene, "d");
    expect_created(&scene, 0, NULL);
}

static void what_is_not_ready_is_updated_at_once(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = 4;
    add_member(&scene, MEMBER_READY, 0);
    add_members(&scene, 2, MEMBER_STARTING, 0);
    add_member(&scene, MEMBER_FAILED, 0);
    for (size_t i = 0; i < 4; i++) {
        scene.members[i].is_outdated = true;
    }
    decide(&scene);
    expect_orders(&scene, "-uuu");
    expect_created(&scene, 0, NULL); /* the failed one comes back instead */
    scene.spec.min_instances = 3;
    decide(&scene);
    expect_orders(&scene, "-uu-"); /* nobody needs it: evidence */
}

static void who_was_let_go_stays_so(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = 3;
    add_members(&scene, 2, MEMBER_READY, 0);
    scene.members[0].is_outdated = scene.members[1].is_outdated = true;
    scene.members[1].is_let_go = true;
    add_member(&scene, MEMBER_STARTING, 0); /* that alone would stop another update */
    decide(&scene);
    expect_orders(&scene, "-u-");
    scene.members[1].active_tasks = 1;
    decide(&scene);
    expect_orders(&scene, "-d-");
}

static void those_with_few_repositories_are_updated_first(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = 3;
    add_members(&scene, 3, MEMBER_READY, 0);
    for (size_t i = 0; i < 3; i++) {
        scene.members[i].is_outdated = true;
        scene.members[i].repositories = i == 1 ? 1 : 2;
    }
    decide(&scene);
    expect_orders(&scene, "-u-");
}

static void what_goes_because_of_the_maximum_does_not_hold_up_a_rollout(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.max_instances = 2;
    add_members(&scene, 3, MEMBER_READY, 0);
    for (size_t i = 0; i < 3; i++) {
        scene.members[i].is_outdated = true;
    }
    decide(&scene);
    expect_orders(&scene, "u-r");
    scene.members[0].active_tasks = scene.members[1].active_tasks = 1;
    scene.members[2].active_tasks = 1;
    decide(&scene);
    expect_orders(&scene, "d-d");
}

static void a_member_that_is_updated_will_take_what_waits(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, MEMBER_READY, 0)->is_outdated = true;
    scene.members[0].is_let_go = true;
    scene.input.waiting_tasks = 1;
    decide(&scene);
    expect_orders(&scene, "u");
    expect_created(&scene, 0, NULL);
}

static void a_failure_that_was_made_good_does_not_stop_a_rollout(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = 3;
    add_members(&scene, 3, MEMBER_READY, 0);
    scene.members[0].is_outdated = scene.members[1].is_outdated = true;
    scene.members[2].ready_wall_ms = now_wall_ms - POOL_PROOF_MS; /* of the present template */
    add_member(&scene, MEMBER_FAILED, 0);
    decide(&scene);
    expect_orders(&scene, "u---");
    scene.members[2].ready_wall_ms = now_wall_ms - 9 * HOUR; /* it was so before: proves nothing */
    scene.spec.max_unavailable = 2;
    decide(&scene);
    expect_orders(&scene, "u---");
    assert_true(scene.decision.is_update_stuck);
    scene.members[1].is_outdated = false;
    decide(&scene);
    expect_orders(&scene, "u---");
    assert_false(scene.decision.is_update_stuck); /* nobody waits for anybody */
}

/* Crashed before, and up since a moment ago: it is not believed at once. */
static void a_container_that_is_up_for_a_moment_is_not_ready(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = scene.spec.max_instances = 3;
    add_members(&scene, 3, MEMBER_READY, 0);
    scene.members[0].is_outdated = scene.members[1].is_outdated = true;
    scene.members[2].ready_wall_ms = now_wall_ms;
    scene.members[2].crashes_in_a_row = 1;
    decide(&scene);
    expect_orders(&scene, "---");
    assert_int_equal(scene.decision.status.starting, 1);
    assert_int_equal(scene.decision.wake_at_wall_ms, now_wall_ms + POOL_PROOF_MS);
    decide_later(&scene, POOL_PROOF_MS - 1);
    expect_orders(&scene, "---");
    decide_later(&scene, 1);
    expect_orders(&scene, "u--");
    scene.members[2].crashes_in_a_row = 3; /* a crash loop: it has failed, and does not come back */
    scene.members[2].ready_wall_ms = scene.input.now_wall_ms;
    decide_later(&scene, 1);
    expect_orders(&scene, "---");
    assert_int_equal(scene.decision.status.failed, 1);
    assert_int_equal(scene.decision.status.failures_in_a_row, 1);
    decide_later(&scene, POOL_PROOF_MS);
    assert_int_equal(scene.decision.status.ready, 3);
}

static void a_new_member_settles_before_the_next_one_is_updated(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = 2;
    add_members(&scene, 2, MEMBER_READY, 0);
    scene.members[0].is_outdated = true;
    scene.members[1].ready_wall_ms = now_wall_ms;
    decide(&scene);
    expect_orders(&scene, "--");
    assert_int_equal(scene.decision.wake_at_wall_ms, now_wall_ms + POOL_SETTLE_MS);
    decide_later(&scene, POOL_SETTLE_MS - 1);
    expect_orders(&scene, "--");
    decide_later(&scene, 1);
    expect_orders(&scene, "u-");
    scene.members[0].ready_wall_ms = scene.input.now_wall_ms; /* of one that goes nobody asks it */
    decide(&scene);
    expect_orders(&scene, "u-");
}

static void a_template_that_fails_stops_and_a_fixed_one_goes_on(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = 3;
    add_members(&scene, 2, MEMBER_READY, 0);
    scene.members[0].is_outdated = scene.members[1].is_outdated = true;
    add_member(&scene, MEMBER_FAILED, 0);
    decide(&scene);
    expect_orders(&scene, "---");
    assert_true(scene.decision.is_updating);
    assert_true(scene.decision.is_update_stuck);
    scene.members[2].is_outdated = true; /* another template */
    decide_later(&scene, 0);
    expect_orders(&scene, "--u");
    assert_false(scene.decision.is_update_stuck);
}

/* When the evidence is old, one more is risked, but for what the load needs. */
static void a_bad_template_is_tried_again_after_an_hour(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = 2;
    add_members(&scene, 2, MEMBER_READY, 0);
    scene.members[0].is_outdated = scene.members[1].is_outdated = true;
    add_member(&scene, MEMBER_FAILED, 0);
    decide(&scene);
    expect_orders(&scene, "---");
    decide_later(&scene, HOUR);
    expect_orders(&scene, "u-r");
    scene.spec.min_instances = 3;
    decide(&scene);
    expect_orders(&scene, "--r");
}

static void a_drained_member_serves_again_when_the_template_fails(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = 2;
    add_member(&scene, MEMBER_READY, 1)->is_outdated = true;
    scene.members[0].is_draining = true;
    add_member(&scene, MEMBER_FAILED, 0);
    decide(&scene);
    expect_orders(&scene, "--");
    assert_true(scene.decision.is_update_stuck);
}

static void failures_that_were_cleared_away_do_not_let_a_bad_template_go_on(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = scene.spec.max_instances = 10;
    scene.spec.max_unavailable = 5;
    add_members(&scene, 5, MEMBER_READY, 0);
    for (size_t i = 0; i < 5; i++) {
        scene.members[i].is_outdated = true;
    }
    add_members(&scene, 3, MEMBER_FAILED, 0); /* of five: two are cleared away */
    decide(&scene);
    expect_orders(&scene, "--------");
    assert_true(scene.decision.is_update_stuck);
}

static void on_delete_leaves_members_as_they_are(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.update_strategy = UPDATE_ON_DELETE;
    scene.spec.min_instances = 3;
    add_member(&scene, MEMBER_READY, 0)->is_let_go = true;
    add_member(&scene, MEMBER_STARTING, 0);
    add_member(&scene, MEMBER_READY, 2);
    for (size_t i = 0; i < 3; i++) {
        scene.members[i].is_outdated = true;
    }
    decide(&scene);
    expect_orders(&scene, "---");
    assert_true(scene.decision.is_updating);
    assert_false(scene.decision.is_update_stuck);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_template_rolls_member_by_member),
        cmocka_unit_test(a_member_that_is_drained_is_stood_in_for),
        cmocka_unit_test(what_is_not_ready_is_updated_at_once),
        cmocka_unit_test(who_was_let_go_stays_so),
        cmocka_unit_test(those_with_few_repositories_are_updated_first),
        cmocka_unit_test(what_goes_because_of_the_maximum_does_not_hold_up_a_rollout),
        cmocka_unit_test(a_member_that_is_updated_will_take_what_waits),
        cmocka_unit_test(a_failure_that_was_made_good_does_not_stop_a_rollout),
        cmocka_unit_test(a_container_that_is_up_for_a_moment_is_not_ready),
        cmocka_unit_test(a_new_member_settles_before_the_next_one_is_updated),
        cmocka_unit_test(a_template_that_fails_stops_and_a_fixed_one_goes_on),
        cmocka_unit_test(a_bad_template_is_tried_again_after_an_hour),
        cmocka_unit_test(a_drained_member_serves_again_when_the_template_fails),
        cmocka_unit_test(failures_that_were_cleared_away_do_not_let_a_bad_template_go_on),
        cmocka_unit_test(on_delete_leaves_members_as_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
