#include "controller/id_copy.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_COPY = 16384 };

bool controller_id_is_valid(const char *text)
{
    return strlen(text) == CONTROLLER_ID_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == CONTROLLER_ID_SIZE - 1;
}

/* The document that belongs into this directory. */
static json_t *document_for(const struct stat *directory, const char *state_path, const char *id)
{
    return json_pack("{s:i, s:s, s:s, s:I}", "version", 1, "id", id, "state", state_path, "inode",
                     (json_int_t)directory->st_ino);
}

static json_t *read_document(const char *path)
{
    auto_free char *text = NULL;
    struct error err = {0};
    size_t len;

    return file_read(AT_FDCWD, path, MAX_COPY, &text, &len, &err) == 0
               ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL)
               : NULL;
}

/*
 * The lock: a socket without a file, bound to a name that follows from the directory. It goes with
 * its process, and is no open file, so it keeps nobody from unmounting the directory.
 */
static int bind_lock(const struct stat *directory)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int len =
        snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "berth-status-%llx-%llx",
                 (unsigned long long)directory->st_dev, (unsigned long long)directory->st_ino);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, size) < 0) {
        return -1;
    }
    return TAKE_FD(fd);
}

static bool is_held(const struct stat *directory)
{
    auto_close int fd = bind_lock(directory);

    return fd < 0 && errno == EADDRINUSE;
}

bool id_copy_recall(const char *directory, const char *state_path, char ret_id[CONTROLLER_ID_SIZE])
{
    auto_free char *path = path_join(directory, ID_COPY_NAME);
    json_auto_t *found = read_document(path), *wanted = NULL;
    const char *id = json_string_value(json_object_get(found, "id"));
    struct stat info;

    if (id == NULL || !controller_id_is_valid(id) || stat(directory, &info) < 0) {
        return false;
    }
    wanted = document_for(&info, state_path, id);
    if (!json_equal(found, wanted) || is_held(&info)) {
        return false;
    }
    memcpy(ret_id, id, CONTROLLER_ID_SIZE);
    return true;
}

static int write_copy(const char *path, const json_t *document, struct error *err)
{
    auto_free char *text = json_dumps(document, JSON_INDENT(1));

    if (text == NULL) {
        return error_set(err, ERROR_INVALID, "\"%s\": the path of the state directory is no UTF-8",
                         path);
    }
    return file_replace(AT_FDCWD, path, text, strlen(text), 0644, FILE_DURABLE, err);
}

static bool is_same_directory(const struct id_copy *copy, const struct stat *info)
{
    return copy->lock_fd >= 0 && copy->device == info->st_dev && copy->inode == info->st_ino;
}

static int take_lock(struct id_copy *copy, const struct stat *info, const char *directory,
                     struct error *err)
{
    int fd = bind_lock(info);

    if (fd < 0 && errno == EADDRINUSE) {
        return error_set(err, ERROR_CONFLICT, "\"%s\" is held by another controller", directory);
    }
    if (fd < 0) {
        return error_set_errno(err, errno, "hold \"%s\"", directory);
    }
    id_copy_release(copy);
    *copy = (struct id_copy){fd, info->st_dev, info->st_ino};
    return 0;
}

int id_copy_hold(struct id_copy *copy, const char *directory, const char *state_path,
                 const char *id, struct error *err)
{
    auto_free char *path = path_join(directory, ID_COPY_NAME);
    json_auto_t *wanted = NULL, *found = NULL;
    struct stat info;

    if (stat(directory, &info) < 0) {
        return error_set_errno(err, errno, "\"%s\"", directory);
    }
    if (!is_same_directory(copy, &info) && take_lock(copy, &info, directory, err) < 0) {
        return -1;
    }
    wanted = document_for(&info, state_path, id);
    found = read_document(path);
    return json_equal(found, wanted) ? 0 : write_copy(path, wanted, err);
}

void id_copy_release(struct id_copy *copy)
{
    if (copy->lock_fd >= 0) {
        close(copy->lock_fd);
    }
    copy->lock_fd = -1;
}
