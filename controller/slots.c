#include "controller/slots.h"

#include <stddef.h>

enum { OLD_EVERY = 4 };

void slots_init(struct slots *slots, unsigned limit)
{
    *slots = (struct slots){.limit = limit};
}

enum slot_lane slots_lane(bool is_new, uint64_t changed_at_ms, uint64_t listed_at_ms)
{
    return is_new && changed_at_ms > listed_at_ms ? LANE_FRESH : LANE_OLD;
}

static void append(struct slots *slots, struct slot_wait *wait)
{
    wait->next = NULL;
    wait->previous = slots->last[wait->lane];
    if (wait->previous != NULL) {
        wait->previous->next = wait;
    } else {
        slots->first[wait->lane] = wait;
    }
    slots->last[wait->lane] = wait;
}

void slots_leave(struct slots *slots, struct slot_wait *wait)
{
    if (!wait->is_waiting) {
        return;
    }
    wait->is_waiting = false;
    if (wait->previous != NULL) {
        wait->previous->next = wait->next;
    } else {
        slots->first[wait->lane] = wait->next;
    }
    if (wait->next != NULL) {
        wait->next->previous = wait->previous;
    } else {
        slots->last[wait->lane] = wait->previous;
    }
}

bool slots_take(struct slots *slots, struct slot_wait *wait, enum slot_lane lane,
                void (*on_slot)(void *user), void *user)
{
    if (slots->used < slots->limit) {
        slots->used++;
        return true;
    }
    wait->lane = lane;
    wait->on_slot = on_slot;
    wait->user = user;
    wait->is_waiting = true;
    append(slots, wait);
    return false;
}

static struct slot_wait *next_waiter(struct slots *slots)
{
    enum slot_lane first = slots->turn % OLD_EVERY == OLD_EVERY - 1 ? LANE_OLD : LANE_FRESH;
    enum slot_lane second = first == LANE_OLD ? LANE_FRESH : LANE_OLD;

    return slots->first[first] != NULL ? slots->first[first] : slots->first[second];
}

/* The slot is used already. */
static void hand_over(struct slots *slots, struct slot_wait *wait)
{
    slots->turn++;
    slots_leave(slots, wait);
    wait->on_slot(wait->user);
}

bool slots_are_waited_for(const struct slots *slots)
{
    return slots->first[LANE_FRESH] != NULL || slots->first[LANE_OLD] != NULL;
}

void slots_give_back(struct slots *slots)
{
    struct slot_wait *wait = next_waiter(slots);

    if (wait == NULL || slots->used > slots->limit) {
        slots->used--;
        return;
    }
    hand_over(slots, wait);
}

void slots_set_limit(struct slots *slots, unsigned limit)
{
    struct slot_wait *wait;

    slots->limit = limit;
    while (slots->used < slots->limit && (wait = next_waiter(slots)) != NULL) {
        slots->used++;
        hand_over(slots, wait);
    }
}
