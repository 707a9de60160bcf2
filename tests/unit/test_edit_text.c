#include "base/cleanup.h"
#include "base/memory.h"
#include "cli/edit_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define WEB "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: web}\n"

static void what_is_put_on_top_is_taken_out_again(void **state)
{
    static const char *const documents[] = {"", "a: 1", "a: 1\n", "# c\n\na: 1\n", "\r\na: 1\r\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
        auto_free char *plain = edit_text_make(documents[i], "instance/web", "web.yaml", NULL);
        auto_free char *wrong = edit_text_make(documents[i], "instance/web", "web.yaml", "a\nb");
        auto_free char *plain_back = edit_text_strip(plain), *wrong_back = edit_text_strip(wrong);

        assert_string_equal(plain_back, documents[i]);
        assert_string_equal(wrong_back, documents[i]);
        assert_non_null(strstr(wrong, EDIT_MARK "  a\n" EDIT_MARK "  b\n"));
    }
}

static void emptied_and_unchanged_are_seen(void **state)
{
    (void)state;
    assert_true(edit_text_is_empty(""));
    assert_true(edit_text_is_empty("\n  \n# a comment\n\t# another"));
    assert_false(edit_text_is_empty("# a comment\na: 1"));
    assert_true(edit_text_is_same("a: 1\n", "a: 1\n"));
    assert_true(edit_text_is_same("a: 1", "a: 1\n"));
    assert_false(edit_text_is_same("a: 1\n", "a: 1\n\n"));
    assert_false(edit_text_is_same("a: 1\n", "a: 1"));
    assert_false(edit_text_is_same("", "\n"));
}

static void only_one_good_document_of_the_object_is_taken(void **state)
{
    static const struct {
        const char *document, *message; /* NULL: good */
    } rows[] = {
        {WEB "spec: {}\n", NULL},
        {"# c\n" WEB "spec: {machineType: e2-small}\n# d\n", NULL},
        {WEB "---\n" WEB, "\"---\""},
        {"---\n" WEB, "\"---\""},
        {WEB "spec: [1\n", "line:7:7: this \"[\" is never closed"},
        {WEB "spec: {machineType: e2-smal}\n", "line:7:21: spec.machineType"},
        {WEB "spec:\n  a: 1\n  b: 2\n", "line:9:3: spec.a"},
        {"apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: other}\nspec: {}\n",
         "stay Instance"},
        {"apiVersion: berth.dev/v1\nkind: InstancePool\nmetadata: {name: web}\nspec: {template: "
         "{spec: {image: a}}}\n",
         "stay Instance"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};
        int code = edit_text_check(rows[i].document, KIND_INSTANCE, "web", &err);

        assert_int_equal(code, rows[i].message == NULL ? 0 : -1);
        if (rows[i].message != NULL && strstr(err.message, rows[i].message) == NULL) {
            fail_msg("%s\ninstead of: %s", err.message, rows[i].message);
        }
    }
}

/* Whatever their number, errors point at lines of the very text that shows them. */
static void errors_point_into_the_text_that_has_them(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= 12; count++) {
        auto_free char *document = xstrdup(WEB "spec:\n"), *text = NULL;
        struct error err = {0};
        const char *line;
        unsigned number = 0;

        for (unsigned i = 0; i < count; i++) {
            char *longer = xasprintf("%s  wrong%u: 1\n", document, i);

            free(document);
            document = longer;
        }
        assert_int_equal(edit_text_check(document, KIND_INSTANCE, "web", &err), -1);
        text = edit_text_make(document, "instance/web", "web.yaml", err.message);
        line = strstr(text, "line:");
        assert_int_equal(sscanf(line, "line:%u", &number), 1);
        line = text;
        for (unsigned i = 1; i < number; i++) {
            line = strchr(line, '\n') + 1;
        }
        assert_memory_equal(line, "  wrong0: 1\n", strlen("  wrong0: 1\n"));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_on_top_is_taken_out_again),
        cmocka_unit_test(emptied_and_unchanged_are_seen),
        cmocka_unit_test(only_one_good_document_of_the_object_is_taken),
        cmocka_unit_test(errors_point_into_the_text_that_has_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
