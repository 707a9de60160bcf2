/*
 * Failures that repeat: which lines of the log are left out.
 *
 * The same line is written at most LOG_REPEATS_BURST times in LOG_REPEATS_MS; what comes beyond is
 * counted, and the next one that is written says how many there were. Memory has a ceiling:
 * LOG_REPEATS_LINES different lines are remembered, and of more the one that was met longest ago is
 * forgotten, so that it is written again.
 */
#ifndef BERTH_BASE_LOG_REPEATS_H
#define BERTH_BASE_LOG_REPEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_REPEATS_LINES = 512, LOG_REPEATS_BURST = 5, LOG_REPEATS_MS = 60000 };

struct log_repeat {
    char digest[33]; /* of the line; "": none yet */
    uint64_t since_ms, met_at_ms;
    unsigned written, left_out;
};

/* Zeroed: nothing was written yet. */
struct log_repeats {
    struct log_repeat lines[LOG_REPEATS_LINES];
};

/*
 * Whether the line is to be written now; if so, *ret_left_out is how many like it were not, since
 * the last that was.
 */
bool log_repeats_take(struct log_repeats *repeats, const char *line, size_t len, uint64_t now_ms,
                      unsigned *ret_left_out);

#endif
