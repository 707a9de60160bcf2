#include "specs/status.h"

#include "base/memory.h"
#include "base/parse.h"
#include "specs/status_json.h"
#include "specs/status_words.h"

#include <stdlib.h>
#include <string.h>

/* Reading back: anything may be missing or wrong, since people can edit the file. */

static enum phase phase_from_name(const char *name)
{
    for (int i = 0; name != NULL && i <= PHASE_INVALID; i++) {
        if (strcmp(phase_name((enum phase)i), name) == 0) {
            return (enum phase)i;
        }
    }
    return PHASE_UNKNOWN;
}

static enum operation_state operation_state_from_name(const char *name)
{
    for (int i = OPERATION_PENDING; name != NULL && i <= OPERATION_DONE; i++) {
        if (strcmp(operation_state_name((enum operation_state)i), name) == 0) {
            return (enum operation_state)i;
        }
    }
    return text_equal(name, RESULT_FAILED) ? OPERATION_DONE : OPERATION_NONE;
}

static void read_conditions(struct object_status *status, const json_t *list)
{
    size_t index;
    json_t *item;

    json_array_foreach(list, index, item) {
        const char *type = json_string_value(json_object_get(item, "type"));
        const char *value = json_string_value(json_object_get(item, "status"));

        for (int i = 0; type != NULL && value != NULL && i < CONDITION_COUNT; i++) {
            if (strcmp(type, condition_type_name((enum condition_type)i)) != 0) {
                continue;
            }
            for (int v = CONDITION_FALSE; v <= CONDITION_UNKNOWN; v++) {
                if (strcmp(value, condition_value_name((enum condition_value)v)) == 0) {
                    status->conditions[i].value = (enum condition_value)v;
                    status->conditions[i].reason = status_get_text(status, item, "reason");
                    status->conditions[i].message = status_get_text(status, item, "message");
                    status->conditions[i].since_wall_ms =
                        status_get_time(item, "lastTransitionTime");
                }
            }
        }
    }
}

static void read_history(struct object_status *status, const json_t *list)
{
    size_t count = json_array_size(list);

    count = count < HISTORY_LENGTH ? count : HISTORY_LENGTH;
    if (count == 0) {
        return;
    }
    status->history = arena_alloc(&status->arena, count * sizeof(*status->history));
    for (; status->history_count < count; status->history_count++) {
        struct operation *operation = &status->history[status->history_count];
        const json_t *item = json_array_get(list, status->history_count);
        const char *result = json_string_value(json_object_get(item, "result"));

        operation->state = OPERATION_DONE;
        operation->type = status_get_text(status, item, "type");
        operation->cause = status_get_text(status, item, "cause");
        if (!text_equal(result, RESULT_DONE)) {
            operation->error_reason = status_text(status, result != NULL ? result : RESULT_FAILED);
            operation->error_message = status_get_text(status, item, "message");
        } else {
            operation->progress = 100;
        }
        operation->start_wall_ms = status_get_time(item, "startTime");
        operation->end_wall_ms = operation->start_wall_ms + status_get_count(item, "durationMs");
    }
}

static void read_restarts(struct object_status *status, const json_t *json)
{
    struct status_restarts *restarts = &status->restarts;
    const json_t *last = json_object_get(json, "last"), *log = json_object_get(last, "logTail");
    size_t count = json_array_size(log);

    count = count < STATUS_LOG_LINES ? count : STATUS_LOG_LINES;
    restarts->count = status_get_count(json, "count");
    restarts->in_a_row = status_get_count(json, "inARow");
    restarts->next_retry_wall_ms = status_get_time(json, "nextRetryTime");
    if (!json_is_object(last)) {
        return;
    }
    restarts->has_last = true;
    restarts->last_exit_code = status_get_integer(last, "exitCode");
    restarts->last_reason = status_get_text(status, last, "reason");
    restarts->last_message = status_get_text(status, last, "message");
    restarts->last_finished_wall_ms = status_get_integer(last, "finishedAtMs");
    restarts->last_log.items = arena_alloc(&status->arena, (count + 1) * sizeof(char *));
    for (size_t i = 0; i < count; i++) {
        const char *line = json_string_value(json_array_get(log, i));

        restarts->last_log.items[i] = status_text(status, line != NULL ? line : "");
    }
    restarts->last_log.count = count;
}

static enum probe_verdict verdict_from_name(const char *name)
{
    for (int i = VERDICT_UNKNOWN; name != NULL && i <= VERDICT_FAILURE; i++) {
        if (strcmp(verdict_name((enum probe_verdict)i), name) == 0) {
            return (enum probe_verdict)i;
        }
    }
    return VERDICT_UNKNOWN;
}

/* The verdicts only: a row of results that was cut off says nothing. */
static void read_probes(struct object_status *status, const json_t *json)
{
    struct status_probes *probes;

    if (!json_is_object(json)) {
        return;
    }
    probes = status_probes(status);
    probes->started_wall_ms = status_get_time(json, "containerStartTime");
    probes->ready_wall_ms = status_get_time(json, "firstReadyTime");
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        const json_t *item = json_object_get(json, probe_type_name((enum probe_type)i));

        probes->of[i] = (struct status_probe){
            .is_set = json_is_object(item),
            .verdict = verdict_from_name(json_string_value(json_object_get(item, "state"))),
            .last_failure = status_get_text(status, item, "lastFailure"),
            .since_wall_ms = status_get_time(item, "lastTransitionTime"),
        };
    }
}

static void read_hook(struct object_status *status, const json_t *json, struct status_hook *hook)
{
    const char *name = json_string_value(json_object_get(json, "state"));

    for (int i = HOOK_SUCCEEDED; name != NULL && i <= HOOK_SKIPPED; i++) {
        if (strcmp(hook_result_name((enum hook_result)i), name) == 0) {
            hook->result = (enum hook_result)i;
        }
    }
    hook->message = status_get_text(status, json, "message");
    hook->end_wall_ms = status_get_time(json, "time");
    hook->container_started_wall_ms = status_get_integer(json, "containerStartedAtMs");
    hook->has_ended_container = json_is_true(json_object_get(json, "endedContainer"));
}

static void read_hooks(struct object_status *status, const json_t *json)
{
    if (json_is_object(json)) {
        read_hook(status, json_object_get(json, "postStart"), &status_hooks(status)->post_start);
        read_hook(status, json_object_get(json, "preStop"), &status_hooks(status)->pre_stop);
    }
}

/* Only what the arithmetic must remember; the numbers are counted anew. */
static void read_pool(struct object_status *status, const json_t *json)
{
    struct status_pool *pool;

    if (!json_is_object(json)) {
        return;
    }
    pool = status_pool(status);
    pool->surplus_since_wall_ms = status_get_time(json, "surplusSince");
    pool->surplus_wanted = status_get_count(json, "surplusWanted");
    pool->next_create_wall_ms = status_get_time(json, "nextCreateTime");
    pool->failures_in_a_row = status_get_count(json, "failuresInARow");
    pool->last_failure_wall_ms = status_get_time(json, "lastFailureTime");
}

static void read_operation(struct object_status *status, const json_t *json)
{
    const json_t *error = json_object_get(json, "error");
    const char *state = json_string_value(json_object_get(json, "state"));
    struct operation *operation = &status->operation;

    operation->state = operation_state_from_name(state);
    operation->type = status_get_text(status, json, "type");
    operation->cause = status_get_text(status, json, "cause");
    operation->message = status_get_text(status, json, "message");
    operation->progress = status_get_count(json, "progress");
    operation->start_wall_ms = status_get_time(json, "startTime");
    operation->end_wall_ms = status_get_time(json, "endTime");
    operation->error_reason = status_get_text(status, error, "reason");
    operation->error_message = status_get_text(status, error, "message");
    if (text_equal(state, RESULT_FAILED)) {
        operation->error_reason = RESULT_FAILED;
        operation->error_message = TAKE(operation->message);
    }
    if (operation->state != OPERATION_DONE) {
        status_drop_operation(status); /* whoever was to carry it out is no more */
    }
}

struct object_status *status_from_json(const json_t *json)
{
    struct object_status *status = status_new();

    arena_reserve(&status->arena, STATUS_USUAL_TEXTS);
    status->phase = phase_from_name(json_string_value(json_object_get(json, "phase")));
    status->observed_hash = status_get_text(status, json, "observedHash");
    status->container.id = status_get_text(status, json_object_get(json, "container"), "id");
    status->last_address = status_get_text(status, json_object_get(json, "container"), "ip");
    if (status->last_address == NULL || status->last_address[0] == '\0') {
        status->last_address = status_get_text(status, json, "lastAddress");
    }
    read_conditions(status, json_object_get(json, "conditions"));
    read_history(status, json_object_get(json, "history"));
    read_restarts(status, json_object_get(json, "restarts"));
    read_probes(status, json_object_get(json, "probes"));
    read_hooks(status, json_object_get(json, "hooks"));
    status_read_task(status, json_object_get(json, "task"));
    status_read_repository(status, json_object_get(json, "repository"));
    read_pool(status, json_object_get(json, "pool"));
    read_operation(status, json_object_get(json, "operation"));
    return status;
}
