#include "pool_scene.h"

#include "base/cleanup.h"
#include "reconcilers/world.h"
#include "specs/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void failed_members_are_replaced_and_kept_for_an_hour_three_at_most(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.max_instances = 1;
    add_member(&scene, MEMBER_READY, 0);
    add_members(&scene, 4, MEMBER_FAILED, 0); /* number 4 was the last to fail */
    decide(&scene);
    expect_orders(&scene, "-r---");
    scene.members[1].state = MEMBER_LEAVING;
    scene.members[2].active_tasks = 1;
    decide_later(&scene, HOUR);
    expect_orders(&scene, "--drr");
    assert_int_equal(scene.decision.wake_at_wall_ms, 0);
}

static void evidence_wakes_when_it_is_old(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, MEMBER_READY, 0);
    add_member(&scene, MEMBER_FAILED, 0);
    decide(&scene);
    assert_int_equal(scene.decision.wake_at_wall_ms, scene.members[1].failed_wall_ms + HOUR);
}

/* Fails with everything it makes, and is asked whenever it wants to be. */
static void tries_after_failures_wait_longer_and_longer(void **state)
{
    auto_done(scene) scene;
    int64_t failed = now_wall_ms;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = 2;
    decide(&scene);
    expect_created(&scene, 2, (const unsigned[]){0, 1});
    add_members(&scene, 2, MEMBER_FAILED, 0);
    for (size_t i = 0; i < 2; i++) {
        scene.members[i].created_wall_ms = now_wall_ms - SECOND;
        scene.members[i].failed_wall_ms = now_wall_ms;
    }
    for (unsigned failures = 1; failures < 12; failures++) {
        int64_t delay = (int64_t)retry_delay_ms("InstancePool/web", failures);
        struct pool_member *member = &scene.members[1];

        decide_later(&scene, 0);
        assert_int_equal(scene.decision.status.failures_in_a_row, failures);
        assert_int_equal(scene.decision.created_count, 0);
        assert_int_equal(scene.decision.wake_at_wall_ms, failed + delay);
        decide_later(&scene, failed + delay - 1 - scene.input.now_wall_ms);
        assert_int_equal(scene.decision.created_count, 0);
        decide_later(&scene, 1);
        assert_int_equal(scene.decision.created_count, 1); /* one at a time */
        member->created_wall_ms = scene.input.now_wall_ms;
        member->state = MEMBER_STARTING;
        decide_later(&scene, 500);
        assert_int_equal(scene.decision.created_count, 0);
        failed = scene.input.now_wall_ms + 2 * HOUR / 1000;
        scene.input.now_wall_ms = failed;
        member->state = MEMBER_FAILED;
        member->failed_wall_ms = failed;
        scene.members[0].failed_wall_ms = failed - MINUTE; /* still there */
    }
}

static void members_that_were_made_together_fail_once(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = 5;
    add_members(&scene, 3, MEMBER_STARTING, 0);
    for (size_t i = 0; i < 3; i++) {
        scene.members[i].state = MEMBER_FAILED;
        scene.members[i].failed_wall_ms = now_wall_ms + (int64_t)i * SECOND;
        decide_later(&scene, i == 0 ? 0 : SECOND);
        assert_int_equal(scene.decision.status.failures_in_a_row, 1);
    }
}

static void a_failure_that_is_over_is_not_counted_again(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = 3;
    scene.spec.update_strategy = UPDATE_ON_DELETE;
    add_member(&scene, MEMBER_FAILED, 0);
    scene.previous.last_failure_wall_ms = scene.members[0].failed_wall_ms;
    decide(&scene);
    assert_int_equal(scene.decision.status.failures_in_a_row, 0);
    expect_created(&scene, 3, (const unsigned[]){1, 2, 3});
}

static void a_member_that_gets_ready_ends_the_back_off(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = 4;
    add_member(&scene, MEMBER_READY, 0);
    add_member(&scene, MEMBER_FAILED, 0);
    scene.previous.failures_in_a_row = 6;
    scene.previous.last_failure_wall_ms = scene.members[1].failed_wall_ms;
    scene.previous.next_create_wall_ms = now_wall_ms + MINUTE;
    decide(&scene);
    expect_created(&scene, 0, NULL);
    scene.members[0].ready_wall_ms = scene.members[1].failed_wall_ms + 1;
    scene.members[0].is_outdated = true; /* says nothing about the present template */
    scene.spec.update_strategy = UPDATE_ON_DELETE;
    decide(&scene);
    expect_created(&scene, 0, NULL);
    scene.members[0].is_outdated = false;
    decide(&scene);
    assert_int_equal(scene.decision.status.failures_in_a_row, 0);
    expect_created(&scene, 3, (const unsigned[]){2, 3, 4});
}

static void a_clock_that_was_set_back_holds_nothing_up_for_long(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_members(&scene, 2, MEMBER_READY, 0);
    add_member(&scene, MEMBER_FAILED, 0)->failed_wall_ms = now_wall_ms + 24 * HOUR;
    scene.spec.min_instances = 3;
    scene.previous.failures_in_a_row = 9;
    scene.previous.last_failure_wall_ms = now_wall_ms + 24 * HOUR;
    scene.previous.next_create_wall_ms = now_wall_ms + 24 * HOUR;
    scene.previous.surplus_since_wall_ms = now_wall_ms + 24 * HOUR;
    decide(&scene);
    assert_int_equal(scene.decision.status.failures_in_a_row, 9);
    assert_int_equal(scene.decision.wake_at_wall_ms, now_wall_ms + RETRY_MAX_MS);
    scene.spec.min_instances = 1;
    decide(&scene);
    assert_int_equal(scene.decision.status.surplus_since_wall_ms, now_wall_ms);
    scene.members[2].created_wall_ms = now_wall_ms + SECOND; /* what fails from now on counts */
    scene.members[2].failed_wall_ms = now_wall_ms + 2 * SECOND;
    decide_later(&scene, 3 * SECOND);
    assert_int_equal(scene.decision.status.failures_in_a_row, 10);
    scene.members[0].ready_wall_ms = now_wall_ms + 24 * HOUR;
    scene.members[0].crashes_in_a_row = 1;
    decide(&scene);
    assert_int_equal(scene.decision.status.ready, 2);
}

static void a_back_off_ends_only_when_a_member_stays_ready(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.spec.min_instances = 3;
    add_member(&scene, MEMBER_FAILED, 0);
    add_member(&scene, MEMBER_READY, 0)->ready_wall_ms = now_wall_ms;
    scene.previous.failures_in_a_row = 7;
    scene.previous.last_failure_wall_ms = scene.members[0].failed_wall_ms;
    scene.previous.next_create_wall_ms = now_wall_ms + 4 * MINUTE;
    decide(&scene);
    expect_created(&scene, 0, NULL);
    assert_int_equal(scene.decision.wake_at_wall_ms, now_wall_ms + POOL_PROOF_MS);
    decide_later(&scene, POOL_PROOF_MS - 1);
    expect_created(&scene, 0, NULL);
    decide_later(&scene, 1);
    expect_created(&scene, 2, (const unsigned[]){2, 3});
}

static void a_status_says_what_a_member_is(void **state)
{
    static const struct {
        enum phase phase;
        enum condition_value ready, stalled;
        const char *reason;
        unsigned crashes;
        enum member_state wanted;
    } rows[] = {
        {PHASE_RUNNING, CONDITION_TRUE, CONDITION_FALSE, "Healthy", 0, MEMBER_READY},
        {PHASE_RUNNING, CONDITION_TRUE, CONDITION_FALSE, "Healthy", 9, MEMBER_READY},
        {PHASE_TERMINATED, CONDITION_TRUE, CONDITION_FALSE, "Stopped", 0, MEMBER_STARTING},
        {PHASE_SUSPENDED, CONDITION_TRUE, CONDITION_FALSE, "Suspended", 0, MEMBER_STARTING},
        {PHASE_UNKNOWN, CONDITION_ABSENT, CONDITION_ABSENT, NULL, 0, MEMBER_STARTING},
        {PHASE_PROVISIONING, CONDITION_FALSE, CONDITION_FALSE, "Creating", 0, MEMBER_STARTING},
        {PHASE_STOPPING, CONDITION_FALSE, CONDITION_FALSE, "Stopping", 0, MEMBER_STARTING},
        {PHASE_REPAIRING, CONDITION_FALSE, CONDITION_FALSE, "Starting", 2, MEMBER_STARTING},
        {PHASE_REPAIRING, CONDITION_FALSE, CONDITION_FALSE, "Starting", 3, MEMBER_FAILED},
        {PHASE_REPAIRING, CONDITION_FALSE, CONDITION_FALSE, "Creating", 3, MEMBER_STARTING},
        {PHASE_REPAIRING, CONDITION_FALSE, CONDITION_TRUE, REASON_CRASH_LOOP, 3, MEMBER_FAILED},
        {PHASE_TERMINATED, CONDITION_FALSE, CONDITION_TRUE, REASON_FAILED, 1, MEMBER_FAILED},
        {PHASE_TERMINATED, CONDITION_FALSE, CONDITION_FALSE, "Completed", 0, MEMBER_FAILED},
        {PHASE_STAGING, CONDITION_FALSE, CONDITION_TRUE, REASON_START_FAILED, 0, MEMBER_FAILED},
        {PHASE_STAGING, CONDITION_FALSE, CONDITION_TRUE, REASON_OOM_KILLED, 0, MEMBER_FAILED},
        {PHASE_STAGING, CONDITION_FALSE, CONDITION_TRUE, REASON_HOOK_FAILED, 0, MEMBER_FAILED},
        {PHASE_STAGING, CONDITION_FALSE, CONDITION_TRUE, REASON_PROBE_FAILED, 0, MEMBER_FAILED},
        {PHASE_STAGING, CONDITION_FALSE, CONDITION_FALSE, REASON_START_FAILED, 0, MEMBER_STARTING},
        {PHASE_RUNNING, CONDITION_FALSE, CONDITION_FALSE, REASON_PROBE_FAILED, 0, MEMBER_STARTING},
        {PHASE_PROVISIONING, CONDITION_FALSE, CONDITION_TRUE, REASON_IMAGE_NOT_FOUND, 0,
         MEMBER_STARTING},
        {PHASE_PROVISIONING, CONDITION_FALSE, CONDITION_TRUE, REASON_PORTS_EXHAUSTED, 0,
         MEMBER_STARTING},
        {PHASE_PROVISIONING, CONDITION_FALSE, CONDITION_TRUE, REASON_ENGINE_UNAVAILABLE, 0,
         MEMBER_STARTING},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(object_status) *status = status_new();

        status->phase = rows[i].phase;
        status->restarts.in_a_row = rows[i].crashes;
        status_set_condition(status, CONDITION_READY, rows[i].ready, rows[i].reason, NULL);
        status_set_condition(status, CONDITION_STALLED, rows[i].stalled, rows[i].reason, NULL);
        if (pool_member_state(status) != rows[i].wanted) {
            fail_msg("row %zu: %d", i, pool_member_state(status));
        }
    }
}

/* What must not be forgotten comes back from the document. */
static void the_status_remembers(void **state)
{
    auto_owned(object_status) *status = status_new();
    auto_owned(object_status) *again = NULL;
    json_auto_t *json = NULL;

    (void)state;
    *status_pool(status) = (struct status_pool){
        .is_set = true,
        .surplus_since_wall_ms = now_wall_ms,
        .surplus_wanted = 3,
        .next_create_wall_ms = now_wall_ms + MINUTE,
        .failures_in_a_row = 4,
        .last_failure_wall_ms = now_wall_ms - MINUTE,
    };
    json = status_to_json(status);
    again = status_from_json(json);
    assert_int_equal(again->pool->surplus_since_wall_ms, now_wall_ms);
    assert_int_equal(again->pool->surplus_wanted, 3);
    assert_int_equal(again->pool->next_create_wall_ms, now_wall_ms + MINUTE);
    assert_int_equal(again->pool->failures_in_a_row, 4);
    assert_int_equal(again->pool->last_failure_wall_ms, now_wall_ms - MINUTE);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_members_are_replaced_and_kept_for_an_hour_three_at_most),
        cmocka_unit_test(evidence_wakes_when_it_is_old),
        cmocka_unit_test(tries_after_failures_wait_longer_and_longer),
        cmocka_unit_test(members_that_were_made_together_fail_once),
        cmocka_unit_test(a_failure_that_is_over_is_not_counted_again),
        cmocka_unit_test(a_member_that_gets_ready_ends_the_back_off),
        cmocka_unit_test(a_clock_that_was_set_back_holds_nothing_up_for_long),
        cmocka_unit_test(a_back_off_ends_only_when_a_member_stays_ready),
        cmocka_unit_test(a_status_says_what_a_member_is),
        cmocka_unit_test(the_status_remembers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
