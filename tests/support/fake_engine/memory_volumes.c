#include "tests/support/fake_engine/memory_world.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void volume_free(struct volume *volume)
{
    json_decref(volume->labels);
    free(volume->name);
    free(volume);
}

struct volume *volume_make(struct memory *memory, const char *name, const json_t *labels)
{
    struct volume *volume = map_get(&memory->volumes, name);

    if (volume != NULL) {
        return volume; /* as it is: its labels stay */
    }
    volume = xcalloc(1, sizeof(*volume));
    volume->name = xstrdup(name);
    volume->labels = labels != NULL ? json_deep_copy(labels) : json_object();
    volume->created_ns = wall_ns();
    map_put(&memory->volumes, name, volume);
    emit_event(memory, "volume", "create", name, json_pack("{s:s}", "driver", "local"));
    return volume;
}

static json_t *describe(const struct volume *volume)
{
    return json_pack("{s:s, s:s, s:s, s:O, s:s, s:o}", "Name", volume->name, "Driver", "local",
                     "Scope", "local", "Labels", volume->labels, "Mountpoint",
                     "/var/lib/docker/volumes/fake/_data", "CreatedAt",
                     time_text(volume->created_ns));
}

/* The container that has it mounted, or NULL. */
static const struct container *user_of(struct memory *memory, const struct volume *volume)
{
    for (struct map_entry *at = map_first(&memory->containers); at != NULL; at = map_next(at)) {
        const struct container *container = map_value(at);
        size_t i;
        json_t *mount;

        json_array_foreach(json_object_get(container->host_config, "Mounts"), i, mount) {
            if (strcmp(text_of(mount, "Type"), "volume") == 0 &&
                strcmp(text_of(mount, "Source"), volume->name) == 0) {
                return container;
            }
        }
    }
    return NULL;
}

void list_volumes(struct memory *memory, struct call *call, const char *name)
{
    json_auto_t *filters = filters_of(call);
    json_t *list = json_array();

    (void)name;
    for (struct map_entry *at = map_first(&memory->volumes); at != NULL; at = map_next(at)) {
        const struct volume *volume = map_value(at);

        if (filter_fits_labels(filters, volume->labels) &&
            filter_has_part(filters, "name", volume->name)) {
            json_array_append_new(list, describe(volume));
        }
    }
    reply_json(call, 200, json_pack("{s:o, s:n}", "Volumes", list, "Warnings"));
}

void create_volume(struct memory *memory, struct call *call, const char *ignored)
{
    json_auto_t *body = request_object(call);
    auto_free char *name = NULL;

    (void)ignored;
    if (body == NULL) {
        return;
    }
    name = xstrdup(text_of(body, "Name"));
    if (name[0] == '\0') {
        char id[ID_SIZE];

        new_id(memory, id);
        free(name);
        name = xstrdup(id);
    }
    reply_json(call, 201, describe(volume_make(memory, name, json_object_get(body, "Labels"))));
}

void inspect_volume(struct memory *memory, struct call *call, const char *name)
{
    const struct volume *volume = map_get(&memory->volumes, name);

    if (volume == NULL) {
        reply_message(call, 404, "get %s: no such volume", name);
    } else {
        reply_json(call, 200, describe(volume));
    }
}

void remove_volume(struct memory *memory, struct call *call, const char *name)
{
    struct volume *volume = map_get(&memory->volumes, name);
    const struct container *user = volume != NULL ? user_of(memory, volume) : NULL;

    if (user != NULL) {
        reply_message(call, 409, "remove %s: volume is in use - [%s]", name, user->id);
        return;
    }
    if (volume == NULL && !call_has_flag(call, "force")) {
        reply_message(call, 404, "get %s: no such volume", name);
        return;
    }
    if (volume != NULL) {
        emit_event(memory, "volume", "destroy", name, json_pack("{s:s}", "driver", "local"));
        map_remove(&memory->volumes, name);
        volume_free(volume);
    }
    reply_status(call, 204);
}
