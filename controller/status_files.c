#include "controller/controller.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include "controller/entry.h"
#include "controller/profile_trace.h"
#include "controller/status_path.h"
#include "specs/status_size.h"
#include "specs/yaml_writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FLUSHES_PER_TURN = 256, DIGEST_SIZE = 33 /* half of SHA-256's: there are thousands */ };

/* What was written last of a file. */
struct written_status {
    char digest[DIGEST_SIZE]; /* of its text; "": of none, or of one that is there no more */
    bool is_too_large;        /* that was told */
    uint64_t again_at_ms;     /* not before this is it written again */
};

static struct written_status *written_of(struct controller *controller, const char *file)
{
    struct written_status *written = map_get(&controller->written_statuses, file);

    if (written == NULL) {
        written = xcalloc(1, sizeof(*written));
        map_put(&controller->written_statuses, file, written);
    }
    return written;
}

void status_mark_file(struct controller *controller, const char *file)
{
    map_put(&controller->dirty_files, file, controller);
    controller_wake(controller);
}

void status_mark_entry(struct entry *entry)
{
    const struct spec_entry *spec = entry_spec(entry);

    if (spec != NULL) {
        status_mark_file(entry->controller, spec->file);
    }
}

/*
 * Their objects may be held, or not be sure to be gone yet: a controller that starts now must know
 * of them.
 */
static void list_owners(const struct spec_set *specs, struct map *owners)
{
    for (struct map_entry *at = map_first(&specs->entries); at != NULL; at = map_next(at)) {
        struct spec_entry *entry = map_value(at);

        map_put(owners, entry->file, entry);
    }
}

void status_look_for(struct controller *controller, const char *file)
{
    auto_free char *path = status_path(controller->options.status_dir, file);
    struct written_status *written = map_get(&controller->written_statuses, file);

    if (written != NULL && !path_exists(path)) { /* somebody removed it */
        written->digest[0] = '\0';
        status_mark_file(controller, file);
    }
}

void status_mark_departed(struct controller *controller)
{
    auto_done(map) owners = {0};

    list_owners(controller->specs, &owners);
    for (struct map_entry *at = map_first(&controller->written_statuses); at != NULL;
         at = map_next(at)) {
        status_look_for(controller, map_key(at));
        if (map_get(&controller->specs->files, map_key(at)) == NULL) {
            status_mark_file(controller, map_key(at));
            if (map_get(&owners, map_key(at)) == NULL) {
                good_specs_forget(controller, map_key(at));
            }
        }
    }
}

/* Writing */

static int render(const json_t *documents, struct strbuf *text)
{
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        if ((index > 0 && strbuf_add(text, "---\n") < 0) || yaml_write(text, document) < 0) {
            return -1;
        }
    }
    return 0;
}

/* With less in it, when that is what it takes to stay below the ceiling. */
static int render_shortened(json_t *documents, struct strbuf *text)
{
    int result = render(documents, text);

    for (unsigned step = 0; result < 0 && status_shorten(documents, step); step++) {
        strbuf_reset(text);
        result = render(documents, text);
    }
    return result;
}

/* What was written before stays; it is told once. */
static void note_too_large(struct controller *controller, const char *name)
{
    struct written_status *written = written_of(controller, name);

    if (!written->is_too_large) {
        log_fields(LOG_ERROR, "status_too_large", "file", name, "hint",
                   "its status stays as it was; split the file", NULL);
    }
    *written = (struct written_status){.is_too_large = true};
}

static void make_parent(const char *path)
{
    auto_free char *directory = xstrdup(path);
    struct error err = {0};

    *strrchr(directory, '/') = '\0';
    dir_make(directory, 0755, &err); /* if it cannot be made, writing says why */
}

static bool write_status(struct controller *controller, const char *name, const char *path,
                         const struct strbuf *text)
{
    struct error err = {0};

    if (strcmp(controller->options.status_dir, controller->options.specs_dir) != 0) {
        make_parent(path);
    }
    if (file_replace(AT_FDCWD, path, text->text, text->len, 0644, FILE_VISIBLE, &err) < 0) {
        unwritten_note_status(controller, name, &err);
        return false;
    }
    unwritten_note_status(controller, name, NULL);
    return true;
}

/* An earlier controller wrote the same. */
static bool is_on_disk(const char *path, const struct strbuf *text)
{
    auto_free char *there = NULL;
    struct error err = {0};
    size_t len;

    return file_read(AT_FDCWD, path, STATUS_MAX_BYTES, &there, &len, &err) == 0 &&
           len == text->len && memcmp(there, strbuf_text(text), len) == 0;
}

static void note_written(struct controller *controller, const char *name, const struct strbuf *text,
                         const char *digest)
{
    struct written_status *written = written_of(controller, name);

    *written =
        (struct written_status){.again_at_ms = clock_monotonic_ms() + status_pause_ms(text->len)};
    memcpy(written->digest, digest, DIGEST_SIZE); /* it was cut to that */
}

/* False: it could not be written, and is tried again. */
static bool flush_file(struct controller *controller, const char *name)
{
    auto_free char *path = status_path(controller->options.status_dir, name);
    json_auto_t *documents = status_compose(controller, name);
    auto_done(strbuf) text = {.max_len = STATUS_MAX_BYTES};
    char digest[SHA256_HEX_SIZE];
    const struct written_status *before = map_get(&controller->written_statuses, name);

    if (json_array_size(documents) == 0) {
        unlink(path);
        unwritten_note_status(controller, name, NULL);
        free(map_remove(&controller->written_statuses, name));
        return true;
    }
    if (render_shortened(documents, &text) < 0) {
        note_too_large(controller, name);
        return true;
    }
    sha256_hex(text.text, text.len, digest);
    digest[DIGEST_SIZE - 1] = '\0';
    if (before != NULL && strcmp(before->digest, digest) == 0) {
        unwritten_note_status(controller, name, NULL);
        return true;
    }
    if (!(before == NULL && is_on_disk(path, &text)) &&
        !write_status(controller, name, path, &text)) {
        return false;
    }
    note_written(controller, name, &text, digest);
    return true;
}

bool status_is_written(struct controller *controller, const char *file)
{
    return map_get(&controller->written_statuses, file) != NULL;
}

int status_write_entry(struct entry *entry, struct error *err)
{
    struct controller *controller = entry->controller;
    const struct spec_entry *spec = entry_spec(entry);
    bool is_due = spec != NULL && (map_remove(&controller->late_files, spec->file) != NULL ||
                                   map_get(&controller->dirty_files, spec->file) != NULL);

    if (!is_due) {
        return 0;
    }
    map_remove(&controller->dirty_files, spec->file);
    return flush_file(controller, spec->file)
               ? 0
               : error_set(err, ERROR_TRANSIENT, "the status of \"%s\" cannot be written",
                           spec->file);
}

static void on_late_due(uv_timer_t *timer)
{
    struct controller *controller = timer->data;
    struct map_entry *at;

    while ((at = map_first(&controller->late_files)) != NULL) {
        auto_free char *name = xstrdup(map_key(at));

        map_remove(&controller->late_files, name);
        status_mark_file(controller, name);
    }
}

/* True: it was written a moment ago, and is large. */
static bool is_put_off(struct controller *controller, const char *name)
{
    const struct written_status *written = map_get(&controller->written_statuses, name);
    uint64_t now_ms = clock_monotonic_ms(), pause_ms;

    if (written == NULL || written->again_at_ms <= now_ms) {
        return false;
    }
    pause_ms = written->again_at_ms - now_ms;
    map_put(&controller->late_files, name, controller);
    if (!uv_is_active((uv_handle_t *)&controller->status_timer) ||
        uv_timer_get_due_in(&controller->status_timer) > pause_ms) {
        uv_timer_start(&controller->status_timer, on_late_due, pause_ms, 0);
    }
    return true;
}

void status_flush(struct controller *controller)
{
    struct map_entry *at;

    if (controller->options.is_dry_run) {
        return;
    }
    for (unsigned i = 0; i < FLUSHES_PER_TURN && (at = map_first(&controller->dirty_files)) != NULL;
         i++) {
        auto_free char *name = xstrdup(map_key(at));

        map_remove(&controller->dirty_files, name);
        if (!is_put_off(controller, name)) {
            profile_begin("status of %s", name);
            flush_file(controller, name);
            profile_end(NULL);
        }
    }
    if (map_first(&controller->dirty_files) != NULL) {
        controller_wake(controller);
    }
}

void status_flush_all(struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->written_statuses); at != NULL;
         at = map_next(at)) {
        struct written_status *written = map_value(at);

        written->again_at_ms = 0;
    }
    on_late_due(&controller->status_timer);
    while (map_first(&controller->dirty_files) != NULL) {
        status_flush(controller);
    }
}

void status_close(struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->written_statuses); at != NULL;
         at = map_next(at)) {
        free(map_value(at));
    }
    map_done(&controller->written_statuses);
    map_done(&controller->dirty_files);
    map_done(&controller->late_files);
    status_forget_remembered(controller);
}
