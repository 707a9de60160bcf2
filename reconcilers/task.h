/*
 * Tasks: a command or an open session in a repository's container. Pure.
 */
#ifndef BERTH_RECONCILERS_TASK_H
#define BERTH_RECONCILERS_TASK_H

#include "reconcilers/container.h"

/* Whether it has its place (reconcilers/placement.h). */
struct task_admission {
    bool is_admitted;
    const char *pool, *instance; /* NULL: none is needed, none is given yet */
    unsigned queue_position;
    const char *reason, *message; /* why it waits */
};

struct task_input {
    const char *name;
    const struct object *desired; /* NULL: its spec is gone */
    const char
        *branch; /* that it is to work on: its own, else the settings'; NULL: the remote's HEAD */
    const char *repository; /* name of the repository container; NULL: it cannot be told */
    const struct task_admission *admission; /* NULL: not decided yet */
    const char *refusal_reason, *refusal;   /* why this task can have no container, or NULL */
    const struct object_status *repository_status; /* NULL: not looked at yet */
    const struct observed_container *container;    /* the repository's */
    const struct observed_workspace *workspace;
    const struct observed_values *values; /* of env; NULL: none comes from elsewhere */
    const struct observed_attempt *attempt;
    const struct observed_failure *failure;
    const struct object_status *previous;
};

void task_reconcile(const struct world *world, const struct task_input *input, struct plan *plan,
                    struct object_status *status);

/* True while it waits for another branch than the workspace has: it takes no part until nobody else does. */
bool task_is_held_by_branch(const struct object_status *status);

/* True while the task needs its repository container: wanted and not over. */
bool task_is_active(const struct object *desired, const struct object_status *status);

/* True when it has ended, one way or the other. */
bool task_is_over(const struct object_status *status);

#endif
