#include "controller/observe_parts.h"

#include "base/memory.h"
#include "base/parse.h"
#include "controller/released.h"
#include "reconcilers/container.h"

#include <stdlib.h>
#include <string.h>

static enum workload_state state_from_docker(enum docker_state state)
{
    switch (state) { /* no default: a state without a counterpart does not compile */
    case DOCKER_CREATED: return WORKLOAD_CREATED;
    case DOCKER_RUNNING: return WORKLOAD_RUNNING;
    case DOCKER_PAUSED: return WORKLOAD_PAUSED;
    case DOCKER_RESTARTING: return WORKLOAD_RESTARTING;
    case DOCKER_REMOVING: return WORKLOAD_REMOVING;
    case DOCKER_EXITED: return WORKLOAD_EXITED;
    case DOCKER_DEAD: return WORKLOAD_DEAD;
    }
    abort();
}

/* The one it was made for if it is on it: an operator may have connected it to others. */
static const struct docker_endpoint_state *main_network(const struct docker_container *docker)
{
    for (size_t i = 0; i < docker->network_count; i++) {
        if (strcmp(docker->networks[i].network, docker->network_mode) == 0) {
            return &docker->networks[i];
        }
    }
    return docker->network_count > 0 ? &docker->networks[0] : NULL;
}

/* There may be thousands: their texts lie together. */
static void take_texts(struct observed_container *to, const struct docker_container *docker)
{
    const struct docker_endpoint_state none = {0};
    const struct docker_endpoint_state *network = main_network(docker);
    struct {
        const char **to;
        const char *text;
    } texts[] = {
        {&to->name, docker->name},
        {&to->id, docker->id},
        {&to->image, docker->image},
        {&to->image_id, docker->image_id},
        {&to->kind, docker_container_label(docker, LABEL_KIND)},
        {&to->object, docker_container_label(docker, LABEL_NAME)},
        {&to->hash, docker_container_label(docker, LABEL_HASH)},
        {&to->fields, docker_container_label(docker, LABEL_FIELDS)},
        {&to->ports, docker_container_label(docker, LABEL_PORTS)},
        {&to->source, docker_container_label(docker, LABEL_SOURCE)},
        {&to->env, docker_container_label(docker, LABEL_ENV)},
        {&to->pool, docker_container_label(docker, LABEL_POOL)},
        {&to->instance, docker_container_label(docker, LABEL_INSTANCE)},
        {&to->trees, docker_container_label(docker, LABEL_TREES)},
        {&to->branch, docker_container_label(docker, LABEL_BRANCH)},
        {&to->error, docker->error},
        {&to->cgroup_parent, docker->cgroup_parent},
        {&to->network, (network != NULL ? network : &none)->network},
        {&to->network_id, (network != NULL ? network : &none)->network_id},
        {&to->ip, (network != NULL ? network : &none)->ip},
    };
    size_t size = 0;

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        size += texts[i].text != NULL ? strlen(texts[i].text) + 1 : 0;
    }
    arena_reserve(&to->arena, size);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        *texts[i].to = observed_text(to, texts[i].text);
    }
    to->has_asked_address = network != NULL && network->asked_ip[0] != '\0';
}

static void take_binds(struct observed_container *to, const struct docker_container *docker)
{
    if (docker->bind_count > 0) {
        to->binds = arena_alloc(&to->arena, docker->bind_count * sizeof(*to->binds));
    }
    for (size_t i = 0; i < docker->bind_count; i++) {
        to->binds[to->bind_count++] = observed_text(to, docker->binds[i]);
    }
}

struct observed_container *observed_from_docker(const struct controller *controller,
                                                const struct docker_container *docker)
{
    struct observed_container *container = xcalloc(1, sizeof(*container));

    take_texts(container, docker);
    take_binds(container, docker);
    container->is_released = released_has(controller, docker->id);
    container->is_ours =
        text_equal(docker_container_label(docker, LABEL_CONTROLLER), controller->state.id) &&
        !container->is_released;
    container->is_retained =
        text_equal(docker_container_label(docker, LABEL_DELETION_POLICY), DELETION_POLICY_RETAIN);
    container->pid = docker->pid;
    container->state = state_from_docker(docker->state);
    container->exit_code = docker->exit_code;
    container->is_oom_killed = docker->is_oom_killed;
    container->created_wall_ms = docker->created_wall_ms;
    container->started_wall_ms = docker->started_wall_ms;
    container->finished_wall_ms = docker->finished_wall_ms;
    return container;
}

/*
 * By these a container is known as the one of a list's item: id, state and network. The caller's to
 * free.
 */
static char *facts_of(const char *id, enum workload_state state, const char *network_id)
{
    return xasprintf("%s %s %s", id, workload_state_name(state),
                     network_id != NULL ? network_id : "");
}

char *observe_listed_facts(const struct docker_container *docker)
{
    const struct docker_endpoint_state *network = main_network(docker);

    return facts_of(docker->id, state_from_docker(docker->state),
                    network != NULL ? network->network_id : NULL);
}

bool observe_is_as_listed(const struct observed_container *known, const char *listed)
{
    auto_free char *facts =
        known != NULL ? facts_of(known->id, known->state, known->network_id) : NULL;

    return facts != NULL && text_equal(facts, listed);
}
