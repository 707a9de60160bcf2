/*
 * One process of our own binary, for work that may block, hang or crash: watched, and killed when
 * it takes too long.
 *
 * It leads a process group of its own and is killed with it, has an empty environment, and gets one
 * text on stdin. What it writes to stdout is handed on as it comes; of what it complains about on
 * stderr the last line is kept. Its end is told when it is really gone and all it wrote was read.
 */
#ifndef BERTH_CONTROLLER_CHILD_PROCESS_H
#define BERTH_CONTROLLER_CHILD_PROCESS_H

#include "base/error.h"

#include <uv.h>

struct child_process;

enum child_limit {
    CHILD_STALLED, /* it wrote nothing to stdout for stall_ms */
    CHILD_LATE,    /* it is not over after total_ms */
};

struct child_process_options {
    const char *program, *verb; /* what is run: "program verb"; copied by the call */
    const char *name;           /* "the git process", in messages; lives as long as the child */
    const char *what;           /* "fetch https://...", for a trace, or NULL; copied by the call */
    const char *input;          /* copied; the copy is wiped when it is written */
    uint64_t stall_ms;          /* 0: no limit */
    uint64_t total_ms;          /* not 0 */

    void (*on_output)(void *user, const char *bytes, size_t len); /* len is not 0 */
    void (*on_limit)(void *user, enum child_limit limit);         /* it is killed after this */
    /*
     * Once, and the last call: how it died ("the git process ended with status 1 and no word: out
     * of luck"), in printable characters.
     */
    void (*on_end)(void *user, const char *death);
    void *user;
};

enum { CHILD_OUTPUT_CHUNK = 8192 }; /* on_output never gets more bytes at once */

/* Never calls back from within. NULL: it cannot be started; err has the reason. */
struct child_process *child_process_start(uv_loop_t *loop,
                                          const struct child_process_options *options,
                                          const char *reason, struct error *err);

/* The end comes as always. */
void child_process_kill(struct child_process *child);

/*
 * Kills it, and no callback comes any more; its memory goes when the loop has closed its handles.
 * May be called from any callback but on_end, before which it has closed itself.
 */
void child_process_close(struct child_process *child);

#endif
