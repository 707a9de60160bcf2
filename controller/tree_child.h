/*
 * One "berth tree-worker" process, watched: killed when it takes too long, its answer read with
 * care.
 *
 * It leads a process group of its own and is killed with it, has an empty environment, and gets its
 * job on stdin. Its end is told when it is really gone and all it wrote was read. Errors have the
 * reason WorkspaceFailed.
 */
#ifndef BERTH_CONTROLLER_TREE_CHILD_H
#define BERTH_CONTROLLER_TREE_CHILD_H

#include "clients/tree_job.h"

#include <uv.h>

struct tree_child;

struct tree_child_options {
    const char *program;  /* copied by the call */
    const char *job_text; /* the job as JSON, copied */
    const char *what;     /* "make fix-7", for a trace; copied by the call */
    uint64_t timeout_ms;

    /*
     * Once, if the child was started: result, or NULL and failure. The child closes itself after
     * it.
     */
    void (*on_end)(void *user, const struct tree_result *result, struct error *failure);
    void *user;
};

/* Never calls back from within. NULL: it cannot be started. */
struct tree_child *tree_child_start(uv_loop_t *loop, const struct tree_child_options *options,
                                    struct error *err);

/*
 * Kills it, and no callback comes any more; its memory goes when the loop has closed its handles.
 */
void tree_child_close(struct tree_child *child);

#endif
