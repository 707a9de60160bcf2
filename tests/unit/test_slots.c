#include "controller/slots.h"

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

enum { MAX_WAITERS = 40 };

/* Who was called, in order. */
struct log {
    int order[MAX_WAITERS];
    size_t count;
};

struct waiter {
    struct slot_wait wait;
    struct log *log;
    int number;
};

static void on_slot(void *user)
{
    struct waiter *waiter = user;

    waiter->log->order[waiter->log->count++] = waiter->number;
}

static bool take(struct slots *slots, struct waiter *waiter, struct log *log, int number,
                 enum slot_lane lane)
{
    *waiter = (struct waiter){.log = log, .number = number};
    return slots_take(slots, &waiter->wait, lane, on_slot, waiter);
}

static void at_most_so_many_hold_one(void **state)
{
    struct slots slots;
    struct waiter waiters[4];
    struct log log = {0};

    (void)state;
    slots_init(&slots, 2);
    assert_true(take(&slots, &waiters[0], &log, 0, LANE_FRESH));
    assert_true(take(&slots, &waiters[1], &log, 1, LANE_OLD));
    assert_false(take(&slots, &waiters[2], &log, 2, LANE_FRESH));
    assert_false(take(&slots, &waiters[3], &log, 3, LANE_FRESH));
    assert_int_equal(log.count, 0);
    slots_give_back(&slots);
    assert_int_equal(log.count, 1);
    assert_int_equal(log.order[0], 2); /* first come, first served */
    slots_give_back(&slots);
    assert_int_equal(log.order[1], 3);
    slots_give_back(&slots);
    slots_give_back(&slots);
    assert_int_equal(slots.used, 0);
    assert_true(take(&slots, &waiters[0], &log, 0, LANE_OLD));
}

static void fresh_work_passes_a_herd_and_the_herd_does_not_starve(void **state)
{
    struct slots slots;
    struct waiter holder, old[10], fresh[10];
    struct log log = {0};
    unsigned old_among_first_eight = 0;

    (void)state;
    slots_init(&slots, 1);
    assert_true(take(&slots, &holder, &log, -1, LANE_OLD));
    for (int i = 0; i < 10; i++) {
        assert_false(take(&slots, &old[i], &log, 100 + i, LANE_OLD));
    }
    for (int i = 0; i < 10; i++) {
        assert_false(take(&slots, &fresh[i], &log, i, LANE_FRESH));
    }
    for (int i = 0; i < 20; i++) {
        slots_give_back(&slots);
    }
    assert_int_equal(log.count, 20);
    assert_int_equal(log.order[0], 0); /* did not wait for the ten that were there before */
    for (size_t i = 0; i < 8; i++) {
        old_among_first_eight += log.order[i] >= 100;
    }
    assert_int_equal(old_among_first_eight, 2);
}

static void each_lane_keeps_its_order(void **state)
{
    struct slots slots;
    struct waiter holder, waiters[MAX_WAITERS];
    struct log log = {0};
    int last[2] = {-1, -1};

    (void)state;
    slots_init(&slots, 1);
    take(&slots, &holder, &log, -1, LANE_OLD);
    for (int i = 0; i < MAX_WAITERS; i++) {
        take(&slots, &waiters[i], &log, i, i % 3 == 0 ? LANE_OLD : LANE_FRESH);
    }
    for (int i = 0; i < MAX_WAITERS; i++) {
        slots_give_back(&slots);
    }
    assert_int_equal(log.count, MAX_WAITERS);
    for (size_t i = 0; i < log.count; i++) {
        int lane = log.order[i] % 3 == 0 ? LANE_OLD : LANE_FRESH;

        assert_true(log.order[i] > last[lane]);
        last[lane] = log.order[i];
    }
}

static void who_leaves_is_not_called(void **state)
{
    static const int leavers[][2] = {{0, 1}, {1, 2}, {2, 0}};

    (void)state;
    for (size_t row = 0; row < ARRAY_SIZE(leavers); row++) {
        struct slots slots;
        struct waiter holder, waiters[3];
        struct log log = {0};
        int remaining = 3 - leavers[row][0] - leavers[row][1];

        slots_init(&slots, 1);
        take(&slots, &holder, &log, -1, LANE_OLD);
        for (int i = 0; i < 3; i++) {
            take(&slots, &waiters[i], &log, i, LANE_FRESH);
        }
        slots_leave(&slots, &waiters[leavers[row][0]].wait);
        slots_leave(&slots, &waiters[leavers[row][0]].wait); /* twice is as good as once */
        slots_leave(&slots, &waiters[leavers[row][1]].wait);
        slots_give_back(&slots);
        assert_int_equal(log.count, 1);
        assert_int_equal(log.order[0], remaining);
        slots_give_back(&slots);
        assert_int_equal(slots.used, 0);
    }
}

static void leaving_without_waiting_is_nothing(void **state)
{
    struct slots slots;
    struct waiter waiter;
    struct log log = {0};

    (void)state;
    slots_init(&slots, 1);
    assert_true(take(&slots, &waiter, &log, 0, LANE_FRESH));
    slots_leave(&slots, &waiter.wait);
    assert_int_equal(slots.used, 1); /* it still holds its slot */
}

static void what_came_after_the_engine_goes_before_what_waited_for_it(void **state)
{
    static const struct {
        bool is_new;
        uint64_t changed_at_ms, listed_at_ms;
        enum slot_lane lane;
    } rows[] = {
        {true, 100, 5000, LANE_OLD},    /* was there before */
        {true, 100, 900000, LANE_OLD},  /* also when the engine came a quarter of an hour later */
        {true, 5001, 5000, LANE_FRESH}, /* no need to wait until the herd is through */
        {true, 600000, 5000, LANE_FRESH},
        {false, 600000, 5000, LANE_OLD}, /* a restart is no edit */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(slots_lane(rows[i].is_new, rows[i].changed_at_ms, rows[i].listed_at_ms),
                         rows[i].lane);
    }
}

static void a_larger_limit_lets_waiters_go_on(void **state)
{
    struct slots slots;
    struct waiter waiters[5];
    struct log log = {0};

    (void)state;
    slots_init(&slots, 1);
    assert_true(take(&slots, &waiters[0], &log, 0, LANE_FRESH));
    for (int i = 1; i < 5; i++) {
        assert_false(take(&slots, &waiters[i], &log, i, LANE_FRESH));
    }
    slots_set_limit(&slots, 3);
    assert_int_equal(log.count, 2);
    assert_int_equal(log.order[0], 1);
    assert_int_equal(log.order[1], 2);
    assert_int_equal(slots.used, 3);
}

static void a_smaller_limit_takes_nothing_away(void **state)
{
    struct slots slots;
    struct waiter waiters[4];
    struct log log = {0};

    (void)state;
    slots_init(&slots, 3);
    for (int i = 0; i < 3; i++) {
        assert_true(take(&slots, &waiters[i], &log, i, LANE_OLD));
    }
    assert_false(take(&slots, &waiters[3], &log, 3, LANE_OLD));
    slots_set_limit(&slots, 1);
    slots_give_back(&slots);
    slots_give_back(&slots);
    assert_int_equal(log.count, 0); /* one still holds one */
    assert_int_equal(slots.used, 1);
    slots_give_back(&slots);
    assert_int_equal(log.count, 1);
    assert_int_equal(slots.used, 1);
    slots_give_back(&slots);
    assert_int_equal(slots.used, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_most_so_many_hold_one),
        cmocka_unit_test(fresh_work_passes_a_herd_and_the_herd_does_not_starve),
        cmocka_unit_test(each_lane_keeps_its_order),
        cmocka_unit_test(who_leaves_is_not_called),
        cmocka_unit_test(what_came_after_the_engine_goes_before_what_waited_for_it),
        cmocka_unit_test(leaving_without_waiting_is_nothing),
        cmocka_unit_test(a_larger_limit_lets_waiters_go_on),
        cmocka_unit_test(a_smaller_limit_takes_nothing_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
