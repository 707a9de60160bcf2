#include "base/backoff.h"
#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* after its friends, which it needs */
#include <cmocka.h>

static const struct backoff_policy plain = {.initial_ms = 1000, .max_ms = 300000};
static const struct backoff_policy spread = {
    .initial_ms = 1000, .max_ms = 300000, .jitter_percent = 25};

static void the_delay_doubles_up_to_the_highest(void **state)
{
    static const struct {
        unsigned failures;
        uint64_t delay_ms;
    } rows[] = {
        {0, 0},      {1, 1000},    {2, 2000},    {3, 4000},    {8, 128000},
        {9, 256000}, {10, 300000}, {64, 300000}, {65, 300000}, {UINT32_MAX, 300000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(backoff_delay_ms(&plain, rows[i].failures, 12345), rows[i].delay_ms);
    }
}

static void jitter_spreads_the_delay_around_its_value(void **state)
{
    uint64_t lowest = UINT64_MAX, highest = 0;

    (void)state;
    for (uint32_t random = 0; random < 100000; random++) {
        uint64_t delay = backoff_delay_ms(&spread, 3, random * 2654435761u);

        lowest = delay < lowest ? delay : lowest;
        highest = delay > highest ? delay : highest;
    }
    assert_in_range(lowest, 3000, 3050);
    assert_in_range(highest, 4950, 5000);
}

static void the_highest_delay_holds_with_jitter_too(void **state)
{
    (void)state;
    for (uint32_t random = 0; random < 100000; random++) {
        uint64_t delay = backoff_delay_ms(&spread, 20, random * 2654435761u);

        assert_in_range(delay, 225000, 300000);
    }
}

static void equal_arguments_give_equal_delays(void **state)
{
    (void)state;
    assert_int_equal(backoff_delay_ms(&spread, 5, 99), backoff_delay_ms(&spread, 5, 99));
}

static void a_policy_without_a_delay_has_none_ever(void **state)
{
    static const struct backoff_policy none = {.initial_ms = 0, .max_ms = 1000};

    (void)state;
    assert_int_equal(backoff_delay_ms(&none, UINT32_MAX, 7), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_delay_doubles_up_to_the_highest),
        cmocka_unit_test(jitter_spreads_the_delay_around_its_value),
        cmocka_unit_test(the_highest_delay_holds_with_jitter_too),
        cmocka_unit_test(equal_arguments_give_equal_delays),
        cmocka_unit_test(a_policy_without_a_delay_has_none_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
