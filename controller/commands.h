/*
 * Programs of the machine that are asked for something small, such as systemctl: a few at a time,
 * watched, never waited for.
 *
 * Each is found in our PATH, has an almost empty environment, no input, and 20 s before it is
 * killed. What it writes to standard error becomes the message when it fails.
 */
#ifndef BERTH_CONTROLLER_COMMANDS_H
#define BERTH_CONTROLLER_COMMANDS_H

#include "base/error.h"

#include <uv.h>

struct commands;

/*
 * err NULL: it ended with exit status 0. Else kind TRANSIENT without a reason, and the error is the
 * callee's for the call.
 */
typedef void command_done_fn(void *user, struct error *err);

struct commands *commands_new(uv_loop_t *loop, unsigned concurrency);
/*
 * Nobody is called back any more. What runs goes on without us, but that nobody reads what it
 * complains of.
 */
void commands_close(struct commands *commands);

/* argv ends with NULL and is copied. Never calls back from within. */
void commands_run(struct commands *commands, const char *const *argv, command_done_fn *on_done,
                  void *user);

#endif
