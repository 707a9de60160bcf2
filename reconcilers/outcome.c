#include "reconcilers/container.h"

#include "base/backoff.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/reason.h"

/* The words that every reconciler has for how things stand, and the brake on what fails. */

uint64_t retry_delay_ms(const char *key, unsigned count)
{
    static const struct backoff_policy policy = {RETRY_INITIAL_MS, RETRY_MAX_MS,
                                                 RETRY_JITTER_PERCENT};
    uint32_t spread = UINT32_C(2166136261) ^ count;

    for (; *key != '\0'; key++) {
        spread = (spread ^ (unsigned char)*key) * UINT32_C(16777619);
    }
    return backoff_delay_ms(&policy, count, spread);
}

char *zone_network_name(const struct world *world, const char *zone)
{
    return xasprintf("berth-%s-%.6s", zone, world->controller_id);
}

void status_set_ready(struct object_status *status, const char *reason, const char *message)
{
    status_set_condition(status, CONDITION_READY, CONDITION_TRUE, reason, message);
    status_set_condition(status, CONDITION_RECONCILING, CONDITION_FALSE, reason, NULL);
    status_set_condition(status, CONDITION_STALLED, CONDITION_FALSE, reason, NULL);
}

void status_set_progressing(struct object_status *status, const char *reason, const char *message)
{
    status_set_condition(status, CONDITION_READY, CONDITION_FALSE, reason, message);
    status_set_condition(status, CONDITION_RECONCILING, CONDITION_TRUE, reason, message);
    status_set_condition(status, CONDITION_STALLED, CONDITION_FALSE, reason, NULL);
}

void status_set_stalled(struct object_status *status, const char *reason, const char *message)
{
    status_set_condition(status, CONDITION_READY, CONDITION_FALSE, reason, message);
    status_set_condition(status, CONDITION_RECONCILING, CONDITION_FALSE, reason, NULL);
    status_set_condition(status, CONDITION_STALLED, CONDITION_TRUE, reason, message);
    status_add_error(status, reason, message, NULL);
}

static int64_t delay_ms(const struct observed_failure *failure, const char *key)
{
    unsigned count = failure->count;

    if (text_equal(failure->reason, REASON_PORT_IN_USE) ||
        text_equal(failure->reason, REASON_ADDRESS_UNAVAILABLE)) {
        if (count <= QUICK_TRIES) {
            return 0; /* the next one is another port or address */
        }
        count -= QUICK_TRIES;
    } else if (text_equal(failure->reason, REASON_CONTAINER_BROKEN) && count > STALLED_AFTER) {
        /* A new container is another try, however often the old one was tried. */
        count = STALLED_AFTER;
    }
    return (int64_t)retry_delay_ms(key, count);
}

bool failure_holds_back(const struct observed_failure *failure, const char *key,
                        int64_t now_wall_ms, struct plan *plan, struct object_status *status)
{
    int64_t retry_at = failure->at_wall_ms + delay_ms(failure, key);

    if (failure->count == 0 || plan->operation == NULL || retry_at <= now_wall_ms) {
        return false;
    }
    status_defer_operation(status, plan->operation, plan->cause,
                           "waits for its next try, after a failure");
    plan_clear(plan);
    plan_wake_at(plan, retry_at);
    status->restarts.next_retry_wall_ms = retry_at;
    if (failure->is_permanent || failure->count >= STALLED_AFTER) {
        status_set_stalled(status, failure->reason, failure->message);
    } else {
        status_set_progressing(status, failure->reason, failure->message);
        status_add_error(status, failure->reason, failure->message, NULL);
    }
    return true;
}
