#include "base/cleanup.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void times_are_read_in_every_form_that_docker_writes(void **state)
{
    static const struct {
        const char *text;
        int64_t wall_ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:01Z", 1000},
        {"2026-01-02T03:04:05Z", INT64_C(1767323045000)},
        {"2026-01-02T03:04:05.678Z", INT64_C(1767323045678)},
        {"2026-01-02T03:04:05.678912345Z", INT64_C(1767323045678)},
        {"2026-01-02T03:04:05.6Z", INT64_C(1767323045600)},
        {"2026-01-02T04:04:05+01:00", INT64_C(1767323045000)},
        {"2026-01-01T21:34:05-05:30", INT64_C(1767323045000)},
        {"2024-02-29T12:00:00Z", INT64_C(1709208000000)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000)},
        {"1969-12-31T23:59:59Z", -1000},
        {"0001-01-01T00:00:00Z", 0}, /* how Docker says "never" */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t wall_ms = -1;

        if (timestamp_parse(rows[i].text, &wall_ms) < 0 || wall_ms != rows[i].wall_ms) {
            fail_msg("%s reads as %lld", rows[i].text, (long long)wall_ms);
        }
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "now",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02T03:04:05z",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04Z",
        "2026-1-2T03:04:05Z",
        "2026-13-02T03:04:05Z",
        "2026-00-02T03:04:05Z",
        "2026-01-32T03:04:05Z",
        "2026-01-00T03:04:05Z",
        "2025-02-29T03:04:05Z",
        "1900-02-29T03:04:05Z",
        "2026-04-31T03:04:05Z",
        "2026-01-02T24:04:05Z",
        "2026-01-02T03:60:05Z",
        "2026-01-02T03:04:61Z",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05,5Z",
        "2026-01-02T03:04:05+0100",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+01:60",
        "2026-01-02T03:04:05+",
        "2026-01-02T03:04:05Zx",
        " 2026-01-02T03:04:05Z",
        "+026-01-02T03:04:05Z",
        "-026-01-02T03:04:05Z",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t wall_ms = 4711;

        if (timestamp_parse(rows[i], &wall_ms) == 0 || wall_ms != 4711) {
            fail_msg("\"%s\" was taken", rows[i]);
        }
    }
}

static void times_are_written_as_kubectl_shows_them(void **state)
{
    char text[TIMESTAMP_SIZE];

    (void)state;
    assert_string_equal(timestamp_format(INT64_C(1767323045678), text), "2026-01-02T03:04:05Z");
    assert_string_equal(timestamp_format(0, text), "");
}

static void a_time_that_was_written_reads_back_to_the_second(void **state)
{
    (void)state;
    for (int64_t wall_ms = 86400001; wall_ms < INT64_C(250000000000000);
         wall_ms = wall_ms * 5 / 4 + 12345) {
        char text[TIMESTAMP_SIZE];
        int64_t got;

        assert_int_equal(timestamp_parse(timestamp_format(wall_ms, text), &got), 0);
        assert_true(got == wall_ms - wall_ms % 1000);
    }
}

static void the_clocks_do_not_run_backwards(void **state)
{
    uint64_t before_ns = clock_monotonic_ns(), before_ms = clock_monotonic_ms();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint64_t now_ns = clock_monotonic_ns(), now_ms = clock_monotonic_ms();

        assert_true(now_ns >= before_ns && now_ms >= before_ms);
        assert_true(now_ms >= now_ns / NS_PER_MS);
        before_ns = now_ns;
        before_ms = now_ms;
    }
    assert_true(clock_wall_ms() >
                INT64_C(1700000000000)); /* 2023: somebody set this machine's clock */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_in_every_form_that_docker_writes),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(times_are_written_as_kubectl_shows_them),
        cmocka_unit_test(a_time_that_was_written_reads_back_to_the_second),
        cmocka_unit_test(the_clocks_do_not_run_backwards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
