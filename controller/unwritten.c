#include "controller/controller.h"

#include "base/log.h"
#include "base/memory.h"
#include "controller/trees.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * A full or read-only disk, or a directory that was taken away. Files are replaced whole, so what
 * is there stays as it was; the containers are looked after all the same. That something is not
 * written is told once when it begins and once when it is over, and it is tried again until then,
 * so that no event is needed for it.
 */

enum { RETRY_MS = 2000 };

void unwritten_note_status(struct controller *controller, const char *file, const struct error *err)
{
    struct unwritten *unwritten = &controller->unwritten;

    if (err != NULL) {
        map_put(&unwritten->statuses, file, controller);
        free(unwritten->status_error);
        unwritten->status_error = xstrdup(err->message);
        return;
    }
    map_remove(&unwritten->statuses, file);
    if (map_first(&unwritten->statuses) == NULL) {
        free(unwritten->status_error);
        unwritten->status_error = NULL;
    }
}

void unwritten_hold_id(struct controller *controller)
{
    struct unwritten *unwritten = &controller->unwritten;
    struct error err = {0};
    int result;

    if (controller->options.is_dry_run) {
        return;
    }
    result = id_copy_hold(&controller->id_copy, controller->options.status_dir,
                          controller->state.path, controller->state.id, &err);
    if (result < 0 && err.kind == ERROR_CONFLICT && !unwritten->is_other_told) {
        log_fields(LOG_WARN, "status_directory_shared", "directory", controller->options.status_dir,
                   "error", err.message, "hint",
                   "two controllers write the same statuses: give each its own --status-dir", NULL);
    }
    unwritten->is_other_told = result < 0 && err.kind == ERROR_CONFLICT;
}

/*
 * Where a disk has no room, or nothing may be written, its statuses and state files show that by
 * their age only: so it is logged.
 */
static void tell(bool *is_told, const char *begins, const char *ends, const char *error,
                 size_t count, const char *hint)
{
    char files[32];

    if (*is_told == (error != NULL)) {
        return;
    }
    *is_told = error != NULL;
    snprintf(files, sizeof(files), "%zu", count);
    if (error != NULL) {
        log_fields(LOG_ERROR, begins, "files", files, "error", error, "hint", hint, NULL);
    } else {
        log_fields(LOG_INFO, ends, NULL);
    }
}

/* result: of state_look() or state_retry(). False: the directory is another controller's now. */
static bool is_ours(struct controller *controller, int result, const struct error *err)
{
    if (result < 0) {
        log_fields(LOG_ERROR, "state_directory_taken", "error", err->message, NULL);
        controller_stop(controller, EXIT_USAGE);
    }
    return result == 0;
}

void unwritten_look(struct controller *controller)
{
    struct error err = {0};

    is_ours(controller, state_look(&controller->state, &err), &err);
}

static void on_retry(uv_timer_t *timer)
{
    struct controller *controller = timer->data;
    struct error err = {0};

    if (!is_ours(controller, state_retry(&controller->state, &err), &err)) {
        return;
    }
    for (struct map_entry *at = map_first(&controller->unwritten.statuses); at != NULL;
         at = map_next(at)) {
        status_mark_file(controller, map_key(at));
    }
    unwritten_hold_id(controller);
    if (controller->unwritten.is_probe_due) {
        controller->unwritten.is_probe_due = false;
        trees_probe(controller);
    }
    heartbeat_write(controller, true);
    controller_wake(controller);
}

void unwritten_check(struct controller *controller)
{
    struct unwritten *unwritten = &controller->unwritten;
    size_t state_count, status_count = map_count(&unwritten->statuses);
    const char *state_error = state_unwritten(&controller->state, &state_count);

    tell(&unwritten->is_state_told, "state_unwritable", "state_writable", state_error, state_count,
         "work goes on, and it is tried again; ports are still told by the labels of containers");
    tell(&unwritten->is_status_told, "status_unwritable", "status_writable",
         unwritten->status_error, status_count,
         "it is tried again; make room, make it writable, or use --status-dir");
    if ((state_error != NULL || unwritten->status_error != NULL || unwritten->is_probe_due) &&
        !uv_is_active((uv_handle_t *)&controller->retry_timer)) {
        uv_timer_start(&controller->retry_timer, on_retry, RETRY_MS, 0);
    }
}

void unwritten_close(struct controller *controller)
{
    map_done(&controller->unwritten.statuses);
    free(controller->unwritten.status_error);
}
