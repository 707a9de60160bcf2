/*
 * Times as engines write them: what is read is a time of a four-digit year, and reads back from our
 * form.
 */
#include "base/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* one day before and after the years 0 to 9999, for what an offset moves */
    static const int64_t first_ms = INT64_C(-62167305600000), last_ms = INT64_C(253402387200000);
    char *text = malloc(size + 1), written[TIMESTAMP_SIZE];
    int64_t wall_ms = 4711, again = 0;

    assert(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (timestamp_parse(text, &wall_ms) < 0) {
        assert(wall_ms == 4711);
    } else {
        assert(wall_ms >= first_ms && wall_ms <= last_ms);
        if (wall_ms > 0 && wall_ms < last_ms - 2 * INT64_C(86400000)) {
            assert(timestamp_parse(timestamp_format(wall_ms, written), &again) == 0);
            assert(again == wall_ms - wall_ms % MS_PER_SECOND);
        }
    }
    free(text);
    return 0;
}
