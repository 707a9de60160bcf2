/*
 * The network of one container: whether it is on the right one, and how it gets back.
 *
 * Right is a network of the wanted name and of the present network's id: one that was removed and
 * made anew has another id, and a container that knows the old one hangs on nothing, or does not
 * start. It is connected anew then, which keeps what is in it.
 *
 * An address that a container had is asked for again. It is a wish: after any failure there is
 * none.
 */
#ifndef BERTH_RECONCILERS_CONTAINER_NETWORK_H
#define BERTH_RECONCILERS_CONTAINER_NETWORK_H

#include "reconcilers/container.h"

/* An action to create the network when there is none. */
void container_network_plan(struct container_pass *pass, enum phase phase);

/* The network and the address to ask for, in a workload that is to be created. */
void container_network_fill(const struct container_pass *pass, struct workload *workload);

/* NetworkReady of a container that has processes and is on its network. */
void container_network_describe(struct container_pass *pass);

/*
 * Of a container that runs: true when it is not on its network; the plan brings it back, and
 * NetworkReady says why.
 */
bool container_network_repair(struct container_pass *pass);

/* Before a start: what the engine needs to find its network again. */
void container_network_prepare_start(struct container_pass *pass, enum phase phase);

/* Why connecting anew did not help, so that the container must be made anew, or NULL. */
const char *container_network_find_difference(const struct container_pass *pass);

/* NetworkReady where the network is what failed. */
void container_network_note_failure(struct container_pass *pass);

#endif
