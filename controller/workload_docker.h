/*
 * A workload in the Docker Engine's words: the body of POST /containers/create (API 1.41 and on).
 */
#ifndef BERTH_CONTROLLER_WORKLOAD_DOCKER_H
#define BERTH_CONTROLLER_WORKLOAD_DOCKER_H

#include "reconcilers/workload.h"

#include <jansson.h>

struct secret_values;

/*
 * cpu_count: of the engine's host; more than that is refused by the engine, so it is the ceiling.
 * 0: unknown. values: those of env that come from elsewhere; NULL: none does. New reference.
 */
json_t *workload_to_docker(const struct workload *workload, int64_t cpu_count,
                           const struct secret_values *values);

/* The body of POST /networks/{id}/connect for a container of this workload. New reference. */
json_t *workload_to_docker_connect(const struct workload *workload, const char *container);

#endif
