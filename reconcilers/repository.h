/*
 * Repository containers: one container and one workspace per repository, alive while tasks need them.
 *
 * First task: cloned and created; further ones join; none left: stopped after the idle timeout, removed after the
 * retain time with its workspace. Pure.
 */
#ifndef BERTH_RECONCILERS_REPOSITORY_H
#define BERTH_RECONCILERS_REPOSITORY_H

#include "reconcilers/container.h"

#define WORKSPACE_MOUNT "/workspace"

struct repository_input {
    const char *container_name;    /* also its key: "RepositoryContainer/<name>" */
    const char *url;               /* canonical */
    const struct object *settings; /* the Repository object, or one with all defaults */
    bool is_explicit;              /* a Repository object exists */
    bool is_deleted;               /* it was deleted, and no task came since: do not retain */
    bool is_refused;               /* the URL is against the policy: refusal says why */
    const char *refusal;
    unsigned active_tasks;       /* that want it */
    unsigned running_tasks;      /* in it: their commands run, or their sessions are open */
    const char *pool, *instance; /* where it is placed; NULL: unplaced */
    bool is_displaced; /* the instance it was on is no more, and nothing wants it elsewhere yet */
    bool
        is_warm; /* it is kept up without tasks: its settings or its pool say so, and it has a place */
    const char *awaited_pool; /* it is to be warm and has no place in that pool; NULL: else */
    bool is_pool_unknown;     /* ... which does not exist */
    const char *branch;       /* what the workspace is to be made from; NULL: the remote's HEAD */
    bool is_in_use;           /* a task works in the workspace as it is */
    const struct machine_limits *machine;            /* of that instance; NULL: unplaced */
    const struct observed_machine *observed_machine; /* its cgroup, as far as one looked */
    const struct observed_container *container;
    const struct observed_image *image;
    const struct observed_values *values; /* of env; NULL: none comes from elsewhere */
    const struct observed_workspace *workspace;
    const struct observed_failure *failure;
    const struct object_status *previous;
};

void repository_reconcile(const struct world *world, const struct repository_input *input,
                          struct plan *plan, struct object_status *status);

/* Whether a workspace is what a wish for a branch (NULL: the remote's HEAD) asks for. */
bool workspace_has_branch(const struct observed_workspace *workspace, const char *branch);

const char *repository_image(const struct world *world, const struct object *settings);

/* True when nothing of it is left and nobody wants it: the controller may forget it. */
bool repository_is_gone(const struct repository_input *input);

#endif
