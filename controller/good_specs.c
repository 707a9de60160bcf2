#include "controller/controller.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "controller/profile_trace.h"

#include <stdlib.h>
#include <string.h>

/*
 * The last good version of every spec file, kept in the state directory. A controller that starts
 * begins with these, as if it had never stopped: a file that is broken now does not take down what
 * its last good version brought up, and files that went meanwhile are deletions like any other,
 * held when they are too many.
 */

static char *store_name(const char *file)
{
    char digest[SHA256_HEX_SIZE];

    sha256_hex(file, strlen(file), digest);
    return xasprintf("specs/%.32s.json", digest);
}

enum { SAVES_PER_TURN = 8 }; /* each waits for the disk */

static void save(struct controller *controller, const struct spec_set_file *file)
{
    auto_free char *name = store_name(file->name);
    json_t *content = json_stringn(file->good_text, file->good_len);
    json_auto_t *json = NULL;

    if (content == NULL) {
        return; /* not UTF-8, so not good either */
    }
    json = json_pack("{s:i, s:s, s:o}", "version", 1, "file", file->name, "text", content);
    state_keep_json(&controller->state, name, json);
}

void good_specs_mark(struct controller *controller, const struct spec_set_file *file)
{
    map_put(&controller->unsaved_good, file->name, controller);
    controller_wake(controller);
}

void good_specs_flush(struct controller *controller)
{
    struct map_entry *at;

    for (unsigned i = 0; i < SAVES_PER_TURN && (at = map_first(&controller->unsaved_good)) != NULL;
         i++) {
        struct spec_set_file *file = map_get(&controller->specs->files, map_key(at));

        if (file != NULL && file->good_text != NULL && !file->has_missing) {
            profile_begin("keep what is in force of %s", map_key(at));
            save(controller, file);
            profile_end(NULL);
            free(file->good_text);
            file->good_text = NULL;
        }
        map_remove(&controller->unsaved_good, map_key(at));
    }
    if (map_first(&controller->unsaved_good) != NULL) {
        controller_wake(controller);
    }
}

void good_specs_flush_all(struct controller *controller)
{
    while (map_first(&controller->unsaved_good) != NULL) {
        good_specs_flush(controller);
    }
}

void good_specs_close(struct controller *controller)
{
    map_done(&controller->unsaved_good);
}

void good_specs_forget(struct controller *controller, const char *file)
{
    auto_free char *name = store_name(file);

    map_remove(&controller->unsaved_good, file);
    state_remove(&controller->state, name);
}

/* It is on disk as it is, and not written again. */
static void load_one(void *user, const char *name)
{
    struct controller *controller = user;
    auto_free char *path = xasprintf("specs/%s", name);
    json_auto_t *json = state_read_json(&controller->state, path);
    const char *file = json_string_value(json_object_get(json, "file"));
    const json_t *text = json_object_get(json, "text");
    char digest[SHA256_HEX_SIZE];

    if (file == NULL || !json_is_string(text) || file[0] == '/' || path_has_dot_dot(file)) {
        return;
    }
    sha256_hex(json_string_value(text), json_string_length(text), digest);
    spec_set_file_put(controller->specs, file, digest, json_string_value(text),
                      json_string_length(text));
    free(TAKE(((struct spec_set_file *)map_get(&controller->specs->files, file))->good_text));
}

void good_specs_load(struct controller *controller)
{
    json_auto_t *places = state_read_json(&controller->state, "places.json");

    spec_scan_recall_places(&controller->scan, places);
    spec_set_scan_begin(controller->specs);
    state_list(&controller->state, "specs", load_one, controller);
    spec_set_scan_end(controller->specs, 1, false);
}
