/*
 * Collecting what is wrong with one document, each thing with its place.
 */
#ifndef BERTH_SPECS_SPEC_ERRORS_H
#define BERTH_SPECS_SPEC_ERRORS_H

#include "base/error.h"
#include "specs/spec_file.h"
#include "specs/yaml_reader.h"

/*
 * Where we are in a document: a chain of frames on the stack, the innermost first, which becomes a
 * text such as "spec.ports[0].containerPort" only when there is something to tell.
 */
struct place {
    const struct place *parent; /* NULL: at the top */
    const char *key;            /* NULL: an item of a list */
    size_t index;
};

struct spec_errors {
    struct arena *arena; /* texts of errors live there */
    struct spec_error *items;
    size_t count, capacity;
    /* the first ones are the reader's: nothing else is told about their places */
    size_t reader_count;
    size_t room; /* how many more may be kept; the first one always is */
    size_t left_out;
};

void spec_errors_init(struct spec_errors *errors, struct arena *arena, size_t room);
void spec_errors_done(struct spec_errors *errors);

/* True when further errors are only counted. */
bool spec_errors_is_full(const struct spec_errors *errors);

/*
 * place NULL: the document as a whole. The message must be one clean line: other people's text
 * through excerpt().
 */
void spec_errors_add(struct spec_errors *errors, const struct yaml_node *node,
                     const struct place *place, const char *reason, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The same with reason and message of err, InvalidSpec if it has none; err is cleared. */
void spec_errors_add_error(struct spec_errors *errors, const struct yaml_node *node,
                           const struct place *place, struct error *err);

/* What the reader found in the document: before anything else is added. */
void spec_errors_add_problem(struct spec_errors *errors, const struct yaml_problem *problem);

/* The reader's word for a kind of problem: InvalidSyntax, DuplicateKey ... */
const char *spec_errors_reason(const struct yaml_problem *problem);

/* In order of position. */
void spec_errors_sort(struct spec_errors *errors);

/*
 * All as spec_error_format() writes them, in the arena of the errors; file is what the file is
 * called.
 */
const char **spec_errors_texts(const struct spec_errors *errors, const char *file);

/* "spec.ports[0].name" in the arena; "" for NULL. */
const char *place_text(const struct place *place, struct arena *arena);

#endif
