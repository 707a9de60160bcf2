#include "specs/yaml_reader.h"

#include "base/arena.h"
#include "base/memory.h"
#include "specs/excerpt.h"
#include "specs/yaml_syntax.h"
#include "specs/yaml_text.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define auto_event __attribute__((cleanup(yaml_event_delete))) yaml_event_t

struct reader {
    yaml_parser_t parser;
    const char *text;
    size_t len;
    struct yaml_stream *stream;
    size_t document_capacity, problem_capacity;
    size_t documents_seen; /* with the empty ones */
    size_t node_count;
    unsigned scale; /* of the ceilings for bytes and values */
    unsigned depth;
    bool is_broken;             /* a problem ended the reading */
    struct yaml_node *finished; /* a document that waits for a sign that nothing of it follows */

    /* Items of the lists and maps being built, the innermost one's last. */
    struct yaml_node **pending;
    size_t pending_count, pending_capacity;
};

static void add_problem(struct reader *reader, enum yaml_problem_kind kind, unsigned line,
                        unsigned column, const char *message)
{
    struct yaml_stream *stream = reader->stream;

    array_grow(&stream->problems, stream->problem_count, &reader->problem_capacity,
               sizeof(*stream->problems));
    stream->problems[stream->problem_count++] = (struct yaml_problem){
        .kind = kind,
        .line = line,
        .column = column,
        .document = stream->count,
        .message = message,
    };
}

/*
 * A problem that leaves the rest readable; past the ceiling they are dropped, the document is bad
 * anyway.
 */
static void note(struct reader *reader, enum yaml_problem_kind kind, unsigned line, unsigned column,
                 const char *message)
{
    if (reader->stream->problem_count < YAML_MAX_PROBLEMS) {
        add_problem(reader, kind, line, column, message);
    }
}

static void end_reading(struct reader *reader, enum yaml_problem_kind kind, unsigned line,
                        unsigned column, const char *message)
{
    reader->finished = NULL;
    reader->is_broken = true;
    add_problem(reader, kind, line, column, message);
}

/* The next event, or false when the reading has ended. */
static bool next_event(struct reader *reader, yaml_event_t *event)
{
    struct yaml_syntax_error error;

    if (reader->is_broken) {
        return false;
    }
    if (yaml_parser_parse(&reader->parser, event)) {
        return true;
    }
    error = (struct yaml_syntax_error){
        .problem = reader->parser.problem,
        .line = (unsigned)reader->parser.problem_mark.line + 1,
        .column = (unsigned)reader->parser.problem_mark.column + 1,
        .context_line = (unsigned)reader->parser.context_mark.line + 1,
        .context_column = (unsigned)reader->parser.context_mark.column + 1,
    };
    yaml_syntax_explain(&error, reader->text, reader->len, reader->parser.problem_mark.index);
    end_reading(reader, YAML_PROBLEM_SYNTAX, error.line, error.column,
                arena_strdup(reader->stream->arena, error.message));
    return false;
}

/* What must not be used is told once, where it stands; the tree goes on as if it were not there. */
static void refuse_extras(struct reader *reader, const struct yaml_node *node,
                          const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL) {
        note(reader, YAML_PROBLEM_NOT_SUPPORTED, node->line, node->column,
             "anchors (&name) are not supported; put text that starts with & in quotes");
    }
    if (tag != NULL) {
        note(reader, YAML_PROBLEM_NOT_SUPPORTED, node->line, node->column,
             "tags (!name) are not supported; put text that starts with ! in quotes");
    }
}

static void fill_scalar(struct reader *reader, struct yaml_node *node, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;

    node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (memchr(value, '\0', len) != NULL) {
        note(reader, YAML_PROBLEM_SYNTAX, node->line, node->column,
             "a text must not contain NUL characters (\\0)");
        len = strlen(value);
    }
    node->text = arena_strndup(reader->stream->arena, value, len);
    refuse_extras(reader, node, event->data.scalar.anchor, event->data.scalar.tag);
}

static void fill_alias(struct reader *reader, struct yaml_node *node)
{
    node->text = "";
    node->is_plain = true;
    note(reader, YAML_PROBLEM_NOT_SUPPORTED, node->line, node->column,
         "aliases (*name) are not supported; put text that starts with * in quotes");
}

static struct yaml_node *build_node(struct reader *reader, const yaml_event_t *event);

/*
 * Builds items until the event `end`. The items are the last of reader->pending, from `start` on.
 */
static bool build_items(struct reader *reader, yaml_event_type_t end, unsigned *ret_end)
{
    for (;;) {
        auto_event event = {0};
        struct yaml_node *item;

        if (!next_event(reader, &event)) {
            return false;
        }
        if (event.type == end) {
            *ret_end = (unsigned)event.end_mark.index;
            return true;
        }
        item = build_node(reader, &event);
        if (item == NULL) {
            return false;
        }
        array_grow(&reader->pending, reader->pending_count, &reader->pending_capacity,
                   sizeof(*reader->pending));
        reader->pending[reader->pending_count++] = item;
    }
}

static int compare_keys(const void *left, const void *right)
{
    const struct yaml_node *a = *(struct yaml_node *const *)left;
    const struct yaml_node *b = *(struct yaml_node *const *)right;
    int order = strcmp(a->text, b->text);

    if (order == 0) {
        order = a->line != b->line ? (a->line > b->line) - (a->line < b->line)
                                   : (a->column > b->column) - (a->column < b->column);
    }
    return order;
}

/* Sorting keeps this quick for any number of keys, whatever they are. */
static void find_duplicates(struct reader *reader, struct yaml_node **keys, size_t count)
{
    size_t first = 0;

    qsort(keys, count, sizeof(struct yaml_node *), compare_keys);
    for (size_t i = 1; i < count; i++) {
        char text[EXCERPT_SIZE];

        if (strcmp(keys[i]->text, keys[first]->text) != 0) {
            first = i;
            continue;
        }
        note(reader, YAML_PROBLEM_DUPLICATE_KEY, keys[i]->line, keys[i]->column,
             arena_printf(reader->stream->arena,
                          "duplicate key \"%s\"; it is first used at line %u",
                          excerpt(keys[i]->text, text), keys[first]->line));
    }
}

static void check_keys(struct reader *reader, struct yaml_node *map)
{
    auto_free struct yaml_node **keys = xcalloc(map->count / 2, sizeof(struct yaml_node *));
    size_t count = 0;

    for (size_t i = 0; i + 1 < map->count; i += 2) {
        struct yaml_node *key = map->items[i];

        if (key->type != YAML_NODE_SCALAR) {
            note(reader, YAML_PROBLEM_NOT_SUPPORTED, key->line, key->column,
                 "a key must be text, not a list or map");
            *key = (struct yaml_node){
                .type = YAML_NODE_SCALAR, .line = key->line, .column = key->column, .text = ""};
            continue;
        }
        if (key->is_plain && strcmp(key->text, "<<") == 0) {
            note(reader, YAML_PROBLEM_NOT_SUPPORTED, key->line, key->column,
                 "merge keys (<<) are not supported; write the fields out");
        }
        keys[count++] = key;
    }
    find_duplicates(reader, keys, count);
}

static struct yaml_node *build_collection(struct reader *reader, struct yaml_node *node,
                                          yaml_event_type_t end)
{
    size_t start = reader->pending_count;

    if (++reader->depth > YAML_MAX_DEPTH) {
        end_reading(reader, YAML_PROBLEM_TOO_LARGE, node->line, node->column,
                    arena_printf(reader->stream->arena,
                                 "lists and maps are nested more than %d deep", YAML_MAX_DEPTH));
        return NULL;
    }
    if (!build_items(reader, end, &node->end)) {
        return NULL;
    }
    reader->depth--;
    node->count = reader->pending_count - start;
    if (!node->is_flow) { /* libyaml's end is where something else begins */
        node->end = node->count > 0 ? reader->pending[reader->pending_count - 1]->end : node->start;
    }
    node->items = arena_alloc(reader->stream->arena, node->count * sizeof(*node->items));
    if (node->count > 0) {
        memcpy(node->items, reader->pending + start, node->count * sizeof(*node->items));
    }
    reader->pending_count = start;
    return node;
}

/* NULL when the reading has ended inside. */
static struct yaml_node *build_node(struct reader *reader, const yaml_event_t *event)
{
    struct yaml_node *node = arena_alloc(reader->stream->arena, sizeof(*node));

    node->line = (unsigned)event->start_mark.line + 1;
    node->column = (unsigned)event->start_mark.column + 1;
    node->start = (unsigned)event->start_mark.index;
    node->end = (unsigned)event->end_mark.index;
    if (++reader->node_count > (size_t)YAML_MAX_NODES * reader->scale) {
        end_reading(reader, YAML_PROBLEM_TOO_LARGE, node->line, node->column,
                    arena_printf(reader->stream->arena, "more than %u values in one file",
                                 YAML_MAX_NODES * reader->scale));
        return NULL;
    }
    if (event->type == YAML_MAPPING_START_EVENT) {
        node->type = YAML_NODE_MAP;
        node->is_flow = event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
        refuse_extras(reader, node, event->data.mapping_start.anchor,
                      event->data.mapping_start.tag);
        if (build_collection(reader, node, YAML_MAPPING_END_EVENT) == NULL) {
            return NULL;
        }
        check_keys(reader, node);
        return node;
    }
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        node->type = YAML_NODE_LIST;
        node->is_flow = event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
        refuse_extras(reader, node, event->data.sequence_start.anchor,
                      event->data.sequence_start.tag);
        return build_collection(reader, node, YAML_SEQUENCE_END_EVENT);
    }
    if (event->type == YAML_ALIAS_EVENT) {
        fill_alias(reader, node);
    } else {
        fill_scalar(reader, node, event);
    }
    return node;
}

static bool has_problem(const struct reader *reader, size_t document)
{
    const struct yaml_stream *stream = reader->stream;

    return stream->problem_count > 0 &&
           stream->problems[stream->problem_count - 1].document == document;
}

static void keep_finished(struct reader *reader)
{
    struct yaml_stream *stream = reader->stream;
    struct yaml_node *root = TAKE(reader->finished);

    if (root == NULL || (root->type == YAML_NODE_SCALAR && root->is_plain &&
                         root->text[0] == '\0' && !has_problem(reader, stream->count))) {
        return;
    }
    array_grow(&stream->documents, stream->count, &reader->document_capacity,
               sizeof(struct yaml_node *));
    stream->documents[stream->count++] = root;
}

static void start_document(struct reader *reader, const yaml_event_t *event)
{
    keep_finished(reader);
    if (++reader->documents_seen > YAML_MAX_DOCUMENTS) {
        end_reading(reader, YAML_PROBLEM_TOO_LARGE, (unsigned)event->start_mark.line + 1,
                    (unsigned)event->start_mark.column + 1,
                    arena_printf(reader->stream->arena, "more than %d documents in one file",
                                 YAML_MAX_DOCUMENTS));
    }
}

static void read_documents(struct reader *reader)
{
    struct yaml_node *root = NULL;

    for (;;) {
        auto_event event = {0};

        if (!next_event(reader, &event)) {
            return;
        }
        switch (event.type) {
        case YAML_STREAM_END_EVENT: keep_finished(reader); return;
        case YAML_DOCUMENT_START_EVENT: start_document(reader, &event); break;
        case YAML_DOCUMENT_END_EVENT: reader->finished = TAKE(root); break;
        case YAML_SCALAR_EVENT:
        case YAML_ALIAS_EVENT:
        case YAML_SEQUENCE_START_EVENT:
        case YAML_MAPPING_START_EVENT: root = build_node(reader, &event); break;
        case YAML_NO_EVENT:
        case YAML_STREAM_START_EVENT:
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT: break;
        }
    }
}

static void read_text(struct reader *reader, const char *text, size_t len)
{
    reader->text = text;
    reader->len = len;
    if (!yaml_parser_initialize(&reader->parser)) {
        abort(); /* out of memory */
    }
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)text, len);
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    read_documents(reader);
    yaml_parser_delete(&reader->parser);
}

static int compare_problems(const void *left, const void *right)
{
    const struct yaml_problem *a = left, *b = right;

    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    return (a->column > b->column) - (a->column < b->column);
}

static struct yaml_stream *parse(const char *text, size_t len, unsigned scale)
{
    struct yaml_stream *stream = xcalloc(1, sizeof(*stream));
    struct reader reader = {.stream = stream, .scale = scale};
    struct yaml_text_fault fault;

    stream->arena = xcalloc(1, sizeof(*stream->arena));
    arena_init(stream->arena);
    if (len >= 3 &&
        memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark says nothing here */
        text += 3;
        len -= 3;
    }
    if (len > (size_t)YAML_MAX_BYTES * scale) {
        end_reading(&reader, YAML_PROBLEM_TOO_LARGE, 0, 0,
                    arena_printf(stream->arena, "the file is larger than %u bytes",
                                 YAML_MAX_BYTES * scale));
    } else if (yaml_text_check(text, len, &fault) < 0) {
        read_text(&reader, text, yaml_text_documents_before(text, fault.offset));
        if (!reader.is_broken) {
            end_reading(&reader, YAML_PROBLEM_SYNTAX, fault.line, fault.column, fault.message);
        }
    } else {
        read_text(&reader, text, len);
    }
    stream->is_complete = !reader.is_broken;
    if (stream->problem_count > 1) {
        qsort(stream->problems, stream->problem_count - reader.is_broken, sizeof(*stream->problems),
              compare_problems);
    }
    free(reader.pending);
    return stream;
}

struct yaml_stream *yaml_stream_parse(const char *text, size_t len)
{
    return parse(text, len, 1);
}

struct yaml_stream *yaml_stream_parse_own(const char *text, size_t len)
{
    return parse(text, len, YAML_OWN_SCALE);
}

void yaml_stream_free(struct yaml_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    arena_done(stream->arena);
    free(stream->arena);
    free(stream->documents);
    free(stream->problems);
    free(stream);
}

const struct yaml_node *yaml_map_get(const struct yaml_node *map, const char *key)
{
    if (map == NULL || map->type != YAML_NODE_MAP) {
        return NULL;
    }
    for (size_t i = 0; i + 1 < map->count; i += 2) {
        if (strcmp(map->items[i]->text, key) == 0) {
            return map->items[i + 1];
        }
    }
    return NULL;
}
