#include "reconcilers/probe.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"

#include <stdlib.h>

struct probe_specs probe_specs_of(const struct instance_spec *instance)
{
    return (struct probe_specs){.of = {
                                    [PROBE_STARTUP] = instance->startup,
                                    [PROBE_LIVENESS] = instance->liveness,
                                    [PROBE_READINESS] = instance->readiness,
                                }};
}

bool probe_specs_are_none(const struct probe_specs *specs)
{
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        if (specs->of[i] != NULL) {
            return false;
        }
    }
    return true;
}

/* What is known */

static void probe_reset(struct observed_probe *probe)
{
    free(probe->last_failure);
    *probe = (struct observed_probe){.is_in_flight = probe->is_in_flight};
}

void observed_probes_done(struct observed_probes *probes)
{
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        free(probes->of[i].last_failure);
    }
    free(probes->container_id);
    *probes = (struct observed_probes){0};
}

bool probes_are_of(const struct observed_probes *probes, const struct observed_container *container)
{
    return probes->container_id != NULL && text_equal(probes->container_id, container->id) &&
           probes->started_wall_ms == container->started_wall_ms;
}

/* Documents have whole seconds. */
static bool remembers_start(const struct object_status *status,
                            const struct observed_container *container)
{
    return status != NULL && status->probes->started_wall_ms != 0 &&
           text_equal(status->container.id, container->id) &&
           status->probes->started_wall_ms / MS_PER_SECOND ==
               container->started_wall_ms / MS_PER_SECOND;
}

void probes_begin(struct observed_probes *probes, const struct observed_container *container,
                  const struct object_status *remembered, const char *hash, int64_t now_wall_ms)
{
    bool is_same_spec = remembered != NULL && text_equal(remembered->observed_hash, hash);

    observed_probes_done(probes);
    probes->container_id = xstrdup(container->id);
    probes->started_wall_ms = container->started_wall_ms;
    probes->begun_wall_ms = now_wall_ms;
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        probes->of[i].since_wall_ms = container->started_wall_ms;
    }
    if (!remembers_start(remembered, container)) {
        return;
    }
    probes->ready_wall_ms = remembered->probes->ready_wall_ms;
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        const struct status_probe *before = &remembered->probes->of[i];

        if (!before->is_set || (before->verdict == VERDICT_FAILURE && !is_same_spec)) {
            continue;
        }
        probes->of[i].verdict = before->verdict;
        probes->of[i].is_unproven = !is_same_spec;
        probes->of[i].last_failure = xstrdup_or_null(before->last_failure);
        if (before->since_wall_ms != 0) {
            probes->of[i].since_wall_ms = before->since_wall_ms;
        }
    }
}

/* Changes of the spec */

static bool texts_are_equal(const struct text_list *a, const struct text_list *b)
{
    bool is_equal = a->count == b->count;

    for (size_t i = 0; is_equal && i < a->count; i++) {
        is_equal = text_equal(a->items[i], b->items[i]);
    }
    return is_equal;
}

static bool http_gets_are_equal(const struct http_get_action *a, const struct http_get_action *b)
{
    bool is_equal = text_equal(a->path, b->path) && text_equal(a->port, b->port) &&
                    a->scheme == b->scheme && a->headers.count == b->headers.count;

    for (size_t i = 0; is_equal && i < a->headers.count; i++) {
        is_equal = text_equal(a->headers.items[i].name, b->headers.items[i].name) &&
                   text_equal(a->headers.items[i].value, b->headers.items[i].value);
    }
    return is_equal;
}

static bool actions_are_equal(const struct probe_spec *a, const struct probe_spec *b)
{
    if (a->exec != NULL && b->exec != NULL) {
        return texts_are_equal(&a->exec->command, &b->exec->command);
    }
    if (a->http_get != NULL && b->http_get != NULL) {
        return http_gets_are_equal(a->http_get, b->http_get);
    }
    return a->tcp_socket != NULL && b->tcp_socket != NULL &&
           text_equal(a->tcp_socket->port, b->tcp_socket->port);
}

static bool numbers_are_equal(const struct probe_spec *a, const struct probe_spec *b)
{
    return a->initial_delay_seconds == b->initial_delay_seconds &&
           a->period_seconds == b->period_seconds && a->timeout_seconds == b->timeout_seconds &&
           a->success_threshold == b->success_threshold &&
           a->failure_threshold == b->failure_threshold;
}

bool probe_spec_is_same(const struct probe_spec *a, const struct probe_spec *b)
{
    return a == b || (a != NULL && b != NULL && actions_are_equal(a, b) && numbers_are_equal(a, b));
}

/* Whether what the probe has said outlives its change. */
static bool keeps_verdict(enum probe_type type, enum probe_verdict verdict, bool is_same_action)
{
    switch (type) { /* no default: a type without an answer does not compile */
    case PROBE_STARTUP: return verdict == VERDICT_SUCCESS; /* what has started has started */
    case PROBE_LIVENESS: return verdict == VERDICT_SUCCESS && is_same_action;
    case PROBE_READINESS: return verdict == VERDICT_SUCCESS || is_same_action;
    }
    abort(); /* not a type at all: memory is damaged */
}

static void probe_change(struct observed_probes *probes, enum probe_type type,
                         const struct probe_spec *before, const struct probe_spec *now)
{
    struct observed_probe *probe = &probes->of[type];
    bool is_same = before != NULL && now != NULL && actions_are_equal(before, now);

    if (probe_spec_is_same(before, now)) {
        return;
    }
    if (before != NULL && now != NULL && keeps_verdict(type, probe->verdict, is_same)) {
        probe->successes = probe->failures = 0;
        probe->tried_wall_ms = 0;
        probe->is_unproven = !is_same;
        return;
    }
    probe_reset(probe);
    probe->since_wall_ms = probes->started_wall_ms;
}

void probes_change(struct observed_probes *probes, const struct probe_specs *before,
                   const struct probe_specs *now)
{
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        probe_change(probes, (enum probe_type)i, before->of[i], now->of[i]);
    }
}

/* When to try */

static uint32_t spread_of(const struct observed_probes *probes, enum probe_type type)
{
    uint32_t spread = UINT32_C(2166136261) ^ (uint32_t)type;

    for (const char *at = probes->container_id; *at != '\0'; at++) {
        spread = (spread ^ (unsigned char)*at) * UINT32_C(16777619);
    }
    spread ^= (uint32_t)probes->started_wall_ms;
    spread *= UINT32_C(0x85EBCA6B);
    return spread ^ (spread >> 13);
}

/*
 * A container that was started just now is asked soon: who starts it waits. Those that a controller
 * finds when it is started are asked in turn, over the period: that is when hundreds would come at
 * once.
 */
static int64_t first_try(const struct observed_probes *probes, const struct probe_spec *spec,
                         enum probe_type type, int64_t earliest_wall_ms)
{
    bool is_fresh = probes->begun_wall_ms - probes->started_wall_ms < PROBE_FRESH_MS;
    int64_t period_ms = spec->period_seconds * MS_PER_SECOND;
    int64_t part_ms = is_fresh ? period_ms / 4 : period_ms;
    int64_t most_ms = is_fresh ? PROBE_FRESH_SPREAD_MS : PROBE_FOUND_SPREAD_MS;

    part_ms = part_ms < most_ms ? part_ms : most_ms;
    return earliest_wall_ms + (int64_t)spread_of(probes, type) % part_ms;
}

static bool is_on_hold(const struct observed_probes *probes, const struct probe_specs *specs,
                       enum probe_type type)
{
    const struct observed_probe *probe = &probes->of[type];

    switch (type) { /* no default: a type without an answer does not compile */
    case PROBE_STARTUP: return probe->verdict != VERDICT_UNKNOWN;
    case PROBE_LIVENESS:
        return probe->verdict == VERDICT_FAILURE || !probes_are_started(probes, specs);
    case PROBE_READINESS: return !probes_are_started(probes, specs);
    }
    abort(); /* not a type at all: memory is damaged */
}

static int64_t later_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t probes_due(const struct observed_probes *probes, const struct probe_specs *specs,
                   enum probe_type type, int64_t now_wall_ms)
{
    const struct observed_probe *probe = &probes->of[type];
    const struct probe_spec *spec = specs->of[type];
    int64_t started = probes->started_wall_ms < probes->begun_wall_ms
                          ? probes->started_wall_ms
                          : probes->begun_wall_ms; /* the engine's clock may be ahead of ours */
    int64_t earliest;

    if (spec == NULL || probe->is_in_flight || is_on_hold(probes, specs, type)) {
        return 0;
    }
    earliest = started + spec->initial_delay_seconds * MS_PER_SECOND;
    if (probe->tried_wall_ms > now_wall_ms) {
        return later_of(earliest, now_wall_ms); /* the clock went back */
    }
    if (probe->tried_wall_ms != 0) {
        return later_of(earliest, probe->tried_wall_ms + spec->period_seconds * MS_PER_SECOND);
    }
    earliest = later_of(earliest, probes->begun_wall_ms);
    if (type != PROBE_STARTUP && specs->of[PROBE_STARTUP] != NULL) {
        earliest = later_of(earliest, probes->of[PROBE_STARTUP].since_wall_ms);
    }
    return first_try(probes, spec, type, earliest);
}

/* Results */

static void set_verdict(struct observed_probes *probes, enum probe_type type,
                        enum probe_verdict verdict, int64_t now_wall_ms)
{
    struct observed_probe *probe = &probes->of[type];

    if (probe->verdict != verdict) {
        probe->verdict = verdict;
        probe->since_wall_ms = now_wall_ms;
    }
    if (type == PROBE_READINESS && verdict == VERDICT_SUCCESS && probes->ready_wall_ms == 0) {
        probes->ready_wall_ms = now_wall_ms;
    }
}

static bool note_success(struct observed_probe *probe, const struct probe_spec *spec)
{
    probe->failures = 0;
    probe->successes += probe->successes < UINT32_MAX;
    return probe->successes >= (unsigned)spec->success_threshold;
}

static bool note_failure(struct observed_probe *probe, const struct probe_spec *spec,
                         const char *message)
{
    probe->successes = 0;
    probe->failures += probe->failures < UINT32_MAX;
    if (!text_equal(probe->last_failure, message)) {
        free(probe->last_failure);
        probe->last_failure = xstrdup_or_null(message);
    }
    return probe->failures >= (unsigned)spec->failure_threshold;
}

bool probes_note(struct observed_probes *probes, const struct probe_specs *specs,
                 enum probe_type type, bool is_success, const char *message, int64_t now_wall_ms)
{
    struct observed_probe *probe = &probes->of[type];
    enum probe_verdict before = probe->verdict;
    const char *told = probe->failures > 0 ? probe->last_failure : NULL;
    bool is_other_failure = !is_success && !text_equal(told, message);
    bool is_reached = is_success ? note_success(probe, specs->of[type])
                                 : note_failure(probe, specs->of[type], message);

    if (is_reached) {
        set_verdict(probes, type, is_success ? VERDICT_SUCCESS : VERDICT_FAILURE, now_wall_ms);
    } else if (probe->is_unproven && !is_success) {
        set_verdict(probes, type, VERDICT_UNKNOWN, now_wall_ms);
    }
    probe->is_unproven = false;
    return probe->verdict != before ||
           (is_other_failure && type != PROBE_LIVENESS && probe->verdict != VERDICT_SUCCESS);
}

/* What they say together */

bool probes_are_started(const struct observed_probes *probes, const struct probe_specs *specs)
{
    return specs->of[PROBE_STARTUP] == NULL || probes->of[PROBE_STARTUP].verdict == VERDICT_SUCCESS;
}

bool probes_are_ready(const struct observed_probes *probes, const struct probe_specs *specs)
{
    return probes_are_started(probes, specs) &&
           (specs->of[PROBE_READINESS] == NULL ||
            probes->of[PROBE_READINESS].verdict == VERDICT_SUCCESS);
}

bool probes_want_restart(const struct observed_probes *probes, const struct probe_specs *specs,
                         enum probe_type *ret_type)
{
    static const enum probe_type types[] = {PROBE_STARTUP, PROBE_LIVENESS};

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (specs->of[types[i]] != NULL && probes->of[types[i]].verdict == VERDICT_FAILURE) {
            *ret_type = types[i];
            return true;
        }
    }
    return false;
}

char *probes_describe_failure(const struct observed_probes *probes, enum probe_type type)
{
    const char *message = probes->of[type].last_failure;

    return xasprintf("%s probe failed%s%s", probe_type_name(type), message != NULL ? ": " : "",
                     message != NULL ? message : "");
}
