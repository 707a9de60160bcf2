#include "specs/spec_set.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/schema.h"
#include "specs/spec_set_parts.h"
#include "specs/yaml_reader.h"
#include "specs/yaml_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *object_key(const char *kind, const char *name)
{
    return xasprintf("%s/%s", kind, name);
}

struct spec_set *spec_set_new(void)
{
    return xcalloc(1, sizeof(struct spec_set));
}

static void file_free(struct spec_set_file *file)
{
    spec_file_free(file->parsed);
    free(file->good_text);
    free(file->unreadable);
    free(file->name);
    free(file);
}

static void entry_free(struct spec_entry *entry)
{
    object_unref(entry->object);
    free(entry->key);
    free(entry->file);
    free(entry);
}

void spec_set_free(struct spec_set *set)
{
    if (set == NULL) {
        return;
    }
    for (struct map_entry *at = map_first(&set->files); at != NULL; at = map_next(at)) {
        file_free(map_value(at));
    }
    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = map_next(at)) {
        entry_free(map_value(at));
    }
    map_done(&set->files);
    map_done(&set->entries);
    map_done(&set->changes);
    free(set);
}

void spec_set_mark_changed(struct spec_set *set, const char *key)
{
    map_put(&set->changes, key, set);
}

void spec_set_remove_entry(struct spec_set *set, struct spec_entry *entry)
{
    spec_set_mark_changed(set, entry->key);
    map_remove(&set->entries, entry->key);
    entry_free(entry);
}

void spec_set_scan_begin(struct spec_set *set)
{
    for (struct map_entry *at = map_first(&set->files); at != NULL; at = map_next(at)) {
        struct spec_set_file *file = map_value(at);

        file->is_seen = false;
    }
    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = map_next(at)) {
        ((struct spec_entry *)map_value(at))->is_doubted = false;
    }
    set->has_doubts = false;
    set->is_stirred = set->is_moving = false;
}

void spec_set_scan_abort(struct spec_set *set)
{
    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = map_next(at)) {
        struct spec_entry *entry = map_value(at);

        entry->is_meant = false;
    }
    for (struct map_entry *at = map_first(&set->files); at != NULL; at = map_next(at)) {
        struct spec_set_file *file = map_value(at);

        file->is_seen = true;
    }
}

static struct spec_set_file *file_of(struct spec_set *set, const char *name)
{
    struct spec_set_file *file = map_get(&set->files, name);

    if (file == NULL) {
        file = xcalloc(1, sizeof(*file));
        file->name = xstrdup(name);
        map_put_borrowed(&set->files, file->name, file);
    }
    file->is_seen = true;
    return file;
}

static void set_unreadable(struct spec_set_file *file, const char *why)
{
    if (text_equal(file->unreadable, why)) {
        return;
    }
    free(file->unreadable);
    file->unreadable = xstrdup_or_null(why);
    file->is_changed = true;
}

bool spec_set_file_is_known(struct spec_set *set, const char *name, const char *digest)
{
    struct spec_set_file *file = map_get(&set->files, name);

    if (file == NULL || file->parsed == NULL || strcmp(file->digest, digest) != 0) {
        return false;
    }
    file->is_seen = true;
    set_unreadable(file, NULL);
    return true;
}

bool spec_set_file_owns(const struct spec_set *set, const char *name)
{
    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = map_next(at)) {
        if (strcmp(((const struct spec_entry *)map_value(at))->file, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_nameless_document(const struct spec_file *parsed)
{
    for (size_t i = 0; i < parsed->count; i++) {
        if (parsed->documents[i].kind == NULL || parsed->documents[i].name == NULL) {
            return true;
        }
    }
    return false;
}

static void take_parsed(struct spec_set *set, struct spec_set_file *file, struct spec_file *parsed,
                        const char *digest, const char *text, size_t len)
{
    spec_file_free(file->parsed);
    file->parsed = parsed;
    snprintf(file->digest, sizeof(file->digest), "%s", digest);
    set->is_stirred = true;
    set->is_moving |= !file->parsed->is_complete || has_nameless_document(file->parsed);
    set_unreadable(file, NULL);
    file->is_changed = true;
    free(file->good_text);
    file->good_text = spec_file_has_errors(file->parsed) ? NULL : xmemdup(text, len);
    file->good_len = len;
    file->has_good |= file->good_text != NULL;
}

void spec_set_file_put(struct spec_set *set, const char *name, const char *digest, const char *text,
                       size_t len)
{
    take_parsed(set, file_of(set, name), spec_file_parse(name, text, len), digest, text, len);
}

void spec_set_file_keep(struct spec_set *set, const char *name, const char *why_unreadable)
{
    set_unreadable(file_of(set, name), why_unreadable);
}

void spec_set_file_unknown(struct spec_set *set)
{
    set->is_moving = true;
}

static bool is_below(const char *file, const char *directory)
{
    size_t len = strlen(directory);

    return len == 0 || (strncmp(file, directory, len) == 0 && file[len] == '/');
}

void spec_set_keep_below(struct spec_set *set, const char *directory)
{
    for (struct map_entry *at = map_first(&set->files); at != NULL; at = map_next(at)) {
        struct spec_set_file *file = map_value(at);

        file->is_seen |= is_below(file->name, directory);
    }
}

void spec_set_doubt_below(struct spec_set *set, const char *directory)
{
    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = map_next(at)) {
        struct spec_entry *entry = map_value(at);

        entry->is_doubted |= is_below(entry->file, directory);
        set->has_doubts |= entry->is_doubted;
    }
}

/*
 * The document of this key in a file that is there, or NULL. The first one counts: later ones carry
 * an error.
 */
static const struct spec_document *document_of(const struct spec_set *set, const char *file_name,
                                               const char *key)
{
    const struct spec_set_file *file = map_get(&set->files, file_name);

    if (file == NULL || !file->is_seen || file->parsed == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < file->parsed->count; i++) {
        const struct spec_document *document = &file->parsed->documents[i];

        if (document->kind != NULL && document->name != NULL) {
            auto_free char *document_key = object_key(document->kind, document->name);

            if (strcmp(document_key, key) == 0) {
                return document;
            }
        }
    }
    return NULL;
}

static void adopt_object(struct spec_set *set, struct spec_entry *entry, struct object *object)
{
    if (entry->object == object) {
        return;
    }
    if (entry->object == NULL || strcmp(entry->object->hash, object->hash) != 0 ||
        !text_equal(entry->object->file, object->file)) {
        spec_set_mark_changed(set, entry->key);
    }
    object_unref(entry->object);
    entry->object = object_ref(object);
}

static void entry_see(struct spec_set *set, struct spec_entry *entry, const char *file,
                      const struct spec_document *document)
{
    bool is_valid = document != NULL && document->object != NULL;

    set->is_moving |= entry->missing_since_ms != 0;
    entry->is_seen = true;
    entry->missing_since_ms = 0;
    if (!text_equal(entry->file, file)) {
        struct spec_set_file *owner = map_get(&set->files, file);
        struct spec_set_file *before = map_get(&set->files, entry->file);

        owner->is_changed = true; /* what is in force of it is more now */
        if (before != NULL) {
            before->is_changed = true; /* and of this one less */
        }
        free(entry->file);
        entry->file = xstrdup(file);
    }
    if (entry->is_valid != is_valid || entry->is_held) {
        entry->is_valid = is_valid;
        entry->is_held = false;
        spec_set_mark_changed(set, entry->key);
    }
    if (is_valid) {
        adopt_object(set, entry, document->object);
    }
}

/*
 * A file that could not be read to its end, or of which a document has lost its name, may hold what
 * we do not see.
 */
static bool may_hide(const struct spec_set *set, const char *file_name)
{
    const struct spec_set_file *file = map_get(&set->files, file_name);

    return file != NULL && file->is_seen &&
           (file->parsed == NULL || !file->parsed->is_complete || file->unreadable != NULL ||
            has_nameless_document(file->parsed));
}

/* One document of a file that is there: its entry, unless another file owns the name. */
static void see_document(struct spec_set *set, const struct spec_set_file *file,
                         const struct spec_document *document)
{
    auto_free char *key = NULL;
    struct spec_entry *entry;

    if (document->kind == NULL || document->name == NULL) {
        return;
    }
    key = object_key(document->kind, document->name);
    entry = map_get(&set->entries, key);
    if (entry == NULL) {
        if (document->object == NULL) {
            return; /* never was good: the file's status tells, nothing is desired */
        }
        entry = xcalloc(1, sizeof(*entry));
        entry->key = xstrdup(key);
        entry->file = xstrdup(file->name);
        map_put_borrowed(&set->entries, entry->key, entry);
        spec_set_mark_changed(set, key);
    } else if (strcmp(entry->file, file->name) != 0 &&
               (entry->is_seen || may_hide(set, entry->file) ||
                document_of(set, entry->file, key) != NULL)) {
        return; /* the first owner keeps it */
    } else if (entry->is_seen) {
        return; /* a second document of this name in the same file */
    }
    entry_see(set, entry, file->name, document);
}

/*
 * An object that no document stands for: what its file has to say is not all there is to show of
 * it.
 */
static void mark_hidden(struct spec_set *set, const struct spec_entry *entry)
{
    struct spec_set_file *file = map_get(&set->files, entry->file);

    if (file != NULL) {
        file->has_hidden = true;
        file->has_missing |= !entry->is_seen;
    }
}

static void see_hidden(struct spec_set *set, struct spec_entry *entry)
{
    if (may_hide(set, entry->file)) {
        entry_see(set, entry, entry->file, NULL);
        mark_hidden(set, entry);
    }
}

static void see_documents(struct spec_set *set)
{
    map_sort(&set->files); /* who owns a name must not depend on the order of a directory */
    for (struct map_entry *at = map_first(&set->files); at != NULL; at = map_next(at)) {
        const struct spec_set_file *file = map_value(at);

        for (size_t i = 0; file->is_seen && file->parsed != NULL && i < file->parsed->count; i++) {
            see_document(set, file, &file->parsed->documents[i]);
        }
    }
}

/* Not the text that it came from, which is not kept, but one that means the same. */
static int add_document(struct strbuf *out, const struct object *object)
{
    json_auto_t *json = schema_object_to_json(object);

    return strbuf_add(out, "---\n") < 0 ? -1 : yaml_write(out, json);
}

/*
 * What is in force of a file that has errors, or documents that another file owns: of its faulty
 * documents too, and of those that cannot be seen.
 */
static void keep_in_force(const struct spec_set *set, struct spec_set_file *file)
{
    auto_done(strbuf) good = {.max_len = YAML_MAX_BYTES}; /* it is read back */

    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = map_next(at)) {
        const struct spec_entry *entry = map_value(at);

        if (entry->is_seen && strcmp(entry->file, file->name) == 0 &&
            add_document(&good, entry->object) < 0) {
            return; /* too much: what was kept before stays */
        }
    }
    if (good.len > 0 || file->has_good) {
        file->has_good = true;
        file->good_len = good.len;
        free(file->good_text);
        file->good_text = xmemdup(strbuf_text(&good), good.len);
    }
}

static bool has_document_of_other(const struct spec_set *set, const struct spec_set_file *file)
{
    for (size_t i = 0; i < file->parsed->count; i++) {
        if (spec_set_other_owner(set, file, &file->parsed->documents[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static void keep_files(struct spec_set *set)
{
    for (struct map_entry *at = map_first(&set->files); at != NULL; at = map_next(at)) {
        struct spec_set_file *file = map_value(at);

        if (file->is_seen && file->is_changed && file->parsed != NULL &&
            (spec_file_has_errors(file->parsed) || has_document_of_other(set, file))) {
            keep_in_force(set, file);
        }
    }
}

/* --- one file between scans ------------------------------------------------------------------- */

static bool is_whole(const struct spec_file *parsed)
{
    return parsed->is_complete && !spec_file_has_errors(parsed) && !has_nameless_document(parsed);
}

/* Nothing is missing, and nothing is waited for. */
static bool is_at_rest(const struct spec_set *set)
{
    return !set->is_waiting && set->held_count == 0 && set->hold_total == 0 && !set->has_doubts;
}

/* It has the objects that it had, all of them its own. */
static bool has_same_objects(const struct spec_set *set, const struct spec_set_file *file,
                             const struct spec_file *parsed)
{
    if (!file->is_seen || file->parsed == NULL || file->unreadable != NULL || file->has_hidden ||
        !is_whole(file->parsed) || file->parsed->count != parsed->count) {
        return false;
    }
    for (size_t i = 0; i < parsed->count; i++) {
        auto_free char *key = object_key(parsed->documents[i].kind, parsed->documents[i].name);
        const struct spec_entry *entry = map_get(&set->entries, key);

        if (entry == NULL || !entry->is_seen || !entry->is_valid ||
            strcmp(entry->file, file->name) != 0 || document_of(set, file->name, key) == NULL) {
            return false;
        }
    }
    return true;
}

static bool has_new_objects(const struct spec_set *set, const struct spec_file *parsed)
{
    for (size_t i = 0; i < parsed->count; i++) {
        auto_free char *key = object_key(parsed->documents[i].kind, parsed->documents[i].name);

        if (map_get(&set->entries, key) != NULL) {
            return false;
        }
    }
    return true;
}

static void see_again(struct spec_set *set, const struct spec_set_file *file)
{
    for (size_t i = 0; i < file->parsed->count; i++) {
        const struct spec_document *document = &file->parsed->documents[i];
        auto_free char *key = object_key(document->kind, document->name);
        struct spec_entry *entry = map_get(&set->entries, key);

        if (entry != NULL) {
            entry->is_seen = false;
        }
        see_document(set, file, document);
    }
}

bool spec_set_file_replace(struct spec_set *set, const char *name, const char *digest,
                           const char *text, size_t len, uint64_t now_ms)
{
    struct spec_set_file *file = map_get(&set->files, name);
    struct spec_file *parsed;

    if (!is_at_rest(set)) {
        return false;
    }
    parsed = spec_file_parse(name, text, len);
    if (!is_whole(parsed) ||
        (file != NULL ? !has_same_objects(set, file, parsed) : !has_new_objects(set, parsed))) {
        spec_file_free(parsed);
        return false;
    }
    file = file_of(set, name);
    take_parsed(set, file, parsed, digest, text, len);
    see_again(set, file);
    set->stirred_at_ms = now_ms;
    return true;
}

/* What is still missing: not what has just been deleted. */
static void mark_missing(struct spec_set *set)
{
    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = map_next(at)) {
        const struct spec_entry *entry = map_value(at);

        if (!entry->is_seen) {
            mark_hidden(set, entry);
        }
    }
}

/* Files that are gone and own nothing any more. */
static void forget_files(struct spec_set *set)
{
    struct map_entry *next;

    for (struct map_entry *at = map_first(&set->files); at != NULL; at = next) {
        struct spec_set_file *file = map_value(at);

        next = map_next(at);
        if (!file->is_seen) {
            map_remove(&set->files, file->name);
            file_free(file);
        }
    }
}

void spec_set_scan_end(struct spec_set *set, uint64_t now_ms, bool is_deletion_confirmed)
{
    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = map_next(at)) {
        struct spec_entry *entry = map_value(at);

        entry->is_seen = false;
    }
    for (struct map_entry *at = map_first(&set->files); at != NULL; at = map_next(at)) {
        struct spec_set_file *file = map_value(at);

        file->has_hidden = file->has_missing = false;
    }
    see_documents(set);
    spec_set_delete_meant(set);
    for (struct map_entry *at = map_first(&set->entries); at != NULL; at = map_next(at)) {
        struct spec_entry *entry = map_value(at);

        if (!entry->is_seen) {
            see_hidden(set, entry);
        }
    }
    set->stirred_at_ms = set->is_stirred ? now_ms : set->stirred_at_ms;
    set->moved_at_ms = set->is_moving ? now_ms : set->moved_at_ms;
    keep_files(set);
    spec_set_decide(set, now_ms, is_deletion_confirmed);
    mark_missing(set);
    forget_files(set);
}

void spec_set_clear_changes(struct spec_set *set)
{
    map_done(&set->changes);
    for (struct map_entry *at = map_first(&set->files); at != NULL; at = map_next(at)) {
        struct spec_set_file *file = map_value(at);

        file->is_changed = false;
    }
}

void spec_set_clear_changes_of(struct spec_set *set, struct spec_set_file *file)
{
    map_done(&set->changes);
    file->is_changed = false;
}

const struct spec_entry *spec_set_find(const struct spec_set *set, const char *key)
{
    return map_get(&set->entries, key);
}

const char *spec_set_other_owner(const struct spec_set *set, const struct spec_set_file *file,
                                 const struct spec_document *document)
{
    auto_free char *key = NULL;
    const struct spec_entry *entry;

    if (document->kind == NULL || document->name == NULL) {
        return NULL;
    }
    key = object_key(document->kind, document->name);
    entry = map_get(&set->entries, key);
    return entry != NULL && strcmp(entry->file, file->name) != 0 ? entry->file : NULL;
}
