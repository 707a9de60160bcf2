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

void status_names_done(struct status_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i]);
    }
    free(names->items);
}

/* Most file systems say it at once; of the others it is asked. */
static unsigned char type_of(DIR *dir, const struct dirent *item)
{
    struct stat info;

    if (item->d_type != DT_UNKNOWN ||
        fstatat(dirfd(dir), item->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0) {
        return item->d_type;
    }
    return S_ISDIR(info.st_mode) ? DT_DIR : S_ISREG(info.st_mode) ? DT_REG : DT_UNKNOWN;
}

static int collect(const char *root, const char *below, unsigned depth, struct status_names *names)
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
        unsigned char type = item->d_name[0] != '.' ? type_of(dir, item) : DT_UNKNOWN;

        if (type == DT_DIR || (type == DT_REG && text_has_suffix(item->d_name, ".status.yaml"))) {
            auto_free char *name = path_join(below, item->d_name);

            if (type == DT_DIR) {
                collect(root, name, depth + 1, names);
                continue;
            }
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

/* One after the other is read into the same memory. */
struct file_text {
    char *bytes;
    size_t len, capacity;
};

static void file_text_done(struct file_text *text)
{
    free(text->bytes);
}

/*
 * The whole file into text, in one read. It does what file_read() does, with half the calls: they
 * are most of what a thousand files cost. -1: it was replaced or removed at this very moment, or it
 * is no file for us.
 */
static int read_text(int dir_fd, const char *name, struct file_text *text)
{
    auto_close int fd =
        openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat info;
    ssize_t got;

    if (fd < 0 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) ||
        info.st_size > MAX_STATUS_BYTES) {
        return -1;
    }
    if ((size_t)info.st_size >= text->capacity) {
        text->capacity = 2 * (size_t)info.st_size + 1;
        text->bytes = xrealloc_array(text->bytes, text->capacity, 1);
    }
    do {
        got = read(fd, text->bytes, (size_t)info.st_size + 1);
    } while (got < 0 && errno == EINTR);
    if (got != info.st_size) {
        return -1;
    }
    text->len = (size_t)got;
    return 0;
}

static void read_file(int dir_fd, const char *name, struct file_text *text, json_t *documents)
{
    json_auto_t *read = NULL;
    size_t index;
    json_t *document;

    if (read_text(dir_fd, name, text) < 0) {
        return;
    }
    read = yaml_documents_read(text->bytes, text->len);
    json_array_foreach(read, index, document) {
        if (json_is_object(document)) {
            json_object_set_new(document, "file", json_string(name));
            take_members(document, documents);
        }
    }
}

int status_names_read(const char *directory, struct status_names *ret_names, struct error *err)
{
    *ret_names = (struct status_names){0};
    if (collect(directory, "", 0, ret_names) < 0) {
        return error_set_errno(err, errno, "read directory \"%s\"", directory);
    }
    if (ret_names->count > 0) {
        qsort(ret_names->items, ret_names->count, sizeof(*ret_names->items), compare_names);
    }
    return 0;
}

int status_store_read(const char *directory, json_t **ret_documents, struct error *err)
{
    auto_done(status_names) names = {0};
    auto_close int dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_done(file_text) text = {0};
    json_t *documents;

    if (dir_fd < 0) {
        return error_set_errno(err, errno, "read directory \"%s\"", directory);
    }
    if (status_names_read(directory, &names, err) < 0) {
        return -1;
    }
    documents = json_array();
    for (size_t i = 0; i < names.count; i++) {
        read_file(dir_fd, names.items[i], &text, documents);
    }
    *ret_documents = documents;
    return 0;
}

json_t *status_store_read_file(const char *directory, const char *name)
{
    auto_close int dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_done(file_text) text = {0};
    json_t *documents = json_array();

    if (dir_fd >= 0) {
        read_file(dir_fd, name, &text, documents);
    }
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

char *status_store_specs(const char *specs, const json_t *heartbeat)
{
    const char *told =
        json_string_value(json_object_get(json_object_get(heartbeat, "specs"), "directory"));

    return directory_option(specs, "BERTH_SPECS", told != NULL ? told : DEFAULT_SPECS_DIR);
}

char *status_store_specs_of(const struct places *places)
{
    auto_free char *state = directory_option(places->state, "BERTH_STATE", DEFAULT_STATE_DIR);
    json_auto_t *heartbeat = status_store_heartbeat(state);

    return status_store_specs(places->specs, heartbeat);
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
