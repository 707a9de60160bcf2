/*
 * The policy file (specs/policy.h) from disk, for the controller and for `berth validate`.
 */
#ifndef BERTH_CONTROLLER_POLICY_READ_H
#define BERTH_CONTROLLER_POLICY_READ_H

#include "specs/policy.h"

/* Never NULL; of a file that cannot be read it has that error. */
struct policy *policy_read(const char *path);

#endif
