/*
 * What a pool's decision means in words: phase and conditions of its status. Pure.
 */
#ifndef BERTH_RECONCILERS_POOL_STATUS_H
#define BERTH_RECONCILERS_POOL_STATUS_H

#include "reconcilers/pool.h"

void pool_describe(const struct pool_input *input, const struct pool_decision *decision,
                   struct object_status *status);

#endif
