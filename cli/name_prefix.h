/*
 * Another name for all objects of one input, so that several can be used side by side: a prefix
 * before metadata.name, and before what refers to an object of the same input: repository.name and
 * pool of a Task, pool of a Repository.
 *
 * Pure: text in, text out; all other bytes stay.
 */
#ifndef BERTH_CLI_NAME_PREFIX_H
#define BERTH_CLI_NAME_PREFIX_H

#include "base/error.h"
#include "cli/object_names.h"
#include "specs/spec_file.h"

#include <stddef.h>

/* True for what a name can begin with. */
bool name_prefix_is_valid(const char *prefix);

/*
 * The text of a file without errors, with other names; own: all names of the input. The caller's to
 * free.
 */
int name_prefix_apply(const char *text, size_t len, const struct spec_file *parsed,
                      const struct object_names *own, const char *prefix, char **ret_text,
                      struct error *err);

#endif
