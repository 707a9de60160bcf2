#include "tests/support/fake_engine/memory_world.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct network *find_network(struct memory *memory, const char *name)
{
    struct network *network = map_get(&memory->networks, name);

    if (network != NULL) {
        return network;
    }
    for (struct map_entry *at = map_first(&memory->networks); at != NULL; at = map_next(at)) {
        network = map_value(at);
        if (strcmp(network->name, name) == 0 ||
            (strlen(name) >= 4 && strncmp(network->id, name, strlen(name)) == 0)) {
            return network;
        }
    }
    return NULL;
}

static struct network *need_network(struct memory *memory, struct call *call, const char *name)
{
    struct network *network = find_network(memory, name);

    if (network == NULL) {
        reply_message(call, 404, "network %s not found", name);
    }
    return network;
}

void network_free(struct network *network)
{
    map_done(&network->taken);
    json_decref(network->labels);
    json_decref(network->options);
    free(network->name);
    free(network->driver);
    free(network);
}

static struct network *network_new(struct memory *memory, const char *name, const char *driver)
{
    struct network *network = xcalloc(1, sizeof(*network));

    new_id(memory, network->id);
    network->name = xstrdup(name);
    network->driver = xstrdup(driver[0] != '\0' ? driver : "bridge");
    network->labels = json_object();
    network->options = json_object();
    network->created_ns = wall_ns();
    return network;
}

void add_builtin_networks(struct memory *memory)
{
    static const char *const names[] = {"bridge", "host", "none"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *driver = strcmp(names[i], "none") == 0 ? "null" : names[i];
        struct network *network = network_new(memory, names[i], driver);

        network->is_builtin = true;
        if (i == 0) {
            choose_subnet(memory, network);
        }
        map_put(&memory->networks, network->id, network);
    }
}

/* --- endpoints --- */

json_t *endpoint_new(const json_t *asked)
{
    static const char *const keys[] = {"IPAMConfig", "Aliases"};
    json_t *endpoint =
        json_pack("{s:n, s:n, s:s, s:s, s:s, s:s, s:i}", "IPAMConfig", "Aliases", "NetworkID", "",
                  "EndpointID", "", "Gateway", "", "IPAddress", "", "IPPrefixLen", 0);

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (json_object_get(asked, keys[i]) != NULL) {
            json_object_set_new(endpoint, keys[i], json_deep_copy(json_object_get(asked, keys[i])));
        }
    }
    return endpoint;
}

static void fill_endpoint(struct memory *memory, json_t *endpoint, const struct network *network,
                          const char *address)
{
    char id[ID_SIZE];

    new_id(memory, id);
    json_object_set_new(endpoint, "NetworkID", json_string(network->id));
    json_object_set_new(endpoint, "EndpointID", json_string(id));
    if (network->mask != 0) {
        auto_free char *gateway = address_text(network->address | 1);

        json_object_set_new(endpoint, "IPAddress", json_string(address));
        json_object_set_new(endpoint, "Gateway", json_string(gateway));
        json_object_set_new(endpoint, "IPPrefixLen",
                            json_integer((json_int_t)prefix_length(network->mask)));
    }
}

static void emit_network_event(struct memory *memory, const struct network *network,
                               const char *action, const char *container_id)
{
    json_t *attributes = json_pack("{s:s, s:s}", "name", network->name, "type", network->driver);

    if (container_id != NULL) {
        json_object_set_new(attributes, "container", json_string(container_id));
    }
    emit_event(memory, "network", action, network->id, attributes);
}

/* 0, or -1 after an error was answered. */
static int join(struct container *container, const char *name, json_t *endpoint, struct call *call)
{
    struct memory *memory = container->memory;
    const char *id = text_of(endpoint, "NetworkID");
    struct network *network = find_network(memory, id[0] != '\0' ? id : name);
    const char *asked = text_of(json_object_get(endpoint, "IPAMConfig"), "IPv4Address");
    const char *address = "";

    if (network == NULL) {
        reply_message(call, 404, "network %s not found", id[0] != '\0' ? id : name);
        return -1;
    }
    if (network->mask != 0) {
        address = take_address(network, asked);
        if (address == NULL) {
            reply_message(call, 403,
                          asked[0] != '\0' ? "Address already in use"
                                           : "no available IPv4 addresses");
            return -1;
        }
    }
    fill_endpoint(memory, endpoint, network, address);
    emit_network_event(memory, network, "connect", container->id);
    return 0;
}

static void leave(struct container *container, json_t *endpoint)
{
    struct network *network = find_network(container->memory, text_of(endpoint, "NetworkID"));

    if (text_of(endpoint, "EndpointID")[0] == '\0') {
        return;
    }
    if (network != NULL) {
        map_remove(&network->taken, text_of(endpoint, "IPAddress"));
        emit_network_event(container->memory, network, "disconnect", container->id);
    }
    json_object_set_new(endpoint, "EndpointID", json_string(""));
    json_object_set_new(endpoint, "IPAddress", json_string(""));
    json_object_set_new(endpoint, "Gateway", json_string(""));
}

int join_networks(struct container *container, struct call *call)
{
    const char *name;
    json_t *endpoint;

    json_object_foreach(container->networks, name, endpoint) {
        if (join(container, name, endpoint, call) < 0) {
            leave_networks(container);
            return -1;
        }
    }
    return 0;
}

void leave_networks(struct container *container)
{
    const char *name;
    json_t *endpoint;

    json_object_foreach(container->networks, name, endpoint) {
        leave(container, endpoint);
    }
}

/* --- the calls --- */

static json_t *describe(const struct network *network)
{
    json_t *pools = json_array();

    if (network->mask != 0) {
        auto_free char *subnet = subnet_text(network),
                       *gateway = address_text(network->address | 1);

        json_array_append_new(pools, json_pack("{s:s, s:s}", "Subnet", subnet, "Gateway", gateway));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:O, s:O, s:{s:s, s:{}, s:o}, s:{}}", "Name",
                     network->name, "Id", network->id, "Driver", network->driver, "Scope", "local",
                     "Internal", (int)network->is_internal, "Created",
                     time_text(network->created_ns), "Labels", network->labels, "Options",
                     network->options, "IPAM", "Driver", "default", "Options", "Config", pools,
                     "Containers");
}

static json_t *users_of(struct memory *memory, const struct network *network)
{
    json_t *users = json_object();

    for (struct map_entry *at = map_first(&memory->containers); at != NULL; at = map_next(at)) {
        const struct container *container = map_value(at);
        const char *name;
        json_t *endpoint;

        json_object_foreach(container->networks, name, endpoint) {
            if (strcmp(text_of(endpoint, "NetworkID"), network->id) == 0 &&
                text_of(endpoint, "EndpointID")[0] != '\0') {
                json_object_set_new(users, container->id,
                                    json_pack("{s:s, s:s, s:s}", "Name", container->name,
                                              "EndpointID", text_of(endpoint, "EndpointID"),
                                              "IPv4Address", text_of(endpoint, "IPAddress")));
            }
        }
    }
    return users;
}

void list_networks(struct memory *memory, struct call *call, const char *name)
{
    json_auto_t *filters = filters_of(call);
    json_t *list = json_array();

    (void)name;
    for (struct map_entry *at = map_first(&memory->networks); at != NULL; at = map_next(at)) {
        const struct network *network = map_value(at);

        if (filter_fits_labels(filters, network->labels) &&
            filter_has_part(filters, "name", network->name) &&
            filter_has(filters, "driver", network->driver) &&
            filter_has(filters, "type", network->is_builtin ? "builtin" : "custom")) {
            json_array_append_new(list, describe(network));
        }
    }
    reply_json(call, 200, list);
}

void inspect_network(struct memory *memory, struct call *call, const char *name)
{
    struct network *network = need_network(memory, call, name);

    if (network != NULL) {
        json_t *json = describe(network);

        json_object_set_new(json, "Containers", users_of(memory, network));
        reply_json(call, 200, json);
    }
}

/* What was asked for, or a free one. 0, or -1 after an error was answered. */
static int set_subnet(struct memory *memory, struct call *call, struct network *network,
                      const json_t *body)
{
    const json_t *pools = json_object_get(json_object_get(body, "IPAM"), "Config");
    const char *subnet = text_of(json_array_get(pools, 0), "Subnet");

    if (subnet[0] == '\0') {
        if (!choose_subnet(memory, network)) {
            reply_message(call, 404, "all predefined address pools have been fully subnetted");
            return -1;
        }
        return 0;
    }
    if (parse_subnet(subnet, &network->address, &network->mask) < 0) {
        reply_message(call, 400, "invalid network config: invalid subnet %s", subnet);
        return -1;
    }
    if (overlaps_another(memory, network)) {
        reply_message(call, 403,
                      "invalid pool request: Pool overlaps with other one on this address space");
        return -1;
    }
    return 0;
}

/* Before 1.44 two may have one name unless the caller wants to be told. */
static bool is_name_taken(struct memory *memory, const char *name, const json_t *body)
{
    const struct network *other = find_network(memory, name);
    bool is_checked =
        api_minor(memory) >= 44 || json_is_true(json_object_get(body, "CheckDuplicate"));

    return is_checked && other != NULL && strcmp(other->name, name) == 0;
}

void create_network(struct memory *memory, struct call *call, const char *ignored)
{
    json_auto_t *body = request_object(call);
    const char *name = text_of(body, "Name");
    struct network *network;

    (void)ignored;
    if (body == NULL) {
        return;
    }
    if (is_name_taken(memory, name, body)) {
        reply_message(call, 409, "network with name %s already exists", name);
        return;
    }
    network = network_new(memory, name, text_of(body, "Driver"));
    if (set_subnet(memory, call, network, body) < 0) {
        network_free(network);
        return;
    }
    json_object_update(network->labels, json_object_get(body, "Labels"));
    json_object_update(network->options, json_object_get(body, "Options"));
    network->is_internal = json_is_true(json_object_get(body, "Internal"));
    map_put(&memory->networks, network->id, network);
    emit_network_event(memory, network, "create", NULL);
    reply_json(call, 201, json_pack("{s:s, s:s}", "Id", network->id, "Warning", ""));
}

void remove_network(struct memory *memory, struct call *call, const char *name)
{
    struct network *network = need_network(memory, call, name);
    json_auto_t *users = NULL;

    if (network == NULL) {
        return;
    }
    if (network->is_builtin) {
        reply_message(call, 403, "%s is a pre-defined network and cannot be removed",
                      network->name);
        return;
    }
    users = users_of(memory, network);
    if (json_object_size(users) > 0) {
        reply_message(call, 403,
                      "error while removing network: network %s has active endpoints (name:\"%s\")",
                      network->name,
                      text_of(json_object_iter_value(json_object_iter(users)), "Name"));
        return;
    }
    emit_network_event(memory, network, "destroy", NULL);
    map_remove(&memory->networks, network->id);
    network_free(network);
    reply_status(call, 204);
}

/*
 * The network of the path and the container of the body, which is the caller's. NULL: it was
 * answered.
 */
static struct container *need_both(struct memory *memory, struct call *call, const char *name,
                                   struct network **ret_network, json_t **ret_body)
{
    *ret_network = need_network(memory, call, name);
    *ret_body = *ret_network != NULL ? request_object(call) : NULL;
    return *ret_body != NULL ? need_container(memory, call, text_of(*ret_body, "Container")) : NULL;
}

void connect_network(struct memory *memory, struct call *call, const char *name)
{
    json_auto_t *body = NULL;
    struct network *network;
    struct container *container = need_both(memory, call, name, &network, &body);
    json_t *endpoint;

    if (container == NULL) {
        return;
    }
    endpoint = json_object_get(container->networks, network->name);
    if (endpoint != NULL && (!is_up(container) || text_of(endpoint, "EndpointID")[0] != '\0')) {
        reply_message(call, 403, "endpoint with name %s already exists in network %s",
                      container->name, network->name);
        return;
    }
    endpoint = endpoint_new(json_object_get(body, "EndpointConfig"));
    json_object_set_new(container->networks, network->name, endpoint);
    if (is_up(container) && join(container, network->name, endpoint, call) < 0) {
        json_object_del(container->networks, network->name);
        return;
    }
    reply_status(call, 200);
}

void disconnect_network(struct memory *memory, struct call *call, const char *name)
{
    json_auto_t *body = NULL;
    struct network *network;
    struct container *container = need_both(memory, call, name, &network, &body);
    json_t *endpoint;

    if (container == NULL) {
        return;
    }
    endpoint = json_object_get(container->networks, network->name);
    if (endpoint == NULL) {
        reply_message(call, 500, "container %s is not connected to network %s", container->id,
                      network->name);
        return;
    }
    leave(container, endpoint);
    json_object_del(container->networks, network->name);
    reply_status(call, 200);
}
