/*
 * Whether a host port can be bound at this moment. A hint: the start of a container decides.
 */
#ifndef BERTH_CONTROLLER_PORT_PROBE_H
#define BERTH_CONTROLLER_PORT_PROBE_H

#include "specs/types.h"

#include <stdint.h>

/*
 * 0: it could be bound (and listened on); -1: somebody has it. An address that is not this host's
 * counts as free.
 */
int port_probe(const char *host_ip, uint16_t port, enum port_protocol protocol);

#endif
