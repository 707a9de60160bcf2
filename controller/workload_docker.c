#include "controller/workload_docker.h"

#include "base/memory.h"
#include "base/parse.h"
#include "controller/values.h"

#include <stdlib.h>
#include <string.h>

/*
 * What a container can do by default: enough for package managers and servers, nothing towards the
 * host.
 */
static const char *const default_capabilities[] = {
    "CHOWN",  "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE",
    "SETGID", "SETPCAP",      "SETUID",
};

static void put_text(json_t *object, const char *key, const char *text)
{
    if (text != NULL) {
        json_object_set_new(object, key, json_string(text));
    }
}

static json_t *list_to_json(const struct text_list *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++) {
        json_array_append_new(array, json_string(list->items[i]));
    }
    return array;
}

static void put_list(json_t *object, const char *key, const struct text_list *list)
{
    if (list->count > 0) {
        json_object_set_new(object, key, list_to_json(list));
    }
}

static json_t *labels_to_json(const struct label_list *labels)
{
    json_t *object = json_object();

    for (size_t i = 0; i < labels->count; i++) {
        json_object_set_new(object, labels->items[i].key, json_string(labels->items[i].value));
    }
    return object;
}

static char *port_key(const struct workload_port *port)
{
    return xasprintf("%u/%s", port->container_port, port->protocol == PROTOCOL_UDP ? "udp" : "tcp");
}

static json_t *exposed_ports(const struct workload *workload)
{
    json_t *object = json_object();

    for (size_t i = 0; i < workload->port_count; i++) {
        auto_free char *key = port_key(&workload->ports[i]);

        json_object_set_new(object, key, json_object());
    }
    return object;
}

static json_t *port_bindings(const struct workload *workload)
{
    json_t *object = json_object();

    for (size_t i = 0; i < workload->port_count; i++) {
        const struct workload_port *port = &workload->ports[i];
        auto_free char *key = port_key(port);
        json_t *bindings = json_object_get(object, key);

        if (bindings == NULL) {
            bindings = json_array();
            json_object_set_new(object, key, bindings);
        }
        json_array_append_new(bindings, json_pack("{s:s, s:o}", "HostIp", port->host_ip, "HostPort",
                                                  json_sprintf("%u", port->host_port)));
    }
    return object;
}

/*
 * Mounts, not Binds: a source that does not exist is then an error rather than a new directory of
 * root's.
 */
static json_t *mounts_to_json(const struct workload *workload)
{
    json_t *array = json_array();

    for (size_t i = 0; i < workload->mount_count; i++) {
        const struct workload_mount *mount = &workload->mounts[i];
        json_t *json = json_pack("{s:s, s:s, s:s, s:b}", "Type",
                                 mount->is_volume ? "volume" : "bind", "Source", mount->source,
                                 "Target", mount->target, "ReadOnly", (int)mount->is_read_only);

        if (mount->is_slave) {
            json_object_set_new(json, "BindOptions", json_pack("{s:s}", "Propagation", "rslave"));
        }
        json_array_append_new(array, json);
    }
    return array;
}

static const char *bare_capability(const char *name)
{
    return text_has_prefix(name, "CAP_") ? name + strlen("CAP_") : name;
}

static bool drops(const struct workload *workload, const char *capability)
{
    for (size_t i = 0; i < workload->capabilities_drop.count; i++) {
        const char *name = bare_capability(workload->capabilities_drop.items[i]);

        if (strcmp(name, "ALL") == 0 || strcmp(name, capability) == 0) {
            return true;
        }
    }
    return false;
}

static json_t *added_capabilities(const struct workload *workload)
{
    json_t *array = json_array();

    for (size_t i = 0; i < ARRAY_SIZE(default_capabilities); i++) {
        if (!drops(workload, default_capabilities[i])) {
            json_array_append_new(array, json_string(default_capabilities[i]));
        }
    }
    for (size_t i = 0; i < workload->capabilities_add.count; i++) {
        json_array_append_new(array,
                              json_string(bare_capability(workload->capabilities_add.items[i])));
    }
    return array;
}

static json_t *extra_hosts(const struct host_alias_list *aliases)
{
    json_t *array = json_array();

    for (size_t i = 0; i < aliases->count; i++) {
        const struct host_alias *alias = &aliases->items[i];

        for (size_t h = 0; h < alias->hostnames.count; h++) {
            json_array_append_new(array,
                                  json_sprintf("%s:%s", alias->hostnames.items[h], alias->ip));
        }
    }
    return array;
}

static void put_limits(json_t *host, const struct workload *workload, int64_t cpu_count)
{
    int64_t cpu_milli = workload->cpu_milli;

    if (cpu_count > 0 && cpu_milli > cpu_count * 1000) {
        cpu_milli = cpu_count * 1000;
    }
    if (cpu_milli > 0) {
        json_object_set_new(host, "NanoCpus", json_integer(cpu_milli * 1000000));
    }
    if (workload->memory_bytes > 0) {
        json_object_set_new(host, "Memory", json_integer(workload->memory_bytes));
        json_object_set_new(host, "MemorySwap", json_integer(workload->memory_bytes));
    }
    if (workload->pids > 0) {
        json_object_set_new(host, "PidsLimit", json_integer(workload->pids));
    }
}

static json_t *host_config(const struct workload *workload, int64_t cpu_count)
{
    json_t *host = json_pack("{s:o, s:o, s:[s], s:o, s:[s], s:b, s:b}", "PortBindings",
                             port_bindings(workload), "Mounts", mounts_to_json(workload), "CapDrop",
                             "ALL", "CapAdd", added_capabilities(workload), "SecurityOpt",
                             "no-new-privileges", "Init", !workload->has_own_init, "ReadonlyRootfs",
                             (int)workload->is_root_read_only);

    json_object_set_new(host, "LogConfig",
                        json_pack("{s:s, s:{s:s, s:s}}", "Type", "json-file", "Config", "max-size",
                                  "10m", "max-file", "3"));
    json_object_set_new(host, "RestartPolicy", json_pack("{s:s}", "Name", "no"));
    put_limits(host, workload, cpu_count);
    put_text(host, "CgroupParent", workload->cgroup_parent);
    put_text(host, "NetworkMode", workload->network);
    put_list(host, "Dns", &workload->dns.servers);
    put_list(host, "DnsSearch", &workload->dns.search);
    if (workload->host_aliases.count > 0) {
        json_object_set_new(host, "ExtraHosts", extra_hosts(&workload->host_aliases));
    }
    return host;
}

static json_t *endpoint_config(const struct workload *workload)
{
    json_t *endpoint = json_pack("{s:o}", "Aliases", list_to_json(&workload->aliases));

    if (workload->address != NULL) {
        json_object_set_new(endpoint, "IPAMConfig",
                            json_pack("{s:s}", "IPv4Address", workload->address));
    }
    return endpoint;
}

json_t *workload_to_docker(const struct workload *workload, int64_t cpu_count,
                           const struct secret_values *values)
{
    json_t *body =
        json_pack("{s:s, s:o, s:o, s:o}", "Image", workload->image, "Labels",
                  labels_to_json(&workload->labels), "ExposedPorts", exposed_ports(workload),
                  "HostConfig", host_config(workload, cpu_count));

    put_text(body, "Hostname", workload->hostname);
    put_text(body, "WorkingDir", workload->working_dir);
    put_text(body, "User", workload->user);
    put_list(body, "Entrypoint", &workload->entrypoint);
    put_list(body, "Cmd", &workload->command);
    if (workload->env.count > 0) {
        json_t *env = json_array();

        secret_values_add_env(env, &workload->env, values);
        json_object_set_new(body, "Env", env);
    }
    json_object_set_new(body, "StopTimeout", json_integer(workload->grace_seconds));
    if (workload->network != NULL) {
        json_t *endpoints = json_object();

        json_object_set_new(endpoints, workload->network, endpoint_config(workload));
        json_object_set_new(body, "NetworkingConfig",
                            json_pack("{s:o}", "EndpointsConfig", endpoints));
    }
    return body;
}

json_t *workload_to_docker_connect(const struct workload *workload, const char *container)
{
    return json_pack("{s:s, s:o}", "Container", container, "EndpointConfig",
                     endpoint_config(workload));
}
