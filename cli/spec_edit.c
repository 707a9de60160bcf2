#include "cli/spec_edit.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "cli/spec_parts.h"
#include "specs/yaml_reader.h"
#include "specs/yaml_scalar.h"
#include "specs/yaml_text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_KEYS = 8, INDENT_STEP = 2 };

/* "spec.suspend" */
struct path {
    const char *text;
    char *copy;
    const char *keys[MAX_KEYS];
    size_t count;
};

/* One document at work, and the one change that is made to it. */
struct editing {
    const char *text; /* of the document, with its "---" */
    size_t len;
    size_t offset; /* of text in the file */
    const char *line_end;
    struct yaml_stream *stream;
    struct yaml_node *root;

    size_t at, removed;     /* in text */
    struct strbuf inserted; /* there */
};

/* Where a path leads to: as far as its keys are there. */
struct way {
    const struct yaml_node *node;   /* of the last key that is there */
    const struct yaml_node *parent; /* the map that it is in; NULL: node is the root */
    size_t pair;                    /* its key's index in parent->items */
    size_t depth;                   /* how many keys are there */
};

static void path_done(struct path *path)
{
    free(path->copy);
}

static void path_read(struct path *path, const char *text)
{
    char *rest = NULL;

    path->text = text;
    path->copy = xstrdup(text);
    for (char *key = strtok_r(path->copy, ".", &rest); key != NULL && path->count < MAX_KEYS;
         key = strtok_r(NULL, ".", &rest)) {
        path->keys[path->count++] = key;
    }
}

static void editing_done(struct editing *editing)
{
    yaml_stream_free(editing->stream);
    strbuf_done(&editing->inserted);
}

static int refuse(struct error *err, const struct path *path, const char *why)
{
    return error_set(err, ERROR_INVALID, "%s cannot be changed in place: %s; edit the file",
                     path->text, why);
}

/* --- places in the text ---------------------------------------------------------------------- */

/* The reader counts characters. */
static size_t byte_at(const struct editing *editing, unsigned character)
{
    size_t at = 0;

    while (at < editing->len && character > 0) {
        at++;
        while (at < editing->len && ((unsigned char)editing->text[at] & 0xc0) == 0x80) {
            at++;
        }
        character--;
    }
    return at;
}

static size_t line_start(const struct editing *editing, size_t at)
{
    while (at > 0 && strchr("\r\n", editing->text[at - 1]) == NULL) {
        at--;
    }
    return at;
}

/* Where the line's break stands, or the end of the text. */
static size_t line_break(const struct editing *editing, size_t at)
{
    const char *end = editing->text + editing->len;

    while (at < editing->len && yaml_text_break(editing->text + at, end) == 0) {
        at++;
    }
    return at;
}

static size_t next_line(const struct editing *editing, size_t at)
{
    const char *end = editing->text + editing->len;

    return (size_t)(yaml_text_next_line(editing->text + at, end) - editing->text);
}

static size_t without_trailing_breaks(const struct editing *editing, size_t start, size_t end)
{
    while (end > start && strchr("\r\n \t", editing->text[end - 1]) != NULL) {
        end--;
    }
    return end;
}

static size_t without_trailing_blanks(const struct editing *editing, size_t end)
{
    while (end > 0 && strchr(" \t", editing->text[end - 1]) != NULL) {
        end--;
    }
    return end;
}

/*
 * Behind the last character of what is written there; line ends that a block scalar keeps ("|+")
 * count.
 */
static size_t content_end(const struct editing *editing, const struct yaml_node *node)
{
    size_t end = byte_at(editing, node->end);
    const struct yaml_node *last = node;
    size_t start;

    while (last->type != YAML_NODE_SCALAR && !last->is_flow && last->count > 0) {
        last = last->items[last->count - 1];
    }
    start = byte_at(editing, last->start);
    if (last->type == YAML_NODE_SCALAR && start < end &&
        strchr("|>", editing->text[start]) != NULL &&
        memchr(editing->text + start, '+', line_break(editing, start) - start) == NULL) {
        return without_trailing_breaks(editing, start, end);
    }
    return end;
}

/* --- opening and checking -------------------------------------------------------------------- */

static int editing_open(struct editing *editing, const char *text, size_t len,
                        const struct spec_place *place, const struct path *path, struct error *err)
{
    auto_done(spec_parts) parts = {0};
    const struct spec_part *part = NULL;

    spec_parts_read(&parts, text, len);
    for (size_t i = 0; i < parts.count && part == NULL; i++) {
        part = parts.items[i].start == place->start ? &parts.items[i] : NULL;
    }
    if (part == NULL) {
        return refuse(err, path, "there is no such document");
    }
    editing->text = text + part->head;
    editing->offset = part->head;
    editing->len = part->end - part->head;
    editing->line_end = spec_parts_line_end(text, len);
    editing->stream = yaml_stream_parse(editing->text, editing->len);
    if (!editing->stream->is_complete || editing->stream->count != 1) {
        return refuse(err, path, "its document cannot be read");
    }
    for (size_t i = 0; i < editing->stream->problem_count; i++) {
        if (editing->stream->problems[i].kind == YAML_PROBLEM_NOT_SUPPORTED) {
            return refuse(err, path, editing->stream->problems[i].message);
        }
    }
    editing->root = editing->stream->documents[0];
    return 0;
}

static struct way find_way(const struct editing *editing, const struct path *path)
{
    struct way way = {.node = editing->root};

    while (way.depth < path->count && way.node->type == YAML_NODE_MAP) {
        const struct yaml_node *value = yaml_map_get(way.node, path->keys[way.depth]);
        size_t pair = 0;

        if (value == NULL) {
            break;
        }
        while (way.node->items[pair + 1] != value) {
            pair += 2;
        }
        way = (struct way){.node = value, .parent = way.node, .pair = pair, .depth = way.depth + 1};
    }
    return way;
}

/* What the document has to say afterwards; value NULL: the key is gone. New reference. */
static json_t *expected(const struct editing *editing, const struct path *path, const char *value)
{
    json_t *root = yaml_node_to_json(editing->root), *map = root;
    const char *last = path->keys[path->count - 1];

    for (size_t i = 0; i + 1 < path->count; i++) {
        json_t *next = json_object_get(map, path->keys[i]);

        if (!json_is_object(next)) {
            next = json_object();
            json_object_set_new(map, path->keys[i], next);
        }
        map = next;
    }
    if (value == NULL) {
        json_object_del(map, last);
    } else {
        auto_owned(yaml_stream) *stream = yaml_stream_parse(value, strlen(value));

        json_object_set_new(
            map, last, stream->count == 1 ? yaml_node_to_json(stream->documents[0]) : json_null());
    }
    return root;
}

/*
 * Makes the change, and believes in it only when the document says what it has to say then and
 * nothing else.
 */
static int apply(struct editing *editing, const char *text, size_t len, const struct path *path,
                 const char *value, char **ret_text, struct error *err)
{
    auto_done(strbuf) out = {0};
    size_t at = editing->offset + editing->at, behind = at + editing->removed;
    auto_owned(yaml_stream) *stream = NULL;
    json_auto_t *want = expected(editing, path, value), *have = NULL;

    if (strbuf_append(&out, text, at) < 0 ||
        strbuf_append(&out, editing->inserted.text, editing->inserted.len) < 0 ||
        strbuf_append(&out, text + behind, len - behind) < 0) {
        return refuse(err, path, "the file is too large");
    }
    stream = yaml_stream_parse(strbuf_text(&out) + editing->offset,
                               editing->len - editing->removed + editing->inserted.len);
    if (stream->is_complete && stream->count == 1) {
        have = yaml_node_to_json(stream->documents[0]);
    }
    if (have == NULL || !json_equal(want, have)) {
        return refuse(err, path, "of how its document is written");
    }
    *ret_text = strbuf_take(&out);
    return 0;
}

/* --- writing --------------------------------------------------------------------------------- */

static void replace(struct editing *editing, size_t start, size_t end)
{
    editing->at = start;
    editing->removed = end - start;
}

static bool has_quoted_keys(const struct editing *editing, const struct yaml_node *map)
{
    return map->count > 0 && editing->text[byte_at(editing, map->items[0]->start)] == '"';
}

static void add_key(struct editing *editing, const char *key, bool is_quoted)
{
    strbuf_addf(&editing->inserted, is_quoted ? "\"%s\":" : "%s:", key);
}

/* "suspend: true", or "a: {b: true}" for keys that are all missing */
static void add_flow_pair(struct editing *editing, const char *const *keys, size_t count,
                          const char *value, bool is_quoted)
{
    for (size_t i = 0; i < count; i++) {
        add_key(editing, keys[i], is_quoted);
        strbuf_add(&editing->inserted, i + 1 < count ? " {" : " ");
    }
    strbuf_add(&editing->inserted, value);
    for (size_t i = 1; i < count; i++) {
        strbuf_add(&editing->inserted, "}");
    }
}

/* The same as lines, without the last one's end. */
static void add_block_pair(struct editing *editing, const char *const *keys, size_t count,
                           const char *value, size_t indent, bool is_quoted)
{
    for (size_t i = 0; i < count; i++) {
        strbuf_addf(&editing->inserted, "%*s", (int)indent, "");
        add_key(editing, keys[i], is_quoted);
        strbuf_add(&editing->inserted, i + 1 < count ? editing->line_end : "");
        indent += INDENT_STEP;
    }
    strbuf_addf(&editing->inserted, " %s", value);
}

static void set_scalar(struct editing *editing, const struct way *way, const char *value)
{
    size_t start = byte_at(editing, way->node->start), end = content_end(editing, way->node);

    if (start == end) { /* nothing is written there */
        size_t before = without_trailing_blanks(editing, start);

        if (before > 0 && editing->text[before - 1] == ':') {
            strbuf_add(&editing->inserted, before == start ? " " : "");
        } else {
            start = end = byte_at(editing, way->parent->items[way->pair]->end);
            strbuf_add(&editing->inserted, ": ");
        }
    } else if (strchr("|>", editing->text[start]) != NULL) {
        end = without_trailing_breaks(editing, start, end);
    }
    replace(editing, start, end);
    strbuf_add(&editing->inserted, value);
}

/* True when a comment follows on the line, behind a comma or none. */
static bool has_comment(const struct editing *editing, size_t at)
{
    while (at < editing->len && strchr(", \t", editing->text[at]) != NULL) {
        at++;
    }
    return at < editing->len && editing->text[at] == '#';
}

/* Behind the last pair of a map in brackets; on a line of its own where that one is. */
static void add_to_flow_map(struct editing *editing, const struct yaml_node *map,
                            const char *const *keys, size_t count, const char *value)
{
    size_t at = byte_at(editing, map->start) + 1;

    if (map->count > 0) {
        const struct yaml_node *key = map->items[map->count - 2];
        size_t last = byte_at(editing, key->start), first = line_start(editing, last);

        at = content_end(editing, map->items[map->count - 1]);
        strbuf_add(&editing->inserted, ",");
        if (without_trailing_blanks(editing, last) == first && !has_comment(editing, at)) {
            strbuf_add(&editing->inserted, editing->line_end);
            strbuf_append(&editing->inserted, editing->text + first, last - first);
        } else {
            strbuf_add(&editing->inserted, " ");
        }
    }
    replace(editing, at, at);
    add_flow_pair(editing, keys, count, value, has_quoted_keys(editing, map));
}

/* Lines are added as this one ends, where it does. */
static void use_line_end_of(struct editing *editing, size_t at)
{
    at = line_break(editing, at);
    if (at < editing->len) {
        editing->line_end = editing->text[at] == '\r' ? "\r\n" : "\n";
    }
}

/* As lines behind the line at which something ends. */
static void add_lines(struct editing *editing, size_t end, size_t indent, bool is_quoted,
                      const char *const *keys, size_t count, const char *value)
{
    bool is_new_line = end > 0 && line_start(editing, end) == end;
    size_t at = is_new_line ? end : line_break(editing, end);

    replace(editing, at, at);
    use_line_end_of(editing, at);
    strbuf_add(&editing->inserted, is_new_line ? "" : editing->line_end);
    add_block_pair(editing, keys, count, value, indent, is_quoted);
    strbuf_add(&editing->inserted, is_new_line ? editing->line_end : "");
}

static int add_to_empty(struct editing *editing, const struct way *way, const char *const *keys,
                        size_t count, const char *value)
{
    bool is_quoted = has_quoted_keys(editing, way->parent);

    if (way->node->start == way->node->end && !way->parent->is_flow) {
        add_lines(editing, byte_at(editing, way->node->end), way->parent->column - 1 + INDENT_STEP,
                  is_quoted, keys, count, value);
        return 0;
    }
    set_scalar(editing, way, "{");
    add_flow_pair(editing, keys, count, value, is_quoted);
    strbuf_add(&editing->inserted, "}");
    return 0;
}

static int add_pair(struct editing *editing, const struct way *way, const struct path *path,
                    const char *value, struct error *err)
{
    const struct yaml_node *node = way->node;
    const char *const *keys = path->keys + way->depth;
    size_t count = path->count - way->depth;

    if (node->type == YAML_NODE_SCALAR && node->is_plain && yaml_is_null_word(node->text) &&
        way->parent != NULL) {
        return add_to_empty(editing, way, keys, count, value);
    }
    if (node->type != YAML_NODE_MAP) {
        return refuse(err, path, "what it would belong to is no map");
    }
    if (node->is_flow) {
        add_to_flow_map(editing, node, keys, count, value);
    } else {
        add_lines(editing, content_end(editing, node), node->column - 1,
                  has_quoted_keys(editing, node), keys, count, value);
    }
    return 0;
}

int spec_edit_set(const char *text, size_t len, const struct spec_place *place, const char *path,
                  const char *value, char **ret_text, struct error *err)
{
    auto_done(path) keys = {0};
    auto_done(editing) editing = {0};
    struct way way;

    path_read(&keys, path);
    if (editing_open(&editing, text, len, place, &keys, err) < 0) {
        return -1;
    }
    way = find_way(&editing, &keys);
    if (way.depth < keys.count) {
        if (add_pair(&editing, &way, &keys, value, err) < 0) {
            return -1;
        }
    } else if (way.node->type != YAML_NODE_SCALAR) {
        return refuse(err, &keys, "it is no single value there");
    } else {
        set_scalar(&editing, &way, value);
    }
    return apply(&editing, text, len, &keys, value, ret_text, err);
}

/* --- taking away ----------------------------------------------------------------------------- */

static void remove_flow_pair(struct editing *editing, const struct way *way)
{
    const struct yaml_node *map = way->parent;
    size_t start = byte_at(editing, map->items[way->pair]->start);
    size_t end = content_end(editing, way->node);

    if (way->pair > 0) {
        start = content_end(editing, map->items[way->pair - 1]);
    } else if (map->count > 2) {
        end = byte_at(editing, map->items[2]->start);
    }
    replace(editing, start, end);
}

/* The bytes of the line break before a place; 0: none is there. */
static size_t break_before(const struct editing *editing, size_t at)
{
    if (at == 0 || line_start(editing, at) != at) {
        return 0;
    }
    return at > 1 && memcmp(editing->text + at - 2, "\r\n", 2) == 0 ? 2 : 1;
}

/*
 * Its lines, with a comment behind them. A text without an end of its last line has none afterwards
 * either.
 */
static void remove_lines(struct editing *editing, const struct way *way)
{
    size_t start = line_start(editing, byte_at(editing, way->parent->items[way->pair]->start));
    size_t end = content_end(editing, way->node);

    if (end == start || line_start(editing, end) != end) {
        end = next_line(editing, end);
    }
    if (line_start(editing, end) != end) {
        start -= break_before(editing, start);
    }
    replace(editing, start, end);
}

/*
 * A map without brackets cannot be empty: "{}" takes its place, before the comments that stand
 * there.
 */
static void remove_only_pair(struct editing *editing, const struct way *way,
                             const struct path *path)
{
    struct path outer = *path;
    struct way map;
    size_t start, comments, end = content_end(editing, way->node);

    outer.count--;
    map = find_way(editing, &outer);
    start = byte_at(editing, map.parent != NULL ? map.parent->items[map.pair]->end : 0);
    while (start < end && editing->text[start] != ':') {
        start++;
    }
    start++;
    comments = without_trailing_breaks(editing, start, byte_at(editing, way->parent->start));
    replace(editing, start, end);
    strbuf_add(&editing->inserted, " {}");
    strbuf_append(&editing->inserted, editing->text + start, comments - start);
}

int spec_edit_unset(const char *text, size_t len, const struct spec_place *place, const char *path,
                    char **ret_text, struct error *err)
{
    auto_done(path) keys = {0};
    auto_done(editing) editing = {0};
    struct way way;

    path_read(&keys, path);
    if (editing_open(&editing, text, len, place, &keys, err) < 0) {
        return -1;
    }
    way = find_way(&editing, &keys);
    if (way.depth < keys.count || way.parent == NULL) {
        *ret_text = xmemdup(text, len);
        return 0;
    }
    if (way.parent->is_flow) {
        remove_flow_pair(&editing, &way);
    } else if (way.parent->count == 2) {
        remove_only_pair(&editing, &way, &keys);
    } else {
        remove_lines(&editing, &way);
    }
    return apply(&editing, text, len, &keys, NULL, ret_text, err);
}
