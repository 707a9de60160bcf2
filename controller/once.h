/*
 * --once and --dry-run: a controller that ends by itself.
 */
#ifndef BERTH_CONTROLLER_ONCE_H
#define BERTH_CONTROLLER_ONCE_H

#include "controller/controller.h"

void once_begin(struct controller *controller);

/*
 * At the end of a turn: ends the run when everything is as wanted, over, or cannot get there by
 * itself.
 */
void once_check(struct controller *controller);

/* A failed try to reach the engine: a few are forgiven. */
void once_engine_failed(struct controller *controller);

#endif
