#include "controller/controller.h"

#include "base/memory.h"
#include "base/parse.h"
#include "controller/entry.h"
#include "controller/pools.h"
#include "specs/reason.h"
#include "specs/status_object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * What the status file of a spec file says: a document for each of the file, and for what is in
 * force of it.
 */

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

json_t *status_compose(struct controller *controller, const char *name)
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
