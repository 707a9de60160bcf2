#include "cli/selector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void selectors_choose_what_kubectls_do(void **state)
{
    static const struct {
        const char *selector;
        bool matches, matches_without_labels;
    } rows[] = {
        {"", true, true},
        {" ", true, true},
        {"team=infra", true, false},
        {"team==infra", true, false},
        {" team = infra ", true, false},
        {"team=other", false, false},
        {"team!=infra", false, true},
        {"team!=other", true, true},
        {"nothing!=x", true, true},
        {"team", true, false},
        {"nothing", false, false},
        {"!team", false, true},
        {"!nothing", true, true},
        {"team in (infra)", true, false},
        {"team in (a,infra)", true, false},
        {"team in ( a , b )", false, false},
        {"team notin (a, b)", true, true},
        {"team notin (a,infra)", false, true},
        {"team in(infra)", true, false},
        {"team=infra,tier=web", true, false},
        {"team=infra, tier=api", false, false},
        {"team in (infra,x),!canary,tier", true, false},
        {"app.io/name=x", true, false},
        {"empty=", true, false},
        {"team=", false, false},
        {"in=x", false, false},
        {"in", false, false},
    };
    json_auto_t *labels = json_pack("{s:s, s:s, s:s, s:s}", "team", "infra", "tier", "web",
                                    "app.io/name", "x", "empty", "");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(selector) *selector = NULL;
        struct error err = {0};

        if (selector_parse(rows[i].selector, &selector, &err) < 0) {
            fail_msg("%s: %s", rows[i].selector, err.message);
        }
        if (selector_matches(selector, labels) != rows[i].matches ||
            selector_matches(selector, NULL) != rows[i].matches_without_labels) {
            fail_msg("%s chooses something else", rows[i].selector);
        }
    }
}

static void errors_point_at_the_place(void **state)
{
    static const char *const rows[][2] = {
        {",", "at 1: a label's key belongs here"},
        {"a,", "at its end: a label's key belongs here"},
        {"=b", "at 1: a label's key belongs here"},
        {"a b", "at 3: \",\" or one of =, ==, !=, in, notin belongs here"},
        {"!a=b", "at 3: \",\" or one of =, ==, !=, in, notin belongs here"},
        {"a=b=c", "at 4: \",\" or one of =, ==, !=, in, notin belongs here"},
        {"a in x", "at 6: values belong here in parentheses, as in tier in (web,api)"},
        {"a in (x", "at its end: \")\" is missing"},
        {"a>3", "at 2: \",\" or one of =, ==, !=, in, notin belongs here"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(selector) *selector = NULL;
        struct error err = {0};

        if (selector_parse(rows[i][0], &selector, &err) == 0) {
            fail_msg("%s is taken", rows[i][0]);
        }
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.message, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selectors_choose_what_kubectls_do),
        cmocka_unit_test(errors_point_at_the_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
