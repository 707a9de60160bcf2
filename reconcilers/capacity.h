/*
 * Capacity: an instance as a real bound for everything that is placed on it.
 *
 * Where Berth may, it makes a cgroup for each instance, with the limits of its machine type, and
 * tells the engine to make the instance's own container and the repository containers on it below
 * that. The kernel then holds them to it together. Elsewhere placement counts and nothing more; the
 * condition CapacityEnforced says which, and True only after the running container was seen below
 * the cgroup on this machine.
 *
 * The cgroup is made before each start, since the engine makes a missing one by itself, without
 * limits (after a reboot all are missing). A limit that cannot be set stops nobody from starting:
 * the condition tells, and it is tried again. Pure.
 */
#ifndef BERTH_RECONCILERS_CAPACITY_H
#define BERTH_RECONCILERS_CAPACITY_H

#include "reconcilers/container.h"

/* What the instance may use: its machine type, narrowed by spec.resources. The name is borrowed. */
void capacity_of_instance(const struct object *instance, struct machine_limits *ret_limits);

/*
 * The parent for the engine's HostConfig.CgroupParent: "/berth/<6 of the controller's
 * id>/<instance>", or the slice "berth-<6>-<instance>.slice" where a dash in a name is an
 * underscore, which names do not have (a dash in a slice's name means a level). NULL where capacity
 * is only accounted. The caller's to free.
 */
char *capacity_parent(const struct world *world, const char *instance);

/*
 * The instance's name from the name of its slice, or NULL: it is none of this controller's. The
 * caller's to free.
 */
char *capacity_instance_of_slice(const char *controller_id, const char *slice);

/* True when a cgroup with these limits needs nothing: memory may be rounded to pages. */
bool capacity_has_limits(const struct observed_machine *machine,
                         const struct machine_limits *limits);

/*
 * The steps of container_reconcile(). Without want->machine, or where capacity is only accounted,
 * they do nothing but describe.
 */

/* Before a start: a creation alone touches no cgroup. */
void capacity_plan(struct container_pass *pass, enum phase phase, const char *cause);

/*
 * A container that runs and has no other plan: limits that are not as they should be are set again.
 */
void capacity_adjust(struct container_pass *pass);

/* A parent that the engine's present cgroup driver cannot start: a text for people, or NULL. */
const char *capacity_difference(const struct container_pass *pass);

/* Sets the condition CapacityEnforced. */
void capacity_describe(struct container_pass *pass);

#endif
