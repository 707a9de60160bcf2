#include "specs/status.h"

#include "base/memory.h"
#include "base/parse.h"
#include "specs/reason.h"
#include "specs/status_json.h"

#include <stdlib.h>
#include <string.h>

/* The parts of who has none. */
static const struct status_probes no_probes;
static const struct status_hooks no_hooks;
static const struct status_task no_task;
static const struct status_repository no_repository;
static const struct status_pool no_pool;

struct object_status *status_new(void)
{
    struct object_status *status = xcalloc(1, sizeof(*status));

    status->probes = &no_probes;
    status->hooks = &no_hooks;
    status->task = &no_task;
    status->repository = &no_repository;
    status->pool = &no_pool;
    return status;
}

/* What is not the constant was made here, so that it may be written in. */
#define DEFINE_PART(part)                                                                          \
    bool status_has_##part(const struct object_status *status)                                     \
    {                                                                                              \
        return status->part != &no_##part;                                                         \
    }                                                                                              \
    struct status_##part *status_##part(struct object_status *status)                              \
    {                                                                                              \
        if (!status_has_##part(status)) {                                                          \
            status->part = arena_alloc(&status->arena, sizeof(no_##part));                         \
        }                                                                                          \
        return (struct status_##part *)(uintptr_t)status->part;                                    \
    }

DEFINE_PART(probes)
DEFINE_PART(hooks)
DEFINE_PART(task)
DEFINE_PART(repository)
DEFINE_PART(pool)

void status_free(struct object_status *status)
{
    if (status != NULL) {
        arena_done(&status->arena);
        free(status);
    }
}

const char *status_text(struct object_status *status, const char *text)
{
    return text != NULL ? arena_strdup(&status->arena, text) : NULL;
}

const char *phase_name(enum phase phase)
{
    switch (phase) { /* no default: a phase without a name does not compile */
    case PHASE_UNKNOWN: return "Unknown";
    case PHASE_PROVISIONING: return "PROVISIONING";
    case PHASE_STAGING: return "STAGING";
    case PHASE_RUNNING: return "RUNNING";
    case PHASE_STOPPING: return "STOPPING";
    case PHASE_TERMINATED: return "TERMINATED";
    case PHASE_REPAIRING: return "REPAIRING";
    case PHASE_SUSPENDING: return "SUSPENDING";
    case PHASE_SUSPENDED: return "SUSPENDED";
    case PHASE_PENDING: return "Pending";
    case PHASE_PREPARING: return "Preparing";
    case PHASE_TASK_RUNNING: return "Running";
    case PHASE_SUCCEEDED: return "Succeeded";
    case PHASE_FAILED: return "Failed";
    case PHASE_INVALID: return "Invalid";
    }
    abort(); /* not a phase at all: memory is damaged */
}

/* other, where that says the same */
static const char *text_like(struct object_status *to, const char *text, const char *other)
{
    return text_equal(text, other) ? other : status_text(to, text);
}

/* like: in to already, and perhaps the same; NULL: there is none. */
static void copy_operation(struct object_status *to, struct operation *operation,
                           const struct operation *from, const struct operation *like)
{
    *operation = *from;
    operation->type = text_like(to, from->type, like != NULL ? like->type : NULL);
    operation->cause = text_like(to, from->cause, like != NULL ? like->cause : NULL);
    operation->message = status_text(to, from->message);
    operation->error_reason = status_text(to, from->error_reason);
    operation->error_message = status_text(to, from->error_message);
}

static void copy_history(struct object_status *to, const struct object_status *from)
{
    if (from->history_count == 0) {
        return;
    }
    to->history_count = from->history_count;
    to->history = arena_alloc(&to->arena, from->history_count * sizeof(*to->history));
    for (unsigned i = 0; i < from->history_count; i++) {
        /* the newest is mostly the operation of now, which is over */
        copy_operation(to, &to->history[i], &from->history[i], &to->operation);
    }
}

static void copy_restarts(struct object_status *to, const struct status_restarts *from)
{
    to->restarts = *from;
    to->restarts.last_reason = status_text(to, from->last_reason);
    to->restarts.last_message = status_text(to, from->last_message);
    if (from->last_log.count > 0) {
        to->restarts.last_log.items =
            arena_alloc(&to->arena, from->last_log.count * sizeof(char *));
    }
    for (size_t i = 0; i < from->last_log.count; i++) {
        to->restarts.last_log.items[i] = status_text(to, from->last_log.items[i]);
    }
}

static void copy_hook(struct object_status *to, struct status_hook *hook,
                      const struct status_hook *from)
{
    *hook = *from;
    hook->message = status_text(to, from->message);
}

static void copy_hooks(struct object_status *to, const struct status_hooks *from)
{
    struct status_hooks *hooks = status_hooks(to);

    copy_hook(to, &hooks->post_start, &from->post_start);
    copy_hook(to, &hooks->pre_stop, &from->pre_stop);
}

struct object_status *status_successor(const struct object_status *previous)
{
    struct object_status *status = status_new();
    size_t used;

    if (previous == NULL) {
        return status;
    }
    used = arena_used(&previous->arena); /* it will say much the same */
    arena_reserve(&status->arena, used > STATUS_USUAL_TEXTS ? used : STATUS_USUAL_TEXTS);
    copy_operation(status, &status->operation, &previous->operation, NULL);
    copy_history(status, previous);
    if (status->operation.state == OPERATION_PENDING) {
        status_drop_operation(status);
    }
    copy_restarts(status, &previous->restarts);
    if (status_has_hooks(previous)) {
        copy_hooks(status, previous->hooks);
    }
    if (status_has_task(previous)) {
        status_copy_task(status, previous->task);
    }
    if (status_has_repository(previous)) {
        status_copy_repository(status, previous->repository);
    }
    if (status_has_pool(previous)) {
        *status_pool(status) = *previous->pool;
    }
    status->last_address = status_text(status, previous->last_address);
    return status;
}

/* As status_text(): a condition mostly says what another has said already. */
static const char *condition_text(struct object_status *status, const char *text)
{
    for (unsigned i = 0; text != NULL && i < CONDITION_COUNT; i++) {
        const struct condition *said = &status->conditions[i];

        if (text_equal(said->reason, text)) {
            return said->reason;
        }
        if (text_equal(said->message, text)) {
            return said->message;
        }
    }
    return status_text(status, text);
}

void status_set_condition(struct object_status *status, enum condition_type type,
                          enum condition_value value, const char *reason, const char *message)
{
    status->conditions[type] = (struct condition){
        .value = value,
        .reason = condition_text(status, reason),
        .message = condition_text(status, message),
    };
}

void status_add_error(struct object_status *status, const char *reason, const char *message,
                      const char *location)
{
    const struct reason *known = reason_find(reason);
    struct status_error *errors =
        arena_alloc(&status->arena, (status->error_count + 1) * sizeof(*errors));

    if (status->error_count > 0) {
        memcpy(errors, status->errors, status->error_count * sizeof(*errors));
    }
    errors[status->error_count] = (struct status_error){
        .code = known != NULL ? known->code : 500,
        .reason = status_text(status, reason),
        .message = status_text(status, message),
        .location = status_text(status, location),
    };
    status->errors = errors;
    status->error_count++;
}

void status_finish(struct object_status *status, const struct object_status *previous,
                   int64_t now_wall_ms)
{
    for (int i = 0; i < CONDITION_COUNT; i++) {
        struct condition *condition = &status->conditions[i];
        const struct condition *before = previous != NULL ? &previous->conditions[i] : NULL;

        if (before != NULL && before->value == condition->value && before->since_wall_ms != 0) {
            condition->since_wall_ms = before->since_wall_ms;
        } else if (condition->since_wall_ms == 0) {
            condition->since_wall_ms = now_wall_ms;
        }
    }
}

void status_begin_operation(struct object_status *status, const char *type, const char *cause,
                            int64_t now_wall_ms)
{
    status->operation = (struct operation){
        .state = OPERATION_RUNNING,
        .type = status_text(status, type),
        .cause = status_text(status, cause),
        .start_wall_ms = now_wall_ms,
    };
}

void status_defer_operation(struct object_status *status, const char *type, const char *cause,
                            const char *message)
{
    status->operation = (struct operation){
        .state = OPERATION_PENDING,
        .type = status_text(status, type),
        .cause = status_text(status, cause),
        .message = status_text(status, message),
    };
}

void status_drop_operation(struct object_status *status)
{
    status->operation = status->history_count > 0 ? status->history[0] : (struct operation){0};
}

bool status_is_operating(const struct object_status *status)
{
    return status->operation.state == OPERATION_RUNNING ||
           (status->operation.state == OPERATION_PENDING && status->operation.start_wall_ms != 0);
}

void status_end_operation(struct object_status *status, const char *error_reason,
                          const char *error_message, int64_t now_wall_ms)
{
    struct operation *operation = &status->operation, *history;
    unsigned kept =
        status->history_count < HISTORY_LENGTH ? status->history_count : HISTORY_LENGTH - 1;

    if (!status_is_operating(status)) {
        return;
    }
    operation->state = OPERATION_DONE;
    operation->message = NULL;
    operation->error_reason = status_text(status, error_reason);
    operation->error_message = status_text(status, error_message);
    operation->progress = error_reason == NULL ? 100 : operation->progress;
    operation->end_wall_ms = now_wall_ms;
    history = arena_alloc(&status->arena, (kept + 1) * sizeof(*history));
    history[0] = *operation;
    if (kept > 0) {
        memcpy(&history[1], status->history, kept * sizeof(*history));
    }
    status->history = history;
    status->history_count = kept + 1;
}

bool status_is_settled(const struct object_status *status)
{
    if (status->phase == PHASE_SUCCEEDED) {
        return true;
    }
    return status->conditions[CONDITION_READY].value == CONDITION_TRUE &&
           status->conditions[CONDITION_RECONCILING].value != CONDITION_TRUE &&
           status->conditions[CONDITION_SPEC_VALID].value != CONDITION_FALSE;
}
