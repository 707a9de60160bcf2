#include "base/memory.h"
#include "base/parse.h"
#include "specs/jsonc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void comments_and_trailing_commas_are_left_out(void **state)
{
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"{}", "{}"},
        {" // c\n{} // c", "{}"},
        {"/* c */{/**/}/***/", "{}"},
        {"{\"a\": 1,}", "{\"a\":1}"},
        {"[1, 2, // last\n /* ] */ ]", "[1,2]"},
        {"{\"a\": [1,],}", "{\"a\":[1]}"},
        {"[[],]", "[[]]"},
        {"{\"a\": \"http://h/*x*/,}\"}", "{\"a\":\"http://h/*x*/,}\"}"},
        {"{\"a\": \"\\\"// no comment\\\\\"} // a comment", "{\"a\":\"\\\"// no comment\\\\\"}"},
        {"{\"a\"/* b */:/* c */1/* d */}", "{\"a\":1}"},
        {"[1 // x\r, 2]", "[1,2]"},
        {"[1, // x\r\n 2,\r\n]", "[1,2]"},
        {"\xef\xbb\xbf{\"\xc3\xa4\": 1}", "{\"\xc3\xa4\":1}"},
        {"/* \xe4\xbd\xa0 */[]", "[]"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(jsonc) jsonc = {0};
        struct jsonc_position where;
        auto_free char *json = NULL;
        struct error err = {0};

        if (jsonc_parse(rows[i].text, strlen(rows[i].text), &jsonc, &where, &err) < 0) {
            fail_msg("%s: %u:%u: %s", rows[i].text, where.line, where.column, err.message);
        }
        json = json_dumps(jsonc.root, JSON_COMPACT);
        assert_string_equal(json, rows[i].json);
    }
}

static void what_is_wrong_has_a_place(void **state)
{
    static const struct {
        const char *text;
        unsigned line, column;
        const char *part;
    } rows[] = {
        {"", 1, 1, "expected"},
        {"// only a comment", 1, 17, "expected"},
        {"5", 1, 1, "expected"},
        {"{\"a\": 1}\nx", 2, 1, "end of file expected"},
        {"{\n  \"a\": ,\n}", 2, 8, "','"},
        {"[,]", 1, 2, "','"},
        {"[1,,]", 1, 4, "','"},
        {"{,}", 1, 2, "','"},
        {"[1 2]", 1, 4, "near '2'"},
        {"{'a': 1}", 1, 2, "expected"},
        {"[1] /* no end", 1, 5, "\"/\" begins no comment"},
        {"[1,\n 2 /*/]", 2, 4, "\"/\" begins no comment"},
        {"[1 / 2]", 1, 4, "\"/\" begins no comment"},
        {"[\"no end]", 1, 9, "near"},
        {"{\"a\": 1, \"a\": 2}", 1, 12, "duplicate"},
        {"[\"\\u0000\"]", 1, 9, "\\u0000"},
        {"[1,\n \"\xff\"]", 2, 3, "UTF-8"},
        {"// \xe4\xbd\xa0 \xff\n[]", 1, 6, "UTF-8"},
        {"\xff\xfe[\x01]\x01", 1, 1, "UTF-8"},
        {"[1e999]", 1, 6, "overflow"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(jsonc) jsonc = {0};
        struct jsonc_position where = {0};
        struct error err = {0};

        assert_int_equal(jsonc_parse(rows[i].text, strlen(rows[i].text), &jsonc, &where, &err), -1);
        if (where.line != rows[i].line || where.column != rows[i].column ||
            strstr(err.message, rows[i].part) == NULL) {
            fail_msg("%s: %u:%u: %s", rows[i].text, where.line, where.column, err.message);
        }
        assert_true(text_is_clean_utf8(err.message, strlen(err.message)));
    }
}

static void a_byte_that_is_zero_is_no_text(void **state)
{
    static const char text[] = "[1,\0 2]";
    auto_done(jsonc) jsonc = {0};
    struct jsonc_position where;
    struct error err = {0};

    (void)state;
    assert_int_equal(jsonc_parse(text, sizeof(text) - 1, &jsonc, &where, &err), -1);
    assert_int_equal(where.column, 4);
}

static void a_text_has_a_longest_length_and_a_greatest_depth(void **state)
{
    auto_free char *text = xmalloc(JSONC_MAX_BYTES + 2);
    auto_done(jsonc) jsonc = {0};
    struct jsonc_position where;
    struct error err = {0};

    (void)state;
    memset(text, ' ', JSONC_MAX_BYTES + 2);
    memcpy(text, "[]", 2);
    assert_int_equal(jsonc_parse(text, JSONC_MAX_BYTES, &jsonc, &where, &err), 0);
    assert_int_equal(jsonc_parse(text, JSONC_MAX_BYTES + 1, &jsonc, &where, &err), -1);
    assert_int_equal(where.line, 0);
    memset(text, '[', JSONC_MAX_BYTES);
    error_clear(&err);
    assert_int_equal(jsonc_parse(text, JSONC_MAX_BYTES, &jsonc, &where, &err), -1);
    assert_non_null(strstr(err.message, "depth"));
}

static void every_value_is_found_where_it_was_written(void **state)
{
    static const char text[] =
        "// \xc3\xa4\n"
        "{ /* \xc3\xa4 */ \"a\": [1, \"]\\\"}\", {\"b\": {}},\n"
        "  /* , */ [ [ ] , true ] ],\n"
        "\"c\\u0064\" : { \"a\": null, \"e\" /* : */ : -1.5e3 , }, \"\": 7 }\n";
    struct place a = {.key = "a"}, a0 = {.parent = &a, .index = 0}, a1 = {.parent = &a, .index = 1},
                 a2 = {.parent = &a, .index = 2}, a2b = {.parent = &a2, .key = "b"},
                 a3 = {.parent = &a, .index = 3}, a31 = {.parent = &a3, .index = 1},
                 cd = {.key = "cd"}, e = {.parent = &cd, .key = "e"}, empty = {.key = ""};
    const struct {
        const struct place *place;
        unsigned line, column;
    } rows[] = {{NULL, 2, 1}, {&a, 2, 16},   {&a0, 2, 17},   {&a1, 2, 20},
                {&a2, 2, 28}, {&a2b, 2, 34}, {&a3, 3, 11},   {&a31, 3, 19},
                {&cd, 4, 13}, {&e, 4, 40},   {&empty, 4, 56}};
    auto_done(jsonc) jsonc = {0};
    struct jsonc_position where;
    struct error err = {0};

    (void)state;
    assert_int_equal(jsonc_parse(text, sizeof(text) - 1, &jsonc, &where, &err), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        where = jsonc_locate(&jsonc, rows[i].place);
        if (where.line != rows[i].line || where.column != rows[i].column) {
            fail_msg("row %zu is at %u:%u", i, where.line, where.column);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_and_trailing_commas_are_left_out),
        cmocka_unit_test(what_is_wrong_has_a_place),
        cmocka_unit_test(a_byte_that_is_zero_is_no_text),
        cmocka_unit_test(a_text_has_a_longest_length_and_a_greatest_depth),
        cmocka_unit_test(every_value_is_found_where_it_was_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
