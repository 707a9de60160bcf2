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
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    CLOCK_TICK_MS = 50,
    REST_MS = 1500,  /* between two looks at a file that may be being written */
    AGED_MS = 10000, /* one that changed before that is not being written */
};

/* Which directory a name stood for. */
struct place {
    dev_t device;
    ino_t inode;
};

/* What of stat's answer tells one version of a file from another. */
struct file_mark {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

struct resting_file {
    struct file_mark mark;
    uint64_t since_ms;
};

void spec_scan_init(struct spec_scan *scan, const char *directory)
{
    *scan = (struct spec_scan){.directory = xstrdup(directory),
                               .max_items = SPEC_SCAN_MAX_ITEMS,
                               .max_bytes = SPEC_SCAN_MAX_BYTES};
}

static void free_values(struct map *map)
{
    for (struct map_entry *at = map_first(map); at != NULL; at = map_next(at)) {
        free(map_value(at));
    }
    map_done(map);
}

void spec_scan_done(struct spec_scan *scan)
{
    free_values(&scan->known);
    free_values(&scan->resting);
    free_values(&scan->places);
    map_done(&scan->directories);
    free(scan->directory);
}

bool spec_name_is_relevant(const char *name)
{
    return name[0] != '.' && (text_has_suffix(name, ".yaml") || text_has_suffix(name, ".yml")) &&
           !text_has_suffix(name, ".status.yaml");
}

bool spec_file_system_is_remote(long type)
{
    static const unsigned long remote[] = {
        NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,  SMB2_SUPER_MAGIC, CIFS_SUPER_MAGIC, CEPH_SUPER_MAGIC,
        AFS_SUPER_MAGIC, CODA_SUPER_MAGIC, V9FS_MAGIC,       FUSE_SUPER_MAGIC,
    };

    for (size_t i = 0; i < ARRAY_SIZE(remote); i++) {
        if (((unsigned long)type & 0xffffffff) == remote[i]) {
            return true;
        }
    }
    return false;
}

/* --- places ----------------------------------------------------------------------------------- */

static void set_place(struct spec_scan *scan, const char *name, dev_t device, ino_t inode)
{
    struct place *place = map_get(&scan->places, name);

    if (place == NULL) {
        place = xmalloc(sizeof(*place));
        map_put(&scan->places, name, place);
    }
    *place = (struct place){device, inode};
}

json_t *spec_scan_places(struct spec_scan *scan)
{
    json_t *places = json_object();

    for (struct map_entry *at = map_first(&scan->places); at != NULL; at = map_next(at)) {
        const struct place *place = map_value(at);

        json_object_set_new(places, map_key(at),
                            json_pack("{s:I, s:I}", "device", (json_int_t)place->device, "inode",
                                      (json_int_t)place->inode));
    }
    scan->are_places_changed = false;
    return json_pack("{s:i, s:s, s:o}", "version", 1, "specs", scan->directory, "places", places);
}

void spec_scan_recall_places(struct spec_scan *scan, const json_t *places)
{
    const char *name, *directory = json_string_value(json_object_get(places, "specs"));
    json_t *items = json_object_get(places, "places"), *item;

    if (!text_equal(directory, scan->directory)) {
        return;
    }
    json_object_foreach(items, name, item) {
        json_t *device = json_object_get(item, "device"), *inode = json_object_get(item, "inode");

        if (json_is_integer(device) && json_is_integer(inode)) {
            set_place(scan, name, (dev_t)json_integer_value(device),
                      (ino_t)json_integer_value(inode));
        }
    }
}

/* --- one file --------------------------------------------------------------------------------- */

struct scan_pass {
    struct spec_scan *scan;
    struct spec_set *set;
    int root_fd;
    char **names; /* of the files that can hold specs */
    size_t count, capacity;
    size_t items; /* these, and folders */
    size_t bytes; /* of the files that were looked at */
    uint64_t now_ms;
    bool is_deletion_confirmed;
};

static void scan_pass_done(struct scan_pass *pass)
{
    for (size_t i = 0; i < pass->count; i++) {
        free(pass->names[i]);
    }
    free(pass->names);
}

/*
 * Links are followed only as far as they stay below the root: a spec directory is no way to read
 * other files.
 */
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

enum writer { WRITER_NONE, WRITER_THERE, WRITER_UNKNOWN };

/* There a lease is refused for reasons of the server's. */
static bool is_remote(int fd)
{
    struct statfs info;

    return fstatfs(fd, &info) == 0 && spec_file_system_is_remote(info.f_type);
}

/*
 * A lease on reading is refused while the file is open for writing. It can be had on one's own
 * files, or with CAP_LEASE.
 */
static enum writer find_writer(int fd)
{
    if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
        fcntl(fd, F_SETLEASE, F_UNLCK);
        return is_remote(fd) ? WRITER_UNKNOWN : WRITER_NONE;
    }
    return errno == EAGAIN && !is_remote(fd) ? WRITER_THERE : WRITER_UNKNOWN;
}

static struct file_mark mark_of(const struct stat *info)
{
    return (struct file_mark){info->st_dev, info->st_ino, info->st_size, info->st_mtim,
                              info->st_ctim};
}

static bool is_marked(const struct file_mark *mark, const struct stat *info)
{
    return mark->device == info->st_dev && mark->inode == info->st_ino &&
           mark->size == info->st_size && mark->modified.tv_sec == info->st_mtim.tv_sec &&
           mark->modified.tv_nsec == info->st_mtim.tv_nsec &&
           mark->changed.tv_sec == info->st_ctim.tv_sec &&
           mark->changed.tv_nsec == info->st_ctim.tv_nsec;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    struct file_mark mark = mark_of(a);

    return is_marked(&mark, b);
}

static bool is_aged(const struct stat *info, int64_t age_ms)
{
    int64_t changed_ms =
        (int64_t)info->st_ctim.tv_sec * MS_PER_SECOND + info->st_ctim.tv_nsec / NS_PER_MS;

    return clock_wall_ms() - changed_ms > age_ms;
}

/* Nobody can tell whether it is being written: two looks must show the same. */
static bool has_rested(struct scan_pass *pass, const char *name, const struct stat *info)
{
    struct resting_file *file = map_get(&pass->scan->resting, name);

    if (is_aged(info, AGED_MS)) {
        return true;
    }
    if (file != NULL && is_marked(&file->mark, info)) {
        return pass->now_ms >= file->since_ms + REST_MS;
    }
    if (file == NULL) {
        file = xmalloc(sizeof(*file));
        map_put(&pass->scan->resting, name, file);
    }
    *file = (struct resting_file){mark_of(info), pass->now_ms};
    return false;
}

static bool may_be_read(struct scan_pass *pass, const char *name, int fd, const struct stat *info)
{
    enum writer writer = pass->scan->is_single ? WRITER_NONE : find_writer(fd);
    bool may = writer == WRITER_NONE || (writer == WRITER_UNKNOWN && has_rested(pass, name, info));

    if (may) {
        free(map_remove(&pass->scan->resting, name));
    }
    return may;
}

static void remember(struct spec_scan *scan, const char *name, const struct stat *info)
{
    struct file_mark *known = map_get(&scan->known, name);

    if (known == NULL) {
        known = xmalloc(sizeof(*known));
        map_put(&scan->known, name, known);
    }
    *known = mark_of(info);
}

static void forget(struct spec_scan *scan, const char *name)
{
    free(map_remove(&scan->known, name));
}

/*
 * One that changed within this tick of the file system's clock can change again without any sign of
 * it: read it again.
 */
static void remember_read(struct spec_scan *scan, const char *name, const struct stat *info)
{
    if (is_aged(info, CLOCK_TICK_MS)) {
        remember(scan, name, info);
    } else {
        forget(scan, name);
    }
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
static bool has_room(struct scan_pass *pass, const char *name, off_t size)
{
    size_t len = size < YAML_MAX_BYTES ? (size_t)size : YAML_MAX_BYTES;
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

/* As it was, and another look soon. */
static void keep_for_now(struct scan_pass *pass, const char *name, const struct spec_set_file *file)
{
    pass->scan->is_being_written = true;
    if (file != NULL) {
        spec_set_file_keep(pass->set, name, file->unreadable);
    } else {
        spec_set_file_unknown(pass->set);
    }
}

static void take_text(struct scan_pass *pass, const char *name, int fd, const struct stat *info)
{
    auto_done(strbuf) text = {.max_len = YAML_MAX_BYTES + 65536};
    char digest[SHA256_HEX_SIZE];
    struct stat after;

    if (file_read_all(fd, YAML_MAX_BYTES, &text) < 0 || fstat(fd, &after) < 0) {
        keep_unreadable(pass, name, errno);
        return;
    }
    if (!is_same_file(info, &after)) {
        keep_for_now(pass, name, map_get(&pass->set->files, name)); /* it changed under our hands */
        return;
    }
    if (text.len == 0 && spec_set_file_owns(pass->set, name)) {
        forget(pass->scan, name);
        spec_set_file_keep(pass->set, name,
                           "is empty; what was in it stays until something else is in it, or "
                           "until the file is removed");
        return;
    }
    sha256_hex(strbuf_text(&text), text.len, digest);
    remember_read(pass->scan, name, info);
    if (!spec_set_file_is_known(pass->set, name, digest)) {
        spec_set_file_put(pass->set, name, digest, strbuf_text(&text), text.len);
    }
    ((struct spec_set_file *)map_get(&pass->set->files, name))->owner_uid = info->st_uid;
}

static void open_file(struct scan_pass *pass, const char *name)
{
    auto_close int fd = open_below(pass->root_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    const struct file_mark *known = map_get(&pass->scan->known, name);
    const struct spec_set_file *file = map_get(&pass->set->files, name);
    struct stat info;

    if (fd < 0 && errno == ENOENT) {
        return; /* gone since the directory was read, or a dangling link */
    }
    if (fd < 0 && errno == EAGAIN) { /* something was renamed while the kernel followed a link */
        keep_for_now(pass, name, file);
        return;
    }
    if (fd < 0 || fstat(fd, &info) < 0) {
        keep_unreadable(pass, name, errno);
        return;
    }
    pass->scan->has_links |= info.st_nlink > 1;
    if (!S_ISREG(info.st_mode) || !has_room(pass, name, info.st_size)) {
        return;
    }
    if (known != NULL && is_marked(known, &info) && file != NULL && file->unreadable == NULL) {
        spec_set_file_keep(pass->set, name, NULL);
        return;
    }
    if (!may_be_read(pass, name, fd, &info)) {
        keep_for_now(pass, name, file);
        return;
    }
    take_text(pass, name, fd, &info);
}

/* Without opening it: a regular file of that name is as it was when it was read. */
static bool is_as_known(struct scan_pass *pass, const char *name, const struct spec_set_file *file)
{
    const struct file_mark *known = map_get(&pass->scan->known, name);
    struct stat info;

    return known != NULL && file != NULL && file->unreadable == NULL &&
           fstatat(pass->root_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
           info.st_nlink == 1 && is_marked(known, &info);
}

static void scan_file(struct scan_pass *pass, const char *name)
{
    const struct spec_set_file *file = map_get(&pass->set->files, name);

    if (!is_as_known(pass, name, file)) {
        open_file(pass, name);
    } else if (has_room(pass, name,
                        ((struct file_mark *)map_get(&pass->scan->known, name))->size)) {
        spec_set_file_keep(pass->set, name, NULL);
    }
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

/* Returns whether it is something that a spec directory is made for. */
static bool scan_item(struct scan_pass *pass, DIR *dir, const char *directory,
                      const struct dirent *item, unsigned depth)
{
    auto_free char *path = path_join(directory, item->d_name);

    if (item->d_name[0] == '.') {
        return false;
    }
    if (is_real_directory(dirfd(dir), item)) {
        pass->items++;
        scan_directory(pass, path, depth + 1);
        return true;
    }
    pass->scan->has_links |= item->d_type == DT_LNK || item->d_type == DT_UNKNOWN;
    if (!spec_name_is_relevant(item->d_name)) {
        return false;
    }
    pass->items++;
    if (text_is_clean_utf8(path, strlen(path))) {
        array_grow(&pass->names, pass->count, &pass->capacity, sizeof(*pass->names));
        pass->names[pass->count++] = TAKE(path);
    } else { /* no label, status or answer could name it */
        spec_set_file_keep(pass->set, path,
                           "has a name that is not UTF-8, or has control characters in it");
    }
    return true;
}

/*
 * A directory that has nothing in it any more is believed when it is the same as before. Only the
 * top one can be replaced by people's ways of publishing files; others are different when they are
 * on another file system.
 */
static void check_place(struct scan_pass *pass, const char *name, int fd, bool is_empty)
{
    struct place *known = map_get(&pass->scan->places, name);
    struct stat info;

    if (fstat(fd, &info) < 0) {
        return;
    }
    if (is_empty && known != NULL && !pass->is_deletion_confirmed &&
        (known->device != info.st_dev || (name[0] == '\0' && known->inode != info.st_ino))) {
        spec_set_doubt_below(pass->set, name);
        return;
    }
    if (is_empty && known == NULL) {
        return;
    }
    if (known == NULL || known->device != info.st_dev || known->inode != info.st_ino) {
        set_place(pass->scan, name, info.st_dev, info.st_ino);
        pass->scan->are_places_changed = true;
    }
}

static void scan_directory(struct scan_pass *pass, const char *name, unsigned depth)
{
    int fd = depth > SPEC_SCAN_MAX_DEPTH
                 ? -1
                 : open_below(pass->root_fd, name[0] != '\0' ? name : ".", O_RDONLY | O_DIRECTORY);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *item;
    bool is_empty = true;

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
        is_empty &= !scan_item(pass, dir, name, item, depth);
        errno = 0;
    }
    if (errno != 0) {
        spec_set_keep_below(pass->set, name);
    } else {
        check_place(pass, name, dirfd(dir), is_empty);
    }
    closedir(dir);
}

/* What is remembered of names that are not there any more. */
static void forget_unseen(struct map *remembered, const struct map *seen)
{
    struct map_entry *next;

    for (struct map_entry *at = map_first(remembered); at != NULL; at = next) {
        next = map_next(at);
        if (map_get(seen, map_key(at)) == NULL) {
            free(map_value(at));
            map_remove(remembered, map_key(at));
        }
    }
}

static const struct spec_overlay *find_overlay(const struct spec_scan *scan, const char *name)
{
    for (size_t i = 0; i < scan->overlay_count; i++) {
        if (strcmp(scan->overlays[i].name, name) == 0) {
            return &scan->overlays[i];
        }
    }
    return NULL;
}

static void put_overlays(struct scan_pass *pass)
{
    for (size_t i = 0; i < pass->scan->overlay_count; i++) {
        const struct spec_overlay *overlay = &pass->scan->overlays[i];

        if (!spec_set_file_is_known(pass->set, overlay->name, "overlay")) {
            spec_set_file_put(pass->set, overlay->name, "overlay", overlay->text, overlay->len);
        }
        ((struct spec_set_file *)map_get(&pass->set->files, overlay->name))->owner_uid = getuid();
    }
}

int spec_scan_run(struct spec_scan *scan, struct spec_set *set, uint64_t now_ms,
                  bool is_deletion_confirmed, struct error *err)
{
    auto_close int root_fd = open(scan->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto_done(scan_pass) pass = {
        .scan = scan,
        .set = set,
        .root_fd = root_fd,
        .now_ms = now_ms,
        .is_deletion_confirmed = is_deletion_confirmed,
    };

    if (root_fd < 0 || faccessat(root_fd, ".", R_OK | X_OK, AT_EACCESS) < 0) {
        return error_set_errno(err, errno, "spec directory \"%s\"", scan->directory);
    }
    signal(SIGIO, SIG_IGN); /* a lease that is held for an instant may be broken by a writer */
    scan->is_being_written = scan->has_links = false;
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
        if (find_overlay(scan, pass.names[i]) == NULL) {
            scan_file(&pass, pass.names[i]);
        }
    }
    scan->items = pass.items;
    scan->bytes = pass.bytes;
    put_overlays(&pass);
    spec_set_scan_end(set, now_ms, is_deletion_confirmed);
    forget_unseen(&scan->known, &set->files);
    if (!scan->is_being_written) {
        forget_unseen(&scan->resting, &set->files);
    }
    if (!set->has_doubts) {
        forget_unseen(&scan->places, &scan->directories);
    }
    return 0;
}

/* --- single files ----------------------------------------------------------------------------- */

/* Their names alone say what there is to know: no other name, and nothing that is waited for. */
static bool may_take_single(const struct spec_scan *scan, const struct spec_set *set)
{
    return scan->overlay_count == 0 && !scan->is_single && !scan->is_being_written &&
           !scan->has_links && !set->has_doubts && map_first(&scan->resting) == NULL;
}

static bool is_in_known_directory(const struct spec_scan *scan, const char *name)
{
    const char *slash = strrchr(name, '/');
    auto_free char *directory =
        slash != NULL ? xstrndup(name, (size_t)(slash - name)) : xstrdup("");

    return map_get(&scan->directories, directory) != NULL &&
           spec_name_is_relevant(slash != NULL ? slash + 1 : name) &&
           text_is_clean_utf8(name, strlen(name));
}

static int open_without_links(int root_fd, const char *name)
{
    struct open_how how = {
        .flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };

    return (int)syscall(SYS_openat2, root_fd, name, &how, sizeof(how)); /* not there: no file */
}

/* -1: it must be looked at with all others. */
static int read_single(struct scan_pass *pass, const char *name, int fd, struct stat *ret_info,
                       struct strbuf *text)
{
    struct stat after;

    if (fstat(fd, ret_info) < 0 || !S_ISREG(ret_info->st_mode) || ret_info->st_nlink != 1 ||
        ret_info->st_size > YAML_MAX_BYTES ||
        (size_t)ret_info->st_size > pass->scan->max_bytes - pass->scan->bytes ||
        !may_be_read(pass, name, fd, ret_info) || file_read_all(fd, YAML_MAX_BYTES, text) < 0 ||
        fstat(fd, &after) < 0 || !is_same_file(ret_info, &after) || text->len == 0) {
        return -1;
    }
    return 0;
}

static bool take_single(struct scan_pass *pass, const char *name)
{
    struct spec_scan *scan = pass->scan;
    auto_close int fd = open_without_links(pass->root_fd, name);
    auto_done(strbuf) text = {.max_len = YAML_MAX_BYTES + 65536};
    struct spec_set_file *file = map_get(&pass->set->files, name);
    bool is_new = file == NULL;
    char digest[SHA256_HEX_SIZE];
    struct stat info;

    if (fd < 0 || !is_in_known_directory(scan, name) || (!is_new && file->unreadable != NULL) ||
        (is_new && scan->items >= scan->max_items) ||
        read_single(pass, name, fd, &info, &text) < 0) {
        return false;
    }
    sha256_hex(strbuf_text(&text), text.len, digest);
    if (!spec_set_file_is_known(pass->set, name, digest) &&
        !spec_set_file_replace(pass->set, name, digest, strbuf_text(&text), text.len,
                               pass->now_ms)) {
        return false;
    }
    scan->items += is_new ? 1 : 0;
    scan->bytes += text.len; /* what it had before is taken off by the next scan */
    remember_read(scan, name, &info);
    file = map_get(&pass->set->files, name);
    file->owner_uid = info.st_uid;
    return true;
}

bool spec_scan_files(struct spec_scan *scan, struct spec_set *set, const struct map *names,
                     uint64_t now_ms)
{
    auto_close int root_fd = open(scan->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct scan_pass pass = {.scan = scan, .set = set, .root_fd = root_fd, .now_ms = now_ms};

    if (root_fd < 0 || !may_take_single(scan, set)) {
        return false;
    }
    for (struct map_entry *at = map_first(names); at != NULL; at = map_next(at)) {
        if (!take_single(&pass, map_key(at))) {
            return false;
        }
    }
    return true;
}
