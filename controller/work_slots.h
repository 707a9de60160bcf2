/*
 * Slots for one kind of work on the engine, as many as it is measured to like: slots.h with the
 * limit that slot_tuner.h finds.
 */
#ifndef BERTH_CONTROLLER_WORK_SLOTS_H
#define BERTH_CONTROLLER_WORK_SLOTS_H

#include "controller/slot_tuner.h"
#include "controller/slots.h"

#include <stdbool.h>

struct work_slots {
    const char *name; /* for the log: "start" */
    struct slots slots;
    struct slot_tuner tuner;
};

void work_slots_init(struct work_slots *work, const char *name);

/*
 * Also while some are held. fixed: so many, and nothing is measured; 0: some for each processor to
 * begin with, then what is measured.
 */
void work_slots_set(struct work_slots *work, unsigned fixed);

/*
 * is_measured: the work was done, so that the time it took says how fast the engine is. May call a
 * waiter's on_slot.
 */
void work_slots_give_back(struct work_slots *work, bool is_measured);

#endif
