/*
 * The seam to the outside: something that carries an HTTP request to an engine and its reply back.
 *
 * The daemon passes curl's multi interface on its event loop (controller/http_transport_curl.h),
 * tests a script. Nothing here blocks: submit returns at once, callbacks come later, never from
 * within submit.
 */
#ifndef BERTH_CLIENTS_HTTP_TRANSPORT_H
#define BERTH_CLIENTS_HTTP_TRANSPORT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct docker_request;

/*
 * A reply that arrived whole, or the failure to get one. status is 0 when no whole reply came
 * (then err is set: kind TRANSIENT, reason EngineUnavailable, or EngineError for a body over its
 * ceiling; the request may or may not have been carried out: it is unknown, never failed). For a
 * streamed request the body is empty when on_data has seen it; an error reply's body is always
 * here, cut at the request's max_reply.
 */
struct http_reply {
    int status;
    const char *body; /* borrowed for the duration of the callback, NUL-terminated, never NULL */
    size_t body_len;
};

/*
 * err is unset when status is not 0, so that docker_reply_check(request, reply, err) can be
 * called in any case.
 */
typedef void http_done_fn(void *user, const struct http_reply *reply, struct error *err);

/*
 * Bytes of a 2xx body as they come; a non-zero return ends the request (on_done follows with an
 * error).
 */
typedef int http_data_fn(void *user, const char *bytes, size_t len);

struct http_handlers {
    http_done_fn *on_done; /* exactly once, unless cancelled */
    http_data_fn *on_data; /* NULL: the body is collected (up to the request's max_reply) */
    void *user;
};

struct http_transport {
    const struct http_transport_ops *ops;
};

struct http_transport_ops {
    /*
     * Takes the request over; it lives until on_done has returned, so that on_done may look at
     * it. Returns a handle to cancel with, valid until on_done is called.
     */
    void *(*submit)(struct http_transport *self, struct docker_request *request,
                    const struct http_handlers *handlers);
    /*
     * Neither on_done nor on_data will be called; what the engine does with the request is
     * unknown.
     */
    void (*cancel)(struct http_transport *self, void *handle);
};

#endif
