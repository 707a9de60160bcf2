#include "tests/support/fake_engine/memory_world.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Containers as they are shown: one by inspect, many by a list. */

const char *state_name(enum container_state state)
{
    switch (state) { /* no default: a state without a name does not compile */
    case STATE_CREATED: return "created";
    case STATE_RUNNING: return "running";
    case STATE_PAUSED: return "paused";
    case STATE_EXITED: return "exited";
    }
    abort();
}

/* --- one --- */

static json_t *describe_state(const struct container *container)
{
    json_t *state = json_pack(
        "{s:s, s:b, s:b, s:b, s:b, s:b, s:I, s:i, s:s}", "Status", state_name(container->state),
        "Running", (int)is_up(container), "Paused", (int)(container->state == STATE_PAUSED),
        "Restarting", 0, "OOMKilled", (int)container->is_oom_killed, "Dead", 0, "Pid",
        (json_int_t)container->pid, "ExitCode", container->exit_code, "Error", container->error);

    json_object_set_new(state, "StartedAt", time_text(container->started_ns));
    json_object_set_new(state, "FinishedAt", time_text(container->finished_ns));
    return state;
}

static json_t *describe_network_settings(const struct container *container)
{
    json_t *settings =
        json_pack("{s:o, s:O}", "Ports", bound_ports(container), "Networks", container->networks);

    if (api_minor(container->memory) < 52) {
        json_object_set_new(
            settings, "IPAddress",
            json_string(text_of(json_object_get(container->networks, "bridge"), "IPAddress")));
    }
    return settings;
}

static json_t *describe_mounts(const struct container *container)
{
    json_t *mounts = json_array();
    size_t i;
    json_t *mount;

    json_array_foreach(json_object_get(container->host_config, "Mounts"), i, mount) {
        bool is_volume = strcmp(text_of(mount, "Type"), "volume") == 0;

        json_array_append_new(
            mounts, json_pack("{s:s, s:s, s:s, s:s, s:b}", "Type", text_of(mount, "Type"), "Name",
                              is_volume ? text_of(mount, "Source") : "", "Source",
                              text_of(mount, "Source"), "Destination", text_of(mount, "Target"),
                              "RW", !json_is_true(json_object_get(mount, "ReadOnly"))));
    }
    return mounts;
}

static json_t *name_of(const struct container *container)
{
    return json_sprintf("/%s", container->name);
}

void inspect_container(struct memory *memory, struct call *call, const char *name)
{
    struct container *container = need_container(memory, call, name);
    json_t *config, *entrypoint;
    json_t *json;

    if (container == NULL) {
        return;
    }
    config = json_copy(container->config);
    if (json_object_get(config, "Hostname") == NULL) {
        json_object_set_new(config, "Hostname", json_stringn(container->id, 12));
    }
    entrypoint = json_object_get(config, "Entrypoint");
    json = json_pack(
        "{s:s, s:o, s:o, s:s, s:s, s:[], s:o, s:i, s:s, s:o, s:O, s:o, s:o}", "Id", container->id,
        "Name", name_of(container), "State", describe_state(container), "Image",
        container->image_id, "Path",
        json_array_size(entrypoint) > 0 ? json_string_value(json_array_get(entrypoint, 0)) : "",
        "Args", "Created", time_text(container->created_ns), "RestartCount", 0, "Platform", "linux",
        "ExecIDs", exec_ids_of(container), "HostConfig", container->host_config, "Mounts",
        describe_mounts(container), "Config", config);
    json_object_set_new(json, "NetworkSettings", describe_network_settings(container));
    reply_json(call, 200, json);
}

/*
 * Half a processor of two since its start, and 4 MiB; zeros where it does not run, as a real
 * engine.
 */
void read_stats(struct memory *memory, struct call *call, const char *name)
{
    struct container *container = need_container(memory, call, name);
    int64_t up_ns;
    json_int_t limit;

    if (container == NULL) {
        return;
    }
    if (!is_up(container)) {
        reply_json(call, 200,
                   json_pack("{s:{s:{s:i}}, s:{}}", "cpu_stats", "cpu_usage", "total_usage", 0,
                             "memory_stats"));
        return;
    }
    up_ns = wall_ns() - container->started_ns;
    limit = json_integer_value(json_object_get(container->host_config, "Memory"));
    reply_json(call, 200,
               json_pack("{s:{s:{s:I}, s:I, s:i}, s:{s:i, s:I, s:{s:i}}}", "cpu_stats", "cpu_usage",
                         "total_usage", (json_int_t)(up_ns / 2), "system_cpu_usage",
                         (json_int_t)(wall_ns() / 1000 * 2000), "online_cpus", 2, "memory_stats",
                         "usage", 5 << 20, "limit", limit > 0 ? limit : (json_int_t)8 << 30,
                         "stats", "inactive_file", 1 << 20));
}

/* --- many --- */

static json_t *age_text(const struct container *container)
{
    long long seconds = (long long)((wall_ns() - (is_up(container) ? container->started_ns
                                                                   : container->finished_ns)) /
                                    1000000000);

    switch (container->state) {
    case STATE_CREATED: return json_string("Created");
    case STATE_RUNNING: return json_sprintf("Up %lld seconds", seconds);
    case STATE_PAUSED: return json_sprintf("Up %lld seconds (Paused)", seconds);
    case STATE_EXITED:
        return json_sprintf("Exited (%d) %lld seconds ago", container->exit_code, seconds);
    }
    abort();
}

json_t *container_summary(const struct container *container)
{
    json_t *summary = json_pack(
        "{s:s, s:[o], s:s, s:s, s:s, s:I, s:o, s:O, s:s, s:o, s:{s:s}, s:{s:O}, s:o}", "Id",
        container->id, "Names", name_of(container), "Image", container->image, "ImageID",
        container->image_id, "Command", "", "Created",
        (json_int_t)(container->created_ns / 1000000000), "Ports", bound_port_list(container),
        "Labels", json_object_get(container->config, "Labels"), "State",
        state_name(container->state), "Status", age_text(container), "HostConfig", "NetworkMode",
        text_of(container->host_config, "NetworkMode"), "NetworkSettings", "Networks",
        container->networks, "Mounts", describe_mounts(container));

    return summary;
}

static bool is_on_network(const struct container *container, const json_t *filters)
{
    const char *name;
    json_t *endpoint;

    if (json_object_get(filters, "network") == NULL) {
        return true;
    }
    json_object_foreach(container->networks, name, endpoint) {
        if (filter_has(filters, "network", name) ||
            filter_has(filters, "network", text_of(endpoint, "NetworkID"))) {
            return true;
        }
    }
    return false;
}

/* An id may be cut short. */
static bool has_id(const struct container *container, const json_t *filters)
{
    size_t i;
    json_t *value;

    if (json_array_size(json_object_get(filters, "id")) == 0) {
        return true;
    }
    json_array_foreach(json_object_get(filters, "id"), i, value) {
        if (strncmp(container->id, json_string_value(value), json_string_length(value)) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_wanted(const struct container *container, const json_t *filters, bool is_all)
{
    return (is_all || is_up(container) || json_object_get(filters, "status") != NULL) &&
           filter_has(filters, "status", state_name(container->state)) &&
           filter_has_part(filters, "name", container->name) && has_id(container, filters) &&
           filter_fits_labels(filters, json_object_get(container->config, "Labels")) &&
           is_on_network(container, filters);
}

void list_containers(struct memory *memory, struct call *call, const char *name)
{
    json_auto_t *filters = filters_of(call);
    bool is_all = call_has_flag(call, "all");
    json_t *list = json_array();

    (void)name;
    for (struct map_entry *at = map_first(&memory->containers); at != NULL; at = map_next(at)) {
        struct container *container = map_value(at);

        if (is_wanted(container, filters, is_all)) {
            json_array_append_new(list, container_summary(container));
        }
    }
    reply_json(call, 200, list);
}
