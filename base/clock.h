/*
 * Time: a monotonic clock for waiting and a wall clock for people.
 *
 * Moments on the monotonic clock are named _at_ns or _at_ms; wall time is in milliseconds since
 * 1970 (UTC) and named _wall_ms. Reconcilers get both as arguments and never call these functions.
 */
#ifndef BERTH_BASE_CLOCK_H
#define BERTH_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define MS_PER_SECOND INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)

uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_ns(void);
uint64_t clock_boottime_ms(void); /* monotonic, and goes on while the machine sleeps */
int64_t clock_wall_ms(void);

enum { TIMESTAMP_SIZE = sizeof("2026-01-02T03:04:05.678Z") + 8 };

/* RFC 3339 in UTC with whole seconds, as kubectl shows it; "" for 0. Returns text. */
const char *timestamp_format(int64_t wall_ms, char text[TIMESTAMP_SIZE]);

/*
 * Reads RFC 3339 with any fraction and offset, as the Docker Engine writes it. Docker's zero time
 * "0001-01-01T00:00:00Z" reads as 0. -1 when the text is no such time.
 */
int timestamp_parse(const char *text, int64_t *ret_wall_ms);

#endif
