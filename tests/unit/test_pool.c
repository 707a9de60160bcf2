#include "reconcilers/pool.h"

#include "base/cleanup.h"
#include "base/memory.h"
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

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const int64_t now_wall_ms = INT64_C(1767355200000);

/* Pool web: 1 to 5 members, 10 places on each, 8 of them in use at best, down after 300 s. */
struct scene {
    struct pool_spec spec;
    struct pool_member members[16];
    struct status_pool previous;
    struct pool_input input;
    struct pool_decision decision;
};

static void scene_init(struct scene *scene)
{
    *scene = (struct scene){
        .spec = {.min_instances = 1,
                 .max_instances = 5,
                 .max_tasks_per_instance = 10,
                 .target_utilization_milli = 800,
                 .scale_down_delay_seconds = 300,
                 .max_unavailable = 1},
        .input = {.key = "InstancePool/web", .now_wall_ms = now_wall_ms},
    };
    scene->input.spec = &scene->spec;
    scene->input.members = scene->members;
    scene->input.previous = &scene->previous;
}

static void scene_done(struct scene *scene)
{
    pool_decision_done(&scene->decision);
}

static struct pool_member *add_member(struct scene *scene, enum member_state state, unsigned tasks)
{
    unsigned number = (unsigned)scene->input.member_count;
    struct pool_member *member = &scene->members[number];

    *member = (struct pool_member){
        .number = number,
        .state = state,
        .active_tasks = tasks,
        .repositories = tasks > 0 ? 1 : 0,
        .created_wall_ms = now_wall_ms - 10 * HOUR + number,
        .ready_wall_ms = state == MEMBER_READY ? now_wall_ms - 9 * HOUR : 0,
        .failed_wall_ms = state == MEMBER_FAILED ? now_wall_ms - MINUTE + number : 0,
    };
    scene->input.member_count++;
    return member;
}

static void add_members(struct scene *scene, unsigned count, enum member_state state,
                        unsigned tasks)
{
    for (unsigned i = 0; i < count; i++) {
        add_member(scene, state, tasks);
    }
}

static void decide(struct scene *scene)
{
    pool_decision_done(&scene->decision);
    pool_decide(&scene->input, &scene->decision);
}

/* The next decision starts from what this one remembers. */
static void decide_later(struct scene *scene, int64_t ms)
{
    scene->previous = scene->decision.status;
    scene->input.now_wall_ms += ms;
    decide(scene);
}

/* One letter for each member: - keep, d drain, u update, r remove. */
static void expect_orders(const struct scene *scene, const char *orders)
{
    char text[32] = {0};

    for (size_t i = 0; i < scene->input.member_count; i++) {
        text[i] = "-dur"[scene->decision.orders[i]];
    }
    assert_string_equal(text, orders);
}

static void expect_created(const struct scene *scene, size_t count, const unsigned *numbers)
{
    assert_int_equal(scene->decision.created_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(scene->decision.created[i], numbers[i]);
    }
}

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
    status->pool = (struct status_pool){
        .is_set = true,
        .surplus_since_wall_ms = now_wall_ms,
        .surplus_wanted = 3,
        .next_create_wall_ms = now_wall_ms + MINUTE,
        .failures_in_a_row = 4,
        .last_failure_wall_ms = now_wall_ms - MINUTE,
    };
    json = status_to_json(status);
    again = status_from_json(json);
    assert_int_equal(again->pool.surplus_since_wall_ms, now_wall_ms);
    assert_int_equal(again->pool.surplus_wanted, 3);
    assert_int_equal(again->pool.next_create_wall_ms, now_wall_ms + MINUTE);
    assert_int_equal(again->pool.failures_in_a_row, 4);
    assert_int_equal(again->pool.last_failure_wall_ms, now_wall_ms - MINUTE);
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
        cmocka_unit_test(failed_members_are_replaced_and_kept_for_an_hour_three_at_most),
        cmocka_unit_test(evidence_wakes_when_it_is_old),
        cmocka_unit_test(tries_after_failures_wait_longer_and_longer),
        cmocka_unit_test(members_that_were_made_together_fail_once),
        cmocka_unit_test(a_failure_that_is_over_is_not_counted_again),
        cmocka_unit_test(a_member_that_gets_ready_ends_the_back_off),
        cmocka_unit_test(a_clock_that_was_set_back_holds_nothing_up_for_long),
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
        cmocka_unit_test(a_back_off_ends_only_when_a_member_stays_ready),
        cmocka_unit_test(a_template_that_fails_stops_and_a_fixed_one_goes_on),
        cmocka_unit_test(a_bad_template_is_tried_again_after_an_hour),
        cmocka_unit_test(a_drained_member_serves_again_when_the_template_fails),
        cmocka_unit_test(failures_that_were_cleared_away_do_not_let_a_bad_template_go_on),
        cmocka_unit_test(on_delete_leaves_members_as_they_are),
        cmocka_unit_test(a_suspended_pool_is_left_alone),
        cmocka_unit_test(before_the_load_is_known_nothing_is_decided),
        cmocka_unit_test(a_deleted_pool_lets_tasks_finish),
        cmocka_unit_test(stopped_members_stand_still),
        cmocka_unit_test(the_numbers_are_told),
        cmocka_unit_test(a_status_says_what_a_member_is),
        cmocka_unit_test(the_status_remembers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
