/*
 * Asking a running controller: a file in <state>/requests/, which it takes up at the SIGHUP that
 * follows (controller/requests.h).
 */
#ifndef BERTH_CLI_ASK_CONTROLLER_H
#define BERTH_CLI_ASK_CONTROLLER_H

#include "base/error.h"

#include <jansson.h>

/* "<pid>-<ms>": no other command has it; the caller's to free. */
char *ask_make_id(void);

/*
 * json NULL: an empty file. ERROR_NOT_FOUND: no controller runs there, and nothing is left behind.
 */
int ask_controller(const char *state_dir, const char *request, const json_t *json,
                   struct error *err);

/* True when the controller has taken the request up. */
bool ask_is_taken(const char *state_dir, const char *request);

/* Waits an instant between two looks at something. */
void ask_pause(void);

#endif
