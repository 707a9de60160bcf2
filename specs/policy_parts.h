/*
 * What the file of a policy (policy_file.c) and its decisions (policy_rules.c) share.
 */
#ifndef BERTH_SPECS_POLICY_PARTS_H
#define BERTH_SPECS_POLICY_PARTS_H

#include "specs/policy.h"

const char *policy_rule_name(enum policy_rule rule); /* the key in the file: "images" */

/* "CAP_NET_RAW" and "NET_RAW" are one; borrowed. */
const char *policy_bare_capability(const char *name);

#endif
