#include "tests/support/world_change.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <ctype.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

enum { WHAT_SIZE = 512, CHANGES_BY_OPEN = O_CREAT | O_TRUNC };

/*
 * --- the system calls
 * -----------------------------------------------------------------------------
 */

/* How the arguments of a call name what it changes. */
enum shape {
    SHAPE_PATH,    /* path */
    SHAPE_AT,      /* folder's descriptor, path */
    SHAPE_TO_PATH, /* the second of two paths */
    SHAPE_TO_AT,   /* the second of two pairs */
    SHAPE_LINK_AT, /* text, folder's descriptor, path */
    SHAPE_FD,      /* a descriptor, of a file or of a connection to the engine */
    SHAPE_TO_FD,   /* the second of two descriptors, behind an offset */
    SHAPE_NOTHING, /* it changes nothing, but when it comes the call before it is over */
};

static const struct call {
    unsigned number;
    const char *name;
    enum shape shape;
} calls[] = {
#ifdef SYS_open
    {SYS_open, "open", SHAPE_PATH},
    {SYS_creat, "open", SHAPE_PATH},
    {SYS_rename, "rename", SHAPE_TO_PATH},
    {SYS_link, "link", SHAPE_TO_PATH},
    {SYS_symlink, "symlink", SHAPE_TO_PATH},
    {SYS_unlink, "unlink", SHAPE_PATH},
    {SYS_rmdir, "rmdir", SHAPE_PATH},
    {SYS_mkdir, "mkdir", SHAPE_PATH},
    {SYS_chmod, "chmod", SHAPE_PATH},
    {SYS_chown, "chown", SHAPE_PATH},
    {SYS_lchown, "chown", SHAPE_PATH},
    {SYS_poll, "poll", SHAPE_NOTHING},
    {SYS_epoll_wait, "epoll_wait", SHAPE_NOTHING},
#endif
    {SYS_openat, "open", SHAPE_AT},
    {SYS_openat2, "open", SHAPE_AT},
#ifdef SYS_renameat
    {SYS_renameat, "rename", SHAPE_TO_AT},
#endif
    {SYS_renameat2, "rename", SHAPE_TO_AT},
    {SYS_linkat, "link", SHAPE_TO_AT},
    {SYS_symlinkat, "symlink", SHAPE_LINK_AT},
    {SYS_unlinkat, "unlink", SHAPE_AT},
    {SYS_mkdirat, "mkdir", SHAPE_AT},
    {SYS_mknodat, "mknod", SHAPE_AT},
    {SYS_fchmodat, "chmod", SHAPE_AT},
    {SYS_fchownat, "chown", SHAPE_AT},
    {SYS_truncate, "truncate", SHAPE_PATH},
    {SYS_mount, "mount", SHAPE_TO_PATH},
    {SYS_umount2, "umount", SHAPE_PATH},
    {SYS_move_mount, "mount", SHAPE_TO_AT},
    {SYS_write, "write", SHAPE_FD},
    {SYS_writev, "write", SHAPE_FD},
    {SYS_pwrite64, "write", SHAPE_FD},
    {SYS_pwritev, "write", SHAPE_FD},
    {SYS_sendto, "send", SHAPE_FD},
    {SYS_sendmsg, "send", SHAPE_FD},
    {SYS_ftruncate, "truncate", SHAPE_FD},
    {SYS_fsync, "sync", SHAPE_FD},
    {SYS_fdatasync, "sync", SHAPE_FD},
    {SYS_fchmod, "chmod", SHAPE_FD},
    {SYS_fchown, "chown", SHAPE_FD},
    {SYS_sendfile, "write", SHAPE_FD},
    {SYS_copy_file_range, "write", SHAPE_TO_FD},
    {SYS_ppoll, "poll", SHAPE_NOTHING},
    {SYS_epoll_pwait, "epoll_wait", SHAPE_NOTHING},
    {SYS_exit_group, "exit", SHAPE_NOTHING},
};

static const struct call *find_call(int number)
{
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        if (calls[i].number == (unsigned)number) {
            return &calls[i];
        }
    }
    return NULL;
}

/* All of them are asked about, but openat only where it may create or empty a file. */
int world_change_ask(void)
{
    struct sock_filter code[3 + 2 * ARRAY_SIZE(calls) + 8];
    struct sock_fprog program = {.filter = code};
    unsigned short len = 0;

    code[len++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    code[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0);
    code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[len++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        if (calls[i].number != SYS_openat) {
            code[len++] =
                (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 1);
            code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
        }
    }
    code[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3);
    code[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                               offsetof(struct seccomp_data, args[2]));
    code[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CHANGES_BY_OPEN, 0, 1);
    code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program.len = len;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                        SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                        &program);
}

/*
 * --- what another process is about to do
 * -----------------------------------------------------------
 */

static size_t peek(pid_t pid, uint64_t address, void *bytes, size_t size)
{
    struct iovec here = {.iov_base = bytes, .iov_len = size};
    struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};
    ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);

    return got > 0 ? (size_t)got : 0;
}

/*
 * A text may end before a page that cannot be read, so it is read in pieces that end with a page.
 */
static void peek_text(pid_t pid, uint64_t address, char text[WHAT_SIZE])
{
    size_t len = 0, got = 1;

    while (got > 0 && len < WHAT_SIZE - 1 && memchr(text, '\0', len) == NULL) {
        size_t to_page_end = 4096 - (address + len) % 4096;
        size_t space = WHAT_SIZE - 1 - len;

        got = peek(pid, address + len, text + len, space < to_page_end ? space : to_page_end);
        len += got;
    }
    text[len] = '\0';
}

static void read_link_of(pid_t pid, const char *what, int number, char text[WHAT_SIZE])
{
    auto_free char *link = number >= 0 ? xasprintf("/proc/%d/%s/%d", (int)pid, what, number)
                                       : xasprintf("/proc/%d/%s", (int)pid, what);
    ssize_t len = readlink(link, text, WHAT_SIZE - 1);

    text[len > 0 ? len : 0] = '\0';
}

static void resolve(pid_t pid, int dir_fd, uint64_t address, char place[WHAT_SIZE])
{
    char folder[WHAT_SIZE], path[WHAT_SIZE];

    peek_text(pid, address, path);
    if (path[0] == '/') {
        snprintf(place, WHAT_SIZE, "%s", path);
        return;
    }
    read_link_of(pid, dir_fd == AT_FDCWD ? "cwd" : "fd", dir_fd == AT_FDCWD ? -1 : dir_fd, folder);
    snprintf(place, WHAT_SIZE, "%.250s/%.250s", folder, path);
}

/* The verb: "berth VERB ..." */
static void who_is(pid_t pid, char who[32])
{
    auto_free char *path = xasprintf("/proc/%d/cmdline", (int)pid);
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[4096];
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
    const char *verb;

    text[len > 0 ? len : 0] = '\0';
    verb = text + strlen(text) + 1;
    snprintf(who, 32, "%s", verb < text + len ? verb : "?");
}

static bool is_engine(const char *socket, pid_t pid, int fd)
{
    struct sockaddr_un address = {0};
    socklen_t size = sizeof(address) - 1;
    auto_close int process = (int)syscall(SYS_pidfd_open, pid, 0);
    auto_close int copy = -1;

    if (process >= 0) {
        copy = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
    }
    return copy >= 0 && getpeername(copy, (struct sockaddr *)&address, &size) == 0 &&
           address.sun_family == AF_UNIX && strcmp(address.sun_path, socket) == 0;
}

/* The first bytes of what is sent. */
static void peek_sent(pid_t pid, const struct seccomp_data *data, char text[WHAT_SIZE])
{
    uint64_t address = data->args[1];
    struct msghdr message;
    struct iovec piece;

    text[0] = '\0';
    if (data->nr == SYS_sendmsg) {
        if (peek(pid, address, &message, sizeof(message)) != sizeof(message)) {
            return;
        }
        address = (uint64_t)(uintptr_t)message.msg_iov;
    }
    if (data->nr == SYS_sendmsg || data->nr == SYS_writev) {
        if (peek(pid, address, &piece, sizeof(piece)) != sizeof(piece)) {
            return;
        }
        address = (uint64_t)(uintptr_t)piece.iov_base;
    }
    peek_text(pid, address, text);
}

/* "POST /v1.41/containers/create?name=web&x=y HTTP/1.1" as "POST /containers/create?name=web". */
static bool shorten_request(char text[WHAT_SIZE])
{
    char method[16], path[WHAT_SIZE];
    char *at = path, *name, *end;

    if (sscanf(text, "%15[A-Z] /%500s", method, path) != 2) {
        return false;
    }
    if (path[0] == 'v' && isdigit((unsigned char)path[1]) && strchr(path, '/') != NULL) {
        at = strchr(path, '/') + 1;
    }
    end = at + strcspn(at, "?");
    name = strstr(end, "name=");
    if (name != NULL) {
        name[strcspn(name, "&")] = '\0';
    }
    snprintf(text, WHAT_SIZE, "%s /%.*s%s%.200s", method, (int)(end - at), at,
             name != NULL ? "?" : "", name != NULL ? name : "");
    return true;
}

/* Digits that another run has otherwise: hex numbers, and random ends of temporary names. */
static void hide_random(char *text)
{
    char *to = text;

    for (const char *at = text; *at != '\0';) {
        size_t len = strspn(at, "0123456789abcdef");
        bool is_word = at == text || !isalnum((unsigned char)at[-1]);
        bool ends = !isalnum((unsigned char)at[len]);
        bool is_number = len >= 6 && strcspn(at, "0123456789") < len;
        bool is_folder = len == 2 && at - text >= 8 && memcmp(at - 8, "objects/", 8) == 0;

        if (is_word && ends && (is_number || is_folder)) {
            *to++ = '*';
            at += len;
        } else if (*at == '#' && is_word) { /* overlayfs names a file by its inode */
            *to++ = '*';
            at += 1 + strspn(at + 1, "0123456789abcdef");
        } else if (strncmp(at, "_git2_", 6) == 0 || strncmp(at, "tmp_pack_", 9) == 0) {
            *to++ = '*';
            at += strcspn(at, "/");
        } else {
            *to++ = *at++;
        }
    }
    *to = '\0';
}

/* Where a place is among the roots: "state/leases.json". False: nowhere. */
static bool name_place(const struct world *world, const char *place, char what[WHAT_SIZE])
{
    for (unsigned i = 0; i < world->root_count; i++) {
        size_t len = strlen(world->roots[i].folder);

        if (strncmp(place, world->roots[i].folder, len) == 0 &&
            (place[len] == '/' || place[len] == '\0')) {
            snprintf(what, WHAT_SIZE, "%s%s", world->roots[i].name, place + len);
            return true;
        }
    }
    return false;
}

/* Whoever makes a folder with its parents asks for those above the roots, too. */
static bool is_above_root(const struct world *world, const char *place)
{
    for (unsigned i = 0; i < world->root_count; i++) {
        size_t len = strlen(place);

        if (strncmp(world->roots[i].folder, place, len) == 0 &&
            world->roots[i].folder[len] == '/') {
            return true;
        }
    }
    return false;
}

static bool is_no_file(const char *place)
{
    return place[0] != '/' || strncmp(place, "/proc/", 6) == 0 || strncmp(place, "/dev/", 5) == 0 ||
           strncmp(place, "/sys/", 5) == 0;
}

static void find_place(pid_t pid, const struct call *call, const struct seccomp_data *data,
                       char place[WHAT_SIZE])
{
    switch (call->shape) {
    case SHAPE_PATH: resolve(pid, AT_FDCWD, data->args[0], place); break;
    case SHAPE_AT: resolve(pid, (int)data->args[0], data->args[1], place); break;
    case SHAPE_TO_PATH: resolve(pid, AT_FDCWD, data->args[1], place); break;
    case SHAPE_TO_AT: resolve(pid, (int)data->args[2], data->args[3], place); break;
    case SHAPE_LINK_AT: resolve(pid, (int)data->args[1], data->args[2], place); break;
    case SHAPE_FD: read_link_of(pid, "fd", (int)data->args[0], place); break;
    case SHAPE_TO_FD: read_link_of(pid, "fd", (int)data->args[2], place); break;
    case SHAPE_NOTHING: place[0] = '\0'; break;
    }
}

/* open and openat2 are asked about whatever their flags are. */
static bool only_reads(pid_t pid, const struct seccomp_data *data)
{
    struct open_how how = {0};

    if (data->nr == SYS_openat2) {
        peek(pid, data->args[2], &how, sizeof(how));
        return (how.flags & CHANGES_BY_OPEN) == 0;
    }
#ifdef SYS_open
    return data->nr == SYS_open && (data->args[1] & CHANGES_BY_OPEN) == 0;
#else
    return false;
#endif
}

/* What a call on a socket sends to the engine; false: the socket is another one. */
static bool describe_sent(const struct world *world, pid_t pid, const struct seccomp_data *data,
                          char what[WHAT_SIZE])
{
    if (!is_engine(world->engine_socket, pid, (int)data->args[0])) {
        return false;
    }
    peek_sent(pid, data, what);
    if (!shorten_request(what)) {
        snprintf(what, WHAT_SIZE, "more of a request");
    }
    return true;
}

char *world_change_describe(const struct world *world, pid_t tid, const struct seccomp_data *data)
{
    const struct call *call = find_call(data->nr);
    char who[32], place[WHAT_SIZE], named[WHAT_SIZE], what[WHAT_SIZE];

    if (call == NULL || call->shape == SHAPE_NOTHING || only_reads(tid, data)) {
        return NULL;
    }
    who_is(tid, who);
    find_place(tid, call, data, place);
    if (strncmp(place, "socket:", 7) == 0) {
        if (!describe_sent(world, tid, data, what)) {
            return NULL;
        }
    } else if (name_place(world, place, named)) {
        snprintf(what, WHAT_SIZE, "%s %.400s", call->name, named);
    } else if (strcmp(who, "run") != 0 && !is_no_file(place) && !is_above_root(world, place)) {
        snprintf(what, WHAT_SIZE, "%s %.400s", call->name, place);
    } else {
        return NULL;
    }
    hide_random(what);
    return xasprintf("%s %s", who, what);
}
