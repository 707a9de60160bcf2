#include "base/clock_watch.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { SECOND = 1000, HOUR = 3600 * SECOND, DAY = 24 * HOUR };

static const struct clock_reading start = {
    .wall_ms = INT64_C(1767355200000),
    .boottime_ms = 5 * HOUR,
    .monotonic_ms = 4 * HOUR, /* it has slept an hour before */
};

static struct clock_reading later(struct clock_reading reading, int64_t passed_ms)
{
    reading.wall_ms += passed_ms;
    reading.boottime_ms += passed_ms;
    reading.monotonic_ms += passed_ms;
    return reading;
}

static void a_change_is_told_once_and_by_how_much(void **state)
{
    static const struct {
        int64_t passed_ms, set_ms, slept_ms;
        struct clock_change change;
    } rows[] = {
        {10 * SECOND, 0, 0, {0, 0}},
        {10 * SECOND, DAY, 0, {DAY, 0}},
        {10 * SECOND, -DAY, 0, {-DAY, 0}},
        {10 * SECOND, 0, DAY, {0, DAY}},
        {0, -DAY, HOUR, {-DAY, HOUR}},
        {HOUR, SECOND, 0, {0, 0}}, /* a leap second */
        {HOUR, -2 * SECOND, 0, {-2 * SECOND, 0}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct clock_reading now = later(start, rows[i].passed_ms);
        struct clock_watch watch = {0};
        struct clock_change change = {0};
        bool is_change = rows[i].change.set_by_ms != 0 || rows[i].change.slept_ms != 0;

        now.wall_ms += rows[i].set_ms + rows[i].slept_ms; /* it goes on while the machine sleeps */
        now.boottime_ms += rows[i].slept_ms;
        assert_false(clock_watch_look(&watch, &start, &change));
        assert_int_equal(clock_watch_look(&watch, &now, &change), is_change);
        assert_int_equal(change.set_by_ms, rows[i].change.set_by_ms);
        assert_int_equal(change.slept_ms, rows[i].change.slept_ms);
        now = later(now, SECOND);
        assert_false(clock_watch_look(&watch, &now, &change));
    }
}

static void small_steps_add_up(void **state)
{
    struct clock_watch watch = {0};
    struct clock_reading now = start;
    struct clock_change change = {0};
    int64_t told_ms = 0;

    (void)state;
    clock_watch_look(&watch, &now, &change);
    for (int i = 0; i < 10; i++) {
        now = later(now, SECOND);
        now.wall_ms += 900;
        told_ms += clock_watch_look(&watch, &now, &change) ? change.set_by_ms : 0;
    }
    assert_int_equal(told_ms, 9 * 900);
}

static void the_clocks_of_this_machine_are_read(void **state)
{
    struct clock_reading now = clock_read();

    (void)state;
    assert_true(now.wall_ms > INT64_C(1700000000000));
    assert_true(now.boottime_ms + 1000 >= now.monotonic_ms);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_told_once_and_by_how_much),
        cmocka_unit_test(small_steps_add_up),
        cmocka_unit_test(the_clocks_of_this_machine_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
