#include "reconcilers/restarts.h"

#include "base/memory.h"
#include "base/parse.h"
#include "reconcilers/world.h"
#include "specs/reason.h"

#include <stdlib.h>

bool restarts_is_known(const struct status_restarts *restarts,
                       const struct observed_container *container)
{
    return restarts->has_last && restarts->last_finished_wall_ms == container->finished_wall_ms;
}

#define REASON_STOPPED "Stopped"

void restarts_note_wanted_end(struct object_status *status,
                              const struct observed_container *container)
{
    struct status_restarts *restarts = &status->restarts;

    if (restarts_is_known(restarts, container)) {
        return;
    }
    restarts->in_a_row = 0;
    restarts->next_retry_wall_ms = 0;
    restarts->has_last = true;
    restarts->last_exit_code = container->exit_code;
    restarts->last_reason = REASON_STOPPED;
    restarts->last_message = NULL;
    restarts->last_finished_wall_ms = container->finished_wall_ms;
    restarts->last_log = (struct text_list){0};
}

bool restarts_was_wanted(const struct status_restarts *restarts,
                         const struct observed_container *container)
{
    return restarts_is_known(restarts, container) &&
           text_equal(restarts->last_reason, REASON_STOPPED);
}

static const char *end_reason(const struct observed_container *container)
{
    if (container->is_oom_killed) {
        return REASON_OOM_KILLED;
    }
    if (container->error != NULL && container->error[0] != '\0') {
        return REASON_START_FAILED;
    }
    return container->exit_code == 0 ? "Completed" : "Error";
}

static void copy_log(struct object_status *status, const struct observed_container *container)
{
    struct text_list *log = &status->restarts.last_log;

    log->count = container->log_count;
    log->items = arena_alloc(&status->arena, (container->log_count + 1) * sizeof(char *));
    for (size_t i = 0; i < container->log_count; i++) {
        log->items[i] = status_text(status, container->log_tail[i]);
    }
}

static int64_t ended_at(const struct observed_container *container, int64_t now_wall_ms)
{
    int64_t ago_ms = now_wall_ms - container->finished_wall_ms;

    return ago_ms >= 0 && ago_ms <= RETRY_MAX_MS ? container->finished_wall_ms : now_wall_ms;
}

void restarts_note_end(struct object_status *status, const struct observed_container *container,
                       const char *key, enum restart_policy policy, const char *berths_reason,
                       const char *berths_cause, int64_t now_wall_ms)
{
    struct status_restarts *restarts = &status->restarts;
    int64_t ran_ms = container->finished_wall_ms - container->started_wall_ms;

    if (restarts_is_known(restarts, container)) {
        return;
    }
    restarts->in_a_row = ran_ms >= RESTART_RESET_MS ? 1 : restarts->in_a_row + 1;
    restarts->has_last = true;
    restarts->last_exit_code = container->exit_code;
    restarts->last_reason = berths_reason != NULL ? berths_reason : end_reason(container);
    restarts->last_message = status_text(status, berths_cause);
    restarts->count += restarts_wants_after_last(policy, restarts) ? 1 : 0;
    restarts->last_finished_wall_ms = container->finished_wall_ms;
    restarts->next_retry_wall_ms =
        ended_at(container, now_wall_ms) + (int64_t)retry_delay_ms(key, restarts->in_a_row - 1);
    copy_log(status, container);
}

void restarts_note_failed_start(struct object_status *status,
                                const struct observed_container *container)
{
    struct status_restarts *restarts = &status->restarts;

    if (container->error == NULL || container->error[0] == '\0') {
        return;
    }
    restarts->has_last = true;
    restarts->last_exit_code = container->exit_code;
    restarts->last_reason = REASON_START_FAILED;
    restarts->last_message = status_text(status, container->error);
    restarts->last_finished_wall_ms = 0; /* it never ran */
    restarts->last_log = (struct text_list){0};
}

const char *restart_policy_name(enum restart_policy policy)
{
    switch (policy) { /* no default: a policy without a name does not compile */
    case RESTART_ALWAYS: return "Always";
    case RESTART_ON_FAILURE: return "OnFailure";
    case RESTART_NEVER: return "Never";
    }
    abort();
}

bool restarts_wants_another(enum restart_policy policy, int64_t exit_code)
{
    switch (policy) { /* no default: a policy without an answer does not compile */
    case RESTART_ALWAYS: return true;
    case RESTART_ON_FAILURE: return exit_code != 0;
    case RESTART_NEVER: return false;
    }
    return true;
}

bool restarts_ended_well(const struct status_restarts *restarts)
{
    return restarts->last_exit_code == 0 &&
           !text_equal(restarts->last_reason, REASON_PROBE_FAILED) &&
           !text_equal(restarts->last_reason, REASON_HOOK_FAILED);
}

bool restarts_wants_after_last(enum restart_policy policy, const struct status_restarts *restarts)
{
    return restarts_wants_another(policy, restarts_ended_well(restarts) ? 0 : 1);
}

char *restarts_describe(const struct observed_container *container)
{
    if (container->is_oom_killed) {
        return xasprintf("was killed: out of memory (exit code %lld)",
                         (long long)container->exit_code);
    }
    if (container->exit_code > 128 && container->exit_code < 193) {
        return xasprintf("was ended by signal %lld (exit code %lld)",
                         (long long)container->exit_code - 128, (long long)container->exit_code);
    }
    return xasprintf("exited with code %lld", (long long)container->exit_code);
}
