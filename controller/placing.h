/*
 * Placement in the controller: gathers what reconcilers/placement.h decides on, and carries the
 * decision to the entries.
 *
 * Whatever placement depends on marks it as due; at the end of a turn, before the passes, it is
 * decided once for everything.
 */
#ifndef BERTH_CONTROLLER_PLACING_H
#define BERTH_CONTROLLER_PLACING_H

#include "controller/controller.h"

void placing_mark(struct controller *controller);

/* Nothing when it is not due, or while the facts are not complete yet. */
void placing_run(struct controller *controller);

/* Its place is another's: it looks for one anew, in its turn. For tasks that have not begun. */
void placing_release(struct entry *task);

void admission_free(struct task_admission *admission); /* accepts NULL */

/* It is kept up without tasks, and has a place or needs none. */
bool repository_is_kept_warm(const struct entry *repository);

/* The pool that it asks for when no task of it says otherwise. */
const char *repository_pool(const struct entry *repository);

#endif
