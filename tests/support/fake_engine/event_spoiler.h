/*
 * The events of one stream, one by one, on their way to the client: lost, doubled, late, broken
 * (faults.h).
 */
#ifndef BERTH_TESTS_FAKE_ENGINE_EVENT_SPOILER_H
#define BERTH_TESTS_FAKE_ENGINE_EVENT_SPOILER_H

#include "tests/support/fake_engine/faults.h"

#include <stddef.h>
#include <uv.h>

struct call;
struct event_spoiler;

struct event_spoiler *event_spoiler_new(uv_loop_t *loop, struct faults *faults, struct call *call);
void event_spoiler_free(struct event_spoiler *spoiler); /* accepts NULL */

/* Bytes from the back end. The call may be over when it returns. */
void event_spoiler_feed(struct event_spoiler *spoiler, const char *bytes, size_t len);

#endif
