/*
 * Lifecycle hooks of a container: postStart after each start, preStop before Berth stops it. Pure.
 *
 * That postStart has run is remembered in the status for one start of the container (its time).
 * What is not remembered runs again: at least once, as in Kubernetes.
 */
#ifndef BERTH_RECONCILERS_HOOKS_H
#define BERTH_RECONCILERS_HOOKS_H

#include "reconcilers/container.h"

/* Behind the start of the container: its postStart hook, where it has one. */
void hooks_plan_post_start(struct container_pass *pass, enum phase phase, const char *cause);

/* Before its stop: its preStop hook, where it has one and there is time for it. */
void hooks_plan_pre_stop(struct container_pass *pass, enum phase phase, const char *cause);

/*
 * Of a container that runs. False: its postStart hook has not run since the start, or has failed;
 * plan and conditions then see to it: it is run, or the container is stopped, and its end counts
 * like a crash (hooks_end_cause).
 */
bool hooks_are_done(struct container_pass *pass);

/*
 * Of a container that has ended: "postStart hook failed: exit code 3", where it was stopped for
 * that; NULL: it was not. The caller's to free.
 */
char *hooks_end_cause(const struct container_pass *pass);

#endif
