/*
 * The pieces that container.c puts together: nobody else needs them.
 *
 * container_create.c makes a container and tells what differs; container_state.c decides on the
 * state of one that is right otherwise. All of them add to the plan and the status of the pass.
 */
#ifndef BERTH_RECONCILERS_CONTAINER_PARTS_H
#define BERTH_RECONCILERS_CONTAINER_PARTS_H

#include "reconcilers/container.h"
#include "reconcilers/container_ports.h"

/* Stop and remove, with the evidence of why left to the caller. */
void container_plan_removal(struct container_pass *pass, enum phase phase, const char *cause);

/* Start it, and freeze it where that is wanted. */
void container_plan_start(struct container_pass *pass, enum phase phase, const char *cause);

/*
 * End its processes: with its grace, and thawed before that, since nothing frozen can end by
 * itself.
 */
void container_plan_stop(struct container_pass *pass, enum phase phase, const char *cause);

/* From nothing to running; an old container is removed in between, as late as possible. */
/*
 * Before it is made, which has them mounted, and before each start. Nothing where it has no trees.
 */
void container_plan_trees(struct container_pass *pass, enum phase phase, const char *cause);

void container_plan_creation(struct container_pass *pass, const struct resolved_port *ports,
                             const char *operation, enum phase phase, const char *cause);

/*
 * What differs between the container and the wish: a text for people, or NULL. The caller's to
 * free.
 */
char *container_find_difference(const struct container_pass *pass,
                                const struct resolved_port *ports);

/*
 * Which value of env cannot be had, so that no container can be made; NULL: all are there.
 * Borrowed.
 */
const char *container_missing_value(const struct container_pass *pass);

/* Running, paused, ended, created, dead: what each calls for. */
void container_reconcile_state(struct container_pass *pass);

/*
 * The engine said at the first start that a port is taken: give up the leased ones and make it anew
 * with others. At once for QUICK_TRIES times, then with the back-off.
 */
bool container_reconcile_port_in_use(struct container_pass *pass);
/* The same of one that the engine cannot start any more, whatever is tried: it is made anew. */
bool container_reconcile_broken(struct container_pass *pass);

#endif
