/*
 * Tasks: a command or an open session in a repository's container, each in a working tree. Pure.
 *
 * A task waits for its place, then for what its tree is made from (mirror.h), for the setup of that
 * commit (setup.h) and for the container; then its tree is made and its command started, once per
 * attempt. With isolation Task the tree is its own and outlives it for a while, longer when it has
 * work that is nowhere else; otherwise it is the one tree of the container, "shared", which tasks
 * join.
 *
 * Reading order: task_reconcile() in task.c; task_start.c (what a start needs); task_end.c
 * (results, retries, what is kept).
 */
#ifndef BERTH_RECONCILERS_TASK_H
#define BERTH_RECONCILERS_TASK_H

#include "reconcilers/container.h"
#include "reconcilers/mirror.h"

#define WORKSPACE_MOUNT "/workspace"
#define SHARED_TREE "shared"

/* Whether it has its place (reconcilers/placement.h). */
struct task_admission {
    bool is_admitted;
    const char *pool, *instance; /* NULL: none is needed, none is given yet */
    unsigned queue_position;
    const char *reason, *message; /* why it waits */
};

/* The setup for the commit that its tree would be made from. */
enum setup_state { SETUP_NONE, SETUP_READY, SETUP_WAITING, SETUP_FAILED };

struct task_setup {
    enum setup_state state;
    const char *layer;   /* READY: below its tree; NULL: none */
    const char *message; /* WAITING, FAILED */
};

/* A port of the block that the container publishes for its tasks. */
struct block_port {
    uint16_t container_port, host_port;
    bool is_taken; /* another task has it */
};

struct task_input {
    const char *name;
    const struct object *desired;  /* NULL: its spec is gone */
    const struct object *settings; /* of its repository; NULL: it cannot be told */
    enum isolation isolation;
    const char *repository; /* name of the repository container; NULL: it cannot be told */
    const char *url;        /* canonical */
    int64_t ttl_ms;         /* how long tree and log are kept; also known when the spec is gone */
    const struct task_admission *admission;    /* NULL: not decided yet */
    const char *refusal_reason, *refusal;      /* why this task can have no container, or NULL */
    const char *forbidden;                     /* why it may not run at all, or NULL */
    const struct source *source;               /* NULL: its repository cannot be told */
    const struct object_status *mirror_status; /* NULL: not looked at yet */
    const struct object_status *repository_status; /* NULL: not looked at yet */
    const struct observed_container *container;    /* the repository's */
    const struct observed_trees *trees;
    const char *free_tree; /* name for a tree of its own that no other has */
    bool has_tree;         /* its own tree is there, ready to be worked in */
    const struct observed_shared_tree *shared;
    bool has_snapshot; /* of the source's commit, for the container's user */
    struct task_setup setup;
    const struct block_port *block;
    size_t block_count;
    const char *pressure;                   /* the disk is full: nothing new; NULL: it is not */
    const struct observed_values *values;   /* of env; NULL: none comes from elsewhere */
    const struct observed_attempt *attempt; /* the one in the previous status */
    const struct observed_failure *failure;
    const struct object_status *previous;
};

void task_reconcile(const struct world *world, const struct task_input *input, struct plan *plan,
                    struct object_status *status);

/* What its tree is to be made from: its own word, else the settings'. */
struct revision task_revision(const struct object *desired, const struct object *settings);
enum isolation task_isolation(const struct object *desired, const struct object *settings);

/*
 * Why it may not run on this repository, or NULL; the caller's to free. owner: whose the spec file
 * is; NULL: anybody's.
 */
char *task_find_forbidden(const struct object *desired, const struct object *settings,
                          const char *owner);

/*
 * True while it waits for another branch than the shared tree has: it takes no part until nobody
 * else does.
 */
bool task_is_held_by_branch(const struct object_status *status);

/* It has ended, with whatever result. */
bool task_is_over(const struct object_status *status);

/* Its tree is gone, after it ended: what was found in it stays known, where it was does not. */
void task_forget_place(struct object_status *status);

/* True while it needs its repository container; status may be NULL. */
bool task_is_active(const struct object *desired, const struct object_status *status);

#endif
