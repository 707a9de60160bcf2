/*
 * Replies of the Docker Engine as plain data.
 *
 * Every field of a reply is optional to us and of the wrong type at any time: it then reads as
 * absent (texts as "", but for those that say NULL). Only a missing id, or of the engine its API
 * version, is an error (TRANSIENT: the engine broke its promise). Structs own their texts; *_done
 * frees them.
 */
#ifndef BERTH_CLIENTS_DOCKER_TYPES_H
#define BERTH_CLIENTS_DOCKER_TYPES_H

#include "base/cleanup.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum docker_state {
    DOCKER_CREATED,
    DOCKER_RUNNING,
    DOCKER_PAUSED,
    DOCKER_RESTARTING,
    DOCKER_REMOVING,
    DOCKER_EXITED,
    DOCKER_DEAD,
};

struct docker_endpoint_state {
    char *network; /* name */
    char *network_id;
    char *ip;       /* "" when not connected */
    char *asked_ip; /* IPAMConfig.IPv4Address: what was asked for, or "" */
};

struct docker_port {
    uint16_t container_port;
    char *protocol; /* "tcp" */
    char *host_ip;
    uint16_t host_port;
};

struct docker_container {
    char *id;
    char *name;              /* without the leading slash */
    char *image;             /* as configured */
    char *image_id;          /* sha256:... */
    json_t *labels;          /* object of strings, never NULL */
    enum docker_state state; /* one we do not know reads as running or exited */
    int64_t exit_code;
    bool is_oom_killed;
    int64_t pid;                                                /* State.Pid; 0: it does not run */
    char *error;                                                /* State.Error */
    int64_t created_wall_ms, started_wall_ms, finished_wall_ms; /* 0: never */
    char *health;                                               /* "healthy", ... or NULL */
    char *cgroup_parent; /* HostConfig.CgroupParent, "" when unset or not looked at */
    char *network_mode;  /* HostConfig.NetworkMode: the network it was made for */
    struct docker_endpoint_state *networks;
    size_t network_count;
    char **binds; /* Mounts of type bind: the paths on the engine's machine */
    size_t bind_count;
    char **exec_ids; /* of commands that run in it beside its own */
    size_t exec_count;
    struct docker_port *ports; /* published, while running; 0.0.0.0 and [::] are two */
    size_t port_count;
};

/* What GET /containers/NAME/json says. */
int docker_parse_container(const json_t *json, struct docker_container *ret, struct error *err);
/*
 * An element of GET /containers/json: no exit code, error, oom, times but Created; ports may be
 * partial.
 */
int docker_parse_container_summary(const json_t *json, struct docker_container *ret,
                                   struct error *err);
void docker_container_done(struct docker_container *container);
/* Borrowed; NULL: there is none of that name. */
const char *docker_container_label(const struct docker_container *container, const char *name);

struct docker_image {
    char *id;
    char *user;        /* Config.User, "" when unset */
    char *working_dir; /* Config.WorkingDir */
    bool has_command;  /* Cmd or Entrypoint is set */
    json_t *labels;
};

int docker_parse_image(const json_t *json, struct docker_image *ret, struct error *err);
void docker_image_done(struct docker_image *image);

struct docker_network {
    char *id;
    char *name;
    char *driver;
    json_t *labels;
};

int docker_parse_network(const json_t *json, struct docker_network *ret, struct error *err);
void docker_network_done(struct docker_network *network);

struct docker_engine {
    char *version;         /* "20.10.24+dfsg1" */
    char *api_version;     /* "1.41" */
    char *min_api_version; /* "1.12" */
    char *os, *arch;
    bool is_podman;
};

/* What GET /version says. */
int docker_parse_engine(const json_t *json, struct docker_engine *ret, struct error *err);
void docker_engine_done(struct docker_engine *engine);

/* The machine that the engine runs on, as GET /info tells. */
struct docker_host {
    int64_t cpu_count;       /* 0: unknown */
    int64_t now_wall_ms;     /* by the engine's clock; 0: unknown */
    char *cgroup_driver;     /* "cgroupfs", "systemd", "none"; "" when not told */
    unsigned cgroup_version; /* 1 or 2; 0: unknown */
    bool is_rootless;
};

void docker_parse_host(const json_t *json, struct docker_host *ret);
void docker_host_done(struct docker_host *host);

/* A command in a container. */
struct docker_exec {
    bool is_running;
    bool has_exit_code; /* it has ended */
    int64_t exit_code;
    int64_t pid; /* in the engine's own namespace; 0: not told */
};

/* What GET /exec/ID/json says. */
int docker_parse_exec(const json_t *json, struct docker_exec *ret, struct error *err);

/* Whether the same reply is of a command that begins with these two words. */
bool docker_exec_has_command(const json_t *json, const char *program, const char *argument);

enum { DOCKER_API_SIZE = 16 };

/* Versions of the API that we speak: 1.41 to 1.51. */
enum { DOCKER_API_MAJOR = 1, DOCKER_API_OLDEST_MINOR = 41, DOCKER_API_NEWEST_MINOR = 51 };

/*
 * The API version to speak: the lower of the engine's newest and ours (1.51). ERROR_INVALID,
 * EngineUnavailable, when the engine's newest is below 1.41 or its oldest above 1.51: the text
 * names both.
 */
int docker_negotiate(const struct docker_engine *engine, char ret_version[DOCKER_API_SIZE],
                     struct error *err);

/* {"Id": ...} of a create reply. The caller's to free. */
int docker_parse_id(const json_t *json, char **ret_id, struct error *err);

#endif
