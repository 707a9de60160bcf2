/*
 * Folders of runs: repos/<container>/run/tasks/<id>/, with records and logs of the attempts of a
 * task or a setup.
 *
 * A task's goes with its log. A setup's has no such end, and a controller that was killed between a
 * folder and the record that names it leaves one that nobody knows. So what nobody claims goes by
 * these two.
 */
#ifndef BERTH_CONTROLLER_RUN_FOLDERS_H
#define BERTH_CONTROLLER_RUN_FOLDERS_H

#include "controller/controller.h"

/*
 * Of all containers, what nobody claims and nothing was made in for an hour; the specs must be
 * known.
 */
void run_folders_sweep(struct controller *controller);

/* The container is gone, and its setups' logs with its workspace. */
void run_folders_clear(struct entry *repository);

#endif
