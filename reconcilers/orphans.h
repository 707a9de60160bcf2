/*
 * Orphans: containers that carry our label and belong to nobody. Pure.
 */
#ifndef BERTH_RECONCILERS_ORPHANS_H
#define BERTH_RECONCILERS_ORPHANS_H

#include "reconcilers/observed.h"

enum orphan_decision { ORPHAN_NONE, ORPHAN_WAIT, ORPHAN_REMOVE };

/*
 * since_wall_ms: when it was first seen without an owner; 0: just now. Never anything but ours, nor
 * what was made to be retained; removal only when the grace has passed, and a clock that went back
 * starts it anew.
 */
enum orphan_decision orphan_decide(const struct observed_container *container, bool has_owner,
                                   int64_t since_wall_ms, int64_t now_wall_ms, int64_t grace_ms);

#endif
