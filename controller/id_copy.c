#include "controller/id_copy.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_COPY = 16384 };

bool controller_id_is_valid(const char *text)
{
    return strlen(text) == CONTROLLER_ID_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == CONTROLLER_ID_SIZE - 1;
}

/* The document that belongs into this directory; NULL: it is not there. */
static json_t *document_for(const char *directory, const char *state_path, const char *id)
{
    struct stat info;

    if (stat(directory, &info) < 0) {
        return NULL;
    }
    return json_pack("{s:i, s:s, s:s, s:I}", "version", 1, "id", id, "state", state_path, "inode",
                     (json_int_t)info.st_ino);
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

static int open_copy(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static bool is_held(const char *path)
{
    auto_close int fd = open_copy(path);

    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

bool id_copy_recall(const char *directory, const char *state_path, char ret_id[CONTROLLER_ID_SIZE])
{
    auto_free char *path = path_join(directory, ID_COPY_NAME);
    json_auto_t *found = read_document(path), *wanted = NULL;
    const char *id = json_string_value(json_object_get(found, "id"));

    if (id == NULL || !controller_id_is_valid(id)) {
        return false;
    }
    wanted = document_for(directory, state_path, id);
    if (!json_equal(found, wanted) || is_held(path)) {
        return false;
    }
    memcpy(ret_id, id, CONTROLLER_ID_SIZE);
    return true;
}

static bool is_still_there(const char *path, int fd)
{
    struct stat there, held;

    return fd >= 0 && lstat(path, &there) == 0 && fstat(fd, &held) == 0 &&
           there.st_ino == held.st_ino && there.st_dev == held.st_dev;
}

static int write_copy(const char *path, const json_t *document, struct error *err)
{
    auto_free char *text = json_dumps(document, JSON_INDENT(1));

    return file_replace(AT_FDCWD, path, text, strlen(text), 0644, FILE_DURABLE, err);
}

int id_copy_hold(const char *directory, const char *state_path, const char *id, int *fd,
                 struct error *err)
{
    auto_free char *path = path_join(directory, ID_COPY_NAME);
    json_auto_t *wanted = NULL, *found = NULL;
    auto_close int held = -1;

    if (is_still_there(path, *fd)) {
        return 0;
    }
    if (is_held(path)) {
        return error_set(err, ERROR_CONFLICT, "\"%s\" is held by another controller", path);
    }
    wanted = document_for(directory, state_path, id);
    found = read_document(path);
    if (wanted == NULL) {
        return error_set_errno(err, errno, "\"%s\"", directory);
    }
    if (!json_equal(found, wanted) && write_copy(path, wanted, err) < 0) {
        return -1;
    }
    held = open_copy(path);
    if (held < 0 || flock(held, LOCK_EX | LOCK_NB) < 0) {
        return error_set_errno(err, errno, "lock \"%s\"", path);
    }
    if (*fd >= 0) {
        close(*fd);
    }
    *fd = TAKE_FD(held);
    return 0;
}
