/*
 * The back end that passes each call to a real engine, so that the front's faults stand before it.
 *
 * Every call has a connection of its own to the engine, which is closed when the client's is: what
 * the engine sees of a client that goes away is what it would see without the fake in between.
 */
#ifndef BERTH_TESTS_FAKE_ENGINE_FORWARD_H
#define BERTH_TESTS_FAKE_ENGINE_FORWARD_H

#include "tests/support/fake_engine/back_end.h"

struct back_end *forward_new(uv_loop_t *loop, const char *socket_path);

#endif
