#include "controller/probes.h"

#include "base/clock.h"
#include "base/clock_watch.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/docker_text.h"
#include "controller/entry.h"
#include "controller/probe_worker.h"
#include "reconcilers/container.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    PROBES_AT_ONCE = 32, /* begun lately */
    PROBES_IN_ALL = 256, /* with those that wait for an answer: each is a descriptor */
    SLOT_MS = 500,       /* a try takes a slot for no longer */
    EXEC_POLL_MS = 20,
    EXEC_POLLS_MAX = 6, /* doublings: 1.28 s */
    MAX_MESSAGE = 256,
};

/* All probes of a controller. */
struct prober {
    struct curl_loop curl;
    struct probe_worker *first, *last; /* that wait for a slot */
    unsigned slots_taken, busy;
    bool is_serving; /* the queue is being served: what ends meanwhile does not serve it too */
};

/* Those of one instance. */
struct entry_probes {
    struct entry *entry;
    struct object *desired; /* what it is in line with */
    bool is_active;         /* the container runs and is to be asked */
    struct observed_probes observed;
    struct probe_worker workers[PROBE_TYPE_COUNT];
    unsigned open_timers;
};

static void schedule(struct probe_worker *worker);

static void serve_queue(struct prober *prober);

/* What workers know */

static struct probe_specs specs_of(const struct entry_probes *probes)
{
    return probe_specs_of(&probes->desired->instance);
}

const struct probe_spec *probe_worker_spec(const struct probe_worker *worker)
{
    return probe_specs_of(&worker->desired->instance).of[worker->type];
}

struct controller *probe_worker_controller(const struct probe_worker *worker)
{
    return worker->owner->entry->controller;
}

struct curl_loop *probe_worker_curl(const struct probe_worker *worker)
{
    return &probe_worker_controller(worker)->prober->curl;
}

const struct observed_container *probe_worker_container(const struct probe_worker *worker)
{
    const struct entry *entry = worker->owner->entry;

    return map_get(&entry->controller->containers, entry->name);
}

const char *probe_worker_container_id(const struct probe_worker *worker)
{
    return worker->owner->observed.container_id;
}

static struct observed_probe *observed_of(struct probe_worker *worker)
{
    return &worker->owner->observed.of[worker->type];
}

static uint16_t port_number(const struct instance_spec *spec, const char *port)
{
    uint16_t number = 0;

    if (parse_port(port, &number) == 0) {
        return number;
    }
    for (size_t i = 0; i < spec->ports.count; i++) {
        if (text_equal(spec->ports.items[i].name, port)) {
            return (uint16_t)spec->ports.items[i].container_port;
        }
    }
    return 0;
}

bool probe_worker_address(struct probe_worker *worker, const char *port, const char **ret_address,
                          uint16_t *ret_port)
{
    const struct observed_container *container = probe_worker_container(worker);
    uint16_t number = port_number(&worker->desired->instance, port);

    if (number == 0) {
        probe_worker_done(worker, PROBE_FAILED, "there is no port \"%s\"", port);
        return false;
    }
    if (container->ip == NULL || container->ip[0] == '\0') {
        probe_worker_done(worker, PROBE_LOST, "the container has no address");
        return false;
    }
    *ret_address = container->ip;
    *ret_port = number;
    return true;
}

/* The queue: who may begin */

static void queue_add(struct prober *prober, struct probe_worker *worker)
{
    worker->state = WORKER_QUEUED;
    worker->next_queued = NULL;
    if (prober->last != NULL) {
        prober->last->next_queued = worker;
    } else {
        prober->first = worker;
    }
    prober->last = worker;
}

static void queue_remove(struct prober *prober, struct probe_worker *worker)
{
    struct probe_worker **at = &prober->first, *previous = NULL;

    while (*at != worker) {
        previous = *at;
        at = &(*at)->next_queued;
    }
    *at = worker->next_queued;
    if (prober->last == worker) {
        prober->last = previous;
    }
    worker->state = WORKER_IDLE;
}

static void give_slot_back(struct probe_worker *worker)
{
    if (worker->slot_until_ms != 0) {
        worker->slot_until_ms = 0;
        probe_worker_controller(worker)->prober->slots_taken--;
    }
}

/* Whether there is anything to ask now: facts may be old when the engine is away. */
static bool can_try(const struct probe_worker *worker)
{
    const struct entry_probes *probes = worker->owner;
    const struct observed_container *container = probe_worker_container(worker);

    return probes->is_active && probes->entry->run == NULL &&
           probes->entry->controller->is_listed && container != NULL && container->is_ours &&
           container->state == WORKLOAD_RUNNING && probes_are_of(&probes->observed, container);
}

/* A busy worker's timer is for whatever comes first. */

static void on_busy_timer(uv_timer_t *timer);

static void arm(struct probe_worker *worker)
{
    uint64_t now_ms = clock_monotonic_ms(), at_ms = worker->deadline_ms;

    if (worker->slot_until_ms != 0 && worker->slot_until_ms < at_ms) {
        at_ms = worker->slot_until_ms;
    }
    if (worker->poll_at_ms != 0 && worker->poll_at_ms < at_ms) {
        at_ms = worker->poll_at_ms;
    }
    uv_timer_start(&worker->timer, on_busy_timer, at_ms > now_ms ? at_ms - now_ms : 0, 0);
}

void probe_worker_poll(struct probe_worker *worker)
{
    worker->poll_at_ms = clock_monotonic_ms() + ((uint64_t)EXEC_POLL_MS << worker->polls);
    worker->polls += worker->polls < EXEC_POLLS_MAX;
    arm(worker);
}

void probe_worker_begin_clock(struct probe_worker *worker)
{
    int64_t seconds = probe_worker_spec(worker)->timeout_seconds;

    worker->deadline_ms = clock_monotonic_ms() + (uint64_t)seconds * 1000;
    worker->poll_at_ms = 0;
    worker->polls = 0;
    arm(worker);
}

static void give_up(struct probe_worker *worker)
{
    const struct probe_spec *spec = probe_worker_spec(worker);

    if (spec->exec != NULL) {
        probe_exec_cancel(worker);
    } else if (spec->http_get != NULL) {
        probe_http_cancel(worker);
    } else {
        probe_tcp_cancel(worker);
    }
}

static void time_out(struct probe_worker *worker)
{
    const struct probe_spec *spec = probe_worker_spec(worker);
    long long seconds = spec->timeout_seconds;

    if (spec->exec != NULL) {
        probe_exec_time_out(worker);
        probe_worker_done(worker, PROBE_FAILED, "the command did not end within %lld s", seconds);
        return;
    }
    give_up(worker);
    probe_worker_done(worker, PROBE_FAILED, "no %s on port %s within %lld s",
                      spec->http_get != NULL ? "answer" : "connection",
                      spec->http_get != NULL ? spec->http_get->port : spec->tcp_socket->port,
                      seconds);
}

static void on_busy_timer(uv_timer_t *timer)
{
    struct probe_worker *worker = timer->data;
    uint64_t now_ms = clock_monotonic_ms();

    if (now_ms >= worker->deadline_ms) {
        time_out(worker);
        return;
    }
    if (worker->slot_until_ms != 0 && now_ms >= worker->slot_until_ms) {
        give_slot_back(worker);
        serve_queue(probe_worker_controller(worker)->prober);
    }
    if (worker->poll_at_ms != 0 && now_ms >= worker->poll_at_ms) {
        worker->poll_at_ms = 0;
        probe_exec_poll(worker);
    }
    if (worker->state == WORKER_BUSY) {
        arm(worker);
    }
}

/* A try, from its beginning to its end */

static void begin(struct probe_worker *worker)
{
    struct prober *prober = probe_worker_controller(worker)->prober;
    struct entry_probes *probes = worker->owner;
    const struct probe_spec *spec;

    if (!can_try(worker)) {
        return; /* the pass that follows goes on with it */
    }
    worker->desired = object_ref(probes->desired);
    spec = probe_worker_spec(worker);
    worker->state = WORKER_BUSY;
    worker->slot_until_ms = clock_monotonic_ms() + SLOT_MS;
    prober->slots_taken++;
    prober->busy++;
    observed_of(worker)->is_in_flight = true;
    observed_of(worker)->tried_wall_ms = clock_wall_ms();
    worker->profile = profile_span_begin(PROFILE_PROBES, NULL, "%s of %s",
                                         probe_type_name(worker->type), probes->entry->key);
    probe_worker_begin_clock(worker);
    if (spec->exec != NULL) {
        probe_exec_begin(worker);
    } else if (spec->http_get != NULL) {
        probe_http_begin(worker);
    } else {
        probe_tcp_begin(worker);
    }
}

/* What ends without waiting is followed by the next one here, not by a call within a call. */
static void serve_queue(struct prober *prober)
{
    if (prober->is_serving) {
        return;
    }
    prober->is_serving = true;
    while (prober->first != NULL && prober->slots_taken < PROBES_AT_ONCE &&
           prober->busy < PROBES_IN_ALL) {
        struct probe_worker *worker = prober->first;

        queue_remove(prober, worker);
        begin(worker);
    }
    prober->is_serving = false;
}

static void end_try(struct probe_worker *worker)
{
    profile_span_end(&worker->profile, NULL);
    give_slot_back(worker);
    probe_worker_controller(worker)->prober->busy--;
    worker->state = WORKER_IDLE;
    worker->poll_at_ms = 0;
    observed_of(worker)->is_in_flight = false;
    object_unref(TAKE(worker->desired));
    uv_timer_stop(&worker->timer);
}

static void note(struct probe_worker *worker, bool is_success, const char *message)
{
    struct entry_probes *probes = worker->owner;
    struct probe_specs specs = specs_of(probes);
    enum probe_verdict before = observed_of(worker)->verdict;
    bool is_news =
        probes_note(&probes->observed, &specs, worker->type, is_success, message, clock_wall_ms());

    if (observed_of(worker)->verdict != before) {
        log_fields(LOG_INFO, "probe", "key", probes->entry->key, "probe",
                   probe_type_name(worker->type), "result", is_success ? "success" : "failure",
                   "message", message, NULL);
    }
    if (is_news) {
        entry_enqueue(probes->entry);
    }
}

static void schedule_all(struct entry_probes *probes)
{
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        schedule(&probes->workers[i]);
    }
}

static const char *result_name(enum probe_result result)
{
    switch (result) {
    case PROBE_SUCCEEDED: return "success";
    case PROBE_FAILED: return "failure";
    case PROBE_LOST: return "lost";
    }
    abort();
}

void probe_worker_done(struct probe_worker *worker, enum probe_result result, const char *format,
                       ...)
{
    auto_free char *text = NULL, *message = NULL;
    va_list args;

    assert(worker->state == WORKER_BUSY);
    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    message = docker_text_clean(text, strlen(text), MAX_MESSAGE);
    profile_begin("result of a probe of %s", worker->owner->entry->key);
    profile_span_end(&worker->profile, trace_args(trace_text("result", result_name(result))));
    end_try(worker);
    if (result != PROBE_LOST) {
        note(worker, result == PROBE_SUCCEEDED, result == PROBE_SUCCEEDED ? NULL : message);
    }
    schedule_all(worker->owner); /* one that has started lets the others begin */
    profile_end(NULL);
    serve_queue(probe_worker_controller(worker)->prober);
}

/* The next try */

static void on_due(uv_timer_t *timer)
{
    struct probe_worker *worker = timer->data;
    struct prober *prober = probe_worker_controller(worker)->prober;

    queue_add(prober, worker);
    serve_queue(prober);
}

static void schedule(struct probe_worker *worker)
{
    struct entry_probes *probes = worker->owner;
    struct probe_specs specs = specs_of(probes);
    int64_t now_wall_ms = clock_wall_ms(), due;

    if (worker->state != WORKER_IDLE) {
        return;
    }
    due = probes->is_active ? probes_due(&probes->observed, &specs, worker->type, now_wall_ms) : 0;
    if (due == 0) {
        uv_timer_stop(&worker->timer);
    } else {
        uv_timer_start(&worker->timer, on_due,
                       due > now_wall_ms ? (uint64_t)(due - now_wall_ms) : 0, 0);
    }
}

void probes_shift_times(struct entry *entry, int64_t by_ms)
{
    struct observed_probes *observed = entry->probes != NULL ? &entry->probes->observed : NULL;

    if (observed == NULL || observed->container_id == NULL) {
        return;
    }
    clock_shift(&observed->begun_wall_ms,
                by_ms); /* started_wall_ms is the engine's: which start it is */
    clock_shift(&observed->ready_wall_ms, by_ms);
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        clock_shift(&observed->of[i].tried_wall_ms, by_ms);
        clock_shift(&observed->of[i].since_wall_ms, by_ms);
        schedule(&entry->probes->workers[i]);
    }
}

/* In line with spec and container */

/* No result of the try under way is wanted any more. */
static void worker_cancel(struct probe_worker *worker)
{
    switch (worker->state) {
    case WORKER_IDLE: probe_exec_cancel(worker); return; /* it may still look after a command */
    case WORKER_QUEUED: queue_remove(probe_worker_controller(worker)->prober, worker); return;
    case WORKER_BUSY:
        give_up(worker);
        end_try(worker);
        return;
    }
}

static void cancel_all(struct entry_probes *probes)
{
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        worker_cancel(&probes->workers[i]);
        uv_timer_stop(&probes->workers[i].timer);
    }
}

static void on_curl_visited(void *user)
{
    struct prober *prober = user;

    probe_http_visited(&prober->curl);
}

static void open_prober(struct controller *controller)
{
    if (controller->prober == NULL) {
        controller->prober = xcalloc(1, sizeof(*controller->prober));
        curl_loop_init(&controller->prober->curl, &controller->loop, on_curl_visited,
                       controller->prober);
    }
}

static void on_prober_closed(void *user)
{
    free(user);
}

void prober_close(struct controller *controller)
{
    if (controller->prober != NULL) {
        assert(controller->prober->busy == 0);
        curl_loop_close(&controller->prober->curl, on_prober_closed);
        controller->prober = NULL;
    }
}

static struct entry_probes *probes_new(struct entry *entry)
{
    struct entry_probes *probes = xcalloc(1, sizeof(*probes));

    open_prober(entry->controller);
    probes->entry = entry;
    probes->desired = object_ref(entry->desired);
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        struct probe_worker *worker = &probes->workers[i];

        worker->owner = probes;
        worker->type = (enum probe_type)i;
        uv_timer_init(&entry->controller->loop, &worker->timer);
        worker->timer.data = worker;
        probes->open_timers++;
    }
    return probes;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct probe_worker *worker = handle->data;
    struct entry_probes *probes = worker->owner;

    if (--probes->open_timers == 0) {
        observed_probes_done(&probes->observed);
        object_unref(probes->desired);
        free(probes);
    }
}

void probes_forget(struct entry *entry)
{
    struct entry_probes *probes = TAKE(entry->probes);

    if (probes == NULL) {
        return;
    }
    cancel_all(probes);
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        uv_close((uv_handle_t *)&probes->workers[i].timer, on_timer_closed);
    }
    serve_queue(entry->controller->prober); /* with the slots that they had */
}

static void take_spec(struct entry_probes *probes, struct object *desired)
{
    struct probe_specs before = specs_of(probes), now = probe_specs_of(&desired->instance);

    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        if (!probe_spec_is_same(before.of[i], now.of[i])) {
            worker_cancel(&probes->workers[i]);
        }
    }
    probes_change(&probes->observed, &before, &now);
    object_unref(probes->desired);
    probes->desired = object_ref(desired);
}

static void take_container(struct entry_probes *probes, const struct observed_container *container)
{
    cancel_all(probes);
    probes_begin(&probes->observed, container, probes->entry->status, probes->desired->hash,
                 clock_wall_ms());
}

static bool is_probed(const struct entry *entry, const struct observed_container *container)
{
    struct probe_specs specs;

    if (entry->controller->options.is_dry_run || entry->kind != ENTRY_INSTANCE ||
        entry->desired == NULL || container == NULL ||
        !container_is_own(container, kind_name(KIND_INSTANCE), entry->name)) {
        return false;
    }
    specs = probe_specs_of(&entry->desired->instance);
    return !probe_specs_are_none(&specs);
}

const struct observed_probes *probes_sync(struct entry *entry,
                                          const struct observed_container *container)
{
    struct entry_probes *probes;

    if (!is_probed(entry, container)) {
        probes_forget(entry);
        return NULL;
    }
    if (entry->probes == NULL) {
        entry->probes = probes_new(entry);
    }
    probes = entry->probes;
    if (!probes_are_of(&probes->observed, container)) {
        take_container(probes, container);
    }
    if (probes->desired != entry->desired) {
        take_spec(probes, entry->desired);
    }
    probes->is_active = container->state == WORKLOAD_RUNNING &&
                        !entry->desired->instance.is_suspended &&
                        entry->desired->instance.power_state == POWER_RUNNING;
    if (!probes->is_active) {
        cancel_all(probes);
    }
    schedule_all(probes);
    serve_queue(entry->controller->prober);
    return &probes->observed;
}
