/*
 * Probes: whether the program in a container has started, lives, and may be used.
 *
 * Names, defaults and meanings are Kubernetes'. Readiness begins as no, liveness as yes; while a
 * startup probe has not succeeded the other two are not tried. A verdict changes when its threshold
 * of equal results in a row is reached. All of it is about one start of the container, and begins
 * anew with the next. After a failed startup or liveness probe, and after a successful startup
 * probe, that one is tried no more.
 *
 * Pure: who carries the tries out (controller/probes.h) asks probes_due() when, and tells the
 * results to probes_note().
 */
#ifndef BERTH_RECONCILERS_PROBE_H
#define BERTH_RECONCILERS_PROBE_H

#include "reconcilers/observed.h"
#include "specs/status.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PROBE_FRESH_MS =
        10000, /* a container that began longer ago was found, not started, by this controller */
    PROBE_FRESH_SPREAD_MS = 1000,
    PROBE_FOUND_SPREAD_MS = 10000,
};

/* What is known of one probe. */
struct observed_probe {
    enum probe_verdict verdict;
    unsigned successes, failures; /* in a row: one of them is 0 */
    char *last_failure;           /* in words; NULL: none */
    int64_t tried_wall_ms;        /* when the last try began; 0: none did */
    int64_t since_wall_ms;        /* of the verdict */
    /* the verdict is of another action that the spec had: the next result decides */
    bool is_unproven;
    bool is_in_flight;
};

struct observed_probes {
    char *container_id; /* NULL: of no container yet */
    int64_t started_wall_ms;
    int64_t begun_wall_ms; /* when the probes were first looked at */
    int64_t ready_wall_ms; /* when it was ready for the first time; 0: not yet */
    struct observed_probe of[PROBE_TYPE_COUNT];
};

/* The probes of an instance. Borrowed. */
struct probe_specs probe_specs_of(const struct instance_spec *instance);
bool probe_specs_are_none(const struct probe_specs *specs);
bool probe_spec_is_same(const struct probe_spec *a, const struct probe_spec *b); /* NULL: none */

void observed_probes_done(struct observed_probes *probes);

/* True when what is known is about this start of this container. */
bool probes_are_of(const struct observed_probes *probes,
                   const struct observed_container *container);

/*
 * Afresh, for this start of the container. Verdicts that a status (may be NULL) remembers of the
 * very same start hold on: a controller that was started again neither takes back what is ready nor
 * forgets what must be restarted. Failures hold only if the status speaks of the spec with this
 * hash: the probe may have been mended since.
 */
void probes_begin(struct observed_probes *probes, const struct observed_container *container,
                  const struct object_status *remembered, const char *hash, int64_t now_wall_ms);

/*
 * The spec of the same container changed. A changed probe counts from 0 and is tried at once. What
 * is ready stays so until then; but when the action is another one, its first failure ends that.
 * What was a reason to restart is none any more.
 */
void probes_change(struct observed_probes *probes, const struct probe_specs *before,
                   const struct probe_specs *now);

/*
 * When the next try is due, in the past if it is overdue; 0: it must not be tried now. The first
 * tries are spread by a part of the period that follows from the container, so that hundreds of
 * probes are no herd.
 */
int64_t probes_due(const struct observed_probes *probes, const struct probe_specs *specs,
                   enum probe_type type, int64_t now_wall_ms);

/*
 * The result of a try. message: of a failure. True when somebody must know: the verdict is another
 * one, or it fails in another way while it does not succeed. Equal results are no news.
 */
bool probes_note(struct observed_probes *probes, const struct probe_specs *specs,
                 enum probe_type type, bool is_success, const char *message, int64_t now_wall_ms);

/* Started, and ready by its probe where it has one. */
bool probes_are_started(const struct observed_probes *probes, const struct probe_specs *specs);
bool probes_are_ready(const struct observed_probes *probes, const struct probe_specs *specs);

/* True when the container must be restarted; ret_type: which probe says so. */
bool probes_want_restart(const struct observed_probes *probes, const struct probe_specs *specs,
                         enum probe_type *ret_type);

/* "liveness probe failed: HTTP status 500". The caller's to free. */
char *probes_describe_failure(const struct observed_probes *probes, enum probe_type type);

#endif
