#include "controller/work_slots.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <unistd.h>

enum { FIRST_PER_PROCESSOR = 4, FIRST_MAX = 16, SLOTS_MIN = 2, SLOTS_MAX = 32 };

void work_slots_init(struct work_slots *work, const char *name)
{
    *work = (struct work_slots){.name = name};
    slots_init(&work->slots, 1);
    work_slots_set(work, 0);
}

/* Somewhere to begin; then it is measured. */
static unsigned first_limit(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned limit = processors > 0 ? (unsigned)processors * FIRST_PER_PROCESSOR : SLOTS_MIN;

    return limit < FIRST_MAX ? limit : FIRST_MAX;
}

void work_slots_set(struct work_slots *work, unsigned fixed)
{
    if (fixed > 0) {
        slot_tuner_init(&work->tuner, fixed, fixed, fixed);
    } else {
        slot_tuner_init(&work->tuner, first_limit(), SLOTS_MIN, SLOTS_MAX);
    }
    slots_set_limit(&work->slots, work->tuner.limit);
}

void work_slots_give_back(struct work_slots *work, bool is_measured)
{
    struct slot_tuner *tuner = &work->tuner;

    if (!is_measured) {
        slot_tuner_interrupt(tuner);
    } else if (slot_tuner_end(tuner, clock_monotonic_ms(), slots_are_waited_for(&work->slots))) {
        auto_free char *limit = xasprintf("%u", tuner->limit);

        log_fields(LOG_DEBUG, "slots", "of", work->name, "slots", limit, NULL);
        slots_set_limit(&work->slots, tuner->limit);
    }
    slots_give_back(&work->slots);
}
