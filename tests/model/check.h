/*
 * The checker: compares what the model wrote with what the engine has and what the status files
 * say.
 *
 * It knows the promises of docs/specs.md and docs/status.md, and no code of Berth's: it asks the
 * engine by HTTP and reads statuses by libyaml.
 */
#ifndef BERTH_TESTS_MODEL_CHECK_H
#define BERTH_TESTS_MODEL_CHECK_H

#include "tests/model/world.h"

/*
 * Waits until everything is as it is to be and stays so for a moment, and takes that as the new
 * quiet point. False: it does not come to that; what is wrong was printed.
 */
bool check_quiet(struct world *world);

#endif
