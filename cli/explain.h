/*
 * What `berth explain` says about a kind, a field or a reason: texts made from the schema tables
 * and the catalogue of reasons.
 *
 * Pure: names in, text out.
 */
#ifndef BERTH_CLI_EXPLAIN_H
#define BERTH_CLI_EXPLAIN_H

#include "base/error.h"
#include "base/strbuf.h"
#include "specs/types.h"

#include <stdbool.h>

/*
 * path: "" or "spec.ports.hostPort"; "[]" or "[0]" behind the name of a list may be given.
 * is_recursive: all fields below it by name and type. ERROR_NOT_FOUND: there is no such field; the
 * message says which is near.
 */
int explain_field(enum kind kind, const char *path, bool is_recursive, struct strbuf *out,
                  struct error *err);

/* All kinds, a line each. */
void explain_kinds(struct strbuf *out);

/* One reason, or with NULL all. ERROR_NOT_FOUND: there is no such reason. */
int explain_reason(const char *name, struct strbuf *out, struct error *err);

#endif
