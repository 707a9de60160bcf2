#include "cli/engine_session.h"

#include "base/memory.h"
#include "base/strbuf.h"
#include "cli/engine_head.h"
#include "clients/endpoint_curl.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    REPLY_TIMEOUT_MS = 30000, /* of an upgrade: the engine answers before the command starts */
    MAX_AT_ONCE = 64,         /* connections */
    POLL_MS = 1000,
};

/* --- one transfer --- */

struct transfer {
    CURL *easy;
    CURLcode code; /* when it is over */
    struct curl_slist *headers;
    const struct docker_request *request;
    struct strbuf body;
    http_data_fn *on_data; /* NULL: the body is collected */
    void *user;
    char curl_text[CURL_ERROR_SIZE];
};

static void transfer_done(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    strbuf_done(&transfer->body);
}

static char *request_path(const struct engine_session *session,
                          const struct docker_request *request)
{
    return request->is_unversioned ? xstrdup(request->path)
                                   : xasprintf("/v%s%s", session->version, request->path);
}

static int unreachable(const struct engine_session *session, const char *reason, struct error *err)
{
    return error_set_reason(err, ERROR_TRANSIENT, "EngineUnavailable",
                            "the engine at %s does not answer: %s; name another one by --engine "
                            "or DOCKER_HOST",
                            session->endpoint.text, reason);
}

/* CURLOPT_WRITEFUNCTION. Taking fewer bytes than there are ends the transfer. */
static size_t on_curl_bytes(char *bytes, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;
    size_t len = size * count;
    long status = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (transfer->on_data != NULL && status >= 200 && status <= 299) {
        return transfer->on_data(transfer->user, bytes, len) == 0 ? len : 0;
    }
    return strbuf_append(&transfer->body, bytes, len) < 0 ? 0 : len;
}

static struct curl_slist *request_headers(const struct docker_request *request)
{
    auto_free char *type = request->content_type != NULL
                               ? xasprintf("Content-Type: %s", request->content_type)
                               : xstrdup("Content-Type:"); /* none, not curl's own */
    struct curl_slist *headers = curl_slist_append(NULL, type);

    return curl_slist_append(headers, "Expect:"); /* no waiting for "100 Continue" */
}

static void transfer_prepare(struct transfer *transfer, const struct engine_session *session)
{
    const struct docker_request *request = transfer->request;
    auto_free char *path = request_path(session, request);
    auto_free char *url = xasprintf("%s%s", session->endpoint.base_url, path);
    CURL *easy = transfer->easy = curl_easy_init();

    transfer->headers = request_headers(request);
    endpoint_curl_set(easy, &session->endpoint);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_text);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_curl_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    if (strcmp(request->method, "GET") != 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body != NULL ? request->body : "");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

/* Of one that is over. The reply's body is the transfer's; one of any status is a success here. */
static int transfer_reply(const struct transfer *transfer, const struct engine_session *session,
                          struct http_reply *reply, struct error *err)
{
    long status = 0;

    if (transfer->code == CURLE_WRITE_ERROR) {
        return error_set_reason(err, ERROR_TRANSIENT, "EngineError", "%s",
                                transfer->on_data != NULL ? "what came could not be passed on"
                                                          : "the reply is too large");
    }
    if (transfer->code != CURLE_OK) {
        return unreachable(
            session, endpoint_curl_reason(transfer->easy, transfer->code, transfer->curl_text),
            err);
    }
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    *reply = (struct http_reply){.status = (int)status,
                                 .body = strbuf_text(&transfer->body),
                                 .body_len = transfer->body.len};
    return 0;
}

/* ret_json may be NULL. */
static int transfer_answer(const struct transfer *transfer, const struct engine_session *session,
                           json_t **ret_json, struct error *err)
{
    const struct docker_request *request = transfer->request;
    struct http_reply reply = {.body = ""};

    if (transfer_reply(transfer, session, &reply, err) < 0) {
        return error_wrap(err, "%s", request->what);
    }
    return ret_json != NULL ? docker_reply_json(request, &reply, ret_json, err)
                            : docker_reply_check(request, &reply, err);
}

/* All at once, until all are over. */
static void perform_all(struct transfer *transfers, size_t count)
{
    CURLM *multi = curl_multi_init();
    CURLMcode code;
    CURLMsg *message;
    int running = 0, left;

    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)MAX_AT_ONCE);
    for (size_t i = 0; i < count; i++) {
        transfers[i].code = CURLE_GOT_NOTHING; /* unless something comes */
        curl_multi_add_handle(multi, transfers[i].easy);
    }
    do {
        code = curl_multi_perform(multi, &running);
        if (code == CURLM_OK && running > 0) {
            code = curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
        }
    } while (code == CURLM_OK && running > 0);
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        struct transfer *transfer = NULL;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        transfer->code = message->data.result;
    }
    for (size_t i = 0; i < count; i++) {
        curl_multi_remove_handle(multi, transfers[i].easy);
    }
    curl_multi_cleanup(multi);
}

/* --- the session --- */

static const char *environment(const char *name)
{
    return getenv(name);
}

static int negotiate(struct engine_session *session, struct error *err)
{
    auto_done(docker_engine) engine = {0};
    json_auto_t *json = NULL;

    if (engine_session_call(session, docker_get_version(), &json, err) < 0 ||
        docker_parse_engine(json, &engine, err) < 0) {
        return -1;
    }
    return docker_negotiate(&engine, session->version, err);
}

int engine_session_open(struct engine_session *session, const char *url, const char *fallback,
                        struct error *err)
{
    const char *host = getenv("DOCKER_HOST");

    *session = (struct engine_session){0};
    if (url == NULL && (host == NULL || host[0] == '\0')) {
        url = fallback;
    }
    if (docker_endpoint_parse(url, environment, &session->endpoint, err) < 0) {
        return -1;
    }
    if (negotiate(session, err) < 0) {
        engine_session_done(session);
        return -1;
    }
    return 0;
}

void engine_session_done(struct engine_session *session)
{
    docker_endpoint_done(&session->endpoint);
    *session = (struct engine_session){0};
}

static int call(struct engine_session *session, const struct docker_request *request,
                http_data_fn *on_data, void *user, json_t **ret_json, struct error *err)
{
    auto_done(transfer) transfer = {.request = request,
                                    .body = {.max_len = request->max_reply},
                                    .on_data = on_data,
                                    .user = user};

    transfer_prepare(&transfer, session);
    transfer.code = curl_easy_perform(transfer.easy);
    return transfer_answer(&transfer, session, ret_json, err);
}

int engine_session_call(struct engine_session *session, struct docker_request *request,
                        json_t **ret_json, struct error *err)
{
    int result = call(session, request, NULL, NULL, ret_json, err);

    docker_request_free(request);
    return result;
}

void engine_session_call_all(struct engine_session *session, struct docker_request **requests,
                             size_t count, struct engine_answer *ret_answers)
{
    struct transfer *transfers = xcalloc(count + 1, sizeof(*transfers));

    for (size_t i = 0; i < count; i++) {
        transfers[i].request = requests[i];
        transfers[i].body.max_len = requests[i]->max_reply;
        transfer_prepare(&transfers[i], session);
    }
    perform_all(transfers, count);
    for (size_t i = 0; i < count; i++) {
        ret_answers[i] = (struct engine_answer){0};
        transfer_answer(&transfers[i], session, &ret_answers[i].json, &ret_answers[i].err);
        transfer_done(&transfers[i]);
        docker_request_free(requests[i]);
    }
    free(transfers);
}

int engine_session_stream(struct engine_session *session, struct docker_request *request,
                          http_data_fn *on_data, void *user, struct error *err)
{
    int result = call(session, request, on_data, user, NULL, err);

    docker_request_free(request);
    return result;
}

/* --- upgraded connections --- */

struct engine_stream {
    CURL *easy;
    int fd;
    struct strbuf received; /* the reply's head, and what of the stream came with it */
    char curl_text[CURL_ERROR_SIZE];
};

void engine_stream_free(struct engine_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    curl_easy_cleanup(stream->easy);
    strbuf_done(&stream->received);
    free(stream);
}

int engine_stream_fd(const struct engine_stream *stream)
{
    return stream->fd;
}

enum engine_io engine_stream_receive(struct engine_stream *stream, char *bytes, size_t size,
                                     size_t *ret_len)
{
    CURLcode code;

    if (stream->received.len > 0) {
        *ret_len = stream->received.len < size ? stream->received.len : size;
        memcpy(bytes, stream->received.text, *ret_len);
        strbuf_consume(&stream->received, *ret_len);
        return ENGINE_IO_DONE;
    }
    code = curl_easy_recv(stream->easy, bytes, size, ret_len);
    if (code == CURLE_AGAIN) {
        return ENGINE_IO_AGAIN;
    }
    return code == CURLE_OK && *ret_len > 0 ? ENGINE_IO_DONE : ENGINE_IO_CLOSED;
}

enum engine_io engine_stream_send(struct engine_stream *stream, const char *bytes, size_t len,
                                  size_t *ret_len)
{
    CURLcode code = curl_easy_send(stream->easy, bytes, len, ret_len);

    if (code == CURLE_AGAIN || (code == CURLE_OK && *ret_len == 0)) {
        return ENGINE_IO_AGAIN;
    }
    return code == CURLE_OK ? ENGINE_IO_DONE : ENGINE_IO_CLOSED;
}

void engine_stream_end_input(struct engine_stream *stream)
{
    shutdown(stream->fd, SHUT_WR);
}

/* Waits for the connection; 0: it is not ready in time. */
static int wait_for(const struct engine_stream *stream, short events)
{
    struct pollfd waited = {.fd = stream->fd, .events = events};

    return poll(&waited, 1, REPLY_TIMEOUT_MS);
}

static int send_all(struct engine_stream *stream, const char *bytes, size_t len)
{
    for (size_t sent = 0; sent < len;) {
        size_t part = 0;

        switch (engine_stream_send(stream, bytes + sent, len - sent, &part)) {
        case ENGINE_IO_DONE: sent += part; break;
        case ENGINE_IO_AGAIN:
            if (wait_for(stream, POLLOUT) <= 0) {
                return -1;
            }
            break;
        case ENGINE_IO_CLOSED: return -1;
        }
    }
    return 0;
}

/* Reads on until the received bytes are len or more; -1: they will not come. */
static int receive_until(struct engine_stream *stream, size_t len)
{
    while (stream->received.len < len) {
        char bytes[4096];
        size_t part = 0;
        CURLcode code = curl_easy_recv(stream->easy, bytes, sizeof(bytes), &part);

        if (code == CURLE_AGAIN && wait_for(stream, POLLIN) > 0) {
            continue;
        }
        if (code != CURLE_OK || part == 0 || strbuf_append(&stream->received, bytes, part) < 0) {
            return -1;
        }
    }
    return 0;
}

/* The length of the reply's head with the empty line; 0: it does not come whole. */
static size_t receive_head(struct engine_stream *stream)
{
    for (;;) {
        size_t len = engine_head_len(strbuf_text(&stream->received));

        if (len > 0) {
            return len;
        }
        if (receive_until(stream, stream->received.len + 1) < 0) {
            return 0;
        }
    }
}

/* A reply that is no upgrade says why. */
static int refuse(struct engine_stream *stream, const struct docker_request *request, int status,
                  size_t head_len, size_t body_len, struct error *err)
{
    struct http_reply reply = {.status = status};

    receive_until(stream, head_len + body_len);
    reply.body = stream->received.text + head_len;
    reply.body_len = stream->received.len - head_len;
    if (docker_reply_check(request, &reply, err) == 0) {
        return error_set_reason(err, ERROR_TRANSIENT, "EngineError",
                                "%s: the engine did not upgrade the connection (status %d)",
                                request->what, status);
    }
    return -1;
}

static int connect_stream(struct engine_session *session, struct engine_stream *stream,
                          struct error *err)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    CURLcode code;

    stream->easy = curl_easy_init();
    endpoint_curl_set(stream->easy, &session->endpoint);
    curl_easy_setopt(stream->easy, CURLOPT_ERRORBUFFER, stream->curl_text);
    curl_easy_setopt(stream->easy, CURLOPT_URL, session->endpoint.base_url);
    curl_easy_setopt(stream->easy, CURLOPT_CONNECT_ONLY, 1L);
    code = curl_easy_perform(stream->easy);
    if (code == CURLE_OK) {
        code = curl_easy_getinfo(stream->easy, CURLINFO_ACTIVESOCKET, &fd);
    }
    if (code != CURLE_OK || fd == CURL_SOCKET_BAD) {
        return unreachable(session, endpoint_curl_reason(stream->easy, code, stream->curl_text),
                           err);
    }
    stream->fd = fd;
    return 0;
}

static int ask_for_upgrade(struct engine_session *session, struct engine_stream *stream,
                           const struct docker_request *request, struct error *err)
{
    auto_free char *path = request_path(session, request);
    const char *host = strstr(session->endpoint.base_url, "://") + strlen("://");
    auto_free char *text = xasprintf(
        "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: berth\r\nContent-Type: %s\r\n"
        "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: %zu\r\n\r\n%s",
        request->method, path, host, request->content_type, request->body_len, request->body);
    size_t head_len = 0;
    int status;

    if (send_all(stream, text, strlen(text)) == 0) {
        head_len = receive_head(stream);
    }
    if (head_len == 0) {
        return unreachable(session, "it closed the connection", err);
    }
    auto_free char *head = xstrndup(stream->received.text, head_len);

    status = engine_head_status(head);
    if (status == 0) {
        return unreachable(session, "its answer is no HTTP", err);
    }
    if (status != 101) {
        return refuse(stream, request, status, head_len, engine_head_body_len(head), err);
    }
    strbuf_consume(&stream->received, head_len);
    return 0;
}

int engine_session_upgrade(struct engine_session *session, struct docker_request *request,
                           struct engine_stream **ret_stream, struct error *err)
{
    auto_owned(engine_stream) *stream = xcalloc(1, sizeof(*stream));
    int result = 0;

    stream->received.max_len = ENGINE_HEAD_MAX;
    if (connect_stream(session, stream, err) < 0 ||
        ask_for_upgrade(session, stream, request, err) < 0) {
        result = error_wrap(err, "%s", request->what);
    } else {
        *ret_stream = TAKE(stream);
    }
    docker_request_free(request);
    return result;
}
