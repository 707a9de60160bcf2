/*
 * From YAML nodes to structs, by the rows of a schema table.
 *
 * What cannot be read is told and left absent; the rest is still read, so that all errors of a
 * document are told at once.
 */
#ifndef BERTH_SPECS_DECODE_H
#define BERTH_SPECS_DECODE_H

#include "specs/schema.h"
#include "specs/spec_errors.h"

enum {
    DECODE_MAX_ITEMS = 1000, /* of a list, or entries of a map such as labels */
    /*
     * Bytes of a text: with its name it still fits into the 128 KiB that the kernel takes for an
     * argument or a variable.
     */
    DECODE_MAX_TEXT = 120 << 10,
};

struct decoder {
    struct arena *arena; /* of the object: texts and lists live there */
    struct spec_errors *errors;
};

/*
 * Fills the zeroed struct at base from map (NULL: all defaults; no map: an error). Unknown keys,
 * missing required ones, wrong types and values outside their bounds are added to the errors.
 */
void decode_fields(struct decoder *decoder, const struct field *fields, const struct yaml_node *map,
                   const struct place *place, void *base);

/* Text of a node that must be text; NULL after telling why it is none. */
const char *decode_text(struct decoder *decoder, const struct yaml_node *node,
                        const struct place *place);

/* Tells about an unknown key, with the nearest of the known words; returns that word, or NULL. */
const char *decode_refuse_key(struct decoder *decoder, const struct yaml_node *key,
                              const struct place *parent, const char *const *known,
                              size_t known_count);

struct decoded_text {
    const char *text;             /* NULL: absent, never equal to another */
    const struct yaml_node *node; /* where it stands */
    size_t index;                 /* of its item */
};

/*
 * Tells about every text that stands before, naming the first one's line. what: "name", "mount
 * path" ...; key: the field of the item, or NULL for the item itself. The texts are sorted on
 * return.
 */
void decode_refuse_duplicates(struct decoder *decoder, struct decoded_text *texts, size_t count,
                              const struct place *list, const char *key, const char *what);

#endif
