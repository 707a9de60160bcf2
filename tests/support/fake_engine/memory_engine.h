/*
 * The back end whose containers, networks, volumes and images are only in memory: thousands of
 * them, at once, without root.
 *
 * It says what a real engine says to the calls that Berth and the docker command make for what can
 * be made, listed, inspected, started, stopped and removed (tests/integration/fake_engine.bats asks
 * both the same). What is different:
 *
 *   - A container runs nothing. It runs until it is stopped, unless its command is one of those
 *     that
 *     the fake knows: true, false, echo, sleep N, and sh -c with one of them or "exit N".
 *   - Its pid is none of this machine's.
 *   - Its published ports are truly bound, so that a taken one is refused as the engine would, and
 *     what
 *     connects there gets a page with the container's name.
 *   - A pull finds every image but those with "missing" in their name.
 *   - Nothing is on disk: archives are taken and forgotten, there is none to get.
 *
 * Below "/_fake/" it knows:
 *
 *     GET  world                            all there is, sorted, without ids and times
 *     POST die?name=N&code=N[&oom=1]        the container ends by itself
 *
 * When the engine goes down its containers end with 137, but for --live-restore.
 */
#ifndef BERTH_TESTS_FAKE_ENGINE_MEMORY_ENGINE_H
#define BERTH_TESTS_FAKE_ENGINE_MEMORY_ENGINE_H

#include "tests/support/fake_engine/back_end.h"

/* api: "1.41" or a later one, the newest that it speaks. */
struct back_end *memory_engine_new(uv_loop_t *loop, const char *api, bool is_live_restore);

#endif
