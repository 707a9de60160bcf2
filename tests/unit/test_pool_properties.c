#include "pool_world.h"

#include "base/cleanup.h"
#include "reconcilers/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { WORLDS = 1500, STEPS = 120, SECOND = 1000, HOUR = 3600 * SECOND };

static void disturb_for_a_while(struct pool_world *world)
{
    for (int step = 0; step < STEPS; step++) {
        pool_world_disturb(world);
        pool_world_step(world);
    }
    world->spec.is_suspended = false;
}

/* Whatever is told is done at once, until nothing is told any more. */
static void wait_until_quiet(struct pool_world *world)
{
    int quiet = 0;

    for (int step = 0; quiet < 3; step++) {
        hold(world, step < 400);
        pool_world_settle(world);
        pool_world_let_time_pass(world, 20 * SECOND);
        pool_world_step(world);
        quiet = world->has_acted || world->last.wake_at_wall_ms != 0 ? 0 : quiet + 1;
    }
}

/* pool_world_step() holds every decision against the rules. */
static void no_world_breaks_a_rule(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        auto_done(pool_world) world;

        pool_world_init(&world, seed);
        disturb_for_a_while(&world);
    }
}

static void a_stable_world_becomes_quiet_and_stays_so(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        auto_done(pool_world) world;

        pool_world_init(&world, seed);
        disturb_for_a_while(&world);
        world.is_template_broken = false;
        if (seed % 2 == 0) {
            pool_world_change_template(&world, false);
        }
        memset(world.is_broken, 0, sizeof(world.is_broken));
        wait_until_quiet(&world);
        for (int step = 0; step < 30; step++) {
            pool_world_let_time_pass(&world, pool_world_roll(&world, step < 15 ? 50 : HOUR));
            pool_world_step(&world);
            hold(&world, !world.has_acted);
            hold(&world, world.last.wake_at_wall_ms == 0);
        }
        hold(&world, pool_world_count(&world, MEMBER_FAILED) == 0 || pool_world_active(&world) > 0);
    }
}

static void a_world_without_load_ends_at_its_minimum_and_up_to_date(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        auto_done(pool_world) world;

        pool_world_init(&world, seed);
        world.waiting_warm = 0;
        world.spec.template_spec.power_state = POWER_RUNNING;
        world.spec.update_strategy = UPDATE_ROLLING;
        disturb_for_a_while(&world);
        pool_world_end_tasks(&world);
        pool_world_change_template(&world, false);
        wait_until_quiet(&world);
        hold(&world, world.count == (size_t)world.spec.min_instances);
        hold(&world, pool_world_count(&world, MEMBER_READY) == world.count);
        hold(&world, pool_world_outdated(&world) == 0);
        hold(&world, !world.last.is_updating && !world.last.is_update_stuck);
    }
}

static void whatever_waits_gets_a_place_or_the_pool_is_at_its_maximum(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        auto_done(pool_world) world;

        pool_world_init(&world, seed);
        world.spec.template_spec.power_state = POWER_RUNNING;
        disturb_for_a_while(&world);
        pool_world_end_tasks(&world);
        pool_world_change_template(&world, false);
        memset(world.is_broken, 0, sizeof(world.is_broken));
        wait_until_quiet(&world);
        world.waiting_tasks = pool_world_roll(&world, 25);
        wait_until_quiet(&world);
        hold(&world, (world.waiting_tasks == 0 && world.waiting_warm == 0) ||
                         pool_world_count(&world, MEMBER_READY) == world.spec.max_instances);
    }
}

/* Nothing that hangs on time alone comes before the moment that the decision names. */
static void nothing_happens_before_the_named_moment(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        auto_done(pool_world) world;
        int64_t wake_at;

        pool_world_init(&world, seed);
        for (int round = 0; round < 8; round++) {
            for (int step = 0; step < 15; step++) {
                pool_world_disturb(&world);
                pool_world_step(&world);
            }
            pool_world_step(&world);
            pool_world_step(&world);
            if (world.has_acted) {
                continue;
            }
            wake_at = world.last.wake_at_wall_ms;
            for (int step = 0; step < 4; step++) {
                int64_t left = wake_at == 0 ? HOUR : wake_at - world.now_wall_ms;

                pool_world_let_time_pass(&world, pool_world_roll(&world, (unsigned)left));
                pool_world_step(&world);
                hold(&world, !world.has_acted);
                hold(&world, world.last.wake_at_wall_ms == wake_at);
            }
        }
    }
}

static void a_broken_template_does_not_churn(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS / 30; seed++) {
        auto_done(pool_world) world;
        unsigned created = 0;

        pool_world_init(&world, seed);
        world.is_template_broken = true;
        world.spec.template_spec.power_state = POWER_RUNNING;
        for (int second = 0; second < 2 * 3600; second++) {
            pool_world_step(&world);
            created += world.created;
            pool_world_settle(&world);
            pool_world_let_time_pass(&world, SECOND);
            if (second % 600 == 599) {
                pool_world_forget(&world);
            }
        }
        hold(&world, pool_world_count(&world, MEMBER_FAILED) <= POOL_EVIDENCE_MAX + 1);
        /* All at once, then 1 s, 2 s, ... 256 s, then no quicker than 225 s. */
        hold(&world, created <= (unsigned)world.spec.max_instances + 9 + 2 * 3600 / 225);
        hold(&world, world.spec.min_instances == 0 || created > 20);
    }
}

static void a_broken_change_leaves_what_the_load_needs(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS / 30; seed++) {
        auto_done(pool_world) world;
        unsigned before;

        pool_world_init(&world, seed);
        world.waiting_warm = 0;
        world.spec.template_spec.power_state = POWER_RUNNING;
        world.spec.update_strategy = UPDATE_ROLLING;
        wait_until_quiet(&world);
        before = pool_world_count(&world, MEMBER_READY);
        hold(&world, before == world.spec.min_instances);
        pool_world_change_template(&world, true);
        for (int step = 0; step < 5000; step++) {
            pool_world_step(&world);
            pool_world_settle(&world);
            pool_world_let_time_pass(&world, SECOND);
            if (step % 700 == 699) {
                pool_world_forget(&world);
            }
            hold(&world,
                 pool_world_count(&world, MEMBER_READY) + world.spec.max_unavailable >= before);
        }
        hold(&world, before <= world.spec.max_unavailable || world.last.is_update_stuck);
        pool_world_change_template(&world, false);
        wait_until_quiet(&world);
        hold(&world, pool_world_count(&world, MEMBER_READY) == before);
        hold(&world, pool_world_outdated(&world) == 0);
    }
}

static void a_deleted_pool_lets_its_tasks_finish_and_goes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        auto_done(pool_world) world;
        unsigned active;

        pool_world_init(&world, seed);
        disturb_for_a_while(&world);
        world.is_deleted = true;
        world.waiting_tasks = 0; /* who asks for a pool that is gone gets no place in it */
        for (int step = 0; step < 5; step++) {
            active = pool_world_active(&world);
            pool_world_step(&world);
            pool_world_settle(&world);
            hold(&world, pool_world_active(&world) == active);
        }
        for (size_t i = 0; i < world.count; i++) {
            hold(&world, world.members[i].active_tasks > 0);
        }
        pool_world_end_tasks(&world);
        pool_world_step(&world);
        pool_world_settle(&world);
        hold(&world, world.count == 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_world_breaks_a_rule),
        cmocka_unit_test(a_stable_world_becomes_quiet_and_stays_so),
        cmocka_unit_test(a_world_without_load_ends_at_its_minimum_and_up_to_date),
        cmocka_unit_test(whatever_waits_gets_a_place_or_the_pool_is_at_its_maximum),
        cmocka_unit_test(nothing_happens_before_the_named_moment),
        cmocka_unit_test(a_broken_template_does_not_churn),
        cmocka_unit_test(a_broken_change_leaves_what_the_load_needs),
        cmocka_unit_test(a_deleted_pool_lets_its_tasks_finish_and_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
