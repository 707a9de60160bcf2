/* What is in the memory of the engine, and what its parts share. */
#ifndef BERTH_TESTS_FAKE_ENGINE_MEMORY_WORLD_H
#define BERTH_TESTS_FAKE_ENGINE_MEMORY_WORLD_H

#include "base/map.h"
#include "tests/support/fake_engine/back_end.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { ID_SIZE = 65, EVENT_RING = 256 };

enum container_state { STATE_CREATED, STATE_RUNNING, STATE_PAUSED, STATE_EXITED };

struct container {
    char id[ID_SIZE];
    char *name;
    char *image; /* as asked for */
    char *image_id;
    json_t *config, *host_config;
    json_t *networks; /* name -> endpoint, as inspect shows it */
    enum container_state state;
    bool is_oom_killed;
    int exit_code;
    int64_t pid; /* 0: it does not run */
    char *error;
    int64_t created_ns, started_ns, finished_ns; /* wall clock; 0: never */
    struct host_port *ports;                     /* bound while it runs */
    struct strbuf log;                           /* frames */
    uv_timer_t *end;                             /* of a command that ends by itself, or NULL */
    struct memory *memory;
};

struct network {
    char id[ID_SIZE];
    char *name, *driver, *scope;
    json_t *labels, *options;
    uint32_t address, mask; /* 0: it has no subnet */
    uint32_t next;          /* the host part that is tried next */
    struct map taken;       /* addresses in use */
    int64_t created_ns;
    bool is_internal, is_builtin;
};

struct volume {
    char *name;
    json_t *labels;
    int64_t created_ns;
    bool is_anonymous;
};

struct image {
    char id[ID_SIZE + 8]; /* with "sha256:" */
    json_t *tags;         /* array of "name:tag" */
    json_t *config;
    int64_t created_ns;
};

struct exec {
    char id[ID_SIZE];
    struct container *container;
    json_t *command;
    bool is_running, has_ended;
    int exit_code;
    uv_timer_t *end;
    struct call *call; /* of who is attached, or NULL */
};

/* A reply that is kept open: of events, of a wait, of a log. */
struct open_reply {
    struct open_reply *next;
    struct call *call;
    enum { OPEN_EVENTS, OPEN_WAIT, OPEN_LOG, OPEN_EXEC } kind;
    json_t *filters;
    char container_id[ID_SIZE];
    bool is_until_removed;
};

struct memory {
    struct back_end base;
    uv_loop_t *loop;
    char *api;
    bool is_live_restore;
    struct map containers, containers_by_id;     /* the first by name */
    struct map networks, volumes, images, execs; /* by id, name, id, id */
    struct open_reply *open;
    json_t *events; /* the last ones */
    int64_t last_event_ns;
    uint64_t id_count;
    int64_t next_pid;
    unsigned next_subnet;
};

typedef void memory_handler(struct memory *memory, struct call *call, const char *name);

/* --- replies and texts (memory_reply.c) --- */

void reply_json(struct call *call, int status, json_t *json); /* takes json */
void reply_message(struct call *call, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void reply_status(struct call *call, int status); /* without a body */
/* The body of a request; NULL: it is no object, and that was answered. */
json_t *request_object(struct call *call);
void new_id(struct memory *memory, char id[ID_SIZE]);
int64_t wall_ns(void);
json_t *time_text(int64_t ns); /* RFC 3339 with nine digits */
/* Sends the head. NULL: with that the call has ended, as it was to go wrong. */
struct open_reply *open_reply_new(struct memory *memory, struct call *call, int kind, int status,
                                  const char *type);
void open_reply_end(struct memory *memory, struct open_reply *open); /* its stream ends */
const char *text_of(const json_t *object, const char *key);          /* "" when there is none */
unsigned api_minor(const struct memory *memory);

/* --- filters (memory_filters.c) --- */

/* The parameter "filters", {} when there is none; both forms, lists and maps, as lists. */
json_t *filters_of(const struct call *call);
/* Whether some value of the filter is the text (or all is well because there is no such filter). */
bool filter_has(const json_t *filters, const char *name, const char *text);
bool filter_has_part(const json_t *filters, const char *name, const char *text);
/* All "label" filters, "a" and "a=b", fit. */
bool filter_fits_labels(const json_t *filters, const json_t *labels);

/* --- events (memory_events.c) --- */

/* attributes: taken */
void emit_event(struct memory *memory, const char *type, const char *action, const char *id,
                json_t *attributes);
void emit_container_event(struct container *container, const char *action, const char *key,
                          const char *value);
memory_handler watch_events;

/* --- containers (memory_containers.c, memory_lifecycle.c, memory_container_json.c) --- */

struct container *find_container(struct memory *memory,
                                 const char *name); /* or id, or its beginning */
struct container *need_container(struct memory *memory, struct call *call, const char *name);
bool is_up(const struct container *container);
void container_free(struct container *container);
void container_end(struct container *container, int exit_code); /* it ends by itself */
void container_kill(struct container *container, int signal, bool is_stop);
memory_handler create_container, list_containers, inspect_container, start_container,
    stop_container, restart_container, kill_container, remove_container, rename_container,
    pause_container, unpause_container, update_container, wait_container, attach_container,
    read_logs, read_stats, put_archive;
json_t *container_summary(const struct container *container);
const char *state_name(enum container_state state);

/* What the command prints, how it exits and when (-1: it goes on). A command is argv. */
struct outcome {
    char *output; /* the caller's to free */
    int exit_code;
    int64_t after_ms;
};
struct outcome outcome_of(const json_t *command);
void log_output(struct container *container, const char *text);
void add_frame(struct strbuf *to, const char *text);

/* --- ports (memory_ports.c) --- */

/* Binds what the container publishes. -1: one is taken; the text of the engine's error is set. */
int bind_ports(struct container *container, char **ret_message);
void release_ports(struct container *container);
json_t *bound_ports(const struct container *container);     /* {"80/tcp": [{HostIp, HostPort}]} */
json_t *bound_port_list(const struct container *container); /* as in a list of containers */

/* --- networks (memory_networks.c, memory_addresses.c) --- */

struct network *find_network(struct memory *memory, const char *name);
void add_builtin_networks(struct memory *memory);
void network_free(struct network *network);
json_t *endpoint_new(const json_t *asked); /* of a container that is made */
/* Addresses for all its endpoints. -1: an error was answered (call) and nothing is taken. */
int join_networks(struct container *container, struct call *call);
void leave_networks(struct container *container);
memory_handler list_networks, inspect_network, create_network, remove_network, connect_network,
    disconnect_network;
/* "10.1.0.0/16"; -1: it is no subnet. */
int parse_subnet(const char *text, uint32_t *ret_address, uint32_t *ret_mask);
char *subnet_text(const struct network *network);
/* NULL: taken, or none is left. asked may be "". The text is good until the next call. */
const char *take_address(struct network *network, const char *asked);
uint32_t prefix_length(uint32_t mask);
char *address_text(uint32_t address);
bool choose_subnet(struct memory *memory, struct network *network);
bool overlaps_another(struct memory *memory, const struct network *network);

/* --- volumes, images, execs, the engine --- */

struct volume *volume_make(struct memory *memory, const char *name, const json_t *labels);
void volume_free(struct volume *volume);
memory_handler list_volumes, inspect_volume, create_volume, remove_volume;

struct image *find_image(struct memory *memory, const char *name); /* "name[:tag]", or an id */
void image_free(struct image *image);
memory_handler list_images, inspect_image, make_image, remove_image, tag_image, commit_container;

void exec_free(struct exec *exec);
void end_execs_of(struct container *container);
json_t *exec_ids_of(const struct container *container); /* null when there is none */
memory_handler create_exec, start_exec, inspect_exec, resize_exec;

memory_handler tell_version, tell_info, answer_ping;
json_t *describe_world(struct memory *memory);

#endif
