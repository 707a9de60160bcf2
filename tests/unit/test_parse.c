#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static const char *const no_numbers[] = {
    "", " ", "x", "1x", "x1", "1 ", " 1", "+1", "--1", "0x10", "1e3", "1.0", "01", "00", "1_0", "-",
};

static void unsigned_numbers_are_decimal_digits_and_nothing_else(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } rows[] = {
        {"0", 0},
        {"1", 1},
        {"10", 10},
        {"18446744073709551615", UINT64_MAX},
    };
    uint64_t value = 4711;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(parse_u64(rows[i].text, &value), 0);
        assert_true(value == rows[i].value);
    }
    value = 4711;
    for (size_t i = 0; i < ARRAY_SIZE(no_numbers); i++) {
        assert_int_equal(parse_u64(no_numbers[i], &value), -1);
    }
    assert_int_equal(parse_u64("-1", &value), -1);
    assert_int_equal(parse_u64("18446744073709551616", &value), -1);
    assert_int_equal(parse_u64("99999999999999999999999", &value), -1);
    assert_int_equal(value, 4711);
}

static void signed_numbers_may_have_a_minus(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"0", 0},
        {"-1", -1},
        {"42", 42},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775807", -INT64_MAX},
    };
    int64_t value = 4711;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(parse_i64(rows[i].text, &value), 0);
        assert_true(value == rows[i].value);
    }
    value = 4711;
    for (size_t i = 0; i < ARRAY_SIZE(no_numbers); i++) {
        assert_int_equal(parse_i64(no_numbers[i], &value), -1);
    }
    assert_int_equal(parse_i64("9223372036854775808", &value), -1);
    assert_int_equal(value, 4711);
}

static void ports_are_from_1_to_65535(void **state)
{
    static const char *const refused[] = {"0", "65536", "-1", "99999999999999999999", "http", ""};
    uint16_t port = 7;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        assert_int_equal(parse_port(refused[i], &port), -1);
    }
    assert_int_equal(port, 7);
    assert_int_equal(parse_port("1", &port), 0);
    assert_int_equal(port, 1);
    assert_int_equal(parse_port("65535", &port), 0);
    assert_int_equal(port, 65535);
}

static void a_range_of_ports_has_one_or_two_numbers(void **state)
{
    static const char *const refused[] = {"",      "-",       "1-",          "-1",        "2-1",
                                          "1-2-3", "1-70000", "65536-65537", "0001-0002", "1 - 2"};
    uint16_t first = 7, last = 8;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        assert_int_equal(parse_port_range(refused[i], &first, &last), -1);
    }
    assert_int_equal(first, 7);
    assert_int_equal(last, 8);
    assert_int_equal(parse_port_range("8080", &first, &last), 0);
    assert_int_equal(first, 8080);
    assert_int_equal(last, 8080);
    assert_int_equal(parse_port_range("65000-65535", &first, &last), 0);
    assert_int_equal(first, 65000);
    assert_int_equal(last, 65535);
}

static void texts_are_compared_by_their_ends_and_as_a_whole(void **state)
{
    (void)state;
    assert_true(text_has_prefix("abc", "ab"));
    assert_true(text_has_prefix("abc", ""));
    assert_false(text_has_prefix("ab", "abc"));
    assert_true(text_has_suffix("abc", "bc"));
    assert_true(text_has_suffix("abc", ""));
    assert_false(text_has_suffix("bc", "abc"));
    assert_true(text_equal("a", "a"));
    assert_true(text_equal(NULL, NULL));
    assert_false(text_equal("a", NULL));
    assert_false(text_equal(NULL, "a"));
    assert_false(text_equal("a", "b"));
}

static void clean_text_is_utf8_without_control_characters(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        bool is_clean;
    } rows[] = {
        {"", 0, true},
        {"plain\ttext\r\n", 12, true},
        {"gr\xc3\xbc\xc3\x9f", 6, true},
        {"\xe4\xbd\xa0", 3, true},
        {"\xf0\x9f\x98\x80", 4, true},
        {"\xf4\x8f\xbf\xbf", 4, true},
        {"a\0b", 3, false},
        {"\x01", 1, false},
        {"\x1b[0m", 4, false},
        {"\x7f", 1, false},
        {"\xff", 1, false},
        {"\x80", 1, false},
        {"\xc3", 1, false}, /* cut off */
        {"\xe4\xbd", 2, false},
        {"\xc3(", 2, false},    /* not continued */
        {"\xc0\xaf", 2, false}, /* over-long */
        {"\xe0\x80\xaf", 3, false},
        {"\xf0\x80\x80\xaf", 4, false},
        {"\xed\xa0\x80", 3, false},     /* a surrogate */
        {"\xf4\x90\x80\x80", 4, false}, /* past the last character */
        {"\xf5\x80\x80\x80", 4, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (text_is_clean_utf8(rows[i].text, rows[i].len) != rows[i].is_clean) {
            fail_msg("row %zu", i);
        }
    }
}

static void what_is_not_clean_is_replaced_for_a_line(void **state)
{
    static const struct {
        const char *text;
        size_t max_len;
        const char *line;
    } rows[] = {
        {"plain", 10, "plain"},
        {"a\tb\r\nc", 10, "a b  c"},
        {"a\x01\xff\x7f", 10, "a???"},
        {"caf\xc3\xa9", 10, "caf\xc3\xa9"},
        {"caf\xc3\xa9", 4, "caf"},
        {"cut\xe2\x82", 10, "cut??"},
        {"", 10, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *text = xstrdup(rows[i].text);

        text_make_clean_line(text, rows[i].max_len);
        assert_string_equal(text, rows[i].line);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(unsigned_numbers_are_decimal_digits_and_nothing_else),
        cmocka_unit_test(signed_numbers_may_have_a_minus),
        cmocka_unit_test(ports_are_from_1_to_65535),
        cmocka_unit_test(a_range_of_ports_has_one_or_two_numbers),
        cmocka_unit_test(texts_are_compared_by_their_ends_and_as_a_whole),
        cmocka_unit_test(clean_text_is_utf8_without_control_characters),
        cmocka_unit_test(what_is_not_clean_is_replaced_for_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
