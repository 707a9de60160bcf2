#include "base/memory.h"
#include "base/strbuf.h"
#include "specs/decode.h"
#include "specs/reason.h"
#include "specs/spec_file.h"
#include "specs/yaml_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* after its friends, which it needs */
#include <cmocka.h>

static const char head[] = "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: ";

static struct spec_file *parse(const char *text)
{
    return spec_file_parse("pools/web.yaml", text, strlen(text));
}

static void a_good_document_gives_an_object_and_no_error(void **state)
{
    auto_owned(spec_file) *file = parse("# a machine\napiVersion: berth.dev/v1\nkind: Instance\n"
                                        "metadata: {name: web}\nspec: {image: debian:12}\n");
    const struct spec_document *document;

    (void)state;
    assert_string_equal(file->file, "pools/web.yaml");
    assert_true(file->is_complete);
    assert_false(spec_file_has_errors(file));
    assert_int_equal(file->count, 1);
    document = &file->documents[0];
    assert_int_equal(document->error_count, 0);
    assert_string_equal(document->kind, "Instance");
    assert_string_equal(document->name, "web");
    assert_int_equal(document->line, 2);
    assert_int_equal(document->column, 1);
    assert_string_equal(document->object->file, "pools/web.yaml");
    assert_int_equal(document->object->line, 2);
    assert_int_equal(document->object->document, 0);
    assert_int_equal(document->object->references, 1);
    assert_int_equal(strlen(document->object->hash), strlen("v1-0123456789abcdef"));
}

static void a_bad_document_does_not_hide_the_good_ones(void **state)
{
    auto_owned(spec_file) *file = parse("apiVersion: berth.dev/v1\nkind: Instance\n"
                                        "metadata: {name: one}\nspec: {}\n"
                                        "---\napiVersion: berth.dev/v1\nkind: Task\n"
                                        "metadata: {name: two}\nspec: {}\n"
                                        "---\napiVersion: berth.dev/v1\nkind: Instance\n"
                                        "metadata: {name: three}\nspec: {}\n");

    (void)state;
    assert_true(spec_file_has_errors(file));
    assert_true(file->is_complete);
    assert_int_equal(file->count, 3);
    assert_non_null(file->documents[0].object);
    assert_null(file->documents[1].object);
    assert_string_equal(file->documents[1].kind, "Task");
    assert_string_equal(file->documents[1].name, "two");
    assert_int_equal(file->documents[1].error_count, 1);
    assert_int_equal(file->documents[1].errors[0].line, 9);
    assert_non_null(file->documents[2].object);
    assert_int_equal(file->documents[2].object->document, 2);
    assert_int_equal(file->error_count, 0);
}

static void each_kind_of_error_has_its_reason(void **state)
{
    static const struct {
        const char *spec, *reason;
    } rows[] = {
        {"spec: {imgae: a}", REASON_UNKNOWN_FIELD},
        {"spec: {image: A}", REASON_INVALID_SPEC},
        {"spec: {image: a, image: b}", REASON_DUPLICATE_KEY},
        {"spec: {machineType: n1-standrad-1}", REASON_INVALID_MACHINE_TYPE},
        {"spec: {powerState: Suspend}", REASON_INVALID_SPEC},
        {"spec: {livenessProbe: {}}", REASON_INVALID_SPEC},
        {"spec: {image: &a b}", REASON_NOT_SUPPORTED},
        {"spec: {zone: A}", REASON_INVALID_NAME},
        {"spec: {user: \"a\\0b\"}", REASON_INVALID_SYNTAX},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *text = xasprintf("%sweb}\n%s\n", head, rows[i].spec);
        auto_owned(spec_file) *file = parse(text);

        assert_int_equal(file->count, 1);
        assert_null(file->documents[0].object);
        assert_int_equal(file->documents[0].error_count, 1);
        assert_string_equal(file->documents[0].errors[0].reason, rows[i].reason);
    }
}

static void a_bad_url_has_a_reason_of_its_own(void **state)
{
    auto_owned(spec_file) *file = parse("{apiVersion: berth.dev/v1, kind: Repository,"
                                        " metadata: {name: r}, spec: {url: 'ftp://h/r'}}");

    (void)state;
    assert_string_equal(file->documents[0].errors[0].reason, REASON_INVALID_URL);
    assert_string_equal(file->documents[0].errors[0].path, "spec.url");
}

static void the_name_of_a_broken_document_is_known_only_when_it_is_one(void **state)
{
    static const struct {
        const char *text;
        const char *kind, *name;
    } rows[] = {
        {"kind: Instance\nmetadata: {name: web}\n", "Instance", "web"},
        {"kind: InstancePool\nmetadata: {name: web}\n", "InstancePool", "web"},
        {"kind: Pod\nmetadata: {name: web}\n", NULL, "web"},
        {"kind: Instance\nmetadata: {name: ../x}\n", "Instance", NULL},
        {"kind: [Instance]\nmetadata: web\n", NULL, NULL},
        {"just text\n", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(spec_file) *file = parse(rows[i].text);
        const struct spec_document *document = &file->documents[0];

        assert_int_equal(file->count, 1);
        assert_null(document->object);
        assert_true(document->error_count > 0);
        assert_int_equal(document->kind == NULL, rows[i].kind == NULL);
        assert_int_equal(document->name == NULL, rows[i].name == NULL);
        assert_true(rows[i].kind == NULL || strcmp(document->kind, rows[i].kind) == 0);
        assert_true(rows[i].name == NULL || strcmp(document->name, rows[i].name) == 0);
    }
}

static void the_names_of_a_pool_s_members_fit(void **state)
{
    static const char letters[] = "a2345678901234567890123456789012345678901234567890123456789";

    (void)state;
    for (int len = 58; len <= 59; len++) {
        auto_free char *text = xasprintf("{apiVersion: berth.dev/v1, kind: InstancePool,"
                                         " metadata: {name: %.*s}, spec: {maxInstances: 1000}}",
                                         len, letters);
        auto_free char *member = xasprintf("%.*s-1000", len, letters);
        auto_owned(spec_file) *file = parse(text);

        assert_int_equal(spec_file_has_errors(file), !object_name_is_valid(member));
        if (len == 59) {
            assert_string_equal(file->documents[0].errors[0].reason, REASON_INVALID_NAME);
            assert_string_equal(file->documents[0].errors[0].path, "metadata.name");
        }
    }
}

static void the_first_of_two_objects_of_one_name_keeps_it(void **state)
{
    auto_owned(spec_file) *file =
        parse("{apiVersion: berth.dev/v1, kind: Instance, metadata: {name: a}, spec: {}}\n---\n"
              "{apiVersion: berth.dev/v1, kind: Instance, metadata: {name: a}, spec: {image: b}}\n"
              "---\n"
              "{apiVersion: berth.dev/v1, kind: Task, metadata: {name: a},"
              " spec: {repository: https://h/r}}\n");
    const struct spec_document *second;

    (void)state;
    assert_int_equal(file->count, 3);
    assert_non_null(file->documents[0].object);
    second = &file->documents[1];
    assert_null(second->object);
    assert_int_equal(second->error_count, 1);
    assert_string_equal(second->errors[0].reason, REASON_DUPLICATE_OBJECT);
    assert_non_null(strstr(second->errors[0].message, "line 1"));
    assert_non_null(file->documents[2].object);
}

static void a_syntax_error_leaves_the_documents_before_it(void **state)
{
    auto_owned(spec_file) *file =
        parse("{apiVersion: berth.dev/v1, kind: Instance, metadata: {name: a}, spec: {}}\n---\n"
              "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: b\nspec: {}\n");

    (void)state;
    assert_false(file->is_complete);
    assert_int_equal(file->count, 1);
    assert_non_null(file->documents[0].object);
    assert_int_equal(file->error_count, 1);
    assert_string_equal(file->errors[0].reason, REASON_INVALID_SYNTAX);
    assert_int_equal(file->errors[0].line, 5);
    assert_int_equal(file->errors[0].column, 11);
    assert_true(spec_file_has_errors(file));
}

static void problems_of_a_document_that_is_lost_are_told_with_the_file(void **state)
{
    auto_owned(spec_file) *file = parse("a: 1\na: 2\nb: &x y\nc: [\n");

    (void)state;
    assert_int_equal(file->count, 0);
    assert_int_equal(file->error_count, 2); /* the duplicate key is only seen at a map's end */
    assert_string_equal(file->errors[0].reason, REASON_NOT_SUPPORTED);
    assert_string_equal(file->errors[1].reason, REASON_INVALID_SYNTAX);
}

static void a_file_that_is_too_large_is_one_error(void **state)
{
    auto_free char *text = xcalloc(1, YAML_MAX_BYTES + 2);
    struct spec_file *file;

    (void)state;
    memset(text, '#', YAML_MAX_BYTES + 1);
    file = spec_file_parse("a.yaml", text, YAML_MAX_BYTES + 1);
    assert_int_equal(file->count, 0);
    assert_int_equal(file->error_count, 1);
    assert_int_equal(file->errors[0].line, 0);
    assert_string_equal(file->errors[0].reason, REASON_FILE_TOO_LARGE);
    spec_file_free(file);
    file = spec_file_parse("a.yaml", text, YAML_MAX_BYTES);
    assert_false(spec_file_has_errors(file));
    spec_file_free(file);
    spec_file_free(NULL);
}

static void errors_are_in_order_of_position_and_limited_in_number(void **state)
{
    auto_done(strbuf) text = {0};
    struct spec_file *file;
    size_t total = 0;

    (void)state;
    for (int document = 0; document < 4; document++) {
        strbuf_addf(&text, "---\nkind: Instance\nmetadata: {name: web-%d}\nspec:\n", document);
        for (int i = 0; i < 20; i++) {
            strbuf_addf(&text, "  field%d: x\n", i);
        }
        strbuf_add(&text, "apiVersion: v0\n");
    }
    file = parse(strbuf_text(&text));
    assert_int_equal(file->count, 4);
    for (size_t i = 0; i < file->count; i++) {
        const struct spec_document *document = &file->documents[i];

        assert_true(document->error_count > 0 && document->object == NULL);
        total += document->error_count;
        for (size_t j = 1; j < document->error_count; j++) {
            assert_true(document->errors[j - 1].line < document->errors[j].line);
        }
    }
    assert_int_equal(total, SPEC_MAX_ERRORS + 1); /* the last document still says what is wrong */
    assert_int_equal(file->error_count, 1);
    assert_string_equal(file->errors[0].message, "33 more errors are not shown");
    spec_file_free(file);
}

static void an_error_as_text_leaves_out_what_is_not_known(void **state)
{
    static const struct {
        struct spec_error error;
        const char *text;
    } rows[] = {
        {{.line = 7, .column = 16, .path = "spec.machineType", .message = "unknown"},
         "web.yaml:7:16: spec.machineType: unknown"},
        {{.line = 7, .column = 16, .path = "", .message = "tabs"}, "web.yaml:7:16: tabs"},
        {{.path = "", .message = "too large"}, "web.yaml: too large"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *text = spec_error_format("web.yaml", &rows[i].error);

        assert_string_equal(text, rows[i].text);
    }
}

/* Thousands of wrong things in one file must not stop the loop that reads it. */
static void files_full_of_errors_cost_little_time(void **state)
{
    static const struct {
        const char *part;
        int count;
    } rows[] = {
        {"  unknownFieldWithALongName%d: x\n", 20000},
        {"  - {name: A, value: %d}\n", 8000},
        {"  - {containerPort: %d}\n", 12000},
        {"  - {mountPath: /a/%d, volume: v}\n", 8000},
        {"  - text%d\n", 40000},
    };
    static const char *const keys[] = {"", "  env:\n", "  ports:\n", "  volumes:\n", "  args:\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(strbuf) text = {0};
        clock_t start;
        double seconds;

        strbuf_addf(&text, "%sweb}\nspec:\n%s", head, keys[i]);
        for (int j = 0; j < rows[i].count; j++) {
            auto_free char *part = xasprintf("%d", j);
            const char *mark = strstr(rows[i].part, "%d");

            strbuf_append(&text, rows[i].part, (size_t)(mark - rows[i].part));
            strbuf_add(&text, part);
            strbuf_add(&text, mark + 2);
        }
        start = clock();
        spec_file_free(parse(strbuf_text(&text)));
        seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        if (seconds > 4) {
            fail_msg("row %zu takes %.1f s", i, seconds);
        }
    }
}

/* An Instance with what `part` says, count times, between before and behind. */
static struct spec_file *instance_of_many(const char *before, const char *part, size_t count,
                                          const char *behind)
{
    auto_done(strbuf) text = {0};

    strbuf_addf(&text,
                "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: web}\n"
                "spec:\n  image: a:1\n  %s",
                before);
    for (size_t i = 0; i < count; i++) {
        if (strstr(part, "%zu") != NULL) {
            strbuf_addf(&text, "%.*s%zu%s", (int)(strstr(part, "%zu") - part), part, i,
                        strstr(part, "%zu") + strlen("%zu"));
        } else {
            strbuf_add(&text, part);
        }
    }
    strbuf_add(&text, behind);
    return parse(strbuf_text(&text));
}

static void lists_maps_and_texts_have_a_ceiling(void **state)
{
    static const struct {
        const char *before, *part, *behind;
        size_t max;
        const char *message;
    } rows[] = {
        {"env: [", "{name: A%zu, value: x},", "]\n", DECODE_MAX_ITEMS, "has 1001 items"},
        {"command: [", "x,", "]\n", DECODE_MAX_ITEMS, "has 1001 items"},
        {"volumes: [", "{volume: v, mountPath: /v%zu},", "]\n", DECODE_MAX_ITEMS, "has 1001 items"},
        {"env: [{name: A, value: '", "x", "'}]\n", DECODE_MAX_TEXT, "is longer than 122880 bytes"},
        {"command: ['", "x", "']\n", DECODE_MAX_TEXT, "is longer than 122880 bytes"},
        {"env: [{value: x, name: '", "A", "'}]\n", 255, "is longer than 255 characters"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(spec_file) *most = NULL, *more = NULL;

        most = instance_of_many(rows[i].before, rows[i].part, rows[i].max, rows[i].behind);
        more = instance_of_many(rows[i].before, rows[i].part, rows[i].max + 1, rows[i].behind);
        if (spec_file_has_errors(most)) {
            fail_msg("row %zu: %s", i, most->documents[0].errors[0].message);
        }
        assert_int_equal(more->documents[0].error_count, 1);
        assert_non_null(strstr(more->documents[0].errors[0].message, rows[i].message));
    }
}

static void labels_have_a_ceiling(void **state)
{
    (void)state;
    for (size_t count = DECODE_MAX_ITEMS; count <= DECODE_MAX_ITEMS + 1; count++) {
        auto_done(strbuf) text = {0};
        auto_owned(spec_file) *file = NULL;

        strbuf_add(&text, "apiVersion: berth.dev/v1\nkind: Instance\nmetadata:\n  name: web\n"
                          "  labels:\n");
        for (size_t i = 0; i < count; i++) {
            strbuf_addf(&text, "    l%zu: x\n", i);
        }
        strbuf_add(&text, "spec: {image: \"a:1\"}\n");
        file = parse(strbuf_text(&text));
        assert_int_equal(spec_file_has_errors(file), count > DECODE_MAX_ITEMS);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_document_gives_an_object_and_no_error),
        cmocka_unit_test(a_bad_document_does_not_hide_the_good_ones),
        cmocka_unit_test(each_kind_of_error_has_its_reason),
        cmocka_unit_test(a_bad_url_has_a_reason_of_its_own),
        cmocka_unit_test(the_name_of_a_broken_document_is_known_only_when_it_is_one),
        cmocka_unit_test(the_names_of_a_pool_s_members_fit),
        cmocka_unit_test(the_first_of_two_objects_of_one_name_keeps_it),
        cmocka_unit_test(a_syntax_error_leaves_the_documents_before_it),
        cmocka_unit_test(problems_of_a_document_that_is_lost_are_told_with_the_file),
        cmocka_unit_test(a_file_that_is_too_large_is_one_error),
        cmocka_unit_test(errors_are_in_order_of_position_and_limited_in_number),
        cmocka_unit_test(an_error_as_text_leaves_out_what_is_not_known),
        cmocka_unit_test(files_full_of_errors_cost_little_time),
        cmocka_unit_test(lists_maps_and_texts_have_a_ceiling),
        cmocka_unit_test(labels_have_a_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
