/*
 * A document as spec_format.c writes it: items with the comments that belong to them.
 */
#ifndef BERTH_CLI_SPEC_FORMAT_PARTS_H
#define BERTH_CLI_SPEC_FORMAT_PARTS_H

#include "base/arena.h"
#include "base/error.h"
#include "specs/schema.h"
#include "specs/yaml_reader.h"

#include <stdbool.h>

struct format_comment {
    const char *text; /* with the "#" */
    size_t len;
    size_t column;  /* bytes before it on its line */
    size_t gap;     /* blanks before it, where it stands behind something */
    bool has_blank; /* an empty line stands before it */
    struct format_comment *next;
};

struct format_comments {
    struct format_comment *first, *last;
};

struct format_block;

/* A pair of a map, or an item of a list. */
struct format_item {
    const struct yaml_node *key; /* NULL: of a list */
    const struct yaml_node *value;
    struct format_block *child; /* NULL: value is written as it stands */
    size_t column;              /* of the key or the "-" */
    bool has_blank;             /* an empty line before it, behind its comments */
    struct format_comments leading;
    struct format_comment *key_comment; /* behind "key:" of a child */
    struct format_comment *trailing;    /* behind the value */
    size_t rank;                        /* in the table; for sorting */
};

/* A map or list without brackets. */
struct format_block {
    struct format_item *items;
    size_t count;
    size_t column;
    struct format_comments tail; /* behind the last item */
};

struct format_document {
    struct format_comments header;
    bool has_blank; /* an empty line between header and first key */
    struct format_block *root;
    const struct yaml_node *bare; /* the root where it is no such map or list */
    struct format_comment *bare_comment;
    struct format_comments tail; /* of a bare root */
    struct format_document *next;
};

struct format_text {
    const char *text; /* behind a byte order mark */
    size_t len;
    size_t *offsets; /* of each character; one more for the end */
    struct arena arena;
};

/*
 * All documents of the stream; NULL after filling err. In the arena; the first has what is before
 * and behind all when there is no other.
 */
int format_read(struct format_text *text, const struct yaml_stream *stream,
                struct format_document **ret_first, struct error *err);

/* Where each character of the text begins; one more for the end. The caller's to free. */
size_t *format_offsets(const char *text, size_t len);

static inline size_t format_start(const struct format_text *text, const struct yaml_node *node)
{
    return text->offsets[node->start];
}

static inline size_t format_end(const struct format_text *text, const struct yaml_node *node)
{
    return text->offsets[node->end];
}

/* Comments of the text, sorted, a line each: for comparing. The caller's to free. */
char *format_comment_list(const char *text, size_t len, const struct yaml_stream *stream);

#endif
