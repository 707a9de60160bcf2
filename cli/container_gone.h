/*
 * Whether containers of objects that are gone from the statuses are gone from the engine, too: a
 * stop takes its time.
 */
#ifndef BERTH_CLI_CONTAINER_GONE_H
#define BERTH_CLI_CONTAINER_GONE_H

#include "base/error.h"
#include "cli/object_names.h"

#include <jansson.h>
#include <stdint.h>

/*
 * Waits until the instances and the members of the pools have no container, at most until the
 * moment on the monotonic clock; the heartbeat tells whose they are and where. *ret_left: a
 * container that is still there, or NULL; the caller's to free. ERROR: the engine cannot be asked.
 */
int containers_wait_gone(const json_t *heartbeat, const struct object_names *names,
                         uint64_t until_ms, char **ret_left, struct error *err);

#endif
