#include "clients/docker_endpoint.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define DEFAULT_ENDPOINT "unix:///var/run/docker.sock"

enum { MAX_HOST = 255 };

enum tls_wish { TLS_NEVER, TLS_BY_ENVIRONMENT, TLS_ALWAYS };

static int refuse(struct error *err, const char *text, const char *why)
{
    if (strchr(text, '@') != NULL) { /* there may be a password before it */
        return error_set_reason(err, ERROR_INVALID, "EngineUnavailable",
                                "the engine's address: user and password cannot be part of it; use "
                                "unix:///path/to/docker.sock or tcp://host:port");
    }
    return error_set_reason(err, ERROR_INVALID, "EngineUnavailable",
                            "engine address \"%.256s\": %s; use unix:///path/to/docker.sock or "
                            "tcp://host:port",
                            text, why);
}

static const char *variable(const char *(*environment)(const char *name), const char *name)
{
    const char *value = environment(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

static int parse_unix(const char *text, const char *path, struct docker_endpoint *endpoint,
                      struct error *err)
{
    struct sockaddr_un address;

    if (path[0] != '/') {
        return refuse(err, text, "the socket's path is not absolute");
    }
    if (strlen(path) >= sizeof(address.sun_path)) {
        return refuse(err, text, "the socket's path is too long for a Unix socket (107 bytes)");
    }
    endpoint->socket_path = xstrdup(path);
    endpoint->base_url = xstrdup("http://localhost");
    endpoint->is_local = true;
    return 0;
}

/* The host's end: the first byte behind it; NULL when it is none. Empty is allowed. */
static const char *host_end(const char *host)
{
    static const char name_bytes[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    size_t len;

    if (host[0] == '[') {
        len = 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
        return len > 1 && len <= MAX_HOST && host[len] == ']' ? host + len + 1 : NULL;
    }
    len = strspn(host, name_bytes);
    return len <= MAX_HOST ? host + len : NULL;
}

static bool wants_tls(enum tls_wish wish, const char *(*environment)(const char *name))
{
    switch (wish) {
    case TLS_NEVER: return false;
    case TLS_ALWAYS: return true;
    case TLS_BY_ENVIRONMENT:
        return variable(environment, "DOCKER_TLS_VERIFY") != NULL ||
               variable(environment, "DOCKER_CERT_PATH") != NULL;
    }
    abort();
}

/* The file's path when it exists, else NULL. */
static char *existing_file(const char *directory, const char *name)
{
    auto_free char *path = path_join(directory, name);

    return path_exists(path) ? TAKE(path) : NULL;
}

static void find_certificates(const char *(*environment)(const char *name),
                              struct docker_endpoint *endpoint)
{
    const char *directory = variable(environment, "DOCKER_CERT_PATH");
    const char *home = variable(environment, "HOME");

    endpoint->is_verified = directory == NULL || variable(environment, "DOCKER_TLS_VERIFY") != NULL;
    if (directory != NULL) {
        endpoint->ca_file = path_join(directory, "ca.pem");
        endpoint->cert_file = path_join(directory, "cert.pem");
        endpoint->key_file = path_join(directory, "key.pem");
    } else if (home != NULL) {
        auto_free char *in_home = path_join(home, ".docker");

        endpoint->ca_file = existing_file(in_home, "ca.pem");
        endpoint->cert_file = existing_file(in_home, "cert.pem");
        endpoint->key_file = existing_file(in_home, "key.pem");
    }
}

static int parse_tcp(const char *text, const char *host, enum tls_wish wish,
                     const char *(*environment)(const char *name), struct docker_endpoint *endpoint,
                     struct error *err)
{
    bool is_tls = wants_tls(wish, environment);
    uint16_t port = is_tls ? 2376 : 2375;
    const char *end = host_end(host), *rest = end;

    if (end == NULL) {
        return refuse(err, text, "the host is not a name or an IP address");
    }
    if (*rest == ':') {
        size_t digits = strspn(rest + 1, "0123456789");
        auto_free char *port_text = xstrndup(rest + 1, digits);

        if (parse_port(port_text, &port) < 0) {
            return refuse(err, text, "the port is not in 1..65535");
        }
        rest += 1 + digits;
    }
    if (strcmp(rest, "") != 0 && strcmp(rest, "/") != 0) {
        return refuse(err, text, "there is something behind the host and the port");
    }
    endpoint->is_tls = is_tls;
    if (is_tls) {
        find_certificates(environment, endpoint);
    }
    endpoint->base_url = xasprintf("%s://%.*s:%u", is_tls ? "https" : "http",
                                   end > host ? (int)(end - host) : (int)strlen("localhost"),
                                   end > host ? host : "localhost", port);
    return 0;
}

static int parse_address(const char *text, const char *(*environment)(const char *name),
                         struct docker_endpoint *endpoint, struct error *err)
{
    static const struct {
        const char *scheme;
        enum tls_wish wish;
    } tcp[] = {{"tcp://", TLS_BY_ENVIRONMENT}, {"http://", TLS_NEVER}, {"https://", TLS_ALWAYS}};

    if (text_has_prefix(text, "unix://")) {
        return parse_unix(text, text + strlen("unix://"), endpoint, err);
    }
    for (size_t i = 0; i < ARRAY_SIZE(tcp); i++) {
        if (text_has_prefix(text, tcp[i].scheme)) {
            return parse_tcp(text, text + strlen(tcp[i].scheme), tcp[i].wish, environment, endpoint,
                             err);
        }
    }
    if (text_has_prefix(text, "ssh://")) {
        return refuse(err, text,
                      "ssh is not supported (forward the socket: ssh -L /run/engine.sock:"
                      "/var/run/docker.sock host)");
    }
    if (text_has_prefix(text, "npipe://") || text_has_prefix(text, "fd://")) {
        return refuse(err, text, "this kind of address is not supported");
    }
    return refuse(err, text,
                  text[0] == '/' ? "a path needs unix:// in front" : "it has no known scheme");
}

int docker_endpoint_parse(const char *text, const char *(*environment)(const char *name),
                          struct docker_endpoint *ret, struct error *err)
{
    auto_done(docker_endpoint) endpoint = {0};

    if (text == NULL) {
        text = variable(environment, "DOCKER_HOST");
    }
    if (text == NULL) {
        text = DEFAULT_ENDPOINT;
    }
    if (parse_address(text, environment, &endpoint, err) < 0) {
        return -1;
    }
    endpoint.text = xstrdup(text);
    *ret = endpoint;
    endpoint = (struct docker_endpoint){0};
    return 0;
}

void docker_endpoint_done(struct docker_endpoint *endpoint)
{
    free(endpoint->text);
    free(endpoint->socket_path);
    free(endpoint->base_url);
    free(endpoint->ca_file);
    free(endpoint->cert_file);
    free(endpoint->key_file);
    *endpoint = (struct docker_endpoint){0};
}
