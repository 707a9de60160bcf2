/*
 * One probe of one instance, and the three ways to try it. Only for probes.c and probe_*.c.
 *
 * A way has a function that begins a try, and one that gives it up, after which nothing of it may
 * call back. Between them it calls probe_worker_done() exactly once, also from within its
 * beginning.
 */
#ifndef BERTH_CONTROLLER_PROBE_WORKER_H
#define BERTH_CONTROLLER_PROBE_WORKER_H

#include "base/strbuf.h"
#include "controller/curl_loop.h"
#include "controller/probes.h"
#include "controller/profile_trace.h"

struct prober;
struct entry_probes;
struct http_try;
struct tcp_try;

enum probe_result {
    PROBE_SUCCEEDED,
    PROBE_FAILED,
    PROBE_LOST, /* it could not be tried: that says nothing about the program */
};

enum worker_state { WORKER_IDLE, WORKER_QUEUED, WORKER_BUSY };

struct probe_worker {
    struct entry_probes *owner;
    enum probe_type type;
    enum worker_state state;
    struct probe_worker *next_queued;
    uv_timer_t timer; /* for whatever comes first of the moments below, or for the next try */

    /* of the try under way, on the monotonic clock */
    uint64_t deadline_ms;
    uint64_t slot_until_ms; /* 0: its slot was given back */
    uint64_t poll_at_ms;    /* 0: nothing to look at */
    unsigned polls;
    struct object *desired; /* the version it tries */
    profile_span profile;

    struct engine_call *call; /* exec */
    char *exec_id;            /* also of a command that did not end in time, until it is gone */
    bool is_stuck;            /* that one */
    struct strbuf output;
    struct http_try *http;
    struct tcp_try *tcp;
};

/* What there is to try. All lent until the try ends. */
const struct probe_spec *probe_worker_spec(const struct probe_worker *worker);
const struct observed_container *probe_worker_container(const struct probe_worker *worker);
const char *probe_worker_container_id(const struct probe_worker *worker); /* that is probed */
struct controller *probe_worker_controller(const struct probe_worker *worker);
struct curl_loop *probe_worker_curl(const struct probe_worker *worker);

/*
 * "172.18.0.2" and 8080 of what the spec calls "http". False: there is none, and the try is over.
 */
bool probe_worker_address(struct probe_worker *worker, const char *port, const char **ret_address,
                          uint16_t *ret_port);

/* The end of a try. The text (of a failure) is cut to a sane length. */
void probe_worker_done(struct probe_worker *worker, enum probe_result result, const char *format,
                       ...) __attribute__((format(printf, 3, 4)));

/* Has probe_exec_poll() called a little later, after each call a little later still. */
void probe_worker_poll(struct probe_worker *worker);

/* The time that the try may take begins now: what was done before was to clear the way for it. */
void probe_worker_begin_clock(struct probe_worker *worker);

/* probe_exec.c */
void probe_exec_begin(struct probe_worker *worker);
void probe_exec_poll(struct probe_worker *worker);
/*
 * At the timeout: what has been begun is ended, as far as that is possible from outside the
 * container.
 */
void probe_exec_time_out(struct probe_worker *worker);
void probe_exec_cancel(struct probe_worker *worker);

/* probe_http.c */
void probe_http_begin(struct probe_worker *worker);
void probe_http_cancel(struct probe_worker *worker);
/* What curl has to say about the tries that it has ended. */
void probe_http_visited(struct curl_loop *loop);

/* probe_tcp.c */
void probe_tcp_begin(struct probe_worker *worker);
void probe_tcp_cancel(struct probe_worker *worker);

#endif
