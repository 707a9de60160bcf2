#include "controller/controller.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"

#include <stdlib.h>
#include <string.h>

/*
 * The last good version of every spec file, kept in the state directory. A controller that starts begins with these, as if it
 * had never stopped: a file that is broken now does not take down what its last good version brought up, and files that went
 * meanwhile are deletions like any other, held when they are too many.
 */

static char *store_name(const char *file)
{
    char digest[SHA256_HEX_SIZE];

    sha256_hex(file, strlen(file), digest);
    return xasprintf("specs/%.32s.json", digest);
}

void good_specs_save(struct controller *controller, const struct spec_set_file *file,
                     const char *text, size_t len)
{
    auto_free char *name = store_name(file->name);
    json_t *content = json_stringn(text, len);
    json_auto_t *json = NULL;
    struct error err = {0};

    if (content == NULL) {
        return; /* not UTF-8, so not good either */
    }
    json = json_pack("{s:i, s:s, s:o}", "version", 1, "file", file->name, "text", content);
    if (state_write_json(&controller->state, name, json, &err) < 0) {
        log_fields(LOG_WARN, "state_unwritable", "file", file->name, "error", err.message, NULL);
    }
}

void good_specs_forget(struct controller *controller, const char *file)
{
    auto_free char *name = store_name(file);

    state_remove(&controller->state, name);
}

static void load_one(void *user, const char *name)
{
    struct controller *controller = user;
    auto_free char *path = xasprintf("specs/%s", name);
    json_auto_t *json = state_read_json(&controller->state, path);
    const char *file = json_string_value(json_object_get(json, "file"));
    const json_t *text = json_object_get(json, "text");
    char digest[SHA256_HEX_SIZE];

    if (file == NULL || !json_is_string(text) || file[0] == '/' || strstr(file, "..") != NULL) {
        return;
    }
    sha256_hex(json_string_value(text), json_string_length(text), digest);
    spec_set_file_put(controller->specs, file, digest, json_string_value(text),
                      json_string_length(text));
}

void good_specs_load(struct controller *controller)
{
    spec_set_scan_begin(controller->specs);
    state_list(&controller->state, "specs", load_one, controller);
    spec_set_scan_end(controller->specs, 1, false);
}
