#include "specs/quantity.h"
#include "specs/schema.h"

#include <stdlib.h>
#include <string.h>

static json_t *fields_to_json(const struct field *fields, const void *base);

static const char *text_at(const void *place)
{
    const char *text;

    memcpy(&text, place, sizeof(text));
    return text;
}

static int64_t number_at(const void *place)
{
    int64_t number;

    memcpy(&number, place, sizeof(number));
    return number;
}

/* All lists of a spec have the shape of this one. */
static struct text_list list_at(const void *place)
{
    struct text_list list;

    memcpy(&list, place, sizeof(list));
    return list;
}

static json_t *text_to_json(const char *text)
{
    return text != NULL ? json_string(text) : NULL;
}

static json_t *number_to_json(const struct field *field, int64_t number)
{
    char text[QUANTITY_TEXT_SIZE];

    if (field->default_text == NULL && number == field->absent) {
        return NULL;
    }
    if (field->type == FIELD_BYTES) {
        return json_string(quantity_format_bytes(number, text));
    }
    if (field->type == FIELD_FRACTION) {
        return json_string(quantity_format_fraction(number, text));
    }
    if (field->type == FIELD_CPU) {
        return json_string(quantity_format_cpu(number, text));
    }
    return json_integer(number);
}

static json_t *word_to_json(const struct field *field, int64_t index)
{
    return field->default_text == NULL && index == field->absent ? NULL
                                                                 : json_string(field->words[index]);
}

/* What must be given is written also when it is empty: that means something. */
static json_t *texts_to_json(const struct field *field, const void *place)
{
    struct text_list list = list_at(place);
    json_t *array;

    if (list.count == 0 && (field->flags & FIELD_REQUIRED) == 0) {
        return NULL;
    }
    array = json_array();
    for (size_t i = 0; i < list.count; i++) {
        json_array_append_new(array, json_string(list.items[i]));
    }
    return array;
}

json_t *schema_labels_to_json(const struct label_list *labels)
{
    json_t *object;

    if (labels->count == 0) {
        return NULL;
    }
    object = json_object();
    for (size_t i = 0; i < labels->count; i++) {
        json_object_set_new(object, labels->items[i].key, json_string(labels->items[i].value));
    }
    return object;
}

static json_t *items_to_json(const struct field *field, const void *place)
{
    struct text_list list = list_at(place);
    const char *item = (const char *)list.items;
    json_t *array;

    if (list.count == 0) {
        return NULL;
    }
    array = json_array();
    for (size_t i = 0; i < list.count; i++) {
        json_array_append_new(array, fields_to_json(field->fields, item + i * field->item_size));
    }
    return array;
}

static json_t *object_or_nothing(json_t *object)
{
    if (json_object_size(object) > 0) {
        return object;
    }
    json_decref(object);
    return NULL;
}

/* NULL: the field is absent. */
static json_t *field_to_json(const struct field *field, const void *place)
{
    struct label_list labels;
    bool is_true;

    switch (field->type) { /* no default: a type without a form does not compile */
    case FIELD_STRING: return text_to_json(text_at(place));
    case FIELD_INTEGER:
    case FIELD_BYTES:
    case FIELD_CPU:
    case FIELD_FRACTION: return number_to_json(field, number_at(place));
    case FIELD_BOOLEAN: memcpy(&is_true, place, sizeof(is_true)); return json_boolean(is_true);
    case FIELD_ENUM: return word_to_json(field, number_at(place));
    case FIELD_STRING_LIST: return texts_to_json(field, place);
    case FIELD_LABELS:
        memcpy(&labels, place, sizeof(labels));
        return schema_labels_to_json(&labels);
    case FIELD_OBJECT: return object_or_nothing(fields_to_json(field->fields, place));
    case FIELD_OPTIONAL_OBJECT:
        return text_at(place) != NULL ? fields_to_json(field->fields, text_at(place)) : NULL;
    case FIELD_OBJECT_LIST: return items_to_json(field, place);
    case FIELD_REPOSITORY_REF:
        return text_at(place) != NULL ? text_to_json(text_at(place))
                                      : fields_to_json(field->fields, place);
    }
    return NULL;
}

static json_t *fields_to_json(const struct field *fields, const void *base)
{
    json_t *object = json_object();

    for (const struct field *field = fields; field->name != NULL; field++) {
        json_t *value = field_to_json(field, (const char *)base + field->offset);

        if (value != NULL) {
            json_object_set_new(object, field->name, value);
        }
    }
    return object;
}

static json_t *spec_to_json(const struct object *object)
{
    const struct field *fields = schema_of_kind(object->kind);

    switch (object->kind) { /* no default: a kind without a spec does not compile */
    case KIND_INSTANCE: return fields_to_json(fields, &object->instance);
    case KIND_INSTANCE_POOL: return fields_to_json(fields, &object->pool);
    case KIND_REPOSITORY: return fields_to_json(fields, &object->repository);
    case KIND_TASK: return fields_to_json(fields, &object->task);
    }
    abort(); /* not a kind at all: memory is damaged */
}

json_t *schema_object_to_json(const struct object *object)
{
    struct metadata metadata = {.name = object->name, .labels = object->labels};
    json_t *json = json_object();

    json_object_set_new(json, "apiVersion", json_string(API_VERSION));
    json_object_set_new(json, "kind", json_string(kind_name(object->kind)));
    json_object_set_new(json, "metadata", fields_to_json(schema_of_metadata(), &metadata));
    json_object_set_new(json, "spec", spec_to_json(object));
    return json;
}
