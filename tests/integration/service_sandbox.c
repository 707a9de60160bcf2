/*
 * Runs a command under the system call filters that a systemd unit asks for, where no systemd runs.
 *
 *     service_sandbox UNIT COMMAND [ARGUMENT...]
 *
 * Of the unit: NoNewPrivileges, SystemCallFilter (sets as this machine's systemd-analyze lists
 * them), RestrictAddressFamilies, RestrictNamespaces, MemoryDenyWriteExecute, RestrictSUIDSGID,
 * LimitCORE=0. Capabilities and users are setpriv's affair, and what is mounted is the caller's.
 * libseccomp comes with every engine, its headers do not: hence the prototypes.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* seccomp.h */
struct comparison {
    unsigned argument;
    int operator;
    uint64_t value, masked; /* COMPARE_MASKED: the mask, and what it must leave */
};
enum { COMPARE_EQUAL = 4, COMPARE_MASKED = 7 };
#define ACTION_ALLOW 0x7fff0000U
#define ACTION_ERRNO(number) (0x00050000U | ((unsigned)(number)&0xffffU))

static struct {
    void *(*init)(uint32_t action);
    int (*resolve)(const char *name);
    int (*add)(void *filter, uint32_t action, int number, unsigned count,
               const struct comparison *comparisons);
    int (*load)(const void *filter);
} seccomp;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "service_sandbox: %s\n", what);
    exit(125);
}

static void load_library(void)
{
    void *library = dlopen("libseccomp.so.2", RTLD_NOW);

    if (library == NULL) {
        die("there is no libseccomp.so.2");
    }
    *(void **)&seccomp.init = dlsym(library, "seccomp_init");
    *(void **)&seccomp.resolve = dlsym(library, "seccomp_syscall_resolve_name");
    *(void **)&seccomp.add = dlsym(library, "seccomp_rule_add_array");
    *(void **)&seccomp.load = dlsym(library, "seccomp_load");
    if (seccomp.init == NULL || seccomp.resolve == NULL || seccomp.add == NULL ||
        seccomp.load == NULL) {
        die("libseccomp.so.2 is not as expected");
    }
}

/* --- system calls by their sets --------------------------------------------------------------- */

enum { MAX_NUMBER = 1024 };
static bool is_allowed[MAX_NUMBER];

static void set_calls(const char *name, bool value);

static void set_calls_of(const char *set, bool value)
{
    auto_free char *command = xasprintf("systemd-analyze syscall-filter %s", set);
    FILE *list = popen(command, "r");
    char line[256];
    unsigned count = 0;

    while (list != NULL && fgets(line, sizeof(line), list) != NULL) {
        char *name = line + strspn(line, " ");

        name[strcspn(name, "\n")] = '\0';
        if (name > line && name[0] != '#' && name[0] != '\0') {
            set_calls(name, value);
            count++;
        }
    }
    if (list == NULL || pclose(list) != 0 || count == 0) {
        die(set);
    }
}

static void set_calls(const char *name, bool value)
{
    int number;

    if (name[0] == '@') {
        set_calls_of(name, value);
        return;
    }
    number = seccomp.resolve(name);
    if (number >= 0 && number < MAX_NUMBER) { /* others are other machines' */
        is_allowed[number] = value;
    }
}

/* --- filters on arguments --------------------------------------------------------------------- */

static void deny_where(void *filter, const char *name, int error,
                       const struct comparison *comparisons, unsigned count)
{
    if (seccomp.add(filter, ACTION_ERRNO(error), seccomp.resolve(name), count, comparisons) < 0) {
        die(name);
    }
}

static void deny_masked(void *filter, const char *name, unsigned argument, uint64_t mask)
{
    deny_where(filter, name, EPERM, &(struct comparison){argument, COMPARE_MASKED, mask, mask}, 1);
}

static void deny_namespaces(void *filter, const char *allowed)
{
    static const struct {
        const char *name;
        uint64_t flag;
    } types[] = {
        {"cgroup", CLONE_NEWCGROUP}, {"ipc", CLONE_NEWIPC}, {"net", CLONE_NEWNET},
        {"mnt", CLONE_NEWNS},        {"pid", CLONE_NEWPID}, {"user", CLONE_NEWUSER},
        {"uts", CLONE_NEWUTS},
    };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        if (strstr(allowed, types[i].name) == NULL) {
            deny_masked(filter, "unshare", 0, types[i].flag);
            deny_masked(filter, "clone", 0, types[i].flag);
            deny_masked(filter, "setns", 1, types[i].flag);
        }
    }
    deny_where(filter, "clone3", ENOSYS, NULL, 0);
    deny_where(filter, "setns", EPERM, &(struct comparison){1, COMPARE_EQUAL, 0, 0}, 1);
}

/* All but the four that both units name. */
static void deny_families(void *filter)
{
    for (int family = 0; family < AF_MAX; family++) {
        if (family != AF_UNIX && family != AF_INET && family != AF_INET6 && family != AF_NETLINK) {
            deny_where(filter, "socket", EAFNOSUPPORT,
                       &(struct comparison){0, COMPARE_EQUAL, (uint64_t)family, 0}, 1);
        }
    }
}

static void deny_writable_code(void *filter)
{
    deny_masked(filter, "mmap", 2, PROT_EXEC | PROT_WRITE);
    deny_masked(filter, "mprotect", 2, PROT_EXEC);
    deny_masked(filter, "pkey_mprotect", 2, PROT_EXEC);
}

static void deny_set_ids(void *filter)
{
    static const struct {
        const char *name;
        unsigned argument;
    } calls[] = {{"chmod", 1},   {"fchmod", 1}, {"fchmodat", 2}, {"mkdir", 1},
                 {"mkdirat", 2}, {"mknod", 1},  {"mknodat", 2}};

    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        deny_masked(filter, calls[i].name, calls[i].argument, S_ISUID);
        deny_masked(filter, calls[i].name, calls[i].argument, S_ISGID);
    }
}

/* --- the unit --------------------------------------------------------------------------------- */

/* The value of "KEY=..." when the line is one; else NULL. */
static char *value_of(char *line, const char *key)
{
    size_t len = strlen(key);

    return strncmp(line, key, len) == 0 && line[len] == '=' ? line + len + 1 : NULL;
}

static void take_filter(char *value)
{
    bool is_removal = value[0] == '~';
    char *rest = value + (is_removal ? 1 : 0), *name;

    while ((name = strsep(&rest, " ")) != NULL) {
        if (name[0] != '\0') {
            set_calls(name, !is_removal);
        }
    }
}

struct unit {
    bool has_filter, has_families, has_memory, has_set_ids;
    char *namespaces; /* NULL: all */
};

static void take_line(struct unit *unit, char *line)
{
    char *value;

    if ((value = value_of(line, "SystemCallFilter")) != NULL) {
        if (!unit->has_filter) {
            set_calls("@default", true);
        }
        unit->has_filter = true;
        take_filter(value);
    } else if ((value = value_of(line, "RestrictNamespaces")) != NULL) {
        unit->namespaces = value;
    } else if ((value = value_of(line, "RestrictAddressFamilies")) != NULL) {
        unit->has_families = strcmp(value, "AF_UNIX AF_INET AF_INET6 AF_NETLINK") == 0;
    } else if ((value = value_of(line, "MemoryDenyWriteExecute")) != NULL) {
        unit->has_memory = strcmp(value, "yes") == 0;
    } else if ((value = value_of(line, "RestrictSUIDSGID")) != NULL) {
        unit->has_set_ids = strcmp(value, "yes") == 0;
    }
}

static void *new_filter(uint32_t action)
{
    void *filter = seccomp.init(action);

    if (filter == NULL) {
        die("cannot make a filter");
    }
    return filter;
}

/* Each in a filter of its own, as systemd does: the strictest answer counts. */
static void load(void (*fill)(void *filter))
{
    void *filter = new_filter(ACTION_ALLOW);

    fill(filter);
    if (seccomp.load(filter) < 0) {
        die("cannot load a filter");
    }
}

static void load_calls(void)
{
    void *filter = new_filter(ACTION_ERRNO(EPERM));

    for (int number = 0; number < MAX_NUMBER; number++) {
        if (is_allowed[number] && seccomp.add(filter, ACTION_ALLOW, number, 0, NULL) < 0) {
            die("cannot allow a call");
        }
    }
    if (seccomp.load(filter) < 0) {
        die("cannot load the filter of calls");
    }
}

static void apply(const struct unit *unit)
{
    const char *allowed = unit->namespaces;

    if (!unit->has_filter || allowed == NULL || !unit->has_families || !unit->has_memory ||
        !unit->has_set_ids) {
        die("the unit has not the lines that are expected");
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    load(deny_families);
    load(deny_writable_code);
    load(deny_set_ids);
    {
        void *filter = new_filter(ACTION_ALLOW);

        deny_namespaces(filter, strcmp(allowed, "yes") == 0 ? "" : allowed);
        if (seccomp.load(filter) < 0) {
            die("cannot load the filter of namespaces");
        }
    }
    load_calls(); /* last: it forbids seccomp(2) */
}

int main(int argc, char **argv)
{
    auto_free char *text = NULL;
    struct unit unit = {0};
    struct error err = {0};
    char *rest, *line;

    if (argc < 3) {
        die("usage: service_sandbox UNIT COMMAND [ARGUMENT...]");
    }
    load_library();
    if (file_read(AT_FDCWD, argv[1], 1 << 20, &text, NULL, &err) < 0) {
        die(err.message);
    }
    rest = text;
    while ((line = strsep(&rest, "\n")) != NULL) {
        take_line(&unit, line);
    }
    apply(&unit);
    execvp(argv[2], argv + 2);
    die("cannot run the command");
}
