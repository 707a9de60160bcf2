/*
 * Carrying out the probes of instances: when, how many at once, and what becomes of the results.
 * Which verdict follows is the business of reconcilers/probe.h; here nothing is decided.
 *
 * Each probe has one timer and at most one try at a time. At most PROBES_AT_ONCE tries begin
 * together, the others queue; a try that has been waiting for an answer for a while costs nothing
 * any more and lets the next one begin, so that programs that hang do not delay the probes of
 * others. A result that is news enqueues the instance; equal ones cost nothing.
 *
 * While the engine cannot be reached, or an action for the instance is under way, nothing is tried.
 * A try that could not be carried out (the engine did not answer) is no result.
 */
#ifndef BERTH_CONTROLLER_PROBES_H
#define BERTH_CONTROLLER_PROBES_H

#include "controller/controller.h"
#include "reconcilers/probe.h"

/*
 * Brings the probes of an instance in line with its spec and its container (NULL: none): starts,
 * changes or ends them. Every pass does so, before it decides. Returns what is known, lent until
 * the next call; NULL: it has no probes.
 */
const struct observed_probes *probes_sync(struct entry *entry,
                                          const struct observed_container *container);

/* The clock was set: clock_change.h. */
void probes_shift_times(struct entry *entry, int64_t by_ms);

/* The instance goes, or has no probes any more. */
void probes_forget(struct entry *entry);

/* After every entry was removed. */
void prober_close(struct controller *controller);

#endif
