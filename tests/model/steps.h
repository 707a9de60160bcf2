/*
 * The steps of a random sequence. What a step does depends on the dice and on what the model did
 * before, never on what controller and engine happen to have reached, so that a seed is one
 * sequence. Each step says what it does; one that finds nothing to act on says so.
 */
#ifndef BERTH_TESTS_MODEL_STEPS_H
#define BERTH_TESTS_MODEL_STEPS_H

#include "tests/model/world.h"

/* Spec files: add, edit, break, half-write, move, copy, remove. */
void step_files(struct world *world);

/* Removes all spec files. */
void step_files_remove_all(struct world *world);

/* Containers, networks and host ports, behind the controller's back. */
void step_engine(struct world *world);

/* The engine itself; only where the run can start it again. */
void step_engine_restart(struct world *world);

/* The controller: killed, stopped, frozen, hung up. */
void step_controller(struct world *world);

void controller_start(struct world *world); /* and waits for its heartbeat */
void controller_kill(struct world *world, int signal_number);
/* Runs `berth confirm-deletions`. */
void controller_confirm(struct world *world);

/* Foreign things, made before the first step. */
void foreign_make(struct world *world);
/* Removes what is left on the engine of this run; not part of any promise. */
void engine_clean(struct world *world);

void pause_ms(unsigned ms);

#endif
