/*
 * Curl's multi handle on the libuv loop: its sockets are polled and its timer runs, and nothing
 * else.
 *
 * Curl must not be asked to add or remove a transfer while it is on the stack: who gets a
 * callback from it looks at is_in_curl and leaves such work to on_visited, which runs after every
 * visit. Idle, nothing here keeps the loop alive.
 */
#ifndef BERTH_CONTROLLER_CURL_LOOP_H
#define BERTH_CONTROLLER_CURL_LOOP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct socket_watch;

typedef void curl_loop_fn(void *user);

struct curl_loop {
    CURLM *multi;    /* for adding and removing transfers, and its messages */
    bool is_in_curl; /* curl is on the stack */

    /* inner parts */
    uv_loop_t *uv;
    uv_timer_t timer;
    struct socket_watch *watches;
    size_t open_handles;
    curl_loop_fn *on_visited, *on_closed;
    void *user;
};

/*
 * The struct must stay where it is until on_closed was called. on_visited may call
 * curl_loop_close().
 */
void curl_loop_init(struct curl_loop *loop, uv_loop_t *uv, curl_loop_fn *on_visited, void *user);

/*
 * Lets curl go on now as far as it can without waiting: what was added is connected and sent
 * before the loop is run. Nobody is called back; what has ended meanwhile, the loop tells.
 */
void curl_loop_advance(struct curl_loop *loop);

/*
 * Outside of curl, with no transfer left in it. on_closed comes from the loop, when the memory is
 * no longer needed.
 */
void curl_loop_close(struct curl_loop *loop, curl_loop_fn *on_closed);

#endif
