#include "cli/man_page.h"

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/arguments.h"
#include "cli/commands_page.h"
#include "controller/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static const struct command fetch = {
    .name = "fetch",
    .summary = "bring things",
    .operands = "NAME|URL",
    .description = "Brings things. It says what.\n.so is no macro here.\n\nA second \"paragraph\".",
    .options =
        (const struct command_option[]){
            {'f', "force-it", "No", "even so", COMPLETE_NOTHING},
            {300, "wait", "[=yes|no]", "wait (60s)", COMPLETE_NOTHING},
            END_OF_OPTIONS,
        },
    .exit_codes = "0 done; 124 not in time",
    .examples = "berth fetch a\\b\n.berth fetch 'c'",
};
static const struct command hidden = {.name = "__hidden"};
static const struct command *const list[] = {&fetch, &hidden, NULL};

static void assert_has(const struct strbuf *text, const char *part)
{
    if (strstr(strbuf_text(text), part) == NULL) {
        fail_msg("no \"%s\" in:\n%s", part, strbuf_text(text));
    }
}

static void prose_is_never_taken_for_macros(void **state)
{
    static const struct {
        const char *text, *mdoc;
    } rows[] = {
        {"plain", "plain\n"},
        {"a-b", "a\\-b\n"},
        {".Sh no", "\\&.Sh no\n"},
        {"'quoted'", "\\&\\(aqquoted\\(aq\n"},
        {"back\\slash", "back\\eslash\n"},
        {"One. Two", "One.\nTwo\n"},
        {"one\ntwo\n\nthree\n", "one\n.br\ntwo\n.Pp\nthree\n"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(strbuf) out = {0};

        mdoc_add_text(&out, rows[i].text);
        assert_string_equal(strbuf_text(&out), rows[i].mdoc);
    }
}

static void a_word_behind_a_macro_is_one_word(void **state)
{
    auto_done(strbuf) out = {0};

    (void)state;
    mdoc_add_word(&out, "No a|b \"c\"");
    assert_string_equal(strbuf_text(&out), "\\&No\\ a|b\\ \\(dqc\\(dq");
}

static void a_page_has_all_that_the_table_has(void **state)
{
    auto_done(strbuf) out = {0};

    (void)state;
    man_page_add_command(&out, &fetch);
    assert_has(&out, ".Dt BERTH-FETCH 1\n");
    assert_has(&out, ".Nd \\&bring\\ things\n");
    assert_has(&out, ".Ar \\&NAME|URL\n");
    assert_has(&out, "Brings things.\nIt says what.\n");
    assert_has(&out, "\\&.so is no macro here.\n.Pp\nA second \\(dqparagraph\\(dq.\n");
    assert_has(&out, ".It Fl f , Fl \\-force\\-it Ar \\&No\neven so\n");
    assert_has(&out, ".It Fl \\-wait Ns \\&[=yes|no]\n");
    assert_has(&out, ".Sh EXIT STATUS\n0 done; 124 not in time\n");
    assert_has(&out, "berth fetch a\\eb\n\\&.berth fetch \\(aqc\\(aq\n");
}

static void hidden_commands_are_on_no_page(void **state)
{
    auto_done(strbuf) page = {0}, reference = {0};

    (void)state;
    man_page_add_main(&page, list);
    commands_page_add(&reference, list);
    assert_has(&page, ".Xr berth-fetch 1 ,\n");
    assert_has(&reference, "\n### berth fetch\n");
    assert_has(&reference, "| [`fetch`](#berth-fetch) | 0 done; 124 not in time |\n");
    assert_has(&reference, "| `--wait[=yes\\|no]` | wait (60s) |\n");
    assert_null(strstr(strbuf_text(&page), "hidden"));
    assert_null(strstr(strbuf_text(&reference), "hidden"));
}

static void every_setting_is_on_the_page_of_the_file(void **state)
{
    auto_done(strbuf) out = {0};

    (void)state;
    man_page_add_configuration(&out);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        auto_done(strbuf) item = {0};

        strbuf_addf(&item, ".It Ic \\&%s Ar ", settings[i].key);
        assert_has(&out, strbuf_text(&item));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(prose_is_never_taken_for_macros),
        cmocka_unit_test(a_word_behind_a_macro_is_one_word),
        cmocka_unit_test(a_page_has_all_that_the_table_has),
        cmocka_unit_test(hidden_commands_are_on_no_page),
        cmocka_unit_test(every_setting_is_on_the_page_of_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
