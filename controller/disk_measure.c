#include "controller/disk_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/*
 * Sizes. A snapshot has hard links to files beside its mirror: it is measured together with it, and
 * the mirror, which was measured before, is taken off.
 */

enum { FRESH_MS = 600000 };

struct measured {
    char *id;
    char *folders[DISK_FOLDERS_MAX], *beside;
    char *beside_id; /* whose size beside is */
    size_t folder_count;
};

struct disk_measuring {
    struct controller *controller;
    struct measured *queue;
    size_t count, capacity, next;
    struct tree_work *work;
};

static void measuring_free(struct disk_measuring *measuring)
{
    for (size_t i = 0; i < measuring->count; i++) {
        struct measured *measured = &measuring->queue[i];

        for (size_t k = 0; k < measured->folder_count; k++) {
            free(measured->folders[k]);
        }
        free(measured->id);
        free(measured->beside);
        free(measured->beside_id);
    }
    free(measuring->queue);
    free(measuring);
}

void disk_stop_measuring(struct collector *collector)
{
    if (collector->measuring != NULL) { /* the pool is gone already, or ends its jobs by itself */
        measuring_free(TAKE(collector->measuring));
    }
}

static void measure_next(struct disk_measuring *measuring);

static void take_result(struct disk_measuring *measuring, const struct measured *measured,
                        const struct tree_result *result)
{
    struct disk_notes *notes = &measuring->controller->collector->notes;
    struct disk_note *note = disk_notes_find(notes, measured->id);
    const struct disk_note *beside =
        measured->beside_id != NULL ? disk_notes_find(notes, measured->beside_id) : NULL;
    uint64_t other_bytes = beside != NULL ? beside->bytes : 0;
    uint64_t other_files = beside != NULL ? beside->files : 0;

    if (note == NULL) {
        return; /* it is gone meanwhile */
    }
    note->measured_wall_ms = clock_wall_ms();
    if (result != NULL) { /* never 0, which says that it was not measured */
        note->bytes = result->bytes > other_bytes ? result->bytes - other_bytes : 1;
        note->files = result->files > other_files ? result->files - other_files : 1;
    }
}

static void on_measured(void *user, const struct tree_result *result, struct error *err)
{
    struct disk_measuring *measuring = user;
    const struct measured *measured = &measuring->queue[measuring->next++];

    measuring->work = NULL;
    if (result == NULL) {
        log_fields(LOG_DEBUG, "not_measured", "what", measured->id, "error", err->message, NULL);
    }
    take_result(measuring, measured, result);
    measure_next(measuring);
}

static void measure_next(struct disk_measuring *measuring)
{
    struct controller *controller = measuring->controller;
    struct tree_job job = {.verb = TREE_MEASURE};
    const struct measured *measured;

    if (measuring->next == measuring->count) {
        controller->collector->measuring = NULL;
        measuring_free(measuring);
        disk_take_sizes(controller);
        return;
    }
    measured = &measuring->queue[measuring->next];
    for (size_t i = 0; i < measured->folder_count; i++) {
        job.lowers[job.lower_count++] = measured->folders[i];
    }
    if (measured->beside != NULL) {
        job.lowers[job.lower_count++] = measured->beside;
    }
    measuring->work = tree_pool_submit(controller->trees, &job, on_measured, measuring);
}

/* What never changes is measured once. */
static bool is_stale(const struct collector *collector, const struct disk_thing *thing)
{
    const struct disk_note *note = disk_notes_find(&collector->notes, thing->id);
    bool is_constant = thing->kind == DISK_SNAPSHOT || thing->kind == DISK_SETUP_LAYER;
    bool is_known = thing->bytes > 0 || thing->files > 0;

    return thing->folder_count > 0 && !(is_constant && is_known) &&
           clock_wall_ms() - note->measured_wall_ms >= FRESH_MS;
}

static void add(struct disk_measuring *measuring, const struct disk_thing *thing)
{
    struct measured *measured;

    array_grow(&measuring->queue, measuring->count, &measuring->capacity,
               sizeof(*measuring->queue));
    measured = &measuring->queue[measuring->count++];
    *measured = (struct measured){.id = xstrdup(thing->id)};
    for (size_t i = 0; i < thing->folder_count; i++) {
        measured->folders[measured->folder_count++] = xstrdup(thing->folders[i]);
    }
    if (thing->beside != NULL) {
        measured->beside = xstrdup(thing->beside);
        measured->beside_id = xasprintf("%s/git", thing->repository);
    }
}

void disk_measure(struct controller *controller, const struct disk_survey *survey)
{
    struct collector *collector = controller->collector;
    struct disk_measuring *measuring;

    if (collector->measuring != NULL) {
        return; /* those that are missing are found by the next survey */
    }
    measuring = xcalloc(1, sizeof(*measuring));
    measuring->controller = controller;
    for (size_t i = 0; i < survey->count; i++) { /* mirrors first: see above */
        if (survey->things[i].kind == DISK_MIRROR && is_stale(collector, &survey->things[i])) {
            add(measuring, &survey->things[i]);
        }
    }
    for (size_t i = 0; i < survey->count; i++) {
        if (survey->things[i].kind != DISK_MIRROR && is_stale(collector, &survey->things[i])) {
            add(measuring, &survey->things[i]);
        }
    }
    if (measuring->count == 0) {
        measuring_free(measuring);
        return;
    }
    collector->measuring = measuring;
    measure_next(measuring);
}
