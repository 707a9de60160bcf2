#include "base/clock_watch.h"

#include "base/clock.h"

struct clock_reading clock_read(void)
{
    return (struct clock_reading){
        .wall_ms = clock_wall_ms(),
        .boottime_ms = (int64_t)clock_boottime_ms(),
        .monotonic_ms = (int64_t)clock_monotonic_ms(),
    };
}

/*
 * How far a distance between two clocks is from the one that is known, if that is a change; then it
 * is the one that is known.
 */
static int64_t take_change(int64_t *known_ms, int64_t now_ms)
{
    int64_t change_ms = now_ms - *known_ms;

    if (change_ms > -CLOCK_CHANGE_MIN_MS && change_ms < CLOCK_CHANGE_MIN_MS) {
        return 0;
    }
    *known_ms = now_ms;
    return change_ms;
}

bool clock_watch_look(struct clock_watch *watch, const struct clock_reading *now,
                      struct clock_change *ret_change)
{
    int64_t wall_offset_ms = now->wall_ms - now->boottime_ms;
    int64_t sleep_ms = now->boottime_ms - now->monotonic_ms;

    if (!watch->is_begun) {
        *watch = (struct clock_watch){true, wall_offset_ms, sleep_ms};
        return false;
    }
    ret_change->set_by_ms = take_change(&watch->wall_offset_ms, wall_offset_ms);
    ret_change->slept_ms = take_change(&watch->sleep_ms, sleep_ms);
    return ret_change->set_by_ms != 0 || ret_change->slept_ms != 0;
}

void clock_shift(int64_t *wall_ms, int64_t by_ms)
{
    if (*wall_ms != 0) {
        *wall_ms += by_ms;
    }
}
