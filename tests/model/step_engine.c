#include "tests/model/steps.h"
#include "tests/model/tasks.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The back-off of a crash doubles with each; a run must not wait for minutes. */
enum { MAX_DISTURBANCES = 3 };

static long container_call(struct world *world, const char *method, const char *name,
                           const char *rest)
{
    auto_free char *path = xasprintf("/containers/%s%s", name, rest);

    return engine_call(&world->engine, method, path, NULL, NULL);
}

/* --- containers ------------------------------------------------------------------------------- */

static const struct blow {
    const char *what, *method, *rest;
    bool is_crash, is_loss;
} blows[] = {
    {"kill", "POST", "/kill?signal=KILL", true, false}, {"stop", "POST", "/stop?t=1", true, false},
    {"remove", "DELETE", "?force=1", false, true},      {"pause", "POST", "/pause", false, false},
    {"unpause", "POST", "/unpause", false, false},
};

/* The container of an object, or one of the first members of a pool. */
static void container_name(struct world *world, const struct world_object *object, char *name,
                           size_t size)
{
    if (object->kind == SPEC_POOL) {
        snprintf(name, size, "%s-%u", object->name, dice_roll(&world->dice, 2));
    } else {
        snprintf(name, size, "%s", object->name);
    }
}

/*
 * A member may have the name of an object that is taken by others, or whose container was made to
 * stay.
 */
static bool is_spared(const struct world *world, const char *name, bool is_rename)
{
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        const struct world_object *object = &world->objects[i];

        if (strcmp(object->name, name) == 0 &&
            (object->taken_by[0] != '\0' || (is_rename && object->was_retained))) {
            return true;
        }
    }
    return false;
}

static bool may_be_struck(struct world *world, const struct world_object *object)
{
    struct world_expectation expectation;

    if (object == NULL) {
        return false;
    }
    world_expect(world, object, &expectation);
    return !expectation.may_be_absent && object->taken_by[0] == '\0';
}

/* A name can be that of an object and of a member. */
static void note_blow(struct world *world, const char *name, bool is_loss)
{
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        struct world_object *object = &world->objects[i];

        if (strcmp(object->name, name) == 0) {
            object->was_disturbed = true;
            object->may_be_new = object->may_be_new || is_loss;
        }
    }
}

static void strike_container(struct world *world)
{
    const struct blow *blow = &blows[dice_roll(&world->dice, ARRAY_SIZE(blows))];
    struct world_object *object = world_pick_object(world);
    char name[SPEC_NAME_SIZE + 16];
    long status;

    if (!may_be_struck(world, object) ||
        (blow->is_crash && object->disturbances >= MAX_DISTURBANCES)) {
        world_say(world, "nothing to %s", blow->what);
        return;
    }
    container_name(world, object, name, sizeof(name));
    if (is_spared(world, name, false)) {
        world_say(world, "%s is not to be touched", name);
        return;
    }
    object->disturbances += blow->is_crash;
    note_blow(world, name, blow->is_loss);
    status = container_call(world, blow->method, name, blow->rest);
    world_say(world, "%s container %s: %ld", blow->what, name, status);
}

/*
 * It has our label then, and the name of nobody. One that was made to be retained would stay for
 * ever.
 */
static void rename_container(struct world *world)
{
    struct world_object *object = world_pick_object(world);
    char name[SPEC_NAME_SIZE + 16];
    auto_free char *rest = NULL;

    if (!may_be_struck(world, object) || object->was_retained) {
        world_say(world, "nothing to rename");
        return;
    }
    container_name(world, object, name, sizeof(name));
    if (is_spared(world, name, true)) {
        world_say(world, "%s is not to be touched", name);
        return;
    }
    rest = xasprintf("/rename?name=s%lu-stray-%u", world->seed, ++world->number);
    note_blow(world, name, true);
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        world->objects[i].may_move_ports |= strcmp(world->objects[i].name, name) == 0;
    }
    world_say(world, "rename container %s: %ld", name, container_call(world, "POST", name, rest));
}

/* --- networks --------------------------------------------------------------------------------- */

static void disconnect_all(struct world *world, const char *network)
{
    auto_free char *path = xasprintf("/networks/%s", network);
    auto_free char *disconnect = xasprintf("/networks/%s/disconnect", network);
    json_auto_t *reply = NULL;
    const char *id;
    json_t *endpoint;

    engine_call(&world->engine, "GET", path, NULL, &reply);
    json_object_foreach(json_object_get(reply, "Containers"), id, endpoint) {
        json_auto_t *body = json_pack("{s:s, s:b}", "Container", id, "Force", 1);

        engine_call(&world->engine, "POST", disconnect, body, NULL);
    }
}

static void strike_network(struct world *world)
{
    struct spec spec = {.zone = dice_roll(&world->dice, 3)};
    auto_free char *name = xasprintf("berth-%s-%.6s", spec_zone(&spec), world->controller_id);
    auto_free char *path = xasprintf("/networks/%s", name);
    bool is_removed = dice_percent(&world->dice, 60);
    long status = 0;

    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        world->objects[i].may_be_new = world->objects[i].was_disturbed = true;
    }
    disconnect_all(world, name);
    if (is_removed) {
        status = engine_call(&world->engine, "DELETE", path, NULL, NULL);
    }
    world_say(world, "disconnect all from the network of zone %s%s: %ld", spec_zone(&spec),
              is_removed ? " and remove it" : "", status);
}

/* --- host ports ------------------------------------------------------------------------------- */

static int listen_on(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 &&
        (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void toggle_listener(struct world *world)
{
    struct world_listener *listener = &world->listeners[dice_roll(&world->dice, WORLD_LISTENERS)];
    unsigned span = world->port_last - world->port_first + 3; /* the fixed ones too */
    unsigned port = world->port_first + dice_roll(&world->dice, span);

    if (listener->fd >= 0) {
        close(listener->fd);
        listener->fd = -1;
        world_say(world, "let port %u go", listener->port);
        return;
    }
    listener->fd = listen_on(port);
    listener->port = port;
    world->port_was_taken[port] = true;
    world_say(world, "listen on port %u%s", port, listener->fd < 0 ? ": it is in use" : "");
}

/* --- foreign containers ----------------------------------------------------------------------- */

static bool make_container(struct world *world, const char *name, json_t *labels, char *ret_id)
{
    auto_free char *path = xasprintf("/containers/create?name=%s", name);
    json_auto_t *body =
        json_pack("{s:s, s:[s,s], s:o, s:{s:b}}", "Image", "berth-test/busybox:1", "Cmd", "sleep",
                  "100000", "Labels", labels, "HostConfig", "Init", 1);
    auto_free char *seed = xasprintf("%lu", world->seed);
    json_auto_t *reply = NULL;

    json_object_set_new(labels, "berth-model.seed", json_string(seed));
    if (engine_call(&world->engine, "POST", path, body, &reply) != 201) {
        return false;
    }
    snprintf(ret_id, WORLD_ID_SIZE, "%s", engine_text(reply, "Id"));
    container_call(world, "POST", ret_id, "/start");
    return true;
}

void foreign_make(struct world *world)
{
    auto_free char *network = xasprintf("s%lu-foreign", world->seed);
    auto_free char *seed = xasprintf("%lu", world->seed);
    json_auto_t *body =
        json_pack("{s:s, s:{s:s}}", "Name", network, "Labels", "berth-model.seed", seed);
    json_auto_t *reply = NULL;

    engine_call(&world->engine, "POST", "/networks/create", body, &reply);
    snprintf(world->foreign_network, WORLD_ID_SIZE, "%s", engine_text(reply, "Id"));
    for (unsigned i = 0; i < 2; i++) {
        auto_free char *name = xasprintf("s%lu-foreign-%u", world->seed, i);
        json_t *labels = json_object();

        if (i == 1) {
            /* As the container of another controller would look like. */
            json_object_set_new(labels, "dev.berth.controller", json_string("0123456789abcdef"));
            json_object_set_new(labels, "dev.berth.kind", json_string("Instance"));
            json_object_set_new(labels, "dev.berth.name", json_string(name));
        }
        if (world->foreign_network[0] == '\0' ||
            !make_container(world, name, labels, world->foreign[world->foreign_count++])) {
            world_abort(world, "the engine makes no container");
        }
    }
}

/* Takes the name of an object, if nobody has it, or gives it back. */
static void toggle_name(struct world *world)
{
    struct world_object *object = &world->objects[dice_roll(&world->dice, WORLD_OBJECTS)];
    bool is_made;

    if (object->taken_by[0] != '\0') {
        container_call(world, "DELETE", object->taken_by, "?force=1");
        object->taken_by[0] = '\0';
        world_say(world, "remove the foreign container %s", object->name);
    } else if (object->kind == SPEC_POOL) {
        world_say(world, "a pool has no container");
    } else {
        is_made = make_container(world, object->name, json_object(), object->taken_by);
        object->may_be_new = object->may_be_new || is_made;
        world_say(world, "a foreign container %s%s", object->name, is_made ? "" : ": name in use");
    }
}

static void make_orphan(struct world *world)
{
    auto_free char *name = xasprintf("s%lu-stray-%u", world->seed, ++world->number);
    char id[WORLD_ID_SIZE];
    json_t *labels = json_pack("{s:s, s:s, s:s}", "dev.berth.controller", world->controller_id,
                               "dev.berth.kind", "Instance", "dev.berth.name", name);

    make_container(world, name, labels, id);
    world_say(world, "a container of ours that nobody wants: %s", name);
}

void step_engine(struct world *world)
{
    unsigned what = dice_roll(&world->dice, 100);

    if (what < 50) {
        strike_container(world);
    } else if (what < 57) {
        rename_container(world);
    } else if (what < 65) {
        strike_network(world);
    } else if (what < 82) {
        toggle_listener(world);
    } else if (what < 93) {
        toggle_name(world);
    } else {
        make_orphan(world);
    }
}

void step_engine_restart(struct world *world)
{
    const char *how = dice_percent(&world->dice, 50) ? "KILL" : "TERM";
    auto_free char *command =
        xasprintf("%s %s >/dev/null 2>&1 </dev/null", world->engine_restart, how);
    int status;

    world_say(world, "restart the engine (%s)", how);
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        world->objects[i].was_disturbed = true;
    }
    tasks_disturb(world);
    status = system(command);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        world_abort(world, "the engine does not come back");
    }
    for (unsigned i = 0; i < world->foreign_count; i++) {
        container_call(world, "POST", world->foreign[i], "/start");
    }
}

/* --- the end ---------------------------------------------------------------------------------- */

void engine_clean(struct world *world)
{
    json_auto_t *containers = engine_containers(&world->engine);
    json_auto_t *networks = engine_networks(&world->engine);
    auto_free char *seed = xasprintf("%lu", world->seed);
    json_t *item;
    size_t i;

    json_array_foreach(containers, i, item) {
        const json_t *labels = engine_field(item, "Config.Labels");
        const char *controller = json_string_value(json_object_get(labels, "dev.berth.controller"));
        const char *run = json_string_value(json_object_get(labels, "berth-model.seed"));

        if ((run != NULL && strcmp(run, seed) == 0) ||
            (controller != NULL && strcmp(controller, world->controller_id) == 0)) {
            container_call(world, "DELETE", engine_text(item, "Id"), "?force=1");
        }
    }
    json_array_foreach(networks, i, item) {
        const json_t *labels = json_object_get(item, "Labels");
        const char *controller = json_string_value(json_object_get(labels, "dev.berth.controller"));
        const char *run = json_string_value(json_object_get(labels, "berth-model.seed"));

        if ((run != NULL && strcmp(run, seed) == 0) ||
            (controller != NULL && strcmp(controller, world->controller_id) == 0)) {
            auto_free char *path = xasprintf("/networks/%s", engine_text(item, "Id"));

            engine_call(&world->engine, "DELETE", path, NULL, NULL);
        }
    }
}
