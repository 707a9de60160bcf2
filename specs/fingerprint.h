/*
 * Hashes of desired objects: what changed, and whether a container must be made anew.
 *
 * They are taken from the canonical JSON of the schema tables, so that another spelling of the same
 * thing (1Gi or 1024Mi, quotes, order of keys, a default written out) has the same hash. "v1" is
 * the version of that form: it changes when equal specs would get other hashes than before.
 */
#ifndef BERTH_SPECS_FINGERPRINT_H
#define BERTH_SPECS_FINGERPRINT_H

#include "specs/types.h"

/*
 * Fills object->hash (spec and labels), container_hash and field_hashes (both without FIELD_LIVE
 * fields and labels); called once, when the rest of the object is complete.
 */
void fingerprint_object(struct object *object);

/*
 * The names of the fields whose hashes differ between two field_hashes texts, or that only one has:
 * "env, image"; "" when they are equal. Either may be NULL or damaged (it comes from a label): then
 * "unknown fields". The caller's to free.
 */
char *fingerprint_changed_fields(const char *before, const char *after);

#endif
