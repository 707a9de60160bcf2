#include "cli/get_select.h"

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/documents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* after its friends, which it needs */
#include <cmocka.h>

static json_t *world(void)
{
    json_t *value = json_loads(
        "[{\"kind\":\"Task\",\"metadata\":{\"name\":\"a\",\"labels\":{\"team\":\"x\"}},\"n\":10},"
        " {\"kind\":\"Task\",\"metadata\":{\"name\":\"b\"},\"n\":9},"
        " {\"kind\":\"Instance\",\"metadata\":{\"name\":\"a\"}},"
        " {\"kind\":\"InstancePool\",\"metadata\":{\"name\":\"p\",\"labels\":{\"team\":\"x\"}},"
        "\"n\":1},"
        " {\"kind\":\"SpecFile\",\"metadata\":{\"name\":\"f.yaml\"},\"n\":\"text\"}]",
        0, NULL);

    assert_non_null(value);
    return value;
}

/* "Task/a Instance/a", and how many names nothing has. */
static void assert_chosen(const struct get_selection *selection, const char *expected,
                          size_t expected_missing)
{
    json_auto_t *documents = world(), *items = NULL;
    auto_done(strbuf) text = {0};
    struct error err = {0};
    size_t missing = 99, index;
    json_t *item;

    assert_int_equal(get_select(selection, documents, "test", &items, &missing, &err), 0);
    json_array_foreach(items, index, item) {
        auto_free char *spelling = document_spelling(item);

        strbuf_addf(&text, "%s%s", index > 0 ? " " : "", spelling);
    }
    assert_string_equal(strbuf_text(&text), expected);
    assert_int_equal(missing, expected_missing);
}

static void kinds_and_names_choose(void **state)
{
    struct get_name any[] = {{NULL, "a"}}, order[] = {{NULL, "b"}, {NULL, "x"}, {NULL, "a"}};
    struct get_name spelt[] = {{"InstancePool", "p"}, {"Task", "a"}};

    (void)state;
    assert_chosen(&(struct get_selection){0},
                  "task/a task/b instance/a instancepool/p specfile/f.yaml", 0);
    assert_chosen(&(struct get_selection){.kinds = {[KIND_TASK] = true}}, "task/a task/b", 0);
    assert_chosen(
        &(struct get_selection){.kinds = {[KIND_TASK] = true, [KIND_INSTANCE_POOL] = true}},
        "task/a task/b instancepool/p", 0);
    assert_chosen(&(struct get_selection){.names = any, .count = 1}, "task/a instance/a", 0);
    assert_chosen(
        &(struct get_selection){.kinds = {[KIND_TASK] = true}, .names = order, .count = 3},
        "task/b task/a", 1);
    assert_chosen(&(struct get_selection){.names = spelt, .count = 2}, "instancepool/p task/a", 0);
}

static void labels_choose_and_paths_order(void **state)
{
    struct get_selection selection = {0};
    struct error err = {0};

    (void)state;
    assert_int_equal(selector_parse("team=x", &selection.selector, &err), 0);
    assert_chosen(&selection, "task/a instancepool/p", 0);
    get_selection_done(&selection);

    /* numbers as numbers, before texts; what has none comes last, and equals stay in order */
    selection = (struct get_selection){0};
    assert_int_equal(jsonpath_compile_field(".n", &selection.sort_by, &err), 0);
    assert_chosen(&selection, "specfile/f.yaml instancepool/p task/b task/a instance/a", 0);
    get_selection_done(&selection);
}

static void one_kind_is_known_as_such(void **state)
{
    struct get_name same[] = {{"Task", "a"}, {"Task", "b"}},
                    other[] = {{"Task", "a"}, {"Instance", "a"}};

    (void)state;
    assert_null(get_selection_kind(&(struct get_selection){0}));
    assert_string_equal(get_selection_kind(&(struct get_selection){.kinds = {[KIND_TASK] = true}}),
                        "Task");
    assert_null(get_selection_kind(
        &(struct get_selection){.kinds = {[KIND_TASK] = true, [KIND_INSTANCE] = true}}));
    assert_string_equal(get_selection_kind(&(struct get_selection){.names = same, .count = 2}),
                        "Task");
    assert_null(get_selection_kind(&(struct get_selection){.names = other, .count = 2}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_and_names_choose),
        cmocka_unit_test(labels_choose_and_paths_order),
        cmocka_unit_test(one_kind_is_known_as_such),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
