/*
 * YAML as a tree with positions, from strangers.
 *
 * libyaml's events become nodes that know their line and column (1-based, columns in characters).
 * Anchors, aliases, merge keys and tags are refused, so nothing can grow on expansion; depth,
 * number of nodes and size have ceilings; duplicate keys are problems. A stream holds several
 * documents: those before a syntax error are kept. Nothing here knows what a spec is.
 */
#ifndef BERTH_SPECS_YAML_READER_H
#define BERTH_SPECS_YAML_READER_H

#include "base/cleanup.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    YAML_MAX_BYTES = 1 << 20,
    YAML_MAX_DEPTH = 32,
    YAML_MAX_NODES = 50000,
    YAML_MAX_DOCUMENTS = 1000,
    YAML_MAX_PROBLEMS = 200,
    YAML_OWN_SCALE = 8, /* documents we wrote ourselves: bytes and values times this */
};

enum yaml_node_type { YAML_NODE_SCALAR, YAML_NODE_MAP, YAML_NODE_LIST };

struct yaml_node {
    enum yaml_node_type type;
    bool is_plain; /* a scalar without quotes: yes, 0x10 and ~ mean something to YAML 1.1 */
    bool is_flow;  /* a map or list in brackets */
    unsigned line, column;
    /* in characters of the text behind a byte order mark; see below */
    unsigned start, end;
    const char *text; /* of a scalar; clean UTF-8 without NUL */
    /* list: its items; map: key, value, key, value ...; keys are scalars */
    struct yaml_node **items;
    size_t count; /* of items: a map of one pair has 2 */
};

/*
 * Where a node ends: behind its last character. A map or list without brackets ends with its last
 * item, a block scalar ("|", ">") behind the ends of lines that follow it, and a value that is left
 * out is empty and stands behind its ":".
 */

enum yaml_problem_kind {
    YAML_PROBLEM_SYNTAX,        /* no YAML, or no clean UTF-8 */
    YAML_PROBLEM_NOT_SUPPORTED, /* an anchor, alias, merge key or tag */
    YAML_PROBLEM_DUPLICATE_KEY,
    YAML_PROBLEM_TOO_LARGE, /* one of the ceilings above */
};

struct yaml_problem {
    enum yaml_problem_kind kind;
    unsigned line, column; /* 0: the text as a whole */
    size_t document;       /* index of its document; count or more: that document was not kept */
    const char *message;   /* one line, clean */
};

struct yaml_stream {
    struct yaml_node **documents; /* empty documents are left out */
    size_t count;
    bool is_complete; /* false: the last problem, and only that, ended the reading early */
    /* in order of position; the one that ended the reading is last */
    struct yaml_problem *problems;
    size_t problem_count;
    struct arena *arena; /* of all of it */
};

/*
 * Never NULL; text may be NULL when len is 0. A text that cannot be read at all has no documents
 * and one problem. A document is kept only when the reader saw that nothing else follows that might
 * belong to it.
 */
struct yaml_stream *yaml_stream_parse(const char *text, size_t len);
/* The same for what we wrote ourselves, such as the status of a pool with a thousand members. */
struct yaml_stream *yaml_stream_parse_own(const char *text, size_t len);
void yaml_stream_free(struct yaml_stream *stream); /* accepts NULL */
DEFINE_AUTO_FREE(yaml_stream);

/* The value of the first pair with that key; NULL: no such key, or map is NULL or no map. */
const struct yaml_node *yaml_map_get(const struct yaml_node *map, const char *key);

/*
 * The node as JSON by YAML 1.2's core schema (plain true/false, null, integers, floats; all else
 * text), for documents we wrote ourselves. Integers beyond 64 bits become floats, floats beyond a
 * double stay text. The caller's reference.
 */
json_t *yaml_node_to_json(const struct yaml_node *node);

/*
 * All documents of a text that we wrote ourselves, as an array: fast where it still is as it was
 * written (yaml_own.h). Never NULL; only documents that are kept. The caller's reference.
 */
json_t *yaml_documents_read(const char *text, size_t len);

#endif
