#include "controller/controller.h"

#include "base/memory.h"
#include "base/parse.h"
#include "controller/entry.h"
#include "reconcilers/workload.h"
#include "specs/reason.h"

#include <stdlib.h>
#include <string.h>

/* The networks of ours that the engine has: name -> struct observed_network. */

void networks_remove(struct controller *controller, const char *name)
{
    observed_network_free(map_remove(&controller->networks, name));
}

void networks_put(struct controller *controller, const char *name, const char *id,
                  const char *subnet)
{
    struct observed_network *network = xcalloc(1, sizeof(*network));

    network->id = xstrdup(id);
    network->subnet = xstrdup_or_null(subnet);
    observed_network_free(map_put(&controller->networks, name, network));
}

bool networks_take_own(struct controller *controller, const json_t *item)
{
    struct docker_network network = {0};
    struct error err = {0};
    bool is_own;

    if (docker_parse_network(item, &network, &err) < 0) {
        return false;
    }
    is_own = text_equal(json_string_value(json_object_get(network.labels, LABEL_CONTROLLER)),
                        controller->state.id) &&
             text_equal(json_string_value(json_object_get(network.labels, LABEL_KIND)), "Network");
    if (is_own) {
        networks_put(controller, network.name, network.id,
                     json_string_value(json_object_get(network.labels, LABEL_SUBNET)));
    }
    docker_network_done(&network);
    return is_own;
}

void networks_close(struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->networks); at != NULL; at = map_next(at)) {
        observed_network_free(map_value(at));
    }
    map_done(&controller->networks);
}

void networks_take_list(struct controller *controller, const json_t *list)
{
    size_t index;
    json_t *item;

    networks_close(controller);
    json_array_foreach(list, index, item) {
        networks_take_own(controller, item);
    }
}

void networks_retry_waiting(struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        struct entry *entry = map_value(at);

        if (text_equal(entry->failure.reason, REASON_SUBNETS_EXHAUSTED) ||
            text_equal(entry->failure.reason, REASON_NETWORK_TAKEN)) {
            entry_clear_failure(entry);
            entry_enqueue(entry);
        }
    }
}

static void on_disconnect(struct controller *controller, const struct docker_event *event)
{
    const char *id = json_string_value(json_object_get(event->attributes, "container"));
    const struct observed_container *container =
        id != NULL ? map_get(&controller->container_ids, id) : NULL;
    const char *name = container != NULL ? container->name : NULL;
    const struct entry *entry =
        name != NULL ? entry_of_container(controller, kind_name(KIND_INSTANCE), name) : NULL;

    if (name != NULL && (entry == NULL || entry->run == NULL)) {
        observe_container(controller, name);
    }
}

void networks_on_event(struct controller *controller, const struct docker_event *event)
{
    const struct observed_network *network;

    if (text_equal(event->action, "disconnect")) {
        on_disconnect(controller, event);
        return;
    }
    if (!text_equal(event->action, "destroy") || event->name == NULL) {
        return;
    }
    network = map_get(&controller->networks, event->name);
    if (network != NULL && (event->id == NULL || text_equal(event->id, network->id))) {
        networks_remove(controller, event->name);
        controller_enqueue_all(controller);
    }
    networks_retry_waiting(controller); /* its name or its subnet is free now */
}
