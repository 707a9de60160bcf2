/*
 * One table per kind: decoding, defaults, validation, hash and reference all come from it.
 *
 * A field is one row: its name, type, place in the struct, default, bounds, and whether a change of
 * it needs a new container. Adding a field to a kind is adding a member to types.h and a row here.
 * What one row cannot say (two fields that exclude each other) is in validate.c.
 */
#ifndef BERTH_SPECS_SCHEMA_H
#define BERTH_SPECS_SCHEMA_H

#include "base/error.h"
#include "specs/types.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {
    FIELD_STRING,      /* const char * */
    FIELD_INTEGER,     /* int64_t, like all numbers here */
    FIELD_BOOLEAN,     /* bool */
    FIELD_ENUM,        /* one of words -> int64_t index into words */
    FIELD_BYTES,       /* "512Mi" -> bytes */
    FIELD_CPU,         /* "1.5", "250m" -> thousandths */
    FIELD_FRACTION,    /* "0.8" -> thousandths */
    FIELD_STRING_LIST, /* struct text_list */
    FIELD_LABELS,      /* map of text to text -> struct label_list, sorted by key */
    FIELD_OBJECT,      /* sub-table; its offsets count from this field's */
    /* sub-table; pointer to a struct of item_size, NULL when it is left out */
    FIELD_OPTIONAL_OBJECT,
    FIELD_OBJECT_LIST,    /* sub-table; struct { T *items; size_t count; } */
    FIELD_REPOSITORY_REF, /* a URL, or a map (sub-table, its offsets count from this field's) */
};

enum field_flag {
    FIELD_REQUIRED = 1 << 0,
    FIELD_LIVE = 1 << 1,      /* a change needs no new container or run; top-level rows only */
    FIELD_NON_EMPTY = 1 << 2, /* a text, list or map must not be empty when it is there */
    FIELD_UNIQUE = 1 << 3,    /* no two items of a FIELD_OBJECT_LIST have the same text here */
    FIELD_UNORDERED = 1 << 4, /* of a list: order means nothing, so that the hash does not see it */
};

struct field {
    const char *name;
    enum field_type type;
    unsigned flags;
    size_t offset;
    const char *default_text; /* as a user would write it; NULL: none */
    const char *example;      /* the same, where there is no default; NULL: by the type */
    int64_t absent;           /* what a number or word is when it is left out and has no default */
    int64_t min, max;         /* FIELD_INTEGER, BYTES, CPU: inclusive; both 0: no bounds */
    const char *const *words; /* FIELD_ENUM, NULL-terminated */

    /* Of texts, items and label values; of label keys. Each may be NULL. */
    int (*check)(const char *text, struct error *err);
    int (*check_key)(const char *text, struct error *err);

    const struct field *fields; /* sub-table, ended by a row without name */
    size_t item_size;           /* FIELD_OBJECT_LIST, FIELD_OPTIONAL_OBJECT */
    const char *doc;            /* one or two sentences for people */
};

/* metadata as it is written; the labels go into the object, the annotations nowhere. */
struct metadata {
    const char *name;
    struct label_list labels;
    struct label_list annotations;
};

/* Tables end with a row without a name. */
const struct field *schema_of_kind(enum kind kind); /* of its spec */
const struct field *schema_of_metadata(void);       /* of struct metadata */

/*
 * The top of a document of that kind as a table: apiVersion, kind, metadata, spec. For what shows,
 * orders or describes fields; nothing is decoded by it. words: those of its kind, which the rows
 * borrow.
 */
enum { SCHEMA_TOP_ROWS = 5 };
struct schema_top {
    struct field rows[SCHEMA_TOP_ROWS];
    const char *words[2];
};
void schema_top_of(enum kind kind, struct schema_top *ret_top);

/* The words of the design that are no kinds yet: "InstancePool" ... */
const char *const *schema_planned_kinds(size_t *ret_count);

/*
 * apiVersion, kind, metadata {name, labels} and the defaulted spec in the order of the tables, for
 * hashing and for `-o json`. Amounts are in their shortest spelling; what is absent and has no
 * default is left out. The caller's reference.
 */
json_t *schema_object_to_json(const struct object *object);

/* NULL: there are none. The caller's reference. */
json_t *schema_labels_to_json(const struct label_list *labels);

/* The struct inside the object that the table of its kind describes. */
void *schema_spec_of(struct object *object);

#endif
