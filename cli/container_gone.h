/*
 * Whether containers of objects that are gone from the statuses are gone from the engine, too: a
 * stop takes its time.
 */
#ifndef BERTH_CLI_CONTAINER_GONE_H
#define BERTH_CLI_CONTAINER_GONE_H

#include "cli/object_names.h"

#include <stdint.h>

/*
 * Waits until the instances and the members of the pools have no container but such as were made to
 * be kept (deletionPolicy: Retain), at most until the moment on the monotonic clock. The heartbeat
 * of the state directory tells whose they are and where. Says on stderr, as the command, what is
 * still there (EXIT_TIMED_OUT), or that the engine cannot be asked (EXIT_OK, as when all are gone).
 */
int containers_wait_gone(const char *command, const char *state, const struct object_names *names,
                         uint64_t until_ms);

#endif
