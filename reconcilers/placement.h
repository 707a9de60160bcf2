/*
 * Placement: which member of a pool a repository container counts against, and which tasks have a
 * place.
 *
 * One pure function over everything that is placed or waits. A repository has one container, so it
 * is on one member; tasks follow their repository. A task without a free place waits in its pool's
 * queue: priority first, then arrival. Whoever has a place keeps it until it is over: nothing
 * running is ever moved, whatever becomes of its member.
 *
 * A repository container moves only while no admitted task uses it, and only when a task wants it
 * that its member cannot take: the member is closed or full, or another pool is asked for. A warm
 * one moves without a task when its member is for good out of service. Its workspace is on the host
 * and goes with it.
 *
 * A task that does not fit does not hold up those behind it that do; only tasks of one repository
 * keep their order. Warm repositories come after all tasks. Deciding again, with the result
 * applied, changes nothing.
 *
 * The time is that of sorting the tasks, and the logarithm of a pool's members for each.
 */
#ifndef BERTH_RECONCILERS_PLACEMENT_H
#define BERTH_RECONCILERS_PLACEMENT_H

#include "specs/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Without a pool object of this name, repository containers run unplaced. */
#define DEFAULT_POOL "default"

enum { QUEUE_EXACT = 10 };

/*
 * Why a task waits that its pool grows for: not in the catalogue of reasons, since nothing is
 * wrong.
 */
#define PLACEMENT_WAITING "Waiting"

struct placement_pool {
    const char *name;
    enum placement placement;
    unsigned max_tasks;              /* per member */
    int64_t cpu_milli, memory_bytes; /* of one member; 0: without bound */
    bool can_grow;                   /* below maxInstances, and not held back by failures */
    unsigned max_instances;          /* for messages */
};

struct placement_member {
    const char *name;  /* of the instance */
    size_t pool;       /* index */
    bool is_open;      /* ready and not being drained: takes what is new */
    bool is_standing;  /* open, or soon again under its name: idle warm repositories stay. Not
                        * standing: failed, stopped, about to be removed */
    uint64_t sequence; /* order of creation: the older wins between equals */
};

struct placement_repository {
    const char *key;
    const char *pool;                /* its settings' pool; never NULL */
    const char *instance;            /* the member it is on now, or NULL */
    int64_t cpu_milli, memory_bytes; /* what it asks for; 0: nothing */
    bool is_warm;                    /* wants a place also without tasks */
    /*
     * Its container counts against its member also without tasks: it runs, or is about to. A
     * stopped one need not count: it asks for room when it is wanted.
     */
    bool is_present;
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

/*
 * Pools that are deleted and their members are left out: what has a place there keeps it all the
 * same.
 */
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
    const char *instance; /* the input's text; NULL: unplaced, or without a place */
    const char *pool;     /* whose member it is on or waits for; NULL: unplaced */
    bool is_waiting;      /* a warm one that finds no place; until it does it stays where it is */
};

struct task_placement {
    bool is_admitted;
    const char *pool;        /* that it is placed in or asks for; NULL: none is needed */
    const char *instance;    /* NULL: not admitted, or unplaced */
    unsigned queue_position; /* from 1 in its pool's queue; 0: it does not wait there. What is said
                              * of it is placement_told_position() */

    /* Waiting, PoolExhausted, InstanceFull (these are in the queue), Unschedulable, PoolUnknown,
     * PoolConflict (these are not); NULL when admitted */
    const char *reason;
    char *message; /* with the numbers; owned */
};

struct placement_result {
    struct repository_placement *repositories;
    struct task_placement *tasks;
    unsigned *waiting_tasks;        /* by pool: that a new member would take */
    unsigned *waiting_repositories; /* by pool: warm ones likewise */
    /* by pool: new members that those fill by what they ask for, at least */
    unsigned *waiting_members;
    size_t task_count;
};

/* Texts in the result are the input's. */
void placement_decide(const struct placement_input *input, struct placement_result *ret_result);
void placement_result_done(struct placement_result *result);

/*
 * The position as a status tells it: exact for the first QUEUE_EXACT, and for those behind them the
 * next of 20, 50, 100, 200, 500, ... that is not less. Whoever leaves a queue moves all behind it
 * up; if each of them told that, a queue would cost the square of its length.
 */
unsigned placement_told_position(unsigned queue_position);

#endif
