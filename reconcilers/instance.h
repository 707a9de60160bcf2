/*
 * Instances: an emulated virtual machine is one container with the limits of its machine type on
 * the network of its zone.
 */
#ifndef BERTH_RECONCILERS_INSTANCE_H
#define BERTH_RECONCILERS_INSTANCE_H

#include "reconcilers/container.h"

struct instance_input {
    const char *name;
    const struct object *desired;  /* NULL: its spec is gone */
    const struct object *departed; /* the spec that is gone, where it is still known; or NULL */
    bool should_retain;            /* its spec is gone, and said that the container stays */
    const char *pool;              /* whose member it is; NULL: nobody's */
    const char *update_hold;       /* of a member: why it must not be made anew yet, or NULL */
    const struct observed_container *container; /* of that name; NULL: none */
    const struct observed_image *image;
    const struct observed_probes *probes;   /* NULL: nothing is known */
    const struct observed_values *values;   /* of env; NULL: none comes from elsewhere */
    const struct observed_machine *machine; /* its cgroup; NULL: not looked at */
    const struct observed_network *network; /* of its zone; NULL: does not exist */
    const struct observed_failure *failure;
    const struct object_status *previous; /* may be NULL */
};

/* Fills the plan and the status (a successor of previous). Pure. */
void instance_reconcile(const struct world *world, const struct instance_input *input,
                        struct plan *plan, struct object_status *status);

/* The image an instance runs: its own, or Berth's idle image. Borrowed. */
const char *instance_image(const struct world *world, const struct object *instance);

#endif
