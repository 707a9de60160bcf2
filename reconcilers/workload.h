/*
 * A workload: what a container is to be, in words that do not belong to one engine.
 */
#ifndef BERTH_RECONCILERS_WORKLOAD_H
#define BERTH_RECONCILERS_WORKLOAD_H

#include "base/arena.h"
#include "specs/types.h"

#include <stdbool.h>
#include <stdint.h>

#define LABEL_CONTROLLER "dev.berth.controller"
#define LABEL_KIND "dev.berth.kind"
#define LABEL_NAME "dev.berth.name"
#define LABEL_HASH "dev.berth.hash"
#define LABEL_FIELDS "dev.berth.fields"
#define LABEL_SOURCE "dev.berth.source"
#define LABEL_PORTS "dev.berth.ports"
#define LABEL_REPOSITORY "dev.berth.repository"
#define LABEL_TREES "dev.berth.trees"             /* how trees come into a repository container */
#define LABEL_BASE_IMAGE "dev.berth.base-image"   /* id of the image that its settings name */
#define LABEL_BRANCH "dev.berth.branch"           /* isolation Branch: whose container it is */
#define LABEL_SNAPSHOT_OF "dev.berth.snapshot.of" /* of an image: container it was made from */
#define LABEL_SNAPSHOT_BY "dev.berth.snapshot.by" /* of an image: the controller's id */
#define LABEL_SUBNET                                                                               \
    "dev.berth.subnet" /* of a network: chosen by Berth, so addresses can be asked for */
#define LABEL_POOL "dev.berth.pool"         /* whose member an instance is */
#define LABEL_INSTANCE "dev.berth.instance" /* which one a repository container is placed on */
#define LABEL_ENV "dev.berth.env"           /* keyed digest of the values that are shown nowhere */

#define LABEL_DELETION_POLICY                                                                      \
    "dev.berth.deletion-policy" /* only with this value: never removed as an orphan */
#define DELETION_POLICY_RETAIN "Retain"

#define KIND_REPOSITORY_CONTAINER                                                                  \
    "RepositoryContainer" /* in keys and labels: not a kind users write */

struct workload_port {
    uint16_t container_port;
    enum port_protocol protocol;
    const char *host_ip;
    uint16_t host_port;
};

struct workload_mount {
    const char *source; /* path on the host, or name of a volume */
    const char *target;
    bool is_volume;
    bool is_read_only;
    bool is_own;   /* Berth's own directory, not one that a spec names */
    bool is_slave; /* mounts that are made below the source later appear in the container */
};

/* What an instance's own container and those placed on it may use together. */
struct machine_limits {
    const char *name;                      /* of the instance */
    int64_t cpu_milli, memory_bytes, pids; /* never 0 */
};

/* Everything it points to is in its arena or outlives it. */
struct workload {
    struct arena arena;
    const char *name;
    const char *image;
    const char *hostname;
    struct text_list entrypoint; /* count 0: the image's */
    struct text_list command;    /* count 0: the image's */
    struct env_list env;
    const char *working_dir;
    const char *user; /* NULL: the image's */
    struct label_list labels;
    const char *network;
    const char *address; /* IPv4, asked for on the network; NULL: any */
    struct text_list aliases;
    struct workload_port *ports;
    size_t port_count;
    struct workload_mount *mounts;
    size_t mount_count;
    int64_t cpu_milli, memory_bytes, pids; /* 0: no limit */
    const char *cgroup_parent;             /* NULL: the engine's own */
    int64_t grace_seconds;
    struct dns_spec dns;
    struct host_alias_list host_aliases;
    bool is_root_read_only;
    struct text_list capabilities_add, capabilities_drop;
    bool has_own_init; /* process 1 reaps by itself: the engine need not add an init */
};

/* "1 CPU, 256 MiB, 4096 processes"; the caller's to free. */
char *machine_limits_text(const struct machine_limits *limits);

struct workload *workload_new(void);
void workload_free(struct workload *workload); /* accepts NULL */

/* Helpers to fill one; texts are copied. */
void workload_add_label(struct workload *workload, const char *key, const char *value);
void workload_add_mount(struct workload *workload, const char *source, const char *target,
                        bool is_volume, bool is_read_only);
void workload_add_own_mount(struct workload *workload, const char *source, const char *target);
void workload_add_trees_mount(struct workload *workload, const char *source, const char *target,
                              bool is_slave);
void workload_add_port(struct workload *workload, const struct workload_port *port);
void workload_add_alias(struct workload *workload, const char *alias);

#endif
