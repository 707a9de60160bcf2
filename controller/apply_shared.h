/*
 * Work that many plans wait for and one carries out: a pull of an image, the creation of a network,
 * a snapshot.
 */
#ifndef BERTH_CONTROLLER_APPLY_SHARED_H
#define BERTH_CONTROLLER_APPLY_SHARED_H

#include "clients/docker_stream.h"
#include "controller/apply.h"
#include "reconcilers/subnets.h"

struct shared_work {
    struct controller *controller;
    char *key;    /* "image x" */
    char *target; /* "x" */
    struct engine_call *call;
    struct plan_run *waiting;

    struct docker_pull pull; /* of an image */

    /* of a network: asked for; prefix_len 0: not yet, or the engine's choice */
    struct subnet subnet;
    struct subnet_list refused; /* what the engine said it has already */
    unsigned tries;

    struct git_work *git; /* of a snapshot */
    char *owner;          /* name of its mirror */
};

/* Joins the work with this key. Returns it when it is new and has to be begun, else NULL. */
struct shared_work *shared_join(struct plan_run *run, const char *what);

/* Everybody goes on, or (err not NULL) fails for the same reason. The work is gone after it. */
void shared_finish(struct shared_work *work, const struct error *err);

/* Percent and words for everybody who waits. */
void shared_set_progress(struct shared_work *work, unsigned percent, const char *message);

#endif
