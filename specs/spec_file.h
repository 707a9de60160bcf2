/*
 * A spec file: text in, objects and errors out.
 *
 * Pure: no files are read here. All errors of all documents are reported at once, each with its
 * place; a bad document does not hide the good ones beside it. A document has an object or errors,
 * never both, never neither.
 */
#ifndef BERTH_SPECS_SPEC_FILE_H
#define BERTH_SPECS_SPEC_FILE_H

#include "specs/types.h"

/* So many errors of a file are kept, and the first one of every further document. */
enum { SPEC_MAX_ERRORS = 50 };

struct spec_error {
    unsigned line, column; /* 1-based; 0 when the whole file is meant */
    const char *path;      /* "spec.ports[0].containerPort", or "" */
    const char *reason;    /* from specs/reason.h */
    const char *message;   /* one clean line */
};

struct spec_document {
    struct object *object; /* a reference, or NULL when the document has errors */
    const char *kind;      /* a kind of the design, or NULL: so that a status can name the object */
    const char *name;      /* a valid name, or NULL */
    unsigned line, column;
    struct spec_error *errors; /* in order of position */
    size_t error_count;
};

struct spec_file {
    const char *file; /* as given: relative to the spec directory */
    struct spec_document *documents;
    size_t count;
    bool is_complete;          /* false: reading stopped early, so documents may be missing */
    struct spec_error *errors; /* of the file as a whole (syntax, size, encoding) */
    size_t error_count;
    struct arena arena;
};

/* Never NULL. A text longer than YAML_MAX_BYTES is one error, and not looked at. */
struct spec_file *spec_file_parse(const char *file, const char *text, size_t len);
void spec_file_free(struct spec_file *file); /* accepts NULL */
DEFINE_AUTO_FREE(spec_file);

/* True when anything in it is wrong. */
bool spec_file_has_errors(const struct spec_file *file);

/*
 * "web.yaml:7:16: spec.machineType: unknown machine type ...", without what is not known (place,
 * path). The caller's to free.
 */
char *spec_error_format(const char *file, const struct spec_error *error);

#endif
