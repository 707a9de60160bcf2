/*
 * What its probes mean for a container: not ready, to be restarted, or ended for that reason. Pure.
 */
#ifndef BERTH_RECONCILERS_HEALTH_H
#define BERTH_RECONCILERS_HEALTH_H

#include "reconcilers/container.h"

/* status.probes, as far as something is known about this start of the container. */
void health_describe(struct container_pass *pass);

/*
 * Of a container that runs. False: phase, plan and conditions say what is wrong: it has not
 * started, is not ready, or must be restarted: then it is stopped here, and its end counts like a
 * crash (health_end_cause).
 */
bool health_is_good(struct container_pass *pass);

/*
 * Of a container that has ended: "liveness probe failed: HTTP status 500" where that is why,
 * whatever the exit code; NULL: it ended by itself. Also told by a controller that was not there
 * when it was stopped. The caller's to free.
 */
char *health_end_cause(const struct container_pass *pass);

#endif
