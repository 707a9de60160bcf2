#include "clients/tree_mount.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/tree_failure.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    UNMOUNT_TRIES = 20,
    UNMOUNT_PAUSE_MS = 100,
    UNMOUNTS_MAX = 1000, /* of one tree: a ceiling against a loop */
};

/* --- what is mounted -------------------------------------------------------------------------- */

int tree_mount_id(int fd)
{
    char path[64], line[128];
    FILE *file;
    int id = -1;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (text_has_prefix(line, "mnt_id:")) {
            id = (int)strtol(line + strlen("mnt_id:"), NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return id;
}

bool tree_mount_is_on(int dir_fd, const char *name)
{
    auto_close int fd = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd >= 0 && tree_mount_id(fd) != tree_mount_id(dir_fd);
}

/* A line of /proc/self/mountinfo; see proc(5). */
struct mount_line {
    int id, parent;
    char *path; /* within the line */
    int group;  /* of peers; 0: not shared */
};

/* In place: "\040" is a blank, and so on. */
static void unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; from++, to++) {
        if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3) {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 3;
        } else {
            *to = *from;
        }
    }
    *to = '\0';
}

static bool parse_mount_line(char *line, struct mount_line *ret_line)
{
    char *words[7] = {0}, *rest = line;
    const char *shared;

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        words[i] = strsep(&rest, " ");
        if (words[i] == NULL) {
            return false;
        }
    }
    /*
     * fields from the seventh on, up to a lone "-"; the first of them is "shared:N" where there is
     * one
     */
    shared = text_has_prefix(words[6], "shared:") ? words[6] + strlen("shared:") : "0";
    unescape(words[4]);
    *ret_line = (struct mount_line){
        .id = (int)strtol(words[0], NULL, 10),
        .parent = (int)strtol(words[1], NULL, 10),
        .path = words[4],
        .group = (int)strtol(shared, NULL, 10),
    };
    return true;
}

/* Calls back for each line, in the order of the table, in which a mount comes after its parent. */
static int each_mount(void (*on_line)(void *user, const struct mount_line *line), void *user)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    auto_free char *text = NULL;
    struct mount_line line;
    size_t size = 0;

    if (file == NULL) {
        return -1;
    }
    while (getline(&text, &size, file) >= 0) {
        if (parse_mount_line(text, &line)) {
            on_line(user, &line);
        }
    }
    fclose(file);
    return 0;
}

struct mount_search {
    int id;
    int parent, group; /* of the one with that id */
    int parent_group;
    char *path;
};

static void on_searched(void *user, const struct mount_line *line)
{
    struct mount_search *search = user;

    if (line->id == search->id) {
        search->parent = line->parent;
        search->group = line->group;
        free(search->path);
        search->path = xstrdup(line->path);
    }
}

static void on_parent(void *user, const struct mount_line *line)
{
    struct mount_search *search = user;

    if (line->id == search->parent) {
        search->parent_group = line->group;
    }
}

/* --- shared folders --------------------------------------------------------------------------- */

/* The kernel's path of what the descriptor is on, in this mount namespace. The caller's to free. */
static char *path_of(int fd)
{
    char link[64], path[4097];
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof(path) - 1);
    return xstrndup(path, len > 0 ? (size_t)len : 0);
}

static int open_folder(const char *folder)
{
    return open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* -1, errno set. */
static int bind_on_itself(int fd)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return mount(path, path, NULL, MS_BIND, NULL);
}

static int forbid_suid_and_devices(int fd)
{
    /* these have the same numbers for statvfs() and mount() */
    const unsigned long kept = ST_RDONLY | ST_NOEXEC, wanted = ST_NOSUID | ST_NODEV;
    struct statvfs info;
    char path[64];

    if (fstatvfs(fd, &info) < 0) {
        return -1;
    }
    if ((info.f_flag & wanted) == wanted) {
        return 0;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | wanted | (info.f_flag & kept), NULL);
}

/*
 * A bind mount of a shared file system begins as a peer of its parent: every tree would be mounted
 * a second time underneath, and in all namespaces that see the parent.
 */
static int give_own_group(int fd, const struct mount_search *found)
{
    char path[64];

    if (found->group != 0 && found->group != found->parent_group) {
        return 0;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (found->group != 0 && mount(NULL, path, NULL, MS_PRIVATE, NULL) < 0) {
        return -1;
    }
    return mount(NULL, path, NULL, MS_SHARED, NULL);
}

static int search_mount(int fd, struct mount_search *search)
{
    search->id = tree_mount_id(fd);
    return each_mount(on_searched, search) < 0 || each_mount(on_parent, search) < 0 ? -1 : 0;
}

static bool is_mounted_on(int fd, const struct mount_search *found)
{
    auto_free char *path = path_of(fd);

    return text_equal(found->path, path);
}

bool tree_mount_share(const char *folder, char why[256])
{
    struct mount_search found = {0};
    auto_free char *path = NULL;
    auto_close int fd = open_folder(folder);
    int result = fd < 0 ? -1 : search_mount(fd, &found);

    if (result == 0 && !is_mounted_on(fd, &found)) {
        result = bind_on_itself(fd);
        cleanup_close(&fd);
        fd = open_folder(folder);
        free(TAKE(found.path));
        result = result < 0 || fd < 0 ? -1 : search_mount(fd, &found);
    }
    path = found.path; /* freed with the scope */
    if (result == 0 && forbid_suid_and_devices(fd) == 0 && give_own_group(fd, &found) == 0) {
        return true;
    }
    snprintf(why, 256, "the folder of trees cannot be made a shared mount: %s%s", strerror(errno),
             geteuid() != 0 ? " (that takes root)" : "");
    return false;
}

/* --- unmounting ------------------------------------------------------------------------------- */

struct last_below {
    const char *path;
    char *found; /* what follows path in it: "" or "/x/y"; NULL: none */
};

static void on_below(void *user, const struct mount_line *line)
{
    struct last_below *below = user;
    size_t len = strlen(below->path);

    if (strncmp(line->path, below->path, len) == 0 &&
        (line->path[len] == '\0' || line->path[len] == '/')) {
        free(below->found);
        below->found = xstrdup(line->path + len);
    }
}

/* From part to part, since a link may be planted anywhere below. */
static int open_below(int dir_fd, const char *name, const char *rest)
{
    int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    while (fd >= 0 && rest[0] == '/') {
        size_t len = strcspn(rest + 1, "/");
        auto_free char *part = xstrndup(rest + 1, len);
        auto_close int parent = fd;

        fd = openat(parent, part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        rest += len + 1;
    }
    return fd;
}

/* 1: one is gone. 0: there is none. -1: errno. */
static int unmount_last(int dir_fd, const char *name)
{
    auto_free char *folder = path_of(dir_fd);
    auto_free char *path = xasprintf("%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name);
    auto_free char *found = NULL;
    auto_close int fd = -1;
    struct last_below below = {.path = path};
    char link[64];

    if (each_mount(on_below, &below) < 0) {
        return -1;
    }
    found = below.found;
    if (found == NULL) {
        return 0;
    }
    fd = open_below(dir_fd, name, found);
    if (fd < 0) {
        return -1;
    }
    if (tree_mount_id(fd) == tree_mount_id(dir_fd)) { /* it was moved just now */
        errno = EBUSY;
        return -1;
    }
    /* refused by the kernel unless it is the root of a mount */
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    return umount2(link, MNT_DETACH) < 0 ? -1 : 1;
}

int tree_unmount_all(int dir_fd, const char *name, struct error *err)
{
    int result = 1;

    for (unsigned count = 0; result == 1 && count < UNMOUNTS_MAX; count++) {
        result = unmount_last(dir_fd, name);
    }
    return result != 0 ? tree_fail(err, result < 0 ? errno : ELOOP, "unmount", name) : 0;
}

int tree_unmount_unused(int dir_fd, const char *name, struct error *err)
{
    auto_free char *path = xasprintf("/proc/self/fd/%d/%s", dir_fd, name);

    for (unsigned tries = 0; tree_mount_is_on(dir_fd, name);) {
        if (umount2(path, UMOUNT_NOFOLLOW) == 0) {
            continue;
        }
        if (errno != EBUSY) {
            return tree_fail(err, errno, "unmount", name);
        }
        if (++tries == UNMOUNT_TRIES) {
            return tree_refuse(err, "processes still use the tree \"%s\"; end them first", name);
        }
        poll(NULL, 0, UNMOUNT_PAUSE_MS);
    }
    return 0;
}
