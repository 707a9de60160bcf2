#include "controller/once.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/dry_run.h"
#include "reconcilers/placement.h"
#include "reconcilers/task.h"
#include "specs/spec_file.h"

#include <stdio.h>
#include <stdlib.h>

enum { ENGINE_TRIES = 5, SETTLE_MS = 1000 };

static bool ends_by_itself(const struct controller *controller)
{
    return controller->options.is_once || controller->options.is_dry_run;
}

static bool is_stalled(const struct object_status *status)
{
    return status->conditions[CONDITION_STALLED].value == CONDITION_TRUE ||
           status->phase == PHASE_FAILED || status->phase == PHASE_INVALID;
}

static bool is_finished(const struct object_status *status)
{
    return status_is_settled(status) || task_is_over(status) ||
           status->conditions[CONDITION_RECONCILING].value == CONDITION_FALSE;
}

/* It waits for a place that others have: nothing that Berth does now will change that. */
static bool is_queued(const struct entry *entry)
{
    if (entry->kind == ENTRY_REPOSITORY) {
        return entry->repository->is_waiting;
    }
    return entry->task != NULL && entry->status->phase == PHASE_PENDING &&
           entry->task->admission != NULL && !entry->task->admission->is_admitted;
}

/* Those of a plan are not made yet. */
static bool waits_for_members(const struct entry *entry)
{
    return text_equal(entry->status->conditions[CONDITION_READY].reason, PLACEMENT_WAITING);
}

/*
 * A command that fails at once runs for an instant: what was started just now is not trusted yet.
 */
static int64_t settles_in_ms(const struct controller *controller)
{
    int64_t now_ms = clock_wall_ms(), longest_ms = 0;

    for (struct map_entry *at = map_first(&controller->containers); at != NULL; at = map_next(at)) {
        const struct observed_container *container = map_value(at);
        int64_t age_ms = now_ms - container->started_wall_ms;

        if (container->is_ours && container->state == WORKLOAD_RUNNING && age_ms >= 0 &&
            SETTLE_MS - age_ms > longest_ms) {
            longest_ms = SETTLE_MS - age_ms;
        }
    }
    return longest_ms;
}

static void on_settled(uv_timer_t *timer)
{
    (void)timer; /* the turn that it makes looks again */
}

static bool is_busy(const struct controller *controller)
{
    if (!controller->is_scanned || !controller->is_listed || controller->queue_first != NULL ||
        controller->is_placing_due || controller->runs > 0 || controller->specs->is_waiting ||
        controller->scan.is_being_written || map_first(&controller->inspections) != NULL) {
        return true;
    }
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        const struct entry *entry = map_value(at);

        if (!entry->is_passed || entry->state != KEY_IDLE ||
            (!is_stalled(entry->status) && !is_finished(entry->status) && !is_queued(entry))) {
            return true;
        }
    }
    return false;
}

static unsigned report_files(const struct controller *controller)
{
    unsigned bad = 0;

    for (struct map_entry *at = map_first(&controller->specs->files); at != NULL;
         at = map_next(at)) {
        const struct spec_set_file *file = map_value(at);

        if (file->unreadable != NULL) {
            fprintf(stderr, "%s: %s\n", file->name, file->unreadable);
            bad++;
        }
        for (size_t i = 0; file->parsed != NULL && i < file->parsed->error_count; i++) {
            auto_free char *text = spec_error_format(file->name, &file->parsed->errors[i]);

            fprintf(stderr, "%s\n", text);
            bad++;
        }
        for (size_t i = 0; file->parsed != NULL && i < file->parsed->count; i++) {
            const struct spec_document *document = &file->parsed->documents[i];
            const char *owner = spec_set_other_owner(controller->specs, file, document);

            for (size_t e = 0; e < document->error_count; e++) {
                auto_free char *text = spec_error_format(file->name, &document->errors[e]);

                fprintf(stderr, "%s\n", text);
                bad++;
            }
            if (owner != NULL) {
                fprintf(stderr, "%s:%u:%u: %s \"%s\" is already defined in %s\n", file->name,
                        document->line, document->column, document->kind, document->name, owner);
                bad++;
            }
        }
    }
    return bad;
}

static void report_entry(const struct entry *entry)
{
    const struct condition *stalled = &entry->status->conditions[CONDITION_STALLED];
    const struct condition *ready = &entry->status->conditions[CONDITION_READY];
    const struct condition *told = stalled->value == CONDITION_TRUE ? stalled : ready;

    fprintf(stderr, "%s: %s: %s: %s\n", entry->key, phase_name(entry->status->phase),
            told->reason != NULL ? told->reason : "Failed",
            told->message != NULL ? told->message : "");
}

static unsigned report_entries(const struct controller *controller)
{
    unsigned bad = 0;

    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        const struct entry *entry = map_value(at);

        if (is_stalled(entry->status) ||
            (is_queued(entry) && !(controller->options.is_dry_run && waits_for_members(entry)))) {
            report_entry(entry);
            bad++;
        }
    }
    return bad;
}

/* The time is up: whatever is still on its way is not where it should be. */
static void on_deadline(uv_timer_t *timer)
{
    struct controller *controller = timer->data;

    fprintf(stderr, "not converged after %u s:\n", controller->options.once_timeout_seconds);
    report_files(controller);
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        const struct entry *entry = map_value(at);

        if (is_stalled(entry->status) || !is_finished(entry->status)) {
            report_entry(entry);
        }
    }
    controller_stop(controller, EXIT_NOT_CONVERGED);
}

static void end_dry_run(struct controller *controller)
{
    struct dry_run *report = controller->options.dry_run;
    unsigned bad = report_files(controller);

    pass_dry_run(controller);
    if (report != NULL) {
        report->bad_files = bad;
        report->is_complete = true;
    } else {
        bad += report_entries(controller);
    }
    fflush(stdout);
    controller_stop(controller, bad > 0 ? EXIT_NOT_CONVERGED : EXIT_CONVERGED);
}

/*
 * The plans of a dry run need to know which images there are: all are asked for before the first
 * pass.
 */
static bool has_unknown_image(const struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->images); at != NULL; at = map_next(at)) {
        if (((const struct image_entry *)map_value(at))->state == IMAGE_UNKNOWN) {
            return true;
        }
    }
    return false;
}

static void on_dry_run_timer(uv_timer_t *timer)
{
    struct controller *controller = timer->data;

    if (!controller->is_scanned && controller->scan_error != NULL) {
        fprintf(stderr, "%s\n", controller->scan_error);
        controller_stop(controller, EXIT_NOT_CONVERGED);
        return;
    }
    if (controller->is_stopping || !controller->is_listed || !controller->is_scanned) {
        return;
    }
    if (!controller->has_placed) {
        pass_find_members(controller);
        controller->has_placed = true;
    }
    observe_all_images(controller);
    if (!has_unknown_image(controller)) {
        end_dry_run(controller);
    }
}

void once_begin(struct controller *controller)
{
    if (controller->options.is_dry_run) {
        uv_timer_start(&controller->once_timer, on_dry_run_timer, 1, 5);
    }
    if (controller->options.is_once) {
        uv_timer_start(&controller->deadline_timer, on_deadline,
                       controller->options.once_timeout_seconds * UINT64_C(1000), 0);
    }
}

void once_check(struct controller *controller)
{
    int64_t settles_ms;
    unsigned bad;

    if (!controller->options.is_once || controller->is_stopping) {
        return;
    }
    if (controller->scan_error != NULL && !controller->is_scanned) {
        fprintf(stderr, "%s\n", controller->scan_error);
        controller_stop(controller, EXIT_NOT_CONVERGED);
        return;
    }
    if (is_busy(controller)) {
        return;
    }
    settles_ms = settles_in_ms(controller);
    if (settles_ms > 0) {
        uv_timer_start(&controller->once_timer, on_settled, (uint64_t)settles_ms, 0);
        return;
    }
    bad = report_files(controller) + report_entries(controller);
    controller_stop(controller, bad > 0 ? EXIT_NOT_CONVERGED : EXIT_CONVERGED);
}

void once_engine_failed(struct controller *controller)
{
    if (ends_by_itself(controller) && ++controller->engine_failures >= ENGINE_TRIES) {
        fprintf(stderr, "engine %s: %s\n", engine_address(controller->engine),
                controller->engine_error);
        controller_stop(controller, EXIT_NO_ENGINE);
    }
}
