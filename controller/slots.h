/*
 * Bounded work towards the engine: at most `limit` holders at once, the others wait.
 *
 * Two lanes: fresh work (an object that just appeared or changed) does not wait behind a herd of
 * old work, and old work gets every fourth turn, so that it does not starve.
 */
#ifndef BERTH_CONTROLLER_SLOTS_H
#define BERTH_CONTROLLER_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

struct slot_wait;

struct slots {
    unsigned limit, used, turn;
    struct slot_wait *first[2], *last[2]; /* by lane */
};

enum slot_lane { LANE_FRESH, LANE_OLD };

/* One waiter; lives in its owner. */
struct slot_wait {
    struct slot_wait *next, *previous;
    enum slot_lane lane;
    bool is_waiting;
    void (*on_slot)(void *user);
    void *user;
};

/*
 * What was wanted already when the facts about the engine were complete is a herd, whether the
 * controller or the engine was away, and for however long; what came or changed afterwards is
 * somebody's edit. is_new: it is made or made anew, not brought back. Both times are of the
 * monotonic clock; 0: never.
 */
enum slot_lane slots_lane(bool is_new, uint64_t changed_at_ms, uint64_t listed_at_ms);

void slots_init(struct slots *slots, unsigned limit);

/*
 * Also while some are held: with a larger one waiters go on, with a smaller one none is taken away.
 */
void slots_set_limit(struct slots *slots, unsigned limit);

/* True: the slot is taken now. False: on_slot is called when one is free (and then it is taken). */
bool slots_take(struct slots *slots, struct slot_wait *wait, enum slot_lane lane,
                void (*on_slot)(void *user), void *user);
/* Whether anybody waits for one. */
bool slots_are_waited_for(const struct slots *slots);

void slots_give_back(struct slots *slots); /* may call a waiter's on_slot */
void slots_leave(struct slots *slots,
                 struct slot_wait *wait); /* stops waiting; nothing when it does not */

#endif
