/*
 * The desired objects: what a spec means once it is decoded, defaulted and validated.
 *
 * Plain data, filled by the schema tables (schema.h) and never changed afterwards; everything an
 * object points to lives in its arena. Sizes are bytes, CPU is thousandths of a processor, times
 * are seconds as users write them. Absent texts are NULL, absent lists have count 0, absent amounts
 * are 0.
 */
#ifndef BERTH_SPECS_TYPES_H
#define BERTH_SPECS_TYPES_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define API_VERSION "berth.dev/v1"

enum kind { KIND_INSTANCE, KIND_INSTANCE_POOL, KIND_REPOSITORY, KIND_TASK };
enum { KIND_COUNT = 4 };

struct text_list {
    const char **items;
    size_t count;
};

/* metadata.labels, in order of key. */
struct label {
    const char *key;
    const char *value;
};

struct label_list {
    struct label *items;
    size_t count;
};

/*
 * Where a value is taken from when the container is made; exactly one is set. It never enters an
 * object.
 */
struct value_source {
    const char *file; /* absolute path, below one of the controller's allowed roots */
    const char *env;  /* a variable of the controller's that its policy lets out */
};

struct env_var {
    const char *name;
    const char *value;
    struct value_source *from; /* NULL: value is it */
};

struct env_list {
    struct env_var *items;
    size_t count;
};

enum port_protocol { PROTOCOL_TCP, PROTOCOL_UDP };

struct port_spec {
    const char *name; /* unique in its object; "port-<containerPort>[-udp]" where left out */
    int64_t container_port;
    int64_t protocol;    /* enum port_protocol */
    int64_t host_port;   /* 0: leased from the pool */
    const char *host_ip; /* 127.0.0.1 where left out */
};

struct port_list {
    struct port_spec *items;
    size_t count;
};

struct volume_spec {
    const char *name;
    const char *mount_path;
    bool is_read_only;
    const char *host_path; /* exactly one of host_path and volume is set */
    const char *volume;
};

struct volume_list {
    struct volume_spec *items;
    size_t count;
};

struct resources {
    int64_t cpu_milli;
    int64_t memory_bytes;
    int64_t pids;
};

struct host_alias {
    const char *ip;
    struct text_list hostnames;
};

struct host_alias_list {
    struct host_alias *items;
    size_t count;
};

struct dns_spec {
    struct text_list servers;
    struct text_list search;
};

struct security_context {
    int64_t run_as_user; /* -1: the image's */
    bool is_root_read_only;
    struct text_list capabilities_add;
    struct text_list capabilities_drop;
};

/* Probes and hooks: names, defaults and meanings are Kubernetes'. */
struct exec_action {
    struct text_list command;
};

struct http_header {
    const char *name;
    const char *value;
};

struct http_header_list {
    struct http_header *items;
    size_t count;
};

enum http_scheme { HTTP_SCHEME_HTTP, HTTP_SCHEME_HTTPS };

struct http_get_action {
    const char *path;
    const char *port; /* a number, or the name of one of the instance's ports */
    int64_t scheme;   /* enum http_scheme */
    struct http_header_list headers;
};

struct tcp_socket_action {
    const char *port;
};

/* Exactly one of the three actions is set. */
struct probe_spec {
    struct exec_action *exec;
    struct http_get_action *http_get;
    struct tcp_socket_action *tcp_socket;
    int64_t initial_delay_seconds;
    int64_t period_seconds;
    int64_t timeout_seconds;
    int64_t success_threshold;
    int64_t failure_threshold;
};

enum probe_type { PROBE_STARTUP, PROBE_LIVENESS, PROBE_READINESS };
enum { PROBE_TYPE_COUNT = 3 };

/* The probes of one container, by type; NULL: it has none of that type. */
struct probe_specs {
    const struct probe_spec *of[PROBE_TYPE_COUNT];
};

struct hook_spec {
    struct exec_action *exec;
    int64_t timeout_seconds;
};

struct lifecycle {
    struct hook_spec *post_start;
    struct hook_spec *pre_stop;
};

enum deletion_policy { DELETION_DELETE, DELETION_RETAIN };

enum pull_policy { PULL_IF_NOT_PRESENT, PULL_ALWAYS, PULL_NEVER };
enum power_state { POWER_RUNNING, POWER_STOPPED, POWER_SUSPENDED };
enum restart_policy { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };

struct instance_spec {
    bool is_suspended;
    const char *machine_type;
    const char *zone;
    const char *image;   /* NULL: Berth's idle image */
    int64_t pull_policy; /* enum pull_policy */
    int64_t power_state; /* enum power_state */
    struct text_list command;
    struct text_list args;
    struct env_list env;
    const char *working_dir;
    const char *user;
    const char *hostname;
    struct dns_spec dns;
    struct host_alias_list host_aliases;
    struct port_list ports;
    struct volume_list volumes;
    struct resources resources; /* narrows the machine type */
    int64_t restart_policy;     /* enum restart_policy */
    int64_t grace_seconds;
    struct security_context security;
    struct probe_spec *readiness; /* NULL: none, like the others */
    struct probe_spec *liveness;
    struct probe_spec *startup;
    struct lifecycle lifecycle;
    int64_t deletion_policy; /* enum deletion_policy */
};

enum placement { PLACEMENT_PACK, PLACEMENT_SPREAD };
enum update_strategy { UPDATE_ROLLING, UPDATE_ON_DELETE };

struct pool_spec {
    bool is_suspended;
    int64_t min_instances;
    int64_t max_instances;
    int64_t max_tasks_per_instance;
    int64_t placement;                /* enum placement */
    int64_t target_utilization_milli; /* thousandths: 800 is 0.8 */
    int64_t scale_down_delay_seconds;
    struct text_list warm_repositories; /* URLs */
    int64_t update_strategy;            /* enum update_strategy */
    int64_t max_unavailable;
    struct label_list template_labels;
    struct instance_spec template_spec;
};

/* Paths of files that hold secrets; their contents never enter an object. */
struct credentials {
    const char *token_file;
    const char *ssh_key_file;
    const char *username_file;
};

/* The tree of tasks that are not kept apart; the others have one with the name of the task. */
#define SHARED_TREE "shared"

enum isolation { ISOLATION_TASK, ISOLATION_SHARED, ISOLATION_BRANCH };

/*
 * Once per commit and text, in the container, on a fresh tree; its result is below every task's
 * tree.
 */
struct setup_spec {
    struct text_list command;
    int64_t timeout_seconds;
};

/* A volume that all tasks of a repository share. */
struct cache_spec {
    const char *name;
    const char *mount_path;
};

struct cache_list {
    struct cache_spec *items;
    size_t count;
};

struct access_spec {
    struct text_list users; /* empty: nobody */
};

enum snapshot_policy { SNAPSHOT_ON_SETUP_CHANGE, SNAPSHOT_ON_EACH_COMMIT };

/* Whether the container is kept as an image after setup, and for how long that image is good. */
struct snapshot_spec {
    bool is_enabled;
    int64_t policy; /* enum snapshot_policy */
};

struct repository_spec {
    bool is_suspended;
    const char *url;
    const char *branch; /* NULL: the remote's HEAD */
    struct credentials credentials;
    const char *image; /* NULL: the controller's --repository-image */
    int64_t pull_policy;
    struct resources resources;
    struct env_list env;
    struct port_list ports;
    struct volume_list volumes;
    struct security_context security;
    const char *pool; /* NULL: default */
    bool is_warm;
    int64_t idle_timeout_seconds;
    int64_t retain_seconds;
    struct setup_spec *setup; /* NULL: none */
    int64_t isolation;        /* enum isolation; of its tasks that say nothing else */
    struct cache_list caches;
    struct access_spec *access; /* NULL: everyone */
    struct snapshot_spec snapshot;
    int64_t fetch_interval_seconds;
    int64_t task_ports; /* how many ports of the container its tasks may lease */

    /*
     * Who tasks run as where that is no number: "vscode", "app:app". In no schema table, since only
     * devcontainer_apply() sets it; NULL where run_as_user is set. Part of the hashes.
     */
    const char *user;
};

/* The ports of a repository's container that its tasks lease: this one and those behind it. */
enum { TASK_PORT_FIRST = 17001, TASK_PORTS_MAX = 64 };

#define TASK_PORT_PREFIX "task-" /* names of the block's ports: task-1 ... */

/* A port of that block; its number is found when the task starts. */
struct task_port {
    const char *name;
};

struct task_port_list {
    struct task_port *items;
    size_t count;
};

enum { TASK_PORT_VARIABLE_SIZE = 80 };

/* "preview" -> "BERTH_PORT_PREVIEW", which tells the task its number. Returns variable. */
const char *task_port_variable(const char *port, char variable[TASK_PORT_VARIABLE_SIZE]);

enum task_state { TASK_ACTIVE, TASK_COMPLETED };

struct task_spec {
    bool is_suspended;
    const char *repository_url;  /* exactly one of these two is set */
    const char *repository_name; /* metadata.name of a Repository object */
    const char *branch;          /* NULL: the repository's */
    const char *ref;             /* a tag or commit in place of a branch; NULL: none */
    const char *user;
    struct text_list command; /* empty: an open session */
    struct env_list env;
    struct task_port_list ports;
    int64_t isolation;       /* enum isolation; -1: the repository's */
    int64_t backoff_limit;   /* how often a failed command is tried again */
    int64_t timeout_seconds; /* 0: none */
    const char *pool;        /* NULL: the repository's */
    int64_t priority;        /* the higher is placed first */
    int64_t ttl_seconds_after_finished;
    int64_t state; /* enum task_state */
};

enum { HASH_SIZE = 24 };

/*
 * One object. Shared by reference count: a pass or an action in flight keeps the version it works
 * with.
 */
struct object {
    enum kind kind;
    const char *name;
    struct label_list labels;
    const char *file;      /* path relative to the spec directory */
    unsigned line, column; /* 1-based, where the document begins */
    unsigned document;     /* 0-based index in the file */

    char hash[HASH_SIZE];           /* "v1-<16 hex>" of the whole canonical spec and the labels */
    char container_hash[HASH_SIZE]; /* the same of what a container cannot change in place */
    const char *field_hashes; /* "env=1a2b3c4d image=...": the fields of container_hash, sorted */

    struct object *parent; /* a pool's member borrows from its pool; NULL: nothing is borrowed */
    struct arena arena;
    unsigned references;

    union { /* the last, and allocated as far as the kind needs it: an object is never assigned */
        struct instance_spec instance;
        struct pool_spec pool;
        struct repository_spec repository;
        struct task_spec task;
    };
};

/* One of zeroes, with one reference. */
struct object *object_new(enum kind kind);
/* Once its kind is known: the same, which may have moved, without room for other kinds. */
struct object *object_fit(struct object *object);
struct object *object_ref(struct object *object);
void object_unref(struct object *object); /* accepts NULL */

const char *kind_name(enum kind kind);   /* "Instance" */
const char *kind_plural(enum kind kind); /* "instances" */

const char *probe_type_name(enum probe_type type); /* "readiness" */

/* Exactly "Instance", in this case; -1: no such kind. */
int kind_from_name(const char *name, enum kind *ret_kind);

/* True when the object changes nothing: spec.suspend. */
bool object_is_suspended(const struct object *object);

/* [a-z]([-a-z0-9]{0,61}[a-z0-9])? */
bool object_name_is_valid(const char *name);

#endif
