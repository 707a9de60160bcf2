/*
 * Whoever reads an old status must know that it is old: warnings on stderr, before what a command
 * shows.
 */
#ifndef BERTH_CLI_STALENESS_H
#define BERTH_CLI_STALENESS_H

#include <jansson.h>

/*
 * No controller runs, or it does not write, does not reach its engine, or holds deletions.
 * heartbeat: of this state directory (status_store.h), or NULL.
 */
void staleness_warn(const char *state_dir, const json_t *heartbeat);

#endif
