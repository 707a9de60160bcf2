/*
 * The controller as seen from outside: options in, exit code out.
 */
#ifndef BERTH_CONTROLLER_RUN_H
#define BERTH_CONTROLLER_RUN_H

#include "controller/options.h"

/* Runs until told to stop, or with --once until converged. Returns the exit code. */
int controller_run(const struct controller_options *options);

#endif
