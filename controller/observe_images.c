#include "controller/controller.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "clients/docker_types.h"
#include "controller/entry.h"
#include "reconcilers/instance.h"
#include "reconcilers/repository.h"

#include <stdlib.h>

/*
 * Which images the engine has, as far as specs name them: asked once, and again when something
 * happens to one.
 */

static const char *entry_image(const struct entry *entry)
{
    struct text_list roots = {0};
    struct world world;

    controller_fill_world(entry->controller, &world, &roots);
    switch (entry->kind) {
    case ENTRY_INSTANCE:
        return entry->desired != NULL ? instance_image(&world, entry->desired) : NULL;
    case ENTRY_REPOSITORY:
        return repository_settings(entry) != NULL
                   ? repository_image(&world, repository_settings(entry))
                   : NULL;
    case ENTRY_POOL:
    case ENTRY_TASK:
    case ENTRY_MIRROR:
    case ENTRY_SETUP: return NULL;
    }
    return NULL;
}

/* "berth/<container>:<key>" */
static bool is_snapshot_of(const struct entry *repository, const char *reference)
{
    auto_free char *prefix = xasprintf("berth/%s:", repository->name);

    return text_has_prefix(reference, prefix);
}

static void enqueue_users(struct controller *controller, const char *reference)
{
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        struct entry *entry = map_value(at);

        if (text_equal(entry_image(entry), reference) ||
            (entry->kind == ENTRY_REPOSITORY && is_snapshot_of(entry, reference))) {
            entry_enqueue(entry);
        }
    }
}

static void on_image(void *user, const struct docker_request *request,
                     const struct http_reply *reply, struct error *err)
{
    struct image_entry *image = user;
    struct docker_image docker = {0};
    json_auto_t *json = NULL;
    enum image_state before = image->state;
    auto_free char *id_before = TAKE(image->id);

    image->call = NULL;
    if (docker_reply_json(request, reply, &json, err) == 0 &&
        docker_parse_image(json, &docker, err) == 0) {
        free(image->user);
        image->state = IMAGE_PRESENT;
        image->id = xstrdup(docker.id);
        image->user = xstrdup(docker.user);
        image->has_command = docker.has_command;
        docker_image_done(&docker);
    } else if (err->kind == ERROR_NOT_FOUND) {
        image->state = IMAGE_ABSENT;
    } else if (text_equal(err->reason, "EngineUnavailable")) {
        image->state = IMAGE_UNKNOWN; /* the passes after the next connection ask again */
        return;
    } else {
        image->id = xstrdup_or_null(id_before);
        image->state = before == IMAGE_UNKNOWN ? IMAGE_ABSENT : before; /* pulling it will tell */
        log_fields(LOG_WARN, "image_inspect_failed", "image", image->reference, "error",
                   err->message, NULL);
    }
    if (before != image->state || !text_equal(id_before, image->id)) {
        enqueue_users(image->controller, image->reference);
    }
}

struct observed_image image_observed(const struct image_entry *image)
{
    return (struct observed_image){
        .state = image->state,
        .id = image->id,
        .user = image->user,
        .has_command = image->has_command,
    };
}

static void look_at_image(struct image_entry *image)
{
    struct engine *engine = image->controller->engine;

    if (image->call == NULL && engine_is_up(engine)) {
        image->call = engine_call(engine, docker_inspect_image(image->reference), on_image, image);
    }
}

const struct image_entry *observe_image(struct controller *controller, const char *reference)
{
    struct image_entry *image = map_get(&controller->images, reference);

    if (image == NULL) {
        image = xcalloc(1, sizeof(*image));
        image->controller = controller;
        image->reference = xstrdup(reference);
        map_put(&controller->images, reference, image);
    }
    if (image->state == IMAGE_UNKNOWN) {
        look_at_image(image);
    }
    return image;
}

void observe_all_images_again(struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->images); at != NULL; at = map_next(at)) {
        look_at_image(map_value(at));
    }
}

void observe_all_images(struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        const char *reference = entry_image(map_value(at));

        if (reference != NULL) {
            observe_image(controller, reference);
        }
    }
}

void observe_image_changed(struct controller *controller, const char *reference)
{
    struct image_entry *image = map_get(&controller->images, reference);

    if (image != NULL) {
        engine_call_cancel(TAKE(image->call)); /* its answer may be older than the change */
        image->state = IMAGE_UNKNOWN;
        look_at_image(image);
    }
}

void observe_close_images(struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->images); at != NULL; at = map_next(at)) {
        struct image_entry *image = map_value(at);

        engine_call_cancel(image->call);
        free(image->reference);
        free(image->id);
        free(image->user);
        free(image);
    }
    map_done(&controller->images);
}
