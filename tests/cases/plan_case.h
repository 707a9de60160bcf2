/*
 * A case of tests/cases/plans/: a spec and a small world in YAML, and what a reconciler makes of
 * them as text.
 *
 *     kind: instance | repository | task
 *     spec: |               a spec file with one document
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
 *       values:             of env's valueFrom: items [{name source digest}], made with the key 0badc0de,
 *                           or unavailable: why there are none; of the container: env, its label
 *       hasNetwork: false
 *       failure:            count reason message ago permanent
 *       workspace:          exists branch commit head (it was made from the remote's HEAD)
 *       branch:             that is wanted; without it the spec's
 *       activeTasks runningTasks inUse explicit deleted refused                  (of a repository)
 *       warm displaced                                              (of a repository)
 *       repository refusal repositoryStatus attempt                 (of a task)
 *       queued:             pool position reason message: it has no place (of a task)
 *       pool instance:      where it is placed                      (of a repository, of a task)
 *       updateHold:         why a difference must wait              (of an instance)
 *     previous:             the part of a status document under "status:"; "current" as a hash is
 *                           that of the spec, restarts.last.finishedAgo goes for finishedAtMs
 *     show: [workload]      what a container is made from, too
 *
 * Times that end in Ago are seconds before now. A key that is none of these is an error, so that a
 * misspelt case cannot pass for another one.
 */
#ifndef BERTH_TESTS_PLAN_CASE_H
#define BERTH_TESTS_PLAN_CASE_H

#include "reconcilers/instance.h"
#include "reconcilers/repository.h"
#include "reconcilers/task.h"

#include <jansson.h>

/*
 * Everything a reconciler looks at; what has no place in a struct of the reconcilers is kept
 * beside it.
 */
struct plan_case {
    json_t *json;
    enum kind kind;
    struct object *object; /* what the spec says, also when it is gone */
    bool is_gone;
    char *key;  /* owner of leases */
    char *name; /* of the container, or of the task */

    struct world world;
    struct port_table ports;
    struct text_list roots;

    struct observed_container *container; /* NULL: none */
    struct observed_probes probes;
    struct observed_image image;
    struct observed_network network;
    struct observed_values values;
    struct observed_value *value_items;
    bool has_values;
    struct observed_failure failure;
    struct observed_workspace workspace;
    struct observed_attempt attempt;
    struct object_status *previous;          /* NULL: none */
    struct object_status *repository_status; /* of a task's repository; NULL: not looked at yet */
    char *canonical_url;
};

/* NULL with err: the text is no case. */
struct plan_case *plan_case_parse(const char *text, size_t len, struct error *err);
void plan_case_read_values(struct plan_case *plan_case, const json_t *json); /* observed.values */
void plan_case_free(struct plan_case *plan_case);                            /* accepts NULL */
DEFINE_AUTO_FREE(plan_case);

/* Runs the reconciler of the kind: a new plan, and a new status that follows the previous one. */
void plan_case_decide(const struct plan_case *plan_case, struct plan **ret_plan,
                      struct object_status **ret_status);

/* The decision as text: plan, wake-up, phase, conditions, ports, restarts, errors. */
void plan_case_print(const struct plan_case *plan_case, const struct plan *plan,
                     const struct object_status *status, struct strbuf *out);

#endif
