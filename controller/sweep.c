#include "controller/controller.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "controller/disk.h"
#include "controller/released.h"
#include "controller/run_folders.h"
#include "controller/trees.h"
#include "reconcilers/orphans.h"
#include "specs/spec_file.h"

#include <stdlib.h>
#include <string.h>

enum { SWEEP_MS = 60000 };

/*
 * What nobody owns any more goes, after a grace, and never while the engine's facts are incomplete.
 */

struct removal {
    struct controller *controller;
    struct removal *next;
    struct engine_call *call;
    char *what, *name;
};

static void removal_end(struct removal *removal)
{
    for (struct removal **at = &removal->controller->removals; *at != NULL; at = &(*at)->next) {
        if (*at == removal) {
            *at = removal->next;
            break;
        }
    }
    free(removal->what);
    free(removal->name);
    free(removal);
}

void sweep_close(struct controller *controller)
{
    engine_call_cancel(TAKE(controller->images_call));
    while (controller->removals != NULL) {
        engine_call_cancel(controller->removals->call);
        removal_end(controller->removals);
    }
}

/* Often enough that the grace is kept to, also where it was made short. */
uint64_t sweep_period_ms(const struct controller *controller)
{
    uint64_t grace_ms = controller->options.orphan_grace_seconds * UINT64_C(1000);

    return grace_ms < 2 * SWEEP_MS ? grace_ms / 2 + 500 : SWEEP_MS;
}

static void on_removed(void *user, const struct docker_request *request,
                       const struct http_reply *reply, struct error *err)
{
    struct removal *removal = user;

    if (docker_reply_check(request, reply, err) < 0 && err->kind != ERROR_NOT_FOUND) {
        log_fields(LOG_WARN, "sweep_failed", "kind", removal->what, "name", removal->name, "error",
                   err->message, NULL); /* the next sweep tries again */
    } else if (strcmp(removal->what, "image") == 0) {
        observe_image_changed(removal->controller, removal->name);
    } else if (strcmp(removal->what, "network") == 0) {
        networks_remove(removal->controller, removal->name);
        networks_retry_waiting(removal->controller);
    } else {
        observe_set_container(removal->controller, removal->name, NULL);
    }
    removal_end(removal);
}

static bool is_being_removed(const struct controller *controller, const char *name)
{
    for (const struct removal *at = controller->removals; at != NULL; at = at->next) {
        if (strcmp(at->name, name) == 0) {
            return true;
        }
    }
    return false;
}

void sweep_remove(struct controller *controller, const char *what, const char *name,
                  struct docker_request *request)
{
    struct removal *removal;

    if (is_being_removed(controller, name)) {
        docker_request_free(request);
        return;
    }
    removal = xcalloc(1, sizeof(*removal));
    removal->next = controller->removals;
    controller->removals = removal;
    removal->controller = controller;
    removal->what = xstrdup(what);
    removal->name = xstrdup(name);
    log_fields(LOG_INFO, "sweep", "kind", what, "name", name, "cause", "nothing needs it", NULL);
    removal->call = engine_call(controller->engine, request, on_removed, removal);
}

/*
 * Its file cannot be read as it is: what it says about this container is unknown, which is never
 * "nothing".
 */
static bool is_source_unknown(struct controller *controller,
                              const struct observed_container *container)
{
    const struct spec_set_file *file =
        container->source != NULL ? map_get(&controller->specs->files, container->source) : NULL;

    return file != NULL &&
           (file->unreadable != NULL || file->parsed == NULL || spec_file_has_errors(file->parsed));
}

static bool has_owner(struct controller *controller, const struct observed_container *container)
{
    if (is_source_unknown(controller, container)) {
        return true;
    }
    return container->kind != NULL && container->object != NULL &&
           strcmp(container->object, container->name) == 0 &&
           entry_of_container(controller, container->kind, container->object) != NULL;
}

/* Somebody else removed them. */
static void forget_gone_orphans(struct controller *controller)
{
    struct map_entry *next;

    for (struct map_entry *at = map_first(&controller->orphans); at != NULL; at = next) {
        next = map_next(at);
        if (map_get(&controller->containers, map_key(at)) == NULL) {
            auto_free char *name = xstrdup(map_key(at));

            free(map_remove(&controller->orphans, name));
        }
    }
}

static void sweep_containers(struct controller *controller)
{
    int64_t now_ms = clock_wall_ms();
    int64_t grace_ms = (int64_t)controller->options.orphan_grace_seconds * 1000;

    for (struct map_entry *at = map_first(&controller->containers); at != NULL; at = map_next(at)) {
        const struct observed_container *container = map_value(at);
        int64_t *since = map_get(&controller->orphans, container->name);

        switch (orphan_decide(container, has_owner(controller, container),
                              since != NULL ? *since : 0, now_ms, grace_ms)) {
        case ORPHAN_NONE: free(map_remove(&controller->orphans, container->name)); break;
        case ORPHAN_WAIT:
            if (since == NULL) {
                since = xmalloc(sizeof(*since));
                *since = now_ms;
                map_put(&controller->orphans, container->name, since);
                log_fields(LOG_WARN, "orphan", "container", container->name, "kind",
                           container->kind, "object", container->object, NULL);
            }
            break;
        case ORPHAN_REMOVE:
            free(map_remove(&controller->orphans, container->name));
            sweep_remove(controller, "container", container->name,
                         docker_remove_container(container->id));
            break;
        }
    }
}

/* Ports whose owner has no spec and no container: it went while no controller ran. */
static void sweep_leases(struct controller *controller)
{
    struct map_entry *next;

    for (struct map_entry *at = map_first(&controller->ports.leases); at != NULL; at = next) {
        const struct port_lease *lease = map_value(at);
        const char *slash = lease->owner != NULL ? strchr(lease->owner, '/') : NULL;

        next = map_next(at);
        if (slash != NULL && entry_find(controller, lease->owner) == NULL &&
            map_get(&controller->containers, slash + 1) == NULL) {
            auto_free char *owner = xstrdup(lease->owner);

            log_fields(LOG_INFO, "sweep", "kind", "leases", "name", owner, "cause",
                       "nothing needs it", NULL);
            port_table_release(&controller->ports, owner);
            next = map_first(&controller->ports.leases); /* several may have gone */
        }
    }
}

static bool is_network_needed(struct controller *controller, const char *network)
{
    struct text_list roots;
    struct world world;

    controller_fill_world(controller, &world, &roots);
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        const struct entry *entry = map_value(at);
        auto_free char *wanted = NULL;

        if (entry->kind != ENTRY_INSTANCE) {
            continue;
        }
        if (entry->desired == NULL) {
            return true; /* its container is being removed and may be on it */
        }
        wanted = zone_network_name(&world, entry->desired->instance.zone);
        if (strcmp(wanted, network) == 0) {
            return true;
        }
    }
    for (struct map_entry *at = map_first(&controller->containers); at != NULL; at = map_next(at)) {
        const struct observed_container *container = map_value(at);

        if (container->network != NULL && strcmp(container->network, network) == 0) {
            return true;
        }
    }
    return false;
}

void sweep_networks(struct controller *controller)
{
    if (!controller->is_listed || !controller->is_scanned || controller->scan_error != NULL) {
        return;
    }
    for (struct map_entry *at = map_first(&controller->networks); at != NULL; at = map_next(at)) {
        if (!is_network_needed(controller, map_key(at))) {
            const struct observed_network *network = map_value(at);

            sweep_remove(controller, "network", map_key(at), docker_remove_network(network->id));
        }
    }
}

void sweep_run(struct controller *controller)
{
    trees_expire(controller);
    if (!controller->is_listed || !controller->is_scanned || controller->scan_error != NULL) {
        return; /* what is unknown is not ownerless */
    }
    released_sweep(controller);
    forget_gone_orphans(controller);
    sweep_containers(controller);
    sweep_networks(controller);
    sweep_leases(controller);
    sweep_cgroups(controller);
    sweep_images(controller);
    run_folders_sweep(controller);
    disk_collect(controller);
    heartbeat_write(controller, false);
}
