#include "reconcilers/plan.h"

#include "base/memory.h"

#include <stdlib.h>

struct plan *plan_new(void)
{
    return xcalloc(1, sizeof(struct plan));
}

static void action_free(struct action *action)
{
    workload_free(action->workload);
    arena_done(&action->arena);
    free(action->target);
    free(action->cause);
    free(action->host_ip);
    free(action);
}

void plan_clear(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        action_free(plan->actions[i]);
    }
    free(plan->cause);
    plan->count = 0;
    plan->operation = NULL;
    plan->cause = NULL;
}

void plan_free(struct plan *plan)
{
    if (plan == NULL) {
        return;
    }
    plan_clear(plan);
    free(plan->actions);
    free(plan);
}

struct action *plan_add(struct plan *plan, enum action_type type, enum phase phase,
                        const char *target, const char *cause)
{
    struct action *action = xcalloc(1, sizeof(*action));

    action->type = type;
    action->phase = phase;
    action->target = xstrdup(target);
    action->cause = xstrdup(cause);
    array_grow(&plan->actions, plan->count, &plan->capacity, sizeof(*plan->actions));
    plan->actions[plan->count++] = action;
    return action;
}

void action_set_command(struct action *action, const struct text_list *command)
{
    action->command.items = arena_alloc(&action->arena, (command->count + 1) * sizeof(char *));
    for (size_t i = 0; i < command->count; i++) {
        action->command.items[i] = arena_strdup(&action->arena, command->items[i]);
    }
    action->command.count = command->count;
}

void action_set_source(struct action *action, const struct tree_source *source)
{
    struct arena *arena = &action->arena;

    action->source = (struct tree_source){
        .commit = arena_strdup(arena, source->commit),
        .branch = source->branch != NULL ? arena_strdup(arena, source->branch) : NULL,
        .upstream = source->upstream != NULL ? arena_strdup(arena, source->upstream) : NULL,
        .uid = source->uid,
        .gid = source->gid,
        .layer = source->layer != NULL ? arena_strdup(arena, source->layer) : NULL,
    };
}

void plan_set_operation(struct plan *plan, const char *operation, const char *cause)
{
    if (plan->operation == NULL) {
        plan->operation = operation;
        plan->cause = xstrdup(cause);
    }
}

void plan_wake_at(struct plan *plan, int64_t wall_ms)
{
    if (plan->wake_at_wall_ms == 0 || wall_ms < plan->wake_at_wall_ms) {
        plan->wake_at_wall_ms = wall_ms;
    }
}

const char *action_type_name(enum action_type type)
{
    switch (type) { /* no default: an action without a name does not compile */
    case ACTION_LEASE_PORT: return "lease port";
    case ACTION_RELEASE_PORTS: return "release ports";
    case ACTION_QUARANTINE_PORTS: return "quarantine ports";
    case ACTION_BUILD_IDLE_IMAGE: return "build idle image";
    case ACTION_PULL_IMAGE: return "pull image";
    case ACTION_CREATE_NETWORK: return "create network";
    case ACTION_CONNECT_NETWORK: return "connect network";
    case ACTION_LIMIT_MACHINE: return "limit machine";
    case ACTION_DISCONNECT_NETWORK: return "disconnect network";
    case ACTION_CREATE_CONTAINER: return "create container";
    case ACTION_START_CONTAINER: return "start container";
    case ACTION_RUN_POST_START: return "run postStart hook";
    case ACTION_RUN_PRE_STOP: return "run preStop hook";
    case ACTION_STOP_CONTAINER: return "stop container";
    case ACTION_PAUSE_CONTAINER: return "pause container";
    case ACTION_UNPAUSE_CONTAINER: return "unpause container";
    case ACTION_RELEASE_CONTAINER: return "release container";
    case ACTION_REMOVE_CONTAINER: return "remove container";
    case ACTION_READ_LOG: return "read log";
    case ACTION_FETCH_MIRROR: return "fetch mirror";
    case ACTION_LOOK_UP_REVISIONS: return "look up revisions in";
    case ACTION_REMOVE_MIRROR: return "remove mirror";
    case ACTION_MAKE_SNAPSHOT: return "make snapshot";
    case ACTION_SHARE_TREES: return "prepare trees of";
    case ACTION_MAKE_TREE: return "make tree";
    case ACTION_INSPECT_TREE: return "inspect tree";
    case ACTION_REMOVE_TREE: return "remove tree";
    case ACTION_RUN_SETUP: return "run setup in";
    case ACTION_FREEZE_TREE: return "freeze tree";
    case ACTION_COMMIT_IMAGE: return "commit image";
    case ACTION_REMOVE_LOG: return "remove log of";
    case ACTION_REMOVE_WORKSPACE: return "remove workspace";
    case ACTION_START_TASK: return "start task";
    case ACTION_STOP_TASK: return "stop task";
    case ACTION_REMOVE_TASK: return "remove task";
    }
    abort();
}

static enum plan_load load_of(enum action_type type)
{
    switch (type) {
    case ACTION_CREATE_CONTAINER:
    case ACTION_START_CONTAINER: return LOAD_START;
    case ACTION_STOP_CONTAINER:
    case ACTION_REMOVE_CONTAINER: return LOAD_STOP;
    default: return LOAD_NONE;
    }
}

bool action_is_load(enum action_type type)
{
    return load_of(type) != LOAD_NONE;
}

enum plan_load plan_load_from(const struct plan *plan, size_t index)
{
    enum plan_load most = LOAD_NONE;

    for (size_t i = index; i < plan->count; i++) {
        enum plan_load load = load_of(plan->actions[i]->type);

        most = load > most ? load : most;
    }
    return most;
}

void plan_print(const struct plan *plan, struct strbuf *out)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct action *action = plan->actions[i];

        strbuf_addf(out, "%s %s", action_type_name(action->type), action->target);
        if (action->type == ACTION_LEASE_PORT) {
            strbuf_addf(out, " = %s:%u/%s", action->host_ip, action->port,
                        action->protocol == PROTOCOL_UDP ? "udp" : "tcp");
        }
        if (action->type == ACTION_LIMIT_MACHINE) {
            auto_free char *limits = machine_limits_text(&action->limits);

            strbuf_addf(out, " = %s", limits);
        }
        if (action->type == ACTION_CREATE_CONTAINER) {
            strbuf_addf(out, " from %s", action->workload->image);
        }
        if (action->type == ACTION_CONNECT_NETWORK) {
            strbuf_addf(out, " to %s", action->workload->network);
            if (action->workload->address != NULL) {
                strbuf_addf(out, " at %s", action->workload->address);
            }
        }
        if (action->type == ACTION_DISCONNECT_NETWORK) {
            strbuf_addf(out, " from %s", action->workload->network);
        }
        if (action->type == ACTION_MAKE_TREE) {
            strbuf_addf(out, " from %.12s", action->source.commit);
            if (action->source.branch != NULL) {
                strbuf_addf(out, " on %s", action->source.branch);
            }
        }
        strbuf_addf(out, " (%s)\n", action->cause);
    }
}
