/*
 * Setup: the command of a Repository that prepares a working tree, such as installing dependencies.
 * Pure.
 *
 * It runs in the repository container, on a fresh tree, once per commit and text. What it wrote
 * into the tree becomes a layer that is below every later tree of that commit; what it changed
 * elsewhere in the container is there as long as the container, or, with snapshot.enabled, in the
 * image that the next one is made from. A container in which no setup of this text has run, and
 * that was not made from such an image, is not prepared: setup runs in it before the next task
 * starts.
 */
#ifndef BERTH_RECONCILERS_SETUP_H
#define BERTH_RECONCILERS_SETUP_H

#include "reconcilers/task.h"

#define KIND_SETUP "Setup" /* in keys: not a kind users write */

enum { SETUP_KEY_SIZE = 64 };

/*
 * Names the layer of one commit for one user, made by one setup on one image: "<12 of the
 * commit>-<uid>-<12 hex>", and "-copy" behind it where trees are copied: such a layer is a complete
 * tree, any other one lies on its snapshot.
 */
const char *setup_layer_key(const struct object *settings, const char *base_image_id,
                            const char *commit, int64_t uid, enum trees_method method,
                            char key[SETUP_KEY_SIZE]);
bool setup_layer_is_complete(const char *key);

/* Names what a container must have had: the setup's text on that image; 12 hex. */
const char *setup_text_key(const struct object *settings, const char *base_image_id,
                           char key[SETUP_KEY_SIZE]);

/*
 * The image that the container is kept as after setup: "berth/<container>:<key>". commit counts
 * where the policy says so. NULL: snapshots are not wanted, or there is no setup. The caller's to
 * free.
 */
char *setup_snapshot_image(const struct object *settings, const char *base_image_id,
                           const char *container, const char *commit);

/* A commit that trees are wanted of. */
struct setup_wish {
    const char *commit;
    const char *layer; /* its key */
    bool has_layer, has_snapshot;
};

struct setup_input {
    const char *name; /* of the repository container, and of this */
    const struct object *settings;
    const struct setup_wish *wishes; /* the one that waits longest first */
    size_t wish_count;
    bool is_prepared;        /* the container is */
    bool is_container_ready; /* it runs, and nothing is being done to it */
    const char *container_id;
    const struct observed_trees *trees;
    const char *run;  /* id of the run for the wish at hand: setup_run_id() */
    unsigned attempt; /* its newest; 0: none */
    const struct observed_attempt *observed; /* that attempt */
    const char *pressure;
    const char *snapshot_image; /* NULL: none is wanted */
    bool has_snapshot_image;    /* the engine has it */
    const struct observed_failure *failure;
    const struct object_status *previous;
};

/* The wish that is to be worked on, or NULL: everything is prepared. */
const struct setup_wish *setup_next(const struct setup_input *input);

/*
 * "setup-<layer>-<8 of the container's id>": its tree, and the folder of its records. The caller's
 * to free.
 */
char *setup_run_id(const char *layer, const char *container_id);

void setup_reconcile(const struct world *world, const struct setup_input *input, struct plan *plan,
                     struct object_status *status);

/* What tasks are told about their commit. message is borrowed from status. */
struct task_setup setup_for_task(const struct object *settings, const struct object_status *status,
                                 const char *layer, bool has_layer, bool is_prepared);

#endif
