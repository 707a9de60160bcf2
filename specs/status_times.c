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

static void for_each_past_time_of_probes(struct status_probes *probes, time_fn *change,
                                         int64_t *number)
{
    change(&probes->ready_wall_ms, number);
    for (int i = 0; i < PROBE_TYPE_COUNT; i++) {
        change(&probes->of[i].since_wall_ms, number);
    }
}

/* Of the parts that it has: none is made for a time that never was. */
static void for_each_past_time_of_parts(struct object_status *status, time_fn *change,
                                        int64_t *number)
{
    if (status_has_probes(status)) {
        for_each_past_time_of_probes(status_probes(status), change, number);
    }
    if (status_has_hooks(status)) {
        change(&status_hooks(status)->post_start.end_wall_ms, number);
        change(&status_hooks(status)->pre_stop.end_wall_ms, number);
    }
    if (status_has_task(status)) {
        change(&status_task(status)->start_wall_ms, number);
        change(&status_task(status)->end_wall_ms, number);
        change(&status_task(status)->arrival_wall_ms, number);
    }
    if (status_has_repository(status)) {
        change(&status_repository(status)->idle_since_wall_ms, number);
        change(&status_repository(status)->fetched_wall_ms, number);
    }
    if (status_has_pool(status)) {
        change(&status_pool(status)->surplus_since_wall_ms, number);
        change(&status_pool(status)->last_failure_wall_ms, number);
    }
}

/* When something began, ended or was seen. */
static void for_each_past_time(struct object_status *status, time_fn *change, int64_t *number)
{
    change(&status->operation.start_wall_ms, number);
    change(&status->operation.end_wall_ms, number);
    for (int i = 0; i < CONDITION_COUNT; i++) {
        change(&status->conditions[i].since_wall_ms, number);
    }
    for (unsigned i = 0; i < status->history_count; i++) {
        change(&status->history[i].start_wall_ms, number);
        change(&status->history[i].end_wall_ms, number);
    }
    for_each_past_time_of_parts(status, change, number);
}

/* When something is tried again. */
static void for_each_retry(struct object_status *status, time_fn *change, int64_t *number)
{
    change(&status->restarts.next_retry_wall_ms, number);
    if (status_has_task(status)) {
        change(&status_task(status)->next_retry_wall_ms, number);
    }
    if (status_has_pool(status)) {
        change(&status_pool(status)->next_create_wall_ms, number);
    }
}

void status_shift_times(struct object_status *status, int64_t by_ms)
{
    for_each_past_time(status, shift, &by_ms);
    for_each_retry(status, shift, &by_ms);
    if (status_has_task(status)) {
        clock_shift(&status_task(status)->tree.removed_at_wall_ms, by_ms);
    }
    for (size_t i = 0; i < status->repository->kept_count; i++) {
        clock_shift(&status->repository->kept[i].until_wall_ms, by_ms);
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
