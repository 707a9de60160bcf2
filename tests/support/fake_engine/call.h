/*
 * One call of a client: its request, and its reply while it is in the making.
 *
 * Three parts hold on to a call: the connection it came by (server.h), the front that counts it and
 * may spoil it (front.h), and the back end that does the work (back_end.h). The front owns it.
 */
#ifndef BERTH_TESTS_FAKE_ENGINE_CALL_H
#define BERTH_TESTS_FAKE_ENGINE_CALL_H

#include "base/strbuf.h"
#include "tests/support/fake_engine/faults.h"

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

struct front;
struct connection;
struct event_spoiler;

struct call {
    struct front *front;
    struct connection *connection;
    struct call *next, *previous; /* in the front's list */
    unsigned number;              /* 0: it is for the fake itself */
    uint64_t began_at_ms;
    pid_t peer; /* the process that asks */

    char *method, *target;
    char *path;           /* of target: without "/v1.41" in front and what is behind '?' */
    char *query;          /* "" when there is none */
    struct strbuf fields; /* "Name: value\r\n"... */
    struct strbuf body;
    bool is_upgrade;

    struct fault fault;
    uv_timer_t timer; /* of a delay */

    /* the reply */
    int status; /* 0: none yet */
    struct strbuf reply_fields, reply_body;
    bool is_sent; /* its head is with the client */
    bool is_stream;
    bool has_begun;                /* the back end knows of it */
    bool is_over;                  /* nothing more comes from the back end */
    bool is_ended;                 /* nobody waits for more; it goes in the next turn of the loop */
    struct event_spoiler *spoiler; /* of a stream of events, else NULL */

    void *work; /* the back end's own */
};

/* NULL: no such parameter. Decoded; the caller's to free. */
char *call_parameter(const struct call *call, const char *name);

/* "1", "true" and the like. */
bool call_has_flag(const struct call *call, const char *name);

/* A reply that comes bit by bit for as long as it likes, such as the events'. */
bool call_is_stream(const struct call *call);
bool call_is_events(const struct call *call);

/* A text with %XX in it as it is meant; the caller's to free. */
char *call_decode(const char *text, size_t len);

#endif
