#include "tests/support/fake_engine/memory_world.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Containers being found, made, renamed and removed. */

struct container *find_container(struct memory *memory, const char *name)
{
    struct container *container;

    name += name[0] == '/';
    container = map_get(&memory->containers, name);
    if (container == NULL) {
        container = map_get(&memory->containers_by_id, name);
    }
    if (container != NULL || strlen(name) < 4) {
        return container;
    }
    for (struct map_entry *at = map_first(&memory->containers); at != NULL; at = map_next(at)) {
        container = map_value(at);
        if (strncmp(container->id, name, strlen(name)) == 0) {
            return container;
        }
    }
    return NULL;
}

struct container *need_container(struct memory *memory, struct call *call, const char *name)
{
    struct container *container = find_container(memory, name);

    if (container == NULL) {
        reply_message(call, 404, "No such container: %s", name);
    }
    return container;
}

bool is_up(const struct container *container)
{
    return container->state == STATE_RUNNING || container->state == STATE_PAUSED;
}

static void on_end_closed(uv_handle_t *handle)
{
    free(handle);
}

void container_free(struct container *container)
{
    release_ports(container);
    if (container->end != NULL) {
        uv_close((uv_handle_t *)container->end, on_end_closed);
    }
    free(container->name);
    free(container->image);
    free(container->image_id);
    free(container->error);
    json_decref(container->config);
    json_decref(container->host_config);
    json_decref(container->networks);
    strbuf_done(&container->log);
    free(container);
}

/* --- making one --- */

static bool is_name_taken(struct memory *memory, struct call *call, const char *name)
{
    const struct container *other = map_get(&memory->containers, name);

    if (other == NULL) {
        return false;
    }
    reply_message(call, 409,
                  "Conflict. The container name \"/%s\" is already in use by container \"%s\". You "
                  "have to remove (or rename) that container to be able to reuse that name.",
                  name, other->id);
    return true;
}

/* "data:/var/data" becomes a mount like those that are asked for as such. */
static void add_binds(json_t *host_config)
{
    json_t *mounts = json_object_get(host_config, "Mounts");
    size_t i;
    json_t *bind;

    if (!json_is_array(mounts)) {
        mounts = json_array();
        json_object_set_new(host_config, "Mounts", mounts);
    }
    json_array_foreach(json_object_get(host_config, "Binds"), i, bind) {
        const char *text = json_string_value(bind);
        size_t len = strcspn(text, ":");
        const char *target = text + len + (text[len] == ':');

        json_array_append_new(mounts,
                              json_pack("{s:s, s:s#, s:s#}", "Type",
                                        text[0] == '/' ? "bind" : "volume", "Source", text,
                                        (int)len, "Target", target, (int)strcspn(target, ":")));
    }
}

/* The sources of mounts: volumes are made, directories must be there. */
static int check_mounts(struct memory *memory, struct call *call, const json_t *host_config)
{
    size_t i;
    json_t *mount;

    json_array_foreach(json_object_get(host_config, "Mounts"), i, mount) {
        const char *source = text_of(mount, "Source");

        if (strcmp(text_of(mount, "Type"), "bind") == 0 && access(source, F_OK) < 0) {
            reply_message(call, 400,
                          "invalid mount config for type \"bind\": bind source path does not "
                          "exist: %s",
                          source);
            return -1;
        }
    }
    json_array_foreach(json_object_get(host_config, "Mounts"), i, mount) {
        if (strcmp(text_of(mount, "Type"), "volume") == 0) {
            volume_make(memory, text_of(mount, "Source"), NULL);
        }
    }
    return 0;
}

/* What the image says and the request does not. */
static void add_of_image(json_t *config, const struct image *image)
{
    static const char *const keys[] = {"Entrypoint", "Cmd", "User", "WorkingDir", "Env"};
    json_t *labels = json_object();

    if (json_array_size(json_object_get(config, "Entrypoint")) > 0 &&
        json_array_size(json_object_get(config, "Cmd")) == 0) {
        json_object_set_new(config, "Cmd", json_null()); /* one's entrypoint has one's command */
    } else if (json_array_size(json_object_get(config, "Cmd")) == 0) {
        json_object_set(config, "Cmd", json_object_get(image->config, "Cmd"));
    }
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const json_t *given = json_object_get(config, keys[i]);
        bool is_given = json_array_size(given) > 0 || json_string_length(given) > 0;

        if (!is_given && strcmp(keys[i], "Cmd") != 0) {
            json_object_set(config, keys[i], json_object_get(image->config, keys[i]));
        }
    }
    json_object_update(labels, json_object_get(image->config, "Labels"));
    json_object_update(labels, json_object_get(config, "Labels"));
    json_object_set_new(config, "Labels", labels);
}

static const char *true_network(const char *name)
{
    return name[0] == '\0' || strcmp(name, "default") == 0 ? "bridge" : name;
}

/* Where it will be: what was asked for, else the network that its mode names. */
static json_t *first_endpoints(const json_t *body, const json_t *host_config)
{
    json_t *asked = json_object_get(json_object_get(body, "NetworkingConfig"), "EndpointsConfig");
    const char *mode = text_of(host_config, "NetworkMode");
    json_t *endpoints = json_object();
    const char *network;
    json_t *endpoint;

    json_object_foreach(asked, network, endpoint) {
        json_object_set_new(endpoints, true_network(network), endpoint_new(endpoint));
    }
    mode = true_network(mode);
    if (json_object_size(endpoints) == 0) {
        json_object_set_new(endpoints, mode, endpoint_new(NULL));
    }
    return endpoints;
}

static struct container *make_container(struct memory *memory, const char *name, json_t *body,
                                        const struct image *image)
{
    struct container *container = xcalloc(1, sizeof(*container));
    json_t *host_config = json_object_get(body, "HostConfig");

    new_id(memory, container->id);
    container->memory = memory;
    container->name = name != NULL ? xstrdup(name) : xasprintf("fake_%.12s", container->id);
    container->image = xstrdup(text_of(body, "Image"));
    container->image_id = xstrdup(image->id);
    container->host_config = host_config != NULL ? json_deep_copy(host_config) : json_object();
    container->networks = first_endpoints(body, host_config);
    container->config = json_deep_copy(body);
    json_object_del(container->config, "HostConfig");
    json_object_del(container->config, "NetworkingConfig");
    add_of_image(container->config, image);
    container->created_ns = wall_ns();
    container->error = xstrdup("");
    if (text_of(container->host_config, "NetworkMode")[0] == '\0') {
        json_object_set_new(container->host_config, "NetworkMode", json_string("bridge"));
    }
    map_put(&memory->containers, container->name, container);
    map_put(&memory->containers_by_id, container->id, container);
    return container;
}

void create_container(struct memory *memory, struct call *call, const char *ignored)
{
    json_auto_t *body = request_object(call);
    auto_free char *name = call_parameter(call, "name");
    struct image *image;
    struct container *container;

    (void)ignored;
    if (body == NULL || (name != NULL && is_name_taken(memory, call, name))) {
        return;
    }
    image = find_image(memory, text_of(body, "Image"));
    if (image == NULL) {
        const char *text = text_of(body, "Image");

        reply_message(call, 404, "No such image: %s%s", text,
                      strchr(text, ':') == NULL ? ":latest" : "");
        return;
    }
    add_binds(json_object_get(body, "HostConfig"));
    if (check_mounts(memory, call, json_object_get(body, "HostConfig")) < 0) {
        return;
    }
    container = make_container(memory, name, body, image);
    emit_container_event(container, "create", NULL, NULL);
    reply_json(call, 201, json_pack("{s:s, s:[]}", "Id", container->id, "Warnings"));
}

/* --- renaming and removing --- */

void rename_container(struct memory *memory, struct call *call, const char *name)
{
    struct container *container = need_container(memory, call, name);
    auto_free char *new_name = call_parameter(call, "name");
    auto_free char *old = NULL;

    if (container == NULL || is_name_taken(memory, call, new_name != NULL ? new_name : "")) {
        return;
    }
    old = xasprintf("/%s", container->name);
    map_remove(&memory->containers, container->name);
    free(container->name);
    container->name = TAKE(new_name);
    map_put(&memory->containers, container->name, container);
    emit_container_event(container, "rename", "oldName", old);
    reply_status(call, 204);
}

/* Those who wait for it to be gone, and those who read its log. */
static void end_open_replies(struct container *container)
{
    struct memory *memory = container->memory;
    struct open_reply *next;

    for (struct open_reply *open = memory->open; open != NULL; open = next) {
        next = open->next;
        if (strcmp(open->container_id, container->id) == 0) {
            open_reply_end(memory, open);
        }
    }
}

void remove_container(struct memory *memory, struct call *call, const char *name)
{
    struct container *container = need_container(memory, call, name);

    if (container == NULL) {
        return;
    }
    if (is_up(container) && !call_has_flag(call, "force")) {
        reply_message(call, 409,
                      "cannot remove container \"/%s\": container is running: stop the container "
                      "before removing or force remove",
                      container->name);
        return;
    }
    if (is_up(container)) {
        container_kill(container, 9, false);
    }
    end_open_replies(container);
    end_execs_of(container);
    emit_container_event(container, "destroy", NULL, NULL);
    map_remove(&memory->containers, container->name);
    map_remove(&memory->containers_by_id, container->id);
    container_free(container);
    reply_status(call, 204);
}

void update_container(struct memory *memory, struct call *call, const char *name)
{
    struct container *container = need_container(memory, call, name);
    json_auto_t *body = NULL;

    if (container == NULL) {
        return;
    }
    body = request_object(call);
    if (body != NULL) {
        json_object_update(container->host_config, body);
        emit_container_event(container, "update", NULL, NULL);
        reply_json(call, 200, json_pack("{s:n}", "Warnings"));
    }
}

void put_archive(struct memory *memory, struct call *call, const char *name)
{
    if (need_container(memory, call, name) != NULL) {
        reply_status(call, 200);
    }
}
