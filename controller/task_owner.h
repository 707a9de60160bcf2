/*
 * Whose a task's spec file is, where the controller wants that to be the user that the task names.
 */
#ifndef BERTH_CONTROLLER_TASK_OWNER_H
#define BERTH_CONTROLLER_TASK_OWNER_H

#include "controller/controller.h"

/*
 * The name of the user of this machine who owns the file, or its number where it has none; NULL: nobody asks
 * (--verify-task-user is off), or the file cannot be looked at. The caller's to free.
 */
char *task_owner(const struct entry *task);

#endif
