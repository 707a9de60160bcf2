/*
 * Whether two statuses of an instance would be written as the same text, without writing them.
 *
 * Most passes end as the one before did; making the text of a status only to find that it is on
 * disk already is most of what they would cost. A status that has a task's, a repository's or a
 * pool's part is never equal: those are few, and their texts are compared.
 *
 * What is added to struct object_status and shown by status_to_json() is added here:
 * tests/unit/test_status_equal.c changes every value that there is.
 */
#ifndef BERTH_SPECS_STATUS_EQUAL_H
#define BERTH_SPECS_STATUS_EQUAL_H

#include "specs/status.h"

#include <stdbool.h>

bool status_equal_of_instance(const struct object_status *a, const struct object_status *b);

#endif
