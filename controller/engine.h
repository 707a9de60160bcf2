/*
 * The connection to the Docker Engine: negotiated, watched, and made again when it breaks.
 *
 * connect: GET /version and GET /info, negotiate, open the event stream from a moment before, tell
 * the owner (who lists). On the end of the stream: back off 0.1 s doubled to 5 s with jitter, and
 * start over at the negotiation, since the engine may have been upgraded. A connection that lasts
 * less than 5 s counts as a failed one. Events are hints; the owner re-reads what they name.
 *
 * An engine that hangs ends no stream, and one that was replaced behind a proxy may not either. So
 * a request without an answer, and one that was refused for its API version, lead to a check, as
 * does engine_check(): an engine that does not say its version within 10 s, or says another one, is
 * down.
 */
#ifndef BERTH_CONTROLLER_ENGINE_H
#define BERTH_CONTROLLER_ENGINE_H

#include "clients/docker_request.h"
#include "clients/docker_stream.h"
#include "clients/docker_types.h"
#include "clients/http_transport.h"

#include <uv.h>

struct engine;

struct engine_handlers {
    void (*on_up)(void *user);
    void (*on_down)(void *user, const struct error *why); /* also for each failed try to connect */
    void (*on_event)(void *user, const struct docker_event *event);
    void *user;
};

/* ERROR_INVALID: the address is no address. url NULL: DOCKER_HOST or the default socket. */
int engine_new(uv_loop_t *loop, const char *url, const struct engine_handlers *handlers,
               struct engine **ret_engine, struct error *err);
/* Connects: the first requests are sent before this returns, their answers come from the loop. */
void engine_begin(struct engine *engine);
void engine_close(struct engine *engine);

bool engine_is_up(const struct engine *engine);
/*
 * Asks an engine that is up whether it is still there, and still the same version; once at a time.
 */
void engine_check(struct engine *engine);
const char *engine_address(const struct engine *engine); /* "unix:///var/run/docker.sock" */
const struct docker_engine *engine_info(const struct engine *engine);
const char *engine_api_version(const struct engine *engine);
int64_t engine_cpu_count(const struct engine *engine);              /* 0: unknown */
const struct docker_host *engine_host(const struct engine *engine); /* of the last connection */
bool engine_is_local(const struct engine *engine);      /* a unix socket: it sees our files */
unsigned engine_api_minor(const struct engine *engine); /* 41 of "1.41" */
uint64_t engine_request_count(const struct engine *engine);

/*
 * A request under way. on_reply is called exactly once unless cancelled, from the loop; the call is
 * gone after it. err is set when no reply came; docker_reply_check(request, reply, err) tells what
 * any reply means.
 */
struct engine_call;
typedef void engine_reply_fn(void *user, const struct docker_request *request,
                             const struct http_reply *reply, struct error *err);

struct engine_call *engine_call(struct engine *engine, struct docker_request *request,
                                engine_reply_fn *on_reply, void *user); /* takes the request */
/* The same for a body that streams: on_data gets a 2xx body as it comes. */
struct engine_call *engine_stream(struct engine *engine, struct docker_request *request,
                                  http_data_fn *on_data, engine_reply_fn *on_reply, void *user);
void engine_call_cancel(struct engine_call *call); /* accepts NULL */

#endif
