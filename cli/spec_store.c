#include "cli/spec_store.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/sha256.h"
#include "base/suggest.h"
#include "controller/spec_scan.h"
#include "specs/spec_set.h"
#include "specs/yaml_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE_OF_NEW_FILES = 0644, MODE_OF_NEW_DIRECTORIES = 0755 }; /* less the umask */

/* --- reading ---------------------------------------------------------------------------------- */

/*
 * Where a file really is: links are followed where they stay below the directory, as the controller
 * follows them. The caller's to free.
 */
static char *real_path(const char *directory, const char *name, struct error *err)
{
    auto_free char *path = path_join(directory, name);
    auto_free char *root = realpath(directory, NULL);
    auto_free char *real = realpath(path, NULL);

    if (root == NULL || real == NULL) {
        error_set_errno(err, errno, "read \"%s\"", path);
        return NULL;
    }
    if (!path_is_below(real, root)) {
        error_set(err, ERROR_INVALID, "\"%s\" is a link that leads out of the spec directory",
                  path);
        return NULL;
    }
    return TAKE(real);
}

int spec_store_read_file(const char *directory, const char *name, char **ret_text, size_t *ret_len,
                         struct error *err)
{
    auto_free char *real = real_path(directory, name, err);

    return real == NULL ? -1
                        : file_read(AT_FDCWD, real, 2 * YAML_MAX_BYTES, ret_text, ret_len, err);
}

static void leave_out(struct spec_store *store, FILE *warnings, const char *name, const char *why)
{
    if (warnings != NULL) {
        fprintf(warnings, "warning: %s/%s is left out: %s\n", store->directory, name, why);
    }
    store->left_out++;
}

/* What the scan has parsed is good for the same text. */
static void take_file(struct spec_store *store, FILE *warnings, struct spec_set_file *seen)
{
    struct spec_store_file *file = &store->files[store->count];
    char digest[SHA256_HEX_SIZE];
    struct error err = {0};

    if (seen->unreadable != NULL || seen->parsed == NULL) {
        leave_out(store, warnings, seen->name,
                  seen->unreadable != NULL ? seen->unreadable : "it changes all the time");
        return;
    }
    if (spec_store_read_file(store->directory, seen->name, &file->text, &file->len, &err) < 0) {
        leave_out(store, warnings, seen->name, err.message);
        return;
    }
    sha256_hex(file->text, file->len, digest);
    file->parsed = strcmp(digest, seen->digest) == 0
                       ? TAKE(seen->parsed)
                       : spec_file_parse(seen->name, file->text, file->len);
    file->name = xstrdup(seen->name);
    store->count++;
}

int spec_store_read(const char *directory, FILE *warnings, struct spec_store *ret_store,
                    struct error *err)
{
    auto_done(spec_scan) scan;
    struct spec_set *set = spec_set_new();

    spec_scan_init(&scan, directory);
    scan.is_single = true;
    if (spec_scan_run(&scan, set, 1, false, err) < 0) {
        spec_set_free(set);
        return -1;
    }
    *ret_store = (struct spec_store){
        .directory = xstrdup(directory),
        .files = xcalloc(map_count(&set->files) + 1, sizeof(*ret_store->files)),
    };
    map_sort(&set->files);
    for (struct map_entry *at = map_first(&set->files); at != NULL; at = map_next(at)) {
        take_file(ret_store, warnings, map_value(at));
    }
    spec_set_free(set);
    return 0;
}

void spec_store_done(struct spec_store *store)
{
    for (size_t i = 0; i < store->count; i++) {
        spec_file_free(store->files[i].parsed);
        free(store->files[i].text);
        free(store->files[i].name);
    }
    free(store->files);
    free(store->directory);
    *store = (struct spec_store){0};
}

struct spec_store_entry spec_store_find(const struct spec_store *store, enum kind kind,
                                        const char *name)
{
    for (size_t i = 0; i < store->count; i++) {
        const struct spec_file *parsed = store->files[i].parsed;

        for (size_t d = 0; d < parsed->count; d++) {
            if (text_equal(parsed->documents[d].kind, kind_name(kind)) &&
                text_equal(parsed->documents[d].name, name)) {
                return (struct spec_store_entry){&store->files[i], &parsed->documents[d]};
            }
        }
    }
    return (struct spec_store_entry){0};
}

char *spec_store_suggest(const struct spec_store *store, enum kind kind, const char *name)
{
    auto_free const char **names = NULL;
    size_t count = 0, capacity = 0;

    for (size_t i = 0; i < store->count; i++) {
        const struct spec_file *parsed = store->files[i].parsed;

        for (size_t d = 0; d < parsed->count; d++) {
            if (text_equal(parsed->documents[d].kind, kind_name(kind)) &&
                parsed->documents[d].name != NULL) {
                array_grow(&names, count, &capacity, sizeof(*names));
                names[count++] = parsed->documents[d].name;
            }
        }
    }
    return suggest_hint(name, names, count);
}

/* --- writing ---------------------------------------------------------------------------------- */

/*
 * Whoever else writes in this folder by these functions waits, so that nobody's change is lost
 * between a look and a rename.
 */
static int lock_folder(const char *folder, struct error *err)
{
    auto_close int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result;

    if (fd < 0) {
        return error_set_errno(err, errno, "open \"%s\"", folder);
    }
    do {
        result = flock(fd, LOCK_EX);
    } while (result < 0 && errno == EINTR);
    return TAKE_FD(fd); /* a file system without locks does without */
}

static int check_unchanged(const char *path, const char *before, size_t before_len,
                           struct error *err)
{
    auto_free char *text = NULL;
    size_t len;

    if (file_read(AT_FDCWD, path, 2 * YAML_MAX_BYTES, &text, &len, err) < 0) {
        if (err->kind != ERROR_NOT_FOUND) {
            return -1;
        }
        error_clear(err);
        return error_set(err, ERROR_CONFLICT, "\"%s\" was removed meanwhile; try again", path);
    }
    if (len != before_len || memcmp(text, before, len) != 0) {
        return error_set(err, ERROR_CONFLICT, "\"%s\" was changed meanwhile; try again", path);
    }
    return 0;
}

/*
 * A new file with the text, and with owner and mode of the one that it is to replace (NULL: there
 * is none).
 */
static int write_temporary(const char *path, const struct stat *before, const char *text,
                           size_t len)
{
    auto_close int fd = -1;

    unlink(path); /* left by a crash: who writes here has the lock */
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
              before != NULL ? 0600 : MODE_OF_NEW_FILES);
    if (fd < 0 || file_write_all(fd, text, len) < 0) {
        return -1;
    }
    if (before != NULL) {
        /* Who may not give files away becomes the owner, as with any editor that renames. */
        if (fchown(fd, before->st_uid, before->st_gid) < 0 && errno != EPERM) {
            return -1;
        }
        if (fchmod(fd, before->st_mode & 07777) < 0) {
            return -1;
        }
    }
    return fsync(fd) < 0 ? -1 : close(TAKE_FD(fd));
}

/* A name that must be new is not taken from who came first. */
static int move_into_place(const char *temporary, const char *path, bool is_new)
{
    if (!is_new) {
        return rename(temporary, path);
    }
    if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -1;
    }
    if (path_exists(path)) { /* a file system that cannot tell */
        errno = EEXIST;
        return -1;
    }
    return rename(temporary, path);
}

static void sync_folder(const char *folder)
{
    auto_close int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        fsync(fd); /* best effort: the rename itself has happened */
    }
}

static int move_text(const char *path, const struct stat *before, const char *text, size_t len,
                     struct error *err)
{
    auto_free char *folder = path_directory(path);
    const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    auto_free char *temporary = xasprintf("%s.%.200s.tmp", folder, name); /* hidden: no spec */
    int number;

    if (write_temporary(temporary, before, text, len) < 0 ||
        move_into_place(temporary, path, before == NULL) < 0) {
        number = errno;
        unlink(temporary);
        return number == EEXIST ? error_set(err, ERROR_CONFLICT, "\"%s\" exists already", path)
                                : error_set_errno(err, number, "write \"%s\"", path);
    }
    sync_folder(folder);
    return 0;
}

int spec_store_replace(const char *path, const char *before, size_t before_len, const char *text,
                       size_t len, struct error *err)
{
    auto_free char *folder = path_directory(path);
    auto_close int lock = -1;
    struct stat info;

    if (before == NULL && dir_make(folder, MODE_OF_NEW_DIRECTORIES, err) < 0) {
        return -1;
    }
    lock = lock_folder(folder, err);
    if (lock < 0) {
        return -1;
    }
    if (before == NULL) {
        return move_text(path, NULL, text, len, err);
    }
    if (check_unchanged(path, before, before_len, err) < 0) {
        return -1;
    }
    if (stat(path, &info) < 0) {
        return error_set_errno(err, errno, "write \"%s\"", path);
    }
    return move_text(path, &info, text, len, err);
}

int spec_store_write(const struct spec_store *store, const char *name,
                     const struct spec_store_file *before, const char *text, size_t len,
                     struct error *err)
{
    auto_free char *path =
        before == NULL ? path_join(store->directory, name) : real_path(store->directory, name, err);

    if (path == NULL && err->kind == ERROR_NOT_FOUND) {
        error_clear(err);
        return error_set(err, ERROR_CONFLICT, "\"%s/%s\" was removed meanwhile; try again",
                         store->directory, name);
    }
    return path == NULL ? -1
                        : spec_store_replace(path, before != NULL ? before->text : NULL,
                                             before != NULL ? before->len : 0, text, len, err);
}

int spec_store_remove(const struct spec_store *store, const struct spec_store_file *before,
                      struct error *err)
{
    auto_free char *path = path_join(store->directory, before->name),
                   *folder = path_directory(path);
    auto_free char *real = NULL;
    auto_close int lock = lock_folder(folder, err);

    if (lock < 0) {
        return -1;
    }
    real = real_path(store->directory, before->name, err);
    if (real == NULL || check_unchanged(real, before->text, before->len, err) < 0) {
        return -1;
    }
    if (unlink(path) < 0) {
        return error_set_errno(err, errno, "remove \"%s\"", path);
    }
    sync_folder(folder);
    return 0;
}

const struct spec_document *spec_store_find_harm(const struct spec_store_file *before,
                                                 const struct spec_file *after,
                                                 spec_store_meant_fn *is_meant, const void *user)
{
    for (size_t i = 0; i < before->parsed->count; i++) {
        const struct spec_document *was = &before->parsed->documents[i];
        bool is_there = false;

        if (was->object == NULL || is_meant(user, was)) {
            continue;
        }
        for (size_t d = 0; d < after->count && !is_there; d++) {
            const struct spec_document *is = &after->documents[d];

            is_there = is->object != NULL && text_equal(is->kind, was->kind) &&
                       text_equal(is->name, was->name) &&
                       strcmp(is->object->hash, was->object->hash) == 0;
        }
        if (!is_there) {
            return was;
        }
    }
    return NULL;
}
