#include "reconcilers/orphans.h"

enum orphan_decision orphan_decide(const struct observed_container *container, bool has_owner,
                                   int64_t since_wall_ms, int64_t now_wall_ms, int64_t grace_ms)
{
    if (!container->is_ours || has_owner || container->is_retained) {
        return ORPHAN_NONE;
    }
    if (since_wall_ms == 0 || now_wall_ms < since_wall_ms ||
        now_wall_ms - since_wall_ms < grace_ms) {
        return ORPHAN_WAIT;
    }
    return ORPHAN_REMOVE;
}
