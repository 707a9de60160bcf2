/*
 * Specs from what others describe containers with: the services of a compose file, and manifests
 * of kubectl (Pod, and the pod template of Deployment, ReplicaSet and StatefulSet).
 *
 * What is kept means the same as before; every field that has no counterpart is told, with its
 * place. Pure, but for variables and files of variables, which are asked from functions.
 */
#ifndef BERTH_CLI_CONVERT_H
#define BERTH_CLI_CONVERT_H

#include "base/error.h"
#include "base/strbuf.h"
#include "cli/convert_text.h"

#include <jansson.h>

/* The text of a file of variables; -1: it cannot be read, and err says why. */
typedef int convert_read_fn(const char *path, char **ret_text, struct error *err);

struct convert_source {
    const char *file;      /* as notes name it */
    const char *directory; /* relative paths count from it; absolute */
    convert_lookup_fn *lookup;
    convert_read_fn *read;
};

/*
 * Appends objects as JSON, with fields in the order of the schema tables, and lines
 * "file:line:column: path: what became of it" to notes. ERROR_INVALID: the text is none of these,
 * or cannot be read; nothing was appended to objects.
 */
int convert_text(const struct convert_source *source, const char *text, size_t len, json_t *objects,
                 struct strbuf *notes, struct error *err);

#endif
