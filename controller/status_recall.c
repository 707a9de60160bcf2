#include "controller/controller.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/status_path.h"
#include "specs/status_object.h"
#include "specs/status_size.h"
#include "specs/status_times.h"
#include "specs/yaml_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Status files that are there at the start: read back, or left behind by specs that are gone. */

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

    if (file_read(AT_FDCWD, path, STATUS_MAX_BYTES, &text, &len, &err) < 0) {
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

    return file_read(AT_FDCWD, path, STATUS_MAX_BYTES, &text, NULL, &err) == 0 &&
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
