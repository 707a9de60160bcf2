#include "controller/controller.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/docker_list.h"
#include "clients/docker_types.h"
#include "controller/entry.h"
#include "controller/known_starts.h"
#include "controller/observe_parts.h"
#include "controller/placing.h"
#include "reconcilers/container.h"

#include <stdlib.h>
#include <string.h>

/* As many requests at once keep an engine busy; each has a handle of curl's, which is large. */
enum { INSPECTIONS_AT_ONCE = 32 };

/* One container being looked at, or about to be. */
struct inspection {
    struct controller *controller;
    char *name;
    struct engine_call *call; /* NULL: it waits in the row */
    struct inspection *next_in_row;
    bool is_needed_again; /* something happened to it since the request was sent */
    char *listed;         /* what a list told of it before, as facts_of() says it; NULL: none */
    uint64_t list_digest; /* of the item of that list */
};

/* The cache of containers */

static void keep_log(struct observed_container *to, struct observed_container *from)
{
    if (from->has_log && text_equal(from->id, to->id) &&
        from->finished_wall_ms == to->finished_wall_ms) {
        to->log_tail = TAKE(from->log_tail);
        to->log_count = from->log_count;
        to->has_log = true;
        from->log_count = 0;
    }
}

/* At the start the labels tell what a lost state directory cannot. */
static void restore_ports(struct controller *controller, const struct observed_container *container)
{
    if (container->is_ours && container->kind != NULL && container->object != NULL &&
        container->ports != NULL) {
        auto_free char *owner = object_key(container->kind, container->object);

        port_table_restore_label(&controller->ports, owner, container->ports);
    }
}

static bool is_up(const struct observed_container *container)
{
    return container != NULL && container->is_ours && container_is_up(container);
}

void observe_set_container(struct controller *controller, const char *name,
                           struct observed_container *container)
{
    struct observed_container *before = map_get(&controller->containers, name);

    if (is_up(before) != is_up(container) &&
        entry_of_container(controller, KIND_REPOSITORY_CONTAINER, name) != NULL) {
        placing_mark(controller); /* what runs takes room on its instance */
    }

    if (before != NULL) {
        if (map_get(&controller->container_ids, before->id) == before) { /* not renamed */
            map_remove(&controller->container_ids, before->id);
        }
        map_remove(&controller->containers, name);
    }
    if (container != NULL) {
        if (before != NULL) {
            keep_log(container, before);
        }
        if (!controller->is_listed) {
            restore_ports(controller, container);
        }
        map_put(&controller->containers, name, container);
        map_put_borrowed(&controller->container_ids, container->id, container);
    }
    observed_container_free(before);
}

void observe_take_inspection(struct controller *controller, const char *name,
                             const struct docker_container *docker)
{
    struct entry *repository = entry_of_container(controller, KIND_REPOSITORY_CONTAINER, name);
    bool is_it = strcmp(docker->name, name) == 0;

    observe_set_container(controller, name,
                          is_it ? observed_from_docker(controller, docker) : NULL);
    if (repository != NULL && is_it) {
        sessions_observe(repository, docker);
    }
}

/* Every key that a container of this name can matter to. */
static void enqueue_container(struct controller *controller, const char *name)
{
    struct entry *instance = entry_of_container(controller, kind_name(KIND_INSTANCE), name);
    struct entry *repository = entry_of_container(controller, KIND_REPOSITORY_CONTAINER, name);

    if (instance != NULL) {
        entry_enqueue(instance);
    }
    if (repository != NULL) {
        entry_enqueue(repository);
        for (struct map_entry *at = map_first(&repository->repository->tasks); at != NULL;
             at = map_next(at)) {
            entry_enqueue(map_value(at));
        }
    }
}

static void listing_end(struct controller *controller)
{
    controller->is_listing = false;
    controller->is_listed = true;
    controller->is_start_over_due = true;
    known_starts_forget(controller);
    controller->listed_at_ms = clock_monotonic_ms();
    placing_mark(controller); /* also where nobody waits for a place: who collects waits for it */
    controller_enqueue_all(controller);
}

static void inspection_free(struct inspection *inspection)
{
    free(inspection->name);
    free(inspection->listed);
    free(inspection);
}

static void inspection_end(struct inspection *inspection)
{
    struct controller *controller = inspection->controller;

    map_remove(&controller->inspections, inspection->name);
    if (controller->is_listing && map_first(&controller->inspections) == NULL) {
        listing_end(controller);
    } else if (controller->is_listed) {
        enqueue_container(controller, inspection->name);
    }
    if (inspection->is_needed_again) {
        observe_container(controller, inspection->name);
    }
    inspection_free(inspection);
}

static void send_inspections(struct controller *controller);

/* The next list that says the same of it tells nothing new. */
static void take_list_digest(const struct inspection *inspection)
{
    struct observed_container *container =
        map_get(&inspection->controller->containers, inspection->name);

    if (observe_is_as_listed(container, inspection->listed)) {
        container->list_digest = inspection->list_digest;
    }
}

static void on_inspected(void *user, const struct docker_request *request,
                         const struct http_reply *reply, struct error *err)
{
    struct inspection *inspection = user;
    struct controller *controller = inspection->controller;
    struct docker_container docker = {0};
    json_auto_t *json = NULL;

    inspection->call = NULL;
    controller->inspections_sent--;
    if (docker_reply_json(request, reply, &json, err) == 0 &&
        docker_parse_container(json, &docker, err) == 0) {
        observe_take_inspection(controller, inspection->name, &docker);
        take_list_digest(inspection);
        docker_container_done(&docker);
    } else if (err->kind == ERROR_NOT_FOUND) {
        observe_set_container(controller, inspection->name, NULL);
    } else {
        log_fields(LOG_WARN, "inspect_failed", "container", inspection->name, "error", err->message,
                   NULL);
    }
    inspection_end(inspection);
    send_inspections(controller);
}

static void send_inspections(struct controller *controller)
{
    while (controller->inspections_first != NULL &&
           controller->inspections_sent < INSPECTIONS_AT_ONCE) {
        struct inspection *inspection = controller->inspections_first;

        controller->inspections_first = TAKE(inspection->next_in_row);
        if (controller->inspections_first == NULL) {
            controller->inspections_last = NULL;
        }
        controller->inspections_sent++;
        inspection->call =
            engine_call(controller->engine, docker_inspect_container(inspection->name),
                        on_inspected, inspection);
    }
}

void observe_container(struct controller *controller, const char *name)
{
    struct inspection *inspection = map_get(&controller->inspections, name);

    if (!engine_is_up(controller->engine)) {
        return; /* the list that follows the connection sees everything */
    }
    if (inspection != NULL) {
        inspection->is_needed_again |= inspection->call != NULL;
        return;
    }
    inspection = xcalloc(1, sizeof(*inspection));
    inspection->controller = controller;
    inspection->name = xstrdup(name);
    map_put(&controller->inspections, name, inspection);
    if (controller->inspections_last != NULL) {
        controller->inspections_last->next_in_row = inspection;
    } else {
        controller->inspections_first = inspection;
    }
    controller->inspections_last = inspection;
    send_inspections(controller);
}

/* Lists */

/* A plan under way may have made the container after the list was drawn up. */
static bool has_run(struct controller *controller, const char *name)
{
    const struct entry *instance = entry_of_container(controller, kind_name(KIND_INSTANCE), name);
    const struct entry *repository =
        entry_of_container(controller, KIND_REPOSITORY_CONTAINER, name);

    return (instance != NULL && instance->run != NULL) ||
           (repository != NULL && repository->run != NULL);
}

static void list_failed(struct controller *controller, const struct error *err)
{
    log_fields(LOG_WARN, "list_failed", "error", err->message, NULL);
    if (!controller->is_listed) {
        observe_list_soon(controller); /* nothing can be decided before there is one */
    }
}

/* It was as the list says when it said the same the last time, and has not changed since. */
static bool is_known(const struct controller *controller, const struct docker_list_item *item)
{
    auto_free char *name = item->name != NULL ? xstrndup(item->name, item->name_len) : NULL;
    struct observed_container *container =
        name != NULL ? map_get(&controller->containers, name) : NULL;

    if (container == NULL || container->list_digest != item->digest) {
        return false;
    }
    container->list_number = controller->list_number;
    return true;
}

/* What a list says anew. */
struct new_item {
    char *name;
    uint64_t digest;
    char *listed;                         /* what it says, as facts_of() does */
    struct observed_container *container; /* NULL: it takes an inspection to tell */
};

struct new_items {
    struct new_item *items;
    size_t count, capacity;
};

static void new_items_done(struct new_items *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].name);
        free(list->items[i].listed);
        observed_container_free(list->items[i].container);
    }
    free(list->items);
}

/* NULL: it takes an inspection. */
static struct observed_container *read_known_start(const struct controller *controller,
                                                   struct docker_container *docker)
{
    struct observed_container *container;
    uint64_t process;

    if (!known_starts_complete(controller, docker, &process)) {
        return NULL;
    }
    container = observed_from_docker(controller, docker);
    container->process = process;
    return container;
}

/* -1: it is no JSON. One without an id is passed over. */
static int read_new_item(const struct controller *controller, const struct docker_list_item *item,
                         struct new_items *new)
{
    json_auto_t *json = json_loadb(item->text, item->len, JSON_ALLOW_NUL, NULL);
    auto_done(docker_container) docker = {0};
    const struct observed_container *known;
    struct error err = {0};

    if (json == NULL) {
        return -1;
    }
    if (docker_parse_container_summary(json, &docker, &err) == 0) {
        known = map_get(&controller->containers, docker.name);
        array_grow(&new->items, new->count, &new->capacity, sizeof(*new->items));
        new->items[new->count++] = (struct new_item){
            .name = xstrdup(docker.name),
            .digest = item->digest,
            .listed = observe_listed_facts(&docker),
            .container = known == NULL ? read_known_start(controller, &docker) : NULL,
        };
    }
    return 0;
}

/* All of it, before anything is made of it: half a list would let the other half seem gone. */
static int read_container_list(struct controller *controller, const struct http_reply *reply,
                               struct new_items *new, struct error *err)
{
    struct docker_list list;
    struct docker_list_item item;
    int result;

    controller->list_number++;
    docker_list_begin(&list, reply->body, reply->body_len);
    while ((result = docker_list_next(&list, &item)) > 0) {
        if (!is_known(controller, &item) && read_new_item(controller, &item, new) < 0) {
            result = -1;
            break;
        }
    }
    return result == 0 ? 0
                       : error_set_reason(err, ERROR_TRANSIENT, "EngineError",
                                          "the engine's reply of %zu bytes is no list of "
                                          "containers",
                                          reply->body_len);
}

/* For when the answer to the inspection comes. */
static void note_listed(struct controller *controller, struct new_item *item)
{
    struct inspection *inspection = map_get(&controller->inspections, item->name);

    if (inspection != NULL && inspection->listed == NULL) {
        inspection->listed = TAKE(item->listed);
        inspection->list_digest = item->digest;
    }
}

static void take_new_item(struct controller *controller, struct new_item *item)
{
    struct observed_container *known = map_get(&controller->containers, item->name);

    if (item->container != NULL) {
        item->container->list_digest = item->digest;
        item->container->list_number = controller->list_number;
        observe_set_container(controller, item->name, TAKE(item->container));
    } else if (observe_is_as_listed(known, item->listed)) {
        known->list_digest = item->digest;
    } else {
        observe_container(controller, item->name);
        note_listed(controller, item);
    }
}

static void take_container_list(struct controller *controller, struct new_items *new)
{
    struct map seen = {0};
    struct map_entry *next;

    for (size_t i = 0; i < new->count; i++) {
        map_put(&seen, new->items[i].name, controller);
        take_new_item(controller, &new->items[i]);
    }
    for (struct map_entry *at = map_first(&controller->containers); at != NULL; at = next) {
        const struct observed_container *container = map_value(at);

        next = map_next(at);
        if ((container->is_ours || container->is_released) &&
            container->list_number != controller->list_number &&
            map_get(&seen, map_key(at)) == NULL && !has_run(controller, map_key(at))) {
            auto_free char *name = xstrdup(map_key(at));

            observe_set_container(controller, name, NULL);
            enqueue_container(controller, name);
        }
    }
    map_done(&seen);
}

static void on_containers(void *user, const struct docker_request *request,
                          const struct http_reply *reply, struct error *err)
{
    struct controller *controller = user;
    auto_done(new_items) new = {0};

    controller->list_call = NULL;
    if (docker_reply_check(request, reply, err) < 0 ||
        read_container_list(controller, reply, &new, err) < 0) {
        list_failed(controller, err);
        return;
    }
    take_container_list(controller, &new);
    controller->is_listing = !controller->is_listed;
    if (controller->is_listed) {
        controller_enqueue_all(controller);
    } else if (map_first(&controller->inspections) == NULL) {
        listing_end(controller);
    }
}

static json_t *own_filters(const struct controller *controller)
{
    return json_pack("{s:[o]}", "label",
                     json_sprintf("%s=%s", LABEL_CONTROLLER, controller->state.id));
}

static void on_networks(void *user, const struct docker_request *request,
                        const struct http_reply *reply, struct error *err)
{
    struct controller *controller = user;
    json_auto_t *list = NULL, *filters = own_filters(controller);

    controller->list_call = NULL;
    if (docker_reply_json(request, reply, &list, err) < 0) {
        list_failed(controller, err);
        return;
    }
    networks_take_list(controller, list);
    controller->list_call =
        engine_call(controller->engine, docker_list_containers(filters), on_containers, controller);
}

void observe_list(struct controller *controller)
{
    json_auto_t *filters = own_filters(controller);

    if (!engine_is_up(controller->engine) || controller->list_call != NULL) {
        return;
    }
    if (!controller->is_listed) {
        observe_all_images(controller); /* known by the first passes, which need not come again */
    }
    controller->list_call =
        engine_call(controller->engine, docker_list_networks(filters), on_networks, controller);
}

void observe_lost(struct controller *controller)
{
    struct map_entry *next;

    controller->is_listed = controller->is_listing = false;
    controller->inspections_first = controller->inspections_last = NULL;
    controller->inspections_sent = 0;
    engine_call_cancel(TAKE(controller->list_call));
    for (struct map_entry *at = map_first(&controller->inspections); at != NULL; at = next) {
        struct inspection *inspection = map_value(at);

        next = map_next(at);
        engine_call_cancel(inspection->call);
        map_remove(&controller->inspections, inspection->name);
        inspection_free(inspection);
    }
    for (struct map_entry *at = map_first(&controller->images); at != NULL; at = map_next(at)) {
        struct image_entry *image = map_value(at);

        image->state = IMAGE_UNKNOWN; /* another engine may answer next time */
    }
}

void observe_close(struct controller *controller)
{
    observe_lost(controller);
    known_starts_forget(controller);
    observe_close_images(controller);
    for (struct map_entry *at = map_first(&controller->containers); at != NULL; at = map_next(at)) {
        observed_container_free(map_value(at));
    }
    map_done(&controller->containers);
    map_done(&controller->container_ids);
    map_done(&controller->inspections);
    networks_close(controller);
}
