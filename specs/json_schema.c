#include "specs/json_schema.h"

#include "base/cleanup.h"
#include "base/parse.h"
#include "specs/machine_types.h"
#include "specs/reference.h"
#include "specs/schema.h"
#include "specs/schema_parts.h"
#include "specs/text_check.h"

#include <stdlib.h>
#include <string.h>

#define DRAFT "http://json-schema.org/draft-07/schema#"

static json_t *schema_of_field(const struct field *field);

/* --- texts --- */

/* What a text must look like, so far as a pattern says it without refusing what the check takes. */
struct text_pattern {
    int (*check)(const char *text, struct error *err);
    const char *pattern;
    bool
        is_never_number; /* a number without quotes, which is text to Berth, is never such a text */
};

static const struct text_pattern patterns[] = {
    {check_object_name, "^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$", true},
    {check_label_value, "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$", false},
    {check_absolute_path, "^/", true},
    {check_secret_file, "^/", true},
    {check_mount_path, "^/[^:]*$", true},
    {check_repository_mount_path, "^/[^:]*$", true},
    {check_image, "^[^ ]+$", false},
    {check_env_name, "^[A-Za-z_][A-Za-z0-9_.-]{0,254}$", true},
    {check_env_source, "^[A-Za-z_][A-Za-z0-9_.-]{0,254}$", true},
    {check_ip_address, "^[0-9a-fA-F:.]+$", true},
    {check_capability, "^[A-Z_]+$", true},
    {check_port_or_name, "^([0-9]+|[a-z]([-a-z0-9]{0,61}[a-z0-9])?)$", false},
    {check_http_path, "^/", true},
};

static const struct text_pattern *pattern_of(int (*check)(const char *text, struct error *err))
{
    for (size_t i = 0; check != NULL && i < ARRAY_SIZE(patterns); i++) {
        if (patterns[i].check == check) {
            return &patterns[i];
        }
    }
    return NULL;
}

/* Any scalar but true, false and null is text, so that a port number as a value needs no quotes. */
static json_t *text_types(void)
{
    return json_pack("[ss]", "string", "number");
}

static json_t *machine_type_schema(void)
{
    size_t count;
    const struct machine_type *types = machine_type_list(&count);
    json_t *names = json_array();

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(names, json_string(types[i].name));
    }
    return json_pack("{s:[{s:o},{s:s,s:s}]}", "anyOf", "enum", names, "type", "string", "pattern",
                     "^custom-[0-9]+-[0-9]+$");
}

static json_t *text_schema(int (*check)(const char *text, struct error *err), bool is_non_empty)
{
    const struct text_pattern *form = pattern_of(check);
    json_t *schema;

    if (check == check_machine_type) {
        return machine_type_schema();
    }
    schema =
        json_pack("{s:o}", "type",
                  form != NULL && form->is_never_number ? json_string("string") : text_types());
    if (form != NULL) {
        json_object_set_new(schema, "pattern", json_string(form->pattern));
    } else if (is_non_empty || check != NULL) {
        json_object_set_new(schema, "minLength", json_integer(1));
    }
    return schema;
}

/* --- numbers and words --- */

static json_t *integer_schema(const struct field *field)
{
    json_t *schema = json_pack("{s:s}", "type", "integer");

    if (field->min != 0 || field->max != 0) {
        json_object_set_new(schema, "minimum", json_integer(field->min));
        json_object_set_new(schema, "maximum", json_integer(field->max));
    }
    return schema;
}

static json_t *enum_schema(const struct field *field)
{
    json_t *words = json_array();

    for (size_t i = 0; field->words[i] != NULL; i++) {
        json_array_append_new(words, json_string(field->words[i]));
    }
    return json_pack("{s:s,s:o}", "type", "string", "enum", words);
}

static json_t *amount_schema(const char *pattern)
{
    return json_pack("{s:o,s:s}", "type", text_types(), "pattern", pattern);
}

/* --- maps --- */

/* Keys of a map that exclude each other; is_needed: one of them must be there. */
struct choice {
    const struct field *fields; /* the table; NULL: each that has the first two keys */
    const char *keys[3];
    bool is_needed;
};

static const struct choice choices[] = {
    {schema_probe_fields, {"exec", "httpGet", "tcpSocket"}, true},
    {schema_volume_fields, {"hostPath", "volume", NULL}, true},
    {NULL, {"file", "env", NULL}, true},
    {NULL, {"branch", "ref", NULL}, false},
    {NULL, {"sshKeyFile", "tokenFile", NULL}, false},
    {NULL, {"sshKeyFile", "usernameFile", NULL}, false},
};

static bool has_row(const struct field *fields, const char *name)
{
    for (; fields->name != NULL; fields++) {
        if (strcmp(fields->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_choice_of(const struct choice *choice, const struct field *fields)
{
    if (choice->fields != NULL) {
        return choice->fields == fields;
    }
    return has_row(fields, choice->keys[0]) && has_row(fields, choice->keys[1]);
}

static json_t *choice_schema(const struct choice *choice)
{
    json_t *one_of;

    if (!choice->is_needed) {
        return json_pack("{s:{s:[ss]}}", "not", "required", choice->keys[0], choice->keys[1]);
    }
    one_of = json_array();
    for (size_t i = 0; i < ARRAY_SIZE(choice->keys) && choice->keys[i] != NULL; i++) {
        json_array_append_new(one_of, json_pack("{s:[s]}", "required", choice->keys[i]));
    }
    return json_pack("{s:o}", "oneOf", one_of);
}

static void add_choices(json_t *schema, const struct field *fields)
{
    json_t *all = json_array();

    for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
        if (is_choice_of(&choices[i], fields)) {
            json_array_append_new(all, choice_schema(&choices[i]));
        }
    }
    if (json_array_size(all) > 0) {
        json_object_set(schema, "allOf", all);
    }
    json_decref(all);
}

static json_t *map_schema(const struct field *fields)
{
    json_t *properties = json_object(), *required = json_array();
    json_t *schema = json_pack("{s:s,s:o,s:b}", "type", "object", "properties", properties,
                               "additionalProperties", false);

    for (const struct field *field = fields; field->name != NULL; field++) {
        json_object_set_new(properties, field->name, schema_of_field(field));
        if ((field->flags & FIELD_REQUIRED) != 0) {
            json_array_append_new(required, json_string(field->name));
        }
    }
    if (json_array_size(required) > 0) {
        json_object_set(schema, "required", required);
    }
    json_decref(required);
    add_choices(schema, fields);
    return schema;
}

/* The spec of a pool's members is that of an Instance: both are one definition. */
static json_t *object_schema(const struct field *field)
{
    if (field->fields == schema_of_kind(KIND_INSTANCE)) {
        return json_pack("{s:[{s:s}]}", "allOf", "$ref", "#/definitions/InstanceSpec");
    }
    return map_schema(field->fields);
}

static json_t *labels_schema(const struct field *field)
{
    return json_pack("{s:s,s:o}", "type", "object", "additionalProperties",
                     text_schema(field->check == check_label_value ? field->check : NULL, false));
}

static json_t *list_schema(const struct field *field, json_t *items)
{
    json_t *schema = json_pack("{s:s,s:o}", "type", "array", "items", items);

    if ((field->flags & FIELD_NON_EMPTY) != 0) {
        json_object_set_new(schema, "minItems", json_integer(1));
    }
    return schema;
}

static json_t *value_schema(const struct field *field)
{
    switch (field->type) { /* no default: a type without a schema does not compile */
    case FIELD_STRING: return text_schema(field->check, (field->flags & FIELD_NON_EMPTY) != 0);
    case FIELD_INTEGER: return integer_schema(field);
    case FIELD_BOOLEAN: return json_pack("{s:s}", "type", "boolean");
    case FIELD_ENUM: return enum_schema(field);
    case FIELD_BYTES: return amount_schema("^[0-9.]+([kMGT]|[KMGT]i)?$");
    case FIELD_CPU: return amount_schema("^[0-9.]+m?$");
    case FIELD_FRACTION: return amount_schema("^[0-9.]+$");
    case FIELD_STRING_LIST: return list_schema(field, text_schema(field->check, false));
    case FIELD_LABELS: return labels_schema(field);
    case FIELD_OBJECT:
    case FIELD_OPTIONAL_OBJECT: return object_schema(field);
    case FIELD_OBJECT_LIST: return list_schema(field, map_schema(field->fields));
    case FIELD_REPOSITORY_REF:
        return json_pack("{s:[oo]}", "anyOf", text_schema(field->check, true),
                         map_schema(field->fields));
    }
    abort(); /* not a type at all: memory is damaged */
}

static json_t *default_value(const struct field *field)
{
    int64_t number;

    if (field->type == FIELD_BOOLEAN) {
        return json_boolean(strcmp(field->default_text, "true") == 0);
    }
    if (field->type == FIELD_INTEGER && parse_i64(field->default_text, &number) == 0) {
        return json_integer(number);
    }
    return json_string(field->default_text);
}

static json_t *schema_of_field(const struct field *field)
{
    json_t *schema = value_schema(field);

    json_object_set_new(schema, "description", json_string(field->doc));
    if (field->default_text != NULL) {
        json_object_set_new(schema, "default", default_value(field));
    } else if (field->example != NULL && field->type == FIELD_STRING) {
        json_object_set_new(schema, "examples", json_pack("[s]", field->example));
    }
    return schema;
}

/* --- documents --- */

static json_t *spec_reference(enum kind kind)
{
    return json_pack("{s:s++}", "$ref", "#/definitions/", kind_name(kind), "Spec");
}

static void add_definition(json_t *definitions, enum kind kind)
{
    auto_done(strbuf) name = {0};

    strbuf_addf(&name, "%sSpec", kind_name(kind));
    json_object_set_new(definitions, strbuf_text(&name), map_schema(schema_of_kind(kind)));
}

/* kinds: the words of the property; spec: its schema. Both references are taken. */
static json_t *document_schema(json_t *kinds, json_t *spec, json_t *definitions)
{
    struct schema_top top;
    json_t *properties = json_object();

    schema_top_of(KIND_INSTANCE, &top);
    for (const struct field *field = top.rows; field->name != NULL; field++) {
        json_t *schema = strcmp(field->name, "spec") == 0   ? spec
                         : strcmp(field->name, "kind") == 0 ? json_pack("{s:o}", "enum", kinds)
                                                            : schema_of_field(field);

        if (strcmp(field->name, "kind") == 0) {
            json_object_set_new(schema, "description", json_string(field->doc));
        }
        json_object_set_new(properties, field->name, schema);
    }
    return json_pack("{s:s,s:s,s:s,s:[ssss],s:o,s:b,s:o}", "$schema", DRAFT, "title", API_VERSION,
                     "type", "object", "required", "apiVersion", "kind", "metadata", "spec",
                     "properties", properties, "additionalProperties", false, "definitions",
                     definitions);
}

json_t *json_schema_of_kind(enum kind kind)
{
    json_t *definitions = json_object();

    if (kind == KIND_INSTANCE_POOL) {
        add_definition(definitions, KIND_INSTANCE);
    }
    add_definition(definitions, kind);
    return document_schema(json_pack("[s]", kind_name(kind)), spec_reference(kind), definitions);
}

json_t *json_schema_of_all(void)
{
    json_t *kinds = json_array(), *definitions = json_object(), *rules = json_array();
    json_t *schema;

    for (unsigned i = 0; i < KIND_COUNT; i++) {
        const char *name = kind_name((enum kind)i);

        json_array_append_new(kinds, json_string(name));
        add_definition(definitions, (enum kind)i);
        json_array_append_new(rules,
                              json_pack("{s:{s:{s:{s:s}},s:[s]},s:{s:{s:o}}}", "if", "properties",
                                        "kind", "const", name, "required", "kind", "then",
                                        "properties", "spec", spec_reference((enum kind)i)));
    }
    schema = document_schema(
        kinds, json_pack("{s:s,s:s}", "type", "object", "description", "What is wanted."),
        definitions);
    json_object_set_new(schema, "allOf", rules);
    return schema;
}
