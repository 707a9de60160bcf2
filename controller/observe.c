#include "controller/controller.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/docker_list.h"
#include "clients/docker_types.h"
#include "clients/runner_record.h"
#include "controller/entry.h"
#include "controller/known_starts.h"
#include "controller/placing.h"
#include "controller/profile_trace.h"
#include "controller/released.h"
#include "reconcilers/container.h"
#include "reconcilers/instance.h"
#include "reconcilers/repository.h"

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

/* Conversion */

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

/*
 * By these a container is known as the one of a list's item: id, state and network. The caller's to
 * free.
 */
static char *facts_of(const char *id, enum workload_state state, const char *network_id)
{
    return xasprintf("%s %s %s", id, workload_state_name(state),
                     network_id != NULL ? network_id : "");
}

static char *listed_facts(const struct docker_container *docker)
{
    const struct docker_endpoint_state *network = main_network(docker);

    return facts_of(docker->id, state_from_docker(docker->state),
                    network != NULL ? network->network_id : NULL);
}

static bool is_as_listed(const struct observed_container *known, const char *listed)
{
    auto_free char *facts =
        known != NULL ? facts_of(known->id, known->state, known->network_id) : NULL;

    return facts != NULL && text_equal(facts, listed);
}

/* The next list that says the same of it tells nothing new. */
static void take_list_digest(const struct inspection *inspection)
{
    struct observed_container *container =
        map_get(&inspection->controller->containers, inspection->name);

    if (is_as_listed(container, inspection->listed)) {
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
            .listed = listed_facts(&docker),
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
    } else if (is_as_listed(known, item->listed)) {
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

/* Events */

/*
 * Commands come and go in containers all the time: only people in a repository's container change
 * anything.
 */
static bool is_telling(struct controller *controller, const struct docker_event *event)
{
    static const char work[] = "exec_start: " RUNNER_PATH " run";
    const struct entry *repository;

    if (!text_has_prefix(event->action, "exec_")) {
        return strcmp(event->action, "create") != 0 && strcmp(event->action, "oom") != 0;
    }
    repository = event->name != NULL
                     ? entry_of_container(controller, KIND_REPOSITORY_CONTAINER, event->name)
                     : NULL;
    if (repository == NULL || text_has_prefix(event->action, "exec_create") ||
        text_has_prefix(event->action, work)) {
        return false;
    }
    return !text_has_prefix(event->action, "exec_die") || sessions_count(repository) > 0;
}

/* What is being asked for now is older than the event. */
static bool is_start_seen(struct controller *controller, const char *name, int64_t start_wall_ms)
{
    return map_get(&controller->inspections, name) == NULL &&
           container_shows_start(map_get(&controller->containers, name), start_wall_ms);
}

void observe_start(struct controller *controller, const char *name, int64_t start_wall_ms)
{
    if (!is_start_seen(controller, name, start_wall_ms)) {
        observe_container(controller, name);
    }
}

static void on_container_event(struct controller *controller, const struct docker_event *event)
{
    const char *owner = json_string_value(json_object_get(event->attributes, LABEL_CONTROLLER));
    const char *old_name = json_string_value(json_object_get(event->attributes, "oldName"));
    int64_t start_wall_ms = strcmp(event->action, "start") == 0 ? event->time_ns / NS_PER_MS : 0;
    struct entry *entry;

    if (event->name == NULL) {
        return;
    }
    entry = entry_of_container(controller, kind_name(KIND_INSTANCE), event->name);
    if (entry == NULL) {
        entry = entry_of_container(controller, KIND_REPOSITORY_CONTAINER, event->name);
    }
    if (entry != NULL && entry->run != NULL) { /* its plan looks at the container when it ends */
        if (start_wall_ms != 0) {
            entry->start_wall_ms = start_wall_ms;
        } else {
            entry->is_touched = true;
        }
        return;
    }
    if (start_wall_ms != 0 && is_start_seen(controller, event->name, start_wall_ms)) {
        return;
    }
    if (entry != NULL || text_equal(owner, controller->state.id) ||
        map_get(&controller->containers, event->name) != NULL) {
        observe_container(controller, event->name);
    }
    if (old_name != NULL && old_name[0] == '/') {
        observe_container(controller, old_name + 1);
    }
}

void observe_event(struct controller *controller, const struct docker_event *event)
{
    /* "exec_start: sh -c ..." has the command behind it, and that may be as secret as the spec */
    auto_free char *action = xstrndup(event->action, strcspn(event->action, ":"));

    log_fields(LOG_DEBUG, "engine_event", "type", event->type, "action", action, "name",
               event->name, NULL);
    profile_engine_event(event->type, action, event->name);
    profile_begin("engine event: %s %s %s", event->type, action, event->name);
    if (strcmp(event->type, "container") == 0) {
        if (is_telling(controller, event)) {
            on_container_event(controller, event);
        }
    } else if (strcmp(event->type, "network") == 0) {
        networks_on_event(controller, event);
    } else if (strcmp(event->type, "image") == 0) {
        observe_all_images_again(controller);
    }
    profile_end(NULL);
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
