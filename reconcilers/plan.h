/*
 * A plan: the actions that lead from observed to desired, as data.
 *
 * Each action is one call that changes the world, with its cause in words. A plan needs no
 * container ids: it names things by their stable names. The executor carries no decision of its
 * own; a dry run prints the plan and drops it.
 */
#ifndef BERTH_RECONCILERS_PLAN_H
#define BERTH_RECONCILERS_PLAN_H

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "reconcilers/workload.h"
#include "specs/status.h"

enum action_type {
    ACTION_LEASE_PORT,         /* target: port name; port, protocol, host_ip */
    ACTION_RELEASE_PORTS,      /* all of the object's */
    ACTION_QUARANTINE_PORTS,   /* the object's pool ports: the engine says they are taken */
    ACTION_BUILD_IDLE_IMAGE,   /* target: image */
    ACTION_PULL_IMAGE,         /* target: image */
    ACTION_CREATE_NETWORK,     /* target: network */
    ACTION_CONNECT_NETWORK,    /* target: container; network, aliases from workload */
    ACTION_DISCONNECT_NETWORK, /* target: container; network from workload */
    ACTION_LIMIT_MACHINE,      /* target: instance; limits: of its cgroup, which is made */
    ACTION_CREATE_CONTAINER,   /* target: container; workload */
    ACTION_START_CONTAINER,
    ACTION_RUN_POST_START, /* command, timeout_seconds */
    ACTION_RUN_PRE_STOP,   /* the same; grace_seconds: of the stop that follows, this included */
    ACTION_STOP_CONTAINER, /* grace_seconds */
    ACTION_PAUSE_CONTAINER,
    ACTION_UNPAUSE_CONTAINER,
    ACTION_REMOVE_CONTAINER,
    ACTION_RELEASE_CONTAINER, /* it stays as it is, and is ours no more */
    ACTION_READ_LOG, /* evidence of how a container ended, before it is started again or removed */
    ACTION_FETCH_MIRROR,      /* target: mirror; makes it where it is missing */
    ACTION_LOOK_UP_REVISIONS, /* target: mirror; what it has, without asking the remote */
    ACTION_REMOVE_MIRROR,     /* target: mirror; with snapshots and layers */
    ACTION_MAKE_SNAPSHOT,     /* target: commit; source */
    ACTION_SHARE_TREES,       /* target: repository container; before its start */
    ACTION_MAKE_TREE,         /* target: tree; source */
    ACTION_INSPECT_TREE,      /* target: tree */
    ACTION_REMOVE_TREE,       /* target: tree */
    ACTION_REMOVE_WORKSPACE,  /* target: repository container; all trees */
    ACTION_RUN_SETUP,         /* target: tree; command, timeout_seconds */
    ACTION_FREEZE_TREE,       /* target: tree; it becomes the layer of the setup */
    ACTION_COMMIT_IMAGE,      /* target: image; of the container after setup */
    ACTION_START_TASK,        /* target: task */
    ACTION_STOP_TASK,
    ACTION_REMOVE_LOG,  /* of a task that is over: its time is up */
    ACTION_REMOVE_TASK, /* its record; tree and log go when their time is up */
};

const char *action_type_name(enum action_type type); /* "create container" */

/* What a tree is made from. Texts are the action's own. */
struct tree_source {
    const char *commit;
    const char *branch;   /* local one to be on; NULL: none */
    const char *upstream; /* of origin; NULL: none */
    int64_t uid, gid;
    const char *layer; /* key of the setup's layer; NULL: none */
};

struct action {
    enum action_type type;
    char *target;
    char *cause;               /* "image changed" */
    enum phase phase;          /* what the object is in while this is under way */
    struct workload *workload; /* owned; CREATE_CONTAINER and CONNECT_NETWORK */
    uint16_t port;
    enum port_protocol protocol;
    char *host_ip;
    bool is_fixed_port;
    int64_t grace_seconds, timeout_seconds;
    struct text_list command; /* in the arena */
    struct arena arena;
    struct machine_limits limits; /* its name is the target */
    struct tree_source source;
    unsigned attempt; /* of a task: the one to start, or to stop */
};

struct plan {
    struct action **actions;
    size_t count, capacity;
    const char
        *operation; /* "create", "repair", ... : a static word; NULL when there is nothing to do */
    char *cause;    /* of the whole */
    int64_t wake_at_wall_ms; /* look again then even if nothing happens; 0: no need */
};

struct plan *plan_new(void);
void plan_free(struct plan *plan); /* accepts NULL */
DEFINE_AUTO_FREE(plan);

/* Appends; texts are copied. Returns the action, which the plan owns. */
struct action *plan_add(struct plan *plan, enum action_type type, enum phase phase,
                        const char *target, const char *cause);

void action_set_command(struct action *action, const struct text_list *command); /* copied */

void action_set_source(struct action *action, const struct tree_source *source); /* copied */

/* Takes all actions out again; a moment to wake at stays. */
void plan_clear(struct plan *plan);

/* What the whole is called and why; the first call wins. */
void plan_set_operation(struct plan *plan, const char *operation, const char *cause);

/* The earliest of the moments asked for. */
void plan_wake_at(struct plan *plan, int64_t wall_ms);

/*
 * What the actions from `index` on ask of the engine: starting a container, and stopping one, is
 * what keeps it busy. A container that is replaced counts as one that is started.
 */
enum plan_load { LOAD_NONE, LOAD_STOP, LOAD_START };
enum plan_load plan_load_from(const struct plan *plan, size_t index);
bool action_is_load(enum action_type type);

/* "create container web (container does not exist)\n" per action, for dry runs, logs and tests. */
void plan_print(const struct plan *plan, struct strbuf *out);

#endif
