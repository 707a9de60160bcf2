/*
 * What a template is compiled to: for jsonpath.c, which compiles it, and jsonpath_find.c, which
 * follows it.
 */
#ifndef BERTH_CLI_JSONPATH_PARTS_H
#define BERTH_CLI_JSONPATH_PARTS_H

#include "cli/jsonpath.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct jsonpath_filter;

enum step_kind {
    STEP_ROOT,    /* the whole value again */
    STEP_FIELD,   /* name */
    STEP_QUOTED,  /* the field called name, else parts one after the other */
    STEP_ALL,     /* all fields or elements */
    STEP_DESCEND, /* the value itself and all below it */
    STEP_SLICE,   /* elements from start to before end */
    STEP_FILTER,
    STEP_UNION, /* what each of parts gives */
};

struct step {
    enum step_kind kind;
    char *name;
    bool has_end; /* else to the last */
    json_int_t start, end, stride;
    struct jsonpath_filter *filter;
    struct step *parts;
    size_t count, capacity;
};

struct path {
    struct step *steps;
    size_t count, capacity;
};

enum compare {
    COMPARE_EXISTS,
    COMPARE_EQ,
    COMPARE_NE,
    COMPARE_LT,
    COMPARE_LE,
    COMPARE_GT,
    COMPARE_GE
};

struct operand {
    json_t *literal; /* NULL: the path */
    struct path path;
};

struct jsonpath_filter {
    enum compare compare;
    struct operand left, right;
};

enum node_kind { NODE_TEXT, NODE_PATH, NODE_RANGE, NODE_END };

struct node {
    enum node_kind kind;
    char *text;
    struct path path;
    size_t end; /* of a range: its NODE_END */
};

/* All nodes in their order; a range's are between it and its end. */
struct jsonpath {
    struct node *nodes;
    size_t count, capacity;
};

/* New ones at the end, zeroed but for their kind; borrowed until the next is added. */
struct step *path_add_step(struct path *path, enum step_kind kind);
struct step *step_add_part(struct step *step, enum step_kind kind);
struct node *jsonpath_add_node(struct jsonpath *jsonpath, enum node_kind kind);

#endif
