#include "tests/unit/transport_calls.h"

#include "base/memory.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* --- cancelling, submitting and closing at any moment --- */

static void a_cancelled_call_is_never_heard_of_again(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call early = {0}, silent = {0}, next = {0};

    transport_submit(scene, "/echo", &early);
    transport_cancel(&early); /* before the loop has run */
    transport_submit(scene, "/silent", &silent);
    RUN_UNTIL(scene, http_script_requests(scene->script) == 1);
    transport_cancel(&silent);
    RUN_UNTIL(scene, http_script_open(scene->script) == 0); /* the engine is told */
    transport_run(scene, transport_request("GET", "/echo", NULL, 0), &next);
    assert_int_equal(next.status, 200);
    assert_int_equal(early.done_count, 0);
    assert_int_equal(silent.done_count, 0);
    transport_call_done(&next);
}

static void cancel_other(struct transport_call *call)
{
    if (call->other != NULL) {
        transport_cancel(call->other);
        call->other = NULL;
    }
}

static void cancel_itself(struct transport_call *call)
{
    transport_cancel(call);
}

static void submit_other(struct transport_call *call)
{
    if (call->other != NULL) {
        transport_submit(call->scene, "/echo", call->other);
        call->other = NULL;
    }
}

static void submit_and_cancel_other(struct transport_call *call)
{
    if (call->other != NULL) {
        transport_submit(call->scene, "/echo", call->other);
        transport_cancel(call->other);
        call->other = NULL;
    }
}

static void callbacks_may_cancel(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call silent = {0}, streaming = {0}, next = {0};
    struct transport_call done = {.then = cancel_other, .other = &silent};
    struct transport_call data = {.on_data = cancel_other, .other = &streaming};
    struct transport_call own = {.on_data = cancel_itself};
    struct transport_call born_dead = {0};
    struct transport_call maker = {.on_data = submit_and_cancel_other, .other = &born_dead};

    transport_submit(scene, "/silent", &silent);
    transport_submit(scene, "/echo", &done);
    RUN_UNTIL(scene, done.done_count == 1);
    transport_submit_stream(scene, "/endless", &streaming);
    RUN_UNTIL(scene, streaming.data.len > 0);
    transport_submit_stream(scene, "/chunks", &data);
    RUN_UNTIL(scene, data.done_count == 1);
    transport_submit_stream(scene, "/burst", &own);
    RUN_UNTIL(scene, own.data.len > 0);
    assert_int_equal(own.data.len, 1); /* no more of what has arrived already */
    transport_submit_stream(scene, "/chunks", &maker);
    RUN_UNTIL(scene, maker.done_count == 1);
    transport_run(scene, transport_request("GET", "/echo", NULL, 0), &next);
    assert_int_equal(next.status, 200);
    assert_int_equal(data.status, 200);
    assert_int_equal(silent.done_count, 0);
    assert_int_equal(streaming.done_count, 0);
    assert_int_equal(own.done_count, 0);
    assert_int_equal(born_dead.done_count, 0);
    transport_call_done(&done);
    transport_call_done(&streaming);
    transport_call_done(&data);
    transport_call_done(&own);
    transport_call_done(&maker);
    transport_call_done(&next);
}

static void callbacks_may_submit(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call after_done = {0}, within_data = {0};
    struct transport_call done = {.then = submit_other, .other = &after_done};
    struct transport_call data = {.on_data = submit_other, .other = &within_data};

    transport_submit(scene, "/echo", &done);
    RUN_UNTIL(scene, after_done.done_count == 1);
    assert_int_equal(after_done.status, 200);
    transport_submit_stream(scene, "/chunks", &data);
    RUN_UNTIL(scene, within_data.done_count == 1 && data.done_count == 1);
    assert_int_equal(within_data.status, 200);
    assert_int_equal(data.status, 200);
    assert_string_equal(data.data.text, HTTP_SCRIPT_PIECES);
    transport_call_done(&done);
    transport_call_done(&after_done);
    transport_call_done(&data);
    transport_call_done(&within_data);
}

static void close_transport(struct transport_call *call)
{
    if (call->scene->transport != NULL) {
        http_transport_curl_close(call->scene->transport);
        call->scene->transport = NULL;
    }
}

static void a_close_ends_all_calls_without_a_word(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call silent = {0}, echo = {0}, stream = {0};

    transport_submit(scene, "/silent", &silent);
    transport_submit_stream(scene, "/endless", &stream);
    RUN_UNTIL(scene, stream.data.len > 0);
    transport_submit(scene, "/echo", &echo);
    close_transport(&silent);
    RUN_UNTIL(scene, http_script_open(scene->script) == 0);
    assert_int_equal(silent.done_count + echo.done_count + stream.done_count, 0);
    transport_call_done(&stream);
}

static void callbacks_may_close(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call silent = {0}, stream = {0}, closer = {.then = close_transport};

    transport_submit(scene, "/silent", &silent);
    transport_submit_stream(scene, "/endless", &stream);
    RUN_UNTIL(scene, stream.data.len > 0);
    transport_submit(scene, "/echo", &closer);
    RUN_UNTIL(scene, http_script_open(scene->script) == 0);
    assert_int_equal(closer.done_count, 1);
    assert_int_equal(silent.done_count + stream.done_count, 0);
    transport_call_done(&stream);
    transport_call_done(&closer);
}

static void a_reader_may_close(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call silent = {0}, stream = {.on_data = close_transport};

    transport_submit(scene, "/silent", &silent);
    transport_submit_stream(scene, "/burst", &stream);
    RUN_UNTIL(scene, stream.data.len > 0 && http_script_open(scene->script) == 0);
    assert_int_equal(stream.data.len, 1);
    assert_int_equal(silent.done_count + stream.done_count, 0);
    transport_call_done(&stream);
}

static void idle_the_transport_lets_the_loop_end(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call call = {0};

    transport_run(scene, transport_request("GET", "/echo", NULL, 0), &call);
    assert_int_equal(http_script_open(scene->script), 1); /* kept */
    uv_timer_t guard;
    uv_timer_init(&scene->loop, &guard);
    uv_timer_start(&guard, transport_on_guard, GUARD_MS, 0);
    uv_unref((uv_handle_t *)&guard);
    assert_int_equal(uv_run(&scene->loop, UV_RUN_DEFAULT), 0); /* nothing to wait for */
    uv_close((uv_handle_t *)&guard, NULL);
    uv_run(&scene->loop, UV_RUN_NOWAIT);
    transport_call_done(&call);
}

static void connections_have_a_ceiling_and_what_waits_comes_later(void **state)
{
    enum { BEYOND = 40, CALLS = HTTP_TRANSPORT_CONNECTIONS + BEYOND };
    struct transport_scene *scene = *state;
    auto_free struct transport_call *calls = xcalloc(CALLS, sizeof(*calls));
    struct transport_call echo = {0};

    for (size_t i = 0; i < CALLS; i++) {
        transport_submit(scene, "/silent", &calls[i]);
    }
    RUN_UNTIL(scene, http_script_requests(scene->script) == HTTP_TRANSPORT_CONNECTIONS);
    for (int turn = 0; turn < 100; turn++) {
        uv_run(&scene->loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(http_script_connections(scene->script), HTTP_TRANSPORT_CONNECTIONS);

    transport_submit(scene, "/echo", &echo); /* behind all the others */
    for (size_t i = 0; i < BEYOND; i++) {
        transport_cancel(&calls[i]);
    }
    RUN_UNTIL(scene, http_script_requests(scene->script) == CALLS);
    transport_cancel(&calls[BEYOND]);
    RUN_UNTIL(scene, echo.done_count == 1);
    assert_int_equal(echo.status, 200);
    transport_call_done(&echo);
    for (size_t i = BEYOND + 1; i < CALLS; i++) {
        assert_int_equal(calls[i].done_count, 0);
        transport_cancel(&calls[i]);
    }
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

/* The other side can work on it while this one does something else. */
static void what_is_advanced_is_sent_before_the_loop_runs(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call call = {0};
    char sent[256] = "";

    assert_int_equal(unlink(scene->socket_path), 0);
    auto_close int listener = listen_at(scene->socket_path);
    struct pollfd door = {.fd = listener, .events = POLLIN};
    transport_submit(scene, "/early", &call);
    assert_int_equal(poll(&door, 1, 0), 0);
    http_transport_curl_advance(scene->transport);
    assert_int_equal(poll(&door, 1, 0), 1);
    int engine = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(read(engine, sent, sizeof(sent) - 1) > 0);
    assert_memory_equal(sent, "GET /early HTTP/1.1\r\n", 21);
    close(engine);
    assert_int_equal(call.done_count, 0); /* that is for the loop to tell */
    RUN_UNTIL(scene, call.done_count > 0);
    transport_assert_unavailable(&call);
    transport_call_done(&call);
}

static void what_fails_when_it_is_advanced_is_told_by_the_loop(void **state)
{
    struct transport_scene *scene = *state;
    struct transport_call call = {0};

    assert_int_equal(unlink(scene->socket_path), 0);
    transport_submit(scene, "/early", &call);
    http_transport_curl_advance(scene->transport);
    assert_int_equal(call.done_count, 0);
    RUN_UNTIL(scene, call.done_count > 0);
    transport_assert_unavailable(&call);
    transport_call_done(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRANSPORT_TEST(a_cancelled_call_is_never_heard_of_again),
        TRANSPORT_TEST(callbacks_may_cancel),
        TRANSPORT_TEST(callbacks_may_submit),
        TRANSPORT_TEST(a_close_ends_all_calls_without_a_word),
        TRANSPORT_TEST(callbacks_may_close),
        TRANSPORT_TEST(a_reader_may_close),
        TRANSPORT_TEST(idle_the_transport_lets_the_loop_end),
        TRANSPORT_TEST(connections_have_a_ceiling_and_what_waits_comes_later),
        TRANSPORT_TEST(what_is_advanced_is_sent_before_the_loop_runs),
        TRANSPORT_TEST(what_fails_when_it_is_advanced_is_told_by_the_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
