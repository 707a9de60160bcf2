/*
 * The times in a status that Berth noted itself, against a clock that is set, or was wrong.
 *
 * What a status waits for and since when is wall time, since it must be understood by people and by
 * the next controller. When the clock is set, these times move with it, so that what was to last an
 * hour lasts an hour. The engine's own times (when a container started, how it ended) stay: they
 * tell one start from another.
 */
#ifndef BERTH_SPECS_STATUS_TIMES_H
#define BERTH_SPECS_STATUS_TIMES_H

#include "specs/status.h"

/* The clock was set forward by so much, or back. */
void status_shift_times(struct object_status *status, int64_t by_ms);

/*
 * Of a status that was read. One that tells of something later than now was written while the clock
 * was ahead: all of it moves back, so that the latest is of now. And no retry is further away than
 * the longest wait that there is. Without this everything would be held up until the clock gets
 * there.
 */
void status_limit_times(struct object_status *status, int64_t now_wall_ms, int64_t longest_wait_ms);

#endif
