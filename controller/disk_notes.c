#include "controller/disk_notes.h"

#include "base/file.h"
#include "base/memory.h"

#include <fcntl.h>
#include <stdlib.h>

enum { NOTES_MAX_BYTES = 64 << 20 };

static void note_free(struct disk_note *note)
{
    if (note != NULL) {
        free(note->use);
        free(note);
    }
}

void disk_notes_done(struct disk_notes *notes)
{
    for (struct map_entry *at = map_first(&notes->by_id); at != NULL; at = map_next(at)) {
        note_free(map_value(at));
    }
    map_done(&notes->by_id);
}

struct disk_note *disk_notes_find(const struct disk_notes *notes, const char *id)
{
    return map_get(&notes->by_id, id);
}

struct disk_note *disk_notes_of(struct disk_notes *notes, const char *id)
{
    struct disk_note *note = disk_notes_find(notes, id);

    if (note == NULL) {
        note = xcalloc(1, sizeof(*note));
        map_put(&notes->by_id, id, note);
    }
    return note;
}

void disk_notes_forget(struct disk_notes *notes, const char *id)
{
    note_free(map_remove(&notes->by_id, id));
}

/* --- as a document ---------------------------------------------------------------------------- */

static void put_number(json_t *json, const char *key, int64_t number)
{
    if (number != 0) {
        json_object_set_new(json, key, json_integer(number));
    }
}

static int64_t number_at(const json_t *json, const char *key)
{
    json_int_t number = json_integer_value(json_object_get(json, key));

    return number > 0 ? number : 0;
}

static json_t *note_to_json(const struct disk_note *note)
{
    json_t *json = json_object();

    put_number(json, "bytes", (int64_t)note->bytes);
    put_number(json, "files", (int64_t)note->files);
    put_number(json, "measuredAtMs", note->measured_wall_ms);
    put_number(json, "usedAtMs", note->last_used_wall_ms);
    put_number(json, "keptUntilMs", note->kept_until_wall_ms);
    if (note->is_newest) {
        json_object_set_new(json, "newest", json_true());
    }
    if (note->use != NULL) {
        json_object_set_new(json, "use", json_string(note->use));
    }
    return json;
}

json_t *disk_notes_to_json(const struct disk_notes *notes)
{
    json_t *things = json_object();

    for (struct map_entry *at = map_first(&notes->by_id); at != NULL; at = map_next(at)) {
        json_object_set_new(things, map_key(at), note_to_json(map_value(at)));
    }
    return json_pack("{s:i, s:i, s:o}", "version", 1, "pressing", (int)notes->pressing, "things",
                     things);
}

void disk_notes_from_json(struct disk_notes *notes, const json_t *json)
{
    json_t *things = json_object_get(json, "things"), *item;
    const char *id;

    notes->pressing = (unsigned)number_at(json, "pressing");
    json_object_foreach(things, id, item) {
        struct disk_note *note = disk_notes_of(notes, id);

        note->bytes = (uint64_t)number_at(item, "bytes");
        note->files = (uint64_t)number_at(item, "files");
        note->measured_wall_ms = number_at(item, "measuredAtMs");
        note->last_used_wall_ms = number_at(item, "usedAtMs");
        note->kept_until_wall_ms = number_at(item, "keptUntilMs");
        note->is_newest = json_is_true(json_object_get(item, "newest"));
        free(note->use);
        note->use = xstrdup_or_null(json_string_value(json_object_get(item, "use")));
    }
}

char *disk_notes_path(const char *state_dir)
{
    return path_join(state_dir, "disk.json");
}

void disk_notes_read(struct disk_notes *notes, const char *state_dir)
{
    auto_free char *path = disk_notes_path(state_dir);
    auto_free char *text = NULL;
    json_auto_t *json = NULL;
    struct error err = {0};
    size_t len;

    if (file_read(AT_FDCWD, path, NOTES_MAX_BYTES, &text, &len, &err) == 0) {
        json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        disk_notes_from_json(notes, json);
    }
}
