#include "specs/status_equal.h"

#include "base/parse.h"

static bool are_operations_equal(const struct operation *a, const struct operation *b)
{
    return a->state == b->state && a->progress == b->progress &&
           a->start_wall_ms == b->start_wall_ms && a->end_wall_ms == b->end_wall_ms &&
           text_equal(a->type, b->type) && text_equal(a->cause, b->cause) &&
           text_equal(a->message, b->message) && text_equal(a->error_reason, b->error_reason) &&
           text_equal(a->error_message, b->error_message);
}

static bool are_conditions_equal(const struct object_status *a, const struct object_status *b)
{
    for (int i = 0; i < CONDITION_COUNT; i++) {
        const struct condition *one = &a->conditions[i], *other = &b->conditions[i];

        if (one->value != other->value || one->since_wall_ms != other->since_wall_ms ||
            !text_equal(one->reason, other->reason) || !text_equal(one->message, other->message)) {
            return false;
        }
    }
    return true;
}

static bool are_histories_equal(const struct object_status *a, const struct object_status *b)
{
    if (a->history_count != b->history_count) {
        return false;
    }
    for (unsigned i = 0; i < a->history_count; i++) {
        if (!are_operations_equal(&a->history[i], &b->history[i])) {
            return false;
        }
    }
    return true;
}

static bool are_containers_equal(const struct status_container *a, const struct status_container *b)
{
    return a->started_wall_ms == b->started_wall_ms && text_equal(a->id, b->id) &&
           text_equal(a->name, b->name) && text_equal(a->image, b->image) &&
           text_equal(a->image_id, b->image_id) && text_equal(a->ip, b->ip) &&
           text_equal(a->network, b->network);
}

static bool are_ports_equal(const struct object_status *a, const struct object_status *b)
{
    if (a->port_count != b->port_count) {
        return false;
    }
    for (size_t i = 0; i < a->port_count; i++) {
        const struct status_port *one = &a->ports[i], *other = &b->ports[i];

        if (one->container_port != other->container_port || one->protocol != other->protocol ||
            one->host_port != other->host_port || !text_equal(one->name, other->name) ||
            !text_equal(one->host_ip, other->host_ip)) {
            return false;
        }
    }
    return true;
}

static bool are_lists_equal(const struct text_list *a, const struct text_list *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!text_equal(a->items[i], b->items[i])) {
            return false;
        }
    }
    return true;
}

static bool are_restarts_equal(const struct status_restarts *a, const struct status_restarts *b)
{
    return a->count == b->count && a->in_a_row == b->in_a_row &&
           a->next_retry_wall_ms == b->next_retry_wall_ms && a->has_last == b->has_last &&
           a->last_exit_code == b->last_exit_code &&
           a->last_finished_wall_ms == b->last_finished_wall_ms &&
           text_equal(a->last_reason, b->last_reason) &&
           text_equal(a->last_message, b->last_message) &&
           are_lists_equal(&a->last_log, &b->last_log);
}

static bool are_probes_equal(const struct status_probes *a, const struct status_probes *b)
{
    if (a->started_wall_ms != b->started_wall_ms || a->ready_wall_ms != b->ready_wall_ms) {
        return false;
    }
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        const struct status_probe *one = &a->of[i], *other = &b->of[i];

        if (one->is_set != other->is_set || one->verdict != other->verdict ||
            one->successes != other->successes || one->failures != other->failures ||
            one->since_wall_ms != other->since_wall_ms ||
            !text_equal(one->last_failure, other->last_failure)) {
            return false;
        }
    }
    return true;
}

static bool are_hooks_equal(const struct status_hook *a, const struct status_hook *b)
{
    return a->result == b->result && a->end_wall_ms == b->end_wall_ms &&
           a->container_started_wall_ms == b->container_started_wall_ms &&
           a->has_ended_container == b->has_ended_container && text_equal(a->message, b->message);
}

static bool are_errors_equal(const struct object_status *a, const struct object_status *b)
{
    if (a->error_count != b->error_count) {
        return false;
    }
    for (size_t i = 0; i < a->error_count; i++) {
        const struct status_error *one = &a->errors[i], *other = &b->errors[i];

        if (one->code != other->code || !text_equal(one->reason, other->reason) ||
            !text_equal(one->message, other->message) ||
            !text_equal(one->location, other->location)) {
            return false;
        }
    }
    return true;
}

static bool is_of_instance(const struct object_status *status)
{
    return status->task->repository == NULL && status->repository->url == NULL &&
           !status->pool->is_set;
}

bool status_equal_of_instance(const struct object_status *a, const struct object_status *b)
{
    return is_of_instance(a) && is_of_instance(b) && a->phase == b->phase &&
           text_equal(a->observed_hash, b->observed_hash) &&
           text_equal(a->last_address, b->last_address) && are_conditions_equal(a, b) &&
           are_operations_equal(&a->operation, &b->operation) && are_histories_equal(a, b) &&
           are_containers_equal(&a->container, &b->container) && are_ports_equal(a, b) &&
           are_restarts_equal(&a->restarts, &b->restarts) &&
           are_probes_equal(a->probes, b->probes) &&
           are_hooks_equal(&a->hooks->post_start, &b->hooks->post_start) &&
           are_hooks_equal(&a->hooks->pre_stop, &b->hooks->pre_stop) && are_errors_equal(a, b);
}
