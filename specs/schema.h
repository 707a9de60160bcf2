/*
 * One table per kind: decoding, defaults, validation, hash and reference all come from it.
 *
 * A field is one row: its name, type, place in the struct, default, bounds, and whether a change of it needs
 * a new container. Adding a field to a kind is adding a member to types.h and a row here.
 */
#ifndef BERTH_SPECS_SCHEMA_H
#define BERTH_SPECS_SCHEMA_H

#include "specs/types.h"

#include <stddef.h>
#include <stdint.h>

enum field_type {
    FIELD_STRING,
    FIELD_INTEGER,
    FIELD_BOOLEAN,
    FIELD_ENUM,      /* words; stored as int64_t index into words */
    FIELD_BYTES,     /* "512Mi" -> int64_t bytes */
    FIELD_CPU,       /* "1.5", "250m" -> int64_t milli */
    FIELD_STRING_LIST,
    FIELD_LABELS,    /* map of text to text -> struct label_list */
    FIELD_OBJECT,    /* sub-table */
    FIELD_OBJECT_LIST, /* sub-table; struct { T *items; size_t count } */
    FIELD_REPOSITORY_REF, /* a URL or {name: ...}; fills two members of struct task_spec */
    FIELD_PLANNED,   /* known from the design, refused with a clear error in this version */
};

enum field_flag {
    FIELD_REQUIRED = 1 << 0,
    FIELD_LIVE = 1 << 1,      /* a change needs no new container */
    FIELD_ABSOLUTE_PATH = 1 << 2,
    FIELD_NAME = 1 << 3,      /* must be like metadata.name */
    FIELD_NON_EMPTY = 1 << 4,
    FIELD_UNIQUE = 1 << 5,    /* in a FIELD_OBJECT_LIST: no two items with the same value of this field */
};

struct field {
    const char *name;
    enum field_type type;
    unsigned flags;
    size_t offset;
    const char *default_text; /* as a user would write it; NULL: none */
    int64_t min, max;         /* FIELD_INTEGER, BYTES, CPU: inclusive; both 0: no bounds */
    const char *const *words; /* FIELD_ENUM, NULL-terminated */
    const struct field *fields; /* sub-table, ended by a row without name */
    size_t item_size;         /* FIELD_OBJECT_LIST */
    const char *doc;          /* one or two sentences for people */
};

/* The table of spec of a kind; ends with a row without a name. */
const struct field *schema_of_kind(enum kind kind);

/* Canonical, defaulted JSON of an object's metadata and spec (key order fixed), for hashing and for `-o json`. */
struct object;
#include <jansson.h>
json_t *schema_object_to_json(const struct object *object);

#endif
