/*
 * What the sources share that observe containers: observe.c (the cache, inspections, lists),
 * observe_docker.c (what the engine's words of a container mean), observe_events.c.
 */
#ifndef BERTH_CONTROLLER_OBSERVE_PARTS_H
#define BERTH_CONTROLLER_OBSERVE_PARTS_H

#include "clients/docker_types.h"
#include "controller/controller.h"

/* By what a list's item is known as the container that was inspected. The caller's to free. */
char *observe_listed_facts(const struct docker_container *docker);
bool observe_is_as_listed(const struct observed_container *known, const char *listed);

#endif
