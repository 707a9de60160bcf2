#include "specs/status_size.h"

static void drop_log(json_t *status)
{
    json_object_del(json_object_get(json_object_get(status, "restarts"), "last"), "logTail");
}

static void drop_history(json_t *status)
{
    json_object_del(status, "history");
}

static void drop_from_all(json_t *documents, void (*drop)(json_t *status))
{
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        json_t *status = json_object_get(document, "status");

        drop(status);
        drop_from_all(json_object_get(status, "members"), drop);
    }
}

bool status_shorten(json_t *documents, unsigned step)
{
    switch (step) {
    case 0: drop_from_all(documents, drop_log); return true;
    case 1: drop_from_all(documents, drop_history); return true;
    default: return false;
    }
}

unsigned status_pause_ms(size_t size)
{
    enum { SMALL = 16 * 1024, BYTES_PER_MS = 512, LONGEST_MS = 500 };

    if (size < SMALL) {
        return 0;
    }
    return size / BYTES_PER_MS < LONGEST_MS ? (unsigned)(size / BYTES_PER_MS) : LONGEST_MS;
}
