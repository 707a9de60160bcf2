#include "base/file.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_regular(int dir_fd, const char *path, int *ret_fd, struct stat *ret_info,
                        struct error *err)
{
    /*
     * Looked at before it is opened: opening a device node that a container planted could already
     * act.
     */
    auto_close int place = openat(dir_fd, path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    auto_close int fd = -1;
    char proc_path[64];

    if (place < 0 || fstat(place, ret_info) < 0) {
        return error_set_errno(err, errno, "read \"%s\"", path);
    }
    if (!S_ISREG(ret_info->st_mode)) {
        return error_set(err, ERROR_INVALID, "\"%s\" is not a regular file", path);
    }
    snprintf(proc_path, sizeof(proc_path), "/proc/self/fd/%d", place);
    fd = open(proc_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set_errno(err, errno, "read \"%s\"", path);
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

/* Reads until the end or max_len + 1 bytes: the extra byte tells a file that is too large. */
static int read_up_to(int fd, size_t max_len, struct strbuf *text)
{
    char chunk[16384];

    while (text->len <= max_len) {
        ssize_t got = read(fd, chunk, sizeof(chunk));

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (got == 0) {
            return 0;
        }
        if (strbuf_append(text, chunk, (size_t)got) < 0) {
            errno = EFBIG;
            return -1;
        }
    }
    return 0;
}

int file_read(int dir_fd, const char *path, size_t max_len, char **ret_text, size_t *ret_len,
              struct error *err)
{
    auto_close int fd = -1;
    auto_done(strbuf) text = {.max_len = max_len + 65536};
    struct stat info;

    if (open_regular(dir_fd, path, &fd, &info, err) < 0) {
        return -1;
    }
    if (read_up_to(fd, max_len, &text) < 0) {
        return error_set_errno(err, errno, "read \"%s\"", path);
    }
    if (text.len > max_len) {
        return error_set(err, ERROR_INVALID, "\"%s\" is larger than %zu bytes", path, max_len);
    }
    if (ret_len != NULL) {
        *ret_len = text.len;
    }
    *ret_text = strbuf_take(&text);
    return 0;
}

char *file_read_kernel(const char *path, size_t max_len)
{
    auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    auto_free char *text = NULL;
    ssize_t got;

    if (fd < 0) {
        return NULL;
    }
    text = xmalloc(max_len + 1);
    got = read(fd, text, max_len);
    if (got < 0) {
        return NULL;
    }
    text[got] = '\0';
    return TAKE(text);
}

int file_read_tail(int dir_fd, const char *path, size_t max_len, char **ret_text, size_t *ret_len,
                   struct error *err)
{
    auto_close int fd = -1;
    auto_free char *text = xmalloc(max_len + 1);
    struct stat info;
    ssize_t got;
    off_t start;

    if (open_regular(dir_fd, path, &fd, &info, err) < 0) {
        return -1;
    }
    start = info.st_size > (off_t)max_len ? info.st_size - (off_t)max_len : 0;
    got = pread(fd, text, max_len, start);
    if (got < 0) {
        return error_set_errno(err, errno, "read \"%s\"", path);
    }
    text[got] = '\0';
    if (ret_len != NULL) {
        *ret_len = (size_t)got;
    }
    *ret_text = TAKE(text);
    return 0;
}

int file_read_all(int fd, size_t max_len, struct strbuf *text)
{
    char chunk[16384];

    while (text->len <= max_len) {
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

int file_write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);

        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return -1;
        }
        bytes += put;
        len -= (size_t)put;
    }
    return 0;
}

static int write_new(int dir_fd, const char *path, const void *bytes, size_t len, mode_t mode,
                     enum file_durability durability)
{
    auto_close int fd = -1;

    unlinkat(dir_fd, path, 0); /* left by a crash: it may have any mode, or be a link */
    fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0 || file_write_all(fd, bytes, len) < 0) {
        return -1;
    }
    if (durability == FILE_DURABLE && fdatasync(fd) < 0) {
        return -1;
    }
    return close(TAKE_FD(fd));
}

static void sync_directory(int dir_fd, const char *path)
{
    auto_free char *directory = xstrdup(path);
    char *slash = strrchr(directory, '/');
    auto_close int fd = -1;

    if (slash != NULL) {
        *slash = '\0';
    }
    fd = openat(dir_fd, slash != NULL && directory[0] != '\0' ? directory : ".",
                O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(
            fd); /* best effort: some file systems refuse it, and the rename itself has happened */
    }
}

int file_replace(int dir_fd, const char *path, const void *bytes, size_t len, mode_t mode,
                 enum file_durability durability, struct error *err)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    size_t name_len = strlen(name), longest = NAME_MAX - strlen("..tmp");
    /* A name may be as long as a name can be: then its beginning is cut off here. */
    auto_free char *temporary = xasprintf("%.*s.%s.tmp", (int)(name - path), path,
                                          name_len > longest ? name + name_len - longest : name);
    int number;

    if (write_new(dir_fd, temporary, bytes, len, mode, durability) < 0 ||
        renameat(dir_fd, temporary, dir_fd, path) < 0) {
        number = errno;
        unlinkat(dir_fd, temporary, 0);
        return error_set_errno(err, number, "replace \"%s\"", path);
    }
    if (durability == FILE_DURABLE) {
        sync_directory(dir_fd, path);
    }
    return 0;
}

void dir_remove_temporary(const char *path, const char *suffix)
{
    auto_free char *ending = xasprintf("%s.tmp", suffix);
    DIR *dir = opendir(path);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.' && text_has_suffix(entry->d_name, ending)) {
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

int dir_make(const char *path, mode_t mode, struct error *err)
{
    auto_free char *partial = NULL;

    if (mkdir(path, mode) == 0 || errno == EEXIST) {
        return 0; /* mostly it is there, or only the last one is missing */
    }
    partial = xstrdup(path);

    for (char *p = partial + 1; *p != '\0'; p++) {
        if (*p == '/') {
            *p = '\0';
            if (mkdir(partial, mode) < 0 && errno != EEXIST) {
                return error_set_errno(err, errno, "create directory \"%s\"", partial);
            }
            *p = '/';
        }
    }
    if (mkdir(partial, mode) < 0 && errno != EEXIST) {
        return error_set_errno(err, errno, "create directory \"%s\"", partial);
    }
    return 0;
}

enum { MAX_TREE_DEPTH = 256 }; /* each level holds a descriptor */

struct removal {
    int top_fd;
    unsigned long lifted; /* folders that lay too deep and are at the top now */
};

/* A folder that lies too deep to be gone down into comes to the top and has its turn later. */
static int lift(struct removal *removal, int dir_fd, const char *name)
{
    char lifted[32];
    int result;

    do {
        snprintf(lifted, sizeof(lifted), ".lifted-%lu", removal->lifted++);
        result = renameat2(dir_fd, name, removal->top_fd, lifted, RENAME_NOREPLACE);
    } while (result < 0 && errno == EEXIST);
    return result;
}

static int remove_below(struct removal *removal, int dir_fd, const char *name, unsigned depth);

static int remove_children(struct removal *removal, int fd, unsigned depth)
{
    DIR *dir = fdopendir(fd); /* owns fd from here */
    struct dirent *entry;
    int result = 0;

    if (dir == NULL) {
        close(fd);
        return -1;
    }
    while (result == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            result = remove_below(removal, dirfd(dir), entry->d_name, depth + 1);
        }
    }
    closedir(dir);
    return result;
}

/* Somebody else may be removing the same: what is gone is done. */
static int unless_gone(int result)
{
    return result < 0 && errno == ENOENT ? 0 : result;
}

static int open_directory(int dir_fd, const char *name)
{
    return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* 1: it is a directory. */
static int unlink_if_file(int dir_fd, const char *name)
{
    if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT) {
        return 0;
    }
    return errno == EISDIR || errno == EPERM ? 1 : -1;
}

static int remove_below(struct removal *removal, int dir_fd, const char *name, unsigned depth)
{
    int result = unlink_if_file(dir_fd, name), fd;

    if (result != 1) {
        return result;
    }
    if (depth > MAX_TREE_DEPTH) {
        return unless_gone(lift(removal, dir_fd, name));
    }
    fd = open_directory(dir_fd, name);
    if (fd < 0) {
        return unless_gone(-1);
    }
    if (remove_children(removal, fd, depth) < 0) {
        return -1;
    }
    return unless_gone(unlinkat(dir_fd, name, AT_REMOVEDIR));
}

/* A directory with all that is in it. */
static int remove_top(const char *path)
{
    auto_close int top_fd = open_directory(AT_FDCWD, path);
    struct removal removal = {.top_fd = top_fd};
    unsigned long lifted_before;

    if (top_fd < 0) {
        return unless_gone(-1);
    }
    do {
        int fd = openat(top_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        lifted_before = removal.lifted;
        if (fd < 0) {
            return unless_gone(-1);
        }
        if (remove_children(&removal, fd, 0) < 0) {
            return -1;
        }
    } while (removal.lifted > lifted_before);
    return unless_gone(unlinkat(AT_FDCWD, path, AT_REMOVEDIR));
}

int tree_remove(const char *path, struct error *err)
{
    int result = unlink_if_file(AT_FDCWD, path);

    if (result < 0 || (result == 1 && remove_top(path) < 0)) {
        return error_set_errno(err, errno, "remove \"%s\"", path);
    }
    return 0;
}

bool path_exists(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0;
}

char *path_join(const char *directory, const char *name)
{
    if (name[0] == '/' || directory[0] == '\0') {
        return xstrdup(name);
    }
    return xasprintf("%s%s%s", directory, text_has_suffix(directory, "/") ? "" : "/", name);
}

/* Appends one part of a path to the absolute path in out. */
static void append_part(struct strbuf *out, const char *part, size_t len)
{
    if (len == 0 || (len == 1 && part[0] == '.')) {
        return;
    }
    if (len == 2 && part[0] == '.' && part[1] == '.') {
        while (out->len > 0 && out->text[--out->len] != '/') {
        }
        out->text[out->len] = '\0';
        return;
    }
    strbuf_add(out, "/");
    strbuf_append(out, part, len);
}

char *path_absolute(const char *path)
{
    auto_done(strbuf) out = {0};
    auto_free char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
    auto_free char *full = here != NULL ? path_join(here, path) : xstrdup(path);
    const char *part = full;

    strbuf_add(&out, "");
    while (*part != '\0') {
        size_t len = strcspn(part, "/");

        append_part(&out, part, len);
        part += len + (part[len] == '/');
    }
    if (out.len == 0) {
        strbuf_add(&out, "/");
    }
    return strbuf_take(&out);
}

bool path_is_below(const char *path, const char *directory)
{
    size_t len = strlen(directory);

    if (strcmp(directory, "/") == 0) {
        return true;
    }
    return strncmp(path, directory, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

char *path_directory(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? xstrndup(path, (size_t)(slash + 1 - path)) : xstrdup("./");
}

bool path_has_dot_dot(const char *path)
{
    for (const char *part = path; *part != '\0'; part += strcspn(part, "/"), part += *part == '/') {
        if (strcspn(part, "/") == 2 && part[0] == '.' && part[1] == '.') {
            return true;
        }
    }
    return false;
}
