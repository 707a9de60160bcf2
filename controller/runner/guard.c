#include "controller/runner/guard.h"

#include "controller/runner/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From the kernel's linux/landlock.h, which older systems to build on do not have or not whole. */
enum {
    CALL_CREATE_RULESET = 444, /* the same numbers on all machines */
    CALL_ADD_RULE = 445,
    CALL_RESTRICT_SELF = 446,
    CREATE_RULESET_VERSION = 1,
    RULE_PATH_BENEATH = 1,
    OLDEST_ABI = 2,   /* the first that lets files move between directories */
    TRUNCATE_ABI = 3, /* the first that knows of truncate(2) */
};

#define WRITE_FILE (UINT64_C(1) << 1)
#define REMOVE_DIR (UINT64_C(1) << 4)
#define REMOVE_FILE (UINT64_C(1) << 5)
#define MAKE_CHAR (UINT64_C(1) << 6)
#define MAKE_DIR (UINT64_C(1) << 7)
#define MAKE_REG (UINT64_C(1) << 8)
#define MAKE_SOCK (UINT64_C(1) << 9)
#define MAKE_FIFO (UINT64_C(1) << 10)
#define MAKE_BLOCK (UINT64_C(1) << 11)
#define MAKE_SYM (UINT64_C(1) << 12)
#define REFER (UINT64_C(1) << 13) /* move or link between directories */
#define TRUNCATE (UINT64_C(1) << 14)

struct ruleset_attributes {
    uint64_t handled_access_fs;
};

struct path_beneath_attributes {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

struct guard {
    int fd;
    uint64_t file_rights, directory_rights;
    /* resolved, so that they compare as texts */
    char *guarded[OPTION_LIST_MAX];
    size_t guarded_count;
    char *message;
    size_t message_size;
};

static int fail(struct guard *guard, const char *what, const char *path)
{
    char reason[64];

    snprintf(guard->message, guard->message_size, "guard: %s \"%.128s\": %s", what, path,
             util_errno_text(errno, reason));
    return -1;
}

/* Whatever is at fd, and all below it, can be written to. */
static int allow(struct guard *guard, int fd, const char *path)
{
    struct path_beneath_attributes rule = {.parent_fd = fd};
    struct stat info;

    if (fstat(fd, &info) < 0) {
        return fail(guard, "look at", path);
    }
    if (S_ISLNK(info.st_mode)) {
        return 0; /* what it leads to has a rule of its own */
    }
    rule.allowed_access = S_ISDIR(info.st_mode) ? guard->directory_rights : guard->file_rights;
    if (syscall(CALL_ADD_RULE, guard->fd, RULE_PATH_BENEATH, &rule, 0) < 0 && errno != EBADFD) {
        return fail(guard, "allow", path);
    }
    return 0; /* EBADFD: of a file system that Landlock restricts nobody on */
}

static int allow_path(struct guard *guard, const char *path)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    int result;

    if (fd < 0) {
        return fail(guard, "open", path);
    }
    result = allow(guard, fd, path);
    close(fd);
    return result;
}

enum place { PLACE_FREE, PLACE_ON_THE_WAY, PLACE_GUARDED };

static enum place find_place(const struct guard *guard, const char *path)
{
    enum place place = PLACE_FREE;

    for (size_t i = 0; i < guard->guarded_count; i++) {
        if (util_path_below(path, guard->guarded[i]) != NULL) {
            return PLACE_GUARDED;
        }
        if (util_path_below(guard->guarded[i], path) != NULL) {
            place = PLACE_ON_THE_WAY;
        }
    }
    return place;
}

static int allow_entries(struct guard *guard, const char *path);

static int allow_entry(struct guard *guard, int dir_fd, const char *path, const char *name)
{
    char child[PATH_MAX];
    int fd, result;

    if (snprintf(child, sizeof(child), "%s/%s", path, name) >= (int)sizeof(child)) {
        return 0; /* out of reach by its path, so that it is no loss */
    }
    switch (find_place(guard, child)) {
    case PLACE_GUARDED: return 0;
    case PLACE_ON_THE_WAY: return allow_entries(guard, child);
    case PLACE_FREE: break;
    }
    fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return 0; /* gone meanwhile, or a mount that answers nobody */
    }
    result = allow(guard, fd, child);
    close(fd);
    return result;
}

/* Everything in a directory that leads to something guarded; path is "" for the root. */
static int allow_entries(struct guard *guard, const char *path)
{
    DIR *dir = opendir(path[0] == '\0' ? "/" : path);
    struct dirent *entry;
    int result = 0;

    if (dir == NULL) {
        return fail(guard, "list", path[0] == '\0' ? "/" : path);
    }
    while (result == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            result = allow_entry(guard, dirfd(dir), path, entry->d_name);
        }
    }
    closedir(dir);
    return result;
}

static int add_guarded(struct guard *guard, const struct option_list *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        char *path = realpath(paths->items[i], NULL);

        if (path == NULL && errno == ENOENT) {
            path = strdup(paths->items[i]);
        }
        if (path == NULL) {
            return fail(guard, "find", paths->items[i]);
        }
        guard->guarded[guard->guarded_count++] = path;
    }
    return 0;
}

static int add_rules(struct guard *guard, const struct option_list *guarded,
                     const struct option_list *allowed)
{
    if (add_guarded(guard, guarded) < 0) {
        return -1;
    }
    if (find_place(guard, "/") != PLACE_GUARDED && allow_entries(guard, "") < 0) {
        return -1;
    }
    for (size_t i = 0; i < allowed->count; i++) {
        if (allow_path(guard, allowed->items[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

/* What this kernel can take away from a process; 0: nothing that would be of use. */
static uint64_t known_rights(void)
{
    long abi = syscall(CALL_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);

    if (abi < OLDEST_ABI) {
        return 0;
    }
    return WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_CHAR | MAKE_DIR | MAKE_REG | MAKE_SOCK |
           MAKE_FIFO | MAKE_BLOCK | MAKE_SYM | REFER | (abi >= TRUNCATE_ABI ? TRUNCATE : 0);
}

enum guard_answer guard_make(const struct option_list *guarded, const struct option_list *allowed,
                             int *ret_fd, char *message, size_t message_size)
{
    struct ruleset_attributes attributes = {.handled_access_fs = known_rights()};
    struct guard guard = {.message = message, .message_size = message_size};
    int result;

    if (guarded->count == 0 || attributes.handled_access_fs == 0) {
        return GUARD_NONE;
    }
    guard.directory_rights = attributes.handled_access_fs;
    guard.file_rights = attributes.handled_access_fs & (WRITE_FILE | TRUNCATE);
    guard.fd = (int)syscall(CALL_CREATE_RULESET, &attributes, sizeof(attributes), 0);
    if (guard.fd < 0 && (errno == EPERM || errno == ENOSYS || errno == EOPNOTSUPP)) {
        return GUARD_NONE;
    }
    if (guard.fd < 0) {
        fail(&guard, "make the rules for", guarded->items[0]);
        return GUARD_FAILED;
    }
    result = add_rules(&guard, guarded, allowed);
    for (size_t i = 0; i < guard.guarded_count; i++) {
        free(guard.guarded[i]);
    }
    if (result < 0) {
        close(guard.fd);
        return GUARD_FAILED;
    }
    *ret_fd = guard.fd; /* closed on exec: the kernel makes it so */
    return GUARD_READY;
}

int guard_enter(int guard_fd)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return -1;
    }
    return syscall(CALL_RESTRICT_SELF, guard_fd, 0) < 0 ? -1 : 0;
}
