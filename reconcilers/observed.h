/*
 * What the world looks like: the facts a reconciler decides on.
 *
 * Plain data, filled by controller/observe from the engine and the disk. Names are the workload's
 * own stable names, ids only serve to tell one container from its successor.
 */
#ifndef BERTH_RECONCILERS_OBSERVED_H
#define BERTH_RECONCILERS_OBSERVED_H

#include "base/arena.h"
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

/* A container with one of our names, whoever made it. Texts are NULL where unknown. */
struct observed_container {
    struct arena arena; /* of all texts but the log's */
    const char *name, *id, *image, *image_id;
    /* Which list said that it is so, and as what; 0: none did. Not for decisions. */
    uint64_t list_number, list_digest;
    bool is_ours;     /* its dev.berth.controller label is this controller's id */
    bool is_released; /* it was, and was given up: deletionPolicy Retain */
    bool is_retained; /* made while its spec said Retain: label dev.berth.deletion-policy */
    const char *kind, *object;   /* labels dev.berth.kind and dev.berth.name */
    const char *hash, *fields;   /* labels dev.berth.hash and dev.berth.fields */
    const char *ports;           /* label dev.berth.ports */
    const char *source;          /* label dev.berth.source */
    const char *env;             /* label dev.berth.env */
    const char *pool, *instance; /* labels dev.berth.pool and dev.berth.instance */
    const char *trees;           /* label dev.berth.trees */
    const char *branch;          /* label dev.berth.branch */
    int64_t pid; /* of its first process, as the engine's machine counts; 0: it does not run */
    /* When that began, where this is certain (base/process.h); else 0. Not for decisions. */
    uint64_t process;
    enum workload_state state;
    int64_t exit_code;
    bool is_oom_killed;
    const char *error; /* the engine's words about a failed start */
    int64_t created_wall_ms, started_wall_ms, finished_wall_ms;
    bool has_asked_address;                /* it was made with a wish for an address */
    const char *network, *network_id, *ip; /* its own network, else another it is on; NULL: none */
    const char *cgroup_parent;             /* "" : the engine's own */
    const char **binds; /* what it has mounted of the host, by the paths that it was made with */
    size_t bind_count;
    char **log_tail; /* last lines, once they were read for this end of it; NULL: not read */
    size_t log_count;
    bool has_log;
};

void observed_container_free(struct observed_container *container); /* accepts NULL */
/* A copy that lives as long; NULL stays NULL. */
const char *observed_text(struct observed_container *container, const char *text);

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

/* What a tree may be made from: the remote's HEAD, a branch, or a tag or commit. */
enum revision_kind { REVISION_HEAD, REVISION_BRANCH, REVISION_REF };

struct revision {
    enum revision_kind kind;
    const char *name; /* NULL for HEAD */
};

/* The mirror of a repository, shared by all that is made from it. */
struct observed_mirror {
    bool exists;
    int64_t fetched_wall_ms; /* when the last fetch that succeeded began; 0: never */
    const char *head_branch; /* NULL: not known, or the remote names none */
    const char *head_commit;
};

/* How trees can be made in a container's folder of trees. */
enum trees_method { TREES_UNKNOWN, TREES_OVERLAY, TREES_COPY };

const char *trees_method_name(enum trees_method method); /* "overlay", "copy" */

/* The folder of a container's trees, and who they belong to. */
struct observed_trees {
    bool exists;            /* something of it is on disk */
    const char *path;       /* on the host; /workspace inside */
    const char *tasks_path; /* where tasks' records are, on the host */
    enum trees_method method;
    const char *method_message; /* why not overlay */
    /* the container has another folder mounted, since this one was lost */
    bool is_mounted_elsewhere;
    bool is_user_known;
    const char *user;       /* as the container knows it: "", "node", "1000:1000" */
    int64_t uid, gid;       /* once it is known */
    const char *user_error; /* why it cannot be known */
};

/* The tree that all tasks of a container work in (isolation Shared, or Branch). */
struct observed_shared_tree {
    bool exists;  /* ready to be worked in */
    bool is_lost; /* it was made, and is not there: its mount is gone, and what is in it is not */
    const char *branch, *commit; /* it was made from; branch NULL: no branch but a tag or commit */
    const char *layer;           /* key of the setup below it; NULL: none */
    unsigned users;              /* other tasks that work in it, or are about to */
    bool is_inspected;           /* since the last of them ended */
    bool is_dirty, is_unpushed;
    int64_t used_wall_ms; /* when the last one ended */
};

/* What the records of a task's attempt say (clients/runner_record.h). */
enum attempt_state { ATTEMPT_ABSENT, ATTEMPT_RUNNING, ATTEMPT_ENDED, ATTEMPT_LOST };

enum attempt_outcome { OUTCOME_EXITED, OUTCOME_TIMED_OUT, OUTCOME_STOPPED, OUTCOME_NOT_STARTED };

struct observed_attempt {
    enum attempt_state state;
    enum attempt_outcome outcome; /* of ENDED, like what follows */
    int64_t exit_code;
    bool is_oom_killed;
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
