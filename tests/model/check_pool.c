#include "tests/model/check_parts.h"

#include <stdlib.h>
#include <string.h>

/* An Instance of the user's may have the name of a member; "" is its pool. */
static const char *pool_of(const json_t *container)
{
    const json_t *labels = engine_field(container, "Config.Labels");
    const char *pool = json_string_value(json_object_get(labels, "dev.berth.pool"));

    return pool != NULL ? pool : "";
}

/* That is in force for sure; what it has of a member it has for good, labels too. */
static bool is_instance_of_user(const struct look *look, const char *name)
{
    for (unsigned i = 0; i < WORLD_OBJECTS; i++) {
        const struct world_object *object = &look->world->objects[i];

        if (object->kind == SPEC_INSTANCE && strcmp(object->name, name) == 0) {
            return look->expectations[i].count > 0 && !look->expectations[i].may_be_absent;
        }
    }
    return false;
}

static const json_t *member_status(const json_t *pool_status, const char *name)
{
    json_t *member;
    size_t i;

    json_array_foreach(json_object_get(pool_status, "members"), i, member) {
        if (strcmp(engine_text(member, "metadata.name"), name) == 0) {
            return json_object_get(member, "status");
        }
    }
    return NULL;
}

static bool check_member(struct look *look, const struct world_object *object,
                         const json_t *container, const struct spec *spec,
                         const json_t *pool_status)
{
    const char *name = engine_text(container, "Name") + 1;
    const json_t *status = member_status(pool_status, name);
    bool is_running = strcmp(engine_text(container, "State.Status"), "running") == 0;

    if (status == NULL) {
        look_complain(look, "the member %s has no status", name);
    } else if (is_running &&
               (!look_condition_is(status, "Ready", "True") ||
                strcmp(engine_text(status, "container.id"), engine_text(container, "Id")) != 0)) {
        look_complain(look, "the status of the member %s does not say that it runs", name);
    }
    check_container(look, object, container, spec);
    return is_running;
}

void check_pool(struct look *look, const struct world_object *object, const struct spec *spec)
{
    const json_t *status = look_status(look, object, NULL);
    unsigned running = 0, other = 0, waiting = 0;
    json_t *container;
    size_t i;

    json_array_foreach(look->containers, i, container) {
        const char *name = engine_text(container, "Name") + 1;

        if (!look_is_ours(look, container) || !name_is_member(name, object) ||
            strcmp(pool_of(container), object->name) != 0 || is_instance_of_user(look, name)) {
            continue;
        }
        if (check_port_is_taken(look, container)) {
            waiting++;
            continue;
        }
        if (check_member(look, object, container, spec, status)) {
            running++;
        } else {
            other++;
        }
    }
    if (running + waiting < spec->min_members || running > spec->min_members || other > 0) {
        look_complain(look, "the pool %s has %u members that run and %u others, not %u",
                      object->name, running, other, spec->min_members);
    }
    if (waiting > 0) {
        return;
    }
    if (strcmp(engine_text(status, "phase"), "RUNNING") != 0 ||
        !look_condition_is(status, "Ready", "True")) {
        look_complain(look, "the pool %s is %s, not RUNNING and Ready", object->name,
                      engine_text(status, "phase"));
    }
    if (strtoul(engine_text(status, "pool.ready"), NULL, 10) != running) {
        look_complain(look, "the status of the pool %s says that %s members are ready, not %u",
                      object->name, engine_text(status, "pool.ready"), running);
    }
}
