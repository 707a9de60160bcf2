/*
 * The text that `berth edit` gives to an editor and takes back: a document, with lines for the
 * reader on top. Pure.
 */
#ifndef BERTH_CLI_EDIT_TEXT_H
#define BERTH_CLI_EDIT_TEXT_H

#include "base/error.h"
#include "specs/types.h"

#include <stdbool.h>

/* What lines on top begin with; they are taken out again, wherever they are. */
#define EDIT_MARK "#~ "

/*
 * The document below lines that say what it is ("instance/web", "web.yaml") and what is wrong (an
 * error a line; NULL: nothing yet). The caller's to free.
 */
char *edit_text_make(const char *document, const char *spelling, const char *file,
                     const char *errors);

/* The text without those lines. The caller's to free. */
char *edit_text_strip(const char *text);

/* True when there are only comments and blanks in it. */
bool edit_text_is_empty(const char *document);

/*
 * True when the second says what the first does but for a line end at the end, which editors add.
 */
bool edit_text_is_same(const char *document, const char *edited);

/*
 * ERROR_INVALID: it is not one good document of this kind and name. The message has an error a
 * line, each with its line in the text that edit_text_make() makes of the document and it.
 */
int edit_text_check(const char *document, enum kind kind, const char *name, struct error *err);

#endif
