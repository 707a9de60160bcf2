#include "controller/http_transport_curl.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "clients/docker_request.h"
#include "tests/unit/http_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GUARD_MS = 20000 }; /* a test that waits longer than this has failed */

struct fixture {
    uv_loop_t loop;
    char folder[64];
    char *socket_path;
    struct docker_endpoint endpoint;
    struct http_script *script;
    struct http_transport_curl *transport; /* NULL: closed by the test */
};

static int set_up(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));

    uv_loop_init(&fixture->loop);
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/berth-test-http-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    fixture->socket_path = path_join(fixture->folder, "engine.sock");
    fixture->endpoint = (struct docker_endpoint){
        .text = xasprintf("unix://%s", fixture->socket_path),
        .socket_path = xstrdup(fixture->socket_path),
        .base_url = xstrdup("http://localhost"),
        .is_local = true,
    };
    fixture->script = http_script_new(&fixture->loop, fixture->socket_path);
    fixture->transport = http_transport_curl_new(&fixture->loop, &fixture->endpoint);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};

    if (fixture->transport != NULL) {
        http_transport_curl_close(fixture->transport);
    }
    http_script_free(fixture->script);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0); /* no handle was forgotten */
    tree_remove(fixture->folder, &err);
    docker_endpoint_done(&fixture->endpoint);
    free(fixture->socket_path);
    free(fixture);
    return 0;
}

/* --- calls --- */

struct call {
    struct fixture *fixture;
    void *handle;
    unsigned done_count;
    int status;
    struct strbuf body; /* of the reply */
    struct strbuf data; /* of on_data */
    struct error err;
    bool refuses_data;
    void (*then)(struct call *call);    /* called from on_done */
    void (*on_data)(struct call *call); /* called from on_data */
    struct call *other;                 /* for these two */
};

static bool is_submitting;

static void on_done(void *user, const struct http_reply *reply, struct error *err)
{
    struct call *call = user;

    assert_false(is_submitting);
    assert_int_equal(reply->status == 0, err->kind != ERROR_NONE);
    assert_int_equal(reply->body[reply->body_len], '\0');
    call->done_count++;
    call->status = reply->status;
    strbuf_append(&call->body, reply->body, reply->body_len);
    call->err = *err;
    uv_stop(&call->fixture->loop); /* else a turn that did its work in its timers goes on to wait */
    if (call->then != NULL) {
        call->then(call);
    }
}

static int on_data(void *user, const char *bytes, size_t len)
{
    struct call *call = user;

    assert_false(is_submitting);
    strbuf_append(&call->data, bytes, len);
    uv_stop(&call->fixture->loop);
    if (call->on_data != NULL) {
        call->on_data(call);
    }
    return call->refuses_data ? -1 : 0;
}

/* Of a body of len bytes in memory of just that size; NULL: none. */
static struct docker_request *make_request(const char *method, const char *path, const char *body,
                                           size_t len)
{
    struct docker_request *request = xcalloc(1, sizeof(*request));

    request->method = method;
    request->path = xstrdup(path);
    if (body != NULL) {
        request->body = xmalloc(len);
        memcpy(request->body, body, len);
        request->body_len = len;
        request->content_type = "application/json";
    }
    request->max_reply = 1 << 20;
    request->what = xstrdup("test");
    request->failure_reason = "EngineError";
    return request;
}

static void submit_request(struct fixture *fixture, struct docker_request *request, bool is_stream,
                           struct call *call)
{
    const struct http_handlers handlers = {
        .on_done = on_done, .on_data = is_stream ? on_data : NULL, .user = call};
    struct http_transport *base = http_transport_curl_base(fixture->transport);

    call->fixture = fixture;
    is_submitting = true;
    call->handle = base->ops->submit(base, request, &handlers);
    is_submitting = false;
}

static void submit(struct fixture *fixture, const char *path, struct call *call)
{
    submit_request(fixture, make_request("GET", path, NULL, 0), false, call);
}

static void submit_stream(struct fixture *fixture, const char *path, struct call *call)
{
    submit_request(fixture, make_request("GET", path, NULL, 0), true, call);
}

static void cancel(struct call *call)
{
    struct http_transport *base = http_transport_curl_base(call->fixture->transport);

    base->ops->cancel(base, call->handle);
}

static void call_done(struct call *call)
{
    strbuf_done(&call->body);
    strbuf_done(&call->data);
}

static void on_guard(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing happened for too long");
}

/* Runs the loop until the condition holds. */
#define RUN_UNTIL(fixture, condition)                                                              \
    do {                                                                                           \
        uv_timer_t guard_;                                                                         \
        uv_timer_init(&(fixture)->loop, &guard_);                                                  \
        uv_timer_start(&guard_, on_guard, GUARD_MS, 0);                                            \
        while (!(condition)) {                                                                     \
            uv_run(&(fixture)->loop, UV_RUN_ONCE);                                                 \
        }                                                                                          \
        uv_close((uv_handle_t *)&guard_, NULL);                                                    \
        uv_run(&(fixture)->loop, UV_RUN_NOWAIT);                                                   \
    } while (0)

/* A whole call by the one function that every test of a single reply needs. */
static void run(struct fixture *fixture, struct docker_request *request, struct call *call)
{
    submit_request(fixture, request, false, call);
    RUN_UNTIL(fixture, call->done_count > 0);
    assert_int_equal(call->done_count, 1);
}

static void assert_unavailable(const struct call *call)
{
    assert_int_equal(call->done_count, 1);
    assert_int_equal(call->status, 0);
    assert_int_equal(call->body.len, 0);
    assert_int_equal(call->err.kind, ERROR_TRANSIENT);
    assert_string_equal(call->err.reason, "EngineUnavailable");
    assert_non_null(strstr(call->err.message, call->fixture->endpoint.text));
}

/* --- requests and replies --- */

static void a_request_arrives_as_it_was_built(void **state)
{
    struct fixture *fixture = *state;
    struct call get = {0}, empty = {0}, json = {0}, put = {0}, delete = {0};

    run(fixture, make_request("GET", "/echo?a=%2Fb", NULL, 0), &get);
    assert_int_equal(get.status, 200);
    assert_non_null(strstr(get.body.text, "GET /echo?a=%2Fb HTTP/1.1\r\n"));
    assert_null(strcasestr(get.body.text, "content-length:"));

    run(fixture, make_request("POST", "/echo", NULL, 0), &empty);
    assert_non_null(strstr(empty.body.text, "POST /echo HTTP/1.1\r\n"));
    assert_non_null(strcasestr(empty.body.text, "\r\nContent-Length: 0\r\n"));
    assert_null(strcasestr(empty.body.text, "content-type:"));

    run(fixture, make_request("POST", "/echo", "{\"a\":1}", 7), &json);
    assert_non_null(strcasestr(json.body.text, "\r\nContent-Length: 7\r\n"));
    assert_non_null(strcasestr(json.body.text, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(json.body.text, "\r\n\r\n{\"a\":1}"));

    run(fixture, make_request("PUT", "/echo", "a\0b", 3), &put);
    assert_non_null(strstr(put.body.text, "PUT /echo HTTP/1.1\r\n"));
    assert_non_null(strcasestr(put.body.text, "\r\nContent-Length: 3\r\n"));
    assert_memory_equal(put.body.text + put.body.len - 7, "\r\n\r\na\0b", 7);

    run(fixture, make_request("DELETE", "/echo", NULL, 0), &delete);
    assert_non_null(strstr(delete.body.text, "DELETE /echo HTTP/1.1\r\n"));
    call_done(&get);
    call_done(&empty);
    call_done(&json);
    call_done(&put);
    call_done(&delete);
}

static void a_large_body_arrives_whole(void **state)
{
    enum { LEN = 3000000 };
    struct fixture *fixture = *state;
    auto_free char *body = xmalloc(LEN);
    struct docker_request *request;
    struct call call = {0};

    for (size_t i = 0; i < LEN; i++) {
        body[i] = (char)(i * 31 >> 3);
    }
    request = make_request("PUT", "/echo", body, LEN);
    request->max_reply = 2 * LEN;
    run(fixture, request, &call);
    assert_int_equal(call.status, 200);
    assert_true(call.body.len > LEN);
    assert_null(strcasestr(call.body.text, "\r\nexpect:")); /* curl's habit for large ones */
    assert_memory_equal(call.body.text + call.body.len - LEN, body, LEN);
    call_done(&call);
}

static void the_version_is_put_in_front_unless_it_is_not_wanted(void **state)
{
    struct fixture *fixture = *state;
    struct docker_request *bare = make_request("GET", "/echo", NULL, 0);
    struct call with = {0}, without = {0}, reset = {0};

    http_transport_curl_set_version(fixture->transport, "1.41");
    run(fixture, make_request("GET", "/echo", NULL, 0), &with);
    assert_non_null(strstr(with.body.text, "GET /v1.41/echo HTTP/1.1\r\n"));
    bare->is_unversioned = true;
    run(fixture, bare, &without);
    assert_non_null(strstr(without.body.text, "GET /echo HTTP/1.1\r\n"));
    http_transport_curl_set_version(fixture->transport, "");
    run(fixture, make_request("GET", "/echo", NULL, 0), &reset);
    assert_non_null(strstr(reset.body.text, "GET /echo HTTP/1.1\r\n"));
    call_done(&with);
    call_done(&without);
    call_done(&reset);
}

static void a_reply_in_pieces_arrives_whole(void **state)
{
    static const char *const paths[] = {"/pieces", "/chunks"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct call call = {0};

        run(fixture, make_request("GET", paths[i], NULL, 0), &call);
        assert_int_equal(call.status, 200);
        assert_string_equal(call.body.text, HTTP_SCRIPT_PIECES);
        call_done(&call);
    }
}

static void fifty_requests_run_at_once_over_connections_that_are_kept(void **state)
{
    enum { COUNT = 50 };
    struct fixture *fixture = *state;

    for (unsigned round = 0; round < 3; round++) {
        struct call calls[COUNT] = {0};

        for (unsigned i = 0; i < COUNT; i++) {
            auto_free char *path = xasprintf("/echo?number=%u.", i);

            submit(fixture, path, &calls[i]);
        }
        for (unsigned i = 0; i < COUNT; i++) {
            auto_free char *expected = xasprintf("GET /echo?number=%u. HTTP/1.1\r\n", i);

            RUN_UNTIL(fixture, calls[i].done_count > 0);
            assert_int_equal(calls[i].done_count, 1);
            assert_int_equal(calls[i].status, 200);
            assert_non_null(strstr(calls[i].body.text, expected));
            call_done(&calls[i]);
        }
        assert_int_equal(http_script_connections(fixture->script), COUNT);
    }
    assert_int_equal(http_transport_curl_request_count(fixture->transport), 3 * COUNT);
}

static void an_error_reply_is_a_reply(void **state)
{
    struct fixture *fixture = *state;
    struct call missing = {0}, moved = {0}, early = {0};
    auto_free char *body = xcalloc(1, 1 << 20);

    run(fixture, make_request("GET", "/missing", NULL, 0), &missing);
    assert_int_equal(missing.status, 404);
    assert_string_equal(missing.body.text, "{\"message\":\"no such thing\"}\n");
    run(fixture, make_request("GET", "/moved", NULL, 0), &moved);
    assert_int_equal(moved.status, 301); /* and not followed */
    run(fixture, make_request("PUT", "/early", body, 1 << 20), &early);
    assert_true(early.status == 404 || early.status == 0); /* the close may overtake the reply */
    call_done(&missing);
    call_done(&moved);
    call_done(&early);
}

static void a_body_over_its_ceiling_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct docker_request *exact = make_request("GET", "/large", NULL, 0);
    struct docker_request *over = make_request("GET", "/large", NULL, 0);
    struct call fits = {0}, too_large = {0};

    exact->max_reply = HTTP_SCRIPT_LARGE;
    run(fixture, exact, &fits);
    assert_int_equal(fits.status, 200);
    assert_int_equal(fits.body.len, HTTP_SCRIPT_LARGE);
    over->max_reply = HTTP_SCRIPT_LARGE - 1;
    run(fixture, over, &too_large);
    assert_int_equal(too_large.status, 0);
    assert_int_equal(too_large.err.kind, ERROR_TRANSIENT);
    assert_string_equal(too_large.err.reason, "EngineError");
    assert_non_null(strstr(too_large.err.message, "over 99999 bytes"));
    call_done(&fits);
    call_done(&too_large);
}

static void an_error_reply_is_cut_at_the_ceiling(void **state)
{
    struct fixture *fixture = *state;
    struct docker_request *request = make_request("GET", "/large-error", NULL, 0);
    struct call call = {0};

    request->max_reply = 1000;
    run(fixture, request, &call);
    assert_int_equal(call.status, 500);
    assert_int_equal(call.body.len, 1000);
    call_done(&call);
}

/* --- failures --- */

static void a_lost_reply_is_unavailable(void **state)
{
    static const char *const paths[] = {"/close", "/cut", "/cut-chunked", "/nonsense"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct call call = {0}, next = {0};

        run(fixture, make_request("POST", paths[i], NULL, 0), &call);
        assert_unavailable(&call);
        run(fixture, make_request("GET", "/echo", NULL, 0), &next);
        assert_int_equal(next.status, 200); /* the next one is not harmed */
        call_done(&call);
        call_done(&next);
    }
}

static void a_restarted_engine_is_reached_again(void **state)
{
    struct fixture *fixture = *state;
    struct call before = {0}, after = {0};

    run(fixture, make_request("GET", "/echo", NULL, 0), &before);
    assert_int_equal(http_script_open(fixture->script), 1); /* kept, and about to die */
    http_script_free(fixture->script);
    fixture->script = http_script_new(&fixture->loop, fixture->socket_path);
    run(fixture, make_request("POST", "/echo", "{}", 2), &after);
    assert_int_equal(after.status, 200);
    assert_int_equal(http_script_requests(fixture->script), 1);
    call_done(&before);
    call_done(&after);
}

static void a_silent_engine_is_unavailable_after_the_timeout(void **state)
{
    struct fixture *fixture = *state;
    struct docker_request *request = make_request("GET", "/silent", NULL, 0);
    struct docker_request *stalled = make_request("GET", "/endless", NULL, 0);
    struct call call = {0}, stream = {0};

    request->timeout_ms = 50;
    run(fixture, request, &call);
    assert_unavailable(&call);
    stalled->timeout_ms = 50;
    run(fixture, stalled, &stream);
    assert_unavailable(&stream);
    call_done(&call);
    call_done(&stream);
}

static void a_missing_or_refusing_socket_is_unavailable_and_says_why(void **state)
{
    struct fixture *fixture = *state;
    struct call missing = {0}, refused = {0};

    /* the listener goes, the file stays: connections are refused */
    auto_free char *moved = xasprintf("%s.moved", fixture->socket_path);
    assert_int_equal(rename(fixture->socket_path, moved), 0);
    run(fixture, make_request("GET", "/echo", NULL, 0), &missing);
    assert_unavailable(&missing);
    assert_non_null(strstr(missing.err.message, "cannot connect to the engine at unix:///tmp/"));
    assert_non_null(strstr(missing.err.message, "No such file or directory; is it running?"));

    http_script_free(fixture->script);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    fixture->script = http_script_new(&fixture->loop, fixture->socket_path);
    auto_free char *dead = xasprintf("%s.dead", fixture->socket_path);
    struct http_script *gone = http_script_new(&fixture->loop, dead);
    assert_int_equal(unlink(fixture->socket_path), 0);
    assert_int_equal(link(dead, fixture->socket_path), 0);
    http_script_free(gone);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    run(fixture, make_request("GET", "/echo", NULL, 0), &refused);
    assert_unavailable(&refused);
    assert_non_null(strstr(refused.err.message, "Connection refused; is it running?"));
    call_done(&missing);
    call_done(&refused);
}

static void a_forbidden_socket_is_unavailable_and_says_who_may(void **state)
{
    enum { NOBODY = 65534 };
    struct fixture *fixture = *state;
    bool is_root = geteuid() == 0;
    struct call call = {0};

    assert_int_equal(chmod(fixture->folder, 0755), 0);
    assert_int_equal(chmod(fixture->socket_path, 0), 0);
    if (is_root) {
        assert_int_equal(seteuid(NOBODY), 0); /* root may always */
    }
    run(fixture, make_request("GET", "/echo", NULL, 0), &call);
    if (is_root) {
        assert_int_equal(seteuid(0), 0);
    }
    assert_unavailable(&call);
    assert_non_null(strstr(call.err.message, "Permission denied; "));
    assert_non_null(strstr(call.err.message, "group"));
    call_done(&call);
}

/* --- streams --- */

static void a_stream_is_handed_on_as_it_comes(void **state)
{
    struct fixture *fixture = *state;
    struct call call = {0};

    submit_stream(fixture, "/chunks", &call);
    RUN_UNTIL(fixture, call.done_count > 0);
    assert_int_equal(call.status, 200);
    assert_string_equal(strbuf_text(&call.data), HTTP_SCRIPT_PIECES);
    assert_int_equal(call.body.len, 0);
    call_done(&call);
}

static void the_begin_of_a_stream_is_handed_on_before_its_end(void **state)
{
    struct fixture *fixture = *state;
    struct call call = {0}, meanwhile = {0};

    submit_stream(fixture, "/endless", &call);
    RUN_UNTIL(fixture, call.data.len == 6);
    assert_string_equal(call.data.text, "begun;");
    run(fixture, make_request("GET", "/echo", NULL, 0), &meanwhile);
    assert_int_equal(meanwhile.status, 200);
    assert_int_equal(call.done_count, 0);
    cancel(&call);
    call_done(&call);
    call_done(&meanwhile);
}

static void a_stream_that_is_cut_ends_with_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct call call = {0};

    submit_stream(fixture, "/cut-chunked", &call);
    RUN_UNTIL(fixture, call.done_count > 0);
    assert_string_equal(strbuf_text(&call.data), "half");
    assert_unavailable(&call);
    call_done(&call);
}

static void an_error_reply_of_a_stream_is_collected(void **state)
{
    struct fixture *fixture = *state;
    struct call call = {0};

    submit_stream(fixture, "/missing", &call);
    RUN_UNTIL(fixture, call.done_count > 0);
    assert_int_equal(call.status, 404);
    assert_int_equal(call.data.len, 0);
    assert_string_equal(call.body.text, "{\"message\":\"no such thing\"}\n");
    call_done(&call);
}

static void a_reader_may_end_its_stream(void **state)
{
    struct fixture *fixture = *state;
    struct call call = {.refuses_data = true};

    submit_stream(fixture, "/endless", &call);
    RUN_UNTIL(fixture, call.done_count > 0);
    assert_int_equal(call.done_count, 1);
    assert_int_equal(call.status, 0);
    assert_int_equal(call.err.kind, ERROR_TRANSIENT);
    call_done(&call);
}

/* --- cancelling, submitting and closing at any moment --- */

static void a_cancelled_call_is_never_heard_of_again(void **state)
{
    struct fixture *fixture = *state;
    struct call early = {0}, silent = {0}, next = {0};

    submit(fixture, "/echo", &early);
    cancel(&early); /* before the loop has run */
    submit(fixture, "/silent", &silent);
    RUN_UNTIL(fixture, http_script_requests(fixture->script) == 1);
    cancel(&silent);
    RUN_UNTIL(fixture, http_script_open(fixture->script) == 0); /* the engine is told */
    run(fixture, make_request("GET", "/echo", NULL, 0), &next);
    assert_int_equal(next.status, 200);
    assert_int_equal(early.done_count, 0);
    assert_int_equal(silent.done_count, 0);
    call_done(&next);
}

static void cancel_other(struct call *call)
{
    if (call->other != NULL) {
        cancel(call->other);
        call->other = NULL;
    }
}

static void cancel_itself(struct call *call)
{
    cancel(call);
}

static void submit_other(struct call *call)
{
    if (call->other != NULL) {
        submit(call->fixture, "/echo", call->other);
        call->other = NULL;
    }
}

static void submit_and_cancel_other(struct call *call)
{
    if (call->other != NULL) {
        submit(call->fixture, "/echo", call->other);
        cancel(call->other);
        call->other = NULL;
    }
}

static void callbacks_may_cancel(void **state)
{
    struct fixture *fixture = *state;
    struct call silent = {0}, streaming = {0}, next = {0};
    struct call done = {.then = cancel_other, .other = &silent};
    struct call data = {.on_data = cancel_other, .other = &streaming};
    struct call own = {.on_data = cancel_itself};
    struct call born_dead = {0};
    struct call maker = {.on_data = submit_and_cancel_other, .other = &born_dead};

    submit(fixture, "/silent", &silent);
    submit(fixture, "/echo", &done);
    RUN_UNTIL(fixture, done.done_count == 1);
    submit_stream(fixture, "/endless", &streaming);
    RUN_UNTIL(fixture, streaming.data.len > 0);
    submit_stream(fixture, "/chunks", &data);
    RUN_UNTIL(fixture, data.done_count == 1);
    submit_stream(fixture, "/burst", &own);
    RUN_UNTIL(fixture, own.data.len > 0);
    assert_int_equal(own.data.len, 1); /* no more of what has arrived already */
    submit_stream(fixture, "/chunks", &maker);
    RUN_UNTIL(fixture, maker.done_count == 1);
    run(fixture, make_request("GET", "/echo", NULL, 0), &next);
    assert_int_equal(next.status, 200);
    assert_int_equal(data.status, 200);
    assert_int_equal(silent.done_count, 0);
    assert_int_equal(streaming.done_count, 0);
    assert_int_equal(own.done_count, 0);
    assert_int_equal(born_dead.done_count, 0);
    call_done(&done);
    call_done(&streaming);
    call_done(&data);
    call_done(&own);
    call_done(&maker);
    call_done(&next);
}

static void callbacks_may_submit(void **state)
{
    struct fixture *fixture = *state;
    struct call after_done = {0}, within_data = {0};
    struct call done = {.then = submit_other, .other = &after_done};
    struct call data = {.on_data = submit_other, .other = &within_data};

    submit(fixture, "/echo", &done);
    RUN_UNTIL(fixture, after_done.done_count == 1);
    assert_int_equal(after_done.status, 200);
    submit_stream(fixture, "/chunks", &data);
    RUN_UNTIL(fixture, within_data.done_count == 1 && data.done_count == 1);
    assert_int_equal(within_data.status, 200);
    assert_int_equal(data.status, 200);
    assert_string_equal(data.data.text, HTTP_SCRIPT_PIECES);
    call_done(&done);
    call_done(&after_done);
    call_done(&data);
    call_done(&within_data);
}

static void close_transport(struct call *call)
{
    if (call->fixture->transport != NULL) {
        http_transport_curl_close(call->fixture->transport);
        call->fixture->transport = NULL;
    }
}

static void a_close_ends_all_calls_without_a_word(void **state)
{
    struct fixture *fixture = *state;
    struct call silent = {0}, echo = {0}, stream = {0};

    submit(fixture, "/silent", &silent);
    submit_stream(fixture, "/endless", &stream);
    RUN_UNTIL(fixture, stream.data.len > 0);
    submit(fixture, "/echo", &echo);
    close_transport(&silent);
    RUN_UNTIL(fixture, http_script_open(fixture->script) == 0);
    assert_int_equal(silent.done_count + echo.done_count + stream.done_count, 0);
    call_done(&stream);
}

static void callbacks_may_close(void **state)
{
    struct fixture *fixture = *state;
    struct call silent = {0}, stream = {0}, closer = {.then = close_transport};

    submit(fixture, "/silent", &silent);
    submit_stream(fixture, "/endless", &stream);
    RUN_UNTIL(fixture, stream.data.len > 0);
    submit(fixture, "/echo", &closer);
    RUN_UNTIL(fixture, http_script_open(fixture->script) == 0);
    assert_int_equal(closer.done_count, 1);
    assert_int_equal(silent.done_count + stream.done_count, 0);
    call_done(&stream);
    call_done(&closer);
}

static void a_reader_may_close(void **state)
{
    struct fixture *fixture = *state;
    struct call silent = {0}, stream = {.on_data = close_transport};

    submit(fixture, "/silent", &silent);
    submit_stream(fixture, "/burst", &stream);
    RUN_UNTIL(fixture, stream.data.len > 0 && http_script_open(fixture->script) == 0);
    assert_int_equal(stream.data.len, 1);
    assert_int_equal(silent.done_count + stream.done_count, 0);
    call_done(&stream);
}

static void idle_the_transport_lets_the_loop_end(void **state)
{
    struct fixture *fixture = *state;
    struct call call = {0};

    run(fixture, make_request("GET", "/echo", NULL, 0), &call);
    assert_int_equal(http_script_open(fixture->script), 1); /* kept */
    uv_timer_t guard;
    uv_timer_init(&fixture->loop, &guard);
    uv_timer_start(&guard, on_guard, GUARD_MS, 0);
    uv_unref((uv_handle_t *)&guard);
    assert_int_equal(uv_run(&fixture->loop, UV_RUN_DEFAULT), 0); /* nothing to wait for */
    uv_close((uv_handle_t *)&guard, NULL);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    call_done(&call);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void connections_have_a_ceiling_and_what_waits_comes_later(void **state)
{
    enum { BEYOND = 40, CALLS = HTTP_TRANSPORT_CONNECTIONS + BEYOND };
    struct fixture *fixture = *state;
    auto_free struct call *calls = xcalloc(CALLS, sizeof(*calls));
    struct call echo = {0};

    for (size_t i = 0; i < CALLS; i++) {
        submit(fixture, "/silent", &calls[i]);
    }
    RUN_UNTIL(fixture, http_script_requests(fixture->script) == HTTP_TRANSPORT_CONNECTIONS);
    for (int turn = 0; turn < 100; turn++) {
        uv_run(&fixture->loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(http_script_connections(fixture->script), HTTP_TRANSPORT_CONNECTIONS);

    submit(fixture, "/echo", &echo); /* behind all the others */
    for (size_t i = 0; i < BEYOND; i++) {
        cancel(&calls[i]);
    }
    RUN_UNTIL(fixture, http_script_requests(fixture->script) == CALLS);
    cancel(&calls[BEYOND]);
    RUN_UNTIL(fixture, echo.done_count == 1);
    assert_int_equal(echo.status, 200);
    call_done(&echo);
    for (size_t i = BEYOND + 1; i < CALLS; i++) {
        assert_int_equal(calls[i].done_count, 0);
        cancel(&calls[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_arrives_as_it_was_built),
        TEST(a_large_body_arrives_whole),
        TEST(the_version_is_put_in_front_unless_it_is_not_wanted),
        TEST(a_reply_in_pieces_arrives_whole),
        TEST(fifty_requests_run_at_once_over_connections_that_are_kept),
        TEST(an_error_reply_is_a_reply),
        TEST(a_body_over_its_ceiling_is_an_error),
        TEST(an_error_reply_is_cut_at_the_ceiling),
        TEST(a_lost_reply_is_unavailable),
        TEST(a_restarted_engine_is_reached_again),
        TEST(a_silent_engine_is_unavailable_after_the_timeout),
        TEST(a_missing_or_refusing_socket_is_unavailable_and_says_why),
        TEST(a_forbidden_socket_is_unavailable_and_says_who_may),
        TEST(a_stream_is_handed_on_as_it_comes),
        TEST(the_begin_of_a_stream_is_handed_on_before_its_end),
        TEST(a_stream_that_is_cut_ends_with_an_error),
        TEST(an_error_reply_of_a_stream_is_collected),
        TEST(a_reader_may_end_its_stream),
        TEST(a_cancelled_call_is_never_heard_of_again),
        TEST(callbacks_may_cancel),
        TEST(callbacks_may_submit),
        TEST(a_close_ends_all_calls_without_a_word),
        TEST(callbacks_may_close),
        TEST(a_reader_may_close),
        TEST(idle_the_transport_lets_the_loop_end),
        TEST(connections_have_a_ceiling_and_what_waits_comes_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
