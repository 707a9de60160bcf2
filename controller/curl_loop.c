#include "controller/curl_loop.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>

/* More than are ever in flight, or curl closes connections that it should keep. */
enum { KEPT_CONNECTIONS = 64 };

/* What curl wants to know of one socket. */
struct socket_watch {
    uv_poll_t poll;
    struct curl_loop *loop;
    struct socket_watch *next, *previous;
    curl_socket_t socket;
};

static void handle_closed(struct curl_loop *loop)
{
    assert(loop->open_handles > 0);
    if (--loop->open_handles == 0) {
        curl_global_cleanup();
        loop->on_closed(loop->user);
    }
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct socket_watch *watch = handle->data;
    struct curl_loop *loop = watch->loop;

    free(watch);
    handle_closed(loop);
}

static void on_timer_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

static void watch_close(struct socket_watch *watch)
{
    if (watch->next != NULL) {
        watch->next->previous = watch->previous;
    }
    if (watch->previous != NULL) {
        watch->previous->next = watch->next;
    } else {
        watch->loop->watches = watch->next;
    }
    uv_poll_stop(&watch->poll);
    uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

/* NULL when the loop does not take the socket. */
static struct socket_watch *watch_open(struct curl_loop *loop, curl_socket_t socket)
{
    struct socket_watch *watch = xcalloc(1, sizeof(*watch));

    watch->loop = loop;
    watch->socket = socket;
    if (uv_poll_init_socket(loop->uv, &watch->poll, socket) < 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    watch->next = loop->watches;
    if (watch->next != NULL) {
        watch->next->previous = watch;
    }
    loop->watches = watch;
    loop->open_handles++;
    return watch;
}

static void enter_curl(struct curl_loop *loop, curl_socket_t socket, int events)
{
    int running;

    loop->is_in_curl = true;
    curl_multi_socket_action(loop->multi, socket, events, &running);
    loop->is_in_curl = false;
}

static void visit(struct curl_loop *loop, curl_socket_t socket, int events)
{
    enter_curl(loop, socket, events);
    loop->on_visited(loop->user);
}

static void on_socket_ready(uv_poll_t *poll, int status, int events)
{
    struct socket_watch *watch = poll->data;
    int curl_events = status < 0 ? CURL_CSELECT_ERR : 0;

    curl_events |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
    curl_events |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
    visit(watch->loop, watch->socket, curl_events); /* the watch may be gone now */
}

/* CURLMOPT_SOCKETFUNCTION. Curl may have closed the socket already when it reports the removal. */
static int on_curl_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *socket_user)
{
    struct curl_loop *loop = user;
    struct socket_watch *watch = socket_user;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            watch_close(watch);
            curl_multi_assign(loop->multi, socket, NULL);
        }
        return 0;
    }
    if (watch == NULL) {
        watch = watch_open(loop, socket);
        if (watch == NULL) {
            return -1;
        }
        curl_multi_assign(loop->multi, socket, watch);
    }
    events |= what != CURL_POLL_OUT ? UV_READABLE : 0;
    events |= what != CURL_POLL_IN ? UV_WRITABLE : 0;
    return uv_poll_start(&watch->poll, events, on_socket_ready) < 0 ? -1 : 0;
}

static void on_timer(uv_timer_t *timer)
{
    visit(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

/* CURLMOPT_TIMERFUNCTION. Curl is on the stack: even no delay waits for the loop. */
static int on_curl_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct curl_loop *loop = user;

    (void)multi;
    if (timeout_ms < 0) {
        uv_timer_stop(&loop->timer);
    } else {
        uv_timer_start(&loop->timer, on_timer, (uint64_t)timeout_ms, 0);
    }
    return 0;
}

void curl_loop_init(struct curl_loop *loop, uv_loop_t *uv, curl_loop_fn *on_visited, void *user)
{
    *loop = (struct curl_loop){.uv = uv, .on_visited = on_visited, .user = user};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        abort(); /* out of memory */
    }
    loop->multi = curl_multi_init();
    if (loop->multi == NULL) {
        abort();
    }
    uv_timer_init(uv, &loop->timer);
    loop->timer.data = loop;
    loop->open_handles = 1;
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
    curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
}

void curl_loop_advance(struct curl_loop *loop)
{
    assert(!loop->is_in_curl);
    enter_curl(loop, CURL_SOCKET_TIMEOUT, 0);
    /* a visit, for what has ended already; curl then tells its own time anew */
    uv_timer_start(&loop->timer, on_timer, 0, 0);
}

void curl_loop_close(struct curl_loop *loop, curl_loop_fn *on_closed)
{
    assert(!loop->is_in_curl);
    loop->on_closed = on_closed;
    curl_multi_cleanup(loop->multi);
    loop->multi = NULL;
    while (loop->watches != NULL) {
        watch_close(loop->watches);
    }
    uv_close((uv_handle_t *)&loop->timer, on_timer_closed);
}
