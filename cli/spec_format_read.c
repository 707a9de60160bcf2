#include "cli/spec_format_parts.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "specs/yaml_text.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct format_text *text;
    size_t at;                      /* behind what was read */
    struct format_item *last;       /* whose line it is; NULL: none yet */
    struct format_comment **behind; /* where a comment behind it goes; NULL: it has none */
    struct format_document *document;
    struct error *err;
};

/* What stands between two pieces. */
struct gap {
    struct format_comment *trailing; /* on the line of the piece before */
    struct format_comments comments; /* on lines of their own */
    bool has_blank;                  /* an empty line behind the last of them */
    size_t marks;                    /* how many ":" or "-" */
    size_t mark_column;
    bool has_line_end;
};

static void append(struct format_comments *list, struct format_comment *comment)
{
    comment->next = NULL;
    if (list->last != NULL) {
        list->last->next = comment;
    } else {
        list->first = comment;
    }
    list->last = comment;
}

static void append_all(struct format_comments *list, const struct format_comments *more)
{
    struct format_comment *next;

    for (struct format_comment *at = more->first; at != NULL; at = next) {
        next = at->next;
        append(list, at);
    }
}

static size_t column_of(const struct format_text *text, size_t at)
{
    size_t begin = at;

    while (begin > 0 && text->text[begin - 1] != '\n' && text->text[begin - 1] != '\r') {
        begin--;
    }
    return at - begin;
}

/* True when only blanks stand before it on its line. */
static bool begins_line(const struct format_text *text, size_t at)
{
    while (at > 0 && text->text[at - 1] == ' ') {
        at--;
    }
    return at == 0 || text->text[at - 1] == '\n' || text->text[at - 1] == '\r';
}

/* How many ends of lines stand there, with nothing but blanks between; 0: something else does. */
static size_t line_ends_before(const struct format_text *text, size_t at)
{
    size_t count = at == 0 ? 1 : 0;

    while (at > 0 && strchr(" \t\r\n", text->text[at - 1]) != NULL) {
        at--;
        count += text->text[at] == '\n' ? 1 : 0;
    }
    return count;
}

static int refuse(struct reading *reading, size_t at, const char *what)
{
    unsigned line = 1;

    for (size_t i = 0; i < at; i++) {
        line += reading->text->text[i] == '\n';
    }
    return error_set(reading->err, ERROR_INVALID, "%u:%zu: %s", line,
                     column_of(reading->text, at) + 1, what);
}

/*
 * The comment at that place, to the end of its line and without blanks there; *at is moved behind
 * it.
 */
static struct format_comment *take_comment(struct format_text *text, size_t *at, size_t end)
{
    struct format_comment *comment = arena_alloc(&text->arena, sizeof(*comment));
    size_t start = *at;

    comment->text = text->text + start;
    comment->column = column_of(text, start);
    while (start - comment->gap > 0 && text->text[start - comment->gap - 1] == ' ') {
        comment->gap++;
    }
    while (*at < end && yaml_text_break(text->text + *at, text->text + end) == 0) {
        (*at)++;
    }
    comment->len = *at - start;
    while (comment->len > 0 && strchr(" \t", comment->text[comment->len - 1]) != NULL) {
        comment->len--;
    }
    return comment;
}

/* Between reading->at and end there may be blanks, comments and that mark ('\0': none). */
static int read_gap(struct reading *reading, size_t end, char mark, struct gap *gap)
{
    struct format_text *text = reading->text;
    size_t at = reading->at, breaks = begins_line(text, at) ? line_ends_before(text, at) : 0;
    bool has_blank = false;

    *gap = (struct gap){.has_line_end = breaks > 0};
    while (at < end) {
        size_t len = yaml_text_break(text->text + at, text->text + end);
        char c = text->text[at];

        if (len > 0) {
            breaks++;
            gap->has_line_end = true;
            at += len;
        } else if (c == '#') {
            struct format_comment *comment = take_comment(text, &at, end);

            comment->has_blank = breaks > 1;
            if (!gap->has_line_end) {
                gap->trailing = comment;
            } else {
                append(&gap->comments, comment);
            }
            breaks = 0;
        } else if (c == ' ' || c == '\t') {
            at++;
        } else if (mark != '\0' && c == mark && gap->marks == 0) {
            gap->marks++;
            gap->mark_column = column_of(text, at);
            has_blank = breaks > 1; /* what is behind a "-" is pulled up */
            breaks = 0;
            at++;
        } else {
            return refuse(reading, at,
                          "is written in a way that fmt does not know; write it plainly");
        }
    }
    gap->has_blank = gap->marks > 0 ? has_blank : breaks > 1;
    reading->at = end;
    return 0;
}

/* Behind what stands on the line. */
static void put_trailing(struct reading *reading, struct format_comment *comment,
                         struct format_comments *otherwise)
{
    if (comment != NULL && reading->behind != NULL && *reading->behind == NULL) {
        *reading->behind = comment;
    } else if (comment != NULL) {
        append(otherwise, comment);
    }
}

/*
 * The innermost of the blocks that end with this item which begins at that column or before; of a
 * list that stands right below its key, not indented, the map with the key.
 */
static struct format_block *block_of_comment(struct format_item *item, size_t column)
{
    struct format_block *found = NULL;

    while (item != NULL && item->child != NULL && item->child->column <= column &&
           (found == NULL || item->child->column > found->column)) {
        found = item->child;
        item = found->count > 0 ? &found->items[found->count - 1] : NULL;
    }
    return found;
}

/*
 * Comments between two items: those that are indented like the one before end it, the others lead
 * the next one.
 */
static void share_comments(struct format_item *before, const struct format_comments *comments,
                           size_t column, struct format_comments *leading)
{
    struct format_comment *next;

    for (struct format_comment *at = comments->first; at != NULL; at = next) {
        struct format_block *block = leading->first == NULL && before != NULL && at->column > column
                                         ? block_of_comment(before, at->column)
                                         : NULL;

        next = at->next;
        append(block != NULL ? &block->tail : leading, at);
    }
}

static int read_block(struct reading *reading, const struct yaml_node *node,
                      struct format_comments *pending, struct format_block **ret_block);

static bool is_block(const struct yaml_node *node)
{
    return node->type != YAML_NODE_SCALAR && !node->is_flow && node->count > 0;
}

static int read_value(struct reading *reading, struct format_item *item,
                      struct format_comments *pending)
{
    reading->last = item;
    if (is_block(item->value)) {
        reading->at = format_start(reading->text, item->value);
        return read_block(reading, item->value, pending, &item->child);
    }
    append_all(&item->leading, pending); /* "key:", a comment, and the value on the next line */
    reading->at = format_end(reading->text, item->value);
    reading->behind = &item->trailing;
    return 0;
}

static int read_pair(struct reading *reading, struct format_item *item, struct format_item *before,
                     struct format_comments *pending)
{
    size_t start = format_start(reading->text, item->key);
    struct format_comments below = {NULL, NULL};
    struct gap gap;

    item->column = column_of(reading->text, start);
    if (read_gap(reading, start, '\0', &gap) < 0) {
        return -1;
    }
    put_trailing(reading, gap.trailing, &gap.comments);
    append_all(&item->leading, pending);
    share_comments(before, &gap.comments, item->column, &item->leading);
    item->has_blank = gap.has_blank;
    reading->at = format_end(reading->text, item->key);
    if (read_gap(reading, format_start(reading->text, item->value), ':', &gap) < 0) {
        return -1;
    }
    if (gap.marks != 1) {
        return refuse(reading, start,
                      "is written in a way that fmt does not know; write it plainly");
    }
    reading->behind = NULL;
    if (gap.trailing != NULL && is_block(item->value)) {
        item->key_comment = gap.trailing;
    } else if (gap.trailing != NULL) {
        append(&item->leading, gap.trailing);
    }
    append_all(&below, &gap.comments);
    return read_value(reading, item, &below);
}

static int read_list_item(struct reading *reading, struct format_item *item,
                          struct format_item *before, struct format_comments *pending)
{
    struct format_comments none = {NULL, NULL};
    struct gap gap;

    if (read_gap(reading, format_start(reading->text, item->value), '-', &gap) < 0) {
        return -1;
    }
    if (gap.marks != 1) {
        return refuse(reading, reading->at,
                      "is written in a way that fmt does not know; write it plainly");
    }
    item->column = gap.mark_column;
    put_trailing(reading, gap.trailing, &gap.comments);
    append_all(&item->leading, pending);
    share_comments(before, &gap.comments, item->column, &item->leading);
    item->has_blank = gap.has_blank;
    reading->behind = NULL;
    return read_value(reading, item, &none);
}

static int read_block(struct reading *reading, const struct yaml_node *node,
                      struct format_comments *pending, struct format_block **ret_block)
{
    struct format_comments none = {NULL, NULL};
    bool is_map = node->type == YAML_NODE_MAP;
    struct format_block *block = arena_alloc(&reading->text->arena, sizeof(*block));
    size_t count = is_map ? node->count / 2 : node->count;

    *ret_block = block;
    block->items = arena_alloc(&reading->text->arena, count * sizeof(*block->items));
    for (size_t i = 0; i < count; i++) {
        struct format_item *item = &block->items[i], *before = i > 0 ? item - 1 : NULL;
        struct format_comments *leading = i == 0 ? pending : &none;
        int result;

        item->key = is_map ? node->items[2 * i] : NULL;
        item->value = is_map ? node->items[2 * i + 1] : node->items[i];
        result = is_map ? read_pair(reading, item, before, leading)
                        : read_list_item(reading, item, before, leading);
        if (result < 0) {
            return -1;
        }
        if (i == 0) {
            block->column = item->column;
        }
        block->count++;
    }
    return 0;
}

/* Between documents */

static bool is_marker(const struct format_text *text, size_t at, size_t end, const char *marker)
{
    return end - at >= 3 && memcmp(text->text + at, marker, 3) == 0 && column_of(text, at) == 0 &&
           (end - at == 3 || strchr(" \t\r\n", text->text[at + 3]) != NULL);
}

/* Comments go to the tail of the document before until a marker, then to the header of the next. */
static void put_between(struct reading *reading, struct format_comment *comment, bool is_behind,
                        struct format_comments *header)
{
    struct format_document *before = reading->document;
    struct format_comments *tail;
    struct format_block *block = NULL;
    struct format_item root = {.child = NULL};

    if (before == NULL || is_behind) {
        append(header, comment);
        return;
    }
    root.child = before->root;
    block = before->root != NULL ? block_of_comment(&root, comment->column) : NULL;
    tail = block != NULL          ? &block->tail
           : before->root != NULL ? &before->root->tail
                                  : &before->tail;
    append(tail, comment);
}

/* From behind one document to the next one's start, or the end of the text. */
static int read_between(struct reading *reading, size_t end, struct format_comments *header,
                        bool *ret_has_blank)
{
    struct format_text *text = reading->text;
    size_t at = reading->at, breaks = begins_line(text, at) ? line_ends_before(text, at) : 0;
    bool is_behind = false, has_line_end = breaks > 0;

    while (at < end) {
        size_t len = yaml_text_break(text->text + at, text->text + end);
        char c = text->text[at];

        if (len > 0) {
            breaks++;
            has_line_end = true;
            at += len;
        } else if (is_marker(text, at, end, "---") || is_marker(text, at, end, "...")) {
            is_behind = true;
            at += 3;
        } else if (c == '#') {
            struct format_comment *comment = take_comment(text, &at, end);

            comment->has_blank = breaks > 1;
            if (!has_line_end && !is_behind && reading->behind != NULL) {
                put_trailing(reading, comment, header);
            } else {
                put_between(reading, comment, is_behind && end < text->len, header);
            }
            breaks = 0;
        } else if (c == ' ' || c == '\t') {
            at++;
        } else {
            return refuse(reading, at, "lines that begin with % are not known to fmt");
        }
    }
    *ret_has_blank = breaks > 1;
    reading->at = end;
    return 0;
}

static int read_document(struct reading *reading, const struct yaml_node *node,
                         struct format_document *document)
{
    struct format_comments none = {NULL, NULL};

    reading->document = document;
    reading->last = NULL;
    reading->behind = NULL;
    if (is_block(node)) {
        reading->at = format_start(reading->text, node);
        return read_block(reading, node, &none, &document->root);
    }
    document->bare = node;
    reading->at = format_end(reading->text, node);
    reading->behind = &document->bare_comment;
    return 0;
}

int format_read(struct format_text *text, const struct yaml_stream *stream,
                struct format_document **ret_first, struct error *err)
{
    struct format_document *first = NULL, **place = &first;
    struct reading reading = {.text = text, .err = err};
    struct format_comments rest = {NULL, NULL};
    bool has_blank;

    for (size_t i = 0; i < stream->count; i++) {
        struct format_document *document = arena_alloc(&text->arena, sizeof(*document));

        if (read_between(&reading, format_start(text, stream->documents[i]), &document->header,
                         &document->has_blank) < 0 ||
            read_document(&reading, stream->documents[i], document) < 0) {
            return -1;
        }
        *place = document;
        place = &document->next;
    }
    if (read_between(&reading, text->len, &rest, &has_blank) < 0) {
        return -1;
    }
    if (first == NULL) { /* nothing but comments */
        first = arena_alloc(&text->arena, sizeof(*first));
        first->header = rest;
    }
    *ret_first = first;
    return 0;
}

size_t *format_offsets(const char *text, size_t len)
{
    size_t *offsets = xcalloc(len + 1, sizeof(*offsets)), count = 0;

    for (size_t i = 0; i < len; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80) {
            offsets[count++] = i;
        }
    }
    for (; count <= len; count++) {
        offsets[count] = len;
    }
    return offsets;
}

/*
 * Comments, for comparing: every "#" outside scalars that begins a line or has a blank before it.
 */

static void mask_scalars(const struct yaml_node *node, const size_t *offsets, char *is_masked)
{
    if (node->type == YAML_NODE_SCALAR) {
        memset(is_masked + offsets[node->start], 1, offsets[node->end] - offsets[node->start]);
    }
    for (size_t i = 0; i < node->count; i++) {
        mask_scalars(node->items[i], offsets, is_masked);
    }
}

static int compare_lines(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

char *format_comment_list(const char *text, size_t len, const struct yaml_stream *stream)
{
    auto_free size_t *offsets = format_offsets(text, len);
    auto_free char *is_masked = xcalloc(len + 1, 1);
    auto_free char **lines = NULL;
    auto_done(strbuf) list = {0};
    size_t count = 0, capacity = 0;

    for (size_t i = 0; i < stream->count; i++) {
        mask_scalars(stream->documents[i], offsets, is_masked);
    }
    for (size_t i = 0; i < len; i++) {
        size_t end = i;

        if (text[i] != '#' || is_masked[i] || (i > 0 && strchr(" \t\r\n", text[i - 1]) == NULL)) {
            continue;
        }
        while (end < len && yaml_text_break(text + end, text + len) == 0) {
            end++;
        }
        array_grow(&lines, count, &capacity, sizeof(*lines));
        lines[count] = xstrndup(text + i, end - i);
        for (size_t last = end - i; last > 0 && strchr(" \t", lines[count][last - 1]) != NULL;) {
            lines[count][--last] = '\0';
        }
        count++;
        i = end;
    }
    if (count > 0) {
        qsort(lines, count, sizeof(*lines), compare_lines);
    }
    for (size_t i = 0; i < count; i++) {
        strbuf_addf(&list, "%s\n", lines[i]);
        free(lines[i]);
    }
    return strbuf_take(&list);
}
