#include "specs/document.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "base/suggest.h"
#include "specs/decode.h"
#include "specs/excerpt.h"
#include "specs/fingerprint.h"
#include "specs/reason.h"
#include "specs/validate.h"

#include <string.h>

static const char *const envelope_keys[] = {"apiVersion", "kind", "metadata", "spec"};

struct envelope {
    struct decoder decoder;
    const struct yaml_node *root;
    struct spec_document *document; /* what is to be told about it */
    struct object *object;
    bool is_meant[ARRAY_SIZE(envelope_keys)]; /* a misspelt key seems to mean this one */
};

/* Index in envelope_keys, or their number. */
static size_t find_key(const char *key)
{
    size_t i = 0;

    while (i < ARRAY_SIZE(envelope_keys) && strcmp(envelope_keys[i], key) != 0) {
        i++;
    }
    return i;
}

static void check_keys(struct envelope *envelope)
{
    for (size_t i = 0; i + 1 < envelope->root->count; i += 2) {
        const struct yaml_node *key = envelope->root->items[i];
        struct place place = {.key = key->text};
        const char *near;

        if (find_key(key->text) < ARRAY_SIZE(envelope_keys)) {
            continue;
        }
        if (strcmp(key->text, "status") == 0) {
            spec_errors_add(envelope->decoder.errors, key, &place, REASON_UNKNOWN_FIELD,
                            "berth writes the status itself, into a file of its own; take it out");
            continue;
        }
        near = decode_refuse_key(&envelope->decoder, key, NULL, envelope_keys,
                                 ARRAY_SIZE(envelope_keys));
        if (near != NULL) {
            envelope->is_meant[find_key(near)] = true;
        }
    }
}

/* The value of a top-level key, or NULL after telling that it is missing. */
static const struct yaml_node *require(struct envelope *envelope, const char *key, const char *hint)
{
    const struct yaml_node *node = yaml_map_get(envelope->root, key);
    struct place place = {.key = key};

    if (node == NULL && !envelope->is_meant[find_key(key)]) {
        spec_errors_add(envelope->decoder.errors, envelope->root, &place, REASON_INVALID_SPEC,
                        "required field is missing%s", hint);
    }
    return node;
}

static void check_api_version(struct envelope *envelope)
{
    const struct yaml_node *node = require(envelope, "apiVersion", "; write " API_VERSION);
    struct place place = {.key = "apiVersion"};
    const char *text = node != NULL ? decode_text(&envelope->decoder, node, &place) : NULL;
    char shown[EXCERPT_SIZE];

    if (text != NULL && strcmp(text, API_VERSION) != 0) {
        spec_errors_add(envelope->decoder.errors, node, &place, REASON_INVALID_SPEC,
                        "\"%s\" is not known; write " API_VERSION, excerpt(text, shown));
    }
}

static bool is_planned_kind(const char *text)
{
    size_t count;
    const char *const *planned = schema_planned_kinds(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, planned[i]) == 0) {
            return true;
        }
    }
    return false;
}

static const char *suggest_kind(const char *text)
{
    size_t planned_count, count = 0;
    const char *const *planned = schema_planned_kinds(&planned_count);
    const char *words[KIND_COUNT + 8];

    for (unsigned i = 0; i < KIND_COUNT; i++) {
        words[count++] = kind_name((enum kind)i);
    }
    for (size_t i = 0; i < planned_count && count < ARRAY_SIZE(words); i++) {
        words[count++] = planned[i];
    }
    return suggest_nearest(text, words, count);
}

/* "Instance, InstancePool, Repository and Task" */
static const char *kind_words(struct arena *arena)
{
    auto_done(strbuf) words = {0};

    for (unsigned i = 0; i < KIND_COUNT; i++) {
        strbuf_addf(&words, "%s%s",
                    i == 0               ? ""
                    : i + 1 < KIND_COUNT ? ", "
                                         : " and ",
                    kind_name((enum kind)i));
    }
    return arena_strdup(arena, strbuf_text(&words));
}

static void refuse_kind(struct envelope *envelope, const struct yaml_node *node,
                        const struct place *place, const char *text)
{
    struct spec_errors *errors = envelope->decoder.errors;
    const char *near = suggest_kind(text);
    char shown[EXCERPT_SIZE];

    excerpt(text, shown);
    if (is_planned_kind(text)) {
        envelope->document->kind = arena_strdup(errors->arena, text);
        spec_errors_add(errors, node, place, REASON_NOT_SUPPORTED,
                        "%s is not supported by this version of berth", shown);
    } else if (near != NULL) {
        spec_errors_add(errors, node, place, REASON_INVALID_SPEC,
                        "unknown kind \"%s\"; did you mean \"%s\"?", shown, near);
    } else {
        spec_errors_add(errors, node, place, REASON_INVALID_SPEC,
                        "unknown kind \"%s\"; it is one of %s", shown, kind_words(errors->arena));
    }
}

/* 0, or -1 after telling why there is no kind. */
static int read_kind(struct envelope *envelope)
{
    struct arena *arena = envelope->decoder.errors->arena;
    const char *hint = yaml_map_get(envelope->root, "kind") == NULL
                           ? arena_printf(arena, "; it is one of %s", kind_words(arena))
                           : "";
    const struct yaml_node *node = require(envelope, "kind", hint);
    struct place place = {.key = "kind"};
    const char *text = node != NULL ? decode_text(&envelope->decoder, node, &place) : NULL;

    if (text == NULL) {
        return -1;
    }
    if (kind_from_name(text, &envelope->object->kind) < 0) {
        refuse_kind(envelope, node, &place, text);
        return -1;
    }
    envelope->document->kind = kind_name(envelope->object->kind);
    return 0;
}

static void read_metadata(struct envelope *envelope)
{
    const struct yaml_node *node = require(envelope, "metadata", "; it holds the name");
    struct place place = {.key = "metadata"};
    struct metadata metadata = {0};

    if (node == NULL) {
        return;
    }
    decode_fields(&envelope->decoder, schema_of_metadata(), node, &place, &metadata);
    envelope->object->name = metadata.name;
    envelope->object->labels = metadata.labels;
    if (metadata.name != NULL) {
        envelope->document->name = arena_strdup(envelope->decoder.errors->arena, metadata.name);
    }
}

static void read_spec(struct envelope *envelope)
{
    const struct yaml_node *node = require(envelope, "spec", "");
    struct object *object = envelope->object;
    struct place place = {.key = "spec"};

    if (node != NULL) {
        decode_fields(&envelope->decoder, schema_of_kind(object->kind), node, &place,
                      schema_spec_of(object));
        validate_object(&envelope->decoder, object, node, &place);
    }
}

static struct object *begin_object(const struct document_source *source)
{
    enum {
        MOST_RESERVED = 512, /* a long text may be comments */
        EXTRA = 64,          /* what is made of it: the digests of its fields */
    };
    size_t size = source->size < MOST_RESERVED ? source->size : MOST_RESERVED;
    struct object *object = xcalloc(1, sizeof(*object));

    object->references = 1;
    arena_init(&object->arena);
    arena_reserve(&object->arena, size + EXTRA);
    object->file = arena_strdup(&object->arena, source->file);
    object->line = source->root->line;
    object->column = source->root->column;
    object->document = source->index;
    return object;
}

struct object *document_decode(const struct document_source *source, struct spec_errors *errors,
                               struct spec_document *document)
{
    struct object *object = begin_object(source);
    struct envelope envelope = {
        .decoder = {.arena = &object->arena, .errors = errors},
        .root = source->root,
        .document = document,
        .object = object,
    };

    if (source->root->type != YAML_NODE_MAP) {
        spec_errors_add(errors, source->root, NULL, REASON_INVALID_SPEC,
                        "a document must be a map with apiVersion, kind, metadata and spec");
    } else {
        check_keys(&envelope);
        check_api_version(&envelope);
        read_metadata(&envelope);
        if (read_kind(&envelope) == 0) {
            read_spec(&envelope);
        }
    }
    if (errors->count > 0) {
        object_unref(object);
        return NULL;
    }
    object = object_fit(object);
    fingerprint_object(object);
    return object;
}
