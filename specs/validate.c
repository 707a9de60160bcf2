#include "specs/validate.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "base/suggest.h"
#include "specs/machine_types.h"
#include "specs/quantity.h"
#include "specs/reason.h"
#include "specs/repo_url.h"
#include "specs/validate_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct yaml_node *validate_list_node(const struct yaml_node *spec, const char *name,
                                           size_t count)
{
    const struct yaml_node *list = yaml_map_get(spec, name);

    return list != NULL && list->type == YAML_NODE_LIST && list->count == count ? list : NULL;
}

const struct yaml_node *validate_value_node(const struct yaml_node *item, const char *key)
{
    const struct yaml_node *value = yaml_map_get(item, key);

    return value != NULL ? value : item;
}

static void refuse(struct decoder *decoder, const struct yaml_node *node,
                   const struct place *parent, const char *key, const char *message)
{
    struct place place = {.parent = parent, .key = key};

    spec_errors_add(decoder->errors, node, &place, REASON_INVALID_SPEC, "%s", message);
}

static const char *protocol_word(const struct port_spec *port)
{
    return port->protocol == PROTOCOL_UDP ? "UDP" : "TCP";
}

static void name_ports(struct decoder *decoder, struct port_list *ports)
{
    for (size_t i = 0; i < ports->count; i++) {
        struct port_spec *port = &ports->items[i];

        if (port->name == NULL && port->container_port != 0) {
            port->name =
                arena_printf(decoder->arena, "port-%lld%s", (long long)port->container_port,
                             port->protocol == PROTOCOL_UDP ? "-udp" : "");
        }
    }
}

static void validate_port_names(struct decoder *decoder, const struct port_list *ports,
                                const struct yaml_node *list, const struct place *place)
{
    auto_free struct decoded_text *texts = xcalloc(ports->count, sizeof(*texts));

    for (size_t i = 0; i < ports->count; i++) {
        texts[i] = (struct decoded_text){
            .text = ports->items[i].name,
            .node = validate_value_node(list->items[i], "name"),
            .index = i,
        };
    }
    decode_refuse_duplicates(decoder, texts, ports->count, place, "name", "port name");
}

static void validate_container_ports(struct decoder *decoder, const struct port_list *ports,
                                     const struct yaml_node *list, const struct place *place)
{
    auto_free struct decoded_text *texts = xcalloc(ports->count, sizeof(*texts));

    for (size_t i = 0; i < ports->count; i++) {
        const struct port_spec *port = &ports->items[i];

        if (port->container_port != 0) {
            texts[i] = (struct decoded_text){
                .text = arena_printf(decoder->arena, "%lld/%s", (long long)port->container_port,
                                     protocol_word(port)),
                .node = validate_value_node(list->items[i], "containerPort"),
                .index = i,
            };
        }
    }
    decode_refuse_duplicates(decoder, texts, ports->count, place, "containerPort",
                             "container port");
}

static void validate_host_ports(struct decoder *decoder, const struct port_list *ports,
                                const struct yaml_node *list, const struct place *place)
{
    auto_free struct decoded_text *texts = xcalloc(ports->count, sizeof(*texts));

    for (size_t i = 0; i < ports->count; i++) {
        const struct port_spec *port = &ports->items[i];

        if (port->host_port != 0 && port->host_ip != NULL) {
            texts[i] = (struct decoded_text){
                .text = arena_printf(decoder->arena, "%s:%lld/%s", port->host_ip,
                                     (long long)port->host_port, protocol_word(port)),
                .node = validate_value_node(list->items[i], "hostPort"),
                .index = i,
            };
        }
    }
    decode_refuse_duplicates(decoder, texts, ports->count, place, "hostPort", "host port");
}

static void validate_ports(struct decoder *decoder, struct port_list *ports,
                           const struct yaml_node *spec, const struct place *spec_place)
{
    const struct yaml_node *list = validate_list_node(spec, "ports", ports->count);
    struct place place = {.parent = spec_place, .key = "ports"};

    name_ports(decoder, ports);
    if (list != NULL) {
        validate_port_names(decoder, ports, list, &place);
        validate_container_ports(decoder, ports, list, &place);
        validate_host_ports(decoder, ports, list, &place);
    }
}

static void validate_command(struct decoder *decoder, const struct text_list *command,
                             const struct yaml_node *spec, const struct place *spec_place)
{
    const struct yaml_node *list = validate_list_node(spec, "command", command->count);
    struct place place = {.parent = spec_place, .key = "command"};
    struct place first = {.parent = &place, .index = 0};

    if (list != NULL && command->count > 0 && command->items[0][0] == '\0') {
        spec_errors_add(decoder->errors, list->items[0], &first, REASON_INVALID_SPEC,
                        "the program's name must not be empty");
    }
}

/* owner: the map that has the "exec" */
static void validate_exec(struct decoder *decoder, const struct exec_action *exec,
                          const struct yaml_node *owner, const struct place *owner_place)
{
    struct place place = {.parent = owner_place, .key = "exec"};

    if (exec != NULL) {
        validate_command(decoder, &exec->command, yaml_map_get(owner, "exec"), &place);
    }
}

static void validate_hook(struct decoder *decoder, const struct hook_spec *hook, const char *key,
                          const struct yaml_node *spec, const struct place *spec_place)
{
    const struct yaml_node *lifecycle = yaml_map_get(spec, "lifecycle");
    struct place lifecycle_place = {.parent = spec_place, .key = "lifecycle"};
    struct place place = {.parent = &lifecycle_place, .key = key};

    if (hook != NULL) {
        validate_exec(decoder, hook->exec, yaml_map_get(lifecycle, key), &place);
    }
}

/* The limits narrow a machine type; they cannot widen it. */
static void validate_resources(struct decoder *decoder, const struct instance_spec *instance,
                               const struct yaml_node *spec, const struct place *spec_place)
{
    const struct yaml_node *node = yaml_map_get(spec, "resources");
    struct place place = {.parent = spec_place, .key = "resources"};
    struct place cpus = {.parent = &place, .key = "cpus"};
    struct place memory = {.parent = &place, .key = "memory"};
    char want[QUANTITY_TEXT_SIZE], have[QUANTITY_TEXT_SIZE];
    struct machine_type type;

    if (node == NULL || instance->machine_type == NULL ||
        machine_type_find(instance->machine_type, &type) < 0) {
        return;
    }
    if (instance->resources.cpu_milli > type.cpu_milli) {
        spec_errors_add(decoder->errors, validate_value_node(node, "cpus"), &cpus,
                        REASON_INVALID_SPEC, "%s is more than the %s of machine type %s",
                        quantity_format_cpu(instance->resources.cpu_milli, want),
                        quantity_format_cpu(type.cpu_milli, have), instance->machine_type);
    }
    if (instance->resources.memory_bytes > type.memory_bytes) {
        spec_errors_add(decoder->errors, validate_value_node(node, "memory"), &memory,
                        REASON_INVALID_SPEC, "%s is more than the %s of machine type %s",
                        quantity_format_bytes(instance->resources.memory_bytes, want),
                        quantity_format_bytes(type.memory_bytes, have), instance->machine_type);
    }
}

static void validate_credentials(struct decoder *decoder, const struct yaml_node *spec,
                                 const struct place *spec_place)
{
    const struct yaml_node *node = yaml_map_get(spec, "credentials");
    const struct yaml_node *key = yaml_map_get(node, "sshKeyFile");
    struct place place = {.parent = spec_place, .key = "credentials"};

    if (key != NULL &&
        (yaml_map_get(node, "tokenFile") != NULL || yaml_map_get(node, "usernameFile") != NULL)) {
        refuse(decoder, key, &place, "sshKeyFile",
               "cannot be used together with tokenFile or usernameFile");
    }
}

/* True when a key of the map that is not one of these seems to mean one: that is told already. */
static bool has_misspelt_key(const struct yaml_node *map, const char *const *keys, size_t count)
{
    for (size_t i = 0; i + 1 < map->count; i += 2) {
        if (suggest_nearest(map->items[i]->text, keys, count) != NULL) {
            return true;
        }
    }
    return false;
}

/* The kinds of an action: exactly one must be there. */
static void validate_one_of(struct decoder *decoder, const struct yaml_node *map,
                            const struct place *place, const char *const *keys, size_t count)
{
    unsigned found = 0;

    for (size_t i = 0; i < count; i++) {
        found += yaml_map_get(map, keys[i]) != NULL ? 1 : 0;
    }
    if (map != NULL && map->type == YAML_NODE_MAP && found != 1 &&
        (found > 1 || !has_misspelt_key(map, keys, count))) {
        auto_done(strbuf) words = {0};

        for (size_t i = 0; i < count; i++) {
            strbuf_addf(&words, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", keys[i]);
        }
        spec_errors_add(decoder->errors, map, place, REASON_INVALID_SPEC, "%s one of %s %s",
                        found == 0 ? "exactly" : "only", strbuf_text(&words),
                        found == 0 ? "is needed" : "is possible");
    }
}

static void validate_env(struct decoder *decoder, const struct env_list *env,
                         const struct yaml_node *spec, const struct place *spec_place)
{
    static const char *const sources[] = {"file", "env"};
    const struct yaml_node *list = validate_list_node(spec, "env", env->count);
    struct place place = {.parent = spec_place, .key = "env"};

    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const struct yaml_node *from = yaml_map_get(list->items[i], "valueFrom");
        struct place item_place = {.parent = &place, .index = i};
        struct place from_place = {.parent = &item_place, .key = "valueFrom"};

        if (from != NULL) {
            if (!text_equal(env->items[i].value,
                            "")) { /* an empty one is the default, written out */
                spec_errors_add(decoder->errors, list->items[i], &item_place, REASON_INVALID_SPEC,
                                "only one of value and valueFrom is possible");
            }
            validate_one_of(decoder, from, &from_place, sources, ARRAY_SIZE(sources));
        }
    }
}

static bool has_port(const struct port_list *ports, const char *port)
{
    for (size_t i = 0; i < ports->count; i++) {
        if (text_equal(ports->items[i].name, port)) {
            return true;
        }
    }
    return false;
}

/* A port by name must be one of the instance's. */
static void validate_probe_port(struct decoder *decoder, const struct port_list *ports,
                                const char *port, const struct yaml_node *probe, const char *action,
                                const struct place *probe_place)
{
    const struct yaml_node *node = yaml_map_get(yaml_map_get(probe, action), "port");
    struct place place = {.parent = probe_place, .key = action};
    struct place port_place = {.parent = &place, .key = "port"};
    uint64_t number;

    if (node != NULL && port != NULL && parse_u64(port, &number) < 0 && !has_port(ports, port)) {
        spec_errors_add(decoder->errors, node, &port_place, REASON_INVALID_SPEC,
                        "spec.ports has no port named \"%s\"", port);
    }
}

static void validate_probe(struct decoder *decoder, const struct probe_spec *probe, const char *key,
                           const struct port_list *ports, const struct yaml_node *spec,
                           const struct place *spec_place)
{
    static const char *const actions[] = {"exec", "httpGet", "tcpSocket"};
    const struct yaml_node *node = yaml_map_get(spec, key);
    const struct yaml_node *successes = yaml_map_get(node, "successThreshold");
    struct place place = {.parent = spec_place, .key = key};

    if (probe == NULL || node == NULL) {
        return;
    }
    validate_one_of(decoder, node, &place, actions, ARRAY_SIZE(actions));
    validate_exec(decoder, probe->exec, node, &place);
    if (probe->http_get != NULL) {
        validate_probe_port(decoder, ports, probe->http_get->port, node, "httpGet", &place);
    }
    if (probe->tcp_socket != NULL) {
        validate_probe_port(decoder, ports, probe->tcp_socket->port, node, "tcpSocket", &place);
    }
    if (successes != NULL && probe->success_threshold > 1 && strcmp(key, "readinessProbe") != 0) {
        refuse(decoder, successes, &place, "successThreshold", "must be 1 for this probe");
    }
}

static void validate_instance(struct decoder *decoder, struct instance_spec *instance,
                              const struct yaml_node *spec, const struct place *place)
{
    validate_command(decoder, &instance->command, spec, place);
    validate_env(decoder, &instance->env, spec, place);
    validate_ports(decoder, &instance->ports, spec, place);
    validate_volumes(decoder, &instance->volumes, spec, place);
    validate_resources(decoder, instance, spec, place);
    validate_probe(decoder, instance->readiness, "readinessProbe", &instance->ports, spec, place);
    validate_probe(decoder, instance->liveness, "livenessProbe", &instance->ports, spec, place);
    validate_probe(decoder, instance->startup, "startupProbe", &instance->ports, spec, place);
    validate_hook(decoder, instance->lifecycle.post_start, "postStart", spec, place);
    validate_hook(decoder, instance->lifecycle.pre_stop, "preStop", spec, place);
}

enum { MAX_POOL_NAME = 58 }; /* so that "-<n>" still fits into a name */

static void validate_template(struct decoder *decoder, struct pool_spec *pool,
                              const struct yaml_node *spec, const struct place *spec_place)
{
    const struct yaml_node *template = yaml_map_get(spec, "template");
    const struct yaml_node *ports = yaml_map_get(yaml_map_get(template, "spec"), "ports");
    struct place place = {.parent = spec_place, .key = "template"};
    struct place member_place = {.parent = &place, .key = "spec"};

    validate_instance(decoder, &pool->template_spec, yaml_map_get(template, "spec"), &member_place);
    for (size_t i = 0; pool->max_instances > 1 && i < pool->template_spec.ports.count; i++) {
        if (pool->template_spec.ports.items[i].host_port != 0 && ports != NULL) {
            refuse(decoder, ports, &member_place, "ports",
                   "a fixed hostPort cannot be shared by several members; leave it out");
            return;
        }
    }
}

/* Two spellings of one repository in the list are a mistake. */
static void validate_warm_repositories(struct decoder *decoder, const struct text_list *urls,
                                       const struct yaml_node *spec, const struct place *spec_place)
{
    const struct yaml_node *list = validate_list_node(spec, "warmRepositories", urls->count);
    auto_free struct decoded_text *texts = xcalloc(urls->count, sizeof(*texts));
    struct place place = {.parent = spec_place, .key = "warmRepositories"};

    for (size_t i = 0; list != NULL && i < urls->count; i++) {
        auto_done(repo_url) url = {0};
        struct error err = {0};

        texts[i] = (struct decoded_text){.node = list->items[i], .index = i};
        if (repo_url_parse(urls->items[i], &url, &err) == 0) {
            texts[i].text = arena_strdup(decoder->arena, url.canonical);
        }
    }
    decode_refuse_duplicates(decoder, texts, list != NULL ? urls->count : 0, &place, NULL,
                             "repository");
}

static void validate_pool(struct decoder *decoder, struct object *object,
                          const struct yaml_node *spec, const struct place *place)
{
    struct pool_spec *pool = &object->pool;
    const struct yaml_node *max = yaml_map_get(spec, "maxInstances");
    struct place name_place = {.parent = NULL, .key = "metadata.name"};

    if (pool->max_instances < 0) {
        pool->max_instances = pool->min_instances;
    }
    if (max != NULL && pool->min_instances > pool->max_instances) {
        spec_errors_add(decoder->errors, max,
                        &(struct place){.parent = place, .key = "maxInstances"},
                        REASON_INVALID_SPEC, "%lld is below minInstances, which is %lld",
                        (long long)pool->max_instances, (long long)pool->min_instances);
    }
    if (object->name != NULL && strlen(object->name) > MAX_POOL_NAME) {
        spec_errors_add(decoder->errors, spec, &name_place, REASON_INVALID_NAME,
                        "the name of a pool has at most %d letters, since its members are named "
                        "after it",
                        MAX_POOL_NAME);
    }
    validate_warm_repositories(decoder, &pool->warm_repositories, spec, place);
    validate_template(decoder, pool, spec, place);
}

/* The number of the block's port with that name, from 0, or -1. */
static int64_t task_port_of_name(const char *name)
{
    int64_t number = 0;

    return name != NULL && text_has_prefix(name, TASK_PORT_PREFIX) &&
                   parse_i64(name + strlen(TASK_PORT_PREFIX), &number) == 0
               ? number - 1
               : -1;
}

/* The block that tasks lease from is published by itself. */
static void validate_task_ports(struct decoder *decoder, const struct repository_spec *repository,
                                const struct yaml_node *spec, const struct place *spec_place)
{
    const struct port_list *ports = &repository->ports;
    const struct yaml_node *list = validate_list_node(spec, "ports", ports->count);
    struct place place = {.parent = spec_place, .key = "ports"};

    for (size_t i = 0; list != NULL && i < ports->count; i++) {
        const struct port_spec *port = &ports->items[i];
        int64_t number = port->container_port - TASK_PORT_FIRST;
        int64_t named = task_port_of_name(port->name);
        struct place item_place = {.parent = &place, .index = i};
        struct place port_place = {.parent = &item_place, .key = "containerPort"};
        struct place name_place = {.parent = &item_place, .key = "name"};

        if (port->protocol == PROTOCOL_TCP && number >= 0 && number < repository->task_ports) {
            spec_errors_add(decoder->errors, validate_value_node(list->items[i], "containerPort"),
                            &port_place, REASON_INVALID_SPEC,
                            "is one of the taskPorts, which are %d to %lld; choose another port, "
                            "or fewer taskPorts",
                            TASK_PORT_FIRST,
                            (long long)(TASK_PORT_FIRST + repository->task_ports - 1));
        }
        if (named >= 0 && named < repository->task_ports) {
            spec_errors_add(decoder->errors, validate_value_node(list->items[i], "name"),
                            &name_place, REASON_INVALID_SPEC,
                            "is the name of one of the taskPorts; choose another name, or fewer "
                            "taskPorts");
        }
    }
}

static void validate_repository(struct decoder *decoder, struct repository_spec *repository,
                                const struct yaml_node *spec, const struct place *place)
{
    struct place setup_place = {.parent = place, .key = "setup"};

    validate_env(decoder, &repository->env, spec, place);
    validate_ports(decoder, &repository->ports, spec, place);
    validate_task_ports(decoder, repository, spec, place);
    validate_volumes(decoder, &repository->volumes, spec, place);
    validate_repository_mounts(decoder, repository, spec, place);
    validate_credentials(decoder, spec, place);
    if (repository->setup != NULL) {
        validate_command(decoder, &repository->setup->command, yaml_map_get(spec, "setup"),
                         &setup_place);
    }
}

/* A task's tree has its name, and stands beside the one that tasks share. */
static void validate_task_name(struct decoder *decoder, const char *name,
                               const struct yaml_node *spec)
{
    struct place place = {.parent = NULL, .key = "metadata.name"};

    if (text_equal(name, SHARED_TREE)) {
        spec_errors_add(decoder->errors, spec, &place, REASON_INVALID_NAME,
                        "\"" SHARED_TREE
                        "\" is the tree of all tasks with isolation Shared; choose "
                        "another name");
    }
}

static void validate_task(struct decoder *decoder, struct object *object,
                          const struct yaml_node *spec, const struct place *place)
{
    struct task_spec *task = &object->task;
    struct place ports_place = {.parent = place, .key = "ports"};

    validate_task_name(decoder, object->name, spec);
    validate_command(decoder, &task->command, spec, place);
    validate_env(decoder, &task->env, spec, place);
    if (task->branch != NULL && task->ref != NULL) {
        refuse(decoder, yaml_map_get(spec, "ref"), place, "ref",
               "cannot be used together with branch");
    }
    if (task->ports.count > TASK_PORTS_MAX) {
        spec_errors_add(decoder->errors, yaml_map_get(spec, "ports"), &ports_place,
                        REASON_INVALID_SPEC, "has %zu ports; a container has at most %d for tasks",
                        task->ports.count, TASK_PORTS_MAX);
    }
}

void validate_object(struct decoder *decoder, struct object *object, const struct yaml_node *spec,
                     const struct place *place)
{
    switch (object->kind) { /* no default: a kind without rules does not compile */
    case KIND_INSTANCE: validate_instance(decoder, &object->instance, spec, place); break;
    case KIND_INSTANCE_POOL: validate_pool(decoder, object, spec, place); break;
    case KIND_REPOSITORY: validate_repository(decoder, &object->repository, spec, place); break;
    case KIND_TASK: validate_task(decoder, object, spec, place); break;
    }
}
