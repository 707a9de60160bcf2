#include "tests/unit/transport_calls.h"

#include "base/file.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

int transport_set_up(void **state)
{
    struct transport_scene *scene = xcalloc(1, sizeof(*scene));

    uv_loop_init(&scene->loop);
    snprintf(scene->folder, sizeof(scene->folder), "/tmp/berth-test-http-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    scene->socket_path = path_join(scene->folder, "engine.sock");
    scene->endpoint = (struct docker_endpoint){
        .text = xasprintf("unix://%s", scene->socket_path),
        .socket_path = xstrdup(scene->socket_path),
        .base_url = xstrdup("http://localhost"),
        .is_local = true,
    };
    scene->script = http_script_new(&scene->loop, scene->socket_path);
    scene->transport = http_transport_curl_new(&scene->loop, &scene->endpoint);
    *state = scene;
    return 0;
}

int transport_tear_down(void **state)
{
    struct transport_scene *scene = *state;
    struct error err = {0};

    if (scene->transport != NULL) {
        http_transport_curl_close(scene->transport);
    }
    http_script_free(scene->script);
    uv_run(&scene->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&scene->loop), 0); /* no handle was forgotten */
    tree_remove(scene->folder, &err);
    docker_endpoint_done(&scene->endpoint);
    free(scene->socket_path);
    free(scene);
    return 0;
}

static bool is_submitting;

static void on_done(void *user, const struct http_reply *reply, struct error *err)
{
    struct transport_call *call = user;

    assert_false(is_submitting);
    assert_int_equal(reply->status == 0, err->kind != ERROR_NONE);
    assert_int_equal(reply->body[reply->body_len], '\0');
    call->done_count++;
    call->status = reply->status;
    strbuf_append(&call->body, reply->body, reply->body_len);
    call->err = *err;
    uv_stop(&call->scene->loop); /* else a turn that did its work in its timers goes on to wait */
    if (call->then != NULL) {
        call->then(call);
    }
}

static int on_data(void *user, const char *bytes, size_t len)
{
    struct transport_call *call = user;

    assert_false(is_submitting);
    strbuf_append(&call->data, bytes, len);
    uv_stop(&call->scene->loop);
    if (call->on_data != NULL) {
        call->on_data(call);
    }
    return call->refuses_data ? -1 : 0;
}

/* Of a body of len bytes in memory of just that size; NULL: none. */
struct docker_request *transport_request(const char *method, const char *path, const char *body,
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

void transport_submit_request(struct transport_scene *scene, struct docker_request *request,
                              bool is_stream, struct transport_call *call)
{
    const struct http_handlers handlers = {
        .on_done = on_done, .on_data = is_stream ? on_data : NULL, .user = call};
    struct http_transport *base = http_transport_curl_base(scene->transport);

    call->scene = scene;
    is_submitting = true;
    call->handle = base->ops->submit(base, request, &handlers);
    is_submitting = false;
}

void transport_submit(struct transport_scene *scene, const char *path, struct transport_call *call)
{
    transport_submit_request(scene, transport_request("GET", path, NULL, 0), false, call);
}

void transport_submit_stream(struct transport_scene *scene, const char *path,
                             struct transport_call *call)
{
    transport_submit_request(scene, transport_request("GET", path, NULL, 0), true, call);
}

void transport_cancel(struct transport_call *call)
{
    struct http_transport *base = http_transport_curl_base(call->scene->transport);

    base->ops->cancel(base, call->handle);
}

void transport_call_done(struct transport_call *call)
{
    strbuf_done(&call->body);
    strbuf_done(&call->data);
}

void transport_on_guard(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("nothing happened for too long");
}

/* A whole call by the one function that every test of a single reply needs. */
void transport_run(struct transport_scene *scene, struct docker_request *request,
                   struct transport_call *call)
{
    transport_submit_request(scene, request, false, call);
    RUN_UNTIL(scene, call->done_count > 0);
    assert_int_equal(call->done_count, 1);
}

void transport_assert_unavailable(const struct transport_call *call)
{
    assert_int_equal(call->done_count, 1);
    assert_int_equal(call->status, 0);
    assert_int_equal(call->body.len, 0);
    assert_int_equal(call->err.kind, ERROR_TRANSIENT);
    assert_string_equal(call->err.reason, "EngineUnavailable");
    assert_non_null(strstr(call->err.message, call->scene->endpoint.text));
}
