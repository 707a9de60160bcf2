/*
 * How curl reaches an engine: what every transfer to it, of the controller and of commands, has in
 * common.
 */
#ifndef BERTH_CLIENTS_ENDPOINT_CURL_H
#define BERTH_CLIENTS_ENDPOINT_CURL_H

#include "clients/docker_endpoint.h"

#include <curl/curl.h>

/*
 * The endpoint is borrowed as long as the handle lives. The URL is the caller's: base_url and a
 * path.
 */
void endpoint_curl_set(CURL *easy, const struct docker_endpoint *endpoint);

/*
 * Why a transfer failed, for a sentence: what the system said of a connection that could not be
 * made, and curl's words otherwise. curl_text is its error buffer.
 */
const char *endpoint_curl_reason(CURL *easy, CURLcode code, const char *curl_text);

#endif
