#include "controller/cgroups.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/cgroup_tree.h"
#include "controller/commands.h"
#include "reconcilers/capacity.h"
#include "specs/reason.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONCURRENCY = 4 };

struct limit_failure {
    char *message;
    int64_t at_wall_ms;
};

struct cgroups {
    const char *controller_id;
    struct cgroups_options options;
    struct cgroup_tree tree;
    struct capacity capacity;
    char *message;       /* of the capacity */
    struct map failures; /* instance -> struct limit_failure */
    struct commands *commands;
    struct cgroup_work *works; /* under way */
};

/*
 * A slice that systemctl makes: its properties first, then a start, so that it is there before any
 * container.
 */
struct cgroup_work {
    struct cgroups *cgroups;
    struct cgroup_work *next;
    char *instance, *slice;
    bool is_starting;
    cgroups_done_fn *on_done;
    void *user;
};

struct cgroups *cgroups_new(uv_loop_t *loop, const char *controller_id,
                            const struct cgroups_options *options)
{
    struct cgroups *cgroups = xcalloc(1, sizeof(*cgroups));

    cgroups->controller_id = controller_id;
    cgroups->options = (struct cgroups_options){
        .root = options != NULL && options->root != NULL ? options->root : "/sys/fs/cgroup",
        .systemd = options != NULL && options->systemd != NULL ? options->systemd : "/run/systemd",
        .systemctl =
            options != NULL && options->systemctl != NULL ? options->systemctl : "systemctl",
    };
    cgroups->tree.root = cgroups->options.root;
    cgroups->commands = commands_new(loop, CONCURRENCY);
    return cgroups;
}

static void forget_failure(struct cgroups *cgroups, const char *instance)
{
    struct limit_failure *failure = map_remove(&cgroups->failures, instance);

    if (failure != NULL) {
        free(failure->message);
        free(failure);
    }
}

static void work_free(struct cgroup_work *work)
{
    for (struct cgroup_work **at = &work->cgroups->works; *at != NULL; at = &(*at)->next) {
        if (*at == work) {
            *at = work->next;
            break;
        }
    }
    free(work->instance);
    free(work->slice);
    free(work);
}

void cgroups_close(struct cgroups *cgroups)
{
    struct map_entry *at;

    if (cgroups == NULL) {
        return;
    }
    while ((at = map_first(&cgroups->failures)) != NULL) {
        auto_free char *instance = xstrdup(map_key(at));

        forget_failure(cgroups, instance);
    }
    commands_close(cgroups->commands);
    while (cgroups->works != NULL) {
        work_free(cgroups->works);
    }
    free(cgroups->message);
    free(cgroups);
}

/* The means */

static void set_accounted(struct cgroups *cgroups, const char *reason, const char *message)
{
    cgroups->message = xstrdup(message);
    cgroups->capacity.means = CAPACITY_ACCOUNTED;
    cgroups->capacity.reason = reason;
    cgroups->capacity.message = cgroups->message;
}

static void take_cgroupfs(struct cgroups *cgroups)
{
    struct error err = {0};

    if (cgroup_tree_check(&cgroups->tree, &err) < 0) {
        set_accounted(cgroups, err.reason, err.message);
    } else {
        cgroups->capacity.means = CAPACITY_DIRECTORIES;
    }
}

static void take_systemd(struct cgroups *cgroups)
{
    auto_free char *booted = path_join(cgroups->options.systemd, "system");
    auto_free char *message = NULL;

    if (!path_exists(booted)) {
        message =
            xasprintf("the engine's cgroup driver is systemd, and %s does not exist here", booted);
        set_accounted(cgroups, REASON_SYSTEMD_UNAVAILABLE, message);
    } else if (geteuid() != 0) {
        set_accounted(cgroups, REASON_NOT_PERMITTED, "only root may make slices of systemd's");
    } else {
        cgroups->capacity.means = CAPACITY_SLICES;
    }
}

static void take_local(struct cgroups *cgroups, const struct docker_host *host)
{
    unsigned version = cgroup_tree_version(cgroups->tree.root);
    auto_free char *message = NULL;

    cgroups->tree.is_v2 = version == 2;
    if (version == 0 || (host->cgroup_version != 0 && host->cgroup_version != version)) {
        message =
            xasprintf("no cgroups of the engine's version are mounted at %s", cgroups->tree.root);
        set_accounted(cgroups, REASON_NOT_SEEN, message);
    } else if (strcmp(host->cgroup_driver, "cgroupfs") == 0) {
        take_cgroupfs(cgroups);
    } else if (strcmp(host->cgroup_driver, "systemd") == 0) {
        take_systemd(cgroups);
    } else {
        message = xasprintf("the engine's cgroup driver is \"%.32s\"", host->cgroup_driver);
        set_accounted(cgroups, REASON_NOT_PERMITTED, message);
    }
}

void cgroups_take_engine(struct cgroups *cgroups, const struct docker_host *host, bool is_local)
{
    free(TAKE(cgroups->message));
    cgroups->capacity = (struct capacity){.cpu_count = host->cpu_count};
    if (!is_local) {
        set_accounted(cgroups, REASON_REMOTE_ENGINE,
                      "the engine is reached by TCP, so its cgroups are out of reach");
    } else if (host->is_rootless) {
        set_accounted(cgroups, REASON_ROOTLESS_ENGINE, "the engine does not run as root");
    } else {
        take_local(cgroups, host);
    }
}

const struct capacity *cgroups_capacity(const struct cgroups *cgroups)
{
    return &cgroups->capacity;
}

/* Places */

/* "berth/c0ffee", or "berth.slice/berth-c0ffee.slice" */
static char *own_level(const struct cgroups *cgroups)
{
    return xasprintf(cgroups->capacity.means == CAPACITY_SLICES ? "berth.slice/berth-%.6s.slice"
                                                                : "berth/%.6s",
                     cgroups->controller_id);
}

static char *parent_of(const struct cgroups *cgroups, const char *instance)
{
    struct world world = {.controller_id = cgroups->controller_id, .capacity = cgroups->capacity};

    return capacity_parent(&world, instance);
}

/* Relative to the tree's root. NULL: capacity is only accounted. */
static char *path_of(const struct cgroups *cgroups, const char *instance)
{
    auto_free char *parent = parent_of(cgroups, instance);
    auto_free char *level = own_level(cgroups);

    if (parent == NULL) {
        return NULL;
    }
    return cgroups->capacity.means == CAPACITY_SLICES ? path_join(level, parent)
                                                      : xstrdup(parent + 1);
}

void cgroups_observe(const struct cgroups *cgroups, const char *instance, const char *container_id,
                     struct observed_machine *ret_machine)
{
    const struct limit_failure *failure = map_get(&cgroups->failures, instance);
    auto_free char *path = path_of(cgroups, instance);

    *ret_machine = (struct observed_machine){0};
    if (path != NULL) {
        cgroup_tree_observe(&cgroups->tree, path, container_id, ret_machine);
    }
    if (failure != NULL) {
        ret_machine->failure = failure->message;
        ret_machine->failed_at_wall_ms = failure->at_wall_ms;
    }
}

void cgroups_pids(const struct cgroups *cgroups, const char *instance, uint64_t *ret_current,
                  uint64_t *ret_max)
{
    auto_free char *path = path_of(cgroups, instance);

    *ret_current = *ret_max = 0;
    if (path != NULL) {
        cgroup_tree_pids(&cgroups->tree, path, ret_current, ret_max);
    }
}

/* Making */

static void note_outcome(struct cgroups *cgroups, const char *instance, const struct error *err)
{
    struct limit_failure *failure;

    forget_failure(cgroups, instance);
    if (err != NULL) {
        log_fields(LOG_WARN, "limit_failed", "instance", instance, "error", err->message, NULL);
        failure = xcalloc(1, sizeof(*failure));
        failure->message = xstrdup(err->message);
        failure->at_wall_ms = clock_wall_ms();
        map_put(&cgroups->failures, instance, failure);
    }
}

static void on_slice_step(void *user, struct error *err)
{
    struct cgroup_work *work = user;
    struct cgroups *cgroups = work->cgroups;

    if (err == NULL && !work->is_starting) {
        work->is_starting = true;
        commands_run(cgroups->commands,
                     (const char *const[]){cgroups->options.systemctl, "start", work->slice, NULL},
                     on_slice_step, work);
        return;
    }
    note_outcome(cgroups, work->instance, err);
    if (work->on_done != NULL) {
        work->on_done(work->user, err);
    }
    work_free(work);
}

/* Kept in /run only: a reboot forgets it, as it forgets directories. */
static void set_properties(struct cgroup_work *work, const struct machine_limits *limits)
{
    auto_free char *cpu = xasprintf("CPUQuota=%lld%%", (long long)limits->cpu_milli / 10);
    auto_free char *memory = xasprintf("MemoryMax=%lld", (long long)limits->memory_bytes);
    auto_free char *pids = xasprintf("TasksMax=%lld", (long long)limits->pids);

    commands_run(work->cgroups->commands,
                 (const char *const[]){work->cgroups->options.systemctl, "set-property",
                                       "--runtime", work->slice, cpu, memory, "MemorySwapMax=0",
                                       pids, NULL},
                 on_slice_step, work);
}

struct cgroup_work *cgroups_limit(struct cgroups *cgroups, const struct machine_limits *limits,
                                  cgroups_done_fn *on_done, void *user)
{
    auto_free char *path = path_of(cgroups, limits->name);
    struct observed_machine machine;
    struct error err = {0};
    struct cgroup_work *work;
    bool has_failed;

    cgroups_observe(cgroups, limits->name, NULL, &machine);
    if (cgroups->capacity.means == CAPACITY_SLICES && !capacity_has_limits(&machine, limits)) {
        work = xcalloc(1, sizeof(*work));
        work->cgroups = cgroups;
        work->instance = xstrdup(limits->name);
        work->slice = parent_of(cgroups, limits->name);
        work->on_done = on_done;
        work->user = user;
        work->next = cgroups->works;
        cgroups->works = work;
        set_properties(work, limits);
        return work;
    }
    has_failed = cgroups->capacity.means == CAPACITY_DIRECTORIES &&
                 cgroup_tree_limit(&cgroups->tree, path, limits, &err) < 0;
    note_outcome(cgroups, limits->name, has_failed ? &err : NULL);
    on_done(user, has_failed ? &err : NULL);
    return NULL;
}

void cgroup_work_forget(struct cgroup_work *work)
{
    work->on_done = NULL;
}

/* Removing */

struct sweep {
    struct cgroups *cgroups;
    bool (*is_wanted)(void *user, const char *instance);
    void *user;
};

static void sweep_directory(void *user, const char *name)
{
    struct sweep *sweep = user;
    auto_free char *path = NULL;

    if (sweep->is_wanted(sweep->user, name)) {
        return;
    }
    path = path_of(sweep->cgroups, name);
    forget_failure(sweep->cgroups, name);
    if (cgroup_tree_remove(&sweep->cgroups->tree, path)) {
        log_fields(LOG_INFO, "sweep", "kind", "cgroup", "name", name, "cause", "nothing needs it",
                   NULL);
    }
}

/* The levels above go with the last one; another controller's keep "berth". */
static void sweep_directories(struct sweep *sweep)
{
    auto_free char *level = own_level(sweep->cgroups);
    const struct cgroup_tree *tree = &sweep->cgroups->tree;

    cgroup_tree_list(tree, level, sweep_directory, sweep);
    if (!cgroup_tree_has_children(tree, level) && cgroup_tree_remove(tree, level)) {
        cgroup_tree_remove(tree, "berth");
    }
}

static void on_slice_gone(void *user, struct error *err)
{
    (void)user;
    if (err != NULL) {
        log_fields(LOG_WARN, "sweep_failed", "kind", "slice", "error", err->message, NULL);
    }
}

/*
 * In any order, and at once: both go on when the controller ends meanwhile. Engines make
 * directories also in hierarchies that systemd leaves alone; those are ours to remove.
 */
static void remove_slice(struct cgroups *cgroups, const char *slice, const char *path)
{
    static const char *const verbs[] = {"stop", "revert"};

    log_fields(LOG_INFO, "sweep", "kind", "slice", "name", slice, "cause", "nothing needs it",
               NULL);
    cgroup_tree_remove(&cgroups->tree, path);
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        commands_run(
            cgroups->commands,
            (const char *const[]){cgroups->options.systemctl, "--quiet", verbs[i], slice, NULL},
            on_slice_gone, cgroups);
    }
}

/* Stopping a slice stops what is in it, so only one without anything is. */
static void sweep_slice(void *user, const char *slice)
{
    struct sweep *sweep = user;
    struct cgroups *cgroups = sweep->cgroups;
    auto_free char *instance = capacity_instance_of_slice(cgroups->controller_id, slice);
    auto_free char *path = NULL;

    if (instance == NULL || sweep->is_wanted(sweep->user, instance)) {
        return;
    }
    path = path_of(cgroups, instance);
    forget_failure(cgroups, instance);
    if (!cgroup_tree_has_children(&cgroups->tree, path)) {
        remove_slice(cgroups, slice, path);
    }
}

/* What set-property --runtime left: "<slice>.d" for each slice that has limits of ours. */
static void sweep_properties(struct sweep *sweep)
{
    auto_free char *directory = path_join(sweep->cgroups->options.systemd, "system.control");
    DIR *stream = opendir(directory);
    const struct dirent *entry;

    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        if (text_has_suffix(entry->d_name, ".slice.d")) {
            auto_free char *slice = xstrndup(entry->d_name, strlen(entry->d_name) - strlen(".d"));

            sweep_slice(sweep, slice);
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
}

static void sweep_slices(struct sweep *sweep)
{
    struct cgroups *cgroups = sweep->cgroups;
    auto_free char *level = own_level(cgroups);

    sweep_properties(sweep);
    cgroup_tree_list(&cgroups->tree, level, sweep_slice, sweep);
    if (cgroup_tree_exists(&cgroups->tree, level) &&
        !cgroup_tree_has_children(&cgroups->tree, level)) {
        remove_slice(cgroups, strchr(level, '/') + 1, level);
    }
}

void cgroups_sweep(struct cgroups *cgroups, bool (*is_wanted)(void *user, const char *instance),
                   void *user)
{
    struct sweep sweep = {.cgroups = cgroups, .is_wanted = is_wanted, .user = user};

    switch (cgroups->capacity.means) { /* no default: means that nobody sweeps do not compile */
    case CAPACITY_ACCOUNTED: return;
    case CAPACITY_DIRECTORIES: sweep_directories(&sweep); return;
    case CAPACITY_SLICES: sweep_slices(&sweep); return;
    }
}
