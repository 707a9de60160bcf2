#include "controller/http_transport_curl.h"

#include "clients/docker_request.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_TIMEOUT_MS = 5000,
    KEPT_CONNECTIONS = 64, /* more than are ever in flight, or curl closes what it should keep */
    TCP_KEEPALIVE_S = 30,  /* a stream of events has no other way to notice a dead peer */
    MAX_VERSION = 16,
};

struct http_transport_curl {
    struct http_transport base; /* first: the callers' pointer is ours */
    const struct docker_endpoint *endpoint;
    uv_loop_t *loop;
    uv_timer_t timer;
    CURLM *multi;
    struct transfer *transfers; /* all, newest first */
    struct socket_watch *watches;
    char version[MAX_VERSION];
    uint64_t request_count;
    size_t open_handles; /* libuv's: the memory goes with the last one */
    bool is_in_curl;     /* curl is on the stack: it takes no handle and loses none now */
    bool is_closed;
};

/* What curl wants to know of one socket. */
struct socket_watch {
    uv_poll_t poll;
    struct http_transport_curl *transport;
    struct socket_watch *next, *previous;
    curl_socket_t socket;
};

enum transfer_state {
    TRANSFER_SUBMITTED, /* from within curl: to be handed to it */
    TRANSFER_RUNNING,
    TRANSFER_CANCELLED, /* from within curl: to be taken from it */
};

struct transfer {
    struct http_transport_curl *transport;
    struct transfer *next, *previous;
    enum transfer_state state;
    struct docker_request *request;
    struct http_handlers handlers;
    CURL *easy;
    struct curl_slist *headers;
    struct strbuf body;
    bool is_body_over; /* the body passed its ceiling */
    bool is_refused;   /* on_data did not want more */
    char curl_text[CURL_ERROR_SIZE];
};

static void transport_settle(struct http_transport_curl *transport);

/* --- sockets and the timer --- */

static void transport_release(struct http_transport_curl *transport)
{
    assert(transport->open_handles > 0);
    if (--transport->open_handles == 0) {
        free(transport);
        curl_global_cleanup();
    }
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct socket_watch *watch = handle->data;
    struct http_transport_curl *transport = watch->transport;

    free(watch);
    transport_release(transport);
}

static void watch_close(struct socket_watch *watch)
{
    struct http_transport_curl *transport = watch->transport;

    if (watch->next != NULL) {
        watch->next->previous = watch->previous;
    }
    if (watch->previous != NULL) {
        watch->previous->next = watch->next;
    } else {
        transport->watches = watch->next;
    }
    uv_poll_stop(&watch->poll);
    uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

/* NULL when the loop does not take the socket. */
static struct socket_watch *watch_open(struct http_transport_curl *transport, curl_socket_t socket)
{
    struct socket_watch *watch = xcalloc(1, sizeof(*watch));

    watch->transport = transport;
    watch->socket = socket;
    if (uv_poll_init_socket(transport->loop, &watch->poll, socket) < 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    watch->next = transport->watches;
    if (watch->next != NULL) {
        watch->next->previous = watch;
    }
    transport->watches = watch;
    transport->open_handles++;
    return watch;
}

static void drive(struct http_transport_curl *transport, curl_socket_t socket, int events)
{
    int running;

    transport->is_in_curl = true;
    curl_multi_socket_action(transport->multi, socket, events, &running);
    transport->is_in_curl = false;
    transport_settle(transport);
}

static void on_socket_ready(uv_poll_t *poll, int status, int events)
{
    struct socket_watch *watch = poll->data;
    int curl_events = status < 0 ? CURL_CSELECT_ERR : 0;

    curl_events |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    curl_events |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    drive(watch->transport, watch->socket, curl_events); /* the watch may be gone now */
}

/* CURLMOPT_SOCKETFUNCTION. Curl may have closed the socket already when it reports the removal. */
static int on_curl_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *socket_user)
{
    struct http_transport_curl *transport = user;
    struct socket_watch *watch = socket_user;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            watch_close(watch);
            curl_multi_assign(transport->multi, socket, NULL);
        }
        return 0;
    }
    if (watch == NULL) {
        watch = watch_open(transport, socket);
        if (watch == NULL) {
            return -1;
        }
        curl_multi_assign(transport->multi, socket, watch);
    }
    events |= what != CURL_POLL_OUT ? UV_READABLE : 0;
    events |= what != CURL_POLL_IN ? UV_WRITABLE : 0;
    return uv_poll_start(&watch->poll, events, on_socket_ready) < 0 ? -1 : 0;
}

static void on_timer(uv_timer_t *timer)
{
    drive(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* CURLMOPT_TIMERFUNCTION. Curl is on the stack: even no delay waits for the loop. */
static int on_curl_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct http_transport_curl *transport = user;

    (void)multi;
    if (timeout_ms < 0) {
        uv_timer_stop(&transport->timer);
    } else {
        uv_timer_start(&transport->timer, on_timer, (uint64_t)timeout_ms, 0);
    }
    return 0;
}

/* --- one transfer --- */

static bool is_success(const struct transfer *transfer)
{
    long status = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status <= 299;
}

/* CURLOPT_WRITEFUNCTION. Taking fewer bytes than there are ends the transfer. */
static size_t on_curl_bytes(char *bytes, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;
    size_t len = size * count, room;

    if (transfer->state == TRANSFER_CANCELLED || transfer->transport->is_closed) {
        return 0;
    }
    if (transfer->handlers.on_data != NULL && is_success(transfer)) {
        if (transfer->handlers.on_data(transfer->handlers.user, bytes, len) != 0) {
            transfer->is_refused = true;
            return 0;
        }
        return len;
    }
    room = transfer->body.max_len - transfer->body.len;
    if (len > room) {
        strbuf_append(&transfer->body, bytes, room);
        transfer->is_body_over = true;
        return 0;
    }
    strbuf_append(&transfer->body, bytes, len);
    return len;
}

static void transfer_free(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    strbuf_done(&transfer->body);
    docker_request_free(transfer->request);
    free(transfer);
}

static void transfer_unlink(struct transfer *transfer)
{
    if (transfer->next != NULL) {
        transfer->next->previous = transfer->previous;
    }
    if (transfer->previous != NULL) {
        transfer->previous->next = transfer->next;
    } else {
        transfer->transport->transfers = transfer->next;
    }
}

static void set_header(struct transfer *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);

    if (longer == NULL) {
        abort();
    }
    transfer->headers = longer;
}

static void set_request(struct transfer *transfer)
{
    const struct http_transport_curl *transport = transfer->transport;
    const struct docker_request *request = transfer->request;
    bool has_version = transport->version[0] != '\0' && !request->is_unversioned;
    auto_free char *url =
        xasprintf("%s%s%s%s", transport->endpoint->base_url, has_version ? "/v" : "",
                  has_version ? transport->version : "", request->path);
    CURL *easy = transfer->easy;

    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    if (strcmp(request->method, "GET") != 0) {
        auto_free char *type = request->content_type != NULL
                                   ? xasprintf("Content-Type: %s", request->content_type)
                                   : xstrdup("Content-Type:"); /* none, not curl's own */

        set_header(transfer, type);
        set_header(transfer, "Expect:"); /* no waiting for "100 Continue" */
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body != NULL ? request->body : "");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
}

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

static void set_connection(struct transfer *transfer)
{
    const struct docker_endpoint *endpoint = transfer->transport->endpoint;
    CURL *easy = transfer->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_text);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_curl_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "berth");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
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

static void transfer_start(struct transfer *transfer)
{
    CURLMcode code = curl_multi_add_handle(transfer->transport->multi, transfer->easy);

    assert(code == CURLM_OK); /* else: out of memory, or a handle of ours twice */
    (void)code;
    transfer->state = TRANSFER_RUNNING;
}

static void transfer_drop(struct transfer *transfer)
{
    if (transfer->state != TRANSFER_SUBMITTED) {
        curl_multi_remove_handle(transfer->transport->multi, transfer->easy);
    }
    transfer_unlink(transfer);
    transfer_free(transfer);
}

/* --- failures --- */

static int unavailable(struct error *err, const struct docker_endpoint *endpoint, const char *what,
                       const char *why, const char *hint)
{
    return error_set_reason(err, ERROR_TRANSIENT, "EngineUnavailable", "%s the engine at %s: %s%s",
                            what, endpoint->text, why, hint);
}

static int set_connect_error(const struct transfer *transfer, const char *curl_text,
                             struct error *err)
{
    const struct docker_endpoint *endpoint = transfer->transport->endpoint;
    long number = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
    return unavailable(err, endpoint, "cannot connect to",
                       number != 0 ? strerror((int)number) : curl_text,
                       number == EACCES || number == EPERM
                           ? "; run as root or as a member of the socket's group (\"docker\")"
                           : "; is it running?");
}

static int set_tls_error(const struct transfer *transfer, const char *curl_text, struct error *err)
{
    return unavailable(err, transfer->transport->endpoint, "cannot set up TLS with", curl_text,
                       "; see DOCKER_CERT_PATH (ca.pem, cert.pem, key.pem) and DOCKER_TLS_VERIFY");
}

static int set_error(const struct transfer *transfer, CURLcode code, struct error *err)
{
    const struct docker_endpoint *endpoint = transfer->transport->endpoint;
    const char *text =
        transfer->curl_text[0] != '\0' ? transfer->curl_text : curl_easy_strerror(code);

    if (transfer->is_body_over) {
        return error_set_reason(err, ERROR_TRANSIENT, "EngineError",
                                "the engine's reply is over %zu bytes", transfer->body.max_len);
    }
    if (transfer->is_refused) {
        return error_set_reason(err, ERROR_TRANSIENT, "EngineUnavailable",
                                "the engine's stream was ended by its reader");
    }
    if (endpoint->is_tls && strstr(text, "alert") != NULL) {
        return set_tls_error(transfer, text, err); /* TLS 1.3 refuses after the handshake */
    }
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST: return set_connect_error(transfer, text, err);
    case CURLE_OPERATION_TIMEDOUT:
        return unavailable(err, endpoint, "no answer in time from", text, "");
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION: return set_tls_error(transfer, text, err);
    default: return unavailable(err, endpoint, "lost the reply of", text, "");
    }
}

/* --- the transport --- */

/* The transfer is out of curl's hands: tells its owner. */
static void transfer_finish(struct transfer *transfer, CURLcode code)
{
    struct http_reply reply = {.body = strbuf_text(&transfer->body),
                               .body_len = transfer->body.len};
    struct error err = {0};
    long status = 0;

    transfer_unlink(transfer);
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK || (transfer->is_body_over && !is_success(transfer))) {
        reply.status = (int)status; /* of an error reply the beginning is enough */
    } else {
        reply.body = "";
        reply.body_len = 0;
        set_error(transfer, code, &err);
    }
    transfer->handlers.on_done(transfer->handlers.user, &reply, &err);
    transfer_free(transfer);
}

/* What was asked for while curl was on the stack. */
static void settle_transfers(struct http_transport_curl *transport)
{
    struct transfer *next;

    for (struct transfer *transfer = transport->transfers; transfer != NULL; transfer = next) {
        next = transfer->next;
        switch (transfer->state) {
        case TRANSFER_SUBMITTED: transfer_start(transfer); break;
        case TRANSFER_CANCELLED: transfer_drop(transfer); break;
        case TRANSFER_RUNNING: break;
        }
    }
}

static void transport_end(struct http_transport_curl *transport)
{
    while (transport->transfers != NULL) {
        transfer_drop(transport->transfers);
    }
    curl_multi_cleanup(transport->multi);
    transport->multi = NULL;
    while (transport->watches != NULL) {
        watch_close(transport->watches);
    }
    uv_timer_stop(&transport->timer);
}

/* After every visit to curl. The callbacks below may submit, cancel and close. */
static void transport_settle(struct http_transport_curl *transport)
{
    CURLMsg *message;
    int left;

    if (transport->is_closed) {
        transport_end(transport);
        return;
    }
    settle_transfers(transport);
    while (!transport->is_closed &&
           (message = curl_multi_info_read(transport->multi, &left)) != NULL) {
        struct transfer *transfer;
        CURLcode code = message->data.result;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        curl_multi_remove_handle(transport->multi, transfer->easy);
        transfer_finish(transfer, code);
    }
}

static void *transport_submit(struct http_transport *self, struct docker_request *request,
                              const struct http_handlers *handlers)
{
    struct http_transport_curl *transport = (struct http_transport_curl *)self;
    struct transfer *transfer = xcalloc(1, sizeof(*transfer));

    assert(!transport->is_closed && handlers->on_done != NULL);
    transfer->transport = transport;
    transfer->request = request;
    transfer->handlers = *handlers;
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL) {
        abort(); /* out of memory */
    }
    strbuf_init(&transfer->body, request->max_reply > 0 ? request->max_reply : STRBUF_DEFAULT_MAX);
    set_connection(transfer);
    set_request(transfer);
    transfer->next = transport->transfers;
    if (transfer->next != NULL) {
        transfer->next->previous = transfer;
    }
    transport->transfers = transfer;
    transport->request_count++;
    if (!transport->is_in_curl) {
        transfer_start(transfer);
    }
    return transfer;
}

static void transport_cancel(struct http_transport *self, void *handle)
{
    struct http_transport_curl *transport = (struct http_transport_curl *)self;
    struct transfer *transfer = handle;

    if (!transport->is_in_curl || transfer->state == TRANSFER_SUBMITTED) {
        transfer_drop(transfer);
    } else {
        transfer->state = TRANSFER_CANCELLED;
    }
}

static const struct http_transport_ops transport_ops = {
    .submit = transport_submit,
    .cancel = transport_cancel,
};

struct http_transport_curl *http_transport_curl_new(uv_loop_t *loop,
                                                    const struct docker_endpoint *endpoint)
{
    struct http_transport_curl *transport = xcalloc(1, sizeof(*transport));

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        abort(); /* out of memory */
    }
    transport->base.ops = &transport_ops;
    transport->endpoint = endpoint;
    transport->loop = loop;
    transport->multi = curl_multi_init();
    if (transport->multi == NULL) {
        abort();
    }
    uv_timer_init(loop, &transport->timer);
    transport->timer.data = transport;
    transport->open_handles = 1;
    curl_multi_setopt(transport->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(transport->multi, CURLMOPT_SOCKETDATA, transport);
    curl_multi_setopt(transport->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(transport->multi, CURLMOPT_TIMERDATA, transport);
    curl_multi_setopt(transport->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
    return transport;
}

static void on_timer_closed(uv_handle_t *handle)
{
    transport_release(handle->data);
}

void http_transport_curl_close(struct http_transport_curl *transport)
{
    assert(!transport->is_closed);
    transport->is_closed = true;
    if (!transport->is_in_curl) {
        transport_end(transport);
    }
    uv_close((uv_handle_t *)&transport->timer, on_timer_closed);
}

struct http_transport *http_transport_curl_base(struct http_transport_curl *transport)
{
    return &transport->base;
}

void http_transport_curl_set_version(struct http_transport_curl *transport, const char *version)
{
    snprintf(transport->version, sizeof(transport->version), "%s", version);
}

uint64_t http_transport_curl_request_count(const struct http_transport_curl *transport)
{
    return transport->request_count;
}
