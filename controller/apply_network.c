#include "controller/apply_shared.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/workload_docker.h"
#include "specs/reason.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/*
 * Networks of zones. Before each creation all networks of the engine are listed, for their names
 * and subnets; what somebody else creates meanwhile is told by the engine's refusal, and the next
 * subnet is tried.
 */

enum { MAX_TRIES = 16, MAX_ROUTES_BYTES = 4 << 20 };

static void list_networks(struct shared_work *work);

/* Subnets */

/* The host's own routes say nothing about an engine on another machine. */
static void add_host_routes(const struct controller *controller, struct subnet_list *taken)
{
    auto_free char *routes = NULL;
    struct error err = {0};

    if (text_has_prefix(engine_address(controller->engine), "unix://") &&
        file_read(AT_FDCWD, "/proc/net/route", MAX_ROUTES_BYTES, &routes, NULL, &err) == 0) {
        subnet_list_add_routes(taken, routes);
    }
}

/* What other zones have asked for and the list may not show yet. */
static void add_asked_for(const struct shared_work *work, struct subnet_list *taken)
{
    for (struct map_entry *at = map_first(&work->controller->shared); at != NULL;
         at = map_next(at)) {
        const struct shared_work *other = map_value(at);

        if (other != work && other->subnet.prefix_len > 0) {
            subnet_list_add(taken, &other->subnet);
        }
    }
}

static int choose_subnet(struct shared_work *work, const json_t *networks, struct error *err)
{
    const struct subnet *range = &work->controller->network_range;
    auto_done(subnet_list) taken = {0};
    char text[SUBNET_SIZE];

    work->subnet = (struct subnet){0};
    if (range->prefix_len == 0) {
        return 0;
    }
    subnet_list_add_networks(&taken, networks);
    add_host_routes(work->controller, &taken);
    add_asked_for(work, &taken);
    for (size_t i = 0; i < work->refused.count; i++) {
        subnet_list_add(&taken, &work->refused.items[i]);
    }
    if (subnet_choose(range, work->target, &taken, &work->subnet) == 0) {
        return 0;
    }
    if (!text_equal(work->controller->options.network_range, DEFAULT_NETWORK_RANGE)) {
        return error_set_reason(
            err, ERROR_INVALID, REASON_SUBNETS_EXHAUSTED,
            "no subnet is free for network \"%s\": networks of the engine or routes of this host "
            "overlap with all %u of %s; name a larger or another range with --network-range, or "
            "use fewer zones",
            work->target, subnet_room(range), subnet_format(range, text));
    }
    /* Nobody asked for this range: a host with a route to all of 10.0.0.0/8 must work as it is. */
    log_fields(LOG_WARN, "subnet_left_to_engine", "network", work->target, "range",
               subnet_format(range, text), "hint", "name a free range with --network-range", NULL);
    return 0;
}

/* Creation */

static json_t *creation_body(const struct shared_work *work)
{
    json_t *body = json_pack("{s:s, s:s, s:b, s:{s:s, s:s}}", "Name", work->target, "Driver",
                             "bridge", "CheckDuplicate", 1, "Labels", LABEL_CONTROLLER,
                             work->controller->state.id, LABEL_KIND, "Network");
    char text[SUBNET_SIZE];

    if (work->subnet.prefix_len > 0) {
        subnet_format(&work->subnet, text);
        json_object_set_new(json_object_get(body, "Labels"), LABEL_SUBNET, json_string(text));
        json_object_set_new(body, "IPAM", json_pack("{s:[{s:s}]}", "Config", "Subnet", text));
    }
    return body;
}

static void on_created(void *user, const struct docker_request *request,
                       const struct http_reply *reply, struct error *err)
{
    struct shared_work *work = user;
    json_auto_t *json = NULL;
    auto_free char *id = NULL;
    char text[SUBNET_SIZE];

    work->call = NULL;
    if (docker_reply_json(request, reply, &json, err) == 0 &&
        docker_parse_id(json, &id, err) == 0) {
        networks_put(work->controller, work->target, id,
                     work->subnet.prefix_len > 0 ? subnet_format(&work->subnet, text) : NULL);
        shared_finish(work, NULL);
        return;
    }
    if (err->kind == ERROR_CONFLICT && ++work->tries < MAX_TRIES) {
        if (text_equal(err->reason, REASON_SUBNET_TAKEN)) {
            subnet_list_add(&work->refused, &work->subnet);
        }
        list_networks(work); /* somebody else was quicker: look again */
        return;
    }
    shared_finish(work, err);
}

/* True when there is a network of that name: then the work is over. */
static bool finish_with_existing(struct shared_work *work, const json_t *networks)
{
    struct error err = {0};
    size_t index;
    json_t *item;

    json_array_foreach(networks, index, item) {
        const char *name = json_string_value(json_object_get(item, "Name"));

        if (!text_equal(name, work->target)) {
            continue;
        }
        if (networks_take_own(work->controller, item)) {
            shared_finish(work, NULL);
            return true;
        }
        error_set_reason(&err, ERROR_INVALID, REASON_NETWORK_TAKEN,
                         "a network named \"%s\" exists that this controller does not own; remove "
                         "or rename it, or use another zone",
                         work->target);
        shared_finish(work, &err);
        return true;
    }
    return false;
}

static void on_listed(void *user, const struct docker_request *request,
                      const struct http_reply *reply, struct error *err)
{
    struct shared_work *work = user;
    json_auto_t *networks = NULL, *body = NULL;

    work->call = NULL;
    if (docker_reply_json(request, reply, &networks, err) < 0) {
        shared_finish(work, err);
        return;
    }
    if (finish_with_existing(work, networks)) {
        return;
    }
    if (choose_subnet(work, networks, err) < 0) {
        shared_finish(work, err);
        return;
    }
    body = creation_body(work);
    work->call =
        engine_call(work->controller->engine, docker_create_network(body), on_created, work);
}

static void list_networks(struct shared_work *work)
{
    work->call = engine_call(work->controller->engine, docker_list_networks(NULL), on_listed, work);
}

void apply_create_network(struct plan_run *run)
{
    struct shared_work *work = shared_join(run, "network");

    if (work != NULL) {
        list_networks(work);
    }
}

/* Containers and networks */

void apply_connect_network(struct plan_run *run)
{
    const struct action *action = run_action(run);
    json_auto_t *body = NULL;

    if (run_is_container_gone(run)) {
        return;
    }
    body = workload_to_docker_connect(action->workload, run_container_id(run));
    run_call(run, docker_connect_network(action->workload->network, body), run_on_plain_reply);
}

/*
 * What is left of a connection to a network that is gone: whatever the engine says, connecting
 * tells the rest.
 */
static void on_disconnected(void *user, const struct docker_request *request,
                            const struct http_reply *reply, struct error *err)
{
    struct plan_run *run = user;

    run->call = NULL;
    if (reply->status == 0) {
        docker_reply_check(request, reply, err);
        run_action_failed(run, err);
    } else {
        run_action_done(run);
    }
}

void apply_disconnect_network(struct plan_run *run)
{
    const struct action *action = run_action(run);

    if (!run_is_container_gone(run)) {
        run_call(run,
                 docker_disconnect_network(action->workload->network, run_container_id(run), true),
                 on_disconnected);
    }
}
