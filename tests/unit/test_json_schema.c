#include "base/cleanup.h"
#include "specs/json_schema.h"
#include "specs/reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/*
 * The schema of one property of a map, through the definition or the only item of "allOf" it refers
 * to.
 */
static const json_t *property(const json_t *root, const json_t *schema, const char *name)
{
    const json_t *all = json_object_get(schema, "allOf"), *items = json_object_get(schema, "items");
    const json_t *any = json_object_get(schema, "anyOf");
    const char *reference;

    if (items != NULL) {
        return property(root, items, name);
    }
    if (any != NULL) { /* the URL of a repository, or a map */
        return property(root, json_array_get(any, 1), name);
    }
    if (json_object_get(schema, "properties") == NULL && all != NULL) {
        schema = json_array_get(all, 0);
    }
    reference = json_string_value(json_object_get(schema, "$ref"));
    if (reference != NULL) {
        assert_memory_equal(reference, "#/definitions/", 14);
        schema = json_object_get(json_object_get(root, "definitions"), reference + 14);
    }
    return json_object_get(json_object_get(schema, "properties"), name);
}

/* What a walk looks for in a schema. */
struct looked {
    const json_t *root;
    size_t count;
};

static bool look(const struct reference_field *at, void *user)
{
    struct looked *looked = user;
    const json_t *schema = looked->root;
    const char *path = at->path;

    while (*path != '\0') {
        char name[64];
        size_t len = strcspn(path, ".");

        snprintf(name, sizeof(name), "%.*s", (int)strcspn(path, ".["), path);
        schema = property(looked->root, schema, name);
        if (schema == NULL) {
            fail_msg("the schema has no %s", at->path);
        }
        path += len + (path[len] == '.' ? 1 : 0);
    }
    assert_string_equal(json_string_value(json_object_get(schema, "description")), at->field->doc);
    looked->count++;
    return true;
}

static void every_field_of_every_kind_has_a_schema_with_its_description(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        json_auto_t *schema = json_schema_of_kind((enum kind)kind);
        struct looked looked = {.root = schema};

        assert_non_null(schema);
        reference_walk((enum kind)kind, look, &looked);
        assert_true(looked.count > 15);
    }
}

static void the_schema_of_all_kinds_leads_from_the_kind_to_its_spec(void **state)
{
    json_auto_t *schema = json_schema_of_all();
    const json_t *rules = json_object_get(schema, "allOf");

    (void)state;
    assert_int_equal(json_array_size(rules), KIND_COUNT);
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        const json_t *rule = json_array_get(rules, kind);
        const char *word = NULL, *reference = NULL;
        char wanted[64];

        assert_int_equal(json_unpack((json_t *)(uintptr_t)rule, "{s:{s:{s:{s:s}}},s:{s:{s:{s:s}}}}",
                                     "if", "properties", "kind", "const", &word, "then",
                                     "properties", "spec", "$ref", &reference),
                         0);
        snprintf(wanted, sizeof(wanted), "#/definitions/%sSpec", kind_name((enum kind)kind));
        assert_string_equal(word, kind_name((enum kind)kind));
        assert_string_equal(reference, wanted);
        assert_non_null(json_object_get(json_object_get(schema, "definitions"), reference + 14));
    }
}

static void defaults_have_the_type_of_their_field(void **state)
{
    json_auto_t *schema = json_schema_of_kind(KIND_INSTANCE);
    const json_t *spec;

    (void)state;
    spec = json_object_get(json_object_get(schema, "definitions"), "InstanceSpec");
    assert_true(json_is_false(json_object_get(property(schema, spec, "suspend"), "default")));
    assert_int_equal(json_integer_value(json_object_get(
                         property(schema, spec, "terminationGracePeriodSeconds"), "default")),
                     30);
    assert_string_equal(
        json_string_value(json_object_get(property(schema, spec, "powerState"), "default")),
        "Running");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_every_kind_has_a_schema_with_its_description),
        cmocka_unit_test(the_schema_of_all_kinds_leads_from_the_kind_to_its_spec),
        cmocka_unit_test(defaults_have_the_type_of_their_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
