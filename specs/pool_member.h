/*
 * The members of a pool as objects: Instances named "<pool>-<number>", made from its template.
 */
#ifndef BERTH_SPECS_POOL_MEMBER_H
#define BERTH_SPECS_POOL_MEMBER_H

#include "specs/types.h"

/*
 * A new object with hashes of its own, which borrows from the pool's and holds it. The caller's
 * reference.
 */
struct object *pool_member_object(struct object *pool, unsigned number);

/* "<pool>-<number>": the caller's to free. */
char *pool_member_name(const char *pool, unsigned number);

/*
 * The number in the name of a member of the pool; -1: it is not one ("web-07" and "web-x" are
 * none).
 */
int pool_member_number(const char *pool, const char *name, unsigned *ret_number);

#endif
