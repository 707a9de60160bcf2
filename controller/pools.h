/*
 * Pools in the controller: their members as entries, and their pass.
 *
 * A member is an Instance entry like any other, with a desired object made from the pool's
 * template, so everything that holds for instances holds for members. The pass of a pool only
 * decides who is a member; what the numbers mean is in reconcilers/pool.h. Members are remembered
 * by their containers' labels and by the pool's status file.
 */
#ifndef BERTH_CONTROLLER_POOLS_H
#define BERTH_CONTROLLER_POOLS_H

#include "controller/controller.h"

struct pool_entry *pool_entry_new(void);
void pool_entry_free(struct pool_entry *pool); /* accepts NULL */

/* The spec of a pool is new, changed, or gone (spec NULL). */
void pools_change(struct controller *controller, const char *key, const struct spec_entry *spec);

/*
 * One pass of a pool: makes, removes and lets go members; fills the status. Returns false when
 * nothing of the pool is left.
 */
bool pools_pass(struct entry *pool, const struct world *world, struct object_status *status,
                int64_t *ret_wake_at_wall_ms);

/* Takes a member away from its pool: it was removed, or a file of the user's names it now. */
void pools_leave(struct entry *member);

/* Why a member must not be made anew yet; NULL: it may be, or it is no member. */
const char *pools_update_hold(const struct entry *member);

/* Something about a member changed that its pool or the placement looks at. */
void pools_note_member(struct entry *member, const struct object_status *before);

/*
 * The members' documents for the pool's status file: [{kind, metadata, status}], by number. New
 * reference.
 */
json_t *pools_members_to_json(const struct entry *pool);

#endif
