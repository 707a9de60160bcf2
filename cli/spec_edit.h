/*
 * Changes to the text of a spec file that keep all the rest byte for byte: comments, order, quotes,
 * indentation, line ends.
 *
 * Pure: text in, text out. A file may have several documents; one is found by its kind and name,
 * also when others of the file are faulty. What cannot be changed so (an anchor or alias at that
 * place, a flow map that would have to be broken up in a way that is not plain) is refused with a
 * reason, never done halfway.
 */
#ifndef BERTH_CLI_SPEC_EDIT_H
#define BERTH_CLI_SPEC_EDIT_H

#include "base/error.h"
#include "specs/types.h"

#include <stddef.h>

/*
 * Where a document stands in a text: from start to end, without the "---" before it and the next
 * one's. Comments before its first line belong to it where a "---" or the begin of the file stands
 * before them.
 */
struct spec_place {
    size_t start, end;
    unsigned line; /* of the first key, from 1 */
};

/*
 * ERROR_NOT_FOUND: no document has this kind and name. ERROR_INVALID: the text cannot be read so
 * far.
 */
int spec_edit_find(const char *text, size_t len, enum kind kind, const char *name,
                   struct spec_place *ret_place, struct error *err);

/*
 * The text with the scalar at the path, such as "spec.minInstances", of this document set to a
 * value (already YAML: `3`, `true`, `"a b"`); missing keys are added at the end of the map they
 * belong to, in its style. The caller's to free.
 */
int spec_edit_set(const char *text, size_t len, const struct spec_place *place, const char *path,
                  const char *value, char **ret_text, struct error *err);

/* The text without the key at the path; unchanged where there is none. */
int spec_edit_unset(const char *text, size_t len, const struct spec_place *place, const char *path,
                    char **ret_text, struct error *err);

/* The text with this document replaced by another text. */
char *spec_edit_replace(const char *text, size_t len, const struct spec_place *place,
                        const char *document);

/* The text with one more document at its end. */
char *spec_edit_append(const char *text, size_t len, const char *document);

/*
 * The text without this document; NULL: it was the only one, the file can go. The caller's to free.
 */
char *spec_edit_remove(const char *text, size_t len, const struct spec_place *place);

#endif
