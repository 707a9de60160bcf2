/*
 * Who does the work behind the front: a real engine (forward.h) or one in memory (memory_engine.h).
 *
 * A back end answers each call with back_end_reply_head, any number of pieces of body and
 * back_end_reply_end, at once or later; or with back_end_reply_lost when it has no whole answer.
 */
#ifndef BERTH_TESTS_FAKE_ENGINE_BACK_END_H
#define BERTH_TESTS_FAKE_ENGINE_BACK_END_H

#include "tests/support/fake_engine/call.h"

struct back_end {
    const struct back_end_ops *ops;
};

struct back_end_ops {
    void (*begin)(struct back_end *self, struct call *call);
    /* Bytes of a client whose connection has become the command's own; none: no more come. */
    void (*take_bytes)(struct back_end *self, struct call *call, const char *bytes, size_t len);
    /* The client has closed, or nobody waits for the rest: the call is not answered any more. */
    void (*cancel)(struct back_end *self, struct call *call);
    /* Questions and orders to the fake itself, "/_fake/..."; false: it knows no such thing. */
    bool (*control)(struct back_end *self, struct call *call, const char *what);
    /* The engine ends with all its connections; it is there again when its socket is. */
    void (*go_down)(struct back_end *self);
    void (*close)(struct back_end *self);
};

/*
 * What the back end tells; the front says what becomes of it. Of a call that has ended it is
 * ignored.
 */
void back_end_reply_head(struct call *call, int status, const char *fields);
void back_end_reply_bytes(struct call *call, const char *bytes, size_t len);
void back_end_reply_end(struct call *call);
void back_end_reply_lost(struct call *call);

#endif
