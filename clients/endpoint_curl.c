#include "clients/endpoint_curl.h"

#include <string.h>

enum {
    CONNECT_TIMEOUT_MS = 5000,
    TCP_KEEPALIVE_S = 30, /* a stream of events has no other way to notice a dead peer */
};

static void set_tls(CURL *easy, const struct docker_endpoint *endpoint)
{
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, endpoint->is_verified ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, endpoint->is_verified ? 2L : 0L);
    if (endpoint->ca_file != NULL && endpoint->is_verified) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, endpoint->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (endpoint->cert_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, endpoint->cert_file);
    }
    if (endpoint->key_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_SSLKEY, endpoint->key_file);
    }
}

void endpoint_curl_set(CURL *easy, const struct docker_endpoint *endpoint)
{
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "berth");
    /* no CURLOPT_NOSIGNAL: without it curl keeps SIGPIPE away while it writes through TLS */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    if (endpoint->socket_path != NULL) {
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, endpoint->socket_path);
    } else {
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)TCP_KEEPALIVE_S);
        curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)TCP_KEEPALIVE_S);
    }
    if (endpoint->is_tls) {
        set_tls(easy, endpoint);
    }
}

const char *endpoint_curl_reason(CURL *easy, CURLcode code, const char *curl_text)
{
    long number = 0;

    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    if (code == CURLE_COULDNT_CONNECT && number != 0) {
        return strerror((int)number);
    }
    return curl_text[0] != '\0' ? curl_text : curl_easy_strerror(code);
}
