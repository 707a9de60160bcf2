/*
 * The text of a spec file cut into its documents, without reading what is in them.
 *
 * A line "---" or "..." at the first column ends what stands before it in every YAML text, so a
 * document with errors, even of syntax, hides none of the others.
 */
#ifndef BERTH_CLI_SPEC_PARTS_H
#define BERTH_CLI_SPEC_PARTS_H

#include <stdbool.h>
#include <stddef.h>

/* All are offsets. Comments before the first "---" belong to no document. */
struct spec_part {
    size_t head;     /* where it begins, with %YAML lines and the "---" */
    size_t start;    /* where its own text begins, behind the "---" */
    size_t end;      /* of its own text */
    size_t next;     /* behind the "..." that ends it */
    bool has_marker; /* "---" stands before it */
};

struct spec_parts {
    struct spec_part *items; /* in order */
    size_t count, capacity;
};

void spec_parts_read(struct spec_parts *parts, const char *text, size_t len);
void spec_parts_done(struct spec_parts *parts);

/* True when there are only comments and empty lines in it. */
bool spec_part_is_empty(const struct spec_part *part, const char *text);

/* Behind a byte order mark. */
size_t spec_parts_begin(const char *text, size_t len);

/* How the first line of the text ends: "\n" where none does. */
const char *spec_parts_line_end(const char *text, size_t len);

#endif
