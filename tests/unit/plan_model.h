/*
 * A tiny world in which plans are carried out, for tests that ask where decisions lead.
 *
 * It holds what an engine and a disk would hold for one container: whatever a plan says happens at
 * once and succeeds. An action that no engine would carry out (a container made while one has the
 * name, a port that another owner holds, a stranger's container removed) ends the test.
 */
#ifndef BERTH_TESTS_PLAN_MODEL_H
#define BERTH_TESTS_PLAN_MODEL_H

#include "reconcilers/instance.h"
#include "reconcilers/repository.h"
#include "reconcilers/task.h"
#include "tests/unit/work_disk.h"

#include <stdint.h>

#define MODEL_CONTROLLER "c0ffee0123456789"
#define MODEL_IMAGE_ID "sha256:1111111111111111"

struct plan_model {
    struct port_table *ports; /* shared with other models */
    const char *key;          /* owner of leases */
    const struct port_list *wanted_ports;
    int64_t now_wall_ms;

    struct observed_container *container; /* NULL: none */
    struct observed_image image;
    struct work_disk *disk;          /* of repositories and all that is theirs; else NULL */
    const struct plan_model *place;  /* of a task or a setup: whose container it needs */
    const char *task;                /* name of the task, or NULL */
    struct observed_attempt attempt; /* of a task: its newest */
    bool has_network;
    unsigned networks_made; /* the present network's id is "n<so many>" */
    char network_id[16], subnet[20];
    struct observed_network network; /* of plan_model_network() */
    struct observed_failure failure;
    struct object_status *status; /* of the last pass; never NULL after the first */
    bool hooks_fail;              /* every postStart hook; a plan ends there */
    unsigned fails_at;            /* which action of the next plan fails: 1 the first; 0: none */
    unsigned containers_made;     /* for ids */
};

void plan_model_done(struct plan_model *model);

/* The network that there is, or NULL. */
const struct observed_network *plan_model_network(struct plan_model *model);
/* The network goes; what was connected to it still knows its name and id. */
void plan_model_remove_network(struct plan_model *model);

/* Carries out the whole plan, or all before the action that fails. */
void plan_model_apply(struct plan_model *model, const struct plan *plan);

/* The status of a pass takes the place of the one before. */
void plan_model_take_status(struct plan_model *model, struct object_status *status);

/* A container as Berth would have made it from this object. */
struct observed_container *plan_model_container(const struct object *object, const char *name,
                                                const char *kind, enum workload_state state);

/* The object of a spec with one document; the test ends when it is none. */
struct object *object_from_text(const char *text);

/* Numbers that look random and are the same in every run. */
struct dice {
    uint64_t state;
};

unsigned dice_roll(struct dice *dice, unsigned sides); /* 0 .. sides - 1 */

#endif
