/*
 * The life of one container, whatever it is for: instances and repository containers share these
 * decisions.
 *
 * Adopt what is ours and right, recreate on a real difference, start what stopped with back-off,
 * stop and remove what is not wanted, never touch what somebody else made. Pure.
 */
#ifndef BERTH_RECONCILERS_CONTAINER_H
#define BERTH_RECONCILERS_CONTAINER_H

#include "reconcilers/observed.h"
#include "reconcilers/plan.h"
#include "reconcilers/probe.h"
#include "reconcilers/values.h"
#include "reconcilers/world.h"

struct container_pass;

/* What the container is to be. Everything is borrowed for the pass. */
struct container_want {
    const char *key;  /* owner of leases: "Instance/web" */
    const char *kind; /* label; together with object it says whose container it is */
    const char *object;
    const char *name; /* of the container */
    const char *image;
    enum pull_policy pull_policy;
    bool is_idle_image; /* image is Berth's own: built, not pulled */
    bool should_exist;  /* false: remove it, and its leases */
    bool should_retain; /* once it should not exist: it is only given up */
    bool should_run;
    bool should_pause;    /* once it runs: frozen, with its memory */
    bool is_suspended;    /* change nothing */
    const char *hold_off; /* why it must not be recreated or stopped now, or NULL */
    /*
     * The policy does not allow it; NULL: it does. It is asked when a container is made, as an
     * admission is: one that was made before goes on, stops and starts, and is not made anew.
     */
    const struct policy_refusal *refusal;
    /*
     * why a difference must wait while it exists, or NULL: its pool lets members go on one by one
     */
    const char *update_hold;
    const char *pool;     /* label: whose member it is; NULL: nobody's */
    const char *instance; /* label: where it is placed; NULL: unplaced */
    const char *hash, *fields, *source;
    const struct port_list *ports;
    enum restart_policy restart_policy;
    int64_t grace_seconds;
    struct probe_specs probes;
    const struct hook_spec *post_start, *pre_stop; /* NULL: none */
    const char *network;                           /* NULL: the engine's default */
    /*
     * The instance that it runs on, whose cgroup it is put below: an instance's container its own,
     * a repository container the one that it is placed on (capacity_of_instance() fills it from the
     * instance's object, and the label LABEL_INSTANCE is the caller's affair). NULL: under its own
     * limits only. Not part of the hash: a change takes effect when the container is made anew.
     */
    const struct machine_limits *machine;
    const char
        *defect; /* why one that is there must be made anew, beside its spec; NULL: it need not */
    bool has_trees; /* its folder of trees is prepared before each start */
    /*
     * The image may be one that was made from a container of this image: both are right. NULL: only
     * the wanted one.
     */
    const char *base_image_id;
    struct workload *(*build)(
        const struct container_pass *pass); /* all but labels, ports, network */
    const void *user;                       /* for build */
};

struct container_pass {
    const struct world *world;
    const struct container_want *want;
    const struct observed_container *container; /* with the wanted name; NULL: there is none */
    const struct observed_image *image;         /* the wanted one */
    const struct observed_probes *probes;       /* NULL: nothing is known */
    const struct observed_values *values;       /* of env; NULL: none comes from elsewhere */
    const struct observed_machine *machine;     /* of want->machine; NULL: not looked at */
    const struct observed_network *network;     /* the wanted one; NULL: there is none */
    const struct observed_failure *failure;
    const struct object_status *previous; /* may be NULL */
    const char *creation_cause; /* why it is missing, where this very plan removes it; else NULL */
    struct plan *plan;
    /* successor of previous: phase, conditions, container, ports are set here */
    struct object_status *status;
};

void container_reconcile(struct container_pass *pass);

bool container_is_up(const struct observed_container *container); /* it has processes */

/*
 * True when what is known of a container (NULL: nothing) is from after a start of it whose event
 * the engine made at event_wall_ms (both by its clock): the event tells nothing new. That it ended
 * and was started once more within a second is told by the event of its end.
 */
bool container_shows_start(const struct observed_container *container, int64_t event_wall_ms);

/* True when the container is of this controller and this object. */
bool container_is_own(const struct observed_container *container, const char *kind,
                      const char *object);

/*
 * True when the operator does not allow what the object asks for, by the policy file, the command
 * line, or what containers may never have. The caller's to policy_refusal_done().
 */
bool policy_refuses(const struct world *world, const struct object *object,
                    struct policy_refusal *ret_refusal);

/*
 * After a failed action: while its retry is not due the plan is emptied, wakes at the retry, and
 * the status says why nothing happens. Every reconciler asks this last, so that no failure can be
 * repeated in a loop. True when it held back.
 */
bool failure_holds_back(const struct observed_failure *failure, const char *key,
                        int64_t now_wall_ms, struct plan *plan, struct object_status *status);

/* The conditions of an object that is as wanted. */
void status_set_ready(struct object_status *status, const char *reason, const char *message);
/* On the way: Ready False, Reconciling True. */
void status_set_progressing(struct object_status *status, const char *reason, const char *message);
/* Not without somebody's help: Ready False, Stalled True, and an error. */
void status_set_stalled(struct object_status *status, const char *reason, const char *message);

#endif
