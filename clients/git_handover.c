#include "clients/git_handover.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 400 }; /* each level holds a descriptor; tree_remove() goes deeper */

struct walk {
    struct git_handover handover;
    bool is_root;
    struct error *err;
};

/* An entry, with how many of the folders that lead to the packs its path has so far. */
struct place {
    const char *name;
    unsigned depth;
    unsigned pack_folders;
};

static int refuse(const struct walk *walk, const char *name, const char *why)
{
    return error_set_reason(walk->err, ERROR_CONFLICT, "WorkspaceFailed",
                            "the new working tree is refused: \"%.200s\" %s", name, why);
}

static int fail(const struct walk *walk, const char *name)
{
    int number = errno;

    return error_set_reason(walk->err, ERROR_CONFLICT, "WorkspaceFailed",
                            "the new working tree cannot be handed over: \"%.200s\": %s", name,
                            strerror(number));
}

/* --- packs ------------------------------------------------------------------------------------ */

/* The folders on the way to the packs, from the top. */
static const char *const *pack_folders(enum git_handover_links links)
{
    static const char *const of_tree[] = {".git", "objects", "pack", NULL};
    static const char *const none[] = {NULL};

    switch (links) {
    case GIT_HANDOVER_LINKS_REFUSE: return none;
    case GIT_HANDOVER_LINKS_LEAVE: return of_tree;
    case GIT_HANDOVER_LINKS_GIVE: return of_tree + 1;
    }
    return none;
}

static struct place child_of(const struct walk *walk, const struct place *parent, const char *name)
{
    const char *const *folders = pack_folders(walk->handover.links);
    bool is_on_the_way = parent->pack_folders == parent->depth &&
                         folders[parent->pack_folders] != NULL &&
                         strcmp(folders[parent->pack_folders], name) == 0;

    return (struct place){name, parent->depth + 1, parent->pack_folders + is_on_the_way};
}

/* Directly in the folder of packs: the way to it, and one step more. */
static bool is_in_packs(const struct walk *walk, const struct place *place)
{
    const char *const *folders = pack_folders(walk->handover.links);

    return folders[0] != NULL && folders[place->pack_folders] == NULL &&
           place->depth == place->pack_folders + 1;
}

/* --- one entry -------------------------------------------------------------------------------- */

static int check(const struct walk *walk, const struct place *place, const struct stat *info)
{
    const struct git_handover *handover = &walk->handover;
    bool is_linked = !S_ISDIR(info->st_mode) && info->st_nlink != 1;

    if (!S_ISDIR(info->st_mode) && !S_ISREG(info->st_mode) && !S_ISLNK(info->st_mode)) {
        return refuse(walk, place->name, "is neither file, directory nor symbolic link");
    }
    if (is_linked && !(S_ISREG(info->st_mode) && is_in_packs(walk, place))) {
        return refuse(walk, place->name, "has more than one name");
    }
    if (is_linked && (info->st_uid != handover->maker || (info->st_mode & 07777) != 0444)) {
        return refuse(walk, place->name, "has more than one name, and is no pack of the mirror");
    }
    if (info->st_uid != handover->maker && info->st_uid != handover->owner) {
        return refuse(walk, place->name, "belongs to somebody else");
    }
    return 0;
}

/*
 * The descriptor is opened without following or waiting; for a symbolic link it is good for its
 * owner only.
 */
static int open_entry(int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 && errno == ELOOP) {
        fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    }
    return fd;
}

static int change(const struct walk *walk, int fd, const struct stat *info)
{
    const struct git_handover *handover = &walk->handover;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = handover->modified_at}};

    if (walk->is_root && (info->st_uid != handover->owner || info->st_gid != handover->group) &&
        fchownat(fd, "", handover->owner, handover->group, AT_EMPTY_PATH) < 0) {
        return -1;
    }
    if (S_ISLNK(info->st_mode)) {
        return 0;
    }
    if ((info->st_mode & 07000) != 0 && fchmod(fd, info->st_mode & 0777) < 0) {
        return -1;
    }
    return S_ISREG(info->st_mode) && handover->modified_at != 0 ? futimens(fd, times) : 0;
}

static int give_entry(const struct walk *walk, int dir_fd, const struct place *place);

/* Owns fd. */
static int give_children(const struct walk *walk, int fd, const struct place *place)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    int result = 0;

    if (dir == NULL) {
        fail(walk, place->name);
        close(fd);
        return -1;
    }
    while (result == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            struct place child = child_of(walk, place, entry->d_name);

            result = give_entry(walk, dirfd(dir), &child);
        }
    }
    closedir(dir);
    return result;
}

static int give_entry(const struct walk *walk, int dir_fd, const struct place *place)
{
    auto_close int fd = open_entry(dir_fd, place->name);
    struct stat info;

    if (fd < 0 || fstat(fd, &info) < 0) {
        return fail(walk, place->name);
    }
    if (place->depth > MAX_DEPTH) {
        return refuse(walk, place->name, "lies too deep");
    }
    if (check(walk, place, &info) < 0) {
        return -1;
    }
    if (!S_ISDIR(info.st_mode) && info.st_nlink != 1 &&
        walk->handover.links == GIT_HANDOVER_LINKS_LEAVE) {
        return 0;
    }
    if (change(walk, fd, &info) < 0) {
        return fail(walk, place->name);
    }
    return S_ISDIR(info.st_mode) ? give_children(walk, TAKE_FD(fd), place) : 0;
}

/* --- the outside ------------------------------------------------------------------------------ */

int git_handover_give(const struct git_handover *handover, int dir_fd, const char *name,
                      struct error *err)
{
    struct walk walk = {.handover = *handover, .is_root = geteuid() == 0, .err = err};

    return give_entry(&walk, dir_fd, &(const struct place){.name = name});
}

int git_handover_move(int dir_fd, const char *name, const char *to, struct error *err)
{
    struct stat info;
    int moved = renameat2(dir_fd, name, AT_FDCWD, to, RENAME_NOREPLACE);

    if (moved < 0 && (errno == EINVAL || errno == ENOSYS)) { /* not every file system knows how */
        moved = lstat(to, &info) == 0 ? (errno = EEXIST, -1) : renameat(dir_fd, name, AT_FDCWD, to);
    }
    if (moved == 0) {
        return 0;
    }
    if (errno == EEXIST || errno == ENOTEMPTY) {
        return error_set_reason(err, ERROR_CONFLICT, "WorkspaceFailed",
                                "the working tree \"%s\" exists already", to);
    }
    return error_set_reason(
        err, ERROR_CONFLICT, "WorkspaceFailed", "the working tree cannot be put at \"%s\": %s", to,
        errno == EXDEV ? "it is on another file system than the mirror" : strerror(errno));
}
