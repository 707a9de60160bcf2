/*
 * The controller as seen from outside: options in, exit code out.
 */
#ifndef BERTH_CONTROLLER_RUN_H
#define BERTH_CONTROLLER_RUN_H

#include "controller/options.h"

/*
 * Runs until told to stop, or with --once until converged. Returns the exit code. What is not given
 * in the options comes from their config_file, or is as by default. Takes what is in them.
 */
int controller_run(struct controller_options *options);

#endif
