/*
 * The catalogue of machine types: names and sizes of GCE and EC2, and custom ones.
 *
 * GCE families f1 g1 e2 n1 n2 c2 (predefined and shared-core), EC2 families t3 m5 c5; sizes as the
 * providers publish them, to the MiB. "custom-<vcpus>-<MiB>" is any size. Shared-core types of GCE
 * have the vCPU share they sustain (e2-micro 0.25 ...); t3 types have all their vCPUs, since EC2
 * starts them in unlimited mode.
 */
#ifndef BERTH_SPECS_MACHINE_TYPES_H
#define BERTH_SPECS_MACHINE_TYPES_H

#include <stddef.h>
#include <stdint.h>

struct machine_type {
    const char *name;
    const char *provider; /* "gce", "ec2" or "custom" */
    int64_t cpu_milli;    /* what a container gets: the sustained share for shared-core types */
    int64_t memory_bytes;
};

/*
 * Looks a name up. 0, or -1 when there is no such type (or a custom one has sizes outside 1..1024
 * CPUs and 64 MiB..4 TiB). ret_type->name points into the catalogue, or to "custom" for custom
 * types.
 */
int machine_type_find(const char *name, struct machine_type *ret_type);

/* The nearest known name for "did you mean", or NULL. */
const char *machine_type_suggest(const char *name);

/* The catalogue, in order of family and size. */
const struct machine_type *machine_type_list(size_t *ret_count);

#endif
