#include "base/cleanup.h"
#include "specs/quantity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define KIB (INT64_C(1) << 10)
#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)
#define TIB (INT64_C(1) << 40)

static void sizes_are_read_in_all_units(void **state)
{
    static const struct {
        const char *text;
        int64_t bytes;
    } rows[] = {
        {"0", 0},
        {"1", 1},
        {"1024", 1024},
        {"1k", 1000},
        {"1Ki", KIB},
        {"1M", 1000000},
        {"512Mi", 512 * MIB},
        {"2G", INT64_C(2000000000)},
        {"2Gi", 2 * GIB},
        {"1T", INT64_C(1000000000000)},
        {"1Ti", TIB},
        {"1.5Gi", 1536 * MIB},
        {"0.5Mi", 512 * KIB},
        {"2.50k", 2500},
        {"9007199254740992", INT64_C(1) << 53},
        {"8192Ti", INT64_C(1) << 53},
        {"0.0000000000000001Ti", 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t bytes = -1;

        if (quantity_parse_bytes(rows[i].text, &bytes) < 0 || bytes != rows[i].bytes) {
            fail_msg("%s gives %lld", rows[i].text, (long long)bytes);
        }
    }
}

static void a_fraction_of_a_byte_counts_as_a_whole_one(void **state)
{
    int64_t bytes;

    (void)state;
    assert_int_equal(quantity_parse_bytes("0.1Ki", &bytes), 0);
    assert_int_equal(bytes, 103);
    assert_int_equal(quantity_parse_bytes("1.5", &bytes), 0);
    assert_int_equal(bytes, 2);
}

static void what_is_no_size_is_refused_and_changes_nothing(void **state)
{
    static const char *const rows[] = {
        "",
        " ",
        "-1",
        "+1",
        "1 Gi",
        " 1Gi",
        "1Gi ",
        "0x10",
        "1e3",
        "012",
        "00",
        "1_000",
        ".5",
        "5.",
        "1..5",
        "1.5.0",
        "inf",
        "nan",
        "Mi",
        "1m",
        "1K",
        "1ki",
        "1mi",
        "1MB",
        "1MiB",
        "1GB",
        "1g",
        "1Pi",
        "1,5",
        "1:30",
        "1Gi1Mi",
        "9007199254740993",
        "8193Ti",
        "1234567890123456789",
        "99999999999999999999999999",
        "0.12345678901234567890Ti",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t bytes = 4711;

        if (quantity_parse_bytes(rows[i], &bytes) == 0 || bytes != 4711) {
            fail_msg("\"%s\" was taken", rows[i]);
        }
    }
}

static void processors_are_read_in_thousandths(void **state)
{
    static const struct {
        const char *text;
        int64_t milli;
    } rows[] = {
        {"1", 1000},     {"2", 2000},      {"1.5", 1500}, {"0.25", 250}, {"250m", 250},   {"1m", 1},
        {"1500m", 1500}, {"1.2345", 1234}, {"0.001", 1},  {"96", 96000}, {"0.9999", 999},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t milli = -1;

        if (quantity_parse_cpu(rows[i].text, &milli) < 0 || milli != rows[i].milli) {
            fail_msg("%s gives %lld", rows[i].text, (long long)milli);
        }
    }
}

static void what_is_no_amount_of_processors_is_refused(void **state)
{
    static const char *const rows[] = {
        "",    "0",  "0m", "0.0001", "-1",  "1.5m", "m",   "1M",   "1k",  "0x1",
        "1e1", "01", "1 ", " 1",     "1,5", "inf",  "nan", "1.5.", "1m5", "9007199254740993",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t milli = 4711;

        if (quantity_parse_cpu(rows[i], &milli) == 0 || milli != 4711) {
            fail_msg("\"%s\" was taken", rows[i]);
        }
    }
}

static void durations_are_sums_of_units_in_falling_order(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"0", 0},
        {"0s", 0},
        {"10s", 10000},
        {"250ms", 250},
        {"1h30m", 5400000},
        {"2d", 172800000},
        {"1d2h3m4s5ms", 93784005},
        {"90m", 5400000},
        {"1m1ms", 60001},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t ms = -1;

        if (quantity_parse_duration(rows[i].text, &ms) < 0 || ms != rows[i].ms) {
            fail_msg("%s gives %lld", rows[i].text, (long long)ms);
        }
    }
}

static void what_is_no_duration_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "10",
        "s",
        "-1s",
        "1s1m",
        "1s1s",
        "1.5h",
        "1 h",
        "1h ",
        "1hm",
        "1dh",
        "1ms1s",
        "00",
        "01s",
        "1e3s",
        "1y",
        "1S",
        "1h30",
        "1mss",
        "99999999999999999999s",
        "999999999999999999d",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t ms = 4711;

        if (quantity_parse_duration(rows[i], &ms) == 0 || ms != 4711) {
            fail_msg("\"%s\" was taken", rows[i]);
        }
    }
}

static void amounts_are_written_in_their_shortest_exact_form(void **state)
{
    char text[QUANTITY_TEXT_SIZE];

    (void)state;
    assert_string_equal(quantity_format_bytes(0, text), "0");
    assert_string_equal(quantity_format_bytes(1500, text), "1500");
    assert_string_equal(quantity_format_bytes(1000, text), "1k");
    assert_string_equal(quantity_format_bytes(512 * MIB, text), "512Mi");
    assert_string_equal(quantity_format_bytes(1024 * MIB, text), "1Gi");
    assert_string_equal(quantity_format_bytes(1536 * MIB, text), "1536Mi");
    assert_string_equal(quantity_format_bytes(100000000, text), "100M");
    assert_string_equal(quantity_format_cpu(0, text), "0");
    assert_string_equal(quantity_format_cpu(250, text), "250m");
    assert_string_equal(quantity_format_cpu(1000, text), "1");
    assert_string_equal(quantity_format_cpu(10000, text), "10");
    assert_string_equal(quantity_format_cpu(1500, text), "1.5");
    assert_string_equal(quantity_format_cpu(1234, text), "1.234");
    assert_string_equal(quantity_format_duration(0, text), "0s");
    assert_string_equal(quantity_format_duration(5400000, text), "1h30m");
    assert_string_equal(quantity_format_duration(90061001, text), "1d1h1m1s1ms");
}

static int64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)(*seed >> (11 + *seed % 40)); /* all magnitudes up to 2^53 */
}

static void what_is_written_reads_back_as_the_same_amount(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        int64_t amount = next_random(&seed), got = -1;
        char text[QUANTITY_TEXT_SIZE];

        assert_int_equal(quantity_parse_bytes(quantity_format_bytes(amount, text), &got), 0);
        assert_true(got == amount);
        assert_int_equal(quantity_parse_duration(quantity_format_duration(amount, text), &got), 0);
        assert_true(got == amount);
        if (amount > 0) {
            assert_int_equal(quantity_parse_cpu(quantity_format_cpu(amount, text), &got), 0);
            assert_true(got == amount);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read_in_all_units),
        cmocka_unit_test(a_fraction_of_a_byte_counts_as_a_whole_one),
        cmocka_unit_test(what_is_no_size_is_refused_and_changes_nothing),
        cmocka_unit_test(processors_are_read_in_thousandths),
        cmocka_unit_test(what_is_no_amount_of_processors_is_refused),
        cmocka_unit_test(durations_are_sums_of_units_in_falling_order),
        cmocka_unit_test(what_is_no_duration_is_refused),
        cmocka_unit_test(amounts_are_written_in_their_shortest_exact_form),
        cmocka_unit_test(what_is_written_reads_back_as_the_same_amount),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
