#include "tests/model/check_parts.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "tests/model/yaml_json.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* For web.yaml the status is in web.status.yaml, for web.yml in web.yml.status.yaml. */
static char *status_path(const struct world *world, const char *spec_path)
{
    size_t len = strlen(spec_path);
    bool is_yml = strcmp(spec_path + len - 4, ".yml") == 0;

    return xasprintf("%s/%.*s.status.yaml", world->statuses, (int)(is_yml ? len : len - 5),
                     spec_path);
}

static void read_status(struct look *look, const char *spec_path, const char *key)
{
    auto_free char *path = status_path(look->world, spec_path);
    json_t *documents = yaml_json_read(path);

    if (documents != NULL) {
        json_object_set_new(look->statuses, key, documents);
    }
}

static void read_statuses(struct look *look)
{
    look->statuses = json_object();
    for (unsigned f = 0; f < WORLD_FILES; f++) {
        const struct world_file *file = &look->world->files[f];

        if (file->exists) {
            read_status(look, file->path, file->path);
        }
    }
    for (unsigned i = 0; i < look->world->task_count; i++) {
        const struct world_task *task = &look->world->tasks[i];
        auto_free char *path = xasprintf("%s.yaml", task->name);

        if (task->exists) {
            read_status(look, path, task->name);
        }
    }
}

bool look_take(struct look *look, struct world *world)
{
    auto_free char *heartbeat = xasprintf("%s/controller.yaml", world->state);
    auto_free char *leases = xasprintf("%s/leases.json", world->state);
    json_t *documents;

    *look = (struct look){.world = world};
    look->containers = engine_containers(&world->engine);
    look->networks = engine_networks(&world->engine);
    read_statuses(look);
    documents = yaml_json_read(heartbeat);
    look->heartbeat = json_incref(json_array_get(documents, 0));
    json_decref(documents);
    look->leases = json_load_file(leases, 0, NULL);
    if (look->containers == NULL || look->networks == NULL) {
        look_complain(look, "the engine does not answer");
        return false;
    }
    return true;
}

void look_done(struct look *look)
{
    json_decref(look->containers);
    json_decref(look->networks);
    json_decref(look->statuses);
    json_decref(look->heartbeat);
    json_decref(look->leases);
    strbuf_done(&look->wrong);
}

void look_complain(struct look *look, const char *format, ...)
{
    va_list args;
    auto_free char *text = NULL;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    strbuf_addf(&look->wrong, "#     %s\n", text);
}

const json_t *look_container(const struct look *look, const char *name)
{
    json_t *item;
    size_t i;

    json_array_foreach(look->containers, i, item) {
        const char *is = engine_text(item, "Name");

        if (strcmp(is[0] == '/' ? is + 1 : is, name) == 0) {
            return item;
        }
    }
    return NULL;
}

const json_t *look_container_by_id(const struct look *look, const char *id)
{
    json_t *item;
    size_t i;

    json_array_foreach(look->containers, i, item) {
        if (strcmp(engine_text(item, "Id"), id) == 0) {
            return item;
        }
    }
    return NULL;
}

bool look_is_ours(const struct look *look, const json_t *container)
{
    const json_t *labels = engine_field(container, "Config.Labels");
    const char *id = json_string_value(json_object_get(labels, "dev.berth.controller"));

    return id != NULL && strcmp(id, look->world->controller_id) == 0;
}

static bool is_duplicate(const json_t *document)
{
    const json_t *status = json_object_get(document, "status");
    json_t *error;
    size_t i;

    if (strcmp(engine_text(status, "error.reason"), "DuplicateObject") == 0) {
        return true;
    }
    json_array_foreach(json_object_get(status, "errors"), i, error) {
        if (strcmp(engine_text(error, "reason"), "DuplicateObject") == 0) {
            return true;
        }
    }
    return false;
}

const json_t *look_status(const struct look *look, const struct world_object *object, int *ret_file)
{
    for (int f = 0; f < WORLD_FILES; f++) {
        const struct world_file *file = &look->world->files[f];
        json_t *document;
        size_t i;

        if (!file->exists) {
            continue;
        }
        json_array_foreach(json_object_get(look->statuses, file->path), i, document) {
            if (strcmp(engine_text(document, "metadata.name"), object->name) == 0 &&
                strcmp(engine_text(document, "kind"), spec_kind_name(object->kind)) == 0 &&
                !is_duplicate(document)) {
                if (ret_file != NULL) {
                    *ret_file = f;
                }
                return json_object_get(document, "status");
            }
        }
    }
    return NULL;
}

const json_t *look_condition(const json_t *status, const char *type)
{
    json_t *condition;
    size_t i;

    json_array_foreach(json_object_get(status, "conditions"), i, condition) {
        if (strcmp(engine_text(condition, "type"), type) == 0) {
            return condition;
        }
    }
    return NULL;
}

bool look_condition_is(const json_t *status, const char *type, const char *value)
{
    return strcmp(engine_text(look_condition(status, type), "status"), value) == 0;
}

bool name_is_member(const char *name, const struct world_object *pool)
{
    size_t len = strlen(pool->name);

    return pool->kind == SPEC_POOL && strncmp(name, pool->name, len) == 0 && name[len] == '-' &&
           name[len + 1] != '\0' && strspn(name + len + 1, "0123456789") == strlen(name + len + 1);
}

bool look_is_released(const struct look *look, const json_t *container)
{
    for (unsigned i = 0; i < look->world->released_count; i++) {
        if (strcmp(look->world->released[i].id, engine_text(container, "Id")) == 0) {
            return true;
        }
    }
    return false;
}

bool look_may_be_released(const struct look *look, const json_t *container)
{
    const char *name = engine_text(container, "Name");

    for (unsigned i = 0; container != NULL && i < WORLD_OBJECTS; i++) {
        if (look->found[i] == NULL && look->world->objects[i].was_retained &&
            strcmp(look->world->objects[i].name, name + (name[0] == '/')) == 0) {
            return look_is_ours(look, container);
        }
    }
    return false;
}
