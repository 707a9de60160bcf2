#include "tests/support/fake_engine/memory_world.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the engine says of itself, and all of its world for a test. */

void answer_ping(struct memory *memory, struct call *call, const char *name)
{
    auto_free char *fields = xasprintf("Api-Version: %s\r\nOstype: linux\r\nServer: Docker/fake\r\n"
                                       "Content-Type: text/plain\r\n",
                                       memory->api);

    (void)name;
    back_end_reply_head(call, 200, fields);
    back_end_reply_bytes(call, "OK", 2);
    back_end_reply_end(call);
}

void tell_version(struct memory *memory, struct call *call, const char *name)
{
    (void)name;
    reply_json(call, 200,
               json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s}, s:[{s:s, s:s}]}", "Version", "fake",
                         "ApiVersion", memory->api, "MinAPIVersion",
                         api_minor(memory) > 43 ? "1.24" : "1.12", "Os", "linux", "Arch", "amd64",
                         "Platform", "Name", "fake", "Components", "Name", "Engine", "Version",
                         "fake"));
}

static int count_state(struct memory *memory, enum container_state state)
{
    int count = 0;

    for (struct map_entry *at = map_first(&memory->containers); at != NULL; at = map_next(at)) {
        count += ((const struct container *)map_value(at))->state == state;
    }
    return count;
}

/* Without a cgroup driver: nothing on this machine bounds what does not run. */
void tell_info(struct memory *memory, struct call *call, const char *name)
{
    json_t *info =
        json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:[]}",
                  "ID", "fake", "Name", "fake", "Containers", (int)map_count(&memory->containers),
                  "ContainersRunning", count_state(memory, STATE_RUNNING), "ContainersPaused",
                  count_state(memory, STATE_PAUSED), "ContainersStopped",
                  count_state(memory, STATE_EXITED), "Images", (int)map_count(&memory->images),
                  "Driver", "overlay2", "NCPU", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN),
                  "MemTotal", (json_int_t)16 << 30, "OperatingSystem", "fake", "CgroupDriver",
                  "none", "CgroupVersion", "1", "ServerVersion", "fake", "SecurityOptions");

    (void)name;
    json_object_set_new(info, "SystemTime", time_text(wall_ns()));
    reply_json(call, 200, info);
}

/* --- the world --- */

static json_t *describe_container(const struct container *container)
{
    json_t *networks = json_array(), *ports = bound_port_list(container);
    const char *name;
    json_t *endpoint;

    json_object_foreach(container->networks, name, endpoint) {
        json_array_append_new(networks, json_string(name));
    }
    return json_pack("{s:s, s:s, s:s, s:i, s:O, s:o, s:o}", "name", container->name, "image",
                     container->image, "state", state_name(container->state), "exitCode",
                     container->exit_code, "labels", json_object_get(container->config, "Labels"),
                     "networks", networks, "ports", ports);
}

static json_t *describe_network(const struct network *network)
{
    auto_free char *subnet = network->mask != 0 ? subnet_text(network) : xstrdup("");

    return json_pack("{s:s, s:s, s:s, s:O, s:i}", "name", network->name, "driver", network->driver,
                     "subnet", subnet, "labels", network->labels, "endpoints",
                     (int)map_count(&network->taken));
}

static int compare(const void *a, const void *b)
{
    json_t *const *left = a, *const *right = b;

    return strcmp(text_of(*left, "name"), text_of(*right, "name"));
}

/* By name; takes the list. */
static json_t *sorted(json_t *list)
{
    size_t count = json_array_size(list);
    json_t **items = xcalloc(count + 1, sizeof(*items));
    json_t *result = json_array();

    for (size_t i = 0; i < count; i++) {
        items[i] = json_array_get(list, i);
    }
    qsort(items, count, sizeof(*items), compare);
    for (size_t i = 0; i < count; i++) {
        json_array_append(result, items[i]);
    }
    free(items);
    json_decref(list);
    return result;
}

json_t *describe_world(struct memory *memory)
{
    json_t *containers = json_array(), *networks = json_array(), *volumes = json_array(),
           *images = json_array();
    struct map_entry *at;

    for (at = map_first(&memory->containers); at != NULL; at = map_next(at)) {
        json_array_append_new(containers, describe_container(map_value(at)));
    }
    for (at = map_first(&memory->networks); at != NULL; at = map_next(at)) {
        const struct network *network = map_value(at);

        if (!network->is_builtin) {
            json_array_append_new(networks, describe_network(network));
        }
    }
    for (at = map_first(&memory->volumes); at != NULL; at = map_next(at)) {
        const struct volume *volume = map_value(at);

        json_array_append_new(
            volumes, json_pack("{s:s, s:O}", "name", volume->name, "labels", volume->labels));
    }
    for (at = map_first(&memory->images); at != NULL; at = map_next(at)) {
        const struct image *image = map_value(at);
        const char *tag = json_string_value(json_array_get(image->tags, 0));

        json_array_append_new(
            images, json_pack("{s:s, s:O}", "name", tag != NULL ? tag : "", "tags", image->tags));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "containers", sorted(containers), "networks",
                     sorted(networks), "volumes", sorted(volumes), "images", sorted(images));
}
