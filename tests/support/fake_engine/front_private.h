/* What the parts of the front share. */
#ifndef BERTH_TESTS_FAKE_ENGINE_FRONT_PRIVATE_H
#define BERTH_TESTS_FAKE_ENGINE_FRONT_PRIVATE_H

#include "tests/support/fake_engine/front.h"
#include "tests/support/fake_engine/server.h"

struct front {
    uv_loop_t *loop;
    struct back_end *back_end;
    struct faults *faults;
    FILE *log;
    struct server *server;
    struct call *calls;
    unsigned call_count, open_count;
    uv_timer_t comeback; /* from being down */
};

/* A piece of a stream whose head is sent. */
void front_send_piece(struct call *call, const char *bytes, size_t len);

/* Ends it without another word. */
void front_close_call(struct call *call);

#endif
