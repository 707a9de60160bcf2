#include "controller/disk_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/mirrors.h"
#include "controller/trees.h"

#include <stdlib.h>
#include <unistd.h>

/*
 * How things go. What nobody owns is put out of the way now, in the turn in which it was decided.
 * What has an owner (a container, a mirror) goes by its owner's own pass, which is told that the
 * time that it is kept is over.
 */

static bool put_away(struct controller *controller, const struct disk_thing *thing,
                     const char *directory)
{
    auto_free char *part = xasprintf("%s/%s", directory, thing->name);
    struct error err = {0};

    if (workspace_put_away(controller, thing->container, part, &err) < 0) {
        log_fields(LOG_WARN, "cleanup_failed", "path", thing->id, "error", err.message, NULL);
        return false;
    }
    return true;
}

static bool remove_layer(struct controller *controller, const struct disk_thing *thing)
{
    auto_free char *changes =
        state_path(&controller->state, "repos/%s/setup/%s.changes", thing->container, thing->name);

    if (!put_away(controller, thing, "setup")) {
        return false;
    }
    unlink(changes);
    return true;
}

static bool remove_kept_tree(struct controller *controller, const struct disk_thing *thing)
{
    struct entry *repository =
        entry_of_container(controller, KIND_REPOSITORY_CONTAINER, thing->container);
    struct tree_record *record = repository != NULL ? tree_find(repository, thing->name) : NULL;

    if (record == NULL) {
        return false;
    }
    tree_remove_kept(repository, record);
    return true;
}

static bool evict_workspace(struct controller *controller, const struct disk_thing *thing)
{
    struct entry *repository =
        entry_of_container(controller, KIND_REPOSITORY_CONTAINER, thing->container);

    if (repository == NULL) {
        return false;
    }
    repository->repository->evicted_wall_ms = clock_wall_ms();
    entry_enqueue(repository);
    return true;
}

/* A mirror that has no entry is a leftover of a controller that was killed in its first clone. */
static bool evict_mirror(struct controller *controller, const struct disk_thing *thing)
{
    struct entry *mirror = entry_of_container(controller, KIND_MIRROR, thing->repository);
    struct error err = {0};

    if (mirror != NULL) {
        mirror->mirror->evicted_wall_ms = clock_wall_ms();
        entry_enqueue(mirror);
        return true;
    }
    if (workspace_put_away(controller, thing->container, "git", &err) < 0) {
        log_fields(LOG_WARN, "cleanup_failed", "path", thing->id, "error", err.message, NULL);
        return false;
    }
    return true;
}

bool disk_remove(struct controller *controller, const struct disk_thing *thing, const char *cause)
{
    auto_free char *bytes = xasprintf("%llu", (unsigned long long)thing->bytes);

    log_fields(LOG_INFO, "collect", "kind", disk_kind_name(thing->kind), "path", thing->id, "bytes",
               bytes, "cause", cause, NULL);
    controller->collector->removing_wall_ms = clock_wall_ms();
    switch (thing->kind) { /* no default: a kind that cannot go does not compile */
    case DISK_SETUP_LAYER: return remove_layer(controller, thing);
    case DISK_SNAPSHOT: return put_away(controller, thing, "snap");
    case DISK_KEPT_TREE: return remove_kept_tree(controller, thing);
    case DISK_IDLE_WORKSPACE: return evict_workspace(controller, thing);
    case DISK_MIRROR: return evict_mirror(controller, thing);
    }
    abort(); /* not a kind at all: memory is damaged */
}
