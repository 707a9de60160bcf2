/*
 * What the sources of the task's reconciler share; the manual is task.h.
 */
#ifndef BERTH_RECONCILERS_TASK_PARTS_H
#define BERTH_RECONCILERS_TASK_PARTS_H

#include "reconcilers/task.h"

struct task_pass {
    const struct world *world;
    const struct task_input *input;
    struct plan *plan;
    struct object_status *status;
    bool has_chosen_tree; /* in this very pass */
};

/* task_start.c: from its place to its tree and its command, or to an open session. */
void task_reconcile_start(struct task_pass *pass);
/* What it is to be made from is not known yet, or is not there. */
void task_wait_for_source(const struct task_pass *pass);

/* It was decided on, and nothing was done about it: others need not reckon with it. */
void task_forget_tree(struct object_status *status);

/* task_end.c */
void task_finish(struct task_pass *pass, enum phase phase, const char *reason, const char *message,
                 int64_t end_wall_ms);
/*
 * What an attempt that has ended, or was lost, means: the end, or a wait for the next one. False:
 * the next one is due.
 */
bool task_judge_attempt(struct task_pass *pass);
/* It is over: what was true stays true, and what it leaves is kept for its time. */
void task_reconcile_over(struct task_pass *pass);
/* Its spec is gone, and nothing of it runs. */
void task_reconcile_gone(struct task_pass *pass);

#endif
