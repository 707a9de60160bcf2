#include "controller/controller.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include "base/version.h"
#include "controller/entry.h"
#include "controller/pools.h"
#include "controller/profile_trace.h"
#include "controller/status_path.h"
#include "specs/reason.h"
#include "specs/status_object.h"
#include "specs/status_shorten.h"
#include "specs/status_times.h"
#include "specs/yaml_reader.h"
#include "specs/yaml_writer.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_STATUS_BYTES = YAML_OWN_SCALE * YAML_MAX_BYTES, FLUSHES_PER_TURN = 256 };

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
    char *digest = map_get(&controller->status_texts, file);

    if (digest != NULL && !path_exists(path)) { /* somebody removed it */
        digest[0] = '\0';
        status_mark_file(controller, file);
    }
}

void status_mark_departed(struct controller *controller)
{
    auto_done(map) owners = {0};

    list_owners(controller->specs, &owners);
    for (struct map_entry *at = map_first(&controller->status_texts); at != NULL;
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

/* Composition */

/* A name that is only that of a pool's member stands for no document. */
static bool is_in_force(const struct controller *controller, const char *kind, const char *name)
{
    auto_free char *key = object_key(kind, name);

    return spec_set_find(controller->specs, key) != NULL;
}

static struct entry *entry_of_document(struct controller *controller, const char *kind,
                                       const char *name)
{
    auto_free char *key = NULL;

    if (strcmp(kind, kind_name(KIND_REPOSITORY)) == 0) {
        struct entry *entry = map_get(&controller->repositories, name);

        return entry != NULL && text_equal(entry->repository->settings_name, name) ? entry : NULL;
    }
    key = object_key(kind, name);
    return entry_find(controller, key);
}

static char *location_of(const char *file, const struct spec_error *error)
{
    const char *gap = error->path[0] != '\0' ? " " : "";

    return error->line > 0
               ? xasprintf("%s:%u:%u%s%s", file, error->line, error->column, gap, error->path)
               : xasprintf("%s%s%s", file, gap, error->path);
}

static void add_spec_errors(struct object_status *status, const char *file,
                            const struct spec_error *errors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        auto_free char *location = location_of(file, &errors[i]);

        status_add_error(status, errors[i].reason, errors[i].message, location);
    }
}

/*
 * The status of something that no entry stands for: a document with errors, or one whose name is
 * another file's.
 */
static struct object_status *invalid_status(const char *reason, const char *message)
{
    struct object_status *status = status_new();

    status->phase = PHASE_INVALID;
    status_set_condition(status, CONDITION_READY, CONDITION_FALSE, reason, message);
    status_set_condition(status, CONDITION_STALLED, CONDITION_TRUE, reason, message);
    status_set_condition(status, CONDITION_SPEC_VALID, CONDITION_FALSE, reason, message);
    return status;
}

static void append_document(json_t *documents, const char *kind, const char *name,
                            const struct object *object, const struct object_status *status)
{
    json_array_append_new(documents, json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", API_VERSION,
                                               "kind", kind != NULL ? kind : "Unknown", "metadata",
                                               status_metadata(name, object), "status",
                                               status_to_json(status)));
}

static void append_duplicate(json_t *documents, const struct spec_document *document,
                             const char *file, const char *owner)
{
    auto_free char *message =
        xasprintf("%s \"%s\" is already defined in %s", document->kind, document->name, owner);
    auto_free char *location = xasprintf("%s:%u:%u", file, document->line, document->column);
    auto_owned(object_status) *status = invalid_status(REASON_DUPLICATE_OBJECT, message);

    status_add_error(status, REASON_DUPLICATE_OBJECT, message, location);
    append_document(documents, document->kind, document->name, document->object, status);
}

static void append_invalid(json_t *documents, const char *file,
                           const struct spec_document *document)
{
    auto_owned(object_status) *status =
        invalid_status(REASON_INVALID_SPEC, document->error_count > 0 ? document->errors[0].message
                                                                      : "the document has errors");

    add_spec_errors(status, file, document->errors, document->error_count);
    append_document(documents, document->kind, document->name, document->object, status);
}

/* What stands until the first pass, as a document of its own; NULL: nothing does. */
static json_t *remembered_status(const struct entry *entry)
{
    return entry->is_passed ? NULL : entry_remembered(entry);
}

/* An entry whose newest version has errors: what runs, and what is wrong with the file. */
static void append_entry(json_t *documents, const char *file, const struct entry *entry,
                         const char *kind, const char *name, const struct spec_error *errors,
                         size_t error_count)
{
    json_t *remembered = remembered_status(entry);
    const struct spec_entry *spec = entry_spec(entry);
    const struct object *object = spec != NULL ? spec->object : NULL;
    json_t *status = remembered != NULL ? remembered : status_to_json(entry->status);

    status_add_instance(status, object);
    if (remembered == NULL && entry->kind == ENTRY_POOL) {
        json_object_set_new(status, "members", pools_members_to_json(entry));
    }
    if (error_count > 0) {
        struct object_status *only_errors = status_new();
        json_t *parts;

        add_spec_errors(only_errors, file, errors, error_count);
        parts = status_to_json(only_errors);
        json_object_set(status, "error", json_object_get(parts, "error"));
        json_object_set(status, "errors", json_object_get(parts, "errors"));
        json_decref(parts);
        status_free(only_errors);
    }
    json_array_append_new(documents,
                          json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", API_VERSION, "kind", kind,
                                    "metadata", status_metadata(name, object), "status", status));
}

/* A second Repository object for one URL: the first one's settings count. */
static void append_other_repository(struct controller *controller, json_t *documents,
                                    const char *file, const struct spec_document *document)
{
    struct entry *owner = map_get(&controller->repositories, document->name);
    auto_free char *message = xasprintf(
        "its URL is that of Repository \"%s\", whose settings are in force",
        owner != NULL && owner->repository->settings_name != NULL ? owner->repository->settings_name
                                                                  : "?");
    auto_free char *location = xasprintf("%s:%u:%u", file, document->line, document->column);
    auto_owned(object_status) *status = invalid_status(REASON_REPOSITORY_DUPLICATE, message);

    status_add_error(status, REASON_REPOSITORY_DUPLICATE, message, location);
    append_document(documents, document->kind, document->name, document->object, status);
}

static void append_for_document(struct controller *controller, json_t *documents,
                                const struct spec_set_file *file,
                                const struct spec_document *document)
{
    const char *owner = spec_set_other_owner(controller->specs, file, document);
    const struct entry *entry;

    if (owner != NULL) {
        append_duplicate(documents, document, file->name, owner);
        return;
    }
    entry = document->kind != NULL && document->name != NULL &&
                    is_in_force(controller, document->kind, document->name)
                ? entry_of_document(controller, document->kind, document->name)
                : NULL;
    if (entry != NULL) {
        append_entry(documents, file->name, entry, document->kind, document->name, document->errors,
                     document->error_count);
    } else if (document->object != NULL && document->object->kind == KIND_REPOSITORY) {
        append_other_repository(controller, documents, file->name, document);
    } else if (document->object == NULL) {
        append_invalid(documents, file->name, document);
    }
}

static bool has_document(const struct spec_set_file *file, const char *key)
{
    for (size_t i = 0; file->parsed != NULL && i < file->parsed->count; i++) {
        const struct spec_document *document = &file->parsed->documents[i];

        if (document->kind != NULL && document->name != NULL) {
            auto_free char *document_key = object_key(document->kind, document->name);

            if (strcmp(document_key, key) == 0) {
                return true;
            }
        }
    }
    return false;
}

/*
 * Objects in force that the file, as it is now, does not show: it is broken, or their deletion is
 * not sure yet.
 */
static void append_hidden(struct controller *controller, json_t *documents, const char *name,
                          const struct spec_set_file *file)
{
    if (file != NULL && !file->has_hidden) {
        return;
    }
    for (struct map_entry *at = map_first(&controller->specs->entries); at != NULL;
         at = map_next(at)) {
        const struct spec_entry *spec = map_value(at);
        const struct entry *entry;

        if (strcmp(spec->file, name) != 0 || (file != NULL && has_document(file, spec->key))) {
            continue;
        }
        entry = entry_of_document(controller, kind_name(spec->object->kind), spec->object->name);
        if (entry != NULL) {
            append_entry(documents, name, entry, kind_name(spec->object->kind), spec->object->name,
                         NULL, 0);
        }
    }
}

static void append_file_errors(json_t *documents, const struct spec_set_file *file)
{
    const struct spec_file *parsed = file->parsed;
    auto_owned(object_status) *status = NULL;

    if (file->unreadable != NULL) {
        status = invalid_status(REASON_FILE_UNREADABLE, file->unreadable);
        status_add_error(status, REASON_FILE_UNREADABLE, file->unreadable, file->name);
    } else if (parsed != NULL && parsed->error_count > 0) {
        status = invalid_status(parsed->errors[0].reason, parsed->errors[0].message);
        add_spec_errors(status, file->name, parsed->errors, parsed->error_count);
    } else {
        return;
    }
    append_document(documents, "SpecFile", file->name, NULL, status);
}

static json_t *compose(struct controller *controller, const char *name)
{
    const struct spec_set_file *file = map_get(&controller->specs->files, name);
    json_t *documents = json_array();

    for (size_t i = 0; file != NULL && file->parsed != NULL && i < file->parsed->count; i++) {
        append_for_document(controller, documents, file, &file->parsed->documents[i]);
    }
    append_hidden(controller, documents, name, file);
    if (file != NULL) {
        append_file_errors(documents, file);
    }
    return documents;
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
    static const char mark[] = "too large"; /* no digest */

    if (!text_equal(map_get(&controller->status_texts, name), mark)) {
        log_fields(LOG_ERROR, "status_too_large", "file", name, "hint",
                   "its status stays as it was; split the file", NULL);
        free(map_put(&controller->status_texts, name, xstrdup(mark)));
    }
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

    return file_read(AT_FDCWD, path, MAX_STATUS_BYTES, &there, &len, &err) == 0 &&
           len == text->len && memcmp(there, strbuf_text(text), len) == 0;
}

static void flush_file(struct controller *controller, const char *name)
{
    auto_free char *path = status_path(controller->options.status_dir, name);
    json_auto_t *documents = compose(controller, name);
    auto_done(strbuf) text = {.max_len = MAX_STATUS_BYTES};
    char digest[SHA256_HEX_SIZE];
    const char *before = map_get(&controller->status_texts, name);

    if (json_array_size(documents) == 0) {
        unlink(path);
        unwritten_note_status(controller, name, NULL);
        free(map_remove(&controller->status_texts, name));
        return;
    }
    if (render_shortened(documents, &text) < 0) {
        note_too_large(controller, name);
        return;
    }
    sha256_hex(text.text, text.len, digest);
    if (text_equal(before, digest)) {
        unwritten_note_status(controller, name, NULL);
        return;
    }
    if ((before == NULL && is_on_disk(path, &text)) ||
        write_status(controller, name, path, &text)) {
        free(map_put(&controller->status_texts, name, xstrdup(digest)));
    }
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
        profile_begin("status of %s", name);
        flush_file(controller, name);
        profile_end(NULL);
    }
    if (map_first(&controller->dirty_files) != NULL) {
        controller_wake(controller);
    }
}

void status_flush_all(struct controller *controller)
{
    while (map_first(&controller->dirty_files) != NULL) {
        status_flush(controller);
    }
}

/* Reading back, and what was left behind */

/* One that got a shorter name, which does not tell the file's. */
static bool short_status_has_spec(const struct spec_set *specs, const char *status_name)
{
    for (struct map_entry *at = map_first(&specs->files); at != NULL; at = map_next(at)) {
        auto_free char *path = status_path("", map_key(at));

        if (strcmp(path + 1, status_name) == 0) {
            return true;
        }
    }
    return false;
}

static bool status_has_spec(const struct spec_set *specs, const char *status_name)
{
    size_t len = strlen(status_name) - strlen(".status.yaml");
    auto_free char *plain = xasprintf("%.*s", (int)len, status_name);
    auto_free char *yaml = xasprintf("%s.yaml", plain);

    return map_get(&specs->files, yaml) != NULL || map_get(&specs->files, plain) != NULL ||
           (strchr(plain, '~') != NULL && short_status_has_spec(specs, status_name));
}

static json_t *read_documents(const char *path)
{
    auto_free char *text = NULL;
    auto_owned(yaml_stream) *stream = NULL;
    json_t *documents = json_array();
    struct error err = {0};
    size_t len;

    if (file_read(AT_FDCWD, path, MAX_STATUS_BYTES, &text, &len, &err) < 0) {
        return documents;
    }
    stream = yaml_stream_parse_own(text, len);
    for (size_t i = 0; i < stream->count; i++) {
        json_array_append_new(documents, yaml_node_to_json(stream->documents[i]));
    }
    return documents;
}

struct object_status *status_recall(const json_t *json)
{
    struct object_status *status = status_from_json(json);

    status_limit_times(status, clock_wall_ms(), RETRY_MAX_MS);
    return status;
}

struct object_status *status_remembered(struct controller *controller, const char *file,
                                        const char *kind, const char *name, json_t **ret_json)
{
    auto_free char *path = status_path(controller->options.status_dir, file);
    json_t *documents = map_get(&controller->remembered, file);
    size_t index;
    json_t *document;

    if (documents == NULL) {
        documents = read_documents(path);
        map_put(&controller->remembered, file, documents);
    }
    json_array_foreach(documents, index, document) {
        const json_t *metadata = json_object_get(document, "metadata");

        if (text_equal(json_string_value(json_object_get(document, "kind")), kind) &&
            text_equal(json_string_value(json_object_get(metadata, "name")), name)) {
            *ret_json = json_incref(json_object_get(document, "status"));
            json_array_remove(documents, index); /* thousands of them are a lot of memory */
            if (json_array_size(documents) == 0) {
                map_remove(&controller->remembered, file);
                json_decref(documents);
            }
            return status_recall(*ret_json);
        }
    }
    return NULL;
}

/* A status file is ours when it begins like one. */
static bool is_own_status(const char *path)
{
    auto_free char *text = NULL;
    struct error err = {0};

    return file_read(AT_FDCWD, path, MAX_STATUS_BYTES, &text, NULL, &err) == 0 &&
           text_has_prefix(text, "apiVersion: " API_VERSION "\n");
}

static void remove_stale_in(struct controller *controller, const char *directory)
{
    auto_free char *path = path_join(controller->options.status_dir, directory);
    DIR *dir = opendir(path);
    struct dirent *item;

    dir_remove_temporary(path, ".status.yaml");
    while (dir != NULL && (item = readdir(dir)) != NULL) {
        auto_free char *name = path_join(directory, item->d_name);
        auto_free char *full = path_join(controller->options.status_dir, name);

        if (item->d_name[0] != '.' && text_has_suffix(name, ".status.yaml") &&
            !status_has_spec(controller->specs, name) && is_own_status(full)) {
            unlink(full);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

void status_remove_stale(struct controller *controller)
{
    if (!controller->is_scanned || controller->options.is_dry_run) {
        return;
    }
    for (struct map_entry *at = map_first(&controller->scan.directories); at != NULL;
         at = map_next(at)) {
        remove_stale_in(controller, map_key(at));
    }
}

void status_forget_remembered(struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->remembered); at != NULL; at = map_next(at)) {
        json_decref(map_value(at));
    }
    map_done(&controller->remembered);
}

void status_close(struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->status_texts); at != NULL;
         at = map_next(at)) {
        free(map_value(at));
    }
    map_done(&controller->status_texts);
    map_done(&controller->dirty_files);
    status_forget_remembered(controller);
}
