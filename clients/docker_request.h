/*
 * Requests to the Docker Engine API (1.41 and on), as data.
 *
 * Each function builds one request; nothing is sent here. Names and ids are escaped. Paths are
 * without a version prefix: the transport puts "/v<negotiated>" in front unless is_unversioned.
 * Shapes follow the Engine API reference of version 1.41; fields that appeared later are sent
 * only by callers who know the negotiated version.
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
    bool is_progress;           /* a 2xx body is a stream of progress that may hold an error */
    char *what;                 /* "create container \"web\"": for error texts */
    const char *failure_reason; /* static: the reason of a failure whose text tells no better one */
};

void docker_request_free(struct docker_request *request); /* accepts NULL */
DEFINE_AUTO_FREE(docker_request);

/* Both unversioned: they are asked before a version is agreed on. */
struct docker_request *docker_get_version(void);
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
struct docker_request *docker_remove_container(
    const char *name); /* force, with anonymous volumes */
struct docker_request *docker_rename_container(const char *name, const char *new_name);
struct docker_request *docker_pause_container(const char *name);
struct docker_request *docker_unpause_container(const char *name);
/* CPU, memory and pids of a running container; 0 leaves one as it is */
struct docker_request *docker_update_container(const char *name, const json_t *body);
/* One sample of what it uses, without the second that the engine takes for two. */
struct docker_request *docker_container_stats(const char *name);
struct docker_request *docker_container_logs(const char *name, unsigned tail_lines);
/*
 * The same as a stream without a timeout, for on_data: the last tail_lines lines (-1: all), and
 * where it is followed, what comes until the container ends.
 */
struct docker_request *docker_stream_logs(const char *name, int64_t tail_lines, bool is_followed);
/* tar: copied; extracted below directory */
struct docker_request *docker_put_archive(const char *name, const char *directory, const void *tar,
                                          size_t len);
/*
 * For a connection that becomes the main process' output, from now on: with 101 it comes as of
 * docker_upgrade_exec(). No timeout.
 */
struct docker_request *docker_upgrade_attach(const char *name);
struct docker_request *docker_create_exec(const char *name, const json_t *body);
struct docker_request *docker_start_exec(const char *exec_id); /* detached */
/*
 * The reply comes when the command has ended and let go of its output, which is the body, in frames
 * like a log. No timeout.
 */
struct docker_request *docker_attach_exec(const char *exec_id);
/*
 * For a connection that becomes the command's own: with 101 both directions are its streams, or its
 * terminal. No timeout.
 */
struct docker_request *docker_upgrade_exec(const char *exec_id, bool has_terminal);
/* The size of the command's terminal; fails a moment long after the start. */
struct docker_request *docker_resize_exec(const char *exec_id, unsigned rows, unsigned columns);
struct docker_request *docker_inspect_exec(const char *exec_id);

struct docker_request *docker_inspect_image(const char *image);
struct docker_request *docker_list_images(const json_t *filters); /* borrowed */
/* The container, paused meanwhile, becomes an image; changes: Dockerfile lines, NULL-terminated. */
struct docker_request *docker_commit_container(const char *name, const char *image,
                                               const char *const *changes);
/* Without a tag: "latest". The body is for a struct docker_pull; the engine retries by itself. */
struct docker_request *docker_pull_image(const char *image);
/*
 * A root file system as a tar (copied) becomes image; changes: Dockerfile lines ("USER app"),
 * NULL-terminated. A failure may come inside a 200 reply: docker_reply_check finds it.
 */
struct docker_request *docker_import_image(const char *image, const char *const *changes,
                                           const void *tar, size_t len);
/* Removes the name; the image itself when it was the last. */
struct docker_request *docker_remove_image(const char *image);

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

/*
 * Endless stream of events since the moment, which is included (wall clock of the engine, in ns).
 */
struct docker_request *docker_watch_events(int64_t since_wall_ns, const json_t *filters);

/*
 * What a reply means. 0: success (2xx, and 304 "already so"). Otherwise -1 with err, "<what>: "
 * in front:
 *
 *   TRANSIENT  5xx, 408, 429; 400 "client version" (negotiate again); no reply (status 0:
 *              err is the transport's)
 *   CONFLICT   409, a name that is in use (Podman says so with 500), a network that has endpoints
 *   NOT_FOUND  404
 *   INVALID    the rest: 400, 401, 403, 406, redirections
 *
 * Reasons: PortInUse (the wordings of 20.10, of 28 and on, and of Podman), ContainerBroken,
 * ImageNotFound, ImagePullFailed, NameTaken, EngineUnavailable, CreateFailed, StartFailed, else
 * EngineError. The message carries the engine's own text (JSON {"message"} or plain), on one line
 * and cut to a sane length.
 *
 * Of a pull and an import the 200 body, where it was collected, is searched for the error that
 * may be in it.
 */
int docker_reply_check(const struct docker_request *request, const struct http_reply *reply,
                       struct error *err);

/*
 * docker_reply_check and the body as JSON (object or array). The caller's reference. TRANSIENT:
 * it is no JSON.
 */
int docker_reply_json(const struct docker_request *request, const struct http_reply *reply,
                      json_t **ret_json, struct error *err);

#endif
