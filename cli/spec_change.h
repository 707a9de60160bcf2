/*
 * One object of the spec directory, changed in its file: found, changed in place, checked, written.
 *
 * The file stays byte for byte as it is but for the change. What would leave the object with errors
 * is not written, since the controller would go on with its last good version.
 */
#ifndef BERTH_CLI_SPEC_CHANGE_H
#define BERTH_CLI_SPEC_CHANGE_H

#include "cli/arguments.h"
#include "cli/spec_edit.h"
#include "cli/spec_store.h"

struct spec_change {
    enum kind kind;
    char *name;
    char *spelling; /* "instance/web" */
    struct spec_store store;
    const struct spec_store_file *file; /* in the store */
    const struct object *before;        /* as it was; NULL: it had errors */
    struct spec_place place;            /* in text */
    char *text;                         /* of the whole file, with the change */
    size_t len;
    struct spec_file *after;     /* parsed, once it is checked */
    const struct object *object; /* in it */
};

/* Takes the operands KIND NAME or KIND/NAME; 0, or arguments_wrong(). */
int spec_change_operands(struct spec_change *change, struct arguments *args);

/*
 * Finds the object in the spec directory (status_store_specs_of()). ERROR_NOT_FOUND says which may
 * be meant.
 */
int spec_change_open(struct spec_change *change, const struct places *places, struct error *err);
void spec_change_done(struct spec_change *change);

/* Takes the place of the text; the object must still be in it. */
int spec_change_put_take(struct spec_change *change, char *text, struct error *err);

/* As spec_edit_set() and spec_edit_unset() (value NULL). */
int spec_change_set(struct spec_change *change, const char *path, const char *value,
                    struct error *err);

/*
 * Sets after and object when the object is good as it is now. Else the message says what is wrong
 * with it, an error a line.
 */
int spec_change_check(struct spec_change *change, struct error *err);

/* Writes the file where something changed; after a check. The errors of spec_store_write(). */
int spec_change_write(struct spec_change *change, struct error *err);

#endif
