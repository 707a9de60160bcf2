/*
 * What a status document says of the object's spec, so that who reads the status need not read the
 * spec: its labels, and of what size and where an instance is to be.
 */
#ifndef BERTH_SPECS_STATUS_OBJECT_H
#define BERTH_SPECS_STATUS_OBJECT_H

#include "specs/types.h"

#include <jansson.h>

/*
 * {name, labels}: both are left out where they are not known. object may be NULL. The caller's
 * reference.
 */
json_t *status_metadata(const char *name, const struct object *object);

/*
 * Adds "instance": {machineType, zone} to the status of an Instance; nothing to others. object may
 * be NULL.
 */
void status_add_instance(json_t *status, const struct object *object);

#endif
