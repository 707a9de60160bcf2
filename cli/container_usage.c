#include "cli/container_usage.h"

#include "base/cleanup.h"

#include <stdio.h>

static uint64_t number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (json_is_real(value)) { /* beyond 63 bits: an unlimited cgroup v1 */
        double real = json_real_value(value);

        return real > 0 && real < 1.8e19 ? (uint64_t)real : 0;
    }
    return json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
}

/*
 * Files that were read stay in memory as long as nobody needs it: cgroup v1 and v2 have a name each
 * for those.
 */
static uint64_t memory_in_use(const json_t *memory)
{
    const json_t *stats = json_object_get(memory, "stats");
    const json_t *v1 = json_object_get(stats, "total_inactive_file");
    uint64_t usage = number(memory, "usage");
    uint64_t cache = number(stats, v1 != NULL ? "total_inactive_file" : "inactive_file");

    return cache < usage ? usage - cache : usage;
}

struct usage_sample usage_sample_from_json(const json_t *json)
{
    const json_t *cpu = json_object_get(json, "cpu_stats");
    const json_t *memory = json_object_get(json, "memory_stats");
    struct usage_sample sample = {
        .cpu_ns = number(json_object_get(cpu, "cpu_usage"), "total_usage"),
        .system_ns = number(cpu, "system_cpu_usage"),
        .cpus = (unsigned)number(cpu, "online_cpus"),
        .memory_bytes = memory_in_use(memory),
        .limit_bytes = number(memory, "limit"),
    };

    sample.is_running = sample.system_ns > 0;
    return sample;
}

double usage_cores(const struct usage_sample *before, const struct usage_sample *after)
{
    /* fewer than before: it was started again in between */
    if (!before->is_running || !after->is_running || after->cpu_ns < before->cpu_ns ||
        after->system_ns <= before->system_ns) {
        return -1;
    }
    return (double)(after->cpu_ns - before->cpu_ns) /
           (double)(after->system_ns - before->system_ns) * (after->cpus > 0 ? after->cpus : 1);
}

const char *usage_bytes_text(uint64_t bytes, char text[USAGE_TEXT_SIZE])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
        value /= 1024;
        unit++;
    }
    snprintf(text, USAGE_TEXT_SIZE, unit == 0 ? "%.0f%s" : "%.1f%s", value, units[unit]);
    return text;
}
