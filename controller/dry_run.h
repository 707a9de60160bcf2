/*
 * A dry run for who wants to have what it finds, instead of having it printed.
 *
 * Set dry_run of the options and run the controller. It writes nothing, and takes no lock.
 */
#ifndef BERTH_CONTROLLER_DRY_RUN_H
#define BERTH_CONTROLLER_DRY_RUN_H

#include "base/cleanup.h"
#include "controller/spec_scan.h"

#include <stdbool.h>
#include <stddef.h>

struct entry;
struct plan;

/* One thing that a controller looks after: an object, a pool's member, a mirror ... */
struct dry_run_object {
    char *key;             /* "Instance/web", "Mirror/repo-org-x-12ab34" */
    const char *operation; /* "create", "update", ...: a static word; NULL: nothing would be done */
    char *cause;           /* of it; NULL when there is none */
    char *actions;         /* a line each, as `berth run --dry-run` prints them */
    char *image;           /* that its container has; NULL: it has none */
    char *wanted_image;    /* that its spec names; NULL: none */
    char *hindrance;       /* why nothing can be done: "PortConflict: ..."; NULL: nothing hinders */
    char *waits_for;       /* a task: why it does not run yet; NULL: it does not wait */
    char *pool;            /* a member: whose; NULL: it is none */
    bool is_gone;          /* its spec is */
};

struct dry_run {
    /* files of the spec directory as they would be; the caller's */
    const struct spec_overlay *overlays;
    size_t overlay_count;
    struct dry_run_object *objects; /* by key */
    size_t count, capacity;
    unsigned bad_files; /* specs with errors; they are printed on stderr */
    bool is_complete;   /* false: the engine or the directory could not be asked */
};

void dry_run_done(struct dry_run *dry_run);

/* The controller's: what the pass of an entry has come to. */
void dry_run_add(struct dry_run *dry_run, const struct entry *entry, const struct plan *plan);

#endif
