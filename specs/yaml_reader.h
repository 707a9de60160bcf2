/*
 * YAML as a tree with positions, from strangers.
 *
 * libyaml's events become nodes that know their line and column (1-based, columns in characters).
 * Anchors, aliases, merge keys and custom tags are refused, so nothing can grow on expansion; depth,
 * number of nodes and size have ceilings; duplicate keys are errors. A stream holds several documents:
 * those before a syntax error are kept. Nothing here knows what a spec is.
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
};

enum yaml_node_type { YAML_NODE_SCALAR, YAML_NODE_MAP, YAML_NODE_LIST };

struct yaml_node {
    enum yaml_node_type type;
    bool is_plain;        /* a scalar without quotes: yes, 0x10 and ~ mean something to YAML 1.1 */
    unsigned line, column;
    const char *text;     /* of a scalar; no NUL inside */
    struct yaml_node **items; /* list: its items; map: key, value, key, value ...; keys are scalars */
    size_t count;         /* of items: a map of one pair has 2 */
};

struct yaml_problem {
    unsigned line, column;
    const char *message;
};

struct yaml_stream {
    struct yaml_node **documents; /* empty documents are left out */
    size_t count;
    bool is_complete;             /* false: a syntax error or a ceiling ended the reading early */
    struct yaml_problem *problems; /* syntax (last, when !is_complete) and duplicate keys, in order */
    size_t problem_count;
    struct arena *arena;
};

/* Never NULL; a file that cannot be read at all has no documents and one problem. */
struct yaml_stream *yaml_stream_parse(const char *text, size_t len);
void yaml_stream_free(struct yaml_stream *stream);
DEFINE_AUTO_FREE(yaml_stream);

const struct yaml_node *yaml_map_get(const struct yaml_node *map, const char *key); /* or NULL */

/*
 * The node as JSON by YAML 1.2's core schema (plain true/false, null, integers, floats; all else text), for
 * documents we wrote ourselves. The caller's reference.
 */
json_t *yaml_node_to_json(const struct yaml_node *node);

#endif
