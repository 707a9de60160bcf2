/*
 * Tasks on one repository, beside the other objects: commands that end with a known exit code, and
 * open sessions. Only with an engine that runs commands. A name is used once, as commands run once.
 */
#ifndef BERTH_TESTS_MODEL_TASKS_H
#define BERTH_TESTS_MODEL_TASKS_H

#include "tests/model/check_parts.h"

/* Adds, completes or removes a task, or strikes the container that they share. */
void step_tasks(struct world *world);
void step_tasks_remove_all(struct world *world);

/* To be called where containers may have been lost. */
void tasks_disturb(struct world *world);

void check_tasks(struct look *look);
/* Whether a container of ours is that of the repository, and may be there. */
bool tasks_own(const json_t *container);
size_t tasks_status_count(const struct world *world);

#endif
