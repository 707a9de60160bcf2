#include "controller/slot_tuner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/*
 * An engine that works on `knee` starts at once at full speed: with fewer its rate is in
 * proportion, with more it stays, and beyond `cliff` (0: none) it sinks.
 */
struct engine {
    double rate;
    unsigned knee, cliff;
    double at_ms;
    unsigned noise; /* state of a small generator; 0: none */
};

static double rate_of(const struct engine *engine, unsigned limit)
{
    double rate = engine->rate;

    if (limit < engine->knee) {
        rate *= (double)limit / engine->knee;
    }
    if (engine->cliff > 0 && limit > engine->cliff) {
        rate *= (double)engine->cliff / limit;
    }
    return rate;
}

static void end(struct slot_tuner *tuner, struct engine *engine, bool is_waited_for)
{
    double gap_ms = 1000.0 / rate_of(engine, tuner->limit);

    if (engine->noise != 0) {
        engine->noise = engine->noise * 1103515245 + 12345;
        gap_ms *= 0.8 + 0.4 * ((engine->noise >> 16) & 0x7fff) / 32768.0;
    }
    engine->at_ms += gap_ms;
    slot_tuner_end(tuner, (uint64_t)engine->at_ms, is_waited_for);
}

static void run(struct slot_tuner *tuner, struct engine *engine, unsigned ends)
{
    for (unsigned i = 0; i < ends; i++) {
        end(tuner, engine, true);
    }
}

static void it_climbs_to_what_the_engine_can_use_and_no_further(void **state)
{
    struct slot_tuner tuner;
    struct engine engine = {.rate = 20, .knee = 16, .at_ms = 1000};

    (void)state;
    slot_tuner_init(&tuner, 4, 2, 64);
    run(&tuner, &engine, 100);
    assert_in_range(tuner.held, 12, 24);
    run(&tuner, &engine, 2000);
    assert_in_range(tuner.held, 12, 24);
}

static void it_sinks_while_fewer_bring_as_many(void **state)
{
    struct slot_tuner tuner;
    struct engine engine = {.rate = 20, .knee = 4, .at_ms = 1000};

    (void)state;
    slot_tuner_init(&tuner, 32, 2, 64);
    run(&tuner, &engine, 1500);
    assert_in_range(tuner.held, 4, 8);
}

static void it_leaves_an_engine_that_too_many_calls_slow_down(void **state)
{
    struct slot_tuner tuner;
    struct engine engine = {.rate = 20, .knee = 6, .cliff = 8, .at_ms = 1000};

    (void)state;
    slot_tuner_init(&tuner, 16, 2, 64);
    run(&tuner, &engine, 1000);
    assert_in_range(tuner.held, 5, 9);
}

static void chance_does_not_lead_it_away(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 100; seed++) {
        struct slot_tuner tuner;
        struct engine engine = {.rate = 8, .knee = 8, .at_ms = 1000, .noise = seed};

        slot_tuner_init(&tuner, 8, 2, 32);
        run(&tuner, &engine, 500);
        assert_in_range(tuner.held, 5, 27);
    }
}

static void nothing_is_measured_while_nobody_waits_or_one_fails(void **state)
{
    struct slot_tuner tuner;
    struct engine engine = {.rate = 20, .knee = 16, .at_ms = 1000};

    (void)state;
    slot_tuner_init(&tuner, 8, 2, 64);
    for (unsigned i = 0; i < 200; i++) {
        end(&tuner, &engine, i % 4 != 0);
    }
    assert_int_equal(tuner.limit, 8);
    for (unsigned i = 0; i < 200; i++) {
        end(&tuner, &engine, true);
        if (i % 4 == 0) {
            slot_tuner_interrupt(&tuner);
        }
    }
    assert_int_equal(tuner.limit, 8);
}

static void a_limit_that_was_chosen_stays(void **state)
{
    struct slot_tuner tuner;
    struct engine engine = {.rate = 20, .knee = 16, .at_ms = 1000};

    (void)state;
    slot_tuner_init(&tuner, 5, 5, 5);
    run(&tuner, &engine, 500);
    assert_int_equal(tuner.limit, 5);
}

static void it_stays_within_its_bounds(void **state)
{
    struct slot_tuner tuner;
    struct engine fast = {.rate = 1000, .knee = 500, .at_ms = 1000};
    struct engine single = {.rate = 5, .knee = 1, .at_ms = 1000};

    (void)state;
    slot_tuner_init(&tuner, 8, 2, 32);
    for (unsigned i = 0; i < 2000; i++) {
        end(&tuner, &fast, true);
        assert_in_range(tuner.limit, 2, 32);
    }
    assert_int_equal(tuner.held, 32);
    for (unsigned i = 0; i < 3000; i++) {
        end(&tuner, &single, true);
        assert_in_range(tuner.limit, 2, 32);
    }
    assert_in_range(tuner.held, 2, 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_climbs_to_what_the_engine_can_use_and_no_further),
        cmocka_unit_test(it_sinks_while_fewer_bring_as_many),
        cmocka_unit_test(it_leaves_an_engine_that_too_many_calls_slow_down),
        cmocka_unit_test(chance_does_not_lead_it_away),
        cmocka_unit_test(nothing_is_measured_while_nobody_waits_or_one_fails),
        cmocka_unit_test(a_limit_that_was_chosen_stays),
        cmocka_unit_test(it_stays_within_its_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
