/*
 * How a container ended, and when it is started again.
 */
#ifndef BERTH_RECONCILERS_RESTARTS_H
#define BERTH_RECONCILERS_RESTARTS_H

#include "reconcilers/observed.h"
#include "specs/status.h"

#include <stdbool.h>

/* True when this end of the container is already counted. */
bool restarts_is_known(const struct status_restarts *restarts,
                       const struct observed_container *container);

/*
 * Counts an end that is new: exit code, reason, last lines, and when the next start is due. The
 * first start after a good run is due at once; each further crash doubles the delay
 * (retry_delay_ms). berths_reason and _cause: why Berth ended it, a probe or a hook, which is a
 * failure whatever its exit code; NULL: it ended by itself. The delay counts from that end, unless
 * that is to come or longer ago than any delay: the engine's clock may be another machine's, or
 * have been set since. Then it counts from now.
 */
void restarts_note_end(struct object_status *status, const struct observed_container *container,
                       const char *key, enum restart_policy policy, const char *berths_reason,
                       const char *berths_cause, int64_t now_wall_ms);

/*
 * What the engine left of a start that it could not carry out: its words, and an exit code. Counts
 * as nothing: the failure itself does.
 */
void restarts_note_failed_start(struct object_status *status,
                                const struct observed_container *container);

/*
 * An end that Berth wanted is no crash: it counts as nothing, and the next start is due whenever it
 * is wanted.
 */
void restarts_note_wanted_end(struct object_status *status,
                              const struct observed_container *container);
bool restarts_was_wanted(const struct status_restarts *restarts,
                         const struct observed_container *container);

const char *restart_policy_name(enum restart_policy policy); /* "OnFailure" */
bool restarts_wants_another(enum restart_policy policy, int64_t exit_code);
/* The same of the last end that was counted. */
bool restarts_wants_after_last(enum restart_policy policy, const struct status_restarts *restarts);
/* It ended with code 0, and by itself. */
bool restarts_ended_well(const struct status_restarts *restarts);

/*
 * "exited with code 3", "was killed: out of memory", "was killed by signal 9". The caller's to
 * free.
 */
char *restarts_describe(const struct observed_container *container);

#endif
