#include "controller/apply.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "clients/docker_stream.h"
#include "clients/docker_types.h"
#include "clients/tar_writer.h"
#include "controller/host_mounts.h"
#include "controller/port_probe.h"
#include "controller/released.h"
#include "controller/workload_docker.h"
#include "specs/reason.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_LINE_BYTES = 512, SLOW_STOP_MS = 300 };

/* Ports */

/*
 * The container that is about to be replaced may publish the port itself, under another name or
 * address.
 */
static bool is_published_by_own(const struct plan_run *run, const struct action *action)
{
    const struct observed_container *container =
        map_get(&run->controller->containers, run->entry->name);
    auto_free char *part =
        xasprintf("=%s/%u/", action->protocol == PROTOCOL_UDP ? "udp" : "tcp", action->port);

    return container != NULL && container->is_ours && container->ports != NULL &&
           strstr(container->ports, part) != NULL;
}

void apply_lease_port(struct plan_run *run)
{
    const struct action *action = run_action(run);
    struct port_table *ports = &run->controller->ports;
    const struct port_lease *holder = port_table_get(ports, action->port, action->protocol);
    struct error err = {0};

    if (holder != NULL && holder->owner != NULL && !text_equal(holder->owner, run->entry->key)) {
        /* It may be bound by now, and is that owner's: no case for the quarantine. */
        error_set_reason(&err, ERROR_CONFLICT, REASON_PORT_CONFLICT,
                         "host port %u was leased to another object meanwhile", action->port);
        run_action_failed(run, &err);
        return;
    }
    if (!is_published_by_own(run, action) &&
        port_probe(action->host_ip, action->port, action->protocol) < 0) {
        error_set_reason(&err, ERROR_CONFLICT, REASON_PORT_IN_USE,
                         "host port %s:%u is in use by a process outside Berth", action->host_ip,
                         action->port);
        if (!action->is_fixed_port) {
            port_table_quarantine(ports, action->port, action->protocol, clock_wall_ms());
        } else {
            err.kind = ERROR_TRANSIENT;
        }
        run_action_failed(run, &err);
        return;
    }
    if (port_table_take(ports, run->entry->key, action->target, action->host_ip, action->port,
                        action->protocol) < 0) {
        error_set_reason(&err, ERROR_CONFLICT, REASON_PORT_CONFLICT,
                         "host port %u was leased to another object meanwhile", action->port);
        run_action_failed(run, &err);
        return;
    }
    run_action_done(run);
}

/* What the object wants now: nothing when its spec is gone. */
static const struct port_list *wanted_ports(const struct plan_run *run)
{
    static const struct port_list none;

    switch (run->entry->kind) {
    case ENTRY_INSTANCE: return run->desired != NULL ? &run->desired->instance.ports : &none;
    case ENTRY_REPOSITORY: return &repository_settings(run->entry)->repository.ports;
    case ENTRY_POOL:
    case ENTRY_TASK:
    case ENTRY_MIRROR:
    case ENTRY_SETUP: return &none;
    }
    return &none;
}

/* With a wanted container the leases it does not need; with one that goes all of them. */
void apply_release_ports(struct plan_run *run)
{
    bool is_going =
        text_equal(run->plan->operation, "delete") || text_equal(run->plan->operation, "release");

    if (is_going) {
        port_table_release(&run->controller->ports, run->entry->key);
    } else {
        port_table_release_stale(&run->controller->ports, run->entry->key, wanted_ports(run));
    }
    run_action_done(run);
}

/* Then the engine spoke of that one, and other leases would not help. */
static bool has_busy_fixed_port(const struct port_list *wanted)
{
    for (size_t i = 0; i < wanted->count; i++) {
        const struct port_spec *port = &wanted->items[i];

        if (port->host_port != 0 && port_probe(port->host_ip, (uint16_t)port->host_port,
                                               (enum port_protocol)port->protocol) < 0) {
            return true;
        }
    }
    return false;
}

/*
 * The engine said that one of the ports is taken: those that cannot be bound go, or all when each
 * can.
 */
void apply_quarantine_ports(struct plan_run *run)
{
    struct port_table *ports = &run->controller->ports;
    const struct port_list *wanted = wanted_ports(run);
    unsigned gone = has_busy_fixed_port(wanted) ? 1 : 0;

    for (int pass = 0; pass < 2 && gone == 0; pass++) {
        for (size_t i = 0; i < wanted->count; i++) {
            const struct port_spec *port = &wanted->items[i];
            enum port_protocol protocol = (enum port_protocol)port->protocol;
            const struct port_lease *lease =
                port_table_find(ports, run->entry->key, port->name, protocol);

            if (port->host_port == 0 && lease != NULL &&
                (pass == 1 || port_probe(port->host_ip, lease->port, protocol) < 0)) {
                port_table_quarantine(ports, lease->port, protocol, clock_wall_ms());
                gone++;
            }
        }
    }
    run_action_done(run);
}

/* Containers */

static void on_created(void *user, const struct docker_request *request,
                       const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;
    json_auto_t *json = NULL;

    run->call = NULL;
    free(run->created_id);
    run->created_id = NULL;
    if (docker_reply_json(request, reply, &json, err) < 0 ||
        docker_parse_id(json, &run->created_id, err) < 0) {
        if (err->reason == NULL || text_equal(err->reason, REASON_ENGINE_ERROR)) {
            err->reason = REASON_CREATE_FAILED;
        }
        if (err->kind == ERROR_NOT_FOUND && text_equal(err->reason, REASON_IMAGE_NOT_FOUND)) {
            observe_image_changed(run->controller, run_action(run)->workload->image);
            err->kind = ERROR_CONFLICT; /* it was there a moment ago: fetch it again */
        }
        run_action_failed(run, err);
        return;
    }
    run_action_done(run);
}

/* What gets mounted is what a path leads to now. */
static int resolve_mounts(struct plan_run *run, struct error *err)
{
    struct workload *workload = run_action(run)->workload;

    for (size_t i = 0; i < workload->mount_count; i++) {
        struct workload_mount *mount = &workload->mounts[i];

        if (!mount->is_volume && !mount->is_own &&
            host_mount_resolve(run->controller, mount->source, mount->is_read_only,
                               &workload->arena, &mount->source, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/*
 * The values of env are read here and nowhere before: what the label says is what the container
 * gets.
 */
static int take_values(struct plan_run *run, struct secret_values *ret_values, struct error *err)
{
    struct workload *workload = run_action(run)->workload;
    auto_free char *label = NULL;

    if (secret_values_read(run->controller, &workload->env, ret_values, err) < 0) {
        return -1;
    }
    label = secret_values_label(run->controller, run->entry->key, &workload->env, ret_values);
    if (label != NULL) {
        workload_add_label(workload, LABEL_ENV, label);
    }
    return 0;
}

static void create_now(struct plan_run *run)
{
    const struct action *action = run_action(run);
    auto_done(secret_values) values = {0};
    struct error err = {0};
    json_auto_t *body = NULL;

    if (resolve_mounts(run, &err) < 0 || take_values(run, &values, &err) < 0) {
        run_action_failed(run, &err);
        return;
    }
    body = workload_to_docker(action->workload, engine_cpu_count(run->controller->engine), &values);
    run_call(run, docker_create_container(action->target, body), on_created);
    secret_values_wipe(json_object_get(body, "Env"));
}

bool run_can_replace(struct plan_run *run, struct error *err)
{
    for (size_t i = run->index; i < run->plan->count; i++) {
        const struct action *action = run->plan->actions[i];
        auto_done(secret_values) values = {0};

        if (action->type == ACTION_CREATE_CONTAINER &&
            secret_values_read(run->controller, &action->workload->env, &values, err) < 0) {
            return false;
        }
    }
    return true;
}

void apply_create_container(struct plan_run *run)
{
    if (run->controller->ports.is_dirty) {
        leases_wait(run->controller, run,
                    create_now); /* a lease is on disk before its container exists */
    } else {
        create_now(run);
    }
}

static void on_started(void *user, const struct docker_request *request,
                       const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;

    run->call = NULL;
    if (docker_reply_check(request, reply, err) == 0) {
        run_action_done(run);
        return;
    }
    if (err->reason == NULL || text_equal(err->reason, REASON_ENGINE_ERROR)) {
        err->reason = REASON_START_FAILED;
    }
    if (text_equal(err->reason, REASON_START_FAILED)) {
        machine_explain_failed_start(run, err);
    }
    if (err->kind == ERROR_NOT_FOUND) {
        err->kind =
            /* the container, or its network, has gone since: look, and make it anew */
            ERROR_CONFLICT;
    }
    run_action_failed(run, err);
}

static void on_runner_installed(void *user, const struct docker_request *request,
                                const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;

    run->call = NULL;
    if (docker_reply_check(request, reply, err) < 0) {
        err->reason = REASON_START_FAILED;
        run_action_failed(run, err);
        return;
    }
    run_call(run, docker_start_container(run_container_id(run)), on_started);
}

/*
 * Before every start: a controller that was killed after the creation may have left a container
 * without it.
 */
static void install_runner(struct plan_run *run)
{
    auto_done(strbuf) tar = {0};

    tar_add_directory(&tar, ".berth", 0755);
    tar_add_file(&tar, ".berth/runner", 0755, berth_runner_start,
                 (size_t)(berth_runner_end - berth_runner_start));
    tar_finish(&tar);
    run_call(run, docker_put_archive(run_container_id(run), "/", tar.text, tar.len),
             on_runner_installed);
}

/* The one that this very plan has made, or NULL. */
static const struct workload *made_by_plan(const struct plan_run *run)
{
    for (size_t i = 0; i < run->index; i++) {
        if (run->plan->actions[i]->type == ACTION_CREATE_CONTAINER) {
            return run->plan->actions[i]->workload;
        }
    }
    return NULL;
}

/* The engine follows links at each start: what was resolved for the creation must still hold. */
static int check_mounts(const struct plan_run *run, struct error *err)
{
    const struct workload *made = made_by_plan(run);
    const struct observed_container *container =
        map_get(&run->controller->containers, run_action(run)->target);

    for (size_t i = 0; made != NULL && i < made->mount_count; i++) {
        if (!made->mounts[i].is_volume && !made->mounts[i].is_own &&
            host_mount_check_unmoved(made->mounts[i].source, err) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; made == NULL && container != NULL && i < container->bind_count; i++) {
        if (!path_is_below(container->binds[i], run->controller->state.path) &&
            host_mount_check_unmoved(container->binds[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

void apply_start_container(struct plan_run *run)
{
    struct error err = {0};

    if (run_is_container_gone(run)) {
        return;
    }
    if (check_mounts(run, &err) < 0) {
        run_action_failed(run, &err);
    } else if (run->entry->kind == ENTRY_REPOSITORY) {
        install_runner(run);
    } else {
        run_call(run, docker_start_container(run_container_id(run)), on_started);
    }
}

/* Gone already is as good as stopped or removed. */
static void on_gone(void *user, const struct docker_request *request,
                    const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;

    run->call = NULL;
    uv_timer_stop(&run->timer);
    if (docker_reply_check(request, reply, err) < 0 && err->kind != ERROR_NOT_FOUND) {
        run_action_failed(run, err);
    } else {
        run_action_done(run);
    }
}

/* Its program takes its time, and the engine does nothing but wait for it. */
static void on_slow_stop(uv_timer_t *timer)
{
    run_leave_turn(timer->data);
}

void apply_stop_container(struct plan_run *run)
{
    struct error err = {0};

    if (!run_can_replace(run, &err)) {
        run_action_failed(run, &err);
        return;
    }
    if (run_container_id(run) == NULL) {
        run_action_done(run);
        return;
    }
    run_call(run, docker_stop_container(run_container_id(run), run_grace_left(run)), on_gone);
    uv_timer_start(&run->timer, on_slow_stop, SLOW_STOP_MS, 0);
}

void apply_remove_container(struct plan_run *run)
{
    struct error err = {0};

    if (!run_can_replace(run, &err)) {
        run_action_failed(run, &err);
        return;
    }
    if (run_container_id(run) == NULL) {
        run_action_done(run);
        return;
    }
    run_call(run, docker_remove_container(run_container_id(run)), on_gone);
}

void apply_release_container(struct plan_run *run)
{
    struct observed_container *container = map_get(&run->controller->containers, run->entry->name);
    struct error err = {0};

    if (container != NULL && container->is_ours &&
        released_add(run->controller, container, &err) < 0) {
        err.reason = REASON_STATE_UNWRITABLE;
        run_action_failed(run, &err);
        return;
    }
    run_action_done(run);
}

void apply_pause_container(struct plan_run *run)
{
    if (!run_is_container_gone(run)) {
        run_call(run, docker_pause_container(run_container_id(run)), run_on_plain_reply);
    }
}

void apply_unpause_container(struct plan_run *run)
{
    if (!run_is_container_gone(run)) {
        run_call(run, docker_unpause_container(run_container_id(run)), run_on_plain_reply);
    }
}

/* Evidence */

static void take_log(struct observed_container *container, const json_t *lines)
{
    size_t count = json_array_size(lines);

    container->log_tail = xcalloc(count, sizeof(*container->log_tail));
    for (size_t i = 0; i < count; i++) {
        container->log_tail[i] = xstrdup(json_string_value(json_array_get(lines, i)));
    }
    container->log_count = count;
    container->has_log = true;
}

static void on_log(void *user, const struct docker_request *request, const struct http_reply *reply,
                   struct error *err)
{
    struct plan_run *run = user;
    struct observed_container *container =
        map_get(&run->controller->containers, run_action(run)->target);
    json_auto_t *lines = json_array();

    run->call = NULL;
    if (docker_reply_check(request, reply, err) == 0) {
        docker_logs_to_lines(reply->body, reply->body_len, STATUS_LOG_LINES, LOG_LINE_BYTES, lines);
    }
    if (container != NULL && !container->has_log) {
        take_log(container,
                 lines); /* an unreadable log is an empty one: the restart must not wait for it */
    }
    run_action_done(run);
}

void apply_read_log(struct plan_run *run)
{
    if (!run_is_container_gone(run)) {
        run_call(run, docker_container_logs(run_container_id(run), STATUS_LOG_LINES), on_log);
    }
}
