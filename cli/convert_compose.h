/*
 * Parts of a service in a compose file: ports, mounts, the check of its health.
 */
#ifndef BERTH_CLI_CONVERT_COMPOSE_H
#define BERTH_CLI_CONVERT_COMPOSE_H

#include "cli/convert_parts.h"

convert_rule_fn compose_take_ports, compose_take_volumes, compose_take_healthcheck;

#endif
