#include "clients/git_proxy.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"

#include <errno.h>
#include <git2.h>
#include <git2/sys/stream.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCHEME "http://"

/* libgit2's constructor of connections takes no argument of ours, so these are the process's. */
static char proxy_host[256], proxy_port[6];

struct proxied {
    git_stream stream; /* first: libgit2 has a pointer to it */
    int fd;
    char *server; /* "http://host:port", which a request's path is put behind */
};

/* --- the proxy's URL -------------------------------------------------------------------------- */

/* The length of "host", or of "[address]" with its brackets; 0: neither. */
static size_t host_len(const char *text)
{
    const char *end = strchr(text, ']');

    if (text[0] == '[') {
        return end != NULL && end - text > 1 ? (size_t)(end - text) + 1 : 0;
    }
    return strcspn(text, ":/");
}

int git_proxy_check(const char *proxy, struct error *err)
{
    const char *host = proxy + strlen(SCHEME), *port;
    char digits[6] = "80";
    uint16_t number;
    size_t len;

    if (strchr(proxy, '@') != NULL) { /* first, and so never part of a text */
        return error_set_reason(err, ERROR_INVALID, "InvalidURL",
                                "the proxy's URL has credentials inside; a proxy that wants some "
                                "cannot be used");
    }
    if (text_has_prefix(proxy, SCHEME) && host_len(host) > 0 &&
        host_len(host) < sizeof(proxy_host)) {
        port = host + host_len(host);
        len = strcspn(port, "/");
        if (port[0] == ':' && len > 1 && len <= sizeof(digits)) {
            snprintf(digits, sizeof(digits), "%.*s", (int)(len - 1), port + 1);
        } else if (len > 0) {
            digits[0] = '\0';
        }
        if (parse_port(digits, &number) == 0 &&
            (port[len] == '\0' || strcmp(port + len, "/") == 0)) {
            return 0;
        }
    }
    return error_set_reason(err, ERROR_INVALID, "InvalidURL",
                            "the proxy \"%.200s\" is not of the form http://host:port", proxy);
}

/* --- one connection --------------------------------------------------------------------------- */

__attribute__((format(printf, 1, 2))) static int fail(const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    git_error_set_str(GIT_ERROR_NET, text);
    return -1;
}

static int connect_one(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol);

    if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) < 0) {
        int number = errno;

        cleanup_close(&fd);
        errno = number;
        return -1;
    }
    return fd;
}

static int proxied_connect(git_stream *stream)
{
    struct proxied *proxied = (struct proxied *)stream;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *addresses = NULL;
    int code = getaddrinfo(proxy_host, proxy_port, &hints, &addresses);

    if (code != 0) {
        return fail("failed to resolve address for the proxy %s: %s", proxy_host,
                    gai_strerror(code));
    }
    for (const struct addrinfo *at = addresses; at != NULL && proxied->fd < 0; at = at->ai_next) {
        proxied->fd = connect_one(at);
    }
    code = errno;
    freeaddrinfo(addresses);
    return proxied->fd >= 0
               ? 0
               : fail("failed to connect to the proxy %s: %s", proxy_host, strerror(code));
}

static ssize_t proxied_read(git_stream *stream, void *bytes, size_t len)
{
    struct proxied *proxied = (struct proxied *)stream;
    ssize_t got;

    while ((got = recv(proxied->fd, bytes, len, 0)) < 0 && errno == EINTR) {
    }
    return got < 0 ? fail("error receiving from the proxy: %s", strerror(errno)) : got;
}

static int send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = send(fd, bytes, len, MSG_NOSIGNAL);

        if (put < 0 && errno != EINTR) {
            return fail("error sending to the proxy: %s", strerror(errno));
        }
        if (put > 0) {
            bytes += put;
            len -= (size_t)put;
        }
    }
    return 0;
}

/* How much of the bytes is "GET " or "POST "; a request begins with one, git's own lines do not. */
static size_t method_len(const char *bytes, size_t len)
{
    static const char *const methods[] = {"GET ", "POST "};

    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        size_t word_len = strlen(methods[i]);

        if (len > word_len && memcmp(bytes, methods[i], word_len) == 0 && bytes[word_len] == '/') {
            return word_len;
        }
    }
    return 0;
}

static ssize_t proxied_write(git_stream *stream, const char *bytes, size_t len, int flags)
{
    struct proxied *proxied = (struct proxied *)stream;
    size_t word_len = method_len(bytes, len);

    (void)flags;
    if (word_len > 0 && (send_all(proxied->fd, bytes, word_len) < 0 ||
                         send_all(proxied->fd, proxied->server, strlen(proxied->server)) < 0)) {
        return -1;
    }
    return send_all(proxied->fd, bytes + word_len, len - word_len) < 0 ? -1 : (ssize_t)len;
}

static int proxied_close(git_stream *stream)
{
    cleanup_close(&((struct proxied *)stream)->fd);
    return 0;
}

static void proxied_free(git_stream *stream)
{
    struct proxied *proxied = (struct proxied *)stream;

    cleanup_close(&proxied->fd);
    free(proxied->server);
    free(proxied);
}

static int proxied_new(git_stream **ret_stream, const char *host, const char *port)
{
    struct proxied *proxied = xcalloc(1, sizeof(*proxied));
    bool is_address = strchr(host, ':') != NULL;

    proxied->stream = (git_stream){
        .version = GIT_STREAM_VERSION,
        .connect = proxied_connect,
        .read = proxied_read,
        .write = proxied_write,
        .close = proxied_close,
        .free = proxied_free,
    };
    proxied->fd = -1;
    proxied->server =
        xasprintf(SCHEME "%s%s%s:%s", is_address ? "[" : "", host, is_address ? "]" : "", port);
    *ret_stream = &proxied->stream;
    return 0;
}

void git_proxy_use(const char *proxy)
{
    static git_stream_registration registration = {.version = GIT_STREAM_VERSION,
                                                   .init = proxied_new};
    const char *host = proxy + strlen(SCHEME), *port = host + host_len(host);
    size_t brackets = host[0] == '[';

    snprintf(proxy_host, sizeof(proxy_host), "%.*s", (int)(host_len(host) - 2 * brackets),
             host + brackets);
    snprintf(proxy_port, sizeof(proxy_port), "%.*s",
             port[0] == ':' ? (int)strcspn(port + 1, "/") : 2, port[0] == ':' ? port + 1 : "80");
    git_stream_register(GIT_STREAM_STANDARD, &registration);
}
