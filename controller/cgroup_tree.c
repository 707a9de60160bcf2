#include "controller/cgroup_tree.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/parse.h"
#include "specs/reason.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    VALUE_MAX = 4096,
    PERIOD_US = 100000,
    UNLIMITED_SHIFT = 60, /* version 1 writes "none" as the largest number of pages */
    LIST_MAX = 100000,
    MAKE_TRIES = 3,
};

/* The controllers that bound an instance, and the one that counts what its processors did. */
static const char *const bounding[] = {"cpu", "memory", "pids"};
static const char *const made[] = {"cpu", "cpuacct", "memory", "pids"};

/* Files */

static char *read_value(const char *directory, const char *file)
{
    auto_free char *path = path_join(directory, file);
    char *text = file_read_kernel(path, VALUE_MAX);

    if (text != NULL) {
        text[strcspn(text, "\n")] = '\0';
    }
    return text;
}

/* The number of a file; 0: "max", none, or larger than any machine. */
static int64_t read_limit(const char *directory, const char *file)
{
    auto_free char *text = read_value(directory, file);
    int64_t value;

    return text != NULL && parse_i64(text, &value) == 0 && value > 0 &&
                   value < INT64_C(1) << UNLIMITED_SHIFT
               ? value
               : 0;
}

/* Keeps the first error of several. */
static void note_failure(struct error *err, int number, const char *directory, const char *file,
                         const char *value)
{
    if (err->kind == ERROR_NONE) {
        error_set_errno(err, number, "could not write \"%s\" into %s/%s", value, directory, file);
        err->reason = REASON_LIMIT_FAILED;
    }
}

static bool write_value(const char *directory, const char *file, const char *value,
                        struct error *err)
{
    auto_free char *path = path_join(directory, file);
    auto_close int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 || write(fd, value, strlen(value)) < 0) {
        note_failure(err, errno, directory, file, value);
        return false;
    }
    return true;
}

static bool write_number(const char *directory, const char *file, int64_t value, struct error *err)
{
    auto_free char *text = xasprintf("%lld", (long long)value);

    return write_value(directory, file, text, err);
}

static bool has_file(const char *directory, const char *file)
{
    auto_free char *path = path_join(directory, file);

    return path_exists(path);
}

/* Places */

/*
 * Where a controller of version 1 is mounted: some are mounted together, and not everybody makes
 * links. NULL: nowhere.
 */
static char *hierarchy_of(const char *root, const char *controller)
{
    const char *const names[] = {controller, "cpu,cpuacct", "cpuacct,cpu"};
    size_t count = text_has_prefix(controller, "cpu") ? ARRAY_SIZE(names) : 1;

    for (size_t i = 0; i < count; i++) {
        auto_free char *path = path_join(root, names[i]);

        if (path_exists(path)) {
            return TAKE(path);
        }
    }
    return NULL;
}

unsigned cgroup_tree_version(const char *root)
{
    auto_free char *hierarchy = NULL;

    if (has_file(root, "cgroup.controllers")) {
        return 2;
    }
    hierarchy = hierarchy_of(root, "memory");
    return hierarchy != NULL ? 1 : 0;
}

/*
 * The directory in which a controller's files of the cgroup are; NULL: there is no such controller.
 */
static char *directory_of(const struct cgroup_tree *tree, const char *controller, const char *path)
{
    auto_free char *hierarchy =
        tree->is_v2 ? xstrdup(tree->root) : hierarchy_of(tree->root, controller);

    return hierarchy != NULL ? path_join(hierarchy, path) : NULL;
}

/* True when a word is among blank-separated words. */
static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = words; (at = strstr(at, word)) != NULL; at += len) {
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

static int check_writable(const char *directory, struct error *err)
{
    if (faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) < 0) {
        error_set_errno(err, errno, "%s", directory);
        err->reason = REASON_NOT_PERMITTED;
        return -1;
    }
    return 0;
}

int cgroup_tree_check(const struct cgroup_tree *tree, struct error *err)
{
    auto_free char *controllers = read_value(tree->root, "cgroup.controllers");

    for (size_t i = 0; i < ARRAY_SIZE(bounding); i++) {
        auto_free char *hierarchy =
            tree->is_v2 ? xstrdup(tree->root) : hierarchy_of(tree->root, bounding[i]);

        if (hierarchy == NULL ||
            (tree->is_v2 && (controllers == NULL || !has_word(controllers, bounding[i])))) {
            return error_set_reason(err, ERROR_INVALID, REASON_NOT_SEEN, "%s has no %s controller",
                                    tree->root, bounding[i]);
        }
        if (check_writable(hierarchy, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Making */

/* Each directory on the way down must hand the controllers on. */
static int enable_controllers(const char *directory, struct error *err)
{
    auto_free char *enabled = read_value(directory, "cgroup.subtree_control");

    for (size_t i = 0; i < ARRAY_SIZE(bounding); i++) {
        auto_free char *word = xasprintf("+%s", bounding[i]);

        if ((enabled == NULL || !has_word(enabled, bounding[i])) &&
            !write_value(directory, "cgroup.subtree_control", word, err)) {
            return -1;
        }
    }
    return 0;
}

/* Old kernels count what is below a cgroup only when told so, before there is anything. */
static void count_children(const char *directory)
{
    auto_free char *value = read_value(directory, "memory.use_hierarchy");
    struct error err = {0};

    if (text_equal(value, "0")) {
        write_value(directory, "memory.use_hierarchy", "1", &err);
    }
}

static int make_directory(const char *directory, struct error *err)
{
    if (mkdir(directory, 0755) < 0 && errno != EEXIST) {
        error_set_errno(err, errno, "could not make %s", directory);
        err->reason = REASON_LIMIT_FAILED;
        return -1;
    }
    return 0;
}

/* Makes each part of the path below one hierarchy's root. */
static int make_path(const struct cgroup_tree *tree, const char *hierarchy, const char *path,
                     struct error *err)
{
    const char *end = path;

    if (tree->is_v2 && enable_controllers(hierarchy, err) < 0) {
        return -1;
    }
    while (*end != '\0') {
        auto_free char *part = NULL, *directory = NULL;

        end += strcspn(end + 1, "/") + 1;
        part = xstrndup(path, (size_t)(end - path));
        directory = path_join(hierarchy, part);
        if (make_directory(directory, err) < 0) {
            return -1;
        }
        count_children(directory);
        if (tree->is_v2 && *end != '\0' && enable_controllers(directory, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int make_once(const struct cgroup_tree *tree, const char *path, struct error *err)
{
    if (tree->is_v2) {
        return make_path(tree, tree->root, path, err);
    }
    for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
        auto_free char *hierarchy = hierarchy_of(tree->root, made[i]);

        if (hierarchy != NULL && make_path(tree, hierarchy, path, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Another controller may remove the level that all share while it is empty. */
static int make_everywhere(const struct cgroup_tree *tree, const char *path, struct error *err)
{
    int tries = MAKE_TRIES;

    while (make_once(tree, path, err) < 0) {
        if (err->kind != ERROR_NOT_FOUND || --tries == 0) {
            return -1;
        }
        error_clear(err);
    }
    return 0;
}

/* Processors */

static int64_t read_cpu_milli(const struct cgroup_tree *tree, const char *directory)
{
    auto_free char *text = tree->is_v2 ? read_value(directory, "cpu.max") : NULL;
    int64_t quota = tree->is_v2 ? 0 : read_limit(directory, "cpu.cfs_quota_us");
    int64_t period = tree->is_v2 ? 0 : read_limit(directory, "cpu.cfs_period_us");
    char *blank = text != NULL ? strchr(text, ' ') : NULL;

    if (blank != NULL) {
        *blank = '\0';
        if (parse_i64(text, &quota) < 0 || parse_i64(blank + 1, &period) < 0) {
            return 0;
        }
    }
    return quota > 0 && quota < INT64_MAX / 1000 && period > 0 ? quota * 1000 / period : 0;
}

static void limit_cpu(const struct cgroup_tree *tree, const char *directory, int64_t cpu_milli,
                      struct error *err)
{
    int64_t quota_us = cpu_milli * (PERIOD_US / 1000);

    if (read_cpu_milli(tree, directory) == cpu_milli) {
        return;
    }
    if (tree->is_v2) {
        auto_free char *text = xasprintf("%lld %d", (long long)quota_us, PERIOD_US);

        write_value(directory, "cpu.max", text, err);
    } else if (write_number(directory, "cpu.cfs_period_us", PERIOD_US, err)) {
        write_number(directory, "cpu.cfs_quota_us", quota_us, err);
    }
}

/* Memory */

/* What is in use and cannot be dropped: all but the files' pages. */
static int64_t memory_in_use(const char *directory)
{
    auto_free char *path = path_join(directory, "memory.stat");
    auto_free char *text = NULL;
    struct error err = {0};
    int64_t used = read_limit(directory, "memory.current"), files = 0;
    char *rest, *line;

    if (file_read(AT_FDCWD, path, 16 * VALUE_MAX, &text, NULL, &err) == 0) {
        rest = text;
        while ((line = strsep(&rest, "\n")) != NULL) {
            if (text_has_prefix(line, "file ")) {
                parse_i64(line + strlen("file "), &files);
            }
        }
    }
    return used - files;
}

static void limit_memory_v2(const char *directory, int64_t bytes, struct error *err)
{
    int64_t used = memory_in_use(directory);

    if (used > bytes) {
        if (err->kind == ERROR_NONE) {
            error_set_reason(err, ERROR_TRANSIENT, REASON_LIMIT_FAILED,
                             "%s: %lld MiB are in use, so the limit of %lld MiB must wait",
                             directory, (long long)used >> 20, (long long)bytes >> 20);
        }
        return;
    }
    write_number(directory, "memory.max", bytes, err);
    if (has_file(directory, "memory.swap.max")) {
        write_number(directory, "memory.swap.max", 0, err);
    }
}

/*
 * Memory and swap together may never be less than memory alone, so the order depends on the
 * direction.
 */
static void limit_memory_v1(const char *directory, int64_t bytes, struct error *err)
{
    static const char both[] = "memory.memsw.limit_in_bytes", memory[] = "memory.limit_in_bytes";
    bool has_swap = has_file(directory, both);
    int64_t before = has_swap ? read_limit(directory, both) : 0;

    if (has_swap && before != 0 && before < bytes) {
        write_number(directory, both, bytes, err);
    }
    if (write_number(directory, memory, bytes, err) && has_swap &&
        (before == 0 || before > bytes)) {
        write_number(directory, both, bytes, err);
    }
}

static int64_t read_memory(const struct cgroup_tree *tree, const char *directory)
{
    return read_limit(directory, tree->is_v2 ? "memory.max" : "memory.limit_in_bytes");
}

static void limit_memory(const struct cgroup_tree *tree, const char *directory, int64_t bytes,
                         struct error *err)
{
    int64_t page = sysconf(_SC_PAGESIZE), before = read_memory(tree, directory);

    if (before == bytes / page * page) {
        return;
    }
    if (tree->is_v2) {
        limit_memory_v2(directory, bytes, err);
    } else {
        limit_memory_v1(directory, bytes, err);
    }
}

int cgroup_tree_limit(const struct cgroup_tree *tree, const char *path,
                      const struct machine_limits *limits, struct error *err)
{
    auto_free char *cpu = directory_of(tree, "cpu", path);
    auto_free char *memory = directory_of(tree, "memory", path);
    auto_free char *pids = directory_of(tree, "pids", path);

    if (cpu == NULL || memory == NULL || pids == NULL) {
        return error_set_reason(err, ERROR_TRANSIENT, REASON_LIMIT_FAILED,
                                "%s has not all controllers", tree->root);
    }
    if (make_everywhere(tree, path, err) < 0) {
        return -1;
    }
    limit_cpu(tree, cpu, limits->cpu_milli, err);
    limit_memory(tree, memory, limits->memory_bytes, err);
    if (read_limit(pids, "pids.max") != limits->pids) {
        write_number(pids, "pids.max", limits->pids, err);
    }
    return err->kind == ERROR_NONE ? 0 : -1;
}

/* Observing */

/*
 * By what names engines put a container below its parent: runc's directories, systemd's scopes,
 * Podman's of both.
 */
static bool has_container(const char *directory, const char *id)
{
    static const char *const forms[][2] = {
        {"", ""}, {"docker-", ".scope"}, {"libpod-", ""}, {"libpod-", ".scope"}};

    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        auto_free char *name = xasprintf("%s%s%s", forms[i][0], id, forms[i][1]);

        if (has_file(directory, name)) {
            return true;
        }
    }
    return false;
}

void cgroup_tree_observe(const struct cgroup_tree *tree, const char *path, const char *container_id,
                         struct observed_machine *ret_machine)
{
    auto_free char *cpu = directory_of(tree, "cpu", path);
    auto_free char *memory = directory_of(tree, "memory", path);
    auto_free char *pids = directory_of(tree, "pids", path);
    bool has_all = cpu != NULL && memory != NULL && pids != NULL;
    bool has_it = has_all && container_id != NULL && strchr(container_id, '/') == NULL &&
                  has_container(cpu, container_id) && has_container(memory, container_id) &&
                  has_container(pids, container_id);

    *ret_machine = (struct observed_machine){0};
    if (!has_all ||
        (!has_it && (!path_exists(cpu) || !path_exists(memory) || !path_exists(pids)))) {
        return;
    }
    *ret_machine = (struct observed_machine){
        .has_cgroup = true,
        .cpu_milli = read_cpu_milli(tree, cpu),
        .memory_bytes = read_memory(tree, memory),
        .pids = read_limit(pids, "pids.max"),
        .has_container = has_it,
    };
}

void cgroup_tree_pids(const struct cgroup_tree *tree, const char *path, uint64_t *ret_current,
                      uint64_t *ret_max)
{
    auto_free char *directory = directory_of(tree, "pids", path);

    *ret_current = directory != NULL ? (uint64_t)read_limit(directory, "pids.current") : 0;
    *ret_max = directory != NULL ? (uint64_t)read_limit(directory, "pids.max") : 0;
}

/* Every hierarchy: engines make directories in all of them, not only in those that bound. */

static void each_entry(const char *directory, void (*on_entry)(void *user, const char *path),
                       void *user)
{
    DIR *stream = opendir(directory);
    const struct dirent *entry;

    for (unsigned i = 0; stream != NULL && i < LIST_MAX && (entry = readdir(stream)) != NULL; i++) {
        auto_free char *path = path_join(directory, entry->d_name);

        if (entry->d_name[0] != '.' && entry->d_type == DT_DIR) {
            on_entry(user, path);
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
}

struct visit {
    const char *path;
    struct map *names;
    bool is_found;
};

static void each_hierarchy(const struct cgroup_tree *tree,
                           void (*on_hierarchy)(void *user, const char *path), void *user)
{
    if (tree->is_v2) {
        on_hierarchy(user, tree->root);
    } else {
        each_entry(tree->root, on_hierarchy, user);
    }
}

static void find_in_hierarchy(void *user, const char *hierarchy)
{
    struct visit *visit = user;

    visit->is_found |= has_file(hierarchy, visit->path);
}

bool cgroup_tree_exists(const struct cgroup_tree *tree, const char *path)
{
    struct visit visit = {.path = path};

    each_hierarchy(tree, find_in_hierarchy, &visit);
    return visit.is_found;
}

static void find_child(void *user, const char *path)
{
    struct visit *visit = user;

    (void)path;
    visit->is_found = true;
}

static void find_child_in_hierarchy(void *user, const char *hierarchy)
{
    struct visit *visit = user;
    auto_free char *directory = path_join(hierarchy, visit->path);

    each_entry(directory, find_child, visit);
}

bool cgroup_tree_has_children(const struct cgroup_tree *tree, const char *path)
{
    struct visit visit = {.path = path};

    each_hierarchy(tree, find_child_in_hierarchy, &visit);
    return visit.is_found;
}

static void remove_in_hierarchy(void *user, const char *hierarchy)
{
    struct visit *visit = user;
    auto_free char *directory = path_join(hierarchy, visit->path);

    if (rmdir(directory) < 0 && errno != ENOENT) {
        visit->is_found = true;
    }
}

bool cgroup_tree_remove(const struct cgroup_tree *tree, const char *path)
{
    struct visit visit = {.path = path};

    each_hierarchy(tree, remove_in_hierarchy, &visit);
    return !visit.is_found;
}

static void take_name(void *user, const char *path)
{
    struct visit *visit = user;

    map_put(visit->names, strrchr(path, '/') + 1, visit);
}

static void take_names_in_hierarchy(void *user, const char *hierarchy)
{
    struct visit *visit = user;
    auto_free char *directory = path_join(hierarchy, visit->path);

    each_entry(directory, take_name, visit);
}

void cgroup_tree_list(const struct cgroup_tree *tree, const char *path,
                      void (*on_name)(void *user, const char *name), void *user)
{
    struct map names = {0};
    struct visit visit = {.path = path, .names = &names};

    each_hierarchy(tree, take_names_in_hierarchy, &visit);
    for (struct map_entry *at = map_first(&names); at != NULL; at = map_next(at)) {
        on_name(user, map_key(at));
    }
    map_done(&names);
}
