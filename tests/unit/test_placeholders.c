#include "cli/placeholders.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* The text with one value for {{ v }}; on an error its message. The caller's to free. */
static char *fill(const char *value, const char *text)
{
    auto_done(placeholders) set = {0};
    auto_free char *assignment = xasprintf("v=%s", value);
    struct error err = {0};
    char *filled;
    size_t len;

    assert_int_equal(placeholders_add(&set, assignment, &err), 0);
    if (placeholders_fill(&set, text, strlen(text), &filled, &len, &err) < 0) {
        return xstrdup(err.message);
    }
    assert_int_equal(strlen(filled), len);
    return filled;
}

static void values_come_into_texts_quoted_as_these_are(void **state)
{
    static const struct {
        const char *value, *text, *filled;
    } rows[] = {
        {"1.2", "image: app:{{ v }}\n", "image: app:1.2\n"},
        {"3", "a: {{v}}\nb: [{{   v }}, x]\n", "a: 3\nb: [3, x]\n"},
        {"a \"b\" \\c", "env: \"x {{ v }}\"\n", "env: \"x a \\\"b\\\" \\\\c\"\n"},
        {"a 'b'", "env: 'x {{ v }}'\n", "env: 'x a ''b'''\n"},
        {"two\nlines", "env: \"{{ v }}\"\n", "env: \"two\\nlines\"\n"},
        {"echo \"$X\"", "run: |\n  {{ v }}\n  done\n", "run: |\n  echo \"$X\"\n  done\n"},
        {"7", "a: 1 # {{ v }}\n", "a: 1 # 7\n"},
        {"x\ny: z", "a: 1 # {{ v }}\n", "a: 1 # x\\ny: z\n"},
        {"x", "{{ v }}-name: {{ v }}\n", "x-name: x\n"},
        {"{{ v }}", "a: \"{{ v }}\"\n", "a: \"{{ v }}\"\n"},
        {"berthset0x0z", "a: \"{{ v }} b\"\n", "a: \"berthset0x0z b\"\n"},
        {"", "a: \"{{ v }}\"\n", "a: \"\"\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *filled = fill(rows[i].value, rows[i].text);

        assert_string_equal(filled, rows[i].filled);
    }
}

static void a_value_never_becomes_structure(void **state)
{
    static const struct {
        const char *value, *text;
    } rows[] = {
        {"x: y", "a: {{ v }}\n"},
        {"x #y", "a: {{ v }}\n"},
        {"x, y", "a: [{{ v }}]\n"},
        {"[x]", "a: {{ v }}\n"},
        {"{x: y}", "a: {{ v }}\n"},
        {"&x y", "a: {{ v }}\n"},
        {"*x", "a: {{ v }}\n"},
        {"!x y", "a: {{ v }}\n"},
        {"x\nb: y", "a: {{ v }}\n"},
        {"\"x\"", "a: {{ v }}\n"},
        {"x\nuser: root", "a: 1\nb: |\n  {{ v }}\n"},
        {"- x", "- {{ v }}\n"},
        {"| x", "a: {{ v }}\n"},
        {"b", "b: 1\n{{ v }}: 2\n"},
        {"\x01", "a: \"{{ v }}\"\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *message = fill(rows[i].value, rows[i].text);

        if (strstr(message, "the value of \"v\" cannot stand there as it is") == NULL) {
            fail_msg("\"%s\" became: %s", rows[i].value, message);
        }
    }
}

static void each_place_gets_the_quotes_that_it_has(void **state)
{
    auto_free char *filled =
        fill("a\"b'c", "x: \"{{ v }}\"\ny: '{{ v }}'\nz: {{ v }}\nw: |\n  {{ v }}\n");

    (void)state;
    assert_string_equal(filled, "x: \"a\\\"b'c\"\ny: 'a\"b''c'\nz: a\"b'c\nw: |\n  a\"b'c\n");
}

static void what_is_no_placeholder_of_ours_stays(void **state)
{
    static const char *const texts[] = {
        "a: \"${X} ${v} $v\"\n", "a: \"{{.Names}} {{ .v }} {{ range v }}\"\n",
        "a: \"${{ v }}\"\n",     "a: \"{{ v\"\n",
        "a: \"{ { v } }\"\n",    "a: \"{{ 1v }}\"\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        auto_free char *filled = fill("value", texts[i]);

        assert_string_equal(filled, texts[i]);
    }
}

static void without_any_value_a_text_is_left_alone(void **state)
{
    static const char text[] = "a: {{ v }}\n\"";
    auto_done(placeholders) set = {0};
    auto_free char *filled = NULL;
    struct error err = {0};
    size_t len;

    (void)state;
    assert_int_equal(placeholders_fill(&set, text, strlen(text), &filled, &len, &err), 0);
    assert_string_equal(filled, text);
}

static void a_placeholder_without_a_value_is_named_with_its_line(void **state)
{
    auto_free char *message = fill("x", "a: 1\nb: \"{{ vv }}\"\n");
    auto_free char *broken = fill("x", "a: {{ v }}\nb: [\n");

    (void)state;
    assert_string_equal(message, "line 2: {{ vv }} has no value; add --set vv=... (you gave one "
                                 "for \"v\")");
    assert_non_null(strstr(broken, "line "));
}

static void values_that_no_text_had_are_known(void **state)
{
    auto_done(placeholders) set = {0};
    auto_free char *filled = NULL;
    struct error err = {0};
    size_t len;

    (void)state;
    assert_int_equal(placeholders_add(&set, "a=1", &err), 0);
    assert_int_equal(placeholders_add(&set, "b_2-c=x=y", &err), 0);
    assert_string_equal(set.items[1].value, "x=y");
    assert_int_equal(placeholders_fill(&set, "n: {{ a }}\n", 11, &filled, &len, &err), 0);
    assert_string_equal(placeholders_unused(&set), "b_2-c");
}

static void wrong_assignments_are_refused(void **state)
{
    static const char *const texts[] = {"", "a", "=x", "1a=x", "a b=x", "a.b=x", "t=again"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        auto_done(placeholders) set = {0};
        struct error err = {0};

        assert_int_equal(placeholders_add(&set, "t=1", &err), 0);
        assert_int_equal(placeholders_add(&set, texts[i], &err), -1);
        assert_int_equal(set.count, 1);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_into_texts_quoted_as_these_are),
        cmocka_unit_test(a_value_never_becomes_structure),
        cmocka_unit_test(each_place_gets_the_quotes_that_it_has),
        cmocka_unit_test(what_is_no_placeholder_of_ours_stays),
        cmocka_unit_test(without_any_value_a_text_is_left_alone),
        cmocka_unit_test(a_placeholder_without_a_value_is_named_with_its_line),
        cmocka_unit_test(values_that_no_text_had_are_known),
        cmocka_unit_test(wrong_assignments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
