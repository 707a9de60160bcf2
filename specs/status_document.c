#include "specs/status.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/reason.h"
#include "specs/status_json.h"
#include "specs/status_words.h"

#include <stdlib.h>
#include <string.h>

static json_t *conditions_to_json(const struct object_status *status)
{
    json_t *list = json_array();

    for (int i = 0; i < CONDITION_COUNT; i++) {
        const struct condition *condition = &status->conditions[i];
        json_t *item;

        if (condition->value == CONDITION_ABSENT) {
            continue;
        }
        item = json_object();
        status_put_text(item, "type", condition_type_name((enum condition_type)i));
        status_put_text(item, "status", condition_value_name(condition->value));
        status_put_text(item, "reason", condition->reason);
        status_put_text(item, "message", condition->message);
        status_put_time(item, "lastTransitionTime", condition->since_wall_ms);
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *operation_error_to_json(const struct operation *operation)
{
    const struct reason *known = reason_find(operation->error_reason);
    json_t *item = json_object();

    status_put_integer(item, "code", known != NULL ? known->code : 500);
    status_put_text(item, "reason", operation->error_reason);
    status_put_text(item, "message", operation->error_message);
    return item;
}

static json_t *operation_to_json(const struct operation *operation)
{
    json_t *item = json_object();

    status_put_text(item, "type", operation->type);
    status_put_text(item, "state", operation_state_name(operation->state));
    status_put_integer(item, "progress", operation->progress);
    status_put_text(item, "cause", operation->cause);
    status_put_text(item, "message", operation->message);
    if (operation->error_reason != NULL) {
        json_object_set_new(item, "error", operation_error_to_json(operation));
    }
    status_put_time(item, "startTime", operation->start_wall_ms);
    status_put_time(item, "endTime", operation->end_wall_ms);
    return item;
}

static json_t *history_item_to_json(const struct operation *operation)
{
    json_t *item = json_object();

    status_put_text(item, "type", operation->type);
    status_put_text(item, "result",
                    operation->error_reason != NULL ? operation->error_reason : RESULT_DONE);
    status_put_text(item, "cause", operation->cause);
    status_put_text(item, "message", operation->error_message);
    status_put_time(item, "startTime", operation->start_wall_ms);
    status_put_integer(item, "durationMs", operation->end_wall_ms - operation->start_wall_ms);
    return item;
}

static json_t *container_to_json(const struct status_container *container)
{
    json_t *item = json_object();

    status_put_text(item, "id", container->id);
    status_put_text(item, "name", container->name);
    status_put_text(item, "image", container->image);
    status_put_text(item, "imageID", container->image_id);
    status_put_text(item, "network", container->network);
    status_put_text(item, "ip", container->ip);
    status_put_time(item, "startedAt", container->started_wall_ms);
    return item;
}

static json_t *ports_to_json(const struct object_status *status)
{
    json_t *list = json_array();

    for (size_t i = 0; i < status->port_count; i++) {
        const struct status_port *port = &status->ports[i];
        json_t *item = json_object();

        status_put_text(item, "name", port->name);
        status_put_integer(item, "containerPort", port->container_port);
        status_put_text(item, "protocol", port->protocol == PROTOCOL_UDP ? "UDP" : "TCP");
        status_put_text(item, "hostIP", port->host_ip);
        status_put_integer(item, "hostPort", port->host_port);
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *restarts_to_json(const struct status_restarts *restarts)
{
    json_t *item = json_object();

    status_put_integer(item, "count", restarts->count);
    status_put_integer(item, "inARow", restarts->in_a_row);
    status_put_time(item, "nextRetryTime", restarts->next_retry_wall_ms);
    if (restarts->has_last) {
        json_t *last = json_object(), *log = json_array();

        status_put_integer(last, "exitCode", restarts->last_exit_code);
        status_put_text(last, "reason", restarts->last_reason);
        status_put_text(last, "message", restarts->last_message);
        status_put_time(last, "finishedAt", restarts->last_finished_wall_ms);
        status_put_integer(last, "finishedAtMs", restarts->last_finished_wall_ms);
        for (size_t i = 0; i < restarts->last_log.count; i++) {
            json_t *line = json_string(restarts->last_log.items[i]);

            json_array_append_new(log, line != NULL ? line : json_string("(not UTF-8)"));
        }
        json_object_set_new(last, "logTail", log);
        json_object_set_new(item, "last", last);
    }
    return item;
}

static json_t *probe_to_json(const struct status_probe *probe)
{
    json_t *item = json_object();

    status_put_text(item, "state", verdict_name(probe->verdict));
    if (probe->successes > 0) {
        status_put_integer(item, "successes", probe->successes);
    }
    if (probe->failures > 0) {
        status_put_integer(item, "failures", probe->failures);
    }
    status_put_text(item, "lastFailure", probe->last_failure);
    status_put_time(item, "lastTransitionTime", probe->since_wall_ms);
    return item;
}

static json_t *probes_to_json(const struct status_probes *probes)
{
    json_t *json = json_object();

    status_put_time(json, "containerStartTime", probes->started_wall_ms);
    status_put_time(json, "firstReadyTime", probes->ready_wall_ms);
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        if (probes->of[i].is_set) {
            json_object_set_new(json, probe_type_name((enum probe_type)i),
                                probe_to_json(&probes->of[i]));
        }
    }
    return json;
}

static void put_hook(json_t *json, const char *key, const struct status_hook *hook)
{
    json_t *item;

    if (hook->result == HOOK_UNKNOWN) {
        return;
    }
    item = json_object();
    status_put_text(item, "state", hook_result_name(hook->result));
    status_put_text(item, "message", hook->message);
    status_put_time(item, "time", hook->end_wall_ms);
    status_put_integer(item, "containerStartedAtMs", hook->container_started_wall_ms);
    if (hook->has_ended_container) {
        json_object_set_new(item, "endedContainer", json_true());
    }
    json_object_set_new(json, key, item);
}

static json_t *hooks_to_json(const struct object_status *status)
{
    json_t *json = json_object();

    put_hook(json, "postStart", &status->hooks->post_start);
    put_hook(json, "preStop", &status->hooks->pre_stop);
    return json;
}

static json_t *error_to_json(const struct status_error *error)
{
    json_t *item = json_object();

    status_put_integer(item, "code", error->code);
    status_put_text(item, "reason", error->reason);
    status_put_text(item, "message", error->message);
    status_put_text(item, "location", error->location);
    return item;
}

static json_t *pool_to_json(const struct status_pool *pool)
{
    json_t *item = json_object();

    status_put_integer(item, "wanted", pool->wanted);
    status_put_integer(item, "members", pool->members);
    status_put_integer(item, "ready", pool->ready);
    status_put_integer(item, "starting", pool->starting);
    status_put_integer(item, "failed", pool->failed);
    status_put_integer(item, "draining", pool->draining);
    status_put_integer(item, "updated", pool->updated);
    status_put_integer(item, "activeTasks", pool->active_tasks);
    status_put_integer(item, "waitingTasks", pool->waiting_tasks);
    status_put_integer(item, "capacity", pool->capacity);
    if (pool->capacity > 0) {
        json_object_set_new(item, "utilization",
                            json_integer((json_int_t)pool->active_tasks * 100 / pool->capacity));
    }
    if (pool->surplus_since_wall_ms > 0) {
        status_put_time(item, "surplusSince", pool->surplus_since_wall_ms);
        status_put_integer(item, "surplusWanted", pool->surplus_wanted);
    }
    status_put_time(item, "nextCreateTime", pool->next_create_wall_ms);
    if (pool->failures_in_a_row > 0) {
        status_put_integer(item, "failuresInARow", pool->failures_in_a_row);
        status_put_time(item, "lastFailureTime", pool->last_failure_wall_ms);
    }
    return item;
}

json_t *status_to_json(const struct object_status *status)
{
    json_t *json = json_object();

    status_put_text(json, "phase", phase_name(status->phase));
    status_put_text(json, "observedHash", status->observed_hash);
    json_object_set_new(json, "conditions", conditions_to_json(status));
    if (status->operation.state != OPERATION_NONE) {
        json_object_set_new(json, "operation", operation_to_json(&status->operation));
    }
    if (status->container.id != NULL) {
        json_object_set_new(json, "container", container_to_json(&status->container));
    }
    if (!text_equal(status->last_address, status->container.ip)) {
        status_put_text(json, "lastAddress", status->last_address);
    }
    if (status->port_count > 0) {
        json_object_set_new(json, "ports", ports_to_json(status));
    }
    if (status->restarts.count > 0 || status->restarts.has_last ||
        status->restarts.next_retry_wall_ms != 0) {
        json_object_set_new(json, "restarts", restarts_to_json(&status->restarts));
    }
    if (status->probes->started_wall_ms != 0) {
        json_object_set_new(json, "probes", probes_to_json(status->probes));
    }
    if (status->hooks->post_start.result != HOOK_UNKNOWN ||
        status->hooks->pre_stop.result != HOOK_UNKNOWN) {
        json_object_set_new(json, "hooks", hooks_to_json(status));
    }
    if (status->task->repository != NULL) {
        json_object_set_new(json, "task", status_task_to_json(status->task));
    }
    if (status->repository->url != NULL) {
        json_object_set_new(json, "repository", status_repository_to_json(status->repository));
    }
    if (status->pool->is_set) {
        json_object_set_new(json, "pool", pool_to_json(status->pool));
    }
    if (status->error_count > 0) {
        json_object_set_new(json, "error", error_to_json(&status->errors[0]));
    }
    if (status->error_count > 1) {
        json_t *list = json_array();

        for (size_t i = 0; i < status->error_count; i++) {
            json_array_append_new(list, error_to_json(&status->errors[i]));
        }
        json_object_set_new(json, "errors", list);
    }
    if (status->history_count > 0) {
        json_t *list = json_array();

        for (unsigned i = 0; i < status->history_count; i++) {
            json_array_append_new(list, history_item_to_json(&status->history[i]));
        }
        json_object_set_new(json, "history", list);
    }
    return json;
}
