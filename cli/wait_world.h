/*
 * What a waiting command sees of some objects: their specs and their statuses, read again only
 * where a file has changed, so that looking ten times a second costs next to nothing.
 */
#ifndef BERTH_CLI_WAIT_WORLD_H
#define BERTH_CLI_WAIT_WORLD_H

#include "base/map.h"
#include "cli/wait_judge.h"

#include <stdint.h>

struct wait_world {
    const char *specs, *status_dir;
    struct map specs_read;    /* name of a spec file -> what was in it */
    struct map statuses_read; /* the same of status files */
    struct map spec_places;   /* "Task/fix-7" -> name of its spec file */
    struct map status_places; /* the same of status files */
    uint64_t places_at_ms;    /* when both directories were read; 0: not yet */
};

/* Both directories are borrowed. */
void wait_world_init(struct wait_world *world, const char *specs, const char *status_dir);
void wait_world_done(struct wait_world *world);

/*
 * One object, as it is now. The view borrows from the world until the next look. ERROR: a directory
 * cannot be read.
 */
int wait_world_look(struct wait_world *world, enum kind kind, const char *name,
                    struct wait_view *ret, struct error *err);

#endif
