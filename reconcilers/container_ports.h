/*
 * The host ports of one container: which it has, which it is to get, and what its label and status
 * say.
 */
#ifndef BERTH_RECONCILERS_CONTAINER_PORTS_H
#define BERTH_RECONCILERS_CONTAINER_PORTS_H

#include "reconcilers/container.h"

struct resolved_port {
    const struct port_spec *spec;
    uint16_t host_port;
    bool is_leased; /* already, under the wanted number */
};

/*
 * Finds a host port for each port of the wish, into ports (as many as the wish has): the one leased
 * to it, the fixed one, or a free one. -1: one cannot be had; the status says why, and the plan
 * wakes later.
 */
int container_ports_resolve(struct container_pass *pass, struct resolved_port *ports);

/* An action for each that is not leased yet. */
void container_ports_plan_leases(struct container_pass *pass, const struct resolved_port *ports,
                                 const char *cause);

/*
 * The label that says which ports the container has; the order in the spec does not matter. The
 * caller's to free.
 */
char *container_ports_label(const struct resolved_port *ports, size_t count);

/* status.ports: what was resolved, or, where that failed, what it has leased. */
void container_ports_describe(struct container_pass *pass, const struct resolved_port *ports,
                              size_t count);
void container_ports_describe_leases(struct container_pass *pass);

#endif
