/*
 * Names of machine types: what is found has a size within the limits, what is not may have a
 * nearest name, which is one.
 */
#include "base/cleanup.h"
#include "base/memory.h"
#include "specs/machine_types.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = xstrndup(size > 0 ? (const char *)data : "", size);
    struct machine_type type, near_type;
    const char *near;

    if (machine_type_find(text, &type) == 0) {
        assert(type.name != NULL && type.provider != NULL);
        assert(strcmp(type.name, text) == 0 || strcmp(type.name, "custom") == 0);
        assert(type.cpu_milli > 0 && type.cpu_milli <= 1024 * 1000);
        assert(type.memory_bytes >= INT64_C(64) << 20 && type.memory_bytes <= INT64_C(4) << 40);
        return 0;
    }
    near = machine_type_suggest(text);
    assert(near == NULL || machine_type_find(near, &near_type) == 0);
    return 0;
}
