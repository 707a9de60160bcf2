#include "controller/runner/tree.h"

#include "controller/runner/util.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_GENERATIONS = 64 };

struct process {
    pid_t pid;
    pid_t parent;
    bool is_ours;
};

struct process_list {
    struct process *items;
    size_t count, capacity;
};

/* Pids in somebody else's /proc mean other processes than ours. */
static bool is_own_proc(void)
{
    char text[32];
    ssize_t len = readlink("/proc/self", text, sizeof(text) - 1);
    uint64_t pid;

    if (len <= 0) {
        return false;
    }
    text[len] = '\0';
    return util_parse_number(text, 1, INT_MAX, &pid) == 0 && (pid_t)pid == getpid();
}

/* "pid (name) state parent ...": the name is the process's own choice and may hold anything. */
static int read_process(pid_t pid, struct process *ret_process)
{
    char path[64], text[512];
    ssize_t len;
    char *behind_name, *end;
    long parent;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    len = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (len <= 0) {
        return -1;
    }
    text[len] = '\0';
    behind_name = strrchr(text, ')');
    if (behind_name == NULL || strlen(behind_name) < 5) {
        return -1;
    }
    parent = strtol(behind_name + 4, &end, 10);
    if (*end != ' ') {
        return -1;
    }
    *ret_process = (struct process){.pid = pid, .parent = (pid_t)parent};
    return 0;
}

static struct process *add_process(struct process_list *list)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 256 : list->capacity * 2;
        struct process *items = reallocarray(list->items, capacity, sizeof(*items));

        if (items == NULL) {
            return NULL; /* those found so far get the signal, and the caller comes again */
        }
        list->items = items;
        list->capacity = capacity;
    }
    return &list->items[list->count++];
}

static int list_processes(struct process_list *list)
{
    DIR *dir = is_own_proc() ? opendir("/proc") : NULL;
    struct dirent *entry;

    if (dir == NULL) {
        return -1;
    }
    while ((entry = readdir(dir)) != NULL) {
        struct process process, *slot;
        uint64_t pid;

        if (util_parse_number(entry->d_name, 1, INT_MAX, &pid) < 0 ||
            read_process((pid_t)pid, &process) < 0) {
            continue;
        }
        slot = add_process(list);
        if (slot == NULL) {
            break;
        }
        *slot = process;
    }
    closedir(dir);
    return 0;
}

static int compare_pids(const void *left, const void *right)
{
    const struct process *a = left, *b = right;

    return (a->pid > b->pid) - (a->pid < b->pid);
}

static bool is_parent_ours(const struct process_list *list, pid_t parent)
{
    struct process key = {.pid = parent};
    const struct process *found =
        bsearch(&key, list->items, list->count, sizeof(key), compare_pids);

    return found != NULL && found->is_ours;
}

/* Parents mostly have the smaller pid, so one round over the sorted list finds nearly all. */
static void mark_descendants(struct process_list *list)
{
    bool has_found = true;

    qsort(list->items, list->count, sizeof(*list->items), compare_pids);
    for (int round = 0; has_found && round < MAX_GENERATIONS; round++) {
        has_found = false;
        for (size_t i = 0; i < list->count; i++) {
            struct process *process = &list->items[i];

            if (!process->is_ours &&
                (process->parent == getpid() || is_parent_ours(list, process->parent))) {
                process->is_ours = true;
                has_found = true;
            }
        }
    }
}

int tree_signal(int signal)
{
    struct process_list list = {0};

    if (list_processes(&list) < 0) {
        return -1;
    }
    if (list.count > 0) {
        mark_descendants(&list);
    }
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].is_ours) {
            kill(list.items[i].pid, signal);
        }
    }
    free(list.items);
    return 0;
}
