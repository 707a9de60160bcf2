#include "clients/docker_text.h"

#include "base/cleanup.h"
#include "base/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define BAD "\xef\xbf\xbd"

static void text_becomes_one_clean_line(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"  kept in front, not behind \t\r\n", "  kept in front, not behind"},
        {"one\r\ntwo\tthree", "one  two three"},
        {"\x1b[31mred\x07", BAD "[31mred" BAD},
        {"\x7f", BAD},
        {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x8e\x89 \xe2\x82\xac",
         "gr\xc3\xbc\xc3\x9f \xf0\x9f\x8e\x89 \xe2\x82\xac"},
        {"\xff\xc3(\xe2\x82", BAD BAD "(" BAD BAD},
        {"\xc0\xaf\xed\xa0\x80", BAD BAD BAD BAD BAD}, /* over-long, and a surrogate */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *text = docker_text_clean(rows[i].in, strlen(rows[i].in), 100);

        assert_string_equal(text, rows[i].out);
    }
}

static void a_nul_inside_does_not_end_it(void **state)
{
    auto_free char *text = docker_text_clean("a\0b", 3, 100);

    (void)state;
    assert_string_equal(text, "a" BAD "b");
}

static void a_cut_is_marked_and_within_the_ceiling(void **state)
{
    static const struct {
        const char *in;
        size_t max_len;
        const char *out;
    } rows[] = {
        {"12345678", 8, "12345678"},
        {"123456789", 8, "12345..."},
        {"123456789", 4, "1..."},
        {"1234\xe2\x82\xac"
         "56",
         8, "1234..."},
        {"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 8, "\xe2\x82\xac..."},
        {"\xff\xff\xff", 8, BAD "..."},
        {"\xe2\x82\xac\xe2\x82\xac", 4, "..."},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *text = docker_text_clean(rows[i].in, strlen(rows[i].in), rows[i].max_len);

        assert_string_equal(text, rows[i].out);
        assert_true(strlen(text) <= rows[i].max_len);
        assert_true(text_is_clean_utf8(text, strlen(text)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_one_clean_line),
        cmocka_unit_test(a_nul_inside_does_not_end_it),
        cmocka_unit_test(a_cut_is_marked_and_within_the_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
