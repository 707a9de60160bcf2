/*
 * One document of a spec file: the envelope (apiVersion, kind, metadata) and the object inside.
 */
#ifndef BERTH_SPECS_DOCUMENT_H
#define BERTH_SPECS_DOCUMENT_H

#include "specs/spec_errors.h"

struct document_source {
    const char *file;
    const struct yaml_node *root;
    unsigned index; /* of the document in the file */
    size_t size;    /* of its text, about: how much there may be to keep of it */
};

/*
 * Decodes and validates. Kind and name of the document are set as far as they are valid words, with
 * errors or without. Returns a new object, hashed, or NULL when errors (these or earlier ones) were
 * added.
 */
struct object *document_decode(const struct document_source *source, struct spec_errors *errors,
                               struct spec_document *document);

#endif
