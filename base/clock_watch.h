/*
 * Notices that the wall clock was set, and that the machine slept.
 *
 * The wall clock runs like the clock that counts all time since the boot (CLOCK_BOOTTIME), also
 * while it is slewed; only setting it changes their distance. The monotonic clock, by which timers
 * run, stands still while the machine sleeps.
 */
#ifndef BERTH_BASE_CLOCK_WATCH_H
#define BERTH_BASE_CLOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum { CLOCK_CHANGE_MIN_MS = 2000 }; /* a leap second is no change */

/* What the three clocks said at one moment. */
struct clock_reading {
    int64_t wall_ms, boottime_ms, monotonic_ms;
};

struct clock_reading clock_read(void);

/* Zeroed: not begun. */
struct clock_watch {
    bool is_begun;
    int64_t wall_offset_ms, sleep_ms;
};

struct clock_change {
    int64_t set_by_ms; /* how far the wall clock was set forward, or back; 0: it was not */
    int64_t slept_ms;  /* 0: it did not */
};

/*
 * True when something changed since the last look; the first look only remembers. Small changes add
 * up until they count.
 */
bool clock_watch_look(struct clock_watch *watch, const struct clock_reading *now,
                      struct clock_change *ret_change);

/* A wall time that was noted before the clock was set; 0, which is none, stays. */
void clock_shift(int64_t *wall_ms, int64_t by_ms);

#endif
