/*
 * What every pass may know beside its own object: who we are, what is allowed, what time it is.
 */
#ifndef BERTH_RECONCILERS_WORLD_H
#define BERTH_RECONCILERS_WORLD_H

#include "reconcilers/ports.h"
#include "specs/policy.h"
#include "specs/types.h"

#include <stdbool.h>
#include <stdint.h>

/* How an instance is made a bound for all that is placed on it (capacity.h). */
enum capacity_means {
    CAPACITY_ACCOUNTED,   /* not at all: placement counts, the kernel does not */
    CAPACITY_DIRECTORIES, /* a cgroup made as directories: the engine's driver is cgroupfs */
    CAPACITY_SLICES,      /* a slice of systemd's: the engine's driver is systemd */
};

struct capacity {
    enum capacity_means means;
    const char *reason, *message; /* why ACCOUNTED; NULL: not known yet, the engine is not there */
    int64_t cpu_count;            /* of the engine's host; 0: unknown */
};

struct world {
    const char *controller_id;
    const char *idle_image;           /* Berth's own, built into the engine by itself */
    const char *repository_image;     /* of repository containers that name none */
    struct text_list git_schemes;     /* that URLs may begin with; empty: all */
    const char *git_file_root;        /* file:// URLs must be below it; NULL: none are allowed */
    struct text_list host_path_roots; /* what hostPath volumes may mount, without a policy's word */
    const struct policy *policy;      /* what the operator's file allows; NULL: there is none */
    const struct port_table *ports;
    struct capacity capacity;
    int64_t now_wall_ms;
};

/* Delays of retries and restarts: 1 s doubled up to 300 s, 25 % jitter (design.md, rule 7). */
enum {
    RETRY_INITIAL_MS = 1000,
    RETRY_MAX_MS = 300000,
    RETRY_JITTER_PERCENT = 25,
    RESTART_RESET_MS = 600000, /* a run this long forgives the crashes before it */
    STALLED_AFTER = 3,         /* failures in a row: no longer "soon" */
    QUICK_TRIES = 3,           /* with other ports, when the engine says that one is taken */
};

/*
 * The delay after `count` failures in a row of the object with this key: equal arguments give equal
 * delays, so a pass that is repeated decides the same.
 */
uint64_t retry_delay_ms(const char *key, unsigned count);

/*
 * "web.us-central1-a.berth.internal" needs a network "berth-us-central1-a-<6 of the id>": the
 * caller's to free.
 */
char *zone_network_name(const struct world *world, const char *zone);

#endif
