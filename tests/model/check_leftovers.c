#include "tests/model/tasks.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Whether an object that is there owns what has this name. */
static bool has_owner(const struct look *look, const char *name)
{
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        const struct world_object *object = &look->world->objects[i];

        if (look->found[i] != NULL &&
            (name_is_member(name, object) ||
             (object->kind == SPEC_INSTANCE && strcmp(object->name, name) == 0))) {
            return true;
        }
    }
    return false;
}

/* What came from a file that has errors is left alone: what the file says of it is not known. */
static bool is_source_unknown(const struct look *look, const json_t *container)
{
    const json_t *labels = engine_field(container, "Config.Labels");
    const char *source = json_string_value(json_object_get(labels, "dev.berth.source"));

    for (unsigned f = 0; f < WORLD_FILES; f++) {
        const struct world_file *file = &look->world->files[f];
        bool has_errors = file->is_broken;

        for (unsigned d = 0; d < file->doc_count; d++) {
            has_errors = has_errors || file->docs[d].is_faulty;
        }
        if (file->exists && source != NULL && strcmp(file->path, source) == 0) {
            return has_errors;
        }
    }
    return false;
}

static void check_containers(struct look *look)
{
    json_t *container;
    size_t i;

    json_array_foreach(look->containers, i, container) {
        const char *name = engine_text(container, "Name") + 1;

        if (look_is_ours(look, container) && !has_owner(look, name) &&
            !is_source_unknown(look, container) &&
            !(look->world->repository != NULL && tasks_own(container)) &&
            !look_may_be_released(look, container)) {
            look_complain(look, "nobody wants the container %s (%s)", name,
                          engine_text(container, "State.Status"));
        }
    }
}

static void check_foreign(struct look *look)
{
    struct world *world = look->world;
    bool has_network = false;
    json_t *network;
    size_t n;

    for (unsigned i = 0; i < world->foreign_count; i++) {
        const json_t *container = look_container_by_id(look, world->foreign[i]);

        if (strcmp(engine_text(container, "State.Status"), "running") != 0) {
            look_complain(look, "the foreign container %u is \"%s\"", i,
                          engine_text(container, "State.Status"));
        }
    }
    for (unsigned i = 0; i < world->released_count; i++) {
        if (look_container_by_id(look, world->released[i].id) == NULL) {
            look_complain(look, "the retained container of %s is gone", world->released[i].name);
        }
    }
    json_array_foreach(look->networks, n, network) {
        has_network =
            has_network || strcmp(engine_text(network, "Id"), world->foreign_network) == 0;
    }
    if (!has_network) {
        look_complain(look, "the foreign network is gone");
    }
}

static bool is_network_used(const struct look *look, const char *name)
{
    json_t *container;
    size_t c;

    json_array_foreach(look->containers, c, container) {
        if (json_object_get(engine_field(container, "NetworkSettings.Networks"), name) != NULL) {
            return true;
        }
    }
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        auto_free char *wanted = NULL;

        if (look->found[i] != NULL) {
            wanted =
                xasprintf("berth-%s-%.6s", spec_zone(look->found[i]), look->world->controller_id);
            if (strcmp(wanted, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void check_networks(struct look *look)
{
    json_t *network;
    size_t i;

    json_array_foreach(look->networks, i, network) {
        const json_t *labels = json_object_get(network, "Labels");
        const char *id = json_string_value(json_object_get(labels, "dev.berth.controller"));

        if (id != NULL && strcmp(id, look->world->controller_id) == 0 &&
            !is_network_used(look, engine_text(network, "Name"))) {
            look_complain(look, "nobody wants the network %s", engine_text(network, "Name"));
        }
    }
}

static void check_leases(struct look *look)
{
    json_t *lease, *other;
    size_t i, j;

    json_array_foreach(json_object_get(look->leases, "leases"), i, lease) {
        const char *owner = engine_text(lease, "owner");
        const char *slash = strchr(owner, '/');
        json_int_t port = json_integer_value(json_object_get(lease, "port"));

        if (slash == NULL || !(has_owner(look, slash + 1) ||
                               (look->world->repository != NULL &&
                                strncmp(owner, "RepositoryContainer/", slash + 1 - owner) == 0))) {
            look_complain(look, "nobody wants the lease of port %lld for %s", (long long)port,
                          owner);
        }
        json_array_foreach(json_object_get(look->leases, "leases"), j, other) {
            if (j < i && json_integer_value(json_object_get(other, "port")) == port) {
                look_complain(look, "port %lld is leased twice", (long long)port);
            }
        }
    }
}

/* Each host port belongs to one container of ours. A released one has no lease, and is foreign. */
static void check_port_owners(struct look *look)
{
    auto_free unsigned short *owners = xcalloc(65536, sizeof(*owners));
    json_t *container, *bindings;
    const char *key;
    size_t i;

    json_array_foreach(look->containers, i, container) {
        if (!look_is_ours(look, container) || look_is_released(look, container) ||
            is_source_unknown(look, container)) {
            continue;
        }
        json_object_foreach((json_t *)(uintptr_t)engine_field(container, "HostConfig.PortBindings"),
                            key, bindings) {
            unsigned port =
                (unsigned)strtoul(engine_text(bindings, "0.HostPort"), NULL, 10) & 0xffff;

            if (port != 0 && owners[port]++ > 0) {
                look_complain(look, "port %u is given to two containers, one is %s", port,
                              engine_text(container, "Name") + 1);
            }
        }
    }
}

void check_leftovers(struct look *look)
{
    check_containers(look);
    check_foreign(look);
    check_networks(look);
    check_leases(look);
    check_port_owners(look);
}
