#include "base/log_repeats.h"

#include "base/sha256.h"

#include <stdio.h>
#include <string.h>

/*
 * The line's own place, or the one to be used for it: an empty one, else that which was met longest
 * ago.
 */
static struct log_repeat *place_of(struct log_repeats *repeats, const char *digest)
{
    struct log_repeat *oldest = &repeats->lines[0];

    for (size_t i = 0; i < LOG_REPEATS_LINES; i++) {
        struct log_repeat *line = &repeats->lines[i];

        if (strcmp(line->digest, digest) == 0) {
            return line;
        }
        if (line->digest[0] == '\0') {
            return line; /* places are filled from the front, and never emptied */
        }
        if (line->met_at_ms < oldest->met_at_ms) {
            oldest = line;
        }
    }
    return oldest;
}

bool log_repeats_take(struct log_repeats *repeats, const char *line, size_t len, uint64_t now_ms,
                      unsigned *ret_left_out)
{
    char hex[SHA256_HEX_SIZE], digest[sizeof(repeats->lines[0].digest)];
    struct log_repeat *place;

    sha256_hex(line, len, hex);
    snprintf(digest, sizeof(digest), "%.32s", hex);
    place = place_of(repeats, digest);
    if (strcmp(place->digest, digest) != 0) {
        *place = (struct log_repeat){.since_ms = now_ms};
        memcpy(place->digest, digest, sizeof(digest));
    }
    place->met_at_ms = now_ms;
    if (now_ms - place->since_ms >= LOG_REPEATS_MS) {
        place->since_ms = now_ms;
        place->written = 0;
    }
    if (place->written >= LOG_REPEATS_BURST) {
        place->left_out++;
        return false;
    }
    place->written++;
    *ret_left_out = place->left_out;
    place->left_out = 0;
    return true;
}
