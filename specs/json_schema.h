/*
 * JSON Schema (draft-07, which the YAML language servers of editors know best) of the specs, made
 * from the schema tables.
 *
 * It never refuses what Berth takes. It does not refuse all that Berth refuses: what depends on
 * several fields is there only where it can be said plainly; `berth validate` has the last word.
 */
#ifndef BERTH_SPECS_JSON_SCHEMA_H
#define BERTH_SPECS_JSON_SCHEMA_H

#include "specs/types.h"

#include <jansson.h>

json_t *json_schema_of_kind(enum kind kind); /* new reference */

/* Of documents of any kind; what spec may hold follows from kind. */
json_t *json_schema_of_all(void); /* new reference */

#endif
