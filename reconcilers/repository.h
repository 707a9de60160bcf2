/*
 * Repository containers: one container per repository (or branch of it), alive while tasks need it.
 * Pure.
 *
 * First task: created; further ones join; none left: stopped after the idle timeout, removed after
 * the retain time with all trees. Its folder of trees is there before it, so it does not wait for
 * the clone, unless the repository's own devcontainer.json is to say what image it has.
 */
#ifndef BERTH_RECONCILERS_REPOSITORY_H
#define BERTH_RECONCILERS_REPOSITORY_H

#include "reconcilers/container.h"
#include "reconcilers/task.h"

#define RUNNER_USER_FILE                                                                           \
    "/.berth/tasks/.user" /* the runner says there who the container's user is */

/* An image that repository containers may be made from beside the one that their settings name. */
struct snapshot_image {
    const char *reference; /* NULL: none is wanted */
    const struct observed_image *image;
};

/* A container that a branch has to itself, as its own last pass decided. */
struct branch_container {
    const char *branch, *container;
    unsigned active_tasks;
    const struct object_status *status; /* NULL: not looked at yet */
};

struct repository_input {
    const char *container_name;    /* also its key: "RepositoryContainer/<name>" */
    const char *base_name;         /* the same, of all branches together: names the caches */
    const char *url;               /* canonical */
    const char *branch;            /* isolation Branch: whose container it is; NULL: everybody's */
    const struct object *settings; /* the Repository object, or one with all defaults */
    bool is_explicit;              /* a Repository object exists */
    bool is_deleted;               /* it was deleted, and no task came since: do not retain */
    bool is_evicted; /* its disk is needed: it is not retained while nobody needs it */
    const char *refusal_reason, *refusal; /* the URL is not allowed; NULL: it is */
    unsigned active_tasks;                /* that want it */
    unsigned running_tasks; /* in it: their commands run, or their sessions are open */
    unsigned sessions;      /* exec sessions of people in it */
    bool may_have_sessions; /* the engine was not heard yet about all that runs in it */
    const struct branch_container *branches; /* isolation Branch: the others of the repository */
    size_t branch_count;
    bool is_setting_up;          /* its setup runs */
    const char *pool, *instance; /* where it is placed; NULL: unplaced */
    bool is_displaced; /* the instance it was on is no more, and nothing wants it elsewhere yet */
    /* it is kept up without tasks: its settings or its pool say so, and it has a place */
    bool is_warm;
    const char *awaited_pool; /* it is to be warm and has no place in that pool; NULL: else */
    bool is_pool_unknown;     /* ... which does not exist */
    const char *awaits;       /* what must be known before it can be made, or NULL */
    const char *pressure;     /* the disk is full: nothing new; NULL: it is not */
    bool has_unseen_trees;    /* a task that is over left one that was not looked at yet */
    /* its trees have work that is nowhere else; 0: they have none */
    int64_t work_kept_until_wall_ms;
    const struct observed_trees *trees;
    const struct source *source; /* what a task without a word of its own would begin from */
    const struct observed_mirror *mirror;
    const struct object_status *mirror_status; /* NULL, like the next: not looked at yet */
    const struct object_status *setup_status;
    struct snapshot_image snapshot;
    const struct machine_limits *machine;            /* of that instance; NULL: unplaced */
    const struct observed_machine *observed_machine; /* its cgroup, as far as one looked */
    const struct observed_container *container;
    const struct observed_image *image;   /* the one that the settings name */
    const struct observed_values *values; /* of env; NULL: none comes from elsewhere */
    const struct observed_failure *failure;
    const struct object_status *previous;
};

void repository_reconcile(const struct world *world, const struct repository_input *input,
                          struct plan *plan, struct object_status *status);

const char *repository_image(const struct world *world, const struct object *settings);

/*
 * Whom its tasks run as, as the container knows it: the settings' word, else the image's; "": root.
 */
const char *repository_user(const struct object *settings, const char *image_user,
                            struct arena *arena);

/* The ports of the container: the settings' own, then the block for tasks. In the arena. */
struct port_list repository_ports(const struct object *settings, struct arena *arena);

/* True when nothing of it is left and nobody wants it: the controller may forget it. */
bool repository_is_gone(const struct repository_input *input);

#endif
