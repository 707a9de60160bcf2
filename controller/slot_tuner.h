/*
 * How many starts at once suit the engine, found by measuring. Pure: times go in, a limit comes
 * out.
 *
 * An engine has a rate beyond which more calls at once only wait longer inside of it, and each of
 * them ends later. So the limit climbs while a larger one brings clearly more ends per second, and
 * sinks while a smaller one brings as many. It is measured in windows of as many ends as the
 * limit, and only while others wait for a slot: else it is not the limit that decides. Where a
 * step brought nothing, the limit before it holds for some windows, then the other direction is
 * tried.
 */
#ifndef BERTH_CONTROLLER_SLOT_TUNER_H
#define BERTH_CONTROLLER_SLOT_TUNER_H

#include <stdbool.h>
#include <stdint.h>

struct slot_tuner {
    unsigned limit;    /* in force */
    unsigned min, max; /* equal: nothing is tuned */

    unsigned held;    /* the limit that is known to be good */
    double held_rate; /* ends per second with it; 0: not measured yet */
    bool is_climbing; /* which direction is tried next */
    unsigned windows; /* measured since the last try */
    uint64_t since_ms;
    unsigned ends; /* in this window */
};

void slot_tuner_init(struct slot_tuner *tuner, unsigned first, unsigned min, unsigned max);

/*
 * One has ended well, while others waited or not. True: the limit is another one now.
 */
bool slot_tuner_end(struct slot_tuner *tuner, uint64_t now_ms, bool is_waited_for);

/* One has failed, which says nothing about how fast the engine is: the window begins anew. */
void slot_tuner_interrupt(struct slot_tuner *tuner);

#endif
