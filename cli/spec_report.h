/*
 * What is wrong with specs, for people: a line for each error, with its place.
 */
#ifndef BERTH_CLI_SPEC_REPORT_H
#define BERTH_CLI_SPEC_REPORT_H

#include "specs/spec_set.h"

#include <stdio.h>

/* Errors of one document, also when its name is another file's; returns how many. */
size_t spec_report_document(const char *name, const struct spec_set_file *file,
                            const struct spec_set *set, const struct spec_document *document,
                            FILE *out);

/* Errors that belong to no document. */
size_t spec_report_rest(const char *name, const struct spec_set_file *file, FILE *out);

#endif
