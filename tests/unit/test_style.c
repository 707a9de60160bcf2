#include "base/cleanup.h"
#include "cli/style.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void colours_are_only_on_a_terminal_that_can_and_when_nobody_objects(void **state)
{
    static const struct {
        bool is_terminal;
        const char *no_color, *term;
        bool is_on;
    } rows[] = {
        {true, NULL, "xterm", true}, {true, "", "xterm", true},     {true, "1", "xterm", false},
        {true, "0", "xterm", false}, {true, NULL, "dumb", false},   {true, NULL, "", false},
        {true, NULL, NULL, false},   {false, NULL, "xterm", false}, {false, "1", "xterm", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(style_decide(rows[i].is_terminal, rows[i].no_color, rows[i].term),
                         rows[i].is_on);
    }
}

static void each_phase_has_its_colour(void **state)
{
    static const struct {
        const char *phase;
        enum style style;
    } rows[] = {
        {"RUNNING", STYLE_GOOD},      {"Running", STYLE_GOOD},   {"Succeeded", STYLE_GOOD},
        {"PROVISIONING", STYLE_BUSY}, {"Pending", STYLE_BUSY},   {"REPAIRING", STYLE_BAD},
        {"Failed", STYLE_BAD},        {"Invalid", STYLE_BAD},    {"TERMINATED", STYLE_DIM},
        {"SUSPENDED", STYLE_DIM},     {"nonsense", STYLE_PLAIN}, {NULL, STYLE_PLAIN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(style_of_phase(rows[i].phase), rows[i].style);
    }
}

static void a_style_ends_where_it_begins_and_plain_is_nothing(void **state)
{
    (void)state;
    assert_string_equal(style_begin(STYLE_PLAIN), "");
    assert_string_equal(style_end(STYLE_PLAIN), "");
    assert_string_equal(style_begin(STYLE_BAD), "\033[31m");
    assert_string_equal(style_end(STYLE_BAD), "\033[0m");
}

static void the_first_variable_that_says_something_decides_about_utf8(void **state)
{
    (void)state;
    assert_true(style_locale_has_utf8(NULL, NULL, "de_DE.UTF-8"));
    assert_true(style_locale_has_utf8("C.utf8", "C", "C"));
    assert_true(style_locale_has_utf8("", "en_US.UTF-8", "C"));
    assert_false(style_locale_has_utf8("C", "en_US.UTF-8", "en_US.UTF-8"));
    assert_false(style_locale_has_utf8(NULL, NULL, "POSIX"));
    assert_false(style_locale_has_utf8(NULL, NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colours_are_only_on_a_terminal_that_can_and_when_nobody_objects),
        cmocka_unit_test(each_phase_has_its_colour),
        cmocka_unit_test(a_style_ends_where_it_begins_and_plain_is_nothing),
        cmocka_unit_test(the_first_variable_that_says_something_decides_about_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
