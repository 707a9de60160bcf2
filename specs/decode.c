#include "specs/decode.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "base/suggest.h"
#include "specs/decode_number.h"
#include "specs/excerpt.h"
#include "specs/reason.h"
#include "specs/yaml_scalar.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(offsetof(struct port_list, items) == offsetof(struct text_list, items) &&
                  offsetof(struct port_list, count) == offsetof(struct text_list, count) &&
                  sizeof(struct port_list) == sizeof(struct text_list),
              "all lists of a spec have one shape");

static void refuse(struct decoder *decoder, const struct yaml_node *node, const struct place *place,
                   const char *message)
{
    spec_errors_add(decoder->errors, node, place, REASON_INVALID_SPEC, "%s", message);
}

static const char *type_word(enum yaml_node_type type)
{
    switch (type) { /* no default: a type without a word does not compile */
    case YAML_NODE_SCALAR: return "text";
    case YAML_NODE_MAP: return "a map";
    case YAML_NODE_LIST: return "a list";
    }
    abort(); /* not a type at all: memory is damaged */
}

static bool is_null(const struct yaml_node *node)
{
    return node->type == YAML_NODE_SCALAR && node->is_plain && yaml_is_null_word(node->text);
}

static void refuse_null(struct decoder *decoder, const struct yaml_node *node,
                        const struct place *place)
{
    refuse(decoder, node, place,
           node->text[0] == '\0' ? "is empty; give it a value or take the key out"
                                 : "is null; give it a value or take the key out");
}

/* True when the node is a list or map as wanted; else the error is told. */
static bool expect_type(struct decoder *decoder, const struct yaml_node *node,
                        const struct place *place, enum yaml_node_type type)
{
    if (node->type == type) {
        return true;
    }
    if (is_null(node)) {
        refuse_null(decoder, node, place);
    } else {
        spec_errors_add(decoder->errors, node, place, REASON_INVALID_SPEC, "must be %s, not %s",
                        type_word(type), type_word(node->type));
    }
    return false;
}

/*
 * True when the node is a scalar with a value; else the error is told. what: "text", "a number" ...
 */
static bool expect_scalar(struct decoder *decoder, const struct yaml_node *node,
                          const struct place *place, const char *what)
{
    if (is_null(node)) {
        refuse_null(decoder, node, place);
        return false;
    }
    if (node->type != YAML_NODE_SCALAR) {
        spec_errors_add(decoder->errors, node, place, REASON_INVALID_SPEC, "must be %s, not %s",
                        what, type_word(node->type));
        return false;
    }
    return true;
}

const char *decode_text(struct decoder *decoder, const struct yaml_node *node,
                        const struct place *place)
{
    bool is_null_word = is_null(node) && node->text[0] != '\0';

    if (!is_null_word && !expect_scalar(decoder, node, place, "text")) {
        return NULL;
    }
    if (is_null_word || (node->is_plain && yaml_is_boolean_word(node->text))) {
        spec_errors_add(decoder->errors, node, place, REASON_INVALID_SPEC,
                        "%s without quotes is %s; write \"%s\"", node->text,
                        is_null_word ? "null, not text" : "a boolean in YAML 1.1", node->text);
        return NULL;
    }
    if (strlen(node->text) > DECODE_MAX_TEXT) {
        spec_errors_add(decoder->errors, node, place, REASON_INVALID_SPEC,
                        "is longer than %d bytes", DECODE_MAX_TEXT);
        return NULL;
    }
    return arena_strdup(decoder->arena, node->text);
}

/* True when that many items may be; else the error is told. */
static bool expect_count(struct decoder *decoder, const struct yaml_node *node,
                         const struct place *place, size_t count)
{
    if (count > DECODE_MAX_ITEMS) {
        spec_errors_add(decoder->errors, node, place, REASON_INVALID_SPEC,
                        "has %zu items; at most %d are possible", count, DECODE_MAX_ITEMS);
    }
    return count <= DECODE_MAX_ITEMS;
}

/* The text, checked; NULL after telling why it cannot be. */
static const char *decode_checked_text(struct decoder *decoder, const struct yaml_node *node,
                                       const struct place *place, bool is_non_empty,
                                       int (*check)(const char *text, struct error *err))
{
    const char *text = decode_text(decoder, node, place);
    struct error err = {0};

    if (text == NULL) {
        return NULL;
    }
    if (text[0] == '\0' && is_non_empty) {
        refuse(decoder, node, place, "must not be empty");
        return NULL;
    }
    if (check != NULL && check(text, &err) < 0) {
        spec_errors_add_error(decoder->errors, node, place, &err);
        return NULL;
    }
    return text;
}

static void decode_string(struct decoder *decoder, const struct field *field,
                          const struct yaml_node *node, const struct place *place, void *target)
{
    bool is_non_empty = field->check != NULL || (field->flags & FIELD_NON_EMPTY) != 0;
    const char *text = decode_checked_text(decoder, node, place, is_non_empty, field->check);

    memcpy(target, &text, sizeof(text));
}

static void decode_boolean(struct decoder *decoder, const struct yaml_node *node,
                           const struct place *place, void *target)
{
    bool is_true = false;
    char shown[EXCERPT_SIZE];

    if (!expect_scalar(decoder, node, place, "true or false")) {
        return;
    }
    if (node->is_plain && strcmp(node->text, "true") == 0) {
        is_true = true;
    } else if (!node->is_plain || strcmp(node->text, "false") != 0) {
        spec_errors_add(decoder->errors, node, place, REASON_INVALID_SPEC,
                        "must be true or false%s, not \"%s\"",
                        node->is_plain ? "" : " without quotes", excerpt(node->text, shown));
    }
    memcpy(target, &is_true, sizeof(is_true));
}

static void decode_amount(struct decoder *decoder, const struct field *field,
                          const struct yaml_node *node, const struct place *place, void *target)
{
    struct error err = {0};
    char shown[EXCERPT_SIZE];
    int64_t number, ignored;

    if (!expect_scalar(decoder, node, place, "a number")) {
        return;
    }
    if (field->type == FIELD_INTEGER && !node->is_plain && parse_i64(node->text, &ignored) == 0) {
        spec_errors_add(decoder->errors, node, place, REASON_INVALID_SPEC,
                        "\"%s\" in quotes is text; write %s", node->text,
                        excerpt(node->text, shown));
        return;
    }
    if (decode_number(field, node->text, &number, &err) < 0) {
        spec_errors_add_error(decoder->errors, node, place, &err);
        return;
    }
    memcpy(target, &number, sizeof(number));
}

static size_t count_words(const char *const *words)
{
    size_t count = 0;

    while (words[count] != NULL) {
        count++;
    }
    return count;
}

static int find_word(const char *const *words, const char *text)
{
    for (size_t i = 0; i < count_words(words); i++) {
        if (strcmp(words[i], text) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static void refuse_word(struct decoder *decoder, const struct field *field,
                        const struct yaml_node *node, const struct place *place)
{
    auto_free char *hint = suggest_hint(node->text, field->words, count_words(field->words));
    auto_done(strbuf) words = {0};
    char shown[EXCERPT_SIZE];

    for (size_t i = 0; field->words[i] != NULL; i++) {
        strbuf_addf(&words, "%s%s", i > 0 ? ", " : "", field->words[i]);
    }
    spec_errors_add(decoder->errors, node, place, REASON_INVALID_SPEC, "\"%s\" is not one of %s%s",
                    excerpt(node->text, shown), strbuf_text(&words), hint);
}

static void decode_enum(struct decoder *decoder, const struct field *field,
                        const struct yaml_node *node, const struct place *place, void *target)
{
    int64_t index;

    if (!expect_scalar(decoder, node, place, "one word")) {
        return;
    }
    index = find_word(field->words, node->text);
    if (index < 0) {
        refuse_word(decoder, field, node, place);
        return;
    }
    memcpy(target, &index, sizeof(index));
}

static void decode_string_list(struct decoder *decoder, const struct field *field,
                               const struct yaml_node *node, const struct place *place,
                               void *target)
{
    struct text_list list = {0};

    if (node->type == YAML_NODE_SCALAR && !is_null(node)) {
        refuse(decoder, node, place, "must be a list, such as [a, b], not text");
        return;
    }
    if (!expect_type(decoder, node, place, YAML_NODE_LIST) ||
        !expect_count(decoder, node, place, node->count)) {
        return;
    }
    list.items = arena_alloc(decoder->arena, node->count * sizeof(*list.items));
    for (size_t i = 0; i < node->count; i++) {
        struct place item_place = {.parent = place, .index = i};
        const char *text = decode_checked_text(decoder, node->items[i], &item_place,
                                               field->check != NULL, field->check);

        if (text != NULL) {
            list.items[list.count++] = text;
        }
    }
    memcpy(target, &list, sizeof(list));
}

static int compare_labels(const void *left, const void *right)
{
    const struct label *a = left, *b = right;

    return strcmp(a->key, b->key);
}

static void decode_label(struct decoder *decoder, const struct field *field,
                         const struct yaml_node *key, const struct yaml_node *value,
                         const struct place *place, struct label_list *labels)
{
    struct error err = {0};
    const char *text;

    if (field->check_key != NULL && field->check_key(key->text, &err) < 0) {
        spec_errors_add_error(decoder->errors, key, place, &err);
    }
    text = decode_checked_text(decoder, value, place, false, field->check);
    if (text != NULL) {
        labels->items[labels->count++] =
            (struct label){.key = arena_strdup(decoder->arena, key->text), .value = text};
    }
}

static void decode_labels(struct decoder *decoder, const struct field *field,
                          const struct yaml_node *node, const struct place *place, void *target)
{
    struct label_list labels = {0};

    if (!expect_type(decoder, node, place, YAML_NODE_MAP) ||
        !expect_count(decoder, node, place, node->count / 2)) {
        return;
    }
    labels.items = arena_alloc(decoder->arena, node->count / 2 * sizeof(*labels.items));
    for (size_t i = 0; i + 1 < node->count; i += 2) {
        struct place label_place = {.parent = place, .key = node->items[i]->text};

        decode_label(decoder, field, node->items[i], node->items[i + 1], &label_place, &labels);
    }
    qsort(labels.items, labels.count, sizeof(*labels.items), compare_labels);
    memcpy(target, &labels, sizeof(labels));
}

static void check_unique_fields(struct decoder *decoder, const struct field *fields,
                                const struct yaml_node *list, const struct place *place)
{
    for (const struct field *field = fields; field->name != NULL; field++) {
        auto_free struct decoded_text *texts = NULL;

        if ((field->flags & FIELD_UNIQUE) == 0) {
            continue;
        }
        texts = xcalloc(list->count, sizeof(*texts));
        for (size_t i = 0; i < list->count; i++) {
            const struct yaml_node *node = yaml_map_get(list->items[i], field->name);

            if (node != NULL && node->type == YAML_NODE_SCALAR && !is_null(node)) {
                texts[i] = (struct decoded_text){.text = node->text, .node = node, .index = i};
            }
        }
        decode_refuse_duplicates(decoder, texts, list->count, place, field->name, field->name);
    }
}

static void decode_object_list(struct decoder *decoder, const struct field *field,
                               const struct yaml_node *node, const struct place *place,
                               void *target)
{
    struct text_list list = {0};
    char *items;

    if (!expect_type(decoder, node, place, YAML_NODE_LIST) ||
        !expect_count(decoder, node, place, node->count)) {
        return;
    }
    items = arena_alloc(decoder->arena, node->count * field->item_size);
    for (size_t i = 0; i < node->count; i++) {
        struct place item_place = {.parent = place, .index = i};

        decode_fields(decoder, field->fields, node->items[i], &item_place,
                      items + i * field->item_size);
    }
    list.items = (const char **)(void *)items;
    list.count = node->count;
    memcpy(target, &list, sizeof(list));
    check_unique_fields(decoder, field->fields, node, place);
}

static void decode_optional_object(struct decoder *decoder, const struct field *field,
                                   const struct yaml_node *node, const struct place *place,
                                   void *target)
{
    void *object = arena_alloc(decoder->arena, field->item_size);

    decode_fields(decoder, field->fields, node, place, object);
    memcpy(target, &object, sizeof(object));
}

static void decode_repository_ref(struct decoder *decoder, const struct field *field,
                                  const struct yaml_node *node, const struct place *place,
                                  void *target)
{
    if (node->type == YAML_NODE_LIST || yaml_map_get(node, "url") != NULL) {
        refuse(decoder, node, place, "must be the URL itself or {name: a Repository object}");
    } else if (node->type == YAML_NODE_MAP) {
        decode_fields(decoder, field->fields, node, place, target);
    } else {
        decode_string(decoder, field, node, place, target);
    }
}

static void decode_value(struct decoder *decoder, const struct field *field,
                         const struct yaml_node *node, const struct place *place, void *target)
{
    switch (field->type) { /* no default: a type that is not decoded does not compile */
    case FIELD_STRING: decode_string(decoder, field, node, place, target); break;
    case FIELD_INTEGER:
    case FIELD_BYTES:
    case FIELD_CPU:
    case FIELD_FRACTION: decode_amount(decoder, field, node, place, target); break;
    case FIELD_BOOLEAN: decode_boolean(decoder, node, place, target); break;
    case FIELD_ENUM: decode_enum(decoder, field, node, place, target); break;
    case FIELD_STRING_LIST: decode_string_list(decoder, field, node, place, target); break;
    case FIELD_LABELS: decode_labels(decoder, field, node, place, target); break;
    case FIELD_OBJECT: decode_fields(decoder, field->fields, node, place, target); break;
    case FIELD_OPTIONAL_OBJECT: decode_optional_object(decoder, field, node, place, target); break;
    case FIELD_OBJECT_LIST: decode_object_list(decoder, field, node, place, target); break;
    case FIELD_REPOSITORY_REF: decode_repository_ref(decoder, field, node, place, target); break;
    }
    if ((field->flags & FIELD_NON_EMPTY) != 0 && node->type != YAML_NODE_SCALAR &&
        node->count == 0) {
        refuse(decoder, node, place, "must not be empty");
    }
}

/* What a field holds that is not in the document. */
static void set_default(struct decoder *decoder, const struct field *field, void *target)
{
    struct yaml_node node = {
        .type = YAML_NODE_SCALAR,
        .is_plain = field->type != FIELD_STRING,
        .text = field->default_text,
    };

    if (field->default_text != NULL) {
        decode_value(decoder, field, &node, NULL, target);
    } else if (field->type == FIELD_OBJECT) {
        decode_fields(decoder, field->fields, NULL, NULL, target);
    } else if (field->absent != 0) {
        memcpy(target, &field->absent, sizeof(field->absent));
    }
}

const char *decode_refuse_key(struct decoder *decoder, const struct yaml_node *key,
                              const struct place *parent, const char *const *known,
                              size_t known_count)
{
    struct place place = {.parent = parent, .key = key->text};
    const char *near = NULL;

    if (!spec_errors_is_full(
            decoder->errors)) { /* thousands of unknown keys must not cost seconds */
        near = suggest_nearest(key->text, known, known_count);
    }
    if (near != NULL) {
        spec_errors_add(decoder->errors, key, &place, REASON_UNKNOWN_FIELD,
                        "unknown field; did you mean \"%s\"?", near);
    } else {
        spec_errors_add(decoder->errors, key, &place, REASON_UNKNOWN_FIELD, "unknown field");
    }
    return near;
}

enum { MAX_FIELDS = 64 };

/* The fields of a table, and which of them a misspelt key seems to mean. */
struct key_check {
    const char *names[MAX_FIELDS];
    size_t count;
    uint64_t meant; /* bit i: names[i] */
};

/* Index of the name, or count. */
static size_t find_name(const struct key_check *check, const char *name)
{
    size_t i = 0;

    while (i < check->count && strcmp(check->names[i], name) != 0) {
        i++;
    }
    return i;
}

static void check_keys(struct decoder *decoder, const struct field *fields,
                       const struct yaml_node *map, const struct place *place,
                       struct key_check *check)
{
    for (const struct field *field = fields; field->name != NULL; field++) {
        assert(check->count < MAX_FIELDS);
        check->names[check->count++] = field->name;
    }
    for (size_t i = 0; i + 1 < map->count; i += 2) {
        const struct yaml_node *key = map->items[i];
        const char *near;

        if (find_name(check, key->text) == check->count) {
            near = decode_refuse_key(decoder, key, place, check->names, check->count);
            check->meant |= near != NULL ? UINT64_C(1) << find_name(check, near) : 0;
        }
    }
}

void decode_fields(struct decoder *decoder, const struct field *fields, const struct yaml_node *map,
                   const struct place *place, void *base)
{
    struct key_check check = {.count = 0};

    if (map != NULL && !expect_type(decoder, map, place, YAML_NODE_MAP)) {
        map = NULL;
    } else if (map != NULL) {
        check_keys(decoder, fields, map, place, &check);
    }
    for (size_t i = 0; fields[i].name != NULL; i++) {
        const struct field *field = &fields[i];
        const struct yaml_node *node = yaml_map_get(map, field->name);
        struct place field_place = {.parent = place, .key = field->name};
        char *target = (char *)base + field->offset;

        if (node == NULL) {
            set_default(decoder, field, target);
        } else {
            if (field->absent != 0) { /* what stays when the value is refused */
                memcpy(target, &field->absent, sizeof(field->absent));
            }
            decode_value(decoder, field, node, &field_place, target);
        }
        if (node == NULL && map != NULL && (field->flags & FIELD_REQUIRED) != 0 &&
            (check.meant >> i & 1) == 0) {
            refuse(decoder, map, &field_place, "required field is missing");
        }
    }
}

static int compare_texts(const void *left, const void *right)
{
    const struct decoded_text *a = left, *b = right;
    int order;

    if (a->text == NULL || b->text == NULL) {
        return (a->text == NULL) - (b->text == NULL);
    }
    order = strcmp(a->text, b->text);
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

void decode_refuse_duplicates(struct decoder *decoder, struct decoded_text *texts, size_t count,
                              const struct place *list, const char *key, const char *what)
{
    size_t first = 0;

    if (count == 0) {
        return;
    }
    qsort(texts, count, sizeof(*texts), compare_texts);
    for (size_t i = 1; i < count && texts[i].text != NULL; i++) {
        struct place item = {.parent = list, .index = texts[i].index};
        struct place field = {.parent = &item, .key = key};
        char shown[EXCERPT_SIZE];

        if (strcmp(texts[i].text, texts[first].text) != 0) {
            first = i;
            continue;
        }
        spec_errors_add(decoder->errors, texts[i].node, key != NULL ? &field : &item,
                        REASON_INVALID_SPEC, "%s \"%s\" is used twice; first at line %u", what,
                        excerpt(texts[i].text, shown), texts[first].node->line);
    }
}
