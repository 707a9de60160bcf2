#include "base/memory.h"
#include "cli/spec_edit.h"
#include "specs/yaml_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define HEAD "kind: InstancePool\nmetadata: {name: p}\n"

static struct spec_place find(const char *text, enum kind kind, const char *name)
{
    struct spec_place place = {0};
    struct error err = {0};

    if (spec_edit_find(text, strlen(text), kind, name, &place, &err) < 0) {
        fail_msg("%s in:\n%s", err.message, text);
    }
    return place;
}

/* The pool p of the text with a value set (NULL: taken away), or NULL when that was refused. */
static char *change(const char *text, const char *path, const char *value, struct error *err)
{
    struct spec_place place = find(text, KIND_INSTANCE_POOL, "p");
    char *result = NULL;
    int code = value != NULL ? spec_edit_set(text, strlen(text), &place, path, value, &result, err)
                             : spec_edit_unset(text, strlen(text), &place, path, &result, err);

    assert_true((code == 0) == (result != NULL));
    assert_true((code == 0) == (err->kind == ERROR_NONE));
    return result;
}

static void expect_change(const char *text, const char *path, const char *value, const char *want)
{
    struct error err = {0};
    auto_free char *result = change(text, path, value, &err);

    if (result == NULL) {
        fail_msg("%s in:\n%s", err.message, text);
    }
    assert_string_equal(result, want);
}

static void a_value_is_replaced_and_all_the_rest_stays(void **state)
{
    static const struct {
        const char *before, *after; /* of the text behind HEAD */
    } rows[] = {
        {"spec:\n  minInstances: 1\n", "spec:\n  minInstances: 7\n"},
        {"spec:\n  minInstances: 1", "spec:\n  minInstances: 7"},
        {"spec:\n  minInstances:   1   # one\n  maxInstances: 2\n",
         "spec:\n  minInstances:   7   # one\n  maxInstances: 2\n"},
        {"spec:\r\n  minInstances: 1 # a\r\n  maxInstances: 2\r\n",
         "spec:\r\n  minInstances: 7 # a\r\n  maxInstances: 2\r\n"},
        {"spec: {minInstances: 1, maxInstances: 2}\n",
         "spec: {minInstances: 7, maxInstances: 2}\n"},
        {"spec: { maxInstances: 2,\n   minInstances: 1 } # both\n",
         "spec: { maxInstances: 2,\n   minInstances: 7 } # both\n"},
        {"spec:\n  \"minInstances\": \"1\"\n", "spec:\n  \"minInstances\": 7\n"},
        {"spec:\n  'minInstances' : '1'\n", "spec:\n  'minInstances' : 7\n"},
        {"spec: {\"minInstances\":1}\n", "spec: {\"minInstances\":7}\n"},
        {"spec:\n  minInstances:\n", "spec:\n  minInstances: 7\n"},
        {"spec:\n  minInstances:  # how many\n  maxInstances: 2\n",
         "spec:\n  minInstances: 7  # how many\n  maxInstances: 2\n"},
        {"spec: {minInstances: , maxInstances: 2}\n", "spec: {minInstances: 7, maxInstances: 2}\n"},
        {"spec: {minInstances, maxInstances: 2}\n", "spec: {minInstances: 7, maxInstances: 2}\n"},
        {"spec:\n  minInstances: |\n    1\n\n  # next\n  maxInstances: 2\n",
         "spec:\n  minInstances: 7\n\n  # next\n  maxInstances: 2\n"},
        {"spec:\n  ? minInstances\n  : 1\n", "spec:\n  ? minInstances\n  : 7\n"},
        {"spec:\n    minInstances:\n        1\n", "spec:\n    minInstances:\n        7\n"},
        {"spec:\n  \xc3\xa4\xe4\xbd\xa0: \xf0\x9f\x98\x80\n  minInstances: 1 # \xc3\xa4\n",
         "spec:\n  \xc3\xa4\xe4\xbd\xa0: \xf0\x9f\x98\x80\n  minInstances: 7 # \xc3\xa4\n"},
        {"spec:\n  minInstances: one  # an error\n  nonsense: [1, 2\n  ]\n",
         "spec:\n  minInstances: 7  # an error\n  nonsense: [1, 2\n  ]\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *before = xasprintf(HEAD "%s", rows[i].before);
        auto_free char *after = xasprintf(HEAD "%s", rows[i].after);

        expect_change(before, "spec.minInstances", "7", after);
    }
}

static void a_missing_key_is_added_in_the_style_of_its_map(void **state)
{
    static const struct {
        const char *before, *after;
    } rows[] = {
        {"spec:\n  maxInstances: 2\n", "spec:\n  maxInstances: 2\n  minInstances: 7\n"},
        {"spec:\n  maxInstances: 2", "spec:\n  maxInstances: 2\n  minInstances: 7"},
        {"spec:\n    maxInstances: 2 # two\n\n# the end\n",
         "spec:\n    maxInstances: 2 # two\n    minInstances: 7\n\n# the end\n"},
        {"spec:\r\n  maxInstances: 2\r\n", "spec:\r\n  maxInstances: 2\r\n  minInstances: 7\r\n"},
        {"spec:\n  a:\n  - x\n  - y: z\nstatus: 1\n",
         "spec:\n  a:\n  - x\n  - y: z\n  minInstances: 7\nstatus: 1\n"},
        {"spec:\n  a: |\n    x\n    y\n\nstatus: 1\n",
         "spec:\n  a: |\n    x\n    y\n  minInstances: 7\n\nstatus: 1\n"},
        {"spec:\n  a: |+\n    x\n\nstatus: 1\n",
         "spec:\n  a: |+\n    x\n\n  minInstances: 7\nstatus: 1\n"},
        {"spec:\n  a: >-\n    x\n    y", "spec:\n  a: >-\n    x\n    y\n  minInstances: 7"},
        {"spec: {}\n", "spec: {minInstances: 7}\n"},
        {"spec: { } # none\n", "spec: {minInstances: 7 } # none\n"},
        {"spec: {maxInstances: 2}\n", "spec: {maxInstances: 2, minInstances: 7}\n"},
        {"spec: {\n  \"maxInstances\": 2\n}\n",
         "spec: {\n  \"maxInstances\": 2,\n  \"minInstances\": 7\n}\n"},
        {"spec: {\n  maxInstances: 2,\n}\n",
         "spec: {\n  maxInstances: 2,\n  minInstances: 7,\n}\n"},
        {"spec: {\n  maxInstances: 2 # two\n}\n",
         "spec: {\n  maxInstances: 2, minInstances: 7 # two\n}\n"},
        {"spec: null\n", "spec: {minInstances: 7}\n"},
        {"spec:\n", "spec:\n  minInstances: 7\n"},
        {"spec: # nothing\nstatus: 1\n", "spec: # nothing\n  minInstances: 7\nstatus: 1\n"},
        {"", "spec:\n  minInstances: 7\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *before = xasprintf(HEAD "%s", rows[i].before);
        auto_free char *after = xasprintf(HEAD "%s", rows[i].after);

        expect_change(before, "spec.minInstances", "7", after);
    }
    expect_change(HEAD "# the end", "spec.minInstances", "7",
                  HEAD "spec:\n  minInstances: 7\n# the end");
}

static void keys_that_miss_their_map_get_one(void **state)
{
    (void)state;
    expect_change(HEAD "spec:\n  a: 1\n", "spec.b.c", "true",
                  HEAD "spec:\n  a: 1\n  b:\n    c: true\n");
    expect_change(HEAD "spec: {a: 1}\n", "spec.b.c.d", "true",
                  HEAD "spec: {a: 1, b: {c: {d: true}}}\n");
    expect_change("{\"kind\": \"InstancePool\", \"metadata\": {\"name\": \"p\"}}", "spec.suspend",
                  "true",
                  "{\"kind\": \"InstancePool\", \"metadata\": {\"name\": \"p\"}, "
                  "\"spec\": {\"suspend\": true}}");
}

static void a_key_is_taken_away_with_its_lines(void **state)
{
    static const struct {
        const char *before, *after;
    } rows[] = {
        {"spec:\n  a: 1\n  suspend: true\n", "spec:\n  a: 1\n"},
        {"spec:\n  a: 1\n  suspend: true", "spec:\n  a: 1"},
        {"spec:\r\n  a: 1\r\n  suspend: true", "spec:\r\n  a: 1"},
        {"spec:\n  suspend: true # for now\n  # of a\n  a: 1\n", "spec:\n  # of a\n  a: 1\n"},
        {"spec:\n  suspend: |\n    yes\n    no\n  a: 1\n", "spec:\n  a: 1\n"},
        {"spec:\n  suspend:\n  a: 1\n", "spec:\n  a: 1\n"},
        {"spec:\n  suspend: [a,\n   b] # c\n  a: 1\n", "spec:\n  a: 1\n"},
        {"spec: {a: 1, suspend: true}\n", "spec: {a: 1}\n"},
        {"spec: {suspend: true, a: 1}\n", "spec: {a: 1}\n"},
        {"spec: {a: 1, suspend: true, b: 2}\n", "spec: {a: 1, b: 2}\n"},
        {"spec: {suspend: true}\n", "spec: {}\n"},
        {"spec:\n  suspend: true\n", "spec: {}\n"},
        {"spec: # what\n  # why\n  suspend: true # now\nstatus: 1\n",
         "spec: {} # what\n  # why # now\nstatus: 1\n"},
        {"spec:\n  a: 1\n", "spec:\n  a: 1\n"}, /* it is not there */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *before = xasprintf(HEAD "%s", rows[i].before);
        auto_free char *after = xasprintf(HEAD "%s", rows[i].after);

        expect_change(before, "spec.suspend", NULL, after);
    }
}

static void what_cannot_be_changed_in_place_is_refused(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"spec: &a\n  minInstances: 1\n", "anchors"},
        {"spec:\n  minInstances: &a 1\n  maxInstances: *a\n", "anchors"},
        {"spec:\n  minInstances: !!int 1\n", "tags"},
        {"spec:\n  <<: {a: 1}\n", "merge keys"},
        {"spec: [1]\n", "no map"},
        {"spec: text\n", "no map"},
        {"spec:\n  minInstances: [1]\n", "no single value"},
        {"spec:\n  minInstances: {a: 1}\n", "no single value"},
        {"spec:\n  minInstances: 1\n  minInstances: 2\n", "how its document is written"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *text = xasprintf(HEAD "%s", rows[i].text);
        struct error err = {0};
        auto_free char *result = change(text, "spec.minInstances", "7", &err);

        assert_null(result);
        assert_int_equal(err.kind, ERROR_INVALID);
        if (strstr(err.message, rows[i].message) == NULL) {
            fail_msg("%s\ninstead of: %s", err.message, rows[i].message);
        }
    }
}

/* --- any text -------------------------------------------------------------------------------- */

static const char *const specs[] = {
    "spec:\n  maxInstances: 2\n",
    "spec:\n  maxInstances: 2\n  template:\n    spec:\n      image: a:1 # x\n",
    "spec: {maxInstances: 2}\n",
    "spec: {maxInstances: 2, template: {spec: {image: a}}}\n",
    "spec:\n  maxInstances: 2 # c\n\n  # d\n",
    "spec:\n  list:\n  - a\n  -\n  - b: c\n    d: e\n",
    "spec:\n  text: |\n    a\n      b\n  other: >+\n    c\n\n",
    "spec:\n  'maxInstances': '2'\n  \"x\": \"y\\n\\\n    z\"\n",
    "\"spec\":\n  \"maxInstances\": 2\n",
    "spec:\n\n\n  maxInstances:\n    2\n",
    "spec: {\n  maxInstances: 2,\n  x: [1, 2]\n}\n",
    "spec:\n  plain: some words\n    that go on\n  a: '# no comment'\n",
    "spec: {a: \"}\", b: ']' , c: x}\n",
    "spec:\n  nonsense: 1\n  replicas: no\n",
};
static const char *const befores[] = {
    "",
    "# a comment\n",
    "---\n",
    "%YAML 1.1\n---\n",
    "kind: Other\nmetadata: {name: p}\n---\n",
    "a: [\n---\n",
    "\xef\xbb\xbf# mark\n",
    "x: |\n  kind: InstancePool\n...\n--- # two\n",
    "# \xc3\xa4\xf0\x9f\x98\x80\n\n",
};
static const char *const behinds[] = {
    "", "---\nkind: Other\n", "...\n", "# end\n---\n", "---\nb: ]\n", "\n\n--- {a: b}\n",
};

static char *windows_text(const char *text)
{
    char *result = xcalloc(2, strlen(text) + 1), *to = result;

    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            *to++ = '\r';
        }
        *to++ = *text;
    }
    return result;
}

static json_t *read_pool(const char *text)
{
    struct spec_place place = find(text, KIND_INSTANCE_POOL, "p");
    auto_owned(yaml_stream) *stream =
        yaml_stream_parse(text + place.start, place.end - place.start);

    assert_true(stream->is_complete);
    assert_int_equal(stream->count, 1);
    return yaml_node_to_json(stream->documents[0]);
}

/* What is before the change and what is behind it are those of the other text. */
static void check_is_one_insertion(const char *before, const char *after)
{
    size_t before_len = strlen(before), after_len = strlen(after), start = 0, end = 0;

    while (start < before_len && before[start] == after[start]) {
        start++;
    }
    while (end < before_len - start && before[before_len - 1 - end] == after[after_len - 1 - end]) {
        end++;
    }
    assert_int_equal(start + end, before_len);
}

static void check_text(const char *text)
{
    struct error err = {0};
    json_auto_t *old = read_pool(text), *new = NULL, *last = NULL;
    auto_free char *added = change(text, "spec.minInstances", "31", &err);
    auto_free char *replaced = NULL, *back = NULL;

    if (added == NULL) {
        fail_msg("%s in:\n%s", err.message, text);
    }
    check_is_one_insertion(text, added);
    new = read_pool(added);
    json_object_set_new(json_object_get(old, "spec"), "minInstances", json_integer(31));
    assert_true(json_equal(old, new));

    replaced = change(added, "spec.minInstances", "\"a b\"", &err);
    assert_non_null(replaced);
    assert_int_equal(strlen(replaced), strlen(added) + strlen("\"a b\"") - strlen("31"));
    last = read_pool(replaced);
    json_object_set_new(json_object_get(old, "spec"), "minInstances", json_string("a b"));
    assert_true(json_equal(old, last));

    back = change(replaced, "spec.minInstances", NULL, &err);
    if (back == NULL) {
        fail_msg("%s in:\n%s", err.message, replaced);
    }
    assert_string_equal(back, text);
}

static void what_is_added_and_taken_away_leaves_no_trace(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(befores); j++) {
            for (size_t k = 0; k < ARRAY_SIZE(behinds); k++) {
                auto_free char *text =
                    xasprintf("%s" HEAD "%s%s", befores[j], specs[i], behinds[k]);
                auto_free char *windows = windows_text(text);
                auto_free char *cut = xstrndup(text, strlen(text) - 1);

                check_text(text);
                check_text(windows);
                if (strstr(text, ">+") == NULL) {
                    check_text(cut);
                }
            }
        }
    }
}

/* --- documents ------------------------------------------------------------------------------- */

#define A "kind: Instance\nmetadata: {name: a}\n"
#define B "kind: Instance\nmetadata:\n  name: b\n"
#define T "kind: Task\nmetadata: {name: a}\n"

static void a_document_is_found_by_kind_and_name(void **state)
{
    static const struct {
        const char *text;
        enum kind kind;
        const char *name, *document;
        unsigned line;
    } rows[] = {
        {A, KIND_INSTANCE, "a", A, 1},
        {A "---\n" B, KIND_INSTANCE, "a", A, 1},
        {A "---\n" B, KIND_INSTANCE, "b", B, 4},
        {"---\n" A "---\n" T, KIND_TASK, "a", T, 5},
        {"# of a\n\n" A "# end\n---\n# of b\n" B, KIND_INSTANCE, "a", "# of a\n\n" A "# end\n", 3},
        {"# of a\n\n" A "# end\n---\n# of b\n" B, KIND_INSTANCE, "b", "# of b\n" B, 8},
        {"# of none\n--- # c\n" A, KIND_INSTANCE, "a", A, 3},
        {"a: ]\n---\n" A, KIND_INSTANCE, "a", A, 3},
        {"x: '\n---\n" A, KIND_INSTANCE, "a", A, 3},
        {A "...\n" B, KIND_INSTANCE, "b", B, 4},
        {A "...\n# c\n%YAML 1.1\n---\n" B, KIND_INSTANCE, "b", B, 7},
        {"--- {kind: Task, metadata: {name: a}}\n--- \n" A, KIND_TASK, "a",
         "{kind: Task, metadata: {name: a}}\n", 1},
        {"\xef\xbb\xbf" A, KIND_INSTANCE, "a", A, 1},
        {"t: |\n  x\n ---\n" A, KIND_INSTANCE, "a", NULL, 0},
        {A "---\r\n" B, KIND_INSTANCE, "b", B, 4},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct spec_place place = {0};
        struct error err = {0};
        int code = spec_edit_find(rows[i].text, strlen(rows[i].text), rows[i].kind, rows[i].name,
                                  &place, &err);
        auto_free char *found = NULL;

        assert_int_equal(code, rows[i].document != NULL ? 0 : -1);
        if (rows[i].document != NULL) {
            found = xstrndup(rows[i].text + place.start, place.end - place.start);
            assert_string_equal(found, rows[i].document);
            assert_int_equal(place.line, rows[i].line);
        }
    }
}

static void what_is_not_found_is_told_apart_from_what_cannot_be_read(void **state)
{
    struct spec_place place;
    struct error missing = {0}, broken = {0};
    const char *text = A "---\na: [\n---\n" B;

    (void)state;
    assert_int_equal(spec_edit_find(A, strlen(A), KIND_TASK, "a", &place, &missing), -1);
    assert_int_equal(missing.kind, ERROR_NOT_FOUND);
    assert_int_equal(spec_edit_find(text, strlen(text), KIND_TASK, "a", &place, &broken), -1);
    assert_int_equal(broken.kind, ERROR_INVALID);
    assert_non_null(strstr(broken.message, "line "));
}

static void expect_text(char *result, const char *want)
{
    assert_true((result == NULL) == (want == NULL));
    if (want != NULL) {
        assert_string_equal(result, want);
    }
    free(result);
}

static char *replace_a(const char *text, const char *document)
{
    struct spec_place place = find(text, KIND_INSTANCE, "a");

    return spec_edit_replace(text, strlen(text), &place, document);
}

static void a_document_is_replaced_between_the_others(void **state)
{
    (void)state;
    expect_text(replace_a(A, "x: 1\n"), "x: 1\n");
    expect_text(replace_a(A, "x: 1"), "x: 1");
    expect_text(replace_a("# c\n---\n" A "---\n" B, "x: 1\n"), "# c\n---\nx: 1\n---\n" B);
    expect_text(replace_a("---\n" A "---\n" B, "x: 1"), "---\nx: 1\n---\n" B);
    expect_text(replace_a("---\r\n" A "---\r\n" B, "x: 1"), "---\r\nx: 1\r\n---\r\n" B);
    expect_text(replace_a("--- {kind: Instance, metadata: {name: a}}\n", "x: 1\n"), "--- \nx: 1\n");
    expect_text(replace_a(B "---\n" A "...\n", "x: 1\n"), B "---\nx: 1\n...\n");
}

static void a_document_is_added_at_the_end(void **state)
{
    (void)state;
    expect_text(spec_edit_append("", 0, A), A);
    expect_text(spec_edit_append(B, strlen(B), A), B "---\n" A);
    expect_text(spec_edit_append("x: 1", 4, A), "x: 1\n---\n" A);
    expect_text(spec_edit_append("# c\n", 4, A), "# c\n" A);
    expect_text(spec_edit_append("x: 1\n---\n", 9, A), "x: 1\n---\n" A);
    expect_text(spec_edit_append("x: 1\r\n", 6, "a: 1\nb: 2\r\n"),
                "x: 1\r\n---\r\na: 1\r\nb: 2\r\n");
    expect_text(spec_edit_append("x: 1\n...\n", 9, A), "x: 1\n...\n---\n" A);
}

static char *remove_a(const char *text)
{
    struct spec_place place = find(text, KIND_INSTANCE, "a");

    return spec_edit_remove(text, strlen(text), &place);
}

static void a_document_is_taken_out_from_between_the_others(void **state)
{
    (void)state;
    expect_text(remove_a(A), NULL);
    expect_text(remove_a("# c\n---\n" A "---\n# nothing\n"), NULL);
    expect_text(remove_a(A "---\n" B), B);
    expect_text(remove_a(A "--- # of b\n" B), "--- # of b\n" B);
    expect_text(remove_a(B "---\n" A), B);
    expect_text(remove_a(B "---\n" A "---\n" T), B "---\n" T);
    expect_text(remove_a("# c\n---\n" A "---\n" B), "# c\n---\n" B);
    expect_text(remove_a(A "...\n---\n" B), B);
    expect_text(remove_a(B "...\n%YAML 1.1\n---\n" A "...\n"), B "...\n");
    expect_text(remove_a("a: ]\n---\n" A), "a: ]\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_replaced_and_all_the_rest_stays),
        cmocka_unit_test(a_missing_key_is_added_in_the_style_of_its_map),
        cmocka_unit_test(keys_that_miss_their_map_get_one),
        cmocka_unit_test(a_key_is_taken_away_with_its_lines),
        cmocka_unit_test(what_cannot_be_changed_in_place_is_refused),
        cmocka_unit_test(what_is_added_and_taken_away_leaves_no_trace),
        cmocka_unit_test(a_document_is_found_by_kind_and_name),
        cmocka_unit_test(what_is_not_found_is_told_apart_from_what_cannot_be_read),
        cmocka_unit_test(a_document_is_replaced_between_the_others),
        cmocka_unit_test(a_document_is_added_at_the_end),
        cmocka_unit_test(a_document_is_taken_out_from_between_the_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
