#include "reconcilers/probe.h"

#include "base/memory.h"
#include "tests/unit/plan_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { SECOND = 1000 };

static const int64_t start_wall_ms = INT64_C(1767355200000);

static struct object *instance(const char *probes)
{
    auto_free char *text = xasprintf("apiVersion: berth.dev/v1\n"
                                     "kind: Instance\n"
                                     "metadata: {name: web}\n"
                                     "spec:\n"
                                     "  image: debian:12\n"
                                     "%s",
                                     probes);

    return object_from_text(text);
}

/* id stays the caller's. */
static struct observed_container container_of(char *id, int64_t started_wall_ms)
{
    return (struct observed_container){
        .id = id, .state = WORKLOAD_RUNNING, .started_wall_ms = started_wall_ms};
}

static char c1[] = "c1", c2[] = "c2";

/* A container that this controller has just started. */
static void begin(struct observed_probes *probes)
{
    struct observed_container container = container_of(c1, start_wall_ms);

    probes_begin(probes, &container, NULL, "v1-1", start_wall_ms);
}

/* A try of a container, at the moment that is due. */
static bool try(struct observed_probes *probes, const struct probe_specs *specs,
                enum probe_type type, char result, int64_t *now)
{
    int64_t due = probes_due(probes, specs, type, *now);

    assert_int_not_equal(due, 0);
    *now = due > *now ? due : *now;
    probes->of[type].tried_wall_ms = *now;
    return probes_note(probes, specs, type, result == 's', result == 's' ? NULL : "no", *now);
}

/* Verdicts */

/*
 * One letter a try: s or f in, the verdict (- S F) after it out; '.' where it is not tried any
 * more.
 */
static void a_verdict_needs_its_threshold_of_equal_results_in_a_row(void **state)
{
    static const struct {
        const char *probe, *results, *verdicts;
    } rows[] = {
        {"readiness: 3 1", "s", "S"},
        {"readiness: 3 1", "fff", "--F"},
        {"readiness: 3 1", "ffsffsfff", "--SSSSSSF"},
        {"readiness: 3 1", "sfffffs", "SSSFFFS"},
        {"readiness: 3 2", "ss", "-S"},
        {"readiness: 3 2", "sfsfss", "-----S"},
        {"readiness: 2 3", "sssffsssff", "--SSFFFSSF"},
        {"readiness: 1 1", "sfsf", "SFSF"},
        {"liveness: 3 1", "s", "S"},
        {"liveness: 3 1", "ffsff", "--SSS"},
        {"liveness: 3 1", "fffsss", "--F..."}, /* a reason to restart is none to ask again */
        {"liveness: 1 1", "sf", "SF"},
        {"startup: 3 1", "ffs", "--S"},
        {"startup: 3 1", "fffs", "--F."},
        {"startup: 30 1", "ffffffffffs", "----------S"},
        {"startup: 3 1", "sfff", "S..."}, /* what has started has started */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char name[16], verdicts[32] = "";
        int failures, successes;
        auto_free char *text = NULL;
        struct object *object;
        struct probe_specs specs;
        struct observed_probes probes = {0};
        enum probe_type type = PROBE_STARTUP;
        int64_t now = start_wall_ms;

        assert_int_equal(sscanf(rows[i].probe, "%15[a-z]: %d %d", name, &failures, &successes), 3);
        text = xasprintf("  %sProbe: {tcpSocket: {port: 80}, failureThreshold: %d, "
                         "successThreshold: %d}\n",
                         name, failures, successes);
        object = instance(text);
        specs = probe_specs_of(&object->instance);
        while (strcmp(probe_type_name(type), name) != 0) {
            type++;
        }
        begin(&probes);
        for (size_t at = 0; rows[i].results[at] != '\0'; at++) {
            if (probes_due(&probes, &specs, type, now) == 0) {
                verdicts[at] = '.';
                continue;
            }
            try(&probes, &specs, type, rows[i].results[at], &now);
            verdicts[at] = "-SF"[probes.of[type].verdict];
        }
        if (strcmp(verdicts, rows[i].verdicts) != 0) {
            fail_msg("%s, %s: %s, not %s", rows[i].probe, rows[i].results, verdicts,
                     rows[i].verdicts);
        }
        observed_probes_done(&probes);
        object_unref(object);
    }
}

static void without_a_result_it_lives_but_is_not_ready(void **state)
{
    struct object *object = instance("  readinessProbe: {tcpSocket: {port: 80}}\n"
                                     "  livenessProbe: {tcpSocket: {port: 80}}\n");
    struct probe_specs specs = probe_specs_of(&object->instance), none = {0};
    struct observed_probes probes = {0};
    enum probe_type type;

    (void)state;
    begin(&probes);
    assert_false(probes_are_ready(&probes, &specs));
    assert_true(probes_are_started(&probes, &specs));
    assert_false(probes_want_restart(&probes, &specs, &type));
    assert_true(probes_are_ready(&probes, &none));
    assert_true(probe_specs_are_none(&none));
    assert_false(probe_specs_are_none(&specs));
    observed_probes_done(&probes);
    object_unref(object);
}

static void the_others_wait_for_the_startup_probe(void **state)
{
    struct object *object = instance("  startupProbe: {tcpSocket: {port: 80}, periodSeconds: 5}\n"
                                     "  livenessProbe: {tcpSocket: {port: 80}}\n"
                                     "  readinessProbe: {tcpSocket: {port: 80}}\n");
    struct probe_specs specs = probe_specs_of(&object->instance);
    struct observed_probes probes = {0};
    int64_t now = start_wall_ms;

    (void)state;
    begin(&probes);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(probes_due(&probes, &specs, PROBE_LIVENESS, now), 0);
        assert_int_equal(probes_due(&probes, &specs, PROBE_READINESS, now), 0);
        try(&probes, &specs, PROBE_STARTUP, 'f', &now);
    }
    try(&probes, &specs, PROBE_STARTUP, 's', &now);
    assert_int_equal(probes_due(&probes, &specs, PROBE_STARTUP, now), 0);
    assert_in_range(probes_due(&probes, &specs, PROBE_LIVENESS, now) - now, 0, SECOND);
    assert_in_range(probes_due(&probes, &specs, PROBE_READINESS, now) - now, 0, SECOND);
    assert_false(probes_are_ready(&probes, &specs));
    try(&probes, &specs, PROBE_READINESS, 's', &now);
    assert_true(probes_are_ready(&probes, &specs));
    observed_probes_done(&probes);
    object_unref(object);
}

static void a_failed_probe_that_restarts_says_which_and_why(void **state)
{
    struct object *object =
        instance("  livenessProbe: {tcpSocket: {port: 80}, failureThreshold: 1}\n");
    struct probe_specs specs = probe_specs_of(&object->instance);
    struct observed_probes probes = {0};
    enum probe_type type;
    auto_free char *text = NULL, *bare = NULL;

    (void)state;
    begin(&probes);
    bare = probes_describe_failure(&probes, PROBE_STARTUP);
    assert_string_equal(bare, "startup probe failed");
    assert_true(probes_note(&probes, &specs, PROBE_LIVENESS, false, "HTTP status 500",
                            start_wall_ms + SECOND));
    assert_true(probes_want_restart(&probes, &specs, &type));
    assert_int_equal(type, PROBE_LIVENESS);
    text = probes_describe_failure(&probes, type);
    assert_string_equal(text, "liveness probe failed: HTTP status 500");
    assert_int_equal(probes.of[PROBE_LIVENESS].since_wall_ms, start_wall_ms + SECOND);
    observed_probes_done(&probes);
    object_unref(object);
}

/* News */

static void equal_results_are_no_news(void **state)
{
    static const struct {
        enum probe_type type;
        const char *result; /* NULL: success */
        bool is_news;
    } rows[] = {
        {PROBE_READINESS, "refused", true},  /* not ready, and now there is a reason */
        {PROBE_READINESS, "refused", false}, /* the same again */
        /* fails in another way: the third, so it is a verdict too */
        {PROBE_READINESS, "HTTP 500", true},
        {PROBE_READINESS, "HTTP 500", false},
        {PROBE_READINESS, NULL, true}, /* ready */
        {PROBE_READINESS, NULL, false},
        {PROBE_READINESS, "HTTP 500", false}, /* still ready */
        {PROBE_READINESS, "HTTP 503", false},
        {PROBE_READINESS, "HTTP 503", true}, /* not any more */
        {PROBE_LIVENESS, "refused", false},
        {PROBE_LIVENESS, "HTTP 500", false},
        {PROBE_LIVENESS, "HTTP 500", true}, /* restart */
    };
    struct object *object = instance("  readinessProbe: {tcpSocket: {port: 80}}\n"
                                     "  livenessProbe: {tcpSocket: {port: 80}}\n");
    struct probe_specs specs = probe_specs_of(&object->instance);
    struct observed_probes probes = {0};

    (void)state;
    begin(&probes);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool is_news = probes_note(&probes, &specs, rows[i].type, rows[i].result == NULL,
                                   rows[i].result, start_wall_ms + (int64_t)i * SECOND);

        if (is_news != rows[i].is_news) {
            fail_msg("row %zu: %s", i, is_news ? "is news" : "is no news");
        }
    }
    observed_probes_done(&probes);
    object_unref(object);
}

/* Moments */

static void the_first_try_comes_after_the_delay_and_the_next_after_a_period(void **state)
{
    struct object *object = instance("  readinessProbe: {tcpSocket: {port: 80}, "
                                     "initialDelaySeconds: 30, periodSeconds: 8}\n");
    struct probe_specs specs = probe_specs_of(&object->instance);
    struct observed_probes probes = {0};
    int64_t now = start_wall_ms, due;

    (void)state;
    begin(&probes);
    due = probes_due(&probes, &specs, PROBE_READINESS, now);
    assert_in_range(due - start_wall_ms, 30 * SECOND, 31 * SECOND - 1);
    try(&probes, &specs, PROBE_READINESS, 'f', &now);
    assert_int_equal(now, due);
    assert_int_equal(probes_due(&probes, &specs, PROBE_READINESS, now), due + 8 * SECOND);
    probes.of[PROBE_READINESS].is_in_flight = true;
    assert_int_equal(probes_due(&probes, &specs, PROBE_READINESS, now), 0);
    probes.of[PROBE_READINESS].is_in_flight = false;
    /* a try that takes longer than the period is followed by the next at once */
    assert_int_equal(probes_due(&probes, &specs, PROBE_READINESS, now + 60 * SECOND),
                     due + 8 * SECOND);
    /* and a clock that goes back stops nothing */
    assert_int_equal(probes_due(&probes, &specs, PROBE_READINESS, due - 1), due - 1);
    observed_probes_done(&probes);
    object_unref(object);
}

static void an_engine_whose_clock_is_ahead_delays_nothing(void **state)
{
    struct object *object = instance("  readinessProbe: {tcpSocket: {port: 80}}\n");
    struct probe_specs specs = probe_specs_of(&object->instance);
    struct observed_container container = container_of(c1, start_wall_ms + 3600 * SECOND);
    struct observed_probes probes = {0};

    (void)state;
    probes_begin(&probes, &container, NULL, "v1-1", start_wall_ms);
    assert_in_range(probes_due(&probes, &specs, PROBE_READINESS, start_wall_ms) - start_wall_ms, 0,
                    SECOND);
    observed_probes_done(&probes);
    object_unref(object);
}

/* How 600 first tries fall into tenths of the time that they may take. */
static void tries_of_many_are_spread(void **state)
{
    static const struct {
        int64_t found_after_ms, within_ms;
        int period_seconds;
    } rows[] = {
        {0, 1000, 10},             /* started just now: within a second */
        {0, 250, 1},               /* but no more than a quarter of the period */
        {60 * SECOND, 10000, 10},  /* found by a controller that starts: over the period */
        {60 * SECOND, 10000, 300}, /* though not for minutes */
    };
    enum { COUNT = 600, PARTS = 10 };

    (void)state;
    for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
        auto_free char *text =
            xasprintf("  readinessProbe: {tcpSocket: {port: 80}, periodSeconds: %d}\n",
                      rows[row].period_seconds);
        struct object *object = instance(text);
        struct probe_specs specs = probe_specs_of(&object->instance);
        unsigned parts[PARTS] = {0};

        for (unsigned i = 0; i < COUNT; i++) {
            char id[16];
            struct observed_container container;
            struct observed_probes probes = {0};
            int64_t now = start_wall_ms + rows[row].found_after_ms, due;

            snprintf(id, sizeof(id), "%08x", i * 2654435761U);
            container = container_of(id, start_wall_ms);
            probes_begin(&probes, &container, NULL, "v1-1", now);
            due = probes_due(&probes, &specs, PROBE_READINESS, now);
            assert_in_range(due - now, 0, rows[row].within_ms - 1);
            assert_int_equal(due, probes_due(&probes, &specs, PROBE_READINESS, now + SECOND));
            parts[(due - now) * PARTS / rows[row].within_ms]++;
            observed_probes_done(&probes);
        }
        for (unsigned i = 0; i < PARTS; i++) {
            assert_in_range(parts[i], COUNT / PARTS / 2, COUNT / PARTS * 2);
        }
        object_unref(object);
    }
}

/* Starts of containers, and of controllers */

static void each_start_begins_afresh(void **state)
{
    struct object *object = instance("  readinessProbe: {tcpSocket: {port: 80}}\n");
    struct probe_specs specs = probe_specs_of(&object->instance);
    struct observed_container same = container_of(c1, start_wall_ms);
    struct observed_container restarted = same, recreated = container_of(c2, start_wall_ms);
    struct observed_probes probes = {0};

    (void)state;
    assert_false(probes_are_of(&probes, &same));
    begin(&probes);
    probes_note(&probes, &specs, PROBE_READINESS, true, NULL, start_wall_ms);
    restarted.started_wall_ms++;
    assert_true(probes_are_of(&probes, &same));
    assert_false(probes_are_of(&probes, &restarted));
    assert_false(probes_are_of(&probes, &recreated));
    probes_begin(&probes, &restarted, NULL, "v1-1", start_wall_ms + SECOND);
    assert_int_equal(probes.of[PROBE_READINESS].verdict, VERDICT_UNKNOWN);
    assert_int_equal(probes.ready_wall_ms, 0);
    observed_probes_done(&probes);
    object_unref(object);
}

/* Through the document, as after a restart of the controller. */
static struct object_status *remembered(const struct observed_probes *probes)
{
    struct object_status *status = status_new(), *read;
    json_auto_t *json = NULL;

    status->observed_hash = "v1-1";
    status->container.id = probes->container_id;
    status_probes(status)->started_wall_ms = probes->started_wall_ms;
    status_probes(status)->ready_wall_ms = probes->ready_wall_ms;
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        status_probes(status)->of[i] = (struct status_probe){
            .is_set = true,
            .verdict = probes->of[i].verdict,
            .last_failure = probes->of[i].last_failure,
            .since_wall_ms = probes->of[i].since_wall_ms,
        };
    }
    json = status_to_json(status);
    read = status_from_json(json);
    status_free(status);
    return read;
}

static void verdicts_outlive_the_controller_but_not_the_start(void **state)
{
    static const struct {
        char *id;
        int64_t started_after_ms;
        const char *hash;
        bool is_ready_kept, is_failure_kept;
    } rows[] = {
        {c1, 0, "v1-1", true, true},
        {c1, 400, "v1-1", true, true}, /* documents have whole seconds */
        {c1, 0, "v1-2", true, false},  /* the probe may have been mended */
        {c1, 5000, "v1-1", false, false},
        {c2, 0, "v1-1", false, false},
    };
    struct object *object = instance("  readinessProbe: {tcpSocket: {port: 80}}\n"
                                     "  livenessProbe: {tcpSocket: {port: 80}}\n");
    struct probe_specs specs = probe_specs_of(&object->instance);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct observed_container container =
            container_of(rows[i].id, start_wall_ms + rows[i].started_after_ms);
        struct observed_probes probes = {0};
        struct object_status *status;
        enum probe_type type;

        begin(&probes);
        probes_note(&probes, &specs, PROBE_READINESS, true, NULL, start_wall_ms + SECOND);
        for (int failure = 0; failure < 3; failure++) {
            probes_note(&probes, &specs, PROBE_LIVENESS, false, "refused", start_wall_ms + SECOND);
        }
        status = remembered(&probes);
        probes_begin(&probes, &container, status, rows[i].hash, start_wall_ms + 60 * SECOND);
        assert_int_equal(probes_are_ready(&probes, &specs), rows[i].is_ready_kept);
        assert_int_equal(probes_want_restart(&probes, &specs, &type), rows[i].is_failure_kept);
        assert_int_equal(probes.ready_wall_ms != 0, rows[i].is_ready_kept);
        if (rows[i].is_failure_kept) {
            assert_string_equal(probes.of[PROBE_LIVENESS].last_failure, "refused");
        }
        observed_probes_done(&probes);
        status_free(status);
    }
    object_unref(object);
}

/* Changes of the spec */

/*
 * The probe with this verdict and the changed probe; the verdict then, and after one result more.
 */
static void a_changed_probe_is_tried_at_once(void **state)
{
    static const struct {
        const char *before, *now;
        enum probe_type type;
        char verdict, then, result, after;
        bool is_tried_anew;
    } rows[] = {
#define TCP "tcpSocket: {port: 80}"
        {TCP, TCP, PROBE_READINESS, 'S', 'S', 'f', 'S', false},
        {TCP, TCP ", periodSeconds: 3", PROBE_READINESS, 'S', 'S', 'f', 'S', true},
        {TCP, TCP ", failureThreshold: 1", PROBE_READINESS, 'S', 'S', 'f', 'F', true},
        {TCP, "tcpSocket: {port: 81}", PROBE_READINESS, 'S', 'S', 'f', '-', true},
        {TCP, "tcpSocket: {port: 81}", PROBE_READINESS, 'S', 'S', 's', 'S', true},
        {TCP, "tcpSocket: {port: 81}", PROBE_READINESS, 'F', '-', 's', 'S', true},
        {TCP, "httpGet: {port: 80}", PROBE_READINESS, 'F', '-', 'f', '-', true},
        {"httpGet: {port: 80}", "httpGet: {port: 80, path: /x}", PROBE_READINESS, 'F', '-', 'f',
         '-', true},
        {"httpGet: {port: 80, httpHeaders: [{name: a, value: b}]}",
         "httpGet: {port: 80, httpHeaders: [{name: a, value: c}]}", PROBE_READINESS, 'F', '-', 'f',
         '-', true},
        {"exec: {command: [a]}", "exec: {command: [a, b]}", PROBE_READINESS, 'F', '-', 'f', '-',
         true},
        {"exec: {command: [a]}", "exec: {command: [a]}", PROBE_READINESS, 'F', 'F', 'f', 'F',
         false},
        {TCP, TCP ", timeoutSeconds: 9", PROBE_READINESS, 'F', 'F', 's', 'S', true},
        {TCP, TCP ", timeoutSeconds: 9", PROBE_LIVENESS, 'F', '-', 'f', '-', true},
        {TCP, TCP ", timeoutSeconds: 9", PROBE_STARTUP, 'F', '-', 's', 'S', true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *before_text =
            xasprintf("  %sProbe: {%s}\n", probe_type_name(rows[i].type), rows[i].before);
        auto_free char *now_text =
            xasprintf("  %sProbe: {%s}\n", probe_type_name(rows[i].type), rows[i].now);
        struct object *before = instance(before_text), *now = instance(now_text);
        struct probe_specs old_specs = probe_specs_of(&before->instance);
        struct probe_specs specs = probe_specs_of(&now->instance);
        struct observed_probes probes = {0};
        struct observed_probe *probe = &probes.of[rows[i].type];
        int64_t at = start_wall_ms;

        begin(&probes);
        while ("-SF"[probe->verdict] != rows[i].verdict) {
            try(&probes, &old_specs, rows[i].type, rows[i].verdict == 'S' ? 's' : 'f', &at);
        }
        at += SECOND; /* long before the next try is due */
        probes_change(&probes, &old_specs, &specs);
        assert_int_equal("-SF"[probe->verdict], rows[i].then);
        assert_int_equal(probes_due(&probes, &specs, rows[i].type, at) <= at,
                         rows[i].is_tried_anew);
        try(&probes, &specs, rows[i].type, rows[i].result, &at);
        if ("-SF"[probe->verdict] != rows[i].after) {
            fail_msg("row %zu: %c, not %c", i, "-SF"[probe->verdict], rows[i].after);
        }
        observed_probes_done(&probes);
        object_unref(before);
        object_unref(now);
    }
}

static void what_has_started_stays_started_when_its_probe_changes(void **state)
{
    struct object *before = instance("  startupProbe: {tcpSocket: {port: 80}}\n");
    struct object *now = instance("  startupProbe: {tcpSocket: {port: 81}}\n");
    struct probe_specs old_specs = probe_specs_of(&before->instance);
    struct probe_specs specs = probe_specs_of(&now->instance), none = {0};
    struct observed_probes probes = {0};

    (void)state;
    begin(&probes);
    probes_note(&probes, &old_specs, PROBE_STARTUP, true, NULL, start_wall_ms);
    probes_change(&probes, &old_specs, &specs);
    assert_true(probes_are_started(&probes, &specs));
    assert_int_equal(probes_due(&probes, &specs, PROBE_STARTUP, start_wall_ms), 0);
    probes_change(&probes, &specs, &none);
    probes_change(&probes, &none, &specs);
    assert_false(probes_are_started(&probes, &specs)); /* it went, and this is another one */
    observed_probes_done(&probes);
    object_unref(before);
    object_unref(now);
}

/* Properties, over random probes and results */

/*
 * The verdict by the definition: the last row of equal results that was long enough, over all
 * results.
 */
static enum probe_verdict verdict_by_definition(const char *results, size_t count,
                                                const struct probe_spec *spec)
{
    enum probe_verdict verdict = VERDICT_UNKNOWN;
    int64_t row = 0;

    for (size_t i = 0; i < count; i++) {
        row = i > 0 && results[i] == results[i - 1] ? row + 1 : 1;
        if (results[i] == 's' && row >= spec->success_threshold) {
            verdict = VERDICT_SUCCESS;
        } else if (results[i] == 'f' && row >= spec->failure_threshold) {
            verdict = VERDICT_FAILURE;
        }
    }
    return verdict;
}

static void random_results_lead_to_the_verdict_by_definition(void **state)
{
    enum { RUNS = 300, TRIES = 60 };
    struct dice dice = {.state = 20260102};

    (void)state;
    for (int run = 0; run < RUNS; run++) {
        unsigned delay = dice_roll(&dice, 20), period = 1 + dice_roll(&dice, 20);
        auto_free char *text = xasprintf(
            "  readinessProbe: {tcpSocket: {port: 80}, initialDelaySeconds: %u, periodSeconds: %u, "
            "successThreshold: %u, failureThreshold: %u}\n",
            delay, period, 1 + dice_roll(&dice, 4), 1 + dice_roll(&dice, 4));
        struct object *object = instance(text);
        struct probe_specs specs = probe_specs_of(&object->instance);
        const struct probe_spec *spec = specs.of[PROBE_READINESS];
        struct observed_probes probes = {0};
        const struct observed_probe *probe = &probes.of[PROBE_READINESS];
        char results[TRIES];
        int64_t now = start_wall_ms, before = 0;
        bool was_ready = false;

        begin(&probes);
        for (size_t i = 0; i < TRIES; i++) {
            enum probe_verdict old = probe->verdict;
            bool is_news;

            results[i] = dice_roll(&dice, 3) == 0 ? 'f' : 's';
            is_news = try(&probes, &specs, PROBE_READINESS, results[i], &now);
            assert_true(now >= start_wall_ms + delay * INT64_C(1000));
            assert_true(i == 0 || now - before == period * INT64_C(1000));
            before = now;
            assert_int_equal(probe->verdict, verdict_by_definition(results, i + 1, spec));
            assert_true(probe->successes == 0 || probe->failures == 0);
            assert_true(probe->verdict == old || is_news); /* no verdict changes unheard */
            assert_true(probe->verdict == old || probe->since_wall_ms == now);
            was_ready |= probe->verdict == VERDICT_SUCCESS;
            assert_int_equal(probes.ready_wall_ms != 0, was_ready);
        }
        observed_probes_done(&probes);
        object_unref(object);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verdict_needs_its_threshold_of_equal_results_in_a_row),
        cmocka_unit_test(without_a_result_it_lives_but_is_not_ready),
        cmocka_unit_test(the_others_wait_for_the_startup_probe),
        cmocka_unit_test(a_failed_probe_that_restarts_says_which_and_why),
        cmocka_unit_test(equal_results_are_no_news),
        cmocka_unit_test(the_first_try_comes_after_the_delay_and_the_next_after_a_period),
        cmocka_unit_test(an_engine_whose_clock_is_ahead_delays_nothing),
        cmocka_unit_test(tries_of_many_are_spread),
        cmocka_unit_test(each_start_begins_afresh),
        cmocka_unit_test(verdicts_outlive_the_controller_but_not_the_start),
        cmocka_unit_test(a_changed_probe_is_tried_at_once),
        cmocka_unit_test(what_has_started_stays_started_when_its_probe_changes),
        cmocka_unit_test(random_results_lead_to_the_verdict_by_definition),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
