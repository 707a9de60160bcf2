#include "cli/spec_format.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "cli/spec_format_parts.h"
#include "cli/spec_parts.h"
#include "specs/yaml_text.h"

#include <stdlib.h>
#include <string.h>

struct writing {
    const struct format_text *text;
    struct strbuf out;
    const char *line_end;
    bool is_behind_kept; /* an empty line would belong to the text that was written last */
};

/* Order */

/* The rows for a block: those of the field that has it; NULL: any order. */
static const struct field *rows_of(const struct field *fields, const struct yaml_node *key)
{
    for (; fields != NULL && key != NULL && fields->name != NULL; fields++) {
        if (strcmp(fields->name, key->text) == 0) {
            return fields->fields;
        }
    }
    return NULL;
}

static int compare_items(const void *left, const void *right)
{
    const struct format_item *a = left, *b = right;

    if (a->rank != b->rank) {
        return a->rank < b->rank ? -1 : 1;
    }
    return (a->key->start > b->key->start) - (a->key->start < b->key->start);
}

/* What no row knows stays behind what one knows. */
static void sort_items(struct format_block *block, const struct field *fields)
{
    for (size_t i = 0; i < block->count; i++) {
        struct format_item *item = &block->items[i];

        while (fields[item->rank].name != NULL &&
               strcmp(fields[item->rank].name, item->key->text) != 0) {
            item->rank++;
        }
    }
    qsort(block->items, block->count, sizeof(*block->items), compare_items);
}

/* fields: of the map, or of the maps in the list. */
static void sort_block(struct format_block *block, const struct field *fields)
{
    bool is_map = block->count > 0 && block->items[0].key != NULL;

    if (fields == NULL) {
        return;
    }
    if (is_map) {
        sort_items(block, fields);
    }
    for (size_t i = 0; i < block->count; i++) {
        struct format_item *item = &block->items[i];

        if (item->child != NULL) {
            sort_block(item->child, is_map ? rows_of(fields, item->key) : fields);
        }
    }
}

static void sort_document(struct format_block *root)
{
    struct schema_top top;
    enum kind kind = KIND_INSTANCE;

    for (size_t i = 0; i < root->count; i++) {
        const struct yaml_node *key = root->items[i].key, *value = root->items[i].value;

        if (key != NULL && strcmp(key->text, "kind") == 0 && value->type == YAML_NODE_SCALAR &&
            kind_from_name(value->text, &kind) == 0) {
            schema_top_of(kind, &top);
            sort_block(root, top.rows);
            return;
        }
    }
}

/* Writing */

static void add_blanks(struct writing *writing, size_t count)
{
    strbuf_addf(&writing->out, "%*s", (int)count, "");
}

static void end_line(struct writing *writing)
{
    strbuf_add(&writing->out, writing->line_end);
    writing->is_behind_kept = false;
}

static void add_empty_line(struct writing *writing, bool is_wanted)
{
    if (is_wanted && !writing->is_behind_kept) {
        strbuf_add(&writing->out, writing->line_end);
    }
}

static void add_behind(struct writing *writing, const struct format_comment *comment)
{
    if (comment != NULL) {
        add_blanks(writing, comment->gap > 0 ? comment->gap : 2);
        strbuf_append(&writing->out, comment->text, comment->len);
    }
}

/* is_first: an empty line before the first of them is left out. */
static void add_comments(struct writing *writing, const struct format_comments *comments,
                         size_t indent, bool is_first)
{
    for (const struct format_comment *at = comments->first; at != NULL; at = at->next) {
        add_empty_line(writing, at->has_blank && !is_first);
        add_blanks(writing, indent);
        strbuf_append(&writing->out, at->text, at->len);
        end_line(writing);
        is_first = false;
    }
}

/* "|" or ">", with a "+" in its first line: the empty lines behind it are part of it. */
static bool is_block_scalar(const char *text, size_t len, bool *ret_is_kept)
{
    size_t head = 0;

    while (head < len && strchr(" \t\r\n", text[head]) == NULL) {
        head++;
    }
    *ret_is_kept = memchr(text, '+', head) != NULL;
    return len > 0 && (*text == '|' || *text == '>');
}

/* With its end as the other lines have it, which to YAML is the same. */
static void add_line(struct writing *writing, const char *text, const char *behind)
{
    const char *end = behind;

    end -= end > text && end[-1] == '\n' ? 1 : 0;
    end -= end > text && end[-1] == '\r' ? 1 : 0;
    strbuf_append(&writing->out, text, (size_t)(end - text));
    strbuf_add(&writing->out, end < behind ? writing->line_end : "");
}

/*
 * The lines as they are; those that continue the first one move by so many columns, as far as they
 * have blanks.
 */
static void add_moved(struct writing *writing, const char *text, size_t len, ptrdiff_t by)
{
    const char *end = text + len;

    while (text < end) {
        const char *behind = yaml_text_next_line(text, end);

        add_line(writing, text, behind);
        text = behind;
        if (text < end && yaml_text_break(text, end) == 0) {
            for (ptrdiff_t i = by; i < 0 && text < end && *text == ' '; i++) {
                text++;
            }
            add_blanks(writing, by > 0 ? (size_t)by : 0);
        }
    }
}

/* Its length without the end of its last line and the empty lines behind that. */
static size_t without_empty_lines(const char *text, size_t len)
{
    size_t at = len;

    while (at > 0 && strchr(" \t\r\n", text[at - 1]) != NULL) {
        at--;
        if (text[at] == '\n' || text[at] == '\r') {
            len = at;
        }
    }
    return len;
}

/* A value as it stands, in lines that move by so many columns; ends the line. */
static void add_value(struct writing *writing, const struct yaml_node *value, const char *before,
                      ptrdiff_t by, const struct format_comment *trailing)
{
    const char *text = writing->text->text + format_start(writing->text, value);
    size_t len = format_end(writing->text, value) - format_start(writing->text, value);
    bool is_scalar = value->type == YAML_NODE_SCALAR, is_kept = false;
    bool is_lines = is_scalar && len > 0 && is_block_scalar(text, len, &is_kept);
    bool is_ended;

    if (is_lines && !is_kept) {
        len = without_empty_lines(text, len);
    }
    strbuf_add(&writing->out, len > 0 ? before : "");
    add_moved(writing, text, len, by);
    add_behind(writing, trailing);
    is_ended = is_lines && is_kept && len > 0 && strchr("\r\n", text[len - 1]) != NULL;
    if (!is_ended) {
        end_line(writing);
    }
    writing->is_behind_kept = is_lines && is_kept;
}

static void add_block(struct writing *writing, const struct format_block *block, size_t indent,
                      bool is_inline);

/* What leads an item stands before its "-", and so does what leads the first one in it. */
static void add_leading(struct writing *writing, const struct format_item *item, size_t indent,
                        bool is_first)
{
    bool has_any = item->leading.first != NULL;

    add_comments(writing, &item->leading, indent, is_first);
    if (item->key == NULL && item->child != NULL && item->child->count > 0) {
        add_leading(writing, &item->child->items[0], indent, is_first && !has_any);
    }
}

static bool has_leading(const struct format_item *item)
{
    return item->leading.first != NULL ||
           (item->key == NULL && item->child != NULL && item->child->count > 0 &&
            has_leading(&item->child->items[0]));
}

static void add_item(struct writing *writing, const struct format_item *item, size_t indent)
{
    const struct format_text *text = writing->text;

    if (item->key == NULL) {
        strbuf_add(&writing->out, "-");
    } else {
        size_t start = format_start(text, item->key);

        strbuf_append(&writing->out, text->text + start, format_end(text, item->key) - start);
        strbuf_add(&writing->out, ":");
    }
    if (item->child == NULL) {
        add_value(writing, item->value, " ", (ptrdiff_t)indent - (ptrdiff_t)item->column,
                  item->trailing);
    } else if (item->key == NULL) {
        strbuf_add(&writing->out, " ");
        add_block(writing, item->child, indent + 2, true);
    } else {
        add_behind(writing, item->key_comment);
        end_line(writing);
        add_block(writing, item->child, indent + 2, false);
    }
}

/* is_inline: the first item continues a line, and what leads it was written before that. */
static void add_block(struct writing *writing, const struct format_block *block, size_t indent,
                      bool is_inline)
{
    for (size_t i = 0; i < block->count; i++) {
        const struct format_item *item = &block->items[i];

        if (i > 0 || !is_inline) {
            add_leading(writing, item, indent, i == 0);
            add_empty_line(writing, item->has_blank && (i > 0 || has_leading(item)));
            add_blanks(writing, indent);
        }
        add_item(writing, item, indent);
    }
    add_comments(writing, &block->tail, indent, false);
}

static void add_document(struct writing *writing, const struct format_document *document)
{
    add_comments(writing, &document->header, 0, true);
    add_empty_line(writing, document->has_blank && document->header.first != NULL &&
                                (document->root != NULL || document->bare != NULL));
    if (document->root != NULL) {
        add_block(writing, document->root, 0, false);
    } else if (document->bare != NULL) {
        add_value(writing, document->bare, "", 0, document->bare_comment);
        add_comments(writing, &document->tail, 0, false);
    }
}

static void write_documents(struct writing *writing, const struct format_document *first)
{
    for (const struct format_document *at = first; at != NULL; at = at->next) {
        if (at != first) {
            strbuf_add(&writing->out, "---");
            strbuf_add(&writing->out, writing->line_end);
            writing->is_behind_kept = false;
        }
        if (at->root != NULL) {
            sort_document(at->root);
        }
        add_document(writing, at);
    }
}

/* Checking */

static bool is_same(const struct yaml_node *a, const struct yaml_node *b)
{
    if (a == NULL || b == NULL || a->type != b->type || a->count != b->count) {
        return false;
    }
    if (a->type == YAML_NODE_SCALAR) {
        return a->is_plain == b->is_plain && strcmp(a->text, b->text) == 0;
    }
    for (size_t i = 0; i < a->count; i++) {
        bool is_map = a->type == YAML_NODE_MAP;

        if (is_map && i % 2 == 0) {
            continue;
        }
        if (!is_same(a->items[i], is_map ? yaml_map_get(b, a->items[i - 1]->text) : b->items[i])) {
            return false;
        }
    }
    return true;
}

/* 0 when the result says what the text says. */
static int check_result(const char *text, size_t len, const struct yaml_stream *before,
                        const struct strbuf *result, struct error *err)
{
    auto_owned(yaml_stream) *after = yaml_stream_parse(strbuf_text(result), result->len);
    auto_free char *old_comments = format_comment_list(text, len, before);
    auto_free char *new_comments = format_comment_list(strbuf_text(result), result->len, after);
    bool is_good = after->problem_count == 0 && after->count == before->count &&
                   strcmp(old_comments, new_comments) == 0;

    for (size_t i = 0; is_good && i < after->count; i++) {
        is_good = is_same(before->documents[i], after->documents[i]);
    }
    return is_good ? 0
                   : error_set(err, ERROR_INVALID,
                               "1:1: is written in a way that fmt would change the meaning of; "
                               "it is left as it is");
}

static int format(struct format_text *text, const struct yaml_stream *stream, char **ret_text,
                  struct error *err)
{
    struct writing writing = {
        .text = text,
        .line_end = spec_parts_line_end(text->text, text->len),
    };
    struct format_document *first = NULL;
    int result = format_read(text, stream, &first, err);

    if (result == 0) {
        write_documents(&writing, first);
        result = check_result(text->text, text->len, stream, &writing.out, err);
    }
    if (result == 0) {
        *ret_text = strbuf_take(&writing.out);
    }
    strbuf_done(&writing.out);
    return result;
}

int spec_format(const char *text, size_t len, char **ret_text, struct error *err)
{
    auto_owned(yaml_stream) *stream = yaml_stream_parse(text, len);
    size_t begin = spec_parts_begin(text, len);
    struct format_text parts = {.text = text + begin, .len = len - begin};
    int result;

    if (stream->problem_count > 0) {
        const struct yaml_problem *problem = &stream->problems[0];

        return error_set(err, ERROR_INVALID, "%u:%u: %s", problem->line, problem->column,
                         problem->message);
    }
    parts.offsets = format_offsets(parts.text, parts.len);
    arena_init(&parts.arena);
    result = format(&parts, stream, ret_text, err);
    arena_done(&parts.arena);
    free(parts.offsets);
    return result;
}
