#include "controller/controller.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/setups.h"

#include <stdlib.h>
#include <string.h>

/*
 * Images that repository containers were kept as after setup: those go that no container is made
 * from, and that the next one would not be made from either. An image that somebody built on one of
 * ours has its labels too: only names that we give are removed, never what has none.
 */

static bool is_used(const struct controller *controller, const char *image_id)
{
    for (struct map_entry *at = map_first(&controller->containers); at != NULL; at = map_next(at)) {
        const struct observed_container *container = map_value(at);

        if (text_equal(container->image_id, image_id)) {
            return true;
        }
    }
    return false;
}

/*
 * What cannot be told yet (its base image was not looked at, its commit is not known) may be
 * wanted.
 */
static bool may_be_wanted(const struct entry *repository, const char *name)
{
    const struct object *settings = repository_settings(repository);
    struct observed_image image;
    auto_free char *reference = NULL;

    if (settings == NULL || settings->repository.is_suspended || repository->run != NULL ||
        (repository->repository->setup != NULL && repository->repository->setup->run != NULL)) {
        return true;
    }
    if (settings->repository.setup == NULL || !settings->repository.snapshot.is_enabled) {
        return false;
    }
    reference = setup_image(repository, &image);
    return reference == NULL || strcmp(reference, name) == 0;
}

static void look_at_name(struct controller *controller, const char *container, const char *id,
                         const char *name)
{
    auto_free char *prefix = xasprintf("berth/%s:", container);
    const struct entry *repository =
        entry_of_container(controller, KIND_REPOSITORY_CONTAINER, container);

    if (text_has_prefix(name, prefix) && !is_used(controller, id) &&
        (repository == NULL || !may_be_wanted(repository, name))) {
        sweep_remove(controller, "image", name, docker_remove_image(name));
    }
}

static void look_at_image(struct controller *controller, const json_t *item)
{
    const char *id = json_string_value(json_object_get(item, "Id"));
    const json_t *labels = json_object_get(item, "Labels"), *name;
    const char *container = json_string_value(json_object_get(labels, LABEL_SNAPSHOT_OF));
    size_t index;

    if (id == NULL || container == NULL ||
        !text_equal(json_string_value(json_object_get(labels, LABEL_SNAPSHOT_BY)),
                    controller->state.id)) {
        return;
    }
    json_array_foreach(json_object_get(item, "RepoTags"), index, name) {
        if (json_is_string(name)) {
            look_at_name(controller, container, id, json_string_value(name));
        }
    }
}

static void on_list(void *user, const struct docker_request *request,
                    const struct http_reply *reply, struct error *err)
{
    struct controller *controller = user;
    json_auto_t *list = NULL;
    size_t index;
    json_t *item;

    controller->images_call = NULL;
    if (docker_reply_json(request, reply, &list, err) < 0) {
        log_fields(LOG_WARN, "sweep_failed", "kind", "image", "error", err->message, NULL);
        return;
    }
    if (!controller->is_listed || !controller->is_scanned || controller->scan_error != NULL) {
        return; /* that changed meanwhile: who uses what is not known */
    }
    json_array_foreach(list, index, item) {
        look_at_image(controller, item);
    }
}

void sweep_images(struct controller *controller)
{
    json_auto_t *filters = NULL;

    if (controller->images_call == NULL) {
        filters = json_pack("{s:[o]}", "label",
                            json_sprintf("%s=%s", LABEL_SNAPSHOT_BY, controller->state.id));
        controller->images_call =
            engine_call(controller->engine, docker_list_images(filters), on_list, controller);
    }
}
