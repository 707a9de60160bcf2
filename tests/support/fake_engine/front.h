/*
 * The front: every call passes it on its way to the back end, and every reply on its way back.
 *
 * It counts calls, writes a line for each to a log, and spoils those that the rules name
 * (faults.h). It answers "/_fake/..." itself, without counting, logging or spoiling:
 *
 *     GET  /_fake/counts              {"calls": N, "events": N, "faults": N, "open": N,
 *     "connections": N}
 *     PUT  /_fake/script              the body replaces the rules; numbers begin at 1 again
 *     POST /_fake/seed?seed=N&permille=N&last=N
 *     POST /_fake/down?ms=N           no socket and no connection for so long: the engine restarts
 *
 * and asks the back end about anything else below "/_fake/".
 *
 * A line of the log: "12 POST /v1.41/containers/web/start drop-after": the number, method, target
 * and what goes wrong. It is written when the call comes.
 */
#ifndef BERTH_TESTS_FAKE_ENGINE_FRONT_H
#define BERTH_TESTS_FAKE_ENGINE_FRONT_H

#include "base/error.h"
#include "tests/support/fake_engine/back_end.h"
#include "tests/support/fake_engine/call.h"

#include <stdio.h>
#include <uv.h>

/* log: NULL for none; it stays the caller's, as do the others. */
struct front *front_new(uv_loop_t *loop, struct back_end *back_end, struct faults *faults,
                        FILE *log);
int front_listen(struct front *front, const char *path, struct error *err);
void front_close(struct front *front);

/* From the server. A call is the front's from now on. */
void front_begin(struct front *front, struct call *call);
void front_take_bytes(struct call *call, const char *bytes, size_t len);
void front_client_left(struct call *call);

/* Answers a call for the fake itself; the back end's answer to a control. */
void front_answer(struct call *call, int status, const char *type, const char *body);

#endif
