/*
 * By what means a machine type could be enforced on an engine, for those who only want to know
 * (berth doctor): the decision of cgroups.h, without anything that can carry it out.
 */
#ifndef BERTH_CONTROLLER_CGROUP_MEANS_H
#define BERTH_CONTROLLER_CGROUP_MEANS_H

#include "clients/docker_types.h"
#include "reconcilers/world.h"

/*
 * Writes nothing. Returns the message, which ret_capacity borrows and the caller frees; "" where
 * there is none.
 */
char *cgroup_means_find(const struct docker_host *host, bool is_local,
                        struct capacity *ret_capacity);

#endif
