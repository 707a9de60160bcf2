/*
 * Carries bytes between our standard streams and a command on an upgraded connection, both ways at
 * once: neither waits for the other, so a command that talks back while it is fed never gets stuck.
 */
#ifndef BERTH_CLI_EXEC_STREAMS_H
#define BERTH_CLI_EXEC_STREAMS_H

#include "cli/engine_session.h"
#include "cli/terminal.h"

struct exec_streams {
    struct engine_stream *stream;
    struct terminal *terminal; /* NULL: none; the output is in frames then */
    bool has_no_input;         /* ours is not read */
    bool is_raw;               /* no frames, although there is no terminal */
    void (*on_resize)(void *user);
    void *user;
};

enum exec_end {
    EXEC_CLOSED,    /* the engine closed the connection: the command has ended, as a rule */
    EXEC_UNWANTED,  /* nobody reads our output any more */
    EXEC_FAILED,    /* our output could not be written: see err */
    EXEC_SIGNALLED, /* a signal asked us to end, see ret_signal; only with a terminal */
};

/* SIGPIPE must be ignored. */
enum exec_end exec_streams_run(const struct exec_streams *streams, int *ret_signal,
                               struct error *err);

#endif
