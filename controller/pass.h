/*
 * The inside of a pass: what pass.c and the passes of repositories and tasks share.
 */
#ifndef BERTH_CONTROLLER_PASS_H
#define BERTH_CONTROLLER_PASS_H

#include "controller/controller.h"

/* One pass: what it saw, and what it decided. */
struct pass {
    struct entry *entry;
    struct world world;
    struct text_list roots;
    struct plan *plan;
    struct object_status *status;
    bool is_waiting; /* for a fact that is being fetched: nothing was decided */
    bool is_gone;    /* nothing of the object is left */
};

/* pass_repository.c */
void pass_repository(struct pass *pass);
void pass_mirror(struct pass *pass);
void pass_setup(struct pass *pass);

/* pass_task.c */
void pass_task(struct pass *pass);

/* relatives.c: tasks look at their repository's container, and the other way round. */
void work_tell_relatives(struct entry *entry, const struct object_status *before, bool was_passed);

#endif
