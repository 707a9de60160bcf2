#include "cli/status_store.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "cli/command.h"
#include "cli/places_file.h"
#include "controller/options.h"
#include "specs/types.h"
#include "specs/yaml_reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_STATUS_BYTES = YAML_OWN_SCALE * YAML_MAX_BYTES, MAX_DEPTH = 16 };

struct name_list {
    char **items;
    size_t count, capacity;
};

static void name_list_done(struct name_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i]);
    }
    free(names->items);
}

static int collect(const char *root, const char *below, unsigned depth, struct name_list *names)
{
    auto_free char *path = path_join(root, below);
    DIR *dir = opendir(below[0] != '\0' ? path : root);
    struct dirent *item;

    if (dir == NULL || depth > MAX_DEPTH) {
        if (dir != NULL) {
            closedir(dir);
        }
        return -1;
    }
    while ((item = readdir(dir)) != NULL) {
        auto_free char *name = path_join(below, item->d_name);
        struct stat info;

        if (item->d_name[0] == '.' ||
            fstatat(dirfd(dir), item->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0) {
            continue;
        }
        if (S_ISDIR(info.st_mode)) {
            collect(root, name, depth + 1, names);
        } else if (S_ISREG(info.st_mode) && text_has_suffix(name, ".status.yaml")) {
            array_grow(&names->items, names->count, &names->capacity, sizeof(*names->items));
            names->items[names->count++] = TAKE(name);
        }
    }
    closedir(dir);
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A pool's members have no file of their own: they are shown as the instances that they are. */
static void take_members(json_t *pool, json_t *documents)
{
    json_t *status = json_object_get(pool, "status");
    json_t *members = json_incref(json_object_get(status, "members"));
    size_t index;
    json_t *member;

    json_object_del(status, "members");
    json_array_append(documents, pool);
    json_array_foreach(members, index, member) {
        json_t *document = json_pack("{s:s}", "apiVersion", API_VERSION);

        json_object_update(document, member);
        json_object_set(document, "pool",
                        json_object_get(json_object_get(pool, "metadata"), "name"));
        json_object_set(document, "file", json_object_get(pool, "file"));
        json_array_append_new(documents, document);
    }
    json_decref(members);
}

static void read_file(const char *directory, const char *name, json_t *documents)
{
    auto_free char *path = path_join(directory, name);
    auto_free char *text = NULL;
    auto_owned(yaml_stream) *stream = NULL;
    struct error err = {0};
    size_t len;

    if (file_read(AT_FDCWD, path, MAX_STATUS_BYTES, &text, &len, &err) < 0) {
        return; /* replaced or removed at this very moment */
    }
    stream = yaml_stream_parse_own(text, len);
    for (size_t i = 0; i < stream->count; i++) {
        json_t *document = yaml_node_to_json(stream->documents[i]);

        if (json_is_object(document)) {
            json_object_set_new(document, "file", json_string(name));
            take_members(document, documents);
        }
        json_decref(document);
    }
}

int status_store_read(const char *directory, json_t **ret_documents, struct error *err)
{
    __attribute__((cleanup(name_list_done))) struct name_list names = {0};
    json_t *documents;

    if (collect(directory, "", 0, &names) < 0) {
        return error_set_errno(err, errno, "read directory \"%s\"", directory);
    }
    if (names.count > 0) {
        qsort(names.items, names.count, sizeof(*names.items), compare_names);
    }
    documents = json_array();
    for (size_t i = 0; i < names.count; i++) {
        read_file(directory, names.items[i], documents);
    }
    *ret_documents = documents;
    return 0;
}

json_t *status_store_read_file(const char *directory, const char *name)
{
    json_t *documents = json_array();

    read_file(directory, name, documents);
    return documents;
}

char *status_store_directory(const char *specs, const char *status_dir, const json_t *heartbeat)
{
    const json_t *part = json_object_get(heartbeat, "specs");
    const char *told = json_string_value(json_object_get(part, "statusDirectory"));
    const char *told_specs = json_string_value(json_object_get(part, "directory"));
    const char *variable = getenv(STATUS_DIR_VARIABLE), *specs_variable = getenv(SPECS_VARIABLE);
    bool is_given = specs != NULL || (specs_variable != NULL && specs_variable[0] != '\0');
    auto_free char *specs_dir = NULL;

    if (status_dir == NULL && variable != NULL && variable[0] != '\0') {
        status_dir = variable;
    }
    if (status_dir == NULL && !is_given) { /* the file's is about the file's specs */
        status_dir = places_file_text(SETTING_STATUS_DIR);
    }
    if (status_dir != NULL) {
        return path_absolute(status_dir);
    }
    if (!is_given && places_file_text(SETTING_SPECS) == NULL && told != NULL) {
        return xstrdup(told);
    }
    specs_dir = directory_option(specs, "BERTH_SPECS", DEFAULT_SPECS_DIR);
    return told != NULL && text_equal(told_specs, specs_dir) ? xstrdup(told) : TAKE(specs_dir);
}

json_t *status_store_heartbeat(const char *state_dir)
{
    auto_free char *path = path_join(state_dir, "controller.yaml");
    auto_free char *text = NULL;
    auto_owned(yaml_stream) *stream = NULL;
    struct error err = {0};
    size_t len;

    if (file_read(AT_FDCWD, path, MAX_STATUS_BYTES, &text, &len, &err) < 0) {
        return NULL;
    }
    stream = yaml_stream_parse_own(text, len);
    return stream->count > 0 ? yaml_node_to_json(stream->documents[0]) : NULL;
}

bool status_store_is_controlled(const char *state_dir)
{
    auto_free char *path = path_join(state_dir, "lock");
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}
