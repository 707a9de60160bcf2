#include "tests/unit/transport_calls.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* --- requests and replies --- */

static void a_request_arrives_as_it_was_built(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call get = {0}, empty = {0}, json = {0}, put = {0}, delete = {0};

    transport_run(scene, transport_request("GET", "/echo?a=%2Fb", NULL, 0), &get);
    assert_int_equal(get.status, 200);
    assert_non_null(strstr(get.body.text, "GET /echo?a=%2Fb HTTP/1.1\r\n"));
    assert_null(strcasestr(get.body.text, "content-length:"));

    transport_run(scene, transport_request("POST", "/echo", NULL, 0), &empty);
    assert_non_null(strstr(empty.body.text, "POST /echo HTTP/1.1\r\n"));
    assert_non_null(strcasestr(empty.body.text, "\r\nContent-Length: 0\r\n"));
    assert_null(strcasestr(empty.body.text, "content-type:"));

    transport_run(scene, transport_request("POST", "/echo", "{\"a\":1}", 7), &json);
    assert_non_null(strcasestr(json.body.text, "\r\nContent-Length: 7\r\n"));
    assert_non_null(strcasestr(json.body.text, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(json.body.text, "\r\n\r\n{\"a\":1}"));

    transport_run(scene, transport_request("PUT", "/echo", "a\0b", 3), &put);
    assert_non_null(strstr(put.body.text, "PUT /echo HTTP/1.1\r\n"));
    assert_non_null(strcasestr(put.body.text, "\r\nContent-Length: 3\r\n"));
    assert_memory_equal(put.body.text + put.body.len - 7, "\r\n\r\na\0b", 7);

    transport_run(scene, transport_request("DELETE", "/echo", NULL, 0), &delete);
    assert_non_null(strstr(delete.body.text, "DELETE /echo HTTP/1.1\r\n"));
    transport_call_done(&get);
    transport_call_done(&empty);
    transport_call_done(&json);
    transport_call_done(&put);
    transport_call_done(&delete);
}

static void a_large_body_arrives_whole(void **state)
{
    enum { LEN = 3000000 };
    struct transport_scene *scene = *state;
    auto_free char *body = xmalloc(LEN);
    struct docker_request *request;
    struct transport_call call = {0};

    for (size_t i = 0; i < LEN; i++) {
        body[i] = (char)(i * 31 >> 3);
    }
    request = transport_request("PUT", "/echo", body, LEN);
    request->max_reply = 2 * LEN;
    transport_run(scene, request, &call);
    assert_int_equal(call.status, 200);
    assert_true(call.body.len > LEN);
    assert_null(strcasestr(call.body.text, "\r\nexpect:")); /* curl's habit for large ones */
    assert_memory_equal(call.body.text + call.body.len - LEN, body, LEN);
    transport_call_done(&call);
}

static void the_version_is_put_in_front_unless_it_is_not_wanted(void **state)
{
    struct transport_scene *scene = *state;
    struct docker_request *bare = transport_request("GET", "/echo", NULL, 0);
    struct transport_call with = {0}, without = {0}, reset = {0};

    http_transport_curl_set_version(scene->transport, "1.41");
    transport_run(scene, transport_request("GET", "/echo", NULL, 0), &with);
    assert_non_null(strstr(with.body.text, "GET /v1.41/echo HTTP/1.1\r\n"));
    bare->is_unversioned = true;
    transport_run(scene, bare, &without);
    assert_non_null(strstr(without.body.text, "GET /echo HTTP/1.1\r\n"));
    http_transport_curl_set_version(scene->transport, "");
    transport_run(scene, transport_request("GET", "/echo", NULL, 0), &reset);
    assert_non_null(strstr(reset.body.text, "GET /echo HTTP/1.1\r\n"));
    transport_call_done(&with);
    transport_call_done(&without);
    transport_call_done(&reset);
}

static void a_reply_in_pieces_arrives_whole(void **state)
{
    static const char *const paths[] = {"/pieces", "/chunks"};
    struct transport_scene *scene = *state;

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct transport_call call = {0};

        transport_run(scene, transport_request("GET", paths[i], NULL, 0), &call);
        assert_int_equal(call.status, 200);
        assert_string_equal(call.body.text, HTTP_SCRIPT_PIECES);
        transport_call_done(&call);
    }
}

static void fifty_requests_run_at_once_over_connections_that_are_kept(void **state)
{
    enum { COUNT = 50 };
    struct transport_scene *scene = *state;

    for (unsigned round = 0; round < 3; round++) {
        struct transport_call calls[COUNT] = {0};

        for (unsigned i = 0; i < COUNT; i++) {
            auto_free char *path = xasprintf("/echo?number=%u.", i);

            transport_submit(scene, path, &calls[i]);
        }
        for (unsigned i = 0; i < COUNT; i++) {
            auto_free char *expected = xasprintf("GET /echo?number=%u. HTTP/1.1\r\n", i);

            RUN_UNTIL(scene, calls[i].done_count > 0);
            assert_int_equal(calls[i].done_count, 1);
            assert_int_equal(calls[i].status, 200);
            assert_non_null(strstr(calls[i].body.text, expected));
            transport_call_done(&calls[i]);
        }
        assert_int_equal(http_script_connections(scene->script), COUNT);
    }
    assert_int_equal(http_transport_curl_request_count(scene->transport), 3 * COUNT);
}

static void an_error_reply_is_a_reply(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call missing = {0}, moved = {0}, early = {0};
    auto_free char *body = xcalloc(1, 1 << 20);

    transport_run(scene, transport_request("GET", "/missing", NULL, 0), &missing);
    assert_int_equal(missing.status, 404);
    assert_string_equal(missing.body.text, "{\"message\":\"no such thing\"}\n");
    transport_run(scene, transport_request("GET", "/moved", NULL, 0), &moved);
    assert_int_equal(moved.status, 301); /* and not followed */
    transport_run(scene, transport_request("PUT", "/early", body, 1 << 20), &early);
    assert_true(early.status == 404 || early.status == 0); /* the close may overtake the reply */
    transport_call_done(&missing);
    transport_call_done(&moved);
    transport_call_done(&early);
}

static void a_body_over_its_ceiling_is_an_error(void **state)
{
    struct transport_scene *scene = *state;
    struct docker_request *exact = transport_request("GET", "/large", NULL, 0);
    struct docker_request *over = transport_request("GET", "/large", NULL, 0);
    struct transport_call fits = {0}, too_large = {0};

    exact->max_reply = HTTP_SCRIPT_LARGE;
    transport_run(scene, exact, &fits);
    assert_int_equal(fits.status, 200);
    assert_int_equal(fits.body.len, HTTP_SCRIPT_LARGE);
    over->max_reply = HTTP_SCRIPT_LARGE - 1;
    transport_run(scene, over, &too_large);
    assert_int_equal(too_large.status, 0);
    assert_int_equal(too_large.err.kind, ERROR_TRANSIENT);
    assert_string_equal(too_large.err.reason, "EngineError");
    assert_non_null(strstr(too_large.err.message, "over 99999 bytes"));
    transport_call_done(&fits);
    transport_call_done(&too_large);
}

static void an_error_reply_is_cut_at_the_ceiling(void **state)
{
    struct transport_scene *scene = *state;
    struct docker_request *request = transport_request("GET", "/large-error", NULL, 0);
    struct transport_call call = {0};

    request->max_reply = 1000;
    transport_run(scene, request, &call);
    assert_int_equal(call.status, 500);
    assert_int_equal(call.body.len, 1000);
    transport_call_done(&call);
}

/* --- failures --- */

static void a_lost_reply_is_unavailable(void **state)
{
    static const char *const paths[] = {"/close", "/cut", "/cut-chunked", "/nonsense"};
    struct transport_scene *scene = *state;

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct transport_call call = {0}, next = {0};

        transport_run(scene, transport_request("POST", paths[i], NULL, 0), &call);
        transport_assert_unavailable(&call);
        transport_run(scene, transport_request("GET", "/echo", NULL, 0), &next);
        assert_int_equal(next.status, 200); /* the next one is not harmed */
        transport_call_done(&call);
        transport_call_done(&next);
    }
}

static void a_restarted_engine_is_reached_again(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call before = {0}, after = {0};

    transport_run(scene, transport_request("GET", "/echo", NULL, 0), &before);
    assert_int_equal(http_script_open(scene->script), 1); /* kept, and about to die */
    http_script_free(scene->script);
    scene->script = http_script_new(&scene->loop, scene->socket_path);
    transport_run(scene, transport_request("POST", "/echo", "{}", 2), &after);
    assert_int_equal(after.status, 200);
    assert_int_equal(http_script_requests(scene->script), 1);
    transport_call_done(&before);
    transport_call_done(&after);
}

static void a_silent_engine_is_unavailable_after_the_timeout(void **state)
{
    struct transport_scene *scene = *state;
    struct docker_request *request = transport_request("GET", "/silent", NULL, 0);
    struct docker_request *stalled = transport_request("GET", "/endless", NULL, 0);
    struct transport_call call = {0}, stream = {0};

    request->timeout_ms = 50;
    transport_run(scene, request, &call);
    transport_assert_unavailable(&call);
    stalled->timeout_ms = 50;
    transport_run(scene, stalled, &stream);
    transport_assert_unavailable(&stream);
    transport_call_done(&call);
    transport_call_done(&stream);
}

static void a_missing_or_refusing_socket_is_unavailable_and_says_why(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call missing = {0}, refused = {0};

    /* the listener goes, the file stays: connections are refused */
    auto_free char *moved = xasprintf("%s.moved", scene->socket_path);
    assert_int_equal(rename(scene->socket_path, moved), 0);
    transport_run(scene, transport_request("GET", "/echo", NULL, 0), &missing);
    transport_assert_unavailable(&missing);
    assert_non_null(strstr(missing.err.message, "cannot connect to the engine at unix:///tmp/"));
    assert_non_null(strstr(missing.err.message, "No such file or directory; is it running?"));

    http_script_free(scene->script);
    uv_run(&scene->loop, UV_RUN_NOWAIT);
    scene->script = http_script_new(&scene->loop, scene->socket_path);
    auto_free char *dead = xasprintf("%s.dead", scene->socket_path);
    struct http_script *gone = http_script_new(&scene->loop, dead);
    assert_int_equal(unlink(scene->socket_path), 0);
    assert_int_equal(link(dead, scene->socket_path), 0);
    http_script_free(gone);
    uv_run(&scene->loop, UV_RUN_NOWAIT);
    transport_run(scene, transport_request("GET", "/echo", NULL, 0), &refused);
    transport_assert_unavailable(&refused);
    assert_non_null(strstr(refused.err.message, "Connection refused; is it running?"));
    transport_call_done(&missing);
    transport_call_done(&refused);
}

static void a_forbidden_socket_is_unavailable_and_says_who_may(void **state)
{
    enum { NOBODY = 65534 };
    struct transport_scene *scene = *state;
    bool is_root = geteuid() == 0;
    struct transport_call call = {0};

    assert_int_equal(chmod(scene->folder, 0755), 0);
    assert_int_equal(chmod(scene->socket_path, 0), 0);
    if (is_root) {
        assert_int_equal(seteuid(NOBODY), 0); /* root may always */
    }
    transport_run(scene, transport_request("GET", "/echo", NULL, 0), &call);
    if (is_root) {
        assert_int_equal(seteuid(0), 0);
    }
    transport_assert_unavailable(&call);
    assert_non_null(strstr(call.err.message, "Permission denied; "));
    assert_non_null(strstr(call.err.message, "group"));
    transport_call_done(&call);
}

/* --- streams --- */

static void a_stream_is_handed_on_as_it_comes(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call call = {0};

    transport_submit_stream(scene, "/chunks", &call);
    RUN_UNTIL(scene, call.done_count > 0);
    assert_int_equal(call.status, 200);
    assert_string_equal(strbuf_text(&call.data), HTTP_SCRIPT_PIECES);
    assert_int_equal(call.body.len, 0);
    transport_call_done(&call);
}

static void the_begin_of_a_stream_is_handed_on_before_its_end(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call call = {0}, meanwhile = {0};

    transport_submit_stream(scene, "/endless", &call);
    RUN_UNTIL(scene, call.data.len == 6);
    assert_string_equal(call.data.text, "begun;");
    transport_run(scene, transport_request("GET", "/echo", NULL, 0), &meanwhile);
    assert_int_equal(meanwhile.status, 200);
    assert_int_equal(call.done_count, 0);
    transport_cancel(&call);
    transport_call_done(&call);
    transport_call_done(&meanwhile);
}

static void a_stream_that_is_cut_ends_with_an_error(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call call = {0};

    transport_submit_stream(scene, "/cut-chunked", &call);
    RUN_UNTIL(scene, call.done_count > 0);
    assert_string_equal(strbuf_text(&call.data), "half");
    transport_assert_unavailable(&call);
    transport_call_done(&call);
}

static void an_error_reply_of_a_stream_is_collected(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call call = {0};

    transport_submit_stream(scene, "/missing", &call);
    RUN_UNTIL(scene, call.done_count > 0);
    assert_int_equal(call.status, 404);
    assert_int_equal(call.data.len, 0);
    assert_string_equal(call.body.text, "{\"message\":\"no such thing\"}\n");
    transport_call_done(&call);
}

static void a_reader_may_end_its_stream(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call call = {.refuses_data = true};

    transport_submit_stream(scene, "/endless", &call);
    RUN_UNTIL(scene, call.done_count > 0);
    assert_int_equal(call.done_count, 1);
    assert_int_equal(call.status, 0);
    assert_int_equal(call.err.kind, ERROR_TRANSIENT);
    transport_call_done(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRANSPORT_TEST(a_request_arrives_as_it_was_built),
        TRANSPORT_TEST(a_large_body_arrives_whole),
        TRANSPORT_TEST(the_version_is_put_in_front_unless_it_is_not_wanted),
        TRANSPORT_TEST(a_reply_in_pieces_arrives_whole),
        TRANSPORT_TEST(fifty_requests_run_at_once_over_connections_that_are_kept),
        TRANSPORT_TEST(an_error_reply_is_a_reply),
        TRANSPORT_TEST(a_body_over_its_ceiling_is_an_error),
        TRANSPORT_TEST(an_error_reply_is_cut_at_the_ceiling),
        TRANSPORT_TEST(a_lost_reply_is_unavailable),
        TRANSPORT_TEST(a_restarted_engine_is_reached_again),
        TRANSPORT_TEST(a_silent_engine_is_unavailable_after_the_timeout),
        TRANSPORT_TEST(a_missing_or_refusing_socket_is_unavailable_and_says_why),
        TRANSPORT_TEST(a_forbidden_socket_is_unavailable_and_says_who_may),
        TRANSPORT_TEST(a_stream_is_handed_on_as_it_comes),
        TRANSPORT_TEST(the_begin_of_a_stream_is_handed_on_before_its_end),
        TRANSPORT_TEST(a_stream_that_is_cut_ends_with_an_error),
        TRANSPORT_TEST(an_error_reply_of_a_stream_is_collected),
        TRANSPORT_TEST(a_reader_may_end_its_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
