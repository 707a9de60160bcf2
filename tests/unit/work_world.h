/*
 * A repository with its mirror, container, setup and tasks, passed in turn as the controller passes
 * them, in a world where plans come true (plan_model.h, work_disk.h).
 *
 * After each plan the rules are held against the world that none may break; the first breach ends
 * the test and names the world.
 */
#ifndef BERTH_TESTS_WORK_WORLD_H
#define BERTH_TESTS_WORK_WORLD_H

#include "tests/unit/plan_model.h"

enum { WORK_TASKS = 4 };

#define WORK_CONTAINER "repo-org-project-486c50"
#define WORK_URL "https://git.example/org/project.git"
#define WORK_REPOSITORY                                                                            \
    "apiVersion: berth.dev/v1\nkind: Repository\nmetadata: {name: project}\nspec:\n  "             \
    "url: " WORK_URL "\n"
#define WORK_TASK                                                                                  \
    "apiVersion: berth.dev/v1\nkind: Task\nmetadata: {name: t}\nspec:\n  repository: " WORK_URL "\n"

struct work_task {
    char name[16];
    struct plan_model model;
    const struct object *desired; /* NULL: its spec is gone */
    bool is_removed;              /* nothing is left of it */
    int64_t ttl_ms;               /* as its spec said last */
    int64_t admitted_wall_ms;     /* when it got its place; 0: before this controller */
};

struct work_world {
    struct dice dice;
    struct port_table ports;
    struct world world;
    struct work_disk disk;
    struct plan_model mirror, repository, setup;
    const struct object *settings;
    bool is_explicit, is_deleted;
    const char *refusal;  /* of the URL; NULL: it is allowed */
    const char *pressure; /* the disk is full; NULL: it is not */
    unsigned sessions;    /* of people, in the container */
    bool may_have_sessions;
    struct work_task tasks[WORK_TASKS];
    struct arena arena; /* of the wanted ports */
    struct port_list wanted;
    bool has_changed;        /* in the round at hand */
    int64_t wake_at_wall_ms; /* the earliest moment that the round asked for; 0: none */
    unsigned fails_in;       /* the so many-th plan from here fails; 0: none does */
};

/* The dice begin with the number; nothing is there, and nobody wants anything. */
void work_world_init(struct work_world *world, unsigned number, const struct object *settings);
void work_world_done(struct work_world *world);
int work_world_tell(void **state); /* a teardown that says which world it was */

void work_world_use(struct work_world *world, const struct object *settings);

/* A task of this spec, under the name of its place; what was there before is forgotten. */
void work_world_add(struct work_world *world, unsigned place, const struct object *spec);

/* Its command ends. Nothing when none runs. */
void work_world_end(struct work_world *world, unsigned place, int64_t exit_code);

/* The container is killed, and with it the commands. */
void work_world_kill(struct work_world *world);

/* The machine starts anew: commands and mounts are gone, files are not. */
void work_world_reboot(struct work_world *world);

/* A controller ends, and the next one knows what is in files. */
void work_world_restart(struct work_world *world);

/* Somebody changes a file in the tree of a task that runs. False: none does. */
bool work_world_work(struct work_world *world, unsigned place);

/* Passes of all until two rounds are alike. Returns the moment to look again, or 0. */
int64_t work_world_settle(struct work_world *world);

bool work_world_runs(const struct work_world *world); /* the container does */
const struct object_status *work_world_status(const struct work_world *world, unsigned place);

#endif
