#include "controller/http_transport_curl.h"

#include "clients/docker_request.h"
#include "clients/endpoint_curl.h"
#include "controller/curl_loop.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/profile_trace.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VERSION = 16 };

struct http_transport_curl {
    struct http_transport base; /* first: the callers' pointer is ours */
    const struct docker_endpoint *endpoint;
    struct curl_loop loop;
    struct transfer *transfers; /* all, newest first */
    char version[MAX_VERSION];
    uint64_t request_count;
    bool is_closed;
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
    profile_span profile;
};

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

static void set_connection(struct transfer *transfer)
{
    CURL *easy = transfer->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_text);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_curl_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    endpoint_curl_set(easy, transfer->transport->endpoint);
}

static void transfer_start(struct transfer *transfer)
{
    CURLMcode code = curl_multi_add_handle(transfer->transport->loop.multi, transfer->easy);

    assert(code == CURLM_OK); /* else: out of memory, or a handle of ours twice */
    (void)code;
    transfer->state = TRANSFER_RUNNING;
}

/* Without the parts of a Dockerfile that are in the path of a commit or an import. */
static void profile_request(struct transfer *transfer)
{
    const struct docker_request *request = transfer->request;
    const char *changes = strstr(request->path, "changes=");
    auto_free char *path =
        changes != NULL ? xstrndup(request->path, (size_t)(changes - request->path)) : NULL;

    transfer->profile =
        profile_span_begin(PROFILE_CALLS,
                           trace_args(trace_text("method", request->method),
                                      trace_text("path", path != NULL ? path : request->path),
                                      trace_number("sentBytes", request->body_len)),
                           "%s", request->what);
}

static void profile_reply(struct transfer *transfer, const struct http_reply *reply,
                          const struct error *err)
{
    curl_off_t bytes = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &bytes);
    profile_span_end(&transfer->profile,
                     trace_args(trace_number("status", reply->status), trace_number("bytes", bytes),
                                trace_text("error", reply->status == 0 ? err->message : NULL)));
}

static void transfer_drop(struct transfer *transfer)
{
    profile_span_end(&transfer->profile, trace_args(trace_flag("cancelled", true)));
    if (transfer->state != TRANSFER_SUBMITTED) {
        curl_multi_remove_handle(transfer->transport->loop.multi, transfer->easy);
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

static int set_connect_error(const struct transfer *transfer, const char *why, struct error *err)
{
    const struct docker_endpoint *endpoint = transfer->transport->endpoint;
    long number = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
    return unavailable(err, endpoint, "cannot connect to", why,
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
    const char *text = endpoint_curl_reason(transfer->easy, code, transfer->curl_text);

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
    profile_reply(transfer, &reply, &err);
    profile_begin("reply: %s", transfer->request->what);
    transfer->handlers.on_done(transfer->handlers.user, &reply, &err);
    profile_end(NULL);
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

static void on_loop_closed(void *user)
{
    free(user);
}

static void transport_end(struct http_transport_curl *transport)
{
    while (transport->transfers != NULL) {
        transfer_drop(transport->transfers);
    }
    curl_loop_close(&transport->loop, on_loop_closed);
}

/* After every visit to curl. The callbacks below may submit, cancel and close. */
static void on_visited(void *user)
{
    struct http_transport_curl *transport = user;
    CURLMsg *message;
    int left;

    if (transport->is_closed) {
        transport_end(transport);
        return;
    }
    settle_transfers(transport);
    while (!transport->is_closed &&
           (message = curl_multi_info_read(transport->loop.multi, &left)) != NULL) {
        struct transfer *transfer;
        CURLcode code = message->data.result;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        curl_multi_remove_handle(transport->loop.multi, transfer->easy);
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
    profile_request(transfer);
    if (!transport->loop.is_in_curl) {
        transfer_start(transfer);
    }
    return transfer;
}

static void transport_cancel(struct http_transport *self, void *handle)
{
    struct http_transport_curl *transport = (struct http_transport_curl *)self;
    struct transfer *transfer = handle;

    if (!transport->loop.is_in_curl || transfer->state == TRANSFER_SUBMITTED) {
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

    transport->base.ops = &transport_ops;
    transport->endpoint = endpoint;
    curl_loop_init(&transport->loop, loop, on_visited, transport);
    curl_multi_setopt(transport->loop.multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                      (long)HTTP_TRANSPORT_CONNECTIONS);
    return transport;
}

void http_transport_curl_close(struct http_transport_curl *transport)
{
    assert(!transport->is_closed);
    transport->is_closed = true;
    if (!transport->loop.is_in_curl) {
        transport_end(transport); /* else on_visited does */
    }
}

struct http_transport *http_transport_curl_base(struct http_transport_curl *transport)
{
    return &transport->base;
}

void http_transport_curl_advance(struct http_transport_curl *transport)
{
    curl_loop_advance(&transport->loop);
}

void http_transport_curl_set_version(struct http_transport_curl *transport, const char *version)
{
    snprintf(transport->version, sizeof(transport->version), "%s", version);
}

uint64_t http_transport_curl_request_count(const struct http_transport_curl *transport)
{
    return transport->request_count;
}
