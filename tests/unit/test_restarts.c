#include "reconcilers/restarts.h"

#include "base/memory.h"
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

enum { SECOND = 1000, MINUTE = 60000 };

static const int64_t now_wall_ms = INT64_C(1767355200000);

static struct observed_container ended(int64_t exit_code, int64_t ran_ms, int64_t at_wall_ms)
{
    return (struct observed_container){
        .state = WORKLOAD_EXITED,
        .exit_code = exit_code,
        .started_wall_ms = at_wall_ms - ran_ms,
        .finished_wall_ms = at_wall_ms,
    };
}

static int64_t wait_after(const struct object_status *status)
{
    return status->restarts.next_retry_wall_ms - status->restarts.last_finished_wall_ms;
}

static void an_end_counts_once(void **state)
{
    struct object_status *status = status_new();
    struct observed_container container = ended(3, SECOND, now_wall_ms);

    (void)state;
    assert_false(restarts_is_known(&status->restarts, &container));
    restarts_note_end(status, &container, "Instance/web", RESTART_ALWAYS, NULL, NULL,
                      container.finished_wall_ms);
    restarts_note_end(status, &container, "Instance/web", RESTART_ALWAYS, NULL, NULL,
                      container.finished_wall_ms);
    assert_true(restarts_is_known(&status->restarts, &container));
    assert_int_equal(status->restarts.in_a_row, 1);
    assert_int_equal(status->restarts.last_exit_code, 3);
    assert_string_equal(status->restarts.last_reason, "Error");
    container.finished_wall_ms++;
    assert_false(restarts_is_known(&status->restarts, &container));
    status_free(status);
}

/* The first restart is due at once; then 1 s, doubled up to 300 s, each within a quarter. */
static void waits_double_up_to_their_ceiling(void **state)
{
    static const int64_t nominal_ms[] = {0,     1000,   2000,   4000,   8000,   16000, 32000,
                                         64000, 128000, 256000, 300000, 300000, 300000};
    struct object_status *status = status_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(nominal_ms); i++) {
        struct observed_container container =
            ended(1, SECOND, now_wall_ms + (int64_t)i * 10 * MINUTE);
        int64_t wait_ms;

        restarts_note_end(status, &container, "Instance/web", RESTART_ALWAYS, NULL, NULL,
                          container.finished_wall_ms);
        wait_ms = wait_after(status);
        assert_true(wait_ms >= nominal_ms[i] * 3 / 4);
        assert_true(wait_ms <= nominal_ms[i] * 5 / 4);
        assert_true(wait_ms <= RETRY_MAX_MS);
    }
    status_free(status);
}

static void ten_good_minutes_forgive_what_was_before(void **state)
{
    static const struct {
        int64_t ran_ms;
        unsigned in_a_row;
    } rows[] = {
        {RESTART_RESET_MS - 1, 8}, {RESTART_RESET_MS, 1}, {24 * 60 * MINUTE, 1}, {0, 8}, {-5000, 8},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct object_status *status = status_new();
        struct observed_container container = ended(1, rows[i].ran_ms, now_wall_ms);

        status->restarts.count = 20;
        status->restarts.in_a_row = 7;
        restarts_note_end(status, &container, "Instance/web", RESTART_ALWAYS, NULL, NULL,
                          container.finished_wall_ms);
        assert_int_equal(status->restarts.in_a_row, rows[i].in_a_row);
        assert_int_equal(wait_after(status) == 0, rows[i].in_a_row == 1);
        status_free(status);
    }
}

static void objects_that_crash_together_do_not_come_back_together(void **state)
{
    unsigned distinct = 0;
    uint64_t first = retry_delay_ms("Instance/vm-0", 5);

    (void)state;
    for (unsigned i = 1; i < 50; i++) {
        auto_free char *key = xasprintf("Instance/vm-%u", i);

        distinct += retry_delay_ms(key, 5) != first;
        assert_int_equal(retry_delay_ms(key, 5), retry_delay_ms(key, 5));
    }
    assert_true(distinct > 40);
}

static void the_reason_of_an_end_is_one_word(void **state)
{
    static char no_such_file[] = "exec: no such file", nothing[] = "";
    static const struct {
        int64_t exit_code;
        bool is_oom_killed;
        char *error;
        const char *reason;
    } rows[] = {
        {0, false, NULL, "Completed"}, {0, false, nothing, "Completed"},
        {1, false, NULL, "Error"},     {137, true, NULL, "OOMKilled"},
        {137, false, NULL, "Error"},   {127, false, no_such_file, "StartFailed"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct object_status *status = status_new();
        struct observed_container container = ended(rows[i].exit_code, SECOND, now_wall_ms);

        container.is_oom_killed = rows[i].is_oom_killed;
        container.error = rows[i].error;
        restarts_note_end(status, &container, "Instance/web", RESTART_ALWAYS, NULL, NULL,
                          container.finished_wall_ms);
        assert_string_equal(status->restarts.last_reason, rows[i].reason);
        status_free(status);
    }
}

static void an_end_is_described_for_people(void **state)
{
    static const struct {
        int64_t exit_code;
        bool is_oom_killed;
        const char *text;
    } rows[] = {
        {0, false, "exited with code 0"},
        {3, false, "exited with code 3"},
        {128, false, "exited with code 128"},
        {137, false, "was ended by signal 9 (exit code 137)"},
        {143, false, "was ended by signal 15 (exit code 143)"},
        {192, false, "was ended by signal 64 (exit code 192)"},
        {193, false, "exited with code 193"},
        {255, false, "exited with code 255"},
        {137, true, "was killed: out of memory (exit code 137)"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct observed_container container = ended(rows[i].exit_code, SECOND, now_wall_ms);
        auto_free char *text = NULL;

        container.is_oom_killed = rows[i].is_oom_killed;
        text = restarts_describe(&container);
        assert_string_equal(text, rows[i].text);
    }
}

static void the_last_lines_are_kept(void **state)
{
    char first[] = "first", last[] = "last";
    char *lines[] = {first, last};
    struct object_status *status = status_new();
    struct observed_container container = ended(1, SECOND, now_wall_ms);

    (void)state;
    container.log_tail = lines;
    container.log_count = 2;
    restarts_note_end(status, &container, "Instance/web", RESTART_ALWAYS, NULL, NULL,
                      container.finished_wall_ms);
    first[0] = 'x'; /* a copy was taken */
    assert_int_equal(status->restarts.last_log.count, 2);
    assert_string_equal(status->restarts.last_log.items[0], "first");
    assert_string_equal(status->restarts.last_log.items[1], "last");
    status_free(status);
}

static void an_end_that_was_wanted_is_no_crash(void **state)
{
    struct object_status *status = status_new();
    struct observed_container crashed = ended(1, SECOND, now_wall_ms - MINUTE);
    struct observed_container stopped = ended(143, SECOND, now_wall_ms);

    (void)state;
    restarts_note_end(status, &crashed, "Instance/web", RESTART_ALWAYS, NULL, NULL,
                      crashed.finished_wall_ms);
    assert_false(restarts_was_wanted(&status->restarts, &crashed));
    restarts_note_wanted_end(status, &stopped);
    assert_true(restarts_was_wanted(&status->restarts, &stopped));
    assert_int_equal(status->restarts.in_a_row, 0);
    assert_int_equal(status->restarts.next_retry_wall_ms, 0);
    restarts_note_wanted_end(status, &stopped);
    assert_true(restarts_was_wanted(&status->restarts, &stopped));
    crashed.finished_wall_ms = now_wall_ms + MINUTE;
    assert_false(restarts_was_wanted(&status->restarts, &crashed));
    restarts_note_end(status, &crashed, "Instance/web", RESTART_ALWAYS, NULL, NULL,
                      crashed.finished_wall_ms);
    assert_int_equal(wait_after(status), 0); /* the crashes before the stop do not count */
    status_free(status);
}

/* powerState goes to Stopped after a crash was seen: that was a crash, and stays one. */
static void a_crash_stays_a_crash_when_it_is_not_to_run_any_more(void **state)
{
    struct object_status *status = status_new();
    struct observed_container container = ended(1, SECOND, now_wall_ms);

    (void)state;
    restarts_note_end(status, &container, "Instance/web", RESTART_ALWAYS, NULL, NULL,
                      container.finished_wall_ms);
    restarts_note_wanted_end(status, &container);
    assert_string_equal(status->restarts.last_reason, "Error");
    status_free(status);
}

static void only_what_is_started_again_counts_as_a_restart(void **state)
{
    static const struct {
        enum restart_policy policy;
        int64_t exit_code;
        unsigned count;
    } rows[] = {
        {RESTART_ALWAYS, 0, 1},     {RESTART_ALWAYS, 1, 1}, {RESTART_ON_FAILURE, 0, 0},
        {RESTART_ON_FAILURE, 1, 1}, {RESTART_NEVER, 0, 0},  {RESTART_NEVER, 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct object_status *status = status_new();
        struct observed_container container = ended(rows[i].exit_code, SECOND, now_wall_ms);

        restarts_note_end(status, &container, "Instance/web", rows[i].policy, NULL, NULL,
                          container.finished_wall_ms);
        assert_int_equal(status->restarts.count, rows[i].count);
        assert_true(status->restarts.has_last);
        status_free(status);
    }
}

static void the_policy_decides_on_another_start(void **state)
{
    static const struct {
        enum restart_policy policy;
        int64_t exit_code;
        bool wants_another;
    } rows[] = {
        {RESTART_ALWAYS, 0, true},       {RESTART_ALWAYS, 1, true},
        {RESTART_ON_FAILURE, 0, false},  {RESTART_ON_FAILURE, 1, true},
        {RESTART_ON_FAILURE, 137, true}, {RESTART_NEVER, 0, false},
        {RESTART_NEVER, 1, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(restarts_wants_another(rows[i].policy, rows[i].exit_code),
                         rows[i].wants_another);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_counts_once),
        cmocka_unit_test(waits_double_up_to_their_ceiling),
        cmocka_unit_test(ten_good_minutes_forgive_what_was_before),
        cmocka_unit_test(objects_that_crash_together_do_not_come_back_together),
        cmocka_unit_test(the_reason_of_an_end_is_one_word),
        cmocka_unit_test(an_end_is_described_for_people),
        cmocka_unit_test(the_last_lines_are_kept),
        cmocka_unit_test(an_end_that_was_wanted_is_no_crash),
        cmocka_unit_test(a_crash_stays_a_crash_when_it_is_not_to_run_any_more),
        cmocka_unit_test(only_what_is_started_again_counts_as_a_restart),
        cmocka_unit_test(the_policy_decides_on_another_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
