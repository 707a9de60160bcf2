/*
 * Requests to the Docker Engine API (1.41 and on), as data.
 *
 * Each function builds one request; nothing is sent here. Names and ids are escaped. Paths are without a version
 * prefix: the transport puts "/v<negotiated>" in front unless is_unversioned. Shapes follow the Engine API reference
 * of version 1.41; fields that appeared later are sent only by callers who know the negotiated version.
 */
#ifndef BERTH_CLIENTS_DOCKER_REQUEST_H
#define BERTH_CLIENTS_DOCKER_REQUEST_H

#include "base/cleanup.h"
#include "base/error.h"
#include "clients/http_transport.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct docker_request {
    const char *method; /* "GET", "POST", "PUT", "DELETE" */
    char *path;         /* "/containers/web/json?size=0" */
    char *body;         /* NULL: none */
    size_t body_len;
    const char *content_type; /* "application/json", "application/x-tar" */
    uint64_t timeout_ms;      /* whole request; 0: none (streams) */
    size_t max_reply;         /* ceiling of the collected body */
    bool is_unversioned;
    const char *what; /* "create container \"web\"": for error texts; owned */
};

void docker_request_free(struct docker_request *request); /* accepts NULL */
DEFINE_AUTO_FREE(docker_request);

struct docker_request *docker_get_version(void); /* unversioned */
struct docker_request *docker_get_info(void);

/* filters: {"label": ["a=b"]} or NULL; borrowed */
struct docker_request *docker_list_containers(const json_t *filters);
struct docker_request *docker_inspect_container(const char *name);
/* body: borrowed, see the API's ContainerCreate */
struct docker_request *docker_create_container(const char *name, const json_t *body);
struct docker_request *docker_start_container(const char *name);
/* timeout_ms of the request is grace plus a margin */
struct docker_request *docker_stop_container(const char *name, unsigned grace_seconds);
struct docker_request *docker_kill_container(const char *name, const char *signal);
struct docker_request *docker_remove_container(const char *name); /* force, with anonymous volumes */
struct docker_request *docker_rename_container(const char *name, const char *new_name);
struct docker_request *docker_pause_container(const char *name);
struct docker_request *docker_unpause_container(const char *name);
/* CPU, memory and pids of a running container; 0 leaves one as it is */
struct docker_request *docker_update_container(const char *name, const json_t *body);
struct docker_request *docker_container_logs(const char *name, unsigned tail_lines);
/* tar: copied; extracted below directory */
struct docker_request *docker_put_archive(const char *name, const char *directory, const void *tar,
                                          size_t len);
struct docker_request *docker_create_exec(const char *name, const json_t *body);
struct docker_request *docker_start_exec(const char *exec_id); /* detached */
struct docker_request *docker_inspect_exec(const char *exec_id);

struct docker_request *docker_inspect_image(const char *image);
struct docker_request *docker_pull_image(const char *image); /* streams progress; see docker_pull.h */
/* A root file system as a tar becomes image; changes: Dockerfile lines such as "CMD [\"/x\"]", NULL-terminated. */
struct docker_request *docker_import_image(const char *image, const char *const *changes,
                                           const void *tar, size_t len);

struct docker_request *docker_list_networks(const json_t *filters);
struct docker_request *docker_inspect_network(const char *name);
struct docker_request *docker_create_network(const json_t *body);
struct docker_request *docker_remove_network(const char *name);
struct docker_request *docker_connect_network(const char *network, const json_t *body);
struct docker_request *docker_disconnect_network(const char *network, const char *container,
                                                 bool is_forced);

struct docker_request *docker_list_volumes(const json_t *filters);
struct docker_request *docker_create_volume(const json_t *body);
struct docker_request *docker_remove_volume(const char *name);

/* Endless stream of events since the moment (wall clock of the engine, in ns; sent with nine digits). */
struct docker_request *docker_watch_events(int64_t since_wall_ns, const json_t *filters);

/*
 * What a reply means. 0: success (2xx, and 304 "already so"). Otherwise -1 with err: 404 NOT_FOUND, 409 CONFLICT, 400/403/406 INVALID,
 * 5xx TRANSIENT, with reasons PortInUse (both wordings of 20.10 and of 28+), ImageNotFound, StartFailed where the text
 * tells, else EngineError; Podman's 500 "already in use" is CONFLICT. The message carries the engine's own
 * text (JSON {"message"} or plain), cut to a sane length, single line. reply->status 0 passes err through.
 */
int docker_reply_check(const struct docker_request *request, const struct http_reply *reply,
                       struct error *err);

/* docker_reply_check and the body as JSON (object or array). The caller's reference. */
int docker_reply_json(const struct docker_request *request, const struct http_reply *reply,
                      json_t **ret_json, struct error *err);

#endif
