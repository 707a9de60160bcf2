#include "specs/status_times.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { SECOND = 1000, HOUR = 3600 * SECOND, DAY = 24 * HOUR };

static const int64_t now_wall_ms = INT64_C(1767355200000);

static struct status_kept_tree kept[1];

/* All that Berth notes happened at then, and what it waits for is due a minute later. */
static struct object_status *status_of(int64_t then_wall_ms)
{
    struct object_status *status = status_new();

    status->conditions[CONDITION_READY].since_wall_ms = then_wall_ms;
    status->operation.start_wall_ms = then_wall_ms;
    status->history = arena_alloc(&status->arena, sizeof(*status->history));
    status->history_count = 1;
    status->history[0].start_wall_ms = then_wall_ms - 2 * SECOND;
    status->history[0].end_wall_ms = then_wall_ms;
    status->restarts.next_retry_wall_ms = then_wall_ms + 60 * SECOND;
    status->restarts.last_finished_wall_ms = then_wall_ms;
    status->container.started_wall_ms = then_wall_ms;
    status_probes(status)->started_wall_ms = then_wall_ms;
    status_probes(status)->ready_wall_ms = then_wall_ms;
    status_probes(status)->of[PROBE_READINESS].since_wall_ms = then_wall_ms;
    status_hooks(status)->post_start.container_started_wall_ms = then_wall_ms;
    status_task(status)->end_wall_ms = then_wall_ms;
    status_task(status)->next_retry_wall_ms = then_wall_ms + 60 * SECOND;
    status_task(status)->tree.removed_at_wall_ms = then_wall_ms + HOUR;
    status_repository(status)->idle_since_wall_ms = then_wall_ms;
    kept[0].until_wall_ms = then_wall_ms + DAY;
    status_repository(status)->kept = kept;
    status_repository(status)->kept_count = 1;
    status_pool(status)->surplus_since_wall_ms = then_wall_ms;
    status_pool(status)->next_create_wall_ms = then_wall_ms + 60 * SECOND;
    return status;
}

static void expect_noted(const struct object_status *status, int64_t then_wall_ms)
{
    assert_int_equal(status->conditions[CONDITION_READY].since_wall_ms, then_wall_ms);
    assert_int_equal(status->operation.start_wall_ms, then_wall_ms);
    assert_int_equal(status->history[0].end_wall_ms, then_wall_ms);
    assert_int_equal(status->probes->ready_wall_ms, then_wall_ms);
    assert_int_equal(status->probes->of[PROBE_READINESS].since_wall_ms, then_wall_ms);
    assert_int_equal(status->task->end_wall_ms, then_wall_ms);
    assert_int_equal(status->repository->idle_since_wall_ms, then_wall_ms);
    assert_int_equal(status->pool->surplus_since_wall_ms, then_wall_ms);
}

static void expect_engines(const struct object_status *status, int64_t then_wall_ms)
{
    assert_int_equal(status->restarts.last_finished_wall_ms, then_wall_ms);
    assert_int_equal(status->container.started_wall_ms, then_wall_ms);
    assert_int_equal(status->probes->started_wall_ms, then_wall_ms);
    assert_int_equal(status->hooks->post_start.container_started_wall_ms, then_wall_ms);
}

static void what_berth_noted_moves_with_the_clock_and_the_engines_times_stay(void **state)
{
    static const int64_t steps[] = {DAY, -DAY, 3 * SECOND};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct object_status *status = status_of(now_wall_ms);
        int64_t then_wall_ms = now_wall_ms + steps[i];

        status_shift_times(status, steps[i]);
        expect_noted(status, then_wall_ms);
        expect_engines(status, now_wall_ms);
        assert_int_equal(status->history[0].end_wall_ms - status->history[0].start_wall_ms,
                         2 * SECOND);
        assert_int_equal(status->restarts.next_retry_wall_ms, then_wall_ms + 60 * SECOND);
        assert_int_equal(status->task->next_retry_wall_ms, then_wall_ms + 60 * SECOND);
        assert_int_equal(status->pool->next_create_wall_ms, then_wall_ms + 60 * SECOND);
        assert_int_equal(status->task->tree.removed_at_wall_ms, then_wall_ms + HOUR);
        assert_int_equal(status->repository->kept[0].until_wall_ms, then_wall_ms + DAY);
        assert_int_equal(status->task->start_wall_ms, 0); /* what never was stays so */
        assert_int_equal(status->operation.end_wall_ms, 0);
        status_free(status);
    }
}

static void a_status_of_tomorrow_is_of_now_and_its_waits_keep_their_length(void **state)
{
    struct object_status *status = status_of(now_wall_ms + DAY);

    (void)state;
    status_limit_times(status, now_wall_ms, 300 * SECOND);
    expect_noted(status, now_wall_ms);
    expect_engines(status, now_wall_ms + DAY);
    assert_int_equal(status->restarts.next_retry_wall_ms, now_wall_ms + 60 * SECOND);
    assert_int_equal(status->task->tree.removed_at_wall_ms, now_wall_ms + HOUR);
    status_free(status);
}

static void no_retry_is_further_than_the_longest_wait(void **state)
{
    struct object_status *status = status_of(now_wall_ms - HOUR);

    (void)state;
    status->restarts.next_retry_wall_ms = now_wall_ms + DAY;
    status_task(status)->next_retry_wall_ms = now_wall_ms + DAY;
    status_pool(status)->next_create_wall_ms = now_wall_ms + 299 * SECOND;
    status_limit_times(status, now_wall_ms, 300 * SECOND);
    expect_noted(status, now_wall_ms - HOUR);
    assert_int_equal(status->restarts.next_retry_wall_ms, now_wall_ms + 300 * SECOND);
    assert_int_equal(status->task->next_retry_wall_ms, now_wall_ms + 300 * SECOND);
    assert_int_equal(status->pool->next_create_wall_ms, now_wall_ms + 299 * SECOND);
    status_free(status);
}

static void what_can_be_true_is_left_alone(void **state)
{
    struct object_status *status = status_of(now_wall_ms - HOUR);

    (void)state;
    status_limit_times(status, now_wall_ms, 300 * SECOND);
    expect_noted(status, now_wall_ms - HOUR);
    assert_int_equal(status->restarts.next_retry_wall_ms, now_wall_ms - HOUR + 60 * SECOND);
    status_free(status);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_berth_noted_moves_with_the_clock_and_the_engines_times_stay),
        cmocka_unit_test(a_status_of_tomorrow_is_of_now_and_its_waits_keep_their_length),
        cmocka_unit_test(no_retry_is_further_than_the_longest_wait),
        cmocka_unit_test(what_can_be_true_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
