/*
 * HTTP over curl's multi interface on the libuv loop.
 *
 * Many requests at once over kept-alive connections; one connection per request in flight. Callbacks come from the
 * loop, never from within submit or cancel. The first failure to connect is reported per request; nothing is retried here.
 */
#ifndef BERTH_CONTROLLER_HTTP_TRANSPORT_CURL_H
#define BERTH_CONTROLLER_HTTP_TRANSPORT_CURL_H

#include "clients/docker_endpoint.h"
#include "clients/http_transport.h"

#include <uv.h>

struct http_transport_curl;

struct http_transport_curl *http_transport_curl_new(uv_loop_t *loop, const struct docker_endpoint *endpoint);

/* Cancels what is in flight without calling back; memory goes when the loop has closed its handles. */
void http_transport_curl_close(struct http_transport_curl *transport);

struct http_transport *http_transport_curl_base(struct http_transport_curl *transport);

/* "1.41": put in front of paths as "/v1.41" from now on; "" sends them bare. */
void http_transport_curl_set_version(struct http_transport_curl *transport, const char *version);

/* How many requests were submitted since birth, for metrics and tests. */
uint64_t http_transport_curl_request_count(const struct http_transport_curl *transport);

#endif
