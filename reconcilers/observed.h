/*
 * What the world looks like: the facts a reconciler decides on.
 *
 * Plain data, filled by controller/observe from the engine and the disk. Names are the workload's own stable names,
 * ids only serve to tell one container from its successor.
 */
#ifndef BERTH_RECONCILERS_OBSERVED_H
#define BERTH_RECONCILERS_OBSERVED_H

#include "specs/types.h"

#include <stdbool.h>
#include <stdint.h>

enum workload_state {
    WORKLOAD_CREATED,
    WORKLOAD_RUNNING,
    WORKLOAD_PAUSED,
    WORKLOAD_RESTARTING,
    WORKLOAD_REMOVING,
    WORKLOAD_EXITED,
    WORKLOAD_DEAD,
};

const char *workload_state_name(enum workload_state state);

/* A container with one of our names, whoever made it. Texts are owned; NULL where unknown. */
struct observed_container {
    char *name, *id, *image, *image_id;
    bool is_ours;          /* its dev.berth.controller label is this controller's id */
    bool is_released;      /* it was, and was given up: deletionPolicy Retain */
    bool is_retained;      /* made while its spec said Retain: label dev.berth.deletion-policy */
    char *kind, *object;   /* labels dev.berth.kind and dev.berth.name */
    char *hash, *fields;   /* labels dev.berth.hash and dev.berth.fields */
    char *ports;           /* label dev.berth.ports */
    char *source;          /* label dev.berth.source */
    char *env;             /* label dev.berth.env */
    char *pool, *instance; /* labels dev.berth.pool and dev.berth.instance */
    enum workload_state state;
    int64_t exit_code;
    bool is_oom_killed;
    char *error; /* the engine's words about a failed start */
    int64_t created_wall_ms, started_wall_ms, finished_wall_ms;
    bool has_asked_address;          /* it was made with a wish for an address */
    char *network, *network_id, *ip; /* its own network, else another it is on; NULL: none */
    char *cgroup_parent;             /* "" : the engine's own */
    char **log_tail; /* last lines, once they were read for this end of it; NULL: not read */
    size_t log_count;
    bool has_log;
};

void observed_container_free(struct observed_container *container); /* accepts NULL */

/* A network of ours. */
struct observed_network {
    char *id;
    char *subnet; /* "10.210.7.0/24"; NULL: the engine chose it, and no address can be asked for */
};

void observed_network_free(struct observed_network *network); /* accepts NULL */

/* An image as the engine has it. */
enum image_state { IMAGE_UNKNOWN, IMAGE_ABSENT, IMAGE_PRESENT };

struct observed_image {
    enum image_state state;
    const char *id;
    const char *user; /* what its containers run as, "" for root */
    bool has_command;
};

/* The cgroup of an instance, above its containers (capacity.h). */
struct observed_machine {
    bool has_cgroup;                       /* it exists on this machine, with these limits */
    int64_t cpu_milli, memory_bytes, pids; /* 0: no limit */
    bool has_container;                    /* the container at hand is below it */
    const char *failure;                   /* why the limits could not be set; NULL: they could */
    int64_t failed_at_wall_ms;
};

/* A repository's files on disk. */
struct observed_workspace {
    bool exists;        /* the tree is complete */
    const char *branch; /* it was made from */
    bool is_head;       /* that branch was the remote's HEAD, not asked for by name */
    const char *commit;
    const char *path;       /* on the host */
    const char *tasks_path; /* where tasks' records are, on the host */
};

/* What the records of a task's attempt say (clients/runner_record.h). */
enum attempt_state { ATTEMPT_ABSENT, ATTEMPT_RUNNING, ATTEMPT_ENDED, ATTEMPT_LOST };

enum attempt_outcome { OUTCOME_EXITED, OUTCOME_TIMED_OUT, OUTCOME_STOPPED, OUTCOME_NOT_STARTED };

struct observed_attempt {
    enum attempt_state state;
    enum attempt_outcome outcome; /* of ENDED, like what follows */
    int64_t exit_code;
    int64_t started_wall_ms, finished_wall_ms;
    const char *message;
};

/* The last failure of an action for this object with its current spec. */
struct observed_failure {
    unsigned count;    /* in a row; 0: none */
    bool is_permanent; /* will fail until somebody changes something: still retried, slowly */
    const char *reason, *message;
    int64_t at_wall_ms; /* of the last one */
};

#endif
