/* Questions and orders to the fake itself: the table is in front.h. */
#ifndef BERTH_TESTS_FAKE_ENGINE_FRONT_CONTROL_H
#define BERTH_TESTS_FAKE_ENGINE_FRONT_CONTROL_H

#include "tests/support/fake_engine/call.h"

#include <stdbool.h>

/* False: the call is for the engine. Else it was answered. */
bool front_control(struct front *front, struct call *call);

#endif
