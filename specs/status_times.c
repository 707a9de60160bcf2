#include "specs/status_times.h"

#include "base/clock_watch.h"
#include "base/parse.h"

#include <stddef.h>

typedef void time_fn(int64_t *wall_ms, int64_t *number);

static void shift(int64_t *wall_ms, int64_t *by_ms)
{
    clock_shift(wall_ms, *by_ms);
}

static void limit(int64_t *wall_ms, int64_t *most_wall_ms)
{
    if (*wall_ms > *most_wall_ms) {
        *wall_ms = *most_wall_ms;
    }
}

static void find_latest(int64_t *wall_ms, int64_t *latest_wall_ms)
{
    if (*wall_ms > *latest_wall_ms) {
        *latest_wall_ms = *wall_ms;
    }
}

/* When something began, ended or was seen. */
static void for_each_past_time(struct object_status *status, time_fn *change, int64_t *number)
{
    struct status_probe *probe = status->probes.of;
    int64_t *times[] = {
        &status->operation.start_wall_ms,
        &status->operation.end_wall_ms,
        &status->probes.ready_wall_ms,
        &status->post_start.end_wall_ms,
        &status->pre_stop.end_wall_ms,
        &status->task.start_wall_ms,
        &status->task.end_wall_ms,
        &status->task.arrival_wall_ms,
        &status->repository.idle_since_wall_ms,
        &status->repository.fetched_wall_ms,
        &status->pool.surplus_since_wall_ms,
        &status->pool.last_failure_wall_ms,
    };

    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        change(times[i], number);
    }
    for (int i = 0; i < CONDITION_COUNT; i++) {
        change(&status->conditions[i].since_wall_ms, number);
    }
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        change(&probe[i].since_wall_ms, number);
    }
    for (unsigned i = 0; i < status->history_count; i++) {
        change(&status->history[i].start_wall_ms, number);
        change(&status->history[i].end_wall_ms, number);
    }
}

/* When something is tried again. */
static void for_each_retry(struct object_status *status, time_fn *change, int64_t *number)
{
    change(&status->restarts.next_retry_wall_ms, number);
    change(&status->task.next_retry_wall_ms, number);
    change(&status->pool.next_create_wall_ms, number);
}

void status_shift_times(struct object_status *status, int64_t by_ms)
{
    for_each_past_time(status, shift, &by_ms);
    for_each_retry(status, shift, &by_ms);
    clock_shift(&status->task.tree.removed_at_wall_ms, by_ms);
    for (size_t i = 0; i < status->repository.kept_count; i++) {
        clock_shift(&status->repository.kept[i].until_wall_ms, by_ms);
    }
}

void status_limit_times(struct object_status *status, int64_t now_wall_ms, int64_t longest_wait_ms)
{
    int64_t latest_wall_ms = now_wall_ms, most_wall_ms = now_wall_ms + longest_wait_ms;

    for_each_past_time(status, find_latest, &latest_wall_ms);
    if (latest_wall_ms > now_wall_ms) {
        status_shift_times(status, now_wall_ms - latest_wall_ms);
    }
    for_each_retry(status, limit, &most_wall_ms);
}
