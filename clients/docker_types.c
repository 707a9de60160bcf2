#include "clients/docker_types.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- fields: a wrong type reads as absent --- */

/* Borrowed; NULL also for a text with a NUL inside, which would read as another one. */
static const char *text_or_null(const json_t *value)
{
    const char *text = json_string_value(value);

    return text != NULL && strlen(text) == json_string_length(value) ? text : NULL;
}

static const char *get_text(const json_t *object, const char *key)
{
    const char *text = text_or_null(json_object_get(object, key));

    return text != NULL ? text : "";
}

static char *copy_text(const json_t *object, const char *key)
{
    return xstrdup(get_text(object, key));
}

static int64_t get_time(const json_t *object, const char *key)
{
    int64_t wall_ms;

    return timestamp_parse(get_text(object, key), &wall_ms) == 0 ? wall_ms : 0;
}

static json_t *copy_labels(json_t *value)
{
    json_t *labels = json_object();
    const char *key;
    json_t *label;

    json_object_foreach(value, key, label) {
        if (text_or_null(label) != NULL) {
            json_object_set(labels, key, label);
        }
    }
    return labels;
}

static int need_id(const char *id, const char *what, struct error *err)
{
    if (id[0] == '\0') {
        return error_set_reason(err, ERROR_TRANSIENT, "EngineError",
                                "the engine's reply has no id of a %s", what);
    }
    return 0;
}

/* --- containers --- */

static enum docker_state parse_state(const char *text, bool is_running)
{
    static const struct {
        const char *text;
        enum docker_state state;
    } states[] = {
        {"created", DOCKER_CREATED},     {"running", DOCKER_RUNNING},
        {"paused", DOCKER_PAUSED},       {"restarting", DOCKER_RESTARTING},
        {"removing", DOCKER_REMOVING},   {"exited", DOCKER_EXITED},
        {"dead", DOCKER_DEAD},           {"configured", DOCKER_CREATED}, /* Podman's, as the rest */
        {"initialized", DOCKER_CREATED}, {"stopping", DOCKER_RUNNING},
        {"stopped", DOCKER_EXITED},
    };

    for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
        if (strcmp(text, states[i].text) == 0) {
            return states[i].state;
        }
    }
    return is_running ? DOCKER_RUNNING : DOCKER_EXITED;
}

static void parse_networks(json_t *networks, struct docker_container *container)
{
    const char *name;
    json_t *network;

    if (json_object_size(networks) == 0) {
        return;
    }
    container->networks = xcalloc(json_object_size(networks), sizeof(*container->networks));
    json_object_foreach(networks, name, network) {
        container->networks[container->network_count++] = (struct docker_endpoint_state){
            .network = xstrdup(name),
            .network_id = copy_text(network, "NetworkID"),
            .ip = copy_text(network, "IPAddress"),
            .asked_ip = copy_text(json_object_get(network, "IPAMConfig"), "IPv4Address"),
        };
    }
}

static void add_port(struct docker_container *container, size_t *capacity, uint16_t container_port,
                     const char *protocol, const char *host_ip, uint16_t host_port)
{
    array_grow(&container->ports, container->port_count, capacity, sizeof(*container->ports));
    container->ports[container->port_count++] = (struct docker_port){
        .container_port = container_port,
        .protocol = xstrdup(protocol),
        .host_ip = xstrdup(host_ip),
        .host_port = host_port,
    };
}

/* "80/tcp"; the protocol is borrowed from the key. */
static int split_port_key(const char *key, uint16_t *ret_port, const char **ret_protocol)
{
    const char *slash = strchr(key, '/');
    auto_free char *number = xstrndup(key, slash != NULL ? (size_t)(slash - key) : strlen(key));

    *ret_protocol = slash != NULL ? slash + 1 : "tcp";
    return parse_port(number, ret_port);
}

/* {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}], "81/tcp": null} */
static void parse_ports(json_t *ports, struct docker_container *container)
{
    size_t capacity = 0, i;
    const char *key, *protocol;
    json_t *bindings, *binding;
    uint16_t container_port, host_port;

    json_object_foreach(ports, key, bindings) {
        if (split_port_key(key, &container_port, &protocol) < 0) {
            continue;
        }
        json_array_foreach(bindings, i, binding) {
            if (parse_port(get_text(binding, "HostPort"), &host_port) == 0) {
                add_port(container, &capacity, container_port, protocol,
                         get_text(binding, "HostIp"), host_port);
            }
        }
    }
}

static uint16_t get_port(const json_t *object, const char *key)
{
    json_int_t port = json_integer_value(json_object_get(object, key));

    return port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
}

/*
 * [{"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"}]; without
 * PublicPort: not published
 */
static void parse_summary_ports(const json_t *ports, struct docker_container *container)
{
    size_t capacity = 0, i;
    json_t *port;

    json_array_foreach(ports, i, port) {
        uint16_t container_port = get_port(port, "PrivatePort");
        uint16_t host_port = get_port(port, "PublicPort");

        if (container_port != 0 && host_port != 0) {
            add_port(container, &capacity, container_port, get_text(port, "Type"),
                     get_text(port, "IP"), host_port);
        }
    }
}

static void parse_execs(const json_t *ids, struct docker_container *container)
{
    size_t i;
    json_t *value;

    if (json_array_size(ids) > 0) {
        container->exec_ids = xcalloc(json_array_size(ids), sizeof(*container->exec_ids));
    }
    json_array_foreach(ids, i, value) {
        const char *id = text_or_null(value);

        if (id != NULL) {
            container->exec_ids[container->exec_count++] = xstrdup(id);
        }
    }
}

static void parse_binds(const json_t *mounts, struct docker_container *container)
{
    size_t i;
    json_t *value;

    container->binds = xcalloc(json_array_size(mounts) + 1, sizeof(*container->binds));
    json_array_foreach(mounts, i, value) {
        if (strcmp(get_text(value, "Type"), "bind") == 0) {
            container->binds[container->bind_count++] = copy_text(value, "Source");
        }
    }
}

int docker_parse_container(const json_t *json, struct docker_container *ret, struct error *err)
{
    const json_t *state = json_object_get(json, "State");
    const json_t *config = json_object_get(json, "Config");
    const json_t *network = json_object_get(json, "NetworkSettings");
    const char *name = get_text(json, "Name");
    const char *health = get_text(json_object_get(state, "Health"), "Status");

    if (need_id(get_text(json, "Id"), "container", err) < 0) {
        return -1;
    }
    *ret = (struct docker_container){
        .id = copy_text(json, "Id"),
        .name = xstrdup(name[0] == '/' ? name + 1 : name),
        .image = copy_text(config, "Image"),
        .image_id = copy_text(json, "Image"),
        .labels = copy_labels(json_object_get(config, "Labels")),
        .state =
            parse_state(get_text(state, "Status"), json_is_true(json_object_get(state, "Running"))),
        .exit_code = json_integer_value(json_object_get(state, "ExitCode")),
        .is_oom_killed = json_is_true(json_object_get(state, "OOMKilled")),
        .pid = json_integer_value(json_object_get(state, "Pid")),
        .error = copy_text(state, "Error"),
        .created_wall_ms = get_time(json, "Created"),
        .started_wall_ms = get_time(state, "StartedAt"),
        .finished_wall_ms = get_time(state, "FinishedAt"),
        .network_mode = copy_text(json_object_get(json, "HostConfig"), "NetworkMode"),
        .health = health[0] != '\0' ? xstrdup(health) : NULL,
        .cgroup_parent = copy_text(json_object_get(json, "HostConfig"), "CgroupParent"),
    };
    parse_networks(json_object_get(network, "Networks"), ret);
    parse_ports(json_object_get(network, "Ports"), ret);
    parse_execs(json_object_get(json, "ExecIDs"), ret);
    parse_binds(json_object_get(json, "Mounts"), ret);
    return 0;
}

/* Links give a container more names, with two slashes. "" when there is none. */
static const char *own_name(const json_t *names)
{
    size_t i;
    json_t *value;

    json_array_foreach(names, i, value) {
        const char *name = text_or_null(value);

        if (name != NULL && name[0] == '/' && strchr(name + 1, '/') == NULL) {
            return name + 1;
        }
    }
    return "";
}

int docker_parse_container_summary(const json_t *json, struct docker_container *ret,
                                   struct error *err)
{
    json_int_t created = json_integer_value(json_object_get(json, "Created"));
    const json_t *network = json_object_get(json, "NetworkSettings");

    if (need_id(get_text(json, "Id"), "container", err) < 0) {
        return -1;
    }
    *ret = (struct docker_container){
        .id = copy_text(json, "Id"),
        .name = xstrdup(own_name(json_object_get(json, "Names"))),
        .image = copy_text(json, "Image"),
        .image_id = copy_text(json, "ImageID"),
        .labels = copy_labels(json_object_get(json, "Labels")),
        .state = parse_state(get_text(json, "State"), false),
        .error = xstrdup(""),
        .cgroup_parent = xstrdup(""),
        .network_mode = copy_text(json_object_get(json, "HostConfig"), "NetworkMode"),
        .created_wall_ms =
            created > 0 && created < INT64_MAX / MS_PER_SECOND ? created * MS_PER_SECOND : 0,
    };
    parse_networks(json_object_get(network, "Networks"), ret);
    parse_summary_ports(json_object_get(json, "Ports"), ret);
    return 0;
}

void docker_container_done(struct docker_container *container)
{
    for (size_t i = 0; i < container->exec_count; i++) {
        free(container->exec_ids[i]);
    }
    free(container->exec_ids);
    for (size_t i = 0; i < container->bind_count; i++) {
        free(container->binds[i]);
    }
    free(container->binds);
    for (size_t i = 0; i < container->network_count; i++) {
        free(container->networks[i].network);
        free(container->networks[i].network_id);
        free(container->networks[i].ip);
        free(container->networks[i].asked_ip);
    }
    for (size_t i = 0; i < container->port_count; i++) {
        free(container->ports[i].protocol);
        free(container->ports[i].host_ip);
    }
    free(container->networks);
    free(container->network_mode);
    free(container->ports);
    free(container->id);
    free(container->name);
    free(container->image);
    free(container->image_id);
    free(container->error);
    free(container->health);
    free(container->cgroup_parent);
    json_decref(container->labels);
    *container = (struct docker_container){0};
}

const char *docker_container_label(const struct docker_container *container, const char *name)
{
    return json_string_value(json_object_get(container->labels, name));
}

/* --- images and networks --- */

static bool is_filled(const json_t *value)
{
    return json_array_size(value) > 0 || json_string_length(value) > 0;
}

int docker_parse_image(const json_t *json, struct docker_image *ret, struct error *err)
{
    const json_t *config = json_object_get(json, "Config");

    if (need_id(get_text(json, "Id"), "image", err) < 0) {
        return -1;
    }
    *ret = (struct docker_image){
        .id = copy_text(json, "Id"),
        .user = copy_text(config, "User"),
        .working_dir = copy_text(config, "WorkingDir"),
        .has_command = is_filled(json_object_get(config, "Cmd")) ||
                       is_filled(json_object_get(config, "Entrypoint")),
        .labels = copy_labels(json_object_get(config, "Labels")),
    };
    return 0;
}

void docker_image_done(struct docker_image *image)
{
    free(image->id);
    free(image->user);
    free(image->working_dir);
    json_decref(image->labels);
    *image = (struct docker_image){0};
}

int docker_parse_network(const json_t *json, struct docker_network *ret, struct error *err)
{
    if (need_id(get_text(json, "Id"), "network", err) < 0) {
        return -1;
    }
    *ret = (struct docker_network){
        .id = copy_text(json, "Id"),
        .name = copy_text(json, "Name"),
        .driver = copy_text(json, "Driver"),
        .labels = copy_labels(json_object_get(json, "Labels")),
    };
    return 0;
}

void docker_network_done(struct docker_network *network)
{
    free(network->id);
    free(network->name);
    free(network->driver);
    json_decref(network->labels);
    *network = (struct docker_network){0};
}

int docker_parse_exec(const json_t *json, struct docker_exec *ret, struct error *err)
{
    const json_t *exit_code = json_object_get(json, "ExitCode");
    bool is_running = json_is_true(json_object_get(json, "Running"));

    if (need_id(get_text(json, "ID"), "command", err) < 0) {
        return -1;
    }
    *ret = (struct docker_exec){
        .is_running = is_running,
        .has_exit_code = !is_running && json_is_integer(exit_code),
        .exit_code = json_integer_value(exit_code),
        .pid = json_integer_value(json_object_get(json, "Pid")),
    };
    return 0;
}

bool docker_exec_has_command(const json_t *json, const char *program, const char *argument)
{
    const json_t *process = json_object_get(json, "ProcessConfig");
    const char *first = text_or_null(json_array_get(json_object_get(process, "arguments"), 0));

    return strcmp(get_text(process, "entrypoint"), program) == 0 && first != NULL &&
           strcmp(first, argument) == 0;
}

int docker_parse_id(const json_t *json, char **ret_id, struct error *err)
{
    if (need_id(get_text(json, "Id"), "new object", err) < 0) {
        return -1;
    }
    *ret_id = copy_text(json, "Id");
    return 0;
}

/* --- the host --- */

/* ["name=seccomp,profile=default", "name=rootless"] */
static bool has_security_option(const json_t *options, const char *name)
{
    size_t i;
    json_t *value;

    json_array_foreach(options, i, value) {
        const char *text = text_or_null(value);

        if (text != NULL && text_has_prefix(text, name) &&
            (text[strlen(name)] == '\0' || text[strlen(name)] == ',')) {
            return true;
        }
    }
    return false;
}

void docker_parse_host(const json_t *json, struct docker_host *ret)
{
    json_int_t cpu_count = json_integer_value(json_object_get(json, "NCPU"));
    const char *version = get_text(json, "CgroupVersion");

    *ret = (struct docker_host){
        .cpu_count = cpu_count > 0 && cpu_count <= INT32_MAX ? cpu_count : 0,
        .now_wall_ms = get_time(json, "SystemTime"),
        .cgroup_driver = copy_text(json, "CgroupDriver"),
        .cgroup_version = strcmp(version, "2") == 0   ? 2
                          : strcmp(version, "1") == 0 ? 1
                                                      : 0,
        .is_rootless =
            has_security_option(json_object_get(json, "SecurityOptions"), "name=rootless"),
    };
}

void docker_host_done(struct docker_host *host)
{
    free(host->cgroup_driver);
    *host = (struct docker_host){0};
}
