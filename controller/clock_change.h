/*
 * The wall clock was set, or the machine slept, while the controller ran.
 *
 * What Berth waits for and since when is wall time: for people, and for the next controller. When
 * the clock is set, every such time moves with it, in memory and on disk, so that a back-off, a
 * quarantine, a ttlSecondsAfterFinished or a retainSeconds lasts as long as it was to last,
 * whichever way the clock went. After a sleep all that became due meanwhile has its turn at once,
 * and the engine is listed: timers stand still while the machine sleeps, wall time does not.
 */
#ifndef BERTH_CONTROLLER_CLOCK_CHANGE_H
#define BERTH_CONTROLLER_CLOCK_CHANGE_H

#include "controller/controller.h"

/* Whenever the loop wakes, before anything is decided. */
void clock_change_look(struct controller *controller);

#endif
