#include "reconcilers/container.h"

bool policy_refuses(const struct world *world, const struct object *object,
                    struct policy_refusal *ret_refusal)
{
    auto_done(arena) arena = {0};
    struct policy_mounts mounts =
        policy_mounts_in_force(world->policy, &world->host_path_roots, &arena);

    return policy_refuses_object(world->policy, &mounts, object, ret_refusal);
}
