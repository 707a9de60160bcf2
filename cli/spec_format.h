/*
 * Spec files in one form: keys in the order of the schema tables, two blanks for each level, lists
 * below their key and indented, "---" between documents and nowhere else, at most one empty line,
 * no blanks at the ends of lines.
 *
 * Pure: text in, text out. Scalars, and what stands in brackets, stay as they are written; only
 * lines that continue one move along with it. Comments stay with what they stand before, or behind
 * on its line; those before the first key of a document stay at its top. Before the result is
 * given out it is read again: the same values, the same comments.
 */
#ifndef BERTH_CLI_SPEC_FORMAT_H
#define BERTH_CLI_SPEC_FORMAT_H

#include "base/error.h"

#include <stddef.h>

/*
 * ERROR_INVALID: the text is no YAML that specs may be written in (anchors, tags ...), or is
 * written in a way that cannot be brought into the form ("? key", %YAML lines); the message begins
 * with "line:column: ". The caller's to free.
 */
int spec_format(const char *text, size_t len, char **ret_text, struct error *err);

#endif
