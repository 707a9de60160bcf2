/*
 * Exponential back-off with jitter, as a pure function.
 */
#ifndef BERTH_BASE_BACKOFF_H
#define BERTH_BASE_BACKOFF_H

#include <stdint.h>

struct backoff_policy {
    uint64_t initial_ms;
    uint64_t max_ms;
    unsigned jitter_percent; /* the delay is spread by this much around its nominal value */
};

/*
 * The delay before try number `failures` + 1 after `failures` failures in a row (1 and on; 0 gives
 * 0): initial, doubled each time, at most max, then spread by jitter. `random` is any 32 random
 * bits; equal arguments give equal delays. The result never exceeds max_ms.
 */
uint64_t backoff_delay_ms(const struct backoff_policy *policy, unsigned failures, uint32_t random);

#endif
