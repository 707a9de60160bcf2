/*
 * The transport on a socket of its own before a scripted engine, and calls over it that remember
 * what became of them: for tests of the transport. All assert in the manner of cmocka.
 */
#ifndef BERTH_TESTS_UNIT_TRANSPORT_CALLS_H
#define BERTH_TESTS_UNIT_TRANSPORT_CALLS_H

#include "base/strbuf.h"
#include "clients/docker_request.h"
#include "controller/http_transport_curl.h"
#include "tests/unit/http_script.h"

enum { GUARD_MS = 20000 }; /* a test that waits longer than this has failed */

struct transport_scene {
    uv_loop_t loop;
    char folder[64];
    char *socket_path;
    struct docker_endpoint endpoint;
    struct http_script *script;
    struct http_transport_curl *transport; /* NULL: closed by the test */
};

/* *state is a struct transport_scene. */
int transport_set_up(void **state);
int transport_tear_down(void **state);
#define TRANSPORT_TEST(name)                                                                       \
    cmocka_unit_test_setup_teardown(name, transport_set_up, transport_tear_down)

struct transport_call {
    struct transport_scene *scene;
    void *handle;
    unsigned done_count;
    int status;
    struct strbuf body; /* of the reply */
    struct strbuf data; /* of on_data */
    struct error err;
    bool refuses_data;
    void (*then)(struct transport_call *call);    /* called from on_done */
    void (*on_data)(struct transport_call *call); /* called from on_data */
    struct transport_call *other;                 /* for these two */
};

/* Of a body of len bytes in memory of just that size; NULL: none. */
struct docker_request *transport_request(const char *method, const char *path, const char *body,
                                         size_t len);
void transport_submit_request(struct transport_scene *scene, struct docker_request *request,
                              bool is_stream, struct transport_call *call);
void transport_submit(struct transport_scene *scene, const char *path, struct transport_call *call);
void transport_submit_stream(struct transport_scene *scene, const char *path,
                             struct transport_call *call);
void transport_cancel(struct transport_call *call);
void transport_call_done(struct transport_call *call);

/* Fails the test. */
void transport_on_guard(uv_timer_t *timer);

/* Runs the loop until the condition holds. */
#define RUN_UNTIL(scene, condition)                                                                \
    do {                                                                                           \
        uv_timer_t guard_;                                                                         \
        uv_timer_init(&(scene)->loop, &guard_);                                                    \
        uv_timer_start(&guard_, transport_on_guard, GUARD_MS, 0);                                  \
        while (!(condition)) {                                                                     \
            uv_run(&(scene)->loop, UV_RUN_ONCE);                                                   \
        }                                                                                          \
        uv_close((uv_handle_t *)&guard_, NULL);                                                    \
        uv_run(&(scene)->loop, UV_RUN_NOWAIT);                                                     \
    } while (0)

/* A whole call by the one function that every test of a single reply needs. */
void transport_run(struct transport_scene *scene, struct docker_request *request,
                   struct transport_call *call);
void transport_assert_unavailable(const struct transport_call *call);

#endif
