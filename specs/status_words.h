/*
 * The words of a status document that its writer and its reader share.
 */
#ifndef BERTH_SPECS_STATUS_WORDS_H
#define BERTH_SPECS_STATUS_WORDS_H

#include "specs/status.h"

const char *condition_value_name(enum condition_value value); /* "True"; absent: "" */
const char *operation_state_name(enum operation_state state); /* "RUNNING"; none: "" */
const char *verdict_name(enum probe_verdict verdict);         /* "Success" */

const char *hook_result_name(enum hook_result result); /* "Failed"; unknown: "" */

/* The result of an operation in the history: otherwise the reason of its error. */
#define RESULT_DONE "DONE"
#define RESULT_FAILED "FAILED" /* of older files, which knew no reasons */

#endif
