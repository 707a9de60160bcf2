#include "controller/clock_change.h"

#include "base/clock_watch.h"
#include "base/log.h"
#include "base/memory.h"
#include "controller/disk.h"
#include "controller/mirrors.h"
#include "controller/probes.h"
#include "controller/trees.h"
#include "specs/status_times.h"

static char *whole_seconds(int64_t ms)
{
    return xasprintf("%lld", (long long)((ms < 0 ? ms - 500 : ms + 500) / 1000));
}

static void shift_trees(struct entry *repository, int64_t by_ms)
{
    for (struct map_entry *at = map_first(&repository->repository->tree_records); at != NULL;
         at = map_next(at)) {
        struct tree_record *record = map_value(at);

        clock_shift(&record->used_wall_ms, by_ms);
        clock_shift(&record->removed_at_wall_ms, by_ms);
        tree_keep(repository, record);
    }
}

static void shift_entry(struct entry *entry, int64_t by_ms)
{
    status_shift_times(entry->status, by_ms);
    clock_shift(&entry->failure.at_wall_ms, by_ms);
    if (entry->task != NULL) {
        clock_shift(&entry->task->admitted_wall_ms, by_ms);
    }
    clock_shift(&entry->member.created_wall_ms, by_ms);
    clock_shift(&entry->member.failed_wall_ms, by_ms);
    probes_shift_times(entry, by_ms);
    if (entry->repository != NULL) {
        clock_shift(&entry->repository->evicted_wall_ms, by_ms);
        shift_trees(entry, by_ms);
        repository_save(entry);
    }
    if (entry->mirror != NULL) {
        clock_shift(&entry->mirror->observed.fetched_wall_ms, by_ms);
        clock_shift(&entry->mirror->asked_wall_ms, by_ms);
        clock_shift(&entry->mirror->evicted_wall_ms, by_ms);
        mirror_save(entry);
    }
    status_mark_entry(entry);
}

static void shift_all(struct controller *controller, int64_t by_ms)
{
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        shift_entry(map_value(at), by_ms);
    }
    for (struct map_entry *at = map_first(&controller->orphans); at != NULL; at = map_next(at)) {
        clock_shift(map_value(at), by_ms);
    }
    port_table_shift_times(&controller->ports, by_ms);
    retired_shift_times(controller, by_ms);
    disk_shift_times(controller, by_ms);
    heartbeat_shift_times(controller, by_ms);
    clock_shift(&controller->started_wall_ms, by_ms);
    clock_shift(&controller->last_pass_wall_ms, by_ms);
}

void clock_change_look(struct controller *controller)
{
    struct clock_reading now = clock_read();
    struct clock_change change;

    if (!clock_watch_look(&controller->clock, &now, &change)) {
        return;
    }
    if (change.set_by_ms != 0) {
        auto_free char *seconds = whole_seconds(change.set_by_ms);

        log_fields(LOG_WARN, "clock_set", "seconds", seconds, "effect",
                   "times that are waited for move with it", NULL);
        shift_all(controller, change.set_by_ms);
    }
    if (change.slept_ms > 0) {
        auto_free char *seconds = whole_seconds(change.slept_ms);

        log_fields(LOG_INFO, "machine_slept", "seconds", seconds, NULL);
        desired_scan(controller);
        observe_list(controller);
    }
    controller_enqueue_all(controller);
    retired_expire_soon(controller);
    heartbeat_write(controller, true);
}
