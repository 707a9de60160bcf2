#include "cli/jsonpath.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static const char world[] =
    "{'kind': 'List', 'items': ["
    "{'metadata': {'name': 'web', 'labels': {'team': 'infra', 'app.io/name': 'x'}},"
    " 'status': {'phase': 'RUNNING', 'ratio': 0.5, 'ports': [{'name': 'http', 'hostPort': 20014},"
    "  {'name': 'admin', 'hostPort': 20015}, {'name': 'udp', 'hostPort': 20016}],"
    "  'conditions': [{'type': 'Ready', 'status': 'True'}, {'type': 'Stalled', 'status': "
    "'False'}]}},"
    "{'metadata': {'name': 'db'}, 'status': {'phase': 'STAGING', 'exitCode': 3, 'held': true,"
    "  'note': null, 'conditions': [{'type': 'Ready', 'status': 'False'}]}}"
    "]}";

static json_t *read_world(void)
{
    auto_free char *text = xstrdup(world);
    json_t *value;

    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    value = json_loads(text, 0, NULL);
    assert_non_null(value);
    return value;
}

struct row {
    const char *path, *text;
};

static void check(const struct row *rows, size_t count,
                  int (*compile)(const char *, struct jsonpath **, struct error *))
{
    json_auto_t *value = read_world();

    for (size_t i = 0; i < count; i++) {
        auto_owned(jsonpath) *path = NULL;
        auto_done(strbuf) out = {0};
        struct error err = {0};

        if (compile(rows[i].path, &path, &err) < 0 || jsonpath_print(path, value, &out, &err) < 0) {
            fail_msg("%s: %s", rows[i].path, err.message);
        }
        if (strcmp(strbuf_text(&out), rows[i].text) != 0) {
            fail_msg("%s gives \"%s\", not \"%s\"", rows[i].path, strbuf_text(&out), rows[i].text);
        }
    }
}

static void paths_find_what_kubectls_do(void **state)
{
    static const struct row rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"{.kind}", "List"},
        {"{ .kind }", "List"},
        {"{$.kind}", "List"},
        {"{@.kind}", "List"},
        {"{['kind']}", "List"},
        {"{.nothing}", ""},
        {"{.kind.deeper}", ""},
        {"{.items[0].metadata.name}", "web"},
        {"{.items[-1].metadata.name}", "db"},
        {"{.items[-2].metadata.name}", "web"},
        {"{.items[-3].metadata.name}", ""},
        {"{.items[2].metadata.name}", ""},
        {"{.items[*].metadata.name}", "web db"},
        {"{.items[0,1].metadata.name}", "web db"},
        {"{.items[1,0].metadata.name}", "db web"},
        {"{.items[0].status.ports[0:2].name}", "http admin"},
        {"{.items[0].status.ports[1:].name}", "admin udp"},
        {"{.items[0].status.ports[:1].name}", "http"},
        {"{.items[0].status.ports[:-1].name}", "http admin"},
        {"{.items[0].status.ports[-2:].name}", "admin udp"},
        {"{.items[0].status.ports[::2].name}", "http udp"},
        {"{.items[0].status.ports[1].hostPort}", "20015"},
        {"{.items[0].status.ports[0]}", "{\"name\":\"http\",\"hostPort\":20014}"},
        {"{.items[0].metadata.*.team}", "infra"},
        {"{.items[0].metadata.labels.*}", "infra x"},
        {"{.items[0].metadata['name','labels']}", "web {\"team\":\"infra\",\"app.io/name\":\"x\"}"},
        {"{.items[0].metadata.labels.app\\.io/name}", "x"},
        {"{.items[0].metadata.labels['app.io/name']}", "x"},
        {"{.items[0].metadata.labels[\"app\\.io/name\"]}", "x"},
        {"{.items[*]['metadata.name', 'status.phase']}", "web RUNNING db STAGING"},
        {"{.items[*]['metadata\\.name']}", ""},
        {"{..phase}", "RUNNING STAGING"},
        {"{..metadata.name}", "web db"},
        {"{.items[1]..status}",
         "{\"phase\":\"STAGING\",\"exitCode\":3,\"held\":true,\"note\":null,"
         "\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}]} False"},
        {"{..ports[0].name}", "http"},
        {"{..[0].name}", "http"},
        {"{.items[0].status.ratio} {.items[1].status.held} {.items[1].status.note}",
         "0.5 true null"},
        {"name={.items[0].metadata.name}\n", "name=web\n"},
        {"{.kind}{\"\\n\\t\\\"\"}{'x'}", "List\n\t\"x"},
    };

    (void)state;
    check(rows, ARRAY_SIZE(rows), jsonpath_compile);
}

static void filters_choose_elements(void **state)
{
    static const struct row rows[] = {
        {"{.items[0].status.conditions[?(@.type==\"Ready\")].status}", "True"},
        {"{.items[*].status.conditions[?(@.type=='Ready')].status}", "True False"},
        {"{.items[*].status.conditions[?( @.type != \"Ready\" )].type}", "Stalled"},
        {"{.items[?(@.status.exitCode)].metadata.name}", "db"},
        {"{.items[?(@.status.exitCode==3)].metadata.name}", "db"},
        {"{.items[?(3 == @.status.exitCode)].metadata.name}", "db"},
        {"{.items[?(@.status.exitCode==3.0)].metadata.name}", "db"},
        {"{.items[?(@.status.exitCode!=3)].metadata.name}", ""},
        {"{.items[?(@.status.exitCode==\"3\")].metadata.name}", ""},
        {"{.items[?(@.status.held==true)].metadata.name}", "db"},
        {"{.items[?(@.status.held!=false)].metadata.name}", "db"},
        {"{.items[?(@.status.note==null)].metadata.name}", "db"},
        {"{.items[?(@.status.ratio<1)].metadata.name}", "web"},
        {"{.items[0].status.ports[?(@.hostPort>20014)].name}", "admin udp"},
        {"{.items[0].status.ports[?(@.hostPort>=20015)].name}", "admin udp"},
        {"{.items[0].status.ports[?(@.hostPort<20015)].name}", "http"},
        {"{.items[0].status.ports[?(@.hostPort<=20015)].name}", "http admin"},
        {"{.items[?(@.metadata.name>\"m\")].metadata.name}", "web"},
        {"{.items[?(@.status.conditions[?(@.status==\"True\")])].metadata.name}", "web"},
        {"{.items[?(@.kind==$.kind)].metadata.name}", ""},
        {"{.items[?($.kind==\"List\")].metadata.name}", "web db"},
        {"{.kind[?(@.x)]}", ""},
    };

    (void)state;
    check(rows, ARRAY_SIZE(rows), jsonpath_compile);
}

static void a_range_gives_its_text_for_each(void **state)
{
    static const struct row rows[] = {
        {"{range .items[*]}{.metadata.name}={.status.phase}{\"\\n\"}{end}",
         "web=RUNNING\ndb=STAGING\n"},
        {"[{range .items[*]}{@.metadata.name},{end}]", "[web,db,]"},
        {"{range .items[*].status.exitCode}{.}{ . }{@}{end}", "333"},
        {"{range .items[*]}{.metadata.name}:{range .status.conditions[*]}{.type}/{end};{end}",
         "web:Ready/Stalled/;db:Ready/;"},
        {"{range .nothing[*]}x{end}", ""},
        {"{range .items[*]}{$.kind}{end}", "ListList"},
    };

    (void)state;
    check(rows, ARRAY_SIZE(rows), jsonpath_compile);
}

static void a_field_needs_no_braces_and_no_first_point(void **state)
{
    static const struct row rows[] = {
        {".kind", "List"},
        {"kind", "List"},
        {"{.kind}", "List"},
        {"{kind}", "List"},
        {"$.kind", "List"},
        {"items[0].metadata.name", "web"},
        {".items[*].metadata.name", "web db"},
        {"..phase", "RUNNING STAGING"},
        {"['kind']", "List"},
    };

    (void)state;
    check(rows, ARRAY_SIZE(rows), jsonpath_compile_field);
}

static void errors_point_at_the_place(void **state)
{
    static const struct row rows[] = {
        {"{.kind", "at its end: \"}\" is missing"},
        {"x {.a b}", "at 7, before \"b}\": \"}\" is missing"},
        {"{kind}", "at 2, before \"kind}\": a path begins with \".\", as in {.metadata.name}"},
        {"{}", "at 2, before \"}\": a path begins with \".\", as in {.metadata.name}"},
        {"{.a[}", "at 5, before \"}\": a number, \"*\", a quoted name or \"?(...)\" belongs here"},
        {"{.a[1}", "at 6, before \"}\": \"]\" is missing"},
        {"{.a[99999999999]}", "at 5, before \"99999999999]}\": this is no index"},
        {"{.a[::0]}", "at 8, before \"]}\": a slice's step is 1 or more"},
        {"{.a['b]}", "at 5, before \"'b]}\": this quote has no end"},
        {"{.a[?@.b]}", "at 6, before \"@.b]}\": a filter is written ?(...)"},
        {"{.a[?(@.b==)]}", "at 12, before \")]}\": \"@.field\", a quoted text, a number, true, "
                           "false or null belongs here"},
        {"{.a[?(@.b ~ 3)]}", "at 11, before \"~ 3)]}\": ==, !=, <, >, <= or >= belongs here, or "
                             "the filter's \")\""},
        {"{end}", "at 5, before \"}\": {end} without a {range ...} before it"},
        {"{range .a[*]}", "at its end: a {range ...} has no {end}"},
        {"{.a.b-c..}", "at 10, before \"}\": a field's name belongs here; one with such "
                       "characters is written ['...']"},
        {"{.a.}", "at 5, before \"}\": a field's name belongs here; one with such characters is "
                  "written ['...']"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(jsonpath) *path = NULL;
        struct error err = {0};

        if (jsonpath_compile(rows[i].path, &path, &err) == 0) {
            fail_msg("%s is taken", rows[i].path);
        }
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.message, rows[i].text);
    }
}

static void a_field_with_more_behind_it_is_refused(void **state)
{
    static const char *const rows[] = {"", ".a b", "{.a}{.b}", "{.a}x", "{.a", "a=b"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(jsonpath) *path = NULL;
        struct error err = {0};

        if (jsonpath_compile_field(rows[i], &path, &err) == 0) {
            fail_msg("%s is taken", rows[i]);
        }
    }
}

static void values_are_found_with_their_types(void **state)
{
    json_auto_t *value = read_world(), *found = NULL;
    auto_owned(jsonpath) *path = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(jsonpath_compile("{.items[1].status.exitCode}{.kind}", &path, &err), 0);
    assert_int_equal(jsonpath_find(path, value, &found, &err), 0);
    assert_int_equal(json_array_size(found), 2);
    assert_int_equal(json_integer_value(json_array_get(found, 0)), 3);
    assert_string_equal(json_string_value(json_array_get(found, 1)), "List");
}

/* A tree of 4^6 leaves: what the path meets multiplies with each "..". */
static json_t *wide_tree(unsigned depth)
{
    json_t *value = json_array();

    for (unsigned i = 0; i < 4 && depth > 0; i++) {
        json_array_append_new(value, wide_tree(depth - 1));
    }
    return value;
}

static void what_multiplies_has_a_ceiling(void **state)
{
    json_auto_t *value = wide_tree(6), *found = NULL;
    auto_owned(jsonpath) *path = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(jsonpath_compile("{..*..*..*..*..*}", &path, &err), 0);
    assert_int_equal(jsonpath_find(path, value, &found, &err), -1);
    assert_string_equal(err.message, "the path meets more than 262144 values");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_find_what_kubectls_do),
        cmocka_unit_test(filters_choose_elements),
        cmocka_unit_test(a_range_gives_its_text_for_each),
        cmocka_unit_test(a_field_needs_no_braces_and_no_first_point),
        cmocka_unit_test(errors_point_at_the_place),
        cmocka_unit_test(a_field_with_more_behind_it_is_refused),
        cmocka_unit_test(values_are_found_with_their_types),
        cmocka_unit_test(what_multiplies_has_a_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
