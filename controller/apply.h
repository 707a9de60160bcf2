/*
 * Carrying a plan out: one action after the other, each an engine call, a git child or a write to
 * disk.
 *
 * The executor decides nothing. An action that fails ends the run: the failure is noted with the
 * key, the container is looked at again, and the next pass decides with fresh facts. A call without
 * an answer is unknown, never failed.
 */
#ifndef BERTH_CONTROLLER_APPLY_H
#define BERTH_CONTROLLER_APPLY_H

#include "controller/controller.h"
#include "controller/profile_trace.h"

struct shared_work;
struct mirror_job;

struct plan_run {
    struct controller *controller;
    struct entry *entry;
    struct object *desired; /* the version it works for; NULL: none */
    struct plan *plan;
    size_t index;
    struct engine_call *call;
    struct git_work *git;
    struct mirror_job *mirror_job; /* what git looks up */
    struct tree_work *tree;
    char *changes;                 /* what setup left uncommitted, before it is frozen */
    struct cgroup_work *limiting;  /* a slice is being made */
    struct shared_work *shared;    /* it waits for, with others */
    struct plan_run *next_waiting; /* in the list it waits in */
    void (*go_on)(struct plan_run *run);
    struct work_slots *slots; /* it has one of those, or waits for one; NULL: neither */
    struct slot_wait wait;
    uv_timer_t timer;
    uint64_t action_at_ms; /* when the action at hand began */
    uint64_t deadline_ms;  /* of polling */
    char *exec_id;
    engine_reply_fn *on_exec_started;
    struct strbuf output;       /* of a hook */
    int64_t hook_start_wall_ms; /* of the container that the hook runs in */
    int64_t hook_timeout_seconds;
    uint64_t stop_by_ms; /* the end of the grace that began with the preStop hook; 0: none did */
    char *created_id;    /* of the container that this run has made */
    bool is_entry_over;  /* the entry goes when the run has ended well */
    bool is_closing;
    profile_span profile;
};

/* Every action's function starts it and returns; later exactly one of these ends it. */
void run_action_done(struct plan_run *run);
void run_action_failed(struct plan_run *run, const struct error *err);

/*
 * Ends the run and the operation with an error that counts as no failure of an action: the next
 * pass sees what to make of it.
 */
void run_give_up(struct plan_run *run, const struct error *err);

const struct action *run_action(const struct plan_run *run);

/* Percent and words of the action under way, for the status. */
void run_set_progress(struct plan_run *run, unsigned percent, const char *message);

/*
 * The id of the container that the action speaks of, or NULL: there is none. Never the name: the
 * engine takes a name that nobody has for the beginning of an id, and would act on somebody else's
 * container.
 */
const char *run_container_id(const struct plan_run *run);

/* The container's entry that a task's, a setup's or its own plan is about; NULL: it is gone. */
struct entry *run_repository(const struct plan_run *run);

/* Goes on with the action at hand, which is told in the log and in the status. */
void run_go_on(struct plan_run *run);

/*
 * apply_turn.c: what keeps the engine busy is done in turns, few at a time. A container is made
 * and started in one turn, stopped and removed in one, and replaced in one, so that it is away
 * for as short as can be.
 */
/* False: the action waits for its turn; the operation is PENDING until run_go_on() is called. */
bool run_take_turn(struct plan_run *run);
/* An action is over; the turn ends with the last that needs it. */
void run_end_turn(struct plan_run *run);
/* Not for the engine's sake, or for nothing: whoever waits goes on, and no speed is measured. */
void run_leave_turn(struct plan_run *run);

/* True when there is none any more: the run has failed then, and the next pass sees why. */
bool run_is_container_gone(struct plan_run *run);

/* Sends one request for the action; on_reply gets the run. */
void run_call(struct plan_run *run, struct docker_request *request, engine_reply_fn *on_reply);

/* The reply that most actions wait for: any success ends the action. */
void run_on_plain_reply(void *user, const struct docker_request *request,
                        const struct http_reply *reply, struct error *err);

/* apply_container.c */
/*
 * False when the container that the plan makes later could not be made now: the present one must
 * not go for it.
 */
bool run_can_replace(struct plan_run *run, struct error *err);
void apply_lease_port(struct plan_run *run);
void apply_release_ports(struct plan_run *run);
void apply_quarantine_ports(struct plan_run *run);
void apply_create_container(struct plan_run *run);
void apply_start_container(struct plan_run *run);
void apply_stop_container(struct plan_run *run);
void apply_remove_container(struct plan_run *run);
void apply_release_container(struct plan_run *run);
void apply_pause_container(struct plan_run *run);
void apply_unpause_container(struct plan_run *run);
void apply_read_log(struct plan_run *run);

/* apply_machine.c */
void apply_limit_machine(struct plan_run *run);
/*
 * Puts it in front of the engine's words when the instance has no processes left: what the engine
 * says then is obscure.
 */
void machine_explain_failed_start(const struct plan_run *run, struct error *err);
/* apply_network.c */
void apply_create_network(struct plan_run *run);
void apply_connect_network(struct plan_run *run);
void apply_disconnect_network(struct plan_run *run);

/* apply_shared.c: work that many plans wait for and one carries out */
void apply_pull_image(struct plan_run *run);
void apply_build_idle_image(struct plan_run *run);
void shared_leave(struct plan_run *run); /* the run does not wait any longer */
void shared_close(struct controller *controller);
char *idle_image_name(void); /* "berth/idle:<12 hex of what is in it>"; the caller's to free */

/* apply_mirror.c */
void apply_fetch_mirror(struct plan_run *run);
void apply_look_up_revisions(struct plan_run *run);
void apply_make_snapshot(struct plan_run *run);
void apply_remove_mirror(struct plan_run *run);
void mirror_job_drop(struct plan_run *run);

/* apply_tree.c */
void apply_share_trees(struct plan_run *run);
void apply_make_tree(struct plan_run *run);
void apply_inspect_tree(struct plan_run *run);
void apply_remove_tree(struct plan_run *run);
void apply_freeze_tree(struct plan_run *run);

/* apply_workspace.c */
void apply_remove_workspace(struct plan_run *run);

/* apply_setup.c */
void apply_run_setup(struct plan_run *run);
void apply_commit_image(struct plan_run *run);

/* apply_hook.c */
void apply_run_hook(struct plan_run *run);
/* What is left of the grace of the stop at hand, in seconds. */
unsigned run_grace_left(const struct plan_run *run);

/* apply_task.c */
void apply_start_task(struct plan_run *run);
void apply_stop_task(struct plan_run *run);
void apply_remove_log(struct plan_run *run);
void apply_remove_task(struct plan_run *run);

/* apply_exec.c: the runner in a repository's container */
/*
 * What tells the runner about a tree: where, whose, with what home; for `run` and for people's
 * sessions alike.
 */
void exec_add_tree_options(json_t *arguments, const struct entry *repository, const char *tree);
/*
 * Runs it as root there, which it needs to become others; on_started gets the reply of the start.
 * Takes both arrays.
 */
void exec_runner(struct plan_run *run, const struct entry *repository, json_t *arguments,
                 json_t *environment, engine_reply_fn *on_started);
void exec_add_option(json_t *arguments, const char *name, json_t *value);
/* The id of the container, or NULL: there is none of ours. */
const char *exec_container_id(const struct entry *repository);

/* runner_blob.S: the static runner program */
extern const unsigned char berth_runner_start[], berth_runner_end[];
extern const char berth_runner_digest[]; /* SHA-256 in hex */

#endif
