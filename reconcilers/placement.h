/*
 * Placement: which member of a pool a repository container counts against, and which tasks have a place.
 *
 * One pure function over everything that is placed or waits. A repository has one container, so it is on one member; tasks
 * follow their repository. A task without a free place waits in its pool's queue: priority first, then arrival. Whoever has a place keeps it
 * until it is over: nothing running is ever moved.
 *
 * A repository container moves only while no admitted task uses it: when its member is closed (drained, stopped, lost for
 * good, gone), or when another pool is asked for. Its workspace is on the host and goes with it.
 */
#ifndef BERTH_RECONCILERS_PLACEMENT_H
#define BERTH_RECONCILERS_PLACEMENT_H

#include "specs/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Without a pool object of this name, repository containers run unplaced. */
#define DEFAULT_POOL "default"

struct placement_pool {
    const char *name;
    enum placement placement;
    unsigned max_tasks;              /* per member */
    int64_t cpu_milli, memory_bytes; /* of one member */
    bool can_grow;                   /* below maxInstances, and not held back by failures */
    unsigned max_instances;          /* for messages */
};

struct placement_member {
    const char *name;  /* of the instance */
    size_t pool;       /* index */
    bool is_open;      /* ready and not being drained: takes what is new */
    bool is_standing;  /* still there, or being repaired under its name: what is on it stays */
    uint64_t sequence; /* order of creation: the older wins between equals */
};

struct placement_repository {
    const char *key;
    const char *pool;                /* its settings' pool; never NULL */
    const char *instance;            /* the member it is on now, or NULL */
    int64_t cpu_milli, memory_bytes; /* what it asks for; 0: nothing */
    bool is_warm;                    /* wants a place also without tasks */
    bool is_present; /* its container exists: it counts against its member until it is removed */
};

struct placement_task {
    const char *key;
    size_t repository; /* index */
    const char *pool;  /* the task's own wish, or NULL */
    int64_t priority;
    int64_t arrival_wall_ms;
    uint64_t sequence; /* between equal arrivals */
    bool is_admitted;  /* it has its place */
};

struct placement_input {
    const struct placement_pool *pools;
    size_t pool_count;
    const struct placement_member *members;
    size_t member_count;
    const struct placement_repository *repositories;
    size_t repository_count;
    const struct placement_task *tasks; /* not over, in any order */
    size_t task_count;
};

struct repository_placement {
    const char *instance; /* of the input's members, or NULL: unplaced or waiting */
    const char *pool;     /* whose member it is on or waits for; NULL: unplaced */
    bool is_waiting;      /* a warm one without a place */
};

struct task_placement {
    bool is_admitted;
    const char *pool;        /* NULL: none is needed */
    const char *instance;    /* NULL: not admitted, or unplaced */
    unsigned queue_position; /* from 1 in its pool's queue; 0: it does not wait there */
    const char *
        reason; /* PoolExhausted, InstanceFull, Unschedulable, PoolUnknown, PoolConflict; NULL when admitted */
    char *message; /* with the numbers; owned */
};

struct placement_result {
    struct repository_placement *repositories;
    struct task_placement *tasks;
    unsigned *waiting_tasks;        /* by pool: that a new member would take */
    unsigned *waiting_repositories; /* by pool: warm ones likewise */
    size_t task_count;
};

void placement_decide(const struct placement_input *input, struct placement_result *ret_result);
void placement_result_done(struct placement_result *result);

#endif
