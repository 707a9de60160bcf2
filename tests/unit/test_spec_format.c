#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/spec_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void assert_formats(const char *text, const char *expected)
{
    auto_free char *once = NULL, *twice = NULL;
    struct error err = {0};

    if (spec_format(text, strlen(text), &once, &err) < 0) {
        fail_msg("%s\nfor:\n%s", err.message, text);
    }
    assert_string_equal(once, expected);
    assert_int_equal(spec_format(once, strlen(once), &twice, &err), 0);
    assert_string_equal(twice, expected);
}

#define TASK "apiVersion: berth.dev/v1\nkind: Task\n"

static void keys_are_in_the_order_of_the_tables(void **state)
{
    (void)state;
    assert_formats("spec:\n"
                   "  ports:\n"
                   "    - containerPort: 80\n"
                   "      name: http\n"
                   "  image: a\n"
                   "  readinessProbe:\n"
                   "    periodSeconds: 5\n"
                   "    httpGet:\n"
                   "      port: http\n"
                   "      path: /\n"
                   "metadata:\n"
                   "  labels:\n"
                   "    z: b\n"
                   "    a: b\n"
                   "  name: web\n"
                   "kind: Instance\n"
                   "apiVersion: berth.dev/v1\n",
                   "apiVersion: berth.dev/v1\n"
                   "kind: Instance\n"
                   "metadata:\n"
                   "  name: web\n"
                   "  labels:\n"
                   "    z: b\n"
                   "    a: b\n"
                   "spec:\n"
                   "  image: a\n"
                   "  ports:\n"
                   "    - name: http\n"
                   "      containerPort: 80\n"
                   "  readinessProbe:\n"
                   "    httpGet:\n"
                   "      path: /\n"
                   "      port: http\n"
                   "    periodSeconds: 5\n");
    assert_formats("b: 1\nkind: Unknown\na: 2\n", "b: 1\nkind: Unknown\na: 2\n");
    assert_formats(TASK "unknown: 1\nspec:\n  nothing: 1\n  user: a\nmetadata: {name: a}\n",
                   TASK "metadata: {name: a}\nspec:\n  user: a\n  nothing: 1\nunknown: 1\n");
}

static void comments_go_with_what_they_stand_at(void **state)
{
    (void)state;
    assert_formats("# the file\n"
                   "\n"
                   "# of it\n"
                   "kind: Task # what\n"
                   "# the version\n"
                   "apiVersion: berth.dev/v1\n"
                   "spec: # wanted\n"
                   "  # who\n"
                   "  user: alice   # she\n"
                   "  # where\n"
                   "  repository: https://h/o/r\n"
                   "  # command: [a]\n"
                   "# the name\n"
                   "metadata: {name: a}\n"
                   "# the end\n",
                   "# the file\n"
                   "\n"
                   "# of it\n"
                   "# the version\n"
                   "apiVersion: berth.dev/v1\n"
                   "kind: Task # what\n"
                   "# the name\n"
                   "metadata: {name: a}\n"
                   "spec: # wanted\n"
                   "  # where\n"
                   "  repository: https://h/o/r\n"
                   "  # who\n"
                   "  user: alice   # she\n"
                   "  # command: [a]\n"
                   "# the end\n");
    assert_formats("a:\n"
                   "- # before\n"
                   "  x: 1\n"
                   "  # after x\n"
                   "# between\n"
                   "- y: 2 # of y\n"
                   "# last\n",
                   "a:\n"
                   "  # before\n"
                   "  - x: 1\n"
                   "    # after x\n"
                   "  # between\n"
                   "  - y: 2 # of y\n"
                   "# last\n");
    assert_formats("a:\n  # on top\n  b\n", "# on top\na: b\n");
    assert_formats("# only\n\n\n\n# comments", "# only\n\n# comments\n");
}

static void scalars_stay_byte_for_byte(void **state)
{
    (void)state;
    assert_formats("a:\n"
                   "      - |\n"
                   "          line # no comment\n"
                   "\n"
                   "            more  \n"
                   "      - >-\n"
                   "        folded\n"
                   "\n"
                   "\n"
                   "      - 'it''s\n"
                   "         two'\n"
                   "      - \"a\\tb # c\"\n"
                   "      - plain\n"
                   "        text\n",
                   "a:\n"
                   "  - |\n"
                   "      line # no comment\n"
                   "\n"
                   "        more  \n"
                   "  - >-\n"
                   "    folded\n"
                   "\n"
                   "  - 'it''s\n"
                   "     two'\n"
                   "  - \"a\\tb # c\"\n"
                   "  - plain\n"
                   "    text\n");
    assert_formats("a: |+\n  kept\n\n\nb:   ~\nc:\nd: {x: 1,   y: [2,\n  3]}\n",
                   "a: |+\n  kept\n\n\nb: ~\nc:\nd: {x: 1,   y: [2,\n  3]}\n");
    assert_formats("a: |2\n   x\nb: \xc3\xa4\xe2\x82\xac # \xc3\xb6\n",
                   "a: |2\n   x\nb: \xc3\xa4\xe2\x82\xac # \xc3\xb6\n");
}

static void documents_are_parted_by_one_line(void **state)
{
    (void)state;
    assert_formats("---\na: 1\n", "a: 1\n");
    assert_formats("a: 1\n...\n---\n\n\nb: 2\n---\n# none\n---   # third\nc: 3\n...\n",
                   "a: 1\n---\nb: 2\n---\n# none\n# third\nc: 3\n");
    assert_formats("a: 1\r\nb:\r\n- 2\r\n", "a: 1\r\nb:\r\n  - 2\r\n");
    assert_formats("a: 1\nb:\r\n- 2\r\n", "a: 1\nb:\n  - 2\n"); /* all as the first one */
    assert_formats("a:\n one \r\n two\r\nb: |\n  x\r\n  y\r\n", "a: one \n two\nb: |\n  x\n  y\n");
    assert_formats("\xef\xbb\xbf"
                   "a: 1",
                   "a: 1\n");
    assert_formats("", "");
    assert_formats("- - a\n  - b\n-\n  c: 1\n", "- - a\n  - b\n- c: 1\n");
    assert_formats("{a: 1} # flow\n--- text\n", "{a: 1} # flow\n---\ntext\n");
}

static void what_cannot_be_formatted_is_refused_with_its_place(void **state)
{
    static const char *const rows[][2] = {
        {"a: [\n", "2:1: "},
        {"a: &x 1\n", "1:4: anchors"},
        {"b: 1\n? a\n: 1\n", "2:1: is written in a way that fmt does not know"},
        {"%YAML 1.1\n---\na: 1\n", "1:1: lines that begin with %"},
        {"a: 1\na: 2\n", "2:1: duplicate key"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};
        char *text = NULL;

        assert_int_equal(spec_format(rows[i][0], strlen(rows[i][0]), &text, &err), -1);
        assert_null(text);
        if (strncmp(err.message, rows[i][1], strlen(rows[i][1])) != 0) {
            fail_msg("\"%s\" instead of \"%s\"", err.message, rows[i][1]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_in_the_order_of_the_tables),
        cmocka_unit_test(comments_go_with_what_they_stand_at),
        cmocka_unit_test(scalars_stay_byte_for_byte),
        cmocka_unit_test(documents_are_parted_by_one_line),
        cmocka_unit_test(what_cannot_be_formatted_is_refused_with_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
