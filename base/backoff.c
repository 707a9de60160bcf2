#include "base/backoff.h"

uint64_t backoff_delay_ms(const struct backoff_policy *policy, unsigned failures, uint32_t random)
{
    uint64_t delay = policy->initial_ms, spread;

    if (failures == 0) {
        return 0;
    }
    for (unsigned i = 1; i < failures && delay > 0 && delay < policy->max_ms; i++) {
        delay *= 2;
    }
    if (delay > policy->max_ms) {
        delay = policy->max_ms;
    }
    spread = delay * policy->jitter_percent / 100;
    if (spread > 0) {
        delay = delay - spread + random % (2 * spread + 1);
    }
    return delay < policy->max_ms ? delay : policy->max_ms;
}
