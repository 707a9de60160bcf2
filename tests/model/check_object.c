#include "tests/model/check_parts.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static bool has_env(const json_t *container, const char *wanted)
{
    json_t *item;
    size_t i;

    json_array_foreach(engine_field(container, "Config.Env"), i, item) {
        if (strcmp(json_string_value(item), wanted) == 0) {
            return true;
        }
    }
    return false;
}

static void check_network(struct look *look, const json_t *container, const struct spec *spec)
{
    const char *name = engine_text(container, "Name");
    auto_free char *wanted =
        xasprintf("berth-%s-%.6s", spec_zone(spec), look->world->controller_id);
    const json_t *networks = engine_field(container, "NetworkSettings.Networks");

    if (spec->power == POWER_SUSPENDED && json_object_size(networks) == 0) {
        return; /* a frozen one gets its network back when it goes on */
    }
    if (json_object_size(networks) != 1 || json_object_get(networks, wanted) == NULL) {
        auto_free char *are = json_dumps(networks, JSON_COMPACT);

        look_complain(look, "%s is not on %s alone: %s", name, wanted, are);
    }
}

static unsigned bound_port(const json_t *container, unsigned container_port)
{
    auto_free char *path = xasprintf("HostConfig.PortBindings.%u/tcp.0.HostPort", container_port);

    return (unsigned)strtoul(engine_text(container, path), NULL, 10);
}

static void check_ports(struct look *look, const struct world_object *object,
                        const json_t *container, const struct spec *spec)
{
    const char *name = engine_text(container, "Name");
    const json_t *bindings = engine_field(container, "HostConfig.PortBindings");

    if (json_object_size(bindings) != spec->port_count) {
        look_complain(look, "%s publishes %zu ports, not %u", name, json_object_size(bindings),
                      spec->port_count);
    }
    for (unsigned i = 0; i < spec->port_count; i++) {
        unsigned wanted = spec->ports[i].host_port;
        unsigned is = bound_port(container, spec->ports[i].container_port);
        auto_free char *path =
            xasprintf("HostConfig.PortBindings.%u/tcp.0.HostIp", spec->ports[i].container_port);

        if (wanted != 0 && is != wanted) {
            look_complain(look, "%s has port %u, not %u", name, is, wanted);
        }
        if (wanted == 0 && (is < look->world->port_first ||
                            is > look->world->port_last + (object->had_fixed_port ? 2 : 0))) {
            look_complain(look, "%s has port %u, which is not in the range", name, is);
        }
        if (strcmp(engine_text(container, path), "127.0.0.1") != 0) {
            look_complain(look, "%s publishes on \"%s\"", name, engine_text(container, path));
        }
    }
}

void check_container(struct look *look, const struct world_object *object, const json_t *container,
                     const struct spec *spec)
{
    const char *name = engine_text(container, "Name");
    auto_free char *env = xasprintf("MODEL=%u", spec->number);
    auto_free char *argument = xasprintf("%u", 100000 + spec->command);
    const char *image = spec_image(spec);
    json_int_t memory = json_integer_value(engine_field(container, "HostConfig.Memory"));

    if (!has_env(container, env)) {
        look_complain(look, "%s is not made with %s", name, env);
    }
    if (image != NULL && strcmp(engine_text(container, "Config.Image"), image) != 0) {
        look_complain(look, "%s has image %s", name, engine_text(container, "Config.Image"));
    }
    if (image == NULL &&
        strncmp(engine_text(container, "Config.Image"), "berth/idle", strlen("berth/idle")) != 0) {
        look_complain(look, "%s has image %s", name, engine_text(container, "Config.Image"));
    }
    if (image != NULL && (strcmp(engine_text(container, "Config.Entrypoint.0"), "sleep") != 0 ||
                          strcmp(engine_text(container, "Config.Cmd.0"), argument) != 0)) {
        look_complain(look, "%s does not run sleep %s", name, argument);
    }
    if (memory != (json_int_t)spec_memory_mib(spec) << 20) {
        look_complain(look, "%s has %lld bytes of memory", name, (long long)memory);
    }
    check_network(look, container, spec);
    check_ports(look, object, container, spec);
}

static const char *const wanted_states[] = {"running", "exited", "paused"};
static const char *const wanted_phases[] = {"RUNNING", "TERMINATED", "SUSPENDED"};

static bool has_ended(const json_t *container)
{
    const char *state = engine_text(container, "State.Status");

    return strcmp(state, "exited") == 0 || strcmp(state, "created") == 0;
}

static void check_status_ports(struct look *look, const struct world_object *object,
                               const json_t *container, const struct spec *spec,
                               const json_t *status)
{
    const json_t *ports = json_object_get(status, "ports");
    json_t *port;
    size_t i;

    if (json_array_size(ports) != spec->port_count) {
        look_complain(look, "the status of %s has %zu ports", object->name, json_array_size(ports));
    }
    json_array_foreach(ports, i, port) {
        unsigned inside = (unsigned)strtoul(engine_text(port, "containerPort"), NULL, 10);
        unsigned outside = (unsigned)strtoul(engine_text(port, "hostPort"), NULL, 10);

        if (outside == 0 || outside != bound_port(container, inside)) {
            look_complain(look, "the status of %s says %u for port %u, the engine %u", object->name,
                          outside, inside, bound_port(container, inside));
        }
    }
}

static void check_status(struct look *look, const struct world_object *object,
                         const json_t *container, const struct spec *spec, bool is_over)
{
    const json_t *status = look_status(look, object, NULL);
    const char *phase = is_over ? "TERMINATED" : wanted_phases[spec->power];

    if (status == NULL) {
        look_complain(look, "%s has no status", object->name);
        return;
    }
    if (strcmp(engine_text(status, "phase"), phase) != 0) {
        look_complain(look, "the phase of %s is %s, not %s", object->name,
                      engine_text(status, "phase"), phase);
    }
    if (!is_over && (!look_condition_is(status, "Ready", "True") ||
                     !look_condition_is(status, "Reconciling", "False") ||
                     !look_condition_is(status, "Stalled", "False"))) {
        look_complain(look, "%s is not Ready: %s: %s", object->name,
                      engine_text(look_condition(status, "Ready"), "reason"),
                      engine_text(look_condition(status, "Ready"), "message"));
    }
    if (strcmp(engine_text(status, "container.id"), engine_text(container, "Id")) != 0) {
        look_complain(look, "the status of %s has container %.12s, the engine %.12s", object->name,
                      engine_text(status, "container.id"), engine_text(container, "Id"));
    }
    check_status_ports(look, object, container, spec, status);
}

/*
 * A listener of ours took a port that it has while it did not run: it waits until that is free
 * again.
 */
bool check_port_is_taken(const struct look *look, const json_t *container)
{
    for (unsigned i = 0; i < WORLD_LISTENERS; i++) {
        for (unsigned p = 0; look->world->listeners[i].fd >= 0 && p < SPEC_PORTS; p++) {
            if (bound_port(container, 8000 + p) == look->world->listeners[i].port) {
                return strcmp(engine_text(container, "State.Status"), "running") != 0;
            }
        }
    }
    return false;
}

/* Somebody else has the port that it asks for: another object, or a listener of ours. */
static bool is_port_contested(const struct look *look, const struct world_object *object,
                              const struct spec *spec)
{
    unsigned port = spec->port_count > 0 ? spec->ports[0].host_port : 0;
    json_t *container;
    size_t c;

    if (port == 0) {
        return false;
    }
    for (unsigned i = 0; i < WORLD_LISTENERS; i++) {
        if (look->world->listeners[i].fd >= 0 && look->world->listeners[i].port == port) {
            return true;
        }
    }
    json_array_foreach(look->containers, c, container) { /* a stray one that may not be swept yet */
        const char *name = engine_text(container, "Name") + 1;

        if (strcmp(name, object->name) != 0 && bound_port(container, 8000) == port) {
            return true;
        }
    }
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        const struct world_expectation *other = &look->expectations[i];

        if (&look->world->objects[i] != object && look->world->objects[i].had_fixed_port &&
            look->found[i] != NULL) {
            return true; /* it may have kept it */
        }
        for (unsigned s = 0; &look->world->objects[i] != object && s < other->count; s++) {
            if (other->specs[s]->port_count > 0 && other->specs[s]->ports[0].host_port == port) {
                return true;
            }
        }
    }
    return false;
}

static void check_taken_name(struct look *look, const struct world_object *object)
{
    const json_t *status = look_status(look, object, NULL);
    const json_t *container = look_container(look, object->name);

    if (strcmp(engine_text(container, "Id"), object->taken_by) != 0) {
        look_complain(look, "the foreign container %s is not there any more", object->name);
    }
    if (look_condition_is(status, "Ready", "True")) {
        look_complain(look, "the status of %s says that it is Ready", object->name);
    }
}

void check_instance(struct look *look, const struct world_object *object, const struct spec *spec)
{
    const json_t *container = look_container(look, object->name);
    const char *state = engine_text(container, "State.Status");
    bool may_have_ended =
        spec->restart != RESTART_ALWAYS && (object->was_disturbed || object->was_ever_disturbed);
    bool is_over = false;

    if (object->taken_by[0] != '\0') {
        check_taken_name(look, object);
        return;
    }
    if (is_port_contested(look, object, spec) &&
        !look_condition_is(look_status(look, object, NULL), "Ready", "True")) {
        return;
    }
    if (check_port_is_taken(look, container) &&
        !look_condition_is(look_status(look, object, NULL), "Ready", "True")) {
        return;
    }
    if (container == NULL && may_have_ended &&
        strcmp(engine_text(look_status(look, object, NULL), "phase"), "TERMINATED") == 0) {
        return; /* it had ended, and was removed after that */
    }
    if (container == NULL) {
        look_complain(look, "there is no container %s", object->name);
        return;
    }
    if (!look_is_ours(look, container)) {
        look_complain(look, "the container %s has no label of ours", object->name);
    }
    check_container(look, object, container, spec);
    if (has_ended(container)) {
        is_over = spec->power == POWER_STOPPED || may_have_ended;
    }
    if (strcmp(state, wanted_states[spec->power]) != 0 && !is_over) {
        look_complain(look, "%s is %s, not %s", object->name, state, wanted_states[spec->power]);
    }
    check_status(look, object, container, spec, is_over && spec->power != POWER_STOPPED);
}
