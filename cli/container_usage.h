/*
 * What a container uses, from two of the engine's samples (GET /containers/ID/stats, Engine API
 * 1.41 and on). Pure.
 */
#ifndef BERTH_CLI_CONTAINER_USAGE_H
#define BERTH_CLI_CONTAINER_USAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct usage_sample {
    bool is_running;    /* false: the engine has no figures of it */
    uint64_t cpu_ns;    /* of all processors, since its start */
    uint64_t system_ns; /* of all processors of the machine, busy or not */
    unsigned cpus;
    uint64_t memory_bytes; /* without the page cache that can be dropped, as docker stats counts */
    uint64_t limit_bytes;  /* the machine's memory where it has no limit; 0: not known */
};

/* json NULL, or not as the engine's: it does not run. */
struct usage_sample usage_sample_from_json(const json_t *json);

/* Processors used between the two samples: 0.5 is half of one. Negative: that cannot be told. */
double usage_cores(const struct usage_sample *before, const struct usage_sample *after);

/* "12.5MiB"; "1.0GiB". */
enum { USAGE_TEXT_SIZE = 32 };
const char *usage_bytes_text(uint64_t bytes, char text[USAGE_TEXT_SIZE]);

#endif
