/*
 * A case of tests/cases/plans/: a spec and a small world in YAML, and what a reconciler makes of
 * them as text.
 *
 *     kind: instance | repository | task | mirror | setup
 *     spec: |               a spec file with one document; for mirror and setup a Repository
 *     settings: |           the Repository of a task; without it one with nothing but a URL
 *     gone: true            the spec was there and is gone
 *     world:                now controllerID hostPathRoots ports leases quarantined
 *     observed:
 *       container:          state, and what else differs from a container that Berth made from
 *                           this spec: name ours kind object spec (the older text it was made from)
 *                           hash fields ports image imageID exitCode oom error startedAgo
 *                           finishedAgo network id log
 *       probes:             of this start of the container (startedAgo: of another): readyAgo, and
 *                           for startup, liveness, readiness: verdict successes failures message;
 *                           without it what previous remembers, as after a controller's restart
 *       image:              state id
 *       values:             of env's valueFrom: items [{name source digest}], made with the key
 *       0badc0de,
 *                           or unavailable: why there are none; of the container: env, its label
 *       hasNetwork: false
 *       failure:            count reason message ago permanent
 *       pressure:           why the disk is full; not of an instance
 *       updateHold:         why a difference must wait              (of an instance)
 *       pool instance:      where it is placed                      (of a repository, of a task)
 *
 *       trees:              exists (false without this key; a task's are there) method
 *       methodMessage
 *                           user uid gid userError, userKnown: false
 *       mirror:             exists (without this key as trees do) fetchedAgo head
 *       source:             what trees can be made from: state (ready) commit branch, stale or why
 *       in
 *                           reason, message; null: there is none; by default what the spec says
 *       attempt:            number (of a setup) state outcome exitCode oom startedAgo finishedAgo
 *       message
 *       mirrorStatus setupStatus repositoryStatus: what the pass before said of them; a setup's has
 *                           setup: commit logFile
 *
 *     observed, of a repository: activeTasks runningTasks sessions settingUp explicit deleted
 *       refused awaits warm awaitedPool poolUnknown displaced
 *       branch:             isolation Branch: whose container it is
 *       snapshotImage:      name state id: what setup left; without it none is wanted
 *       branches:           [name activeTasks status], with containers of their own
 *       workKeptFor:        so many seconds its trees are kept for their work; unseenTrees: true
 *     observed, of a task: repository refusal
 *       queued:             pool position reason message: it has no place; undecided: true
 *       fileOwner:          whose its file is, with --verify-task-user
 *       freeTree:           its name, if not the task's; hasTree: false, though previous names one
 *       shared:             exists (false without this key), lost: true, branch commit layer users
 *                           inspected dirty unpushed usedAgo
 *       snapshot: true      of the source's commit
 *       setup:              state (none) layer message
 *       block:              [{port host taken}]; by default four ports, 17001 at 20001 and so on
 *     observed, of a mirror: unused followed askedAgo refused
 *       wishes:             [{branch | ref (else HEAD) sinceAgo, and once it was looked up: commit,
 *                           or message: why it is not there}]
 *     observed, of a setup: prepared containerReady snapshotImage
 *       wishes:             [{commit hasLayer hasSnapshot}]
 *     previous:             the part of a status document under "status:"; "current" as a hash is
 *                           that of the spec, restarts.last.finishedAgo goes for finishedAtMs; of a
 *                           task also what its record in the state directory says:
 *                           task.tree.name, task.tree.layer
 *     show: [workload]      what a container is made from, too
 *
 * Times that end in Ago are seconds before now. A key that is none of these is an error, so that a
 * misspelt case cannot pass for another one.
 */
#ifndef BERTH_TESTS_PLAN_CASE_H
#define BERTH_TESTS_PLAN_CASE_H

#include "reconcilers/instance.h"
#include "reconcilers/repository.h"
#include "reconcilers/setup.h"

#include <jansson.h>

enum case_kind { CASE_INSTANCE, CASE_REPOSITORY, CASE_TASK, CASE_MIRROR, CASE_SETUP };

/* What repositories, their mirrors and setups, and tasks look at beside the rest. */
struct plan_case_work {
    struct object *settings; /* of a task's repository; NULL: it cannot be told */
    struct observed_trees trees;
    struct observed_shared_tree shared;
    struct observed_mirror mirror;
    struct source source;
    bool has_source;
    struct task_setup setup;
    struct block_port *block;
    size_t block_count;
    struct mirror_wish *mirror_wishes;
    struct setup_wish *setup_wishes;
    char (*layers)[SETUP_KEY_SIZE];
    size_t wish_count;
    struct snapshot_image snapshot;
    struct observed_image snapshot_image;
    char *forbidden;
    struct branch_container *branches;
    struct object_status **branch_statuses; /* theirs */
    size_t branch_count;
    struct object_status *repository_status, *mirror_status, *setup_status; /* NULL: not passed */
};

/*
 * Everything a reconciler looks at; what has no place in a struct of the reconcilers is kept
 * beside it.
 */
struct plan_case {
    json_t *json;
    enum case_kind kind;
    struct object *object; /* what the spec says, also when it is gone */
    bool is_gone;
    char *key;  /* owner of leases */
    char *name; /* of the container, or of the task */

    struct world world;
    struct port_table ports;
    struct text_list roots;
    struct policy *policy; /* NULL: none */

    struct observed_container *container; /* NULL: none */
    struct observed_probes probes;
    struct observed_image image;
    struct observed_network network;
    struct observed_values values;
    struct observed_value *value_items;
    bool has_values;
    struct observed_failure failure;
    struct observed_attempt attempt;
    struct object_status *previous; /* NULL: none */
    char *canonical_url;
    struct plan_case_work work;
};

/* NULL with err: the text is no case. */
struct plan_case *plan_case_parse(const char *text, size_t len, struct error *err);
void plan_case_read_values(struct plan_case *plan_case, const json_t *json); /* observed.values */
void plan_case_free(struct plan_case *plan_case);                            /* accepts NULL */
DEFINE_AUTO_FREE(plan_case);

/* For those that read a case: plan_case.c, and plan_case_work.c for all but instances. */
struct object *plan_case_spec(const char *text, struct error *err); /* NULL with err: no good one */
/* "startedAgo: 20" is 20 s before now; 0: not given. */
int64_t plan_case_moment(const struct plan_case *plan_case, const json_t *json, const char *key);
int plan_case_read_work(struct plan_case *plan_case, const json_t *observed, struct error *err);
void plan_case_work_done(struct plan_case_work *work);
/*
 * What is not read from a status document, since only the record in the state directory may say it.
 */
void plan_case_recall_task(struct object_status *status, const json_t *json);

/* Runs the reconciler of the kind: a new plan, and a new status that follows the previous one. */
void plan_case_decide(const struct plan_case *plan_case, struct plan **ret_plan,
                      struct object_status **ret_status);

/* The decision as text: plan, wake-up, phase, conditions, ports, restarts, errors. */
void plan_case_print(const struct plan_case *plan_case, const struct plan *plan,
                     const struct object_status *status, struct strbuf *out);

/* plan_case_print_work.c: the part of all but instances. */
void plan_case_print_sources(const struct plan *plan, struct strbuf *out);
void plan_case_print_work(const struct plan_case *plan_case, const struct object_status *status,
                          struct strbuf *out);
void plan_case_print_moment(const struct plan_case *plan_case, int64_t wall_ms, struct strbuf *out);

#endif
