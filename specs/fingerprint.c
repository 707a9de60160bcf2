#include "specs/fingerprint.h"

#include "base/map.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include "specs/schema.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_HASH_LEN = 8, OBJECT_HASH_LEN = 16 };

static char *canonical_text(const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

    assert(text != NULL); /* decoded text is UTF-8, which is all that could fail */
    return text;
}

struct sortable {
    char *text;
    json_t *item;
};

static int compare_sortables(const void *left, const void *right)
{
    const struct sortable *a = left, *b = right;

    return strcmp(a->text, b->text);
}

/* Items in order of their canonical text. */
static void sort_array(json_t *array)
{
    size_t count = json_array_size(array);
    auto_free struct sortable *items = xcalloc(count, sizeof(*items));

    for (size_t i = 0; i < count; i++) {
        items[i].item = json_incref(json_array_get(array, i));
        items[i].text = canonical_text(items[i].item);
    }
    qsort(items, count, sizeof(*items), compare_sortables);
    for (size_t i = 0; i < count; i++) {
        json_array_set_new(array, i, items[i].item);
        free(items[i].text);
    }
}

/* Brings the lists whose order means nothing into one order. */
static void sort_unordered(const struct field *fields, json_t *object)
{
    for (const struct field *field = fields; field->name != NULL; field++) {
        json_t *value = json_object_get(object, field->name);

        if (value == NULL) {
            continue;
        }
        if (field->type == FIELD_OBJECT || field->type == FIELD_OPTIONAL_OBJECT) {
            sort_unordered(field->fields, value);
        } else if ((field->flags & FIELD_UNORDERED) != 0) {
            sort_array(value);
        }
    }
}

static void hash_object(const struct strbuf *text, char hash[HASH_SIZE])
{
    char hex[SHA256_HEX_SIZE];

    sha256_hex(strbuf_text(text), text->len, hex);
    snprintf(hash, HASH_SIZE, "v1-%.*s", OBJECT_HASH_LEN, hex);
}

/*
 * A field of spec. Each is written once; the texts of object and container are put together from
 * them.
 */
struct field_text {
    const char *name;
    char *text;
    bool is_live;
};

enum { MAX_FIELDS = 64 };

struct field_texts {
    struct field_text items[MAX_FIELDS];
    size_t count;
};

static void field_texts_done(struct field_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        free(texts->items[i].text);
    }
}

static int compare_field_texts(const void *left, const void *right)
{
    const struct field_text *a = left, *b = right;

    return strcmp(a->name, b->name);
}

static bool is_live(const struct field *fields, const char *name)
{
    for (; fields->name != NULL; fields++) {
        if (strcmp(fields->name, name) == 0) {
            return (fields->flags & FIELD_LIVE) != 0;
        }
    }
    return false;
}

static void write_fields(const struct field *fields, json_t *spec, struct field_texts *texts)
{
    const char *name;
    json_t *value;

    json_object_foreach(spec, name, value) {
        assert(texts->count < MAX_FIELDS);
        texts->items[texts->count++] = (struct field_text){
            .name = name,
            .text = canonical_text(value),
            .is_live = is_live(fields, name),
        };
    }
    qsort(texts->items, texts->count, sizeof(texts->items[0]), compare_field_texts);
}

/* As canonical_text() would write the map of those fields. */
static void add_spec(struct strbuf *out, const struct field_texts *texts, bool has_live)
{
    const char *separator = "";

    strbuf_add(out, "{");
    for (size_t i = 0; i < texts->count; i++) {
        if (has_live || !texts->items[i].is_live) {
            strbuf_addf(out, "%s\"%s\":", separator, texts->items[i].name);
            strbuf_add(out, texts->items[i].text);
            separator = ",";
        }
    }
    strbuf_add(out, "}");
}

/* "env=1a2b3c4d image=..." of the fields that are not live, sorted by name. */
static const char *hash_fields(const struct field_texts *texts, struct arena *arena)
{
    auto_done(strbuf) text = {0};

    for (size_t i = 0; i < texts->count; i++) {
        const struct field_text *field = &texts->items[i];
        char hex[SHA256_HEX_SIZE];

        if (!field->is_live) {
            sha256_hex(field->text, strlen(field->text), hex);
            strbuf_addf(&text, "%s%s=%.*s", text.len > 0 ? " " : "", field->name, FIELD_HASH_LEN,
                        hex);
        }
    }
    return arena_strdup(arena, strbuf_text(&text));
}

/* The text of a document: metadata NULL: without it, and without live fields. */
static void add_document(struct strbuf *out, const struct object *object, const json_t *metadata,
                         const struct field_texts *texts)
{
    strbuf_addf(out, "{\"apiVersion\":\"%s\",\"kind\":\"%s\",", API_VERSION,
                kind_name(object->kind));
    if (metadata != NULL) {
        auto_free char *text = canonical_text(metadata);

        strbuf_addf(out, "\"metadata\":%s,", text);
    }
    strbuf_add(out, "\"spec\":");
    add_spec(out, texts, metadata != NULL);
    strbuf_add(out, "}");
}

void fingerprint_object(struct object *object)
{
    const struct field *fields = schema_of_kind(object->kind);
    json_auto_t *json = schema_object_to_json(object);
    json_t *spec = json_object_get(json, "spec"), *metadata = json_object_get(json, "metadata");
    auto_done(strbuf) whole = {0}, of_container = {0};
    auto_done(field_texts) texts = {.count = 0};

    if (object->kind == KIND_REPOSITORY && object->repository.user != NULL) {
        json_object_set_new(spec, "user", json_string(object->repository.user));
    }
    sort_unordered(fields, spec);
    json_object_del(metadata, "name");
    write_fields(fields, spec, &texts);
    add_document(&whole, object, metadata, &texts);
    hash_object(&whole, object->hash);
    add_document(&of_container, object, NULL, &texts);
    hash_object(&of_container, object->container_hash);
    object->field_hashes = hash_fields(&texts, &object->arena);
}

/* Reads "name=8hex" at *text into name and hash; moves *text behind it and a blank. */
static int read_field_hash(const char **text, char name[64], char hash[FIELD_HASH_LEN + 1])
{
    size_t name_len = strcspn(*text, "= "), hash_len;
    const char *hex = *text + name_len + 1;

    if (name_len == 0 || name_len >= 64 || (*text)[name_len] != '=') {
        return -1;
    }
    hash_len = strspn(hex, "0123456789abcdef");
    if (hash_len != FIELD_HASH_LEN || (hex[hash_len] != '\0' && hex[hash_len] != ' ')) {
        return -1;
    }
    snprintf(name, 64, "%.*s", (int)name_len, *text);
    snprintf(hash, FIELD_HASH_LEN + 1, "%.*s", FIELD_HASH_LEN, hex);
    *text = hex + hash_len + (hex[hash_len] == ' ');
    return 0;
}

static void free_hashes(struct map *hashes)
{
    for (struct map_entry *entry = map_first(hashes); entry != NULL; entry = map_next(entry)) {
        free(map_value(entry));
    }
    map_done(hashes);
}

static int read_field_hashes(const char *text, struct map *hashes)
{
    if (text == NULL) {
        return -1;
    }
    while (*text != '\0') {
        char name[64], hash[FIELD_HASH_LEN + 1];

        if (read_field_hash(&text, name, hash) < 0) {
            return -1;
        }
        free(map_put(hashes, name, xstrdup(hash)));
    }
    return 0;
}

/* Puts the fields of one that the other has not, or has with another hash, into changed. */
static void collect_changes(const struct map *one, const struct map *other, struct map *changed)
{
    for (struct map_entry *entry = map_first(one); entry != NULL; entry = map_next(entry)) {
        const char *hash = map_get(other, map_key(entry));

        if (hash == NULL || strcmp(hash, map_value(entry)) != 0) {
            map_put(changed, map_key(entry), NULL);
        }
    }
}

static char *join_keys(struct map *map)
{
    auto_done(strbuf) text = {0};

    map_sort(map);
    for (struct map_entry *entry = map_first(map); entry != NULL; entry = map_next(entry)) {
        strbuf_addf(&text, "%s%s", text.len > 0 ? ", " : "", map_key(entry));
    }
    return strbuf_take(&text);
}

char *fingerprint_changed_fields(const char *before, const char *after)
{
    struct map old_hashes = {0}, new_hashes = {0};
    auto_done(map) changed = {0};
    char *names;

    if (read_field_hashes(before, &old_hashes) < 0 || read_field_hashes(after, &new_hashes) < 0) {
        names = xstrdup("unknown fields");
    } else {
        collect_changes(&old_hashes, &new_hashes, &changed);
        collect_changes(&new_hashes, &old_hashes, &changed);
        names = join_keys(&changed);
    }
    free_hashes(&old_hashes);
    free_hashes(&new_hashes);
    return names;
}
