#include "base/cleanup.h"
#include "cli/convert_text.h"
#include "specs/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void a_command_line_is_split_as_the_shell_splits_it(void **state)
{
    static const struct {
        const char *text, *words; /* words as JSON; NULL: refused */
    } rows[] = {
        {"nginx -g 'daemon off;'", "[\"nginx\",\"-g\",\"daemon off;\"]"},
        {"  a  b\t c ", "[\"a\",\"b\",\"c\"]"},
        {"echo \"a \\\"b\\\" \\n\"", "[\"echo\",\"a \\\"b\\\" \\\\n\"]"},
        {"a\\ b '' \"\"", "[\"a b\",\"\",\"\"]"},
        {"x'y'\"z\"", "[\"xyz\"]"},
        {"'a\\'", "[\"a\\\\\"]"},
        {"", "[]"},
        {"echo 'open", NULL},
        {"echo \"open", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_auto_t *words = convert_split_words(rows[i].text);
        auto_free char *text = words != NULL ? json_dumps(words, JSON_COMPACT) : NULL;

        if (rows[i].words == NULL) {
            assert_null(words);
        } else {
            assert_string_equal(text, rows[i].words);
        }
    }
}

static void sizes_are_powers_of_1024_as_docker_has_them(void **state)
{
    static const struct {
        const char *text;
        int64_t bytes; /* -1: refused */
    } rows[] = {
        {"512m", INT64_C(512) << 20},
        {"1.5gb", INT64_C(1536) << 20},
        {"64K", 65536},
        {"2GiB", INT64_C(2) << 30},
        {"1048576", 1048576},
        {"10b", 10},
        {"m", -1},
        {"10x", -1},
        {"10mx", -1},
        {"", -1},
        {"-1", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t bytes = -1;

        assert_int_equal(convert_parse_size(rows[i].text, &bytes), rows[i].bytes < 0 ? -1 : 0);
        assert_int_equal(bytes, rows[i].bytes);
    }
}

static void times_are_whole_seconds_rounded_up(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } rows[] = {{"1m30s", 90}, {"30s", 30}, {"1.5s", 2}, {"500ms", 1}, {"2h", 7200}, {"soon", -1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t seconds = -1;

        assert_int_equal(convert_parse_seconds(rows[i].text, &seconds),
                         rows[i].seconds < 0 ? -1 : 0);
        assert_int_equal(seconds, rows[i].seconds);
    }
}

static const char *look_up(const char *name)
{
    return strcmp(name, "SET") == 0 ? "value" : strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static void variables_are_filled_in_by_the_rules_of_compose(void **state)
{
    static const struct {
        const char *text, *filled, *missing; /* filled NULL: refused */
    } rows[] = {
        {"a $SET b", "a value b", ""},
        {"${SET}-x", "value-x", ""},
        {"$$SET $$", "$SET $", ""},
        {"${NONE:-default}", "default", ""},
        {"${EMPTY:-default}", "default", ""},
        {"${EMPTY-default}", "", ""},
        {"${NONE-${SET}}", "value", ""},
        {"${NONE:-${OTHER:-deep}}", "deep", ""},
        {"${SET:+there}", "there", ""},
        {"${NONE+there}", "", ""},
        {"$NONE and ${OTHER}", " and ", "NONE OTHER"},
        {"${SET:?must be set}", "value", ""},
        {"${NONE:?must be set}", NULL, ""},
        {"${NONE", NULL, ""},
        {"${}", NULL, ""},
        {"${SET!}", NULL, ""},
        {"$1", NULL, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(strbuf) out = {0}, missing = {0};
        int result = convert_fill_in(rows[i].text, look_up, &out, &missing);

        assert_int_equal(result, rows[i].filled != NULL ? 0 : -1);
        if (rows[i].filled != NULL) {
            assert_string_equal(strbuf_text(&out), rows[i].filled);
        }
        assert_string_equal(strbuf_text(&missing), rows[i].missing);
    }
}

static void files_of_variables_are_read_line_by_line(void **state)
{
    json_auto_t *values = convert_parse_env_file("# comment\n"
                                                 "\n"
                                                 "A=1\r\n"
                                                 "export B=two words # comment\n"
                                                 "  C = \"quoted # not a comment\"  # comment\n"
                                                 "D='x'\n"
                                                 "URL=http://h/#anchor\n"
                                                 "EMPTY=\n"
                                                 "PASSED\n"
                                                 "A=2");
    auto_free char *text = json_dumps(values, JSON_COMPACT);

    (void)state;
    assert_string_equal(text, "{\"A\":\"2\",\"B\":\"two words\",\"C\":\"quoted # not a "
                              "comment\",\"D\":\"x\",\"URL\":\"http://h/#anchor\",\"EMPTY\":"
                              "\"\",\"PASSED\":null}");
}

static void any_text_becomes_a_valid_name(void **state)
{
    static const char *const rows[][2] = {
        {"web", "web"},
        {"my_App.1", "my-app-1"},
        {"1st", "n1st"},
        {"_x_", "x"},
        {"___", "unnamed"},
        {"", "unnamed"},
        {"a-name-that-is-much-longer-than-sixty-three-letters-and-ends-behind-it",
         "a-name-that-is-much-longer-than-sixty-three-letters-and-ends-be"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *name = convert_object_name(rows[i][0]);

        assert_string_equal(name, rows[i][1]);
        assert_true(object_name_is_valid(name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_line_is_split_as_the_shell_splits_it),
        cmocka_unit_test(sizes_are_powers_of_1024_as_docker_has_them),
        cmocka_unit_test(times_are_whole_seconds_rounded_up),
        cmocka_unit_test(variables_are_filled_in_by_the_rules_of_compose),
        cmocka_unit_test(files_of_variables_are_read_line_by_line),
        cmocka_unit_test(any_text_becomes_a_valid_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
