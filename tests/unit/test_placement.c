#include "reconcilers/placement.h"

#include "base/cleanup.h"
#include "base/memory.h"
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
#include <limits.h>

#define GIB (INT64_C(1) << 30)

/*
 * One scene: pool web has three places on each of its members of 2 CPUs and 4 GiB, pool ci one
 * place on each of its members, which are as large.
 */
struct scene {
    struct placement_pool pools[3];
    struct placement_member members[8];
    struct placement_repository repositories[8];
    struct placement_task tasks[16];
    struct placement_input input;
    struct placement_result result;
};

static void scene_init(struct scene *scene)
{
    *scene = (struct scene){
        .pools = {{"web", PLACEMENT_PACK, 3, 2000, 4 * GIB, false, 3},
                  {"ci", PLACEMENT_SPREAD, 1, 2000, 4 * GIB, false, 5}},
        .input = {.pool_count = 2},
    };
    scene->input.pools = scene->pools;
    scene->input.members = scene->members;
    scene->input.repositories = scene->repositories;
    scene->input.tasks = scene->tasks;
}

static void scene_done(struct scene *scene)
{
    placement_result_done(&scene->result);
}

static struct placement_member *add_member(struct scene *scene, const char *name, size_t pool)
{
    struct placement_member *member = &scene->members[scene->input.member_count];

    *member = (struct placement_member){
        .name = name,
        .pool = pool,
        .is_open = true,
        .is_standing = true,
        .sequence = ++scene->input.member_count,
    };
    return member;
}

/* Asks for nothing; on `instance` its container is there. */
static struct placement_repository *add_repository(struct scene *scene, const char *pool,
                                                   const char *instance)
{
    struct placement_repository *repository = &scene->repositories[scene->input.repository_count++];

    *repository = (struct placement_repository){
        .key = "repo", .pool = pool, .instance = instance, .is_present = instance != NULL};
    return repository;
}

static struct placement_task *add_task(struct scene *scene, size_t repository)
{
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h",
                                       "i", "j", "k", "l", "m", "n", "o", "p"};
    struct placement_task *task = &scene->tasks[scene->input.task_count];

    *task = (struct placement_task){
        .key = keys[scene->input.task_count],
        .repository = repository,
        .arrival_wall_ms = 1000 + (int64_t)scene->input.task_count,
        .sequence = scene->input.task_count,
    };
    scene->input.task_count++;
    return task;
}

static void decide(struct scene *scene)
{
    placement_result_done(&scene->result);
    placement_decide(&scene->input, &scene->result);
}

static void expect_on(const struct scene *scene, size_t task, const char *instance)
{
    const struct task_placement *told = &scene->result.tasks[task];

    assert_true(told->is_admitted);
    assert_null(told->reason);
    assert_null(told->message);
    assert_int_equal(told->queue_position, 0);
    if (instance == NULL) {
        assert_null(told->instance);
        assert_null(told->pool);
    } else {
        assert_string_equal(told->instance, instance);
        assert_string_equal(scene->result.repositories[scene->tasks[task].repository].instance,
                            instance);
    }
}

static void expect_waits(const struct scene *scene, size_t task, const char *reason,
                         unsigned position, const char *message)
{
    const struct task_placement *told = &scene->result.tasks[task];

    assert_false(told->is_admitted);
    assert_null(told->instance);
    assert_string_equal(told->reason, reason);
    assert_string_equal(told->message, message);
    assert_int_equal(told->queue_position, position);
}

static void a_task_follows_its_repository(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, "web-0", 0);
    add_member(&scene, "web-1", 0);
    add_repository(&scene, "web", "web-1");
    add_task(&scene, 0);
    add_task(&scene, 0);
    decide(&scene);
    expect_on(&scene, 0, "web-1");
    expect_on(&scene, 1, "web-1");
    assert_string_equal(scene.result.tasks[0].pool, "web");
}

static void pack_takes_the_fullest_and_spread_the_emptiest(void **state)
{
    (void)state;
    for (int placement = PLACEMENT_PACK; placement <= PLACEMENT_SPREAD; placement++) {
        auto_done(scene) scene;

        scene_init(&scene);
        scene.pools[0].placement = (enum placement)placement;
        add_member(&scene, "web-0", 0);
        add_member(&scene, "web-1", 0);
        add_member(&scene, "web-2", 0);
        add_repository(&scene, "web", "web-1");
        add_repository(&scene, "web", NULL);
        add_task(&scene, 0)->is_admitted = true;
        add_task(&scene, 1);
        decide(&scene);
        expect_on(&scene, 1, placement == PLACEMENT_PACK ? "web-1" : "web-0");
    }
}

static void between_equals_the_older_member_wins(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, "web-0", 0)->sequence = 9;
    add_member(&scene, "web-1", 0)->sequence = 3;
    add_member(&scene, "web-2", 0)->sequence = 5;
    add_repository(&scene, "web", NULL);
    add_task(&scene, 0);
    decide(&scene);
    expect_on(&scene, 0, "web-1");
}

static void a_full_pool_queues_and_says_so_with_numbers(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, "web-0", 0);
    for (size_t i = 0; i < 5; i++) {
        add_repository(&scene, "web", NULL);
        add_task(&scene, i);
    }
    decide(&scene);
    expect_on(&scene, 2, "web-0");
    expect_waits(&scene, 3, REASON_POOL_EXHAUSTED, 1,
                 "every member of pool web is full (1 of 3 members, 3 of 3 places); 1st in the "
                 "queue");
    expect_waits(&scene, 4, REASON_POOL_EXHAUSTED, 2,
                 "every member of pool web is full (1 of 3 members, 3 of 3 places); 2nd in the "
                 "queue");
    assert_int_equal(scene.result.waiting_tasks[0], 2);
    assert_int_equal(scene.result.waiting_members[0], 1);
    assert_int_equal(scene.result.waiting_tasks[1], 0);
    assert_int_equal(scene.result.waiting_members[1], 0);

    scene.pools[0].can_grow = true;
    decide(&scene);
    expect_waits(&scene, 3, PLACEMENT_WAITING, 1,
                 "every member of pool web is full (1 of 3 members, 3 of 3 places); another member "
                 "is made; 1st in the queue");

    scene.members[0].is_open = false;
    decide(&scene);
    expect_waits(&scene, 4, PLACEMENT_WAITING, 5,
                 "no member of pool web is ready (1 of 3 members, 0 of 3 places); another member "
                 "is made; 5th in the queue");

    scene.input.member_count = 0;
    decide(&scene);
    expect_waits(&scene, 2, PLACEMENT_WAITING, 3,
                 "pool web has no members (0 of 3 members, 0 of 0 places); another member is made; "
                 "3rd in the queue");
    assert_int_equal(scene.result.waiting_tasks[0], 5);
    assert_int_equal(scene.result.waiting_members[0], 2);
}

static void the_queue_is_by_priority_then_arrival_then_sequence(void **state)
{
    static const size_t order[] = {2, 5, 0, 3, 1, 4};
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    for (size_t i = 0; i < 6; i++) {
        add_repository(&scene, "ci", NULL);
        add_task(&scene, i);
    }
    scene.tasks[2].priority = 7;
    scene.tasks[5].priority = 7;
    scene.tasks[1].priority = -1;
    scene.tasks[4].priority = -1;
    scene.tasks[4].arrival_wall_ms = scene.tasks[1].arrival_wall_ms;
    scene.tasks[0].arrival_wall_ms = scene.tasks[3].arrival_wall_ms;
    decide(&scene);
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        assert_int_equal(scene.result.tasks[order[i]].queue_position, i + 1);
    }
    add_member(&scene, "ci-0", 1);
    decide(&scene);
    expect_on(&scene, 2, "ci-0");
    assert_int_equal(scene.result.tasks[5].queue_position, 1);
}

static void cpu_and_memory_count_as_well_as_places(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, "web-0", 0);
    add_repository(&scene, "web", NULL)->cpu_milli = 1500;
    add_repository(&scene, "web", NULL)->cpu_milli = 1000; /* does not fit beside it */
    add_repository(&scene, "web", NULL)->cpu_milli = 500;  /* does, and need not wait */
    scene.repositories[1].memory_bytes = GIB;
    for (size_t i = 0; i < 3; i++) {
        add_task(&scene, i);
    }
    decide(&scene);
    expect_on(&scene, 0, "web-0");
    expect_waits(&scene, 1, REASON_POOL_EXHAUSTED, 1,
                 "no member of pool web has 1 CPU and 1Gi of memory left (1 of 3 members, 2 of 3 "
                 "places); 1st in the queue");
    expect_on(&scene, 2, "web-0");
}

static void wanted_members_follow_from_what_is_asked_for(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_repository(&scene, "web", NULL)->cpu_milli = 2000;
    add_repository(&scene, "web", NULL)->memory_bytes = 3 * GIB;
    scene.repositories[0].is_warm = true; /* with a task it is not counted twice */
    for (size_t i = 0; i < 2; i++) {
        add_task(&scene, 0);
        add_task(&scene, 1);
    }
    decide(&scene);
    assert_int_equal(scene.result.waiting_tasks[0], 4);
    assert_int_equal(scene.result.waiting_repositories[0], 0);
    assert_int_equal(scene.result.waiting_members[0], 2); /* four tasks on three places each */
    scene.input.task_count = 2;
    decide(&scene);
    assert_int_equal(scene.result.waiting_members[0], 1); /* one has room for both */
    add_repository(&scene, "web", NULL)->cpu_milli = 1500;
    scene.repositories[2].memory_bytes = 2 * GIB;
    add_task(&scene, 2);
    decide(&scene);
    assert_int_equal(scene.result.waiting_members[0], 2); /* 3.5 CPUs, 5 GiB */
    add_repository(&scene, "web", NULL)->is_warm = true;
    scene.repositories[3].memory_bytes = 4 * GIB;
    decide(&scene);
    assert_int_equal(scene.result.waiting_repositories[0], 1);
    assert_int_equal(scene.result.waiting_members[0], 3); /* 9 GiB */
    scene.repositories[3].cpu_milli = 1000;
    scene.pools[0].memory_bytes = 0; /* no bound */
    decide(&scene);
    assert_int_equal(scene.result.waiting_members[0], 3); /* 4.5 CPUs */
    scene.repositories[3].is_warm = false;
    scene.tasks[1].repository = scene.tasks[2].repository = 0;
    decide(&scene);
    assert_int_equal(scene.result.waiting_members[0], 1); /* three tasks on one container */
}

static void what_no_member_ever_has_is_unschedulable(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    scene.pools[0].can_grow = true;
    add_member(&scene, "web-0", 0);
    add_repository(&scene, "web", NULL)->memory_bytes = 8 * GIB;
    scene.repositories[0].cpu_milli = 1000;
    add_task(&scene, 0);
    decide(&scene);
    expect_waits(&scene, 0, REASON_UNSCHEDULABLE, 0,
                 "its repository's container asks for 1 CPU and 8Gi of memory; a member of pool "
                 "web has 2 CPUs and 4Gi of memory");
    assert_int_equal(scene.result.waiting_tasks[0], 0);
    assert_int_equal(scene.result.waiting_members[0], 0);
}

static void a_stopped_container_takes_nothing_until_it_is_wanted(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, "web-0", 0);
    add_member(&scene, "web-1", 0);
    add_repository(&scene, "web", "web-0")->cpu_milli = 2000;
    add_repository(&scene, "web", "web-0")->cpu_milli = 2000;
    scene.repositories[0].is_present = false;
    scene.repositories[1].is_present = false;
    add_task(&scene, 0);
    decide(&scene);
    expect_on(&scene, 0, "web-0"); /* it stays where it was */
    scene.tasks[0].is_admitted = true;
    scene.repositories[0].is_present = true;
    add_task(&scene, 1);
    decide(&scene);
    expect_on(&scene, 1, "web-1"); /* there is no room for it beside the other one */
}

static void a_repository_in_use_stays_on_a_member_that_is_closed(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, "web-0", 0)->is_open = false;
    add_member(&scene, "web-1", 0);
    add_repository(&scene, "web", "web-0");
    add_task(&scene, 0)->is_admitted = true;
    add_task(&scene, 0);
    decide(&scene);
    expect_on(&scene, 0, "web-0");
    expect_waits(&scene, 1, REASON_INSTANCE_FULL, 1,
                 "its repository's container is in use on instance web-0, which takes no new "
                 "tasks; 1st in the queue");
    assert_int_equal(scene.result.waiting_tasks[0], 0);

    scene.tasks[0] = scene.tasks[1]; /* the first one has ended */
    scene.input.task_count = 1;
    decide(&scene);
    expect_on(&scene, 0, "web-1");
}

static void a_full_member_keeps_the_tasks_of_its_repositories_waiting(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, "web-0", 0);
    add_member(&scene, "web-1", 0);
    add_repository(&scene, "web", "web-0");
    for (int i = 0; i < 4; i++) {
        add_task(&scene, 0)->is_admitted = i < 3;
    }
    decide(&scene);
    expect_waits(&scene, 3, REASON_INSTANCE_FULL, 1,
                 "its repository's container is in use on instance web-0, which is full (3 of 3 "
                 "places); 1st in the queue");
    assert_int_equal(scene.result.waiting_tasks[0], 0); /* a new member would not help */
}

static void a_member_that_is_gone_keeps_its_tasks(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, "web-1", 0);
    add_repository(&scene, "web", "web-0");
    add_task(&scene, 0)->is_admitted = true;
    add_task(&scene, 0);
    decide(&scene);
    expect_on(&scene, 0, "web-0");
    assert_string_equal(scene.result.tasks[0].pool, "web");
    assert_string_equal(scene.result.tasks[1].reason, REASON_INSTANCE_FULL);

    scene.input.task_count = 0; /* all over: it is nowhere, and wants nothing */
    decide(&scene);
    assert_null(scene.result.repositories[0].instance);
    assert_string_equal(scene.result.repositories[0].pool, "web");
}

static void nobody_wants_it_so_it_does_not_move(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, "web-0", 0)->is_open = false;
    scene.members[0].is_standing = false;
    add_member(&scene, "web-1", 0);
    add_repository(&scene, "web", "web-0");
    decide(&scene);
    assert_string_equal(scene.result.repositories[0].instance, "web-0");
}

static void pools_that_do_not_exist(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_repository(&scene, DEFAULT_POOL, NULL);
    add_task(&scene, 0);
    add_task(&scene, 0)->pool = "nowhere";
    decide(&scene);
    expect_on(&scene, 0, NULL);
    assert_null(scene.result.repositories[0].instance);
    assert_null(scene.result.repositories[0].pool);
    expect_waits(&scene, 1, REASON_POOL_UNKNOWN, 0, "there is no InstancePool nowhere");

    scene.pools[2] = scene.pools[0];
    scene.pools[2].name = DEFAULT_POOL; /* now there is one: what runs unplaced stays so */
    scene.input.pool_count = 3;
    add_member(&scene, "default-0", 2);
    scene.tasks[0].is_admitted = true;
    scene.tasks[1].pool = NULL;
    decide(&scene);
    expect_on(&scene, 0, NULL);
    expect_on(&scene, 1, NULL);
    scene.tasks[0].is_admitted = false;
    decide(&scene);
    expect_on(&scene, 0, "default-0");
}

static void one_repository_is_in_one_pool_at_a_time(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, "web-0", 0);
    add_member(&scene, "ci-0", 1);
    add_repository(&scene, "web", "web-0");
    add_task(&scene, 0)->is_admitted = true;
    add_task(&scene, 0)->pool = "ci";
    add_task(&scene, 0);
    decide(&scene);
    expect_waits(&scene, 1, REASON_POOL_CONFLICT, 0,
                 "its repository's container is in use in pool web; this task asks for pool ci");
    expect_waits(&scene, 2, REASON_POOL_CONFLICT, 0,
                 "an earlier task of its repository waits for pool ci; this one asks for pool web");

    scene.tasks[0] = scene.tasks[1]; /* the one that runs is over: the next in order gets it */
    scene.tasks[1] = scene.tasks[2];
    scene.input.task_count = 2;
    decide(&scene);
    expect_on(&scene, 0, "ci-0");
    expect_waits(&scene, 1, REASON_POOL_CONFLICT, 0,
                 "its repository's container is in use in pool ci; this task asks for pool web");
}

static void who_never_gets_a_place_holds_up_nobody(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, "web-0", 0);
    add_repository(&scene, "web", NULL);
    add_task(&scene, 0)->pool = "nowhere";
    add_task(&scene, 0);
    decide(&scene);
    assert_string_equal(scene.result.tasks[0].reason, REASON_POOL_UNKNOWN);
    expect_on(&scene, 1, "web-0");
}

static void warm_repositories_come_after_tasks_and_stay(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, "web-0", 0);
    add_repository(&scene, "web", NULL)->is_warm = true;
    add_repository(&scene, "web", NULL)->cpu_milli = 2000;
    scene.repositories[0].cpu_milli = 500;
    add_task(&scene, 1);
    decide(&scene);
    expect_on(&scene, 0, "web-0");
    assert_true(scene.result.repositories[0].is_waiting);
    assert_null(scene.result.repositories[0].instance);
    assert_int_equal(scene.result.waiting_repositories[0], 1);
    assert_int_equal(scene.result.waiting_members[0], 1);

    scene.input.task_count = 0;
    decide(&scene);
    assert_false(scene.result.repositories[0].is_waiting);
    assert_string_equal(scene.result.repositories[0].instance, "web-0");
    assert_int_equal(scene.result.waiting_repositories[0], 0);

    scene.repositories[0].instance = "web-0";
    scene.repositories[0].is_present = true;
    scene.members[0].is_open = false; /* it is repaired, say */
    add_member(&scene, "web-1", 0);
    decide(&scene);
    assert_string_equal(scene.result.repositories[0].instance, "web-0");
    scene.members[0].is_standing = false; /* no more */
    decide(&scene);
    assert_string_equal(scene.result.repositories[0].instance, "web-1");
}

static void room_that_a_move_makes_goes_to_the_first_in_rank(void **state)
{
    auto_done(scene) scene;

    (void)state;
    scene_init(&scene);
    add_member(&scene, "web-0", 0);
    add_member(&scene, "ci-0", 1);
    add_repository(&scene, "web", "web-0")->cpu_milli = 2000; /* will go to ci-0 */
    add_repository(&scene, "web", NULL)->cpu_milli = 2000;
    add_repository(&scene, "web", NULL)->cpu_milli = 2000;
    add_task(&scene, 1)->priority = 2;
    add_task(&scene, 0)->priority = 1;
    add_task(&scene, 2);
    scene.tasks[1].pool = "ci";
    decide(&scene);
    expect_on(&scene, 1, "ci-0");
    expect_on(&scene, 0, "web-0");
    assert_int_equal(scene.result.tasks[2].queue_position, 1);
}

static void a_position_is_told_exactly_at_the_front_and_roughly_behind(void **state)
{
    static const struct {
        unsigned position, told;
    } rows[] = {{0, 0},     {1, 1},      {10, 10},     {11, 20},      {20, 20},
                {21, 50},   {50, 50},    {51, 100},    {100, 100},    {101, 200},
                {500, 500}, {501, 1000}, {1001, 2000}, {9999, 10000}, {UINT_MAX, UINT_MAX}};
    unsigned changes = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(placement_told_position(rows[i].position), rows[i].told);
    }
    for (unsigned position = 1; position < 100000; position++) {
        unsigned told = placement_told_position(position);

        assert_in_range(told, position, 3 * position);
        changes += told != placement_told_position(position + 1);
    }
    assert_int_equal(changes, 9 + 3 * 4); /* for whoever waits behind 100,000 others */
}

static void the_front_of_a_queue_tells_its_place_and_the_numbers(void **state)
{
    static const struct {
        unsigned position;
        const char *text;
    } rows[] = {
        {1, "pool web has no members (0 of 0 members, 0 of 0 places); 1st in the queue"},
        {2, "pool web has no members (0 of 0 members, 0 of 0 places); 2nd in the queue"},
        {4, "pool web has no members (0 of 0 members, 0 of 0 places); 4th in the queue"},
        {10, "pool web has no members (0 of 0 members, 0 of 0 places); 10th in the queue"},
        {11, "pool web has no members; among the first 20 in the queue"},
        {21, "pool web has no members; among the first 50 in the queue"},
        {112, "pool web has no members; among the first 200 in the queue"},
    };
    struct placement_pool pool = {"web", PLACEMENT_PACK, 1, 0, 0, false, 0};
    struct placement_repository repository = {.key = "r", .pool = "web"};
    struct placement_task tasks[112] = {0};
    struct placement_input input = {.pools = &pool,
                                    .pool_count = 1,
                                    .repositories = &repository,
                                    .repository_count = 1,
                                    .tasks = tasks,
                                    .task_count = ARRAY_SIZE(tasks)};
    auto_done(placement_result) result;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(tasks); i++) {
        tasks[i] = (struct placement_task){.key = "t", .sequence = i};
    }
    placement_decide(&input, &result);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_string_equal(result.tasks[rows[i].position - 1].message, rows[i].text);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_follows_its_repository),
        cmocka_unit_test(pack_takes_the_fullest_and_spread_the_emptiest),
        cmocka_unit_test(between_equals_the_older_member_wins),
        cmocka_unit_test(a_full_pool_queues_and_says_so_with_numbers),
        cmocka_unit_test(the_queue_is_by_priority_then_arrival_then_sequence),
        cmocka_unit_test(cpu_and_memory_count_as_well_as_places),
        cmocka_unit_test(wanted_members_follow_from_what_is_asked_for),
        cmocka_unit_test(what_no_member_ever_has_is_unschedulable),
        cmocka_unit_test(a_stopped_container_takes_nothing_until_it_is_wanted),
        cmocka_unit_test(a_repository_in_use_stays_on_a_member_that_is_closed),
        cmocka_unit_test(a_full_member_keeps_the_tasks_of_its_repositories_waiting),
        cmocka_unit_test(a_member_that_is_gone_keeps_its_tasks),
        cmocka_unit_test(nobody_wants_it_so_it_does_not_move),
        cmocka_unit_test(pools_that_do_not_exist),
        cmocka_unit_test(one_repository_is_in_one_pool_at_a_time),
        cmocka_unit_test(who_never_gets_a_place_holds_up_nobody),
        cmocka_unit_test(warm_repositories_come_after_tasks_and_stay),
        cmocka_unit_test(room_that_a_move_makes_goes_to_the_first_in_rank),
        cmocka_unit_test(a_position_is_told_exactly_at_the_front_and_roughly_behind),
        cmocka_unit_test(the_front_of_a_queue_tells_its_place_and_the_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
