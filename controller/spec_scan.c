#include "controller/spec_scan.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include "specs/yaml_reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CLOCK_TICK_MS = 50 };

void spec_scan_init(struct spec_scan *scan, const char *directory)
{
    *scan = (struct spec_scan){.directory = xstrdup(directory),
                               .max_items = SPEC_SCAN_MAX_ITEMS,
                               .max_bytes = SPEC_SCAN_MAX_BYTES};
}

void spec_scan_done(struct spec_scan *scan)
{
    for (struct map_entry *at = map_first(&scan->known); at != NULL; at = map_next(at)) {
        free(map_value(at));
    }
    map_done(&scan->known);
    map_done(&scan->directories);
    free(scan->directory);
}

bool spec_name_is_relevant(const char *name)
{
    return name[0] != '.' && (text_has_suffix(name, ".yaml") || text_has_suffix(name, ".yml")) &&
           !text_has_suffix(name, ".status.yaml");
}

struct scan_pass {
    struct spec_scan *scan;
    struct spec_set *set;
    int root_fd;
    char **names; /* of the files that can hold specs */
    size_t count, capacity;
    size_t items; /* these, and folders */
    size_t bytes; /* of the files that were looked at */
};

static void scan_pass_done(struct scan_pass *pass)
{
    for (size_t i = 0; i < pass->count; i++) {
        free(pass->names[i]);
    }
    free(pass->names);
}

/* Links are followed only as far as they stay below the root: a spec directory is no way to read other files. */
static int open_below(int root_fd, const char *name, int flags)
{
    struct open_how how = {
        .flags = (unsigned)flags | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };

    int fd = (int)syscall(SYS_openat2, root_fd, name, &how, sizeof(how));

    if (fd < 0 && errno == ENOSYS) { /* before Linux 5.6: then no link at all */
        fd = openat(root_fd, name, flags | O_CLOEXEC | O_NOFOLLOW);
    }
    return fd;
}

/* A lease on reading is refused while the file is open for writing; where leases cannot be had, nobody is assumed to write. */
static bool is_open_for_writing(int fd)
{
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
        fcntl(fd, F_SETLEASE, F_UNLCK);
        return false;
    }
    return errno == EAGAIN;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Up to one byte more than a spec may have: the parser then says that it is too large. */
static int read_text(int fd, struct strbuf *text)
{
    char chunk[16384];

    while (text->len <= YAML_MAX_BYTES) {
        ssize_t got = read(fd, chunk, sizeof(chunk));

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return (int)got;
        }
        strbuf_append(text, chunk, (size_t)got);
    }
    return 0;
}

static void remember(struct spec_scan *scan, const char *name, const struct stat *info)
{
    struct stat *known = map_get(&scan->known, name);

    if (known == NULL) {
        known = xmalloc(sizeof(*known));
        map_put(&scan->known, name, known);
    }
    *known = *info;
}

static void forget(struct spec_scan *scan, const char *name)
{
    free(map_remove(&scan->known, name));
}

/* A file that changed within this tick of the file system's clock can change again without any sign of it: read it again. */
static bool is_settled(const struct stat *info)
{
    int64_t changed_ms =
        (int64_t)info->st_ctim.tv_sec * MS_PER_SECOND + info->st_ctim.tv_nsec / NS_PER_MS;

    return clock_wall_ms() - changed_ms > CLOCK_TICK_MS;
}

static void keep_unreadable(struct scan_pass *pass, const char *name, int number)
{
    auto_free char *why = number == EXDEV
                              ? xstrdup("is a link that leads out of the spec directory")
                              : xasprintf("cannot be read: %s", strerror(number));

    forget(pass->scan, name);
    spec_set_file_keep(pass->set, name, why);
}

/* A file of any size counts with what would be read of it. */
static bool has_room(struct scan_pass *pass, const char *name, const struct stat *info)
{
    size_t len = info->st_size < YAML_MAX_BYTES ? (size_t)info->st_size : YAML_MAX_BYTES;
    auto_free char *why = NULL;

    if (len <= pass->scan->max_bytes - pass->bytes) {
        pass->bytes += len;
        return true;
    }
    why = xasprintf("is left out: all spec files together have more than %zu bytes",
                    pass->scan->max_bytes);
    forget(pass->scan, name);
    spec_set_file_keep(pass->set, name, why);
    return false;
}

static void take_text(struct scan_pass *pass, const char *name, int fd, const struct stat *info)
{
    auto_done(strbuf) text = {.max_len = YAML_MAX_BYTES + 65536};
    char digest[SHA256_HEX_SIZE];
    struct stat after;

    if (read_text(fd, &text) < 0 || fstat(fd, &after) < 0) {
        keep_unreadable(pass, name, errno);
        return;
    }
    if (!is_same_file(info, &after)) {
        pass->scan->is_being_written = true; /* it changed under our hands */
        if (map_get(&pass->set->files, name) != NULL) {
            spec_set_file_keep(pass->set, name, NULL);
        }
        return;
    }
    sha256_hex(strbuf_text(&text), text.len, digest);
    if (is_settled(info)) {
        remember(pass->scan, name, info);
    } else {
        forget(pass->scan, name);
    }
    if (!spec_set_file_is_known(pass->set, name, digest)) {
        spec_set_file_put(pass->set, name, digest, strbuf_text(&text), text.len);
    }
    ((struct spec_set_file *)map_get(&pass->set->files, name))->owner_uid = info->st_uid;
}

static void scan_file(struct scan_pass *pass, const char *name)
{
    auto_close int fd = open_below(pass->root_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    const struct stat *known = map_get(&pass->scan->known, name);
    const struct spec_set_file *file = map_get(&pass->set->files, name);
    struct stat info;

    if (fd < 0 && errno == ENOENT) {
        return; /* gone since the directory was read, or a dangling link */
    }
    if (fd < 0 || fstat(fd, &info) < 0) {
        keep_unreadable(pass, name, errno);
        return;
    }
    if (!S_ISREG(info.st_mode) || !has_room(pass, name, &info)) {
        return;
    }
    if (known != NULL && is_same_file(known, &info) && file != NULL && file->unreadable == NULL) {
        spec_set_file_keep(pass->set, name, NULL);
        return;
    }
    if (is_open_for_writing(fd)) {
        pass->scan->is_being_written = true;
        if (file != NULL) {
            spec_set_file_keep(pass->set, name, file->unreadable);
        }
        return;
    }
    take_text(pass, name, fd, &info);
}

static bool is_real_directory(int fd, const struct dirent *item)
{
    struct stat info;

    if (item->d_type != DT_UNKNOWN) {
        return item->d_type == DT_DIR;
    }
    return fstatat(fd, item->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

static void scan_directory(struct scan_pass *pass, const char *name, unsigned depth);

static void scan_item(struct scan_pass *pass, DIR *dir, const char *directory,
                      const struct dirent *item, unsigned depth)
{
    auto_free char *path = path_join(directory, item->d_name);

    if (item->d_name[0] == '.') {
        return;
    }
    if (is_real_directory(dirfd(dir), item)) {
        pass->items++;
        scan_directory(pass, path, depth + 1);
    } else if (spec_name_is_relevant(item->d_name)) {
        pass->items++;
        array_grow(&pass->names, pass->count, &pass->capacity, sizeof(*pass->names));
        pass->names[pass->count++] = TAKE(path);
    }
}

static void scan_directory(struct scan_pass *pass, const char *name, unsigned depth)
{
    int fd = depth > SPEC_SCAN_MAX_DEPTH
                 ? -1
                 : open_below(pass->root_fd, name[0] != '\0' ? name : ".", O_RDONLY | O_DIRECTORY);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *item;

    if (dir == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        spec_set_keep_below(pass->set, name); /* unknown is never empty */
        return;
    }
    map_put(&pass->scan->directories, name, pass);
    errno = 0;
    while (pass->items <= pass->scan->max_items && (item = readdir(dir)) != NULL) {
        scan_item(pass, dir, name, item, depth);
        errno = 0;
    }
    if (errno != 0) {
        spec_set_keep_below(pass->set, name);
    }
    closedir(dir);
}

static void forget_unseen(struct spec_scan *scan, const struct spec_set *set)
{
    struct map_entry *next;

    for (struct map_entry *at = map_first(&scan->known); at != NULL; at = next) {
        next = map_next(at);
        if (map_get(&set->files, map_key(at)) == NULL) {
            free(map_value(at));
            map_remove(&scan->known, map_key(at));
        }
    }
}

int spec_scan_run(struct spec_scan *scan, struct spec_set *set, uint64_t now_ms,
                  bool is_deletion_confirmed, struct error *err)
{
    auto_close int root_fd = open(scan->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_done(scan_pass) pass = {.scan = scan, .set = set, .root_fd = root_fd};

    if (root_fd < 0 || faccessat(root_fd, ".", R_OK | X_OK, AT_EACCESS) < 0) {
        return error_set_errno(err, errno, "spec directory \"%s\"", scan->directory);
    }
    scan->is_being_written = false;
    map_done(&scan->directories);
    spec_set_scan_begin(set);
    scan_directory(&pass, "", 0);
    if (pass.items > scan->max_items) {
        spec_set_scan_abort(set);
        return error_set(err, ERROR_INVALID,
                         "spec directory \"%s\" holds more than %zu spec files and folders",
                         scan->directory, scan->max_items);
    }
    for (size_t i = 0; i < pass.count; i++) {
        scan_file(&pass, pass.names[i]);
    }
    spec_set_scan_end(set, now_ms, is_deletion_confirmed);
    forget_unseen(scan, set);
    return 0;
}
