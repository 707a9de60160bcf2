/*
 * What Berth says about an object: its status, in memory and as a document.
 *
 * A reconciler makes a new status from the old one in every pass; the controller adds the operation
 * under way. The document beside the spec is written from it, and read back after a restart, so
 * counters, history and times of transition outlive the controller. Losing it costs history, never
 * a container. Texts are borrowed from the status' own arena: use status_text() to put one in.
 */
#ifndef BERTH_SPECS_STATUS_H
#define BERTH_SPECS_STATUS_H

#include "base/arena.h"
#include "base/cleanup.h"
#include "specs/types.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum phase {
    PHASE_UNKNOWN, /* nothing has been looked at yet */
    PHASE_PROVISIONING,
    PHASE_STAGING,
    PHASE_RUNNING,
    PHASE_STOPPING,
    PHASE_TERMINATED,
    PHASE_REPAIRING,
    PHASE_SUSPENDING,
    PHASE_SUSPENDED,
    PHASE_PENDING, /* tasks from here */
    PHASE_PREPARING,
    PHASE_TASK_RUNNING,
    PHASE_SUCCEEDED,
    PHASE_FAILED,
    PHASE_INVALID, /* the spec cannot be used and there is no earlier one that could */
};

const char *phase_name(enum phase phase); /* GCE's words in capitals, Kubernetes' for tasks */

enum condition_type {
    CONDITION_READY, /* kstatus' three */
    CONDITION_RECONCILING,
    CONDITION_STALLED,
    CONDITION_SPEC_VALID, /* False: the file has errors and an older version is in force */
    CONDITION_IMAGE_READY,
    CONDITION_PORTS_ALLOCATED,
    CONDITION_WORKSPACE_READY,
    CONDITION_UPDATE_PENDING, /* a change waits until tasks have ended */
    CONDITION_NETWORK_READY,
    CONDITION_CAPACITY_ENFORCED, /* the machine type is a real bound, not only book-keeping */
    CONDITION_WORK_KEPT, /* a tree outlives its task, since it has work that is nowhere else */
};
enum { CONDITION_COUNT = 11 };

const char *condition_type_name(enum condition_type type); /* "PortsAllocated" */

enum condition_value { CONDITION_ABSENT, CONDITION_FALSE, CONDITION_TRUE, CONDITION_UNKNOWN };

struct condition {
    enum condition_value value; /* CONDITION_ABSENT: not in the document */
    const char *reason;
    const char *message;
    int64_t since_wall_ms;
};

enum operation_state {
    OPERATION_NONE,
    OPERATION_PENDING, /* planned; waits for its turn, or for the next try */
    OPERATION_RUNNING,
    OPERATION_DONE, /* over, well or with an error */
};

/* One piece of work on the object: the one to come, the one under way, or one of the past. */
struct operation {
    enum operation_state state;
    const char *type;    /* create, update, start, stop, restart, suspend, repair, delete, ... */
    const char *cause;   /* why: "container was removed" */
    const char *message; /* what it does or waits for just now */
    unsigned progress;   /* 0..100 */
    int64_t start_wall_ms, end_wall_ms; /* start 0: not begun */
    const char *error_reason;           /* NULL: no error */
    const char *error_message;
};

enum { HISTORY_LENGTH = 5, STATUS_LOG_LINES = 20 };

struct status_container {
    const char *id, *name, *image, *image_id, *ip, *network;
    int64_t started_wall_ms;
};

struct status_port {
    const char *name;
    uint16_t container_port;
    enum port_protocol protocol;
    const char *host_ip;
    uint16_t host_port;
};

/* How the container's process ended the last time, and how often it had to be started again. */
struct status_restarts {
    unsigned count;    /* since the object exists */
    unsigned in_a_row; /* crashes without ten good minutes between them: drives the back-off */
    int64_t next_retry_wall_ms; /* 0: none is waited for */
    bool has_last;
    int64_t last_exit_code;
    const char *last_reason;
    /* why Berth ended it: which probe failed, and how; NULL: it ended by itself */
    const char *last_message;
    int64_t last_finished_wall_ms;
    struct text_list last_log;
};

enum probe_verdict { VERDICT_UNKNOWN, VERDICT_SUCCESS, VERDICT_FAILURE };

struct status_probe {
    bool is_set;
    enum probe_verdict verdict;
    unsigned successes, failures; /* in a row: one of them is 0, and none is above its threshold */
    const char *last_failure;     /* NULL: none since the container's start */
    int64_t since_wall_ms;        /* how long the verdict has been so */
};

/* What the probes say about one start of the container. */
struct status_probes {
    int64_t started_wall_ms; /* that start; 0: no probes */
    int64_t ready_wall_ms;   /* when it was ready for the first time; 0: not yet */
    struct status_probe of[PROBE_TYPE_COUNT];
};

enum hook_result { HOOK_UNKNOWN, HOOK_SUCCEEDED, HOOK_FAILED, HOOK_SKIPPED };

/* How a hook ended the last time. */
struct status_hook {
    enum hook_result result;           /* SKIPPED: the container ran before the spec had the hook */
    const char *message;               /* of a failure */
    int64_t container_started_wall_ms; /* the start of the container that it belongs to */
    int64_t end_wall_ms;
    bool has_ended_container; /* postStart: Berth stopped the container because of it */
};

struct status_hooks {
    struct status_hook post_start, pre_stop;
};

struct status_error {
    unsigned code;
    const char *reason;
    const char *message;
    const char *location; /* "web.yaml:7:16 spec.machineType", or NULL */
};

/* A port of the shared block that a task has. */
struct status_task_port {
    const char *name;
    uint16_t container_port, host_port;
};

/*
 * The working tree of a task: where it is, what it began from, and what is in it now that the task
 * is over.
 */
struct status_tree {
    const char *name;           /* NULL: it has none, or none any more */
    const char *method;         /* "overlay", "copy" */
    const char *host_path;      /* where the tree is on the host */
    const char *layer;          /* key of the setup below it; NULL: none */
    const char *note;           /* what one should know about the commit it was made from */
    const char *home, *tmp;     /* inside the container; NULL: the container's own */
    int64_t uid, gid;           /* whose it is */
    const char *end_branch;     /* NULL: a detached HEAD, or not known; so are the next */
    const char *end_commit;     /* where its HEAD was when the task had ended */
    bool is_inspected;          /* the rest is known */
    bool is_dirty;              /* files were changed and not committed */
    bool is_unpushed;           /* it has commits that the remote has not */
    int64_t removed_at_wall_ms; /* when it goes; 0: not decided */
};

struct status_task {
    const char *id;         /* names the directory with its records and log */
    const char *hash;       /* of the spec it was started with */
    const char *url;        /* canonical, of the repository */
    const char *repository; /* name of the repository container */
    const char *work_dir;   /* inside the container */
    const char *branch;     /* it is on inside its tree */
    const char *commit;     /* its tree was made from */
    const char *user;       /* of the container that it runs as; "" is root */
    const char *log_file;   /* on the host */
    struct status_tree tree;
    const char *person;     /* spec.user */
    struct text_list links; /* caches that its home has links to */
    struct status_task_port *ports;
    size_t port_count;
    unsigned attempt; /* 0: the command was not started yet */
    int64_t start_wall_ms, end_wall_ms;
    int64_t next_retry_wall_ms; /* an attempt has failed, and the next one starts then; 0: no */
    bool has_exit_code;
    int64_t exit_code;
    const char *reason;      /* Completed, Error, DeadlineExceeded, ContainerLost, ... */
    const char *pool;        /* whose place it takes; NULL: none is needed */
    const char *instance;    /* the member it was placed on; NULL: not placed, or unplaced */
    bool is_admitted;        /* it has its place, and keeps it until it is over */
    unsigned queue_position; /* 1 is the next; 0: it does not wait */
    int64_t arrival_wall_ms; /* when it was seen first: its rank among equals */
};

/* A tree that outlives its task, since it has work that is nowhere else. */
struct status_kept_tree {
    const char *task, *path, *branch, *commit;
    int64_t until_wall_ms;
};

/* The container of a branch (isolation Branch). */
struct status_branch {
    const char *branch, *container;
    enum phase phase;
    const char *reason; /* of Ready; NULL like message: not known yet */
    const char *message;
    unsigned active_tasks;
};

struct status_repository {
    const char *url;             /* canonical */
    const char *branch, *commit; /* that a new task would begin from */
    const char *trees;           /* folder of the working trees, on the host */
    const char *method;          /* "overlay", "copy" */
    const char *method_message;  /* why not overlay */
    unsigned active_tasks, sessions;
    int64_t idle_since_wall_ms;  /* 0: in use */
    const char *pool, *instance; /* where its container is placed; NULL: unplaced */
    int64_t fetched_wall_ms;     /* when the remote was last asked; 0: not yet */
    int64_t disk_bytes;          /* of mirror, snapshots and trees; 0: not measured yet */
    const char
        *setup_state; /* "Succeeded", "Running", "Failed"; NULL: it has no setup, or none ran yet */
    const char *setup_commit, *setup_log, *setup_message;
    bool has_submodules, has_lfs; /* what a clone here does not bring */
    const char
        *snapshot_image; /* that the container was made from, or the next will be; NULL: none */
    struct text_list unsupported; /* of devcontainer.json */
    struct status_kept_tree *kept;
    size_t kept_count;
    struct status_branch *branches; /* with containers of their own */
    size_t branch_count;
};

/* A pool's numbers, and what its arithmetic must remember (reconcilers/pool.h). */
struct status_pool {
    bool is_set;
    unsigned wanted, members, ready, starting, failed, draining, updated;
    unsigned active_tasks, waiting_tasks, capacity; /* capacity: places for tasks on its members */
    int64_t surplus_since_wall_ms; /* fewer members were enough from then on; 0: no */
    unsigned surplus_wanted;       /* the most that were wanted since then */
    int64_t next_create_wall_ms;   /* after failures: not before; 0: at once */
    unsigned failures_in_a_row;
    int64_t last_failure_wall_ms; /* of a member: later ones are new failures */
};

/*
 * There is one for each object, all the time, and most have few of its parts: those are made on
 * first use. The pointers to them are never NULL: what was not made reads as zeroes.
 */
struct object_status {
    struct arena arena;
    enum phase phase;
    const char *observed_hash;
    struct condition conditions[CONDITION_COUNT];
    struct operation operation;
    struct operation *history; /* newest first, HISTORY_LENGTH at the most */
    unsigned history_count;
    struct status_container container; /* id NULL: there is none */
    const char *last_address; /* IPv4, of the container or the one before: asked for again */
    struct status_port *ports;
    size_t port_count;
    struct status_restarts restarts;
    struct status_error *errors;
    size_t error_count;
    const struct status_probes *probes; /* written through status_probes(), and so on */
    const struct status_hooks *hooks;
    const struct status_task *task;
    const struct status_repository *repository;
    const struct status_pool *pool;
};

struct object_status *status_new(void);
void status_free(struct object_status *status); /* accepts NULL */
#define object_status_free status_free
DEFINE_AUTO_FREE(object_status);

/* A part to write in: made, of zeroes, where it was not there. */
struct status_probes *status_probes(struct object_status *status);
struct status_hooks *status_hooks(struct object_status *status);
struct status_task *status_task(struct object_status *status);
struct status_repository *status_repository(struct object_status *status);
struct status_pool *status_pool(struct object_status *status);

/* False: it was not made, so there is nothing in it. */
bool status_has_probes(const struct object_status *status);
bool status_has_hooks(const struct object_status *status);
bool status_has_task(const struct object_status *status);
bool status_has_repository(const struct object_status *status);
bool status_has_pool(const struct object_status *status);

/* The text copied into the status' arena; NULL stays NULL. */
const char *status_text(struct object_status *status, const char *text);

/*
 * A fresh status that remembers what must not be forgotten: operation, history, restarts, task,
 * repository, and since when each condition has had its value (see status_finish). previous may be
 * NULL.
 */
struct object_status *status_successor(const struct object_status *previous);

void status_set_condition(struct object_status *status, enum condition_type type,
                          enum condition_value value, const char *reason, const char *message);

/* Adds an error; the code is the catalogue's. location may be NULL. */
void status_add_error(struct object_status *status, const char *reason, const char *message,
                      const char *location);

/*
 * Gives every condition its time of transition: kept from previous where value and type are the
 * same, now otherwise.
 */
void status_finish(struct object_status *status, const struct object_status *previous,
                   int64_t now_wall_ms);

/* The operation under way: replaces the status' one. */
void status_begin_operation(struct object_status *status, const char *type, const char *cause,
                            int64_t now_wall_ms);
/* What is to be done later: it is PENDING, until the next pass says so again or begins it. */
void status_defer_operation(struct object_status *status, const char *type, const char *cause,
                            const char *message);
/*
 * Ends it, with the error or well (reason NULL), and puts it in the history. Nothing when none is
 * under way.
 */
void status_end_operation(struct object_status *status, const char *error_reason,
                          const char *error_message, int64_t now_wall_ms);
/* As if it had never begun: it came to nothing, and will be decided on anew. */
void status_drop_operation(struct object_status *status);
/* True from its begin to its end, also while it waits in between. */
bool status_is_operating(const struct object_status *status);

/* Only the part under "status:". New reference. */
json_t *status_to_json(const struct object_status *status);

/*
 * The inverse for what must be remembered; whatever is missing or of a wrong type reads as absent.
 * Never NULL.
 */
struct object_status *status_from_json(const json_t *json);

/* True when the object is as wanted or has finished well. */
bool status_is_settled(const struct object_status *status);

#endif
