/*
 * HTTP over curl's multi interface on the libuv loop.
 *
 * Many requests at once over kept-alive connections; one connection per request in flight, and no
 * cap here: who submits bounds it. Callbacks come from the loop, never from within submit or
 * cancel, and may submit, cancel and close. Nothing is retried here, except that curl sends a
 * request again when the kept-alive connection it was put on turns out to be dead. Proxy
 * variables are not looked at. A connection must stand within five seconds.
 */
#ifndef BERTH_CONTROLLER_HTTP_TRANSPORT_CURL_H
#define BERTH_CONTROLLER_HTTP_TRANSPORT_CURL_H

#include "clients/docker_endpoint.h"
#include "clients/http_transport.h"

#include <uv.h>

struct http_transport_curl;

/*
 * Connections at once, streams included: further requests wait for one. It leaves room below the
 * usual 1024 descriptors.
 */
enum { HTTP_TRANSPORT_CONNECTIONS = 400 };

/*
 * The endpoint is borrowed for as long as the transport lives. Idle, the transport does not keep
 * the loop alive.
 */
struct http_transport_curl *http_transport_curl_new(uv_loop_t *loop,
                                                    const struct docker_endpoint *endpoint);

/*
 * Cancels what is in flight without calling back; memory goes when the loop has closed its
 * handles (run it).
 */
void http_transport_curl_close(struct http_transport_curl *transport);

struct http_transport *http_transport_curl_base(struct http_transport_curl *transport);

/* Sends what was submitted now, not when the loop runs next: the other side works meanwhile. */
void http_transport_curl_advance(struct http_transport_curl *transport);

/* "1.41": put in front of paths as "/v1.41" from now on; "" sends them bare. */
void http_transport_curl_set_version(struct http_transport_curl *transport, const char *version);

/* How many requests were submitted since birth, for metrics and tests. */
uint64_t http_transport_curl_request_count(const struct http_transport_curl *transport);

#endif
