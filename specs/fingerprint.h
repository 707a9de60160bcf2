/*
 * Hashes of desired objects: what changed, and whether a container must be made anew.
 */
#ifndef BERTH_SPECS_FINGERPRINT_H
#define BERTH_SPECS_FINGERPRINT_H

#include "specs/types.h"

/* Fills object->hash, container_hash and field_hashes from the schema tables; called once by spec_file. */
void fingerprint_object(struct object *object);

/*
 * The names of the fields whose hashes differ between two field_hashes texts: "env, image". Either may be NULL or damaged
 * (it comes from a label): then "unknown fields". The caller's to free.
 */
char *fingerprint_changed_fields(const char *before, const char *after);

#endif
