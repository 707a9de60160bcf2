/*
 * Containers that were given up: deletionPolicy Retain leaves the container running when its spec
 * goes.
 *
 * The engine cannot change labels, so the claim is given up by a record in the state directory: a
 * container with one is foreign from then on, whatever its labels say, and never swept. The record
 * goes when the container is gone, or when its spec comes back and takes it up again. That a
 * container is to be given up is on disk before its spec is forgotten, so that no crash in between
 * makes an orphan of it.
 *
 *     releasing/<name>          an instance whose spec is gone and whose container is not given up
 *     yet
 *     released/<container id>   given up
 */
#ifndef BERTH_CONTROLLER_RELEASED_H
#define BERTH_CONTROLLER_RELEASED_H

#include "controller/controller.h"

void released_load(struct controller *controller);         /* before anything is observed */
void released_load_intents(struct controller *controller); /* after the first scan */
void released_close(struct controller *controller);

/*
 * The spec in force goes (desired NULL) or comes: whether its container is to be given up follows
 * from the one that goes.
 */
void released_note_change(struct entry *entry, const struct object *desired);
bool released_is_intended(struct entry *entry);
void released_forget_intent(struct entry *entry);

bool released_has(const struct controller *controller, const char *container_id);
/* Given up, durably. */
int released_add(struct controller *controller, struct observed_container *container,
                 struct error *err);
/*
 * Its spec is there again: it is ours as it was, with its ports. Nothing when it was not given up,
 * or is somebody else's.
 */
void released_take_up(struct entry *entry, struct observed_container *container);

/* Forgets those whose container is gone. */
void released_sweep(struct controller *controller);

#endif
