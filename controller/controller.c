#include "controller/controller.h"

#include "base/clock.h"
#include "base/core_dumps.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/version.h"
#include "controller/apply.h"
#include "controller/cgroups.h"
#include "controller/clock_change.h"
#include "controller/disk.h"
#include "controller/dry_run.h"
#include "controller/entry.h"
#include "controller/events.h"
#include "controller/known_starts.h"
#include "controller/once.h"
#include "controller/placing.h"
#include "controller/probes.h"
#include "controller/profile_trace.h"
#include "controller/released.h"
#include "controller/requests.h"
#include "controller/run.h"
#include "controller/trash.h"
#include "controller/trees.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum {
    PASSES_PER_TURN = 64,
    RELIST_RETRY_MS = 1000,
    GIT_CONCURRENCY = 2,
    GIT_TOTAL_MS = 3600000,
    TREE_CONCURRENCY = 4,
    TREE_TIMEOUT_MS = 600000,
};

/* The loop has waited, and timers and the end of the turn come next. */
static void on_awake(uv_check_t *handle)
{
    clock_change_look(handle->data);
}

/* The end of a turn: what events caused is done once per turn, not once per event. */

static void on_wake(uv_timer_t *timer)
{
    (void)timer; /* its only purpose is that the loop turns */
}

void controller_wake(struct controller *controller)
{
    uv_timer_start(&controller->wake_timer, on_wake, 0, 0);
}

static void run_queue(struct controller *controller)
{
    struct entry *entry;

    for (unsigned i = 0; i < PASSES_PER_TURN && (entry = entry_dequeue(controller)) != NULL; i++) {
        pass_run(entry);
    }
    if (controller->queue_first != NULL) {
        controller_wake(controller); /* the rest after the next look at the outside */
    }
}

/* A start reads and asks for everything at once, and keeps a part of it. */
static void end_start(struct controller *controller)
{
    if (controller->is_start_over_due && controller->queue_first == NULL &&
        map_first(&controller->dirty_files) == NULL &&
        map_first(&controller->inspections) == NULL) {
        controller->is_start_over_due = false;
        memory_give_back();
    }
}

static void on_end_of_turn(uv_prepare_t *handle)
{
    struct controller *controller = handle->data;

    if (controller->is_stopping || controller->options.is_dry_run) {
        return;
    }
    controller->turn_count++;
    leases_offer(controller);
    placing_run(controller);
    run_queue(controller);
    leases_save(controller);
    good_specs_flush(controller);
    status_flush(controller); /* after all that changes a status: one write per turn */
    heartbeat_write(controller, false);
    events_flush(controller);
    unwritten_check(controller);
    end_start(controller);
    service_say(controller);
    once_check(controller);
    profile_trace_flush(); /* after all that is traced: nothing is lost when we are killed */
}

/* Timers and signals */

static void on_scan_timer(uv_timer_t *timer)
{
    desired_scan(timer->data);
    profile_begin("look at values of environments");
    values_rescan(timer->data);
    profile_end(NULL);
}

static void on_watch_due(void *user, const struct map *names)
{
    if (names == NULL || !desired_take_files(user, names)) {
        desired_scan(user);
    }
}

static void on_relist_timer(uv_timer_t *timer)
{
    struct controller *controller = timer->data;

    profile_begin("list what the engine has");
    engine_check(controller->engine);
    observe_list(controller);
    profile_end(NULL);
}

void observe_list_soon(struct controller *controller)
{
    uv_timer_start(&controller->relist_timer, on_relist_timer, RELIST_RETRY_MS,
                   controller->options.relist_seconds * UINT64_C(1000));
}

static void on_sweep_timer(uv_timer_t *timer)
{
    profile_begin("sweep");
    sweep_run(timer->data);
    profile_end(NULL);
}

/* What plans needed for requests, replies and statuses, when no more of them come. */
static void end_work(struct controller *controller)
{
    if (controller->has_run && controller->runs == 0 && controller->queue_first == NULL) {
        controller->has_run = false;
        memory_give_back();
    }
}

static void on_heartbeat_timer(uv_timer_t *timer)
{
    unwritten_look(timer->data);
    heartbeat_write(timer->data, true);
    events_settle(timer->data);
    end_work(timer->data);
}

static void on_terminate(uv_signal_t *signal_handle, int number)
{
    log_fields(LOG_INFO, "stopping", "signal", strsignal(number), "containers", "left running",
               NULL);
    controller_stop(signal_handle->data, EXIT_CONVERGED);
}

static void on_hangup(uv_signal_t *signal_handle, int number)
{
    struct controller *controller = signal_handle->data;

    (void)number;
    log_fields(LOG_INFO, "relisting", "cause", "SIGHUP", NULL);
    profile_begin("SIGHUP");
    notifier_reloading(&controller->notifier);
    config_reload(controller);
    policy_reload(controller);
    desired_scan(controller);
    values_rescan(controller);
    observe_list(controller);
    requests_serve(controller);
    notifier_ready(&controller->notifier);
    profile_end(NULL);
}

void controller_stop(struct controller *controller, int exit_code)
{
    if (!controller->is_stopping) {
        controller->is_stopping = true;
        controller->exit_code = exit_code;
        notifier_stopping(&controller->notifier);
        uv_stop(&controller->loop);
    }
}

/* The engine */

static void on_engine_up(void *user)
{
    struct controller *controller = user;

    log_fields(LOG_INFO, "engine_available", "address", engine_address(controller->engine),
               "version", engine_info(controller->engine)->version, "api",
               engine_api_version(controller->engine), NULL);
    free(controller->engine_error);
    controller->engine_error = NULL;
    cgroups_take_engine(controller->cgroups, engine_host(controller->engine),
                        engine_is_local(controller->engine));
    sweep_cgroups(controller);
    observe_list(controller);
}

static void on_engine_down(void *user, const struct error *why)
{
    struct controller *controller = user;

    if (controller->engine_error == NULL || strcmp(controller->engine_error, why->message) != 0) {
        log_fields(LOG_WARN, "engine_unavailable", "address", engine_address(controller->engine),
                   "error", why->message, NULL);
        free(controller->engine_error);
        controller->engine_error = xstrdup(why->message);
    }
    observe_lost(controller);
    once_engine_failed(controller);
}

static void on_engine_event(void *user, const struct docker_event *event)
{
    observe_event(user, event);
}

/* Start and stop */

static void init_timer(struct controller *controller, uv_timer_t *timer)
{
    uv_timer_init(&controller->loop, timer);
    timer->data = controller;
}

void controller_restart_timers(struct controller *controller)
{
    uint64_t scan_ms = controller->options.scan_seconds * UINT64_C(1000);
    uint64_t relist_ms = controller->options.relist_seconds * UINT64_C(1000);
    uint64_t sweep_ms = sweep_period_ms(controller);

    if (!controller->options.is_dry_run) {
        uv_timer_start(&controller->scan_timer, on_scan_timer, scan_ms, scan_ms);
        uv_timer_start(&controller->relist_timer, on_relist_timer, relist_ms, relist_ms);
        uv_timer_start(&controller->sweep_timer, on_sweep_timer, sweep_ms, sweep_ms);
        uv_timer_start(&controller->heartbeat_timer, on_heartbeat_timer, scan_ms, scan_ms);
    }
}

static void start_signal(struct controller *controller, uv_signal_t *handle, uv_signal_cb callback,
                         int number)
{
    uv_signal_init(&controller->loop, handle);
    handle->data = controller;
    uv_signal_start(handle, callback, number);
}

static void start_handles(struct controller *controller)
{
    uv_check_init(&controller->loop, &controller->on_awake);
    controller->on_awake.data = controller;
    if (!controller->options.is_dry_run) {
        clock_change_look(controller);
        uv_check_start(&controller->on_awake, on_awake);
    }
    uv_prepare_init(&controller->loop, &controller->end_of_turn);
    controller->end_of_turn.data = controller;
    uv_prepare_start(&controller->end_of_turn, on_end_of_turn);
    init_timer(controller, &controller->wake_timer);
    init_timer(controller, &controller->rescan_timer);
    init_timer(controller, &controller->once_timer);
    init_timer(controller, &controller->retired_timer);
    init_timer(controller, &controller->deadline_timer);
    init_timer(controller, &controller->retry_timer);
    init_timer(controller, &controller->status_timer);
    init_timer(controller, &controller->scan_timer);
    init_timer(controller, &controller->relist_timer);
    init_timer(controller, &controller->sweep_timer);
    init_timer(controller, &controller->heartbeat_timer);
    controller_restart_timers(controller);
    start_signal(controller, &controller->on_terminate, on_terminate, SIGTERM);
    start_signal(controller, &controller->on_interrupt, on_terminate, SIGINT);
    start_signal(controller, &controller->on_hangup, on_hangup, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGIO,
           SIG_IGN); /* a lease that spec_scan holds for an instant may be broken by a writer */
}

void controller_set_slots(struct controller *controller)
{
    work_slots_set(&controller->starts, controller->options.start_slots);
    work_slots_set(&controller->stops, controller->options.start_slots);
}

/* Newcomers put both into one directory. What is hidden in the spec directory is no spec. */
static int check_directories(const struct controller_options *options, struct error *err)
{
    const char *specs = options->specs_dir, *state = options->state_dir;
    auto_free char *good_specs = path_join(state, "specs");

    if (path_is_below(state, specs) && strstr(state + strlen(specs), "/.") == NULL) {
        return error_set(err, ERROR_INVALID,
                         "the state directory \"%s\" is in the spec directory \"%s\": its files "
                         "would be read as specs; put --state elsewhere",
                         state, specs);
    }
    if (path_is_below(specs, good_specs)) {
        return error_set(err, ERROR_INVALID,
                         "the spec directory \"%s\" is where the state directory \"%s\" keeps the "
                         "last good specs; put one of the two elsewhere",
                         specs, state);
    }
    return 0;
}

static void on_emptied(void *user)
{
    disk_note_emptied(user);
}

static int open_parts(struct controller *controller, struct error *err)
{
    const struct controller_options *options = &controller->options;
    struct engine_handlers handlers = {
        .on_up = on_engine_up,
        .on_down = on_engine_down,
        .on_event = on_engine_event,
        .user = controller,
    };
    struct git_pool_options git = {
        .program = options->program,
        .concurrency = GIT_CONCURRENCY,
        .stall_ms = options->git_stall_seconds * UINT64_C(1000),
        .total_ms = GIT_TOTAL_MS,
    };
    struct tree_pool_options trees = {
        .loop = &controller->loop,
        .program = options->program,
        .concurrency = TREE_CONCURRENCY,
        .timeout_ms = TREE_TIMEOUT_MS,
    };

    port_table_init(&controller->ports);
    controller->ports.quarantine_ms = options->port_quarantine_seconds * INT64_C(1000);
    if (check_directories(options, err) < 0 ||
        port_table_set_ranges(&controller->ports, options->ports, err) < 0 ||
        network_range_parse(options->network_range, &controller->network_range, err) < 0 ||
        policy_load(controller, err) < 0) {
        return -1;
    }
    if (state_dir_open(&controller->state, options->state_dir, options->status_dir,
                       options->is_dry_run, err) < 0 ||
        (options->profile_trace_file != NULL &&
         profile_trace_open(options->profile_trace_file, PROFILE_TRACE_MAX_BYTES, err) < 0) ||
        engine_new(&controller->loop, options->engine, &handlers, &controller->engine, err) < 0) {
        return -1;
    }
    controller->git = git_pool_new(&controller->loop, &git);
    controller->trees = tree_pool_new(&trees);
    controller->trash =
        trash_new(&controller->loop, controller->options.program, on_emptied, controller);
    controller->cgroups = cgroups_new(&controller->loop, controller->state.id, NULL);
    controller->specs = spec_set_new();
    controller->idle_image = idle_image_name();
    spec_scan_init(&controller->scan, options->specs_dir);
    if (options->dry_run != NULL) {
        controller->scan.overlays = options->dry_run->overlays;
        controller->scan.overlay_count = options->dry_run->overlay_count;
    }
    work_slots_init(&controller->starts, "start");
    work_slots_init(&controller->stops, "stop");
    controller_set_slots(controller);
    return 0;
}

static void on_walk(uv_handle_t *handle, void *user)
{
    (void)user;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void close_entries(struct controller *controller)
{
    struct map_entry *at;

    while ((at = map_first(&controller->entries)) != NULL) {
        entry_remove(map_value(at));
    }
    map_done(&controller->entries);
    map_done(&controller->repositories);
}

static void free_values(struct map *map)
{
    for (struct map_entry *at = map_first(map); at != NULL; at = map_next(at)) {
        free(map_value(at));
    }
    map_done(map);
}

/* What is due while the parts close is not done any more: it would ask those that are closed. */
static void stop_handles(struct controller *controller)
{
    uv_timer_t *timers[] = {
        &controller->wake_timer,    &controller->rescan_timer,   &controller->once_timer,
        &controller->retired_timer, &controller->deadline_timer, &controller->scan_timer,
        &controller->relist_timer,  &controller->sweep_timer,    &controller->heartbeat_timer,
        &controller->retry_timer,   &controller->status_timer,
    };

    for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
        uv_timer_stop(timers[i]);
    }
    uv_prepare_stop(&controller->end_of_turn);
    uv_check_stop(&controller->on_awake);
    uv_signal_stop(&controller->on_terminate);
    uv_signal_stop(&controller->on_interrupt);
    uv_signal_stop(&controller->on_hangup);
}

static void close_parts(struct controller *controller)
{
    controller->is_stopping = true;
    stop_handles(controller);
    close_entries(controller);
    prober_close(controller);
    shared_close(controller);
    if (controller->engine != NULL) {
        sweep_close(controller);
        observe_close(controller);
        engine_close(controller->engine);
    }
    if (controller->git != NULL) {
        git_pool_close(controller->git);
    }
    if (controller->trees != NULL) {
        tree_pool_free(controller->trees);
    }
    trash_close(controller->trash);
    cgroups_close(controller->cgroups);
    spec_watch_close(controller->watch);
    uv_run(&controller->loop, UV_RUN_NOWAIT);
    uv_walk(&controller->loop, on_walk, NULL);
    uv_run(&controller->loop, UV_RUN_DEFAULT);
    uv_loop_close(&controller->loop);
    profile_trace_close();
    disk_close(controller);
    if (controller->tasks_inotify >= 0) {
        close(controller->tasks_inotify);
    }
    id_copy_release(&controller->id_copy);
    spec_set_free(controller->specs);
    if (controller->scan.directory != NULL) {
        spec_scan_done(&controller->scan);
    }
    status_close(controller);
    good_specs_close(controller);
    unwritten_close(controller);
    heartbeat_close(controller);
    policy_close(controller);
    released_close(controller);
    port_table_done(&controller->ports);
    state_dir_close(&controller->state);
    free_values(&controller->orphans);
    free_values(&controller->task_watches);
    map_done(&controller->shared);
    free(controller->idle_image);
    free(controller->trees_means.message);
    free(controller->disk_pressure);
    free(controller->scan_error);
    free(controller->engine_error);
    notifier_done(&controller->notifier);
    config_close(controller); /* last: what is above may have borrowed the options */
}

/* NULL: by inotify, if that can be had. To end a watch, the kernel takes up to 20 ms. */
static const char *why_polling(const struct controller_options *options)
{
    return options->is_polling ? "asked to"
           : options->is_once  ? "it is looked at once, and again only while that is not enough"
                               : NULL;
}

static void start_work(struct controller *controller)
{
    engine_begin(controller->engine); /* it looks at its machine while we read the specs */
    events_open(controller);
    start_handles(controller);
    unwritten_hold_id(controller);
    disk_open(controller);
    observe_start_task_watch(controller);
    leases_load(controller);
    known_starts_load(controller);
    released_load(controller);
    if (controller->options.is_dry_run) {
        controller->trees_means.method = TREES_OVERLAY;
    } else if (!controller->options.is_once) { /* else when there is a repository */
        trees_probe(controller);
    }
    desired_load_repositories(controller);
    good_specs_load(controller);
    if (!controller->options.is_dry_run) {
        controller->watch =
            spec_watch_new(&controller->loop, controller->options.specs_dir,
                           why_polling(&controller->options), on_watch_due, controller);
    }
    desired_scan(controller);
    if (controller->options
            .is_dry_run) { /* what is missing would be sure to be gone a little later */
        desired_scan_at(controller, clock_monotonic_ms() + 2 * SPEC_DELETION_DELAY_MS);
    }
    desired_load_task_records(controller);
    released_load_intents(controller);
    status_remove_stale(controller);
    if (controller->state.is_recalled) {
        log_fields(LOG_WARN, "controller_id_recalled", "id", controller->state.id, "hint",
                   "the state directory was lost; the containers are adopted, the history is not",
                   NULL);
    }
    log_fields(LOG_INFO, "started", "version", BERTH_VERSION, "id", controller->state.id, "specs",
               controller->options.specs_dir, "state", controller->options.state_dir, NULL);
    service_ready(controller);
}

static struct controller *controller_new(struct controller_options *options)
{
    struct controller *controller = xcalloc(1, sizeof(*controller));

    controller->options = *options;
    *options = (struct controller_options){0};
    controller->tasks_inotify = controller->id_copy.lock_fd = -1;
    controller->started_wall_ms = clock_wall_ms();
    uv_loop_init(&controller->loop);
    return controller;
}

int controller_run(struct controller_options *options)
{
    struct controller *controller = controller_new(options);
    struct error err = {0};
    int exit_code;

    core_dumps_off();
    memory_keep_little();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* neither we nor a child gains any by a program */
    if (!controller->options.is_dry_run) {
        service_open(controller);
    }
    if (config_load(controller, &err) < 0 || open_parts(controller, &err) < 0) {
        log_fields(LOG_ERROR, "cannot_start", "error", err.message, NULL);
        close_parts(controller);
        free(controller);
        return EXIT_USAGE;
    }
    start_work(controller);
    once_begin(controller);
    uv_run(&controller->loop, UV_RUN_DEFAULT);
    if (!controller->options.is_dry_run) {
        leases_save(controller);
        known_starts_save(controller);
        controller->state.is_hasty = true;
        good_specs_flush_all(controller);
        status_flush_all(controller);
    }
    events_close(controller);
    exit_code = controller->exit_code;
    close_parts(controller);
    free(controller);
    return exit_code;
}
