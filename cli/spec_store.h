/*
 * The spec directory as a command sees it: which objects are in which files, read without a
 * controller and by the controller's own rules (controller/spec_scan.h: *.yaml and *.yml, not
 * hidden, not *.status.yaml, no links out of the tree).
 */
#ifndef BERTH_CLI_SPEC_STORE_H
#define BERTH_CLI_SPEC_STORE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "specs/spec_file.h"

#include <stddef.h>
#include <stdio.h>

/* A file and what is in it. */
struct spec_store_file {
    char *name; /* below the directory */
    char *text;
    size_t len;
    struct spec_file *parsed; /* with all its errors */
};

struct spec_store {
    char *directory;
    struct spec_store_file *files; /* by name */
    size_t count;
    size_t left_out; /* files that cannot be read */
};

/*
 * ERROR: the directory cannot be read. Files that cannot be are left out; a line for each goes to
 * warnings (NULL: to nobody).
 */
int spec_store_read(const char *directory, FILE *warnings, struct spec_store *ret_store,
                    struct error *err);
void spec_store_done(struct spec_store *store);

/* One file below the directory; a link leads on where it stays inside. */
int spec_store_read_file(const char *directory, const char *name, char **ret_text, size_t *ret_len,
                         struct error *err);

/* One document. */
struct spec_store_entry {
    const struct spec_store_file *file;
    const struct spec_document *document;
};

/*
 * The first of this kind and name, by file name; NULL file: there is none. A faulty document counts
 * when its name can be read.
 */
struct spec_store_entry spec_store_find(const struct spec_store *store, enum kind kind,
                                        const char *name);

/* The nearest name of the kind, as "; did you mean \"web\"?", or "". The caller frees it. */
char *spec_store_suggest(const struct spec_store *store, enum kind kind, const char *name);

/*
 * Writes a file below the directory atomically: temporary file beside it, fsync, rename; mode and
 * owner of the file before stay. ERROR_CONFLICT: it is no longer what was read (len and text of
 * before; NULL: it must not exist).
 */
int spec_store_write(const struct spec_store *store, const char *name,
                     const struct spec_store_file *before, const char *text, size_t len,
                     struct error *err);

/*
 * The same of any file: with the text that was read, or before NULL: new, with the folders that are
 * missing. Owner and mode stay.
 */
int spec_store_replace(const char *path, const char *before, size_t before_len, const char *text,
                       size_t len, struct error *err);

/* The same for removing it. */
int spec_store_remove(const struct spec_store *store, const struct spec_store_file *before,
                      struct error *err);

/*
 * A good document of the file that a change would lose or alter without meaning to: the first one
 * that is not in the new text as it was. NULL: there is none.
 */
typedef bool spec_store_meant_fn(const void *user, const struct spec_document *document);
const struct spec_document *spec_store_find_harm(const struct spec_store_file *before,
                                                 const struct spec_file *after,
                                                 spec_store_meant_fn *is_meant, const void *user);

#endif
