/*
 * Who may run a task: the user that it names, where the Repository lists users, and where the
 * controller wants the owner of the spec file to be that user.
 */
#ifndef BERTH_CONTROLLER_TASK_OWNER_H
#define BERTH_CONTROLLER_TASK_OWNER_H

#include "controller/controller.h"

/*
 * Takes note of whose the text is that the task's spec was read from; to be called when it was.
 * Later the file may be gone, or another one.
 */
void task_note_owner(struct entry *task);

/* Why it may not run, or NULL; the caller's to free. */
char *task_why_forbidden(const struct entry *task);

/* The same for who only counts: one that has begun is not forbidden any more. */
bool task_is_forbidden(const struct entry *task);

#endif
