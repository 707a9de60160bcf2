#include "reconcilers/workload.h"

#include "base/memory.h"
#include "reconcilers/observed.h"

#include <stdlib.h>
#include <string.h>

struct workload *workload_new(void)
{
    return xcalloc(1, sizeof(struct workload));
}

void workload_free(struct workload *workload)
{
    if (workload != NULL) {
        arena_done(&workload->arena);
        free(workload);
    }
}

/* A copy of an array with room for one more; arenas have no realloc, and these lists are short. */
static void *grown(struct arena *arena, const void *items, size_t count, size_t size)
{
    void *bigger = arena_alloc(arena, (count + 1) * size);

    if (count > 0) {
        memcpy(bigger, items, count * size);
    }
    return bigger;
}

void workload_add_label(struct workload *workload, const char *key, const char *value)
{
    struct label_list *labels = &workload->labels;

    labels->items = grown(&workload->arena, labels->items, labels->count, sizeof(*labels->items));
    labels->items[labels->count++] = (struct label){
        .key = arena_strdup(&workload->arena, key),
        .value = arena_strdup(&workload->arena, value),
    };
}

void workload_add_mount(struct workload *workload, const char *source, const char *target,
                        bool is_volume, bool is_read_only)
{
    workload->mounts =
        grown(&workload->arena, workload->mounts, workload->mount_count, sizeof(*workload->mounts));
    workload->mounts[workload->mount_count++] = (struct workload_mount){
        .source = arena_strdup(&workload->arena, source),
        .target = arena_strdup(&workload->arena, target),
        .is_volume = is_volume,
        .is_read_only = is_read_only,
    };
}

void workload_add_own_mount(struct workload *workload, const char *source, const char *target)
{
    workload_add_mount(workload, source, target, false, false);
    workload->mounts[workload->mount_count - 1].is_own = true;
}

void workload_add_trees_mount(struct workload *workload, const char *source, const char *target,
                              bool is_slave)
{
    workload_add_own_mount(workload, source, target);
    workload->mounts[workload->mount_count - 1].is_slave = is_slave;
}

void workload_add_port(struct workload *workload, const struct workload_port *port)
{
    workload->ports =
        grown(&workload->arena, workload->ports, workload->port_count, sizeof(*workload->ports));
    workload->ports[workload->port_count] = *port;
    workload->ports[workload->port_count++].host_ip = arena_strdup(&workload->arena, port->host_ip);
}

void workload_add_alias(struct workload *workload, const char *alias)
{
    struct text_list *aliases = &workload->aliases;

    aliases->items =
        grown(&workload->arena, aliases->items, aliases->count, sizeof(*aliases->items));
    aliases->items[aliases->count++] = arena_strdup(&workload->arena, alias);
}

char *machine_limits_text(const struct machine_limits *limits)
{
    long long whole = limits->cpu_milli / 1000, rest = limits->cpu_milli % 1000;
    auto_free char *fraction = rest > 0 ? xasprintf(".%03lld", rest) : xstrdup("");

    for (size_t len = strlen(fraction); len > 0 && fraction[len - 1] == '0'; len--) {
        fraction[len - 1] = '\0';
    }
    return xasprintf("%lld%s CPU%s, %lld MiB, %lld processes", whole, fraction,
                     limits->cpu_milli == 1000 ? "" : "s", (long long)limits->memory_bytes >> 20,
                     (long long)limits->pids);
}

const char *workload_state_name(enum workload_state state)
{
    switch (state) { /* no default: a state without a name does not compile */
    case WORKLOAD_CREATED: return "created";
    case WORKLOAD_RUNNING: return "running";
    case WORKLOAD_PAUSED: return "paused";
    case WORKLOAD_RESTARTING: return "restarting";
    case WORKLOAD_REMOVING: return "removing";
    case WORKLOAD_EXITED: return "exited";
    case WORKLOAD_DEAD: return "dead";
    }
    abort();
}

void observed_container_free(struct observed_container *container)
{
    if (container == NULL) {
        return;
    }
    for (size_t i = 0; i < container->log_count; i++) {
        free(container->log_tail[i]);
    }
    free(container->log_tail);
    arena_done(&container->arena);
    free(container);
}

const char *observed_text(struct observed_container *container, const char *text)
{
    return text != NULL ? arena_strdup(&container->arena, text) : NULL;
}

void observed_network_free(struct observed_network *network)
{
    if (network != NULL) {
        free(network->id);
        free(network->subnet);
        free(network);
    }
}
