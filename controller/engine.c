#include "controller/engine.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/docker_endpoint.h"
#include "controller/http_transport_curl.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    EVENTS_OVERLAP_MS = 2000,
    RECONNECT_INITIAL_MS = 100,
    RECONNECT_MAX_MS = 5000,
    STEADY_MS = 5000, /* a connection that ends before is as good as none */
    CHECK_TIMEOUT_MS = 10000,
};

enum engine_state { ENGINE_DOWN, ENGINE_CONNECTING, ENGINE_UP };

struct engine {
    uv_loop_t *loop;
    struct docker_endpoint endpoint;
    struct http_transport_curl *transport;
    struct engine_handlers handlers;
    enum engine_state state;
    struct docker_engine info;
    char api_version[DOCKER_API_SIZE];
    struct docker_host host;
    struct engine_call *version_call, *info_call; /* the handshake: it needs both answers */
    struct engine_call *events, *check;
    struct json_lines lines;
    int64_t last_event_ns; /* the engine's clock */
    unsigned failures;
    uint64_t up_since_ms; /* monotonic */
    uv_timer_t retry;
};

struct engine_call {
    struct engine *engine;
    const struct docker_request *request; /* lives until the reply was handled */
    void *handle;
    engine_reply_fn *on_reply;
    http_data_fn *on_data;
    void *user;
};

static void connect_now(struct engine *engine);

/* Calls */

/* No answer, or "client version 1.43 is too new": it hangs, or it is not the engine that it was. */
static bool is_doubtful(const struct docker_request *request, const struct http_reply *reply,
                        const struct error *transport_err)
{
    struct error err = *transport_err;

    return (reply->status == 0 || reply->status == 400) &&
           docker_reply_check(request, reply, &err) < 0 &&
           text_equal(err.reason, "EngineUnavailable");
}

static void on_done(void *user, const struct http_reply *reply, struct error *err)
{
    struct engine_call *call = user;
    struct engine *engine = call->engine;
    bool is_in_doubt = is_doubtful(call->request, reply, err);

    call->on_reply(call->user, call->request, reply, err);
    free(call);
    if (is_in_doubt) {
        engine_check(engine);
    }
}

static int on_data(void *user, const char *bytes, size_t len)
{
    struct engine_call *call = user;

    return call->on_data(call->user, bytes, len);
}

struct engine_call *engine_stream(struct engine *engine, struct docker_request *request,
                                  http_data_fn *on_stream_data, engine_reply_fn *on_reply,
                                  void *user)
{
    struct engine_call *call = xcalloc(1, sizeof(*call));
    struct http_transport *transport = http_transport_curl_base(engine->transport);
    struct http_handlers handlers = {
        .on_done = on_done,
        .on_data = on_stream_data != NULL ? on_data : NULL,
        .user = call,
    };

    call->engine = engine;
    call->request = request;
    call->on_reply = on_reply;
    call->on_data = on_stream_data;
    call->user = user;
    call->handle = transport->ops->submit(transport, request, &handlers);
    return call;
}

struct engine_call *engine_call(struct engine *engine, struct docker_request *request,
                                engine_reply_fn *on_reply, void *user)
{
    return engine_stream(engine, request, NULL, on_reply, user);
}

void engine_call_cancel(struct engine_call *call)
{
    if (call != NULL) {
        struct http_transport *transport = http_transport_curl_base(call->engine->transport);

        transport->ops->cancel(transport, call->handle);
        free(call);
    }
}

/* Coming up and going down */

static void on_retry(uv_timer_t *timer)
{
    connect_now(timer->data);
}

static void go_down(struct engine *engine, const struct error *why)
{
    static const struct backoff_policy policy = {RECONNECT_INITIAL_MS, RECONNECT_MAX_MS, 25};
    uint32_t random = 0;

    engine_call_cancel(TAKE(engine->events));
    engine_call_cancel(TAKE(engine->version_call));
    engine_call_cancel(TAKE(engine->info_call));
    engine_call_cancel(TAKE(engine->check));
    if (engine->state == ENGINE_UP && clock_monotonic_ms() - engine->up_since_ms >= STEADY_MS) {
        engine->failures = 0;
    }
    engine->state = ENGINE_DOWN;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0) {
        random = (uint32_t)clock_monotonic_ns();
    }
    uv_timer_start(&engine->retry, on_retry, backoff_delay_ms(&policy, ++engine->failures, random),
                   0);
    engine->handlers.on_down(engine->handlers.user, why);
}

static void on_event_value(void *user, const json_t *value)
{
    struct engine *engine = user;
    struct docker_event event;

    if (docker_parse_event(value, &event) < 0) {
        return;
    }
    if (event.time_ns > engine->last_event_ns) {
        engine->last_event_ns = event.time_ns;
    }
    engine->handlers.on_event(engine->handlers.user, &event);
}

static int on_event_bytes(void *user, const char *bytes, size_t len)
{
    struct engine *engine = user;
    struct error err = {0};

    return json_lines_feed(&engine->lines, bytes, len, on_event_value, engine, &err);
}

static void on_events_end(void *user, const struct docker_request *request,
                          const struct http_reply *reply, struct error *err)
{
    struct engine *engine = user;

    engine->events = NULL;
    if (docker_reply_check(request, reply, err) == 0) {
        error_set_reason(err, ERROR_TRANSIENT, "EngineUnavailable", "the event stream ended");
    }
    go_down(engine, err);
}

static json_t *event_filters(void)
{
    return json_pack("{s:[s,s,s], s:[s,s,s,s,s,s,s,s,s,s,s,s,s,s,s,s,s]}", "type", "container",
                     "network", "image", "event", "start", "die", "destroy", "oom", "rename",
                     "pause", "unpause", "connect", "disconnect", "create", "tag", "untag",
                     "delete", "load", "import", "exec_start", "exec_die");
}

static void watch_events(struct engine *engine, int64_t engine_now_ms)
{
    json_auto_t *filters = event_filters();
    int64_t since_ns = (engine_now_ms - EVENTS_OVERLAP_MS) * NS_PER_MS;

    json_lines_done(&engine->lines);
    json_lines_init(&engine->lines);
    engine->events = engine_stream(engine, docker_watch_events(since_ns, filters), on_event_bytes,
                                   on_events_end, engine);
}

/* Once the answers to both have come. */
static void come_up(struct engine *engine)
{
    int64_t now_ms = engine->host.now_wall_ms;

    if (engine->version_call != NULL || engine->info_call != NULL) {
        return;
    }
    engine->state = ENGINE_UP;
    engine->up_since_ms = clock_monotonic_ms();
    watch_events(engine, now_ms > 0 ? now_ms : clock_wall_ms());
    engine->handlers.on_up(engine->handlers.user);
}

static void on_info(void *user, const struct docker_request *request,
                    const struct http_reply *reply, struct error *err)
{
    struct engine *engine = user;
    json_auto_t *json = NULL;

    engine->info_call = NULL;
    if (docker_reply_json(request, reply, &json, err) < 0) {
        go_down(engine, err);
        return;
    }
    docker_host_done(&engine->host);
    docker_parse_host(json, &engine->host);
    come_up(engine);
}

static void on_version(void *user, const struct docker_request *request,
                       const struct http_reply *reply, struct error *err)
{
    struct engine *engine = user;
    struct docker_engine info = {0};
    json_auto_t *json = NULL;

    engine->version_call = NULL;
    if (docker_reply_json(request, reply, &json, err) < 0 ||
        docker_parse_engine(json, &info, err) < 0) {
        go_down(engine, err);
        return;
    }
    docker_engine_done(&engine->info);
    engine->info = info;
    if (docker_negotiate(&engine->info, engine->api_version, err) < 0) {
        go_down(engine, err);
        return;
    }
    http_transport_curl_set_version(engine->transport, engine->api_version);
    come_up(engine);
}

static void on_checked(void *user, const struct docker_request *request,
                       const struct http_reply *reply, struct error *err)
{
    struct engine *engine = user;
    auto_done(docker_engine) now = {0};
    json_auto_t *json = NULL;

    engine->check = NULL;
    if (docker_reply_json(request, reply, &json, err) == 0 &&
        docker_parse_engine(json, &now, err) == 0) {
        if (text_equal(now.version, engine->info.version) &&
            text_equal(now.api_version, engine->info.api_version)) {
            return;
        }
        error_set_reason(err, ERROR_TRANSIENT, "EngineUnavailable",
                         "the engine was replaced: version %s (API %s) instead of %s (API %s)",
                         now.version, now.api_version, engine->info.version,
                         engine->info.api_version);
    }
    go_down(engine, err);
}

void engine_check(struct engine *engine)
{
    struct docker_request *request;

    if (engine->state != ENGINE_UP || engine->check != NULL) {
        return;
    }
    request = docker_get_version();
    request->timeout_ms = CHECK_TIMEOUT_MS;
    engine->check = engine_call(engine, request, on_checked, engine);
}

static void connect_now(struct engine *engine)
{
    engine->state = ENGINE_CONNECTING;
    engine->version_call = engine_call(engine, docker_get_version(), on_version, engine);
    engine->info_call = engine_call(engine, docker_get_info(), on_info, engine);
}

static const char *environment(const char *name)
{
    return getenv(name);
}

int engine_new(uv_loop_t *loop, const char *url, const struct engine_handlers *handlers,
               struct engine **ret_engine, struct error *err)
{
    struct docker_endpoint endpoint = {0};
    struct engine *engine;

    if (docker_endpoint_parse(url, environment, &endpoint, err) < 0) {
        return -1;
    }
    engine = xcalloc(1, sizeof(*engine));
    engine->loop = loop;
    engine->endpoint = endpoint;
    engine->handlers = *handlers;
    if (!endpoint.is_tls) { /* curl has the texts of all its errors loaded, 0.6 MiB */
        OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL);
    }
    engine->transport = http_transport_curl_new(loop, &engine->endpoint);
    json_lines_init(&engine->lines);
    uv_timer_init(loop, &engine->retry);
    engine->retry.data = engine;
    *ret_engine = engine;
    return 0;
}

void engine_begin(struct engine *engine)
{
    connect_now(engine);
    http_transport_curl_advance(engine->transport);
}

static void on_retry_closed(uv_handle_t *handle)
{
    struct engine *engine = handle->data;

    json_lines_done(&engine->lines);
    docker_engine_done(&engine->info);
    docker_host_done(&engine->host);
    docker_endpoint_done(&engine->endpoint);
    free(engine);
}

void engine_close(struct engine *engine)
{
    if (engine == NULL) {
        return;
    }
    engine_call_cancel(TAKE(engine->events));
    engine_call_cancel(TAKE(engine->version_call));
    engine_call_cancel(TAKE(engine->info_call));
    engine_call_cancel(TAKE(engine->check));
    engine->state = ENGINE_DOWN;
    http_transport_curl_close(engine->transport);
    uv_close((uv_handle_t *)&engine->retry, on_retry_closed);
}

bool engine_is_up(const struct engine *engine)
{
    return engine->state == ENGINE_UP;
}

const char *engine_address(const struct engine *engine)
{
    return engine->endpoint.text;
}

const struct docker_engine *engine_info(const struct engine *engine)
{
    return &engine->info;
}

const char *engine_api_version(const struct engine *engine)
{
    return engine->api_version;
}

int64_t engine_cpu_count(const struct engine *engine)
{
    return engine->host.cpu_count;
}

const struct docker_host *engine_host(const struct engine *engine)
{
    return &engine->host;
}

bool engine_is_local(const struct engine *engine)
{
    return engine->endpoint.is_local;
}

unsigned engine_api_minor(const struct engine *engine)
{
    const char *dot = strchr(engine->api_version, '.');
    uint64_t minor;

    return dot != NULL && parse_u64(dot + 1, &minor) == 0 ? (unsigned)minor : 0;
}

uint64_t engine_request_count(const struct engine *engine)
{
    return http_transport_curl_request_count(engine->transport);
}
