#include "placement_world.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { WORLDS = 1000, STEPS = 25 };

#define hold(world, rule)                                                                          \
    do {                                                                                           \
        if (!(rule)) {                                                                             \
            fail_msg("world %llu breaks: %s", (unsigned long long)(world)->seed, #rule);           \
        }                                                                                          \
    } while (0)

/* placement_world_step() holds every placement against the rules. */
static void no_world_breaks_a_rule(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        auto_done(placement_world) world;

        placement_world_init(&world, seed);
        for (int step = 0; step < STEPS; step++) {
            placement_world_disturb(&world);
            placement_world_step(&world);
        }
    }
}

static void expect_same(const struct placement_world *world, const struct placement_result *a,
                        const struct placement_result *b)
{
    for (size_t i = 0; i < world->input.task_count; i++) {
        hold(world, a->tasks[i].is_admitted == b->tasks[i].is_admitted);
        hold(world, a->tasks[i].queue_position == b->tasks[i].queue_position);
        hold(world, text_equal(a->tasks[i].instance, b->tasks[i].instance));
        hold(world, text_equal(a->tasks[i].reason, b->tasks[i].reason));
        hold(world, text_equal(a->tasks[i].message, b->tasks[i].message));
    }
    for (size_t i = 0; i < world->input.repository_count; i++) {
        hold(world, text_equal(a->repositories[i].instance, b->repositories[i].instance));
        hold(world, a->repositories[i].is_waiting == b->repositories[i].is_waiting);
    }
}

static void deciding_again_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        auto_done(placement_world) world;

        placement_world_init(&world, seed);
        for (int step = 0; step < STEPS; step++) {
            placement_world_disturb(&world);
            placement_world_step(&world);
            for (int again = 0; again < 2; again++) {
                auto_done(placement_result) before = world.last;

                world.last = (struct placement_result){0};
                placement_world_step(&world);
                hold(&world, !world.has_moved);
                for (size_t i = 0; i < world.input.task_count; i++) {
                    hold(&world, text_equal(before.tasks[i].message, world.last.tasks[i].message));
                }
            }
        }
    }
}

/* Where each task stands does not hang on the order in which they are told. */
static void the_order_of_the_input_does_not_matter(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        auto_done(placement_world) world;

        placement_world_init(&world, seed);
        for (int step = 0; step < 10; step++) {
            struct placement_task reversed[WORLD_TASKS];
            struct placement_input other;
            auto_done(placement_result) a, b;
            size_t count;

            placement_world_disturb(&world);
            count = world.input.task_count;
            for (size_t i = 0; i < count; i++) {
                reversed[i] = world.tasks[count - 1 - i];
            }
            other = world.input;
            other.tasks = reversed;
            placement_decide(&world.input, &a);
            placement_decide(&other, &b);
            for (size_t i = 0; i < count / 2; i++) {
                struct task_placement task = b.tasks[i];

                b.tasks[i] = b.tasks[count - 1 - i];
                b.tasks[count - 1 - i] = task;
            }
            expect_same(&world, &a, &b);
            placement_world_step(&world);
        }
    }
}

/* As large as it may get: every place is taken, and everybody else is in the queue. */
static void a_large_world_is_filled_to_the_last_place(void **state)
{
    enum { MEMBERS = 1000, TASKS = 12000, PLACES = 10 };
    struct placement_pool pool = {"web", PLACEMENT_PACK, PLACES, 10000, 0, false, MEMBERS};
    auto_free struct placement_member *members = xcalloc(MEMBERS, sizeof(*members));
    auto_free struct placement_repository *repositories = xcalloc(TASKS, sizeof(*repositories));
    auto_free struct placement_task *tasks = xcalloc(TASKS, sizeof(*tasks));
    auto_free char *names = xcalloc(MEMBERS, WORLD_NAME);
    struct placement_input input = {.pools = &pool,
                                    .pool_count = 1,
                                    .members = members,
                                    .member_count = MEMBERS,
                                    .repositories = repositories,
                                    .repository_count = TASKS,
                                    .tasks = tasks,
                                    .task_count = TASKS};

    (void)state;
    for (size_t i = 0; i < MEMBERS; i++) {
        snprintf(names + i * WORLD_NAME, WORLD_NAME, "web-%zu", i);
        members[i] = (struct placement_member){names + i * WORLD_NAME, 0, true, true, i};
    }
    for (size_t i = 0; i < TASKS; i++) {
        repositories[i] = (struct placement_repository){"r", "web", NULL, 1000, 0, false, false};
        tasks[i] = (struct placement_task){.key = "t", .repository = i, .sequence = i};
    }
    for (int placement = PLACEMENT_PACK; placement <= PLACEMENT_SPREAD; placement++) {
        auto_done(placement_result) result;

        pool.placement = (enum placement)placement;
        placement_decide(&input, &result);
        for (size_t i = 0; i < TASKS; i++) {
            assert_int_equal(result.tasks[i].is_admitted, i < MEMBERS * PLACES);
            assert_int_equal(result.tasks[i].queue_position,
                             i < MEMBERS * PLACES ? 0 : i - MEMBERS * PLACES + 1);
        }
        assert_string_equal(result.tasks[PLACES - 1].instance,
                            placement == PLACEMENT_PACK ? "web-0" : "web-9");
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_world_breaks_a_rule),
        cmocka_unit_test(deciding_again_changes_nothing),
        cmocka_unit_test(the_order_of_the_input_does_not_matter),
        cmocka_unit_test(a_large_world_is_filled_to_the_last_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
