#include "reconcilers/capacity.h"

#include "base/memory.h"
#include "base/parse.h"
#include "specs/machine_types.h"
#include "specs/reason.h"

#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_PIDS = 4096,
    CPU_MILLI_PERCENT = 10,     /* systemd keeps whole percents of a processor */
    CPU_MILLI_MIN = 10,         /* the kernel's shortest quota: 1 ms of 100 */
    MEMORY_MIN = 6 << 20,       /* the engine gives a container no less */
    MEMORY_ROUNDING = 64 << 10, /* the largest page of the machines that engines run on */
    LIMIT_RETRY_MS = 60000,
};

/* The smaller of a machine's amount and what the spec narrows it to. */
static int64_t narrowed(int64_t machine, int64_t wanted)
{
    return wanted > 0 && (machine == 0 || wanted < machine) ? wanted : machine;
}

void capacity_of_instance(const struct object *instance, struct machine_limits *ret_limits)
{
    const struct instance_spec *spec = &instance->instance;
    struct machine_type machine = {0};

    machine_type_find(spec->machine_type, &machine);
    *ret_limits = (struct machine_limits){
        .name = instance->name,
        .cpu_milli = narrowed(machine.cpu_milli, spec->resources.cpu_milli),
        .memory_bytes = narrowed(machine.memory_bytes, spec->resources.memory_bytes),
        .pids = spec->resources.pids > 0 ? spec->resources.pids : DEFAULT_PIDS,
    };
}

static char *slice_prefix(const char *controller_id)
{
    return xasprintf("berth-%.6s-", controller_id);
}

static void replace_all(char *text, char from, char to)
{
    for (; *text != '\0'; text++) {
        *text = *text == from ? to : *text;
    }
}

static char *slice_name(const char *controller_id, const char *instance)
{
    auto_free char *prefix = slice_prefix(controller_id);
    auto_free char *name = xstrdup(instance);

    replace_all(name, '-', '_');
    return xasprintf("%s%s.slice", prefix, name);
}

char *capacity_instance_of_slice(const char *controller_id, const char *slice)
{
    auto_free char *prefix = slice_prefix(controller_id);
    size_t prefix_len = strlen(prefix), suffix_len = strlen(".slice"), len = strlen(slice);
    char *name;

    if (!text_has_prefix(slice, prefix) || !text_has_suffix(slice, ".slice") ||
        len <= prefix_len + suffix_len) {
        return NULL;
    }
    name = xstrndup(slice + prefix_len, len - prefix_len - suffix_len);
    if (strchr(name, '-') != NULL) { /* a level below one of ours, which Berth does not make */
        free(name);
        return NULL;
    }
    replace_all(name, '_', '-');
    return name;
}

char *capacity_parent(const struct world *world, const char *instance)
{
    switch (world->capacity.means) { /* no default: means without a name do not compile */
    case CAPACITY_ACCOUNTED: return NULL;
    case CAPACITY_DIRECTORIES: return xasprintf("/berth/%.6s/%s", world->controller_id, instance);
    case CAPACITY_SLICES: return slice_name(world->controller_id, instance);
    }
    abort();
}

bool capacity_has_limits(const struct observed_machine *machine,
                         const struct machine_limits *limits)
{
    return machine->has_cgroup && machine->cpu_milli == limits->cpu_milli &&
           machine->pids == limits->pids && machine->memory_bytes <= limits->memory_bytes &&
           machine->memory_bytes > limits->memory_bytes - MEMORY_ROUNDING;
}

/*
 * What the kernel and the engine accept: no more processors than there are, no less than the least.
 */
static struct machine_limits possible_limits(const struct container_pass *pass)
{
    struct machine_limits limits = *pass->want->machine;
    int64_t cpu_count = pass->world->capacity.cpu_count;

    if (cpu_count > 0 && limits.cpu_milli > cpu_count * 1000) {
        limits.cpu_milli = cpu_count * 1000;
    }
    if (pass->world->capacity.means == CAPACITY_SLICES) {
        limits.cpu_milli = (limits.cpu_milli + CPU_MILLI_PERCENT - 1) / CPU_MILLI_PERCENT *
                           CPU_MILLI_PERCENT; /* not below that of a container in it */
    }
    if (limits.cpu_milli < CPU_MILLI_MIN) {
        limits.cpu_milli = CPU_MILLI_MIN;
    }
    if (limits.memory_bytes < MEMORY_MIN) {
        limits.memory_bytes = MEMORY_MIN;
    }
    return limits;
}

static bool is_enforced_here(const struct container_pass *pass)
{
    return pass->want->machine != NULL && pass->world->capacity.means != CAPACITY_ACCOUNTED;
}

void capacity_plan(struct container_pass *pass, enum phase phase, const char *cause)
{
    struct action *limit;

    if (is_enforced_here(pass)) {
        limit = plan_add(pass->plan, ACTION_LIMIT_MACHINE, phase, pass->want->machine->name, cause);
        limit->limits = possible_limits(pass);
        limit->limits.name = limit->target;
    }
}

static bool is_up(const struct observed_container *container)
{
    return container != NULL &&
           (container->state == WORKLOAD_RUNNING || container->state == WORKLOAD_PAUSED);
}

/* The container was told to be below the instance's cgroup when it was made. */
static bool has_parent(const struct container_pass *pass)
{
    auto_free char *parent = capacity_parent(pass->world, pass->want->machine->name);

    return text_equal(pass->container->cgroup_parent, parent);
}

void capacity_adjust(struct container_pass *pass)
{
    const struct observed_machine *machine = pass->machine;
    struct machine_limits limits;
    int64_t retry_at;

    if (!is_enforced_here(pass) || machine == NULL || pass->plan->count > 0 ||
        !is_up(pass->container) || !has_parent(pass) || !machine->has_container) {
        return;
    }
    limits = possible_limits(pass);
    if (capacity_has_limits(machine, &limits)) {
        return;
    }
    retry_at = machine->failure != NULL ? machine->failed_at_wall_ms + LIMIT_RETRY_MS : 0;
    if (retry_at > pass->world->now_wall_ms &&
        machine->failed_at_wall_ms <= pass->world->now_wall_ms) { /* else the clock was set back */
        plan_wake_at(pass->plan, retry_at);
        return;
    }
    capacity_plan(pass, pass->status->phase, "its limits are not those of the instance");
}

const char *capacity_difference(const struct container_pass *pass)
{
    const char *parent = pass->container->cgroup_parent;
    bool is_slice;

    if (!is_enforced_here(pass) || parent == NULL || parent[0] == '\0' || is_up(pass->container)) {
        return NULL;
    }
    is_slice = text_has_suffix(parent, ".slice");
    return is_slice != (pass->world->capacity.means == CAPACITY_SLICES)
               ? "the engine's cgroup driver changed"
               : NULL;
}

static void set_not_enforced(struct container_pass *pass, const char *reason, const char *message)
{
    status_set_condition(pass->status, CONDITION_CAPACITY_ENFORCED, CONDITION_FALSE, reason,
                         message);
}

/* Of a container that runs and was made with the instance's cgroup as its parent. */
static void describe_running(struct container_pass *pass, const char *parent)
{
    struct machine_limits limits = possible_limits(pass);
    auto_free char *limits_text = machine_limits_text(&limits);
    auto_free char *message = NULL;

    if (!pass->machine->has_container) {
        message = xasprintf("the container is not below %s on this machine: the engine's cgroups "
                            "are somewhere else",
                            parent);
        set_not_enforced(pass, REASON_NOT_SEEN, message);
    } else if (!capacity_has_limits(pass->machine, &limits)) {
        message = xasprintf("%s has not all of these limits: %s%s%s", parent, limits_text,
                            pass->machine->failure != NULL ? "; " : "",
                            pass->machine->failure != NULL ? pass->machine->failure : "");
        set_not_enforced(pass, REASON_LIMIT_FAILED, message);
    } else {
        message = xasprintf("%s: %s", parent, limits_text);
        status_set_condition(pass->status, CONDITION_CAPACITY_ENFORCED, CONDITION_TRUE,
                             "ParentCgroup", message);
    }
}

void capacity_describe(struct container_pass *pass)
{
    const struct capacity *capacity = &pass->world->capacity;
    auto_free char *parent = NULL;

    if (pass->want->machine == NULL) {
        return;
    }
    if (capacity->means == CAPACITY_ACCOUNTED) {
        if (capacity->reason != NULL) {
            set_not_enforced(pass, capacity->reason, capacity->message);
        }
        return;
    }
    parent = capacity_parent(pass->world, pass->want->machine->name);
    if (!is_up(pass->container) || pass->machine == NULL) {
        status_set_condition(pass->status, CONDITION_CAPACITY_ENFORCED, CONDITION_UNKNOWN,
                             "NotRunning", "known when the container runs");
    } else if (!has_parent(pass)) {
        auto_free char *message =
            xasprintf("the container was made without %s as its parent: it gets it when it is made "
                      "anew",
                      parent);

        set_not_enforced(pass, REASON_RECREATE_NEEDED, message);
    } else {
        describe_running(pass, parent);
    }
}
