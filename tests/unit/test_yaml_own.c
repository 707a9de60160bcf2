#include "base/cleanup.h"
#include "specs/yaml_own.h"
#include "specs/yaml_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void what_the_writer_writes_is_read(void **state)
{
    static const char *const rows[][2] = {
        {"", "[]"},
        {"a: b\n", "[{\"a\":\"b\"}]"},
        {"a: 1\nb: true\nc: null\nd: 0.5\n", "[{\"a\":1,\"b\":true,\"c\":null,\"d\":0.5}]"},
        {"a: 2026-01-02T03:04:05Z\n", "[{\"a\":\"2026-01-02T03:04:05Z\"}]"},
        {"a: \"True\"\nb: \"x\\n\\x1B\\\"\"\n", "[{\"a\":\"True\",\"b\":\"x\\n\\u001B\\\"\"}]"},
        {"a: {}\nb: []\nc: [1, x, \"a, b\"]\n", "[{\"a\":{},\"b\":[],\"c\":[1,\"x\",\"a, b\"]}]"},
        {"a:\n  b:\n    c: d\n  e: f\ng: h\n",
         "[{\"a\":{\"b\":{\"c\":\"d\"},\"e\":\"f\"},\"g\":\"h\"}]"},
        {"a:\n- b: c\n  d:\n  - e\n  - f: g\n  h: i\n- j: k\nl: m\n",
         "[{\"a\":[{\"b\":\"c\",\"d\":[\"e\",{\"f\":\"g\"}],\"h\":\"i\"},{\"j\":\"k\"}],\"l\":"
         "\"m\"}]"},
        {"a:\n- - b: c\n  - d\n- e\n", "[{\"a\":[[{\"b\":\"c\"},\"d\"],\"e\"]}]"},
        {"a: |-\n  x\n\n    y\nb: |\n  z\n", "[{\"a\":\"x\\n\\n  y\",\"b\":\"z\\n\"}]"},
        {"a:\n- |-\n  x\n  y\n", "[{\"a\":[\"x\\ny\"]}]"},
        {"\"a: b\": c\n", "[{\"a: b\":\"c\"}]"},
        {"a: \xc3\xbc\n", "[{\"a\":\"\xc3\xbc\"}]"},
        {"a: b\n---\na: c\n", "[{\"a\":\"b\"},{\"a\":\"c\"}]"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_auto_t *documents = yaml_own_read(rows[i][0], strlen(rows[i][0]));
        auto_free char *text = NULL;

        if (documents == NULL) {
            fail_msg("is not read:\n%s", rows[i][0]);
        }
        text = json_dumps(documents, JSON_COMPACT);
        assert_string_equal(text, rows[i][1]);
    }
}

static void everything_else_is_left_to_the_reader_of_all_yaml(void **state)
{
    static const char *const rows[] = {
        "a: b",
        "a",
        "a: b\n c\n",
        "a:  b\n",
        "a: b \n",
        "a: b # c\n",
        "# a\na: b\n",
        "a: &x b\n",
        "a: *x\n",
        "a: !x b\n",
        "a: b: c\n",
        "a: 'b'\n",
        "a: >\n  b\n",
        "a: |+\n  b\n",
        "a: |\n  b\n\n",
        "a: [b,c]\n",
        "a: [b\n]\n",
        "a: {b: c}\n",
        "a:\n",
        "a: b\na: c\n",
        "<<: b\n",
        "? a\n: b\n",
        "a: b\r\n",
        "a:\tb\n",
        "- a\n",
        "a:\n  - b\n",
        "a:\n   b: c\n",
        "a:\n b: c\n",
        "---\na: b\n",
        "a: b\n---\n",
        "a: b\n...\n",
        "a: \xff\n",
        "a: \xc2\x85\n",
        "a: \"\\/\"\n",
        "{}\n",
        "a: \"b\" c\n",
        "a: \x1b\n",
        "a:\n- b\n c\n",
        "\xef\xbb\xbf"
        "a: b\n",
        "a: |\n   b\n  c\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_auto_t *documents = yaml_own_read(rows[i], strlen(rows[i]));

        if (documents != NULL) {
            fail_msg("is read:\n%s", rows[i]);
        }
    }
}

static void any_yaml_is_read_where_it_must_be(void **state)
{
    static const char text[] = "# by hand\na: 'b'\n--- \nc: {d: e}\n";
    json_auto_t *documents = yaml_documents_read(text, strlen(text));
    auto_free char *json = json_dumps(documents, JSON_COMPACT);

    (void)state;
    assert_string_equal(json, "[{\"a\":\"b\"},{\"c\":{\"d\":\"e\"}}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_writer_writes_is_read),
        cmocka_unit_test(everything_else_is_left_to_the_reader_of_all_yaml),
        cmocka_unit_test(any_yaml_is_read_where_it_must_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
