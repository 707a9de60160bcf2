/*
 * Waiting for objects, with a view of how far they are (progress.h): what `apply --wait`,
 * `delete --wait` and `wait` have in common.
 */
#ifndef BERTH_CLI_WAIT_FOR_H
#define BERTH_CLI_WAIT_FOR_H

#include "base/error.h"
#include "cli/arguments.h"
#include "cli/wait_judge.h"

#include <stddef.h>
#include <stdint.h>

enum { WAIT_DEFAULT_MS = 60000 };

struct wait_target {
    enum kind kind;
    char *name;
    char *hash; /* exactly this version of its spec; NULL: the one that is in its file */
    struct wait_judgement judgement; /* the last one */
    int64_t took_ms;                 /* until that was final */
};

struct wait_run {
    const char *command; /* "apply": for messages */
    struct wait_goal goal;
    int64_t timeout_ms;
    struct wait_target *targets;
    size_t count, capacity;
    char *specs, *status_dir, *state; /* directories */
    bool was_stopped;                 /* before all were judged: one was hopeless, or time was up */
};

void wait_run_done(struct wait_run *run);
void wait_run_add(struct wait_run *run, enum kind kind, const char *name, const char *hash);

/* Finds the three directories out of what the command line says. */
void wait_run_find_places(struct wait_run *run, const struct places *places);

/*
 * ERROR_NOT_FOUND: no controller runs that would bring anything about. ERROR_INVALID: the one that
 * runs looks at other specs.
 */
int wait_run_check_controller(const struct wait_run *run, struct error *err);

/*
 * Waits until all are as they should be, one cannot become so, or time is up. Says on stderr how it
 * goes and what went wrong. EXIT_OK, EXIT_FAILED or EXIT_TIMED_OUT.
 */
int wait_run_wait(struct wait_run *run);

#endif
