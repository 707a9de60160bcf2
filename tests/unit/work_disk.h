/*
 * What a remote, a disk and an engine's images hold for one repository, for tests that ask where
 * decisions lead: branches, mirror, snapshots, layers of setups, working trees.
 *
 * Whatever an action says happens at once. One that no machine would carry out (a tree of a commit
 * that the mirror has not, one that is there already, one pulled away under somebody) ends the
 * test.
 */
#ifndef BERTH_TESTS_WORK_DISK_H
#define BERTH_TESTS_WORK_DISK_H

#include "reconcilers/mirror.h"
#include "reconcilers/plan.h"
#include "reconcilers/setup.h"

#include <stdbool.h>
#include <stdint.h>

enum { DISK_NAME = 96, DISK_TREES = 32, DISK_BRANCHES = 3, DISK_TEXTS = 256 };

typedef char disk_name[DISK_NAME];

struct disk_texts {
    disk_name items[DISK_TEXTS];
    size_t count;
};

struct disk_tree {
    disk_name name, commit, branch, layer; /* "": none */
    disk_name owner;                       /* task; "": the shared tree, or a setup's */
    bool is_ready;                         /* false: its mount is gone, what is in it is not */
    bool is_inspected, is_dirty, is_unpushed;
    bool has_work;              /* what an inspection would find */
    int64_t worked_wall_ms;     /* when somebody last wrote something */
    int64_t used_wall_ms;       /* when it was looked at last */
    int64_t removed_at_wall_ms; /* its task is gone; 0: it has an owner */
};

struct disk_branch {
    const char *name;
    disk_name commit; /* "": it is not there */
};

/* What the mirror said when it was asked last. */
struct disk_answer {
    disk_name revision, commit; /* commit "": it is not there */
};

struct work_disk {
    struct disk_branch remote[DISK_BRANCHES]; /* HEAD is the first */
    struct disk_branch fetched[DISK_BRANCHES];
    struct disk_texts commits; /* that the mirror has */
    struct observed_mirror mirror;
    struct disk_answer answers[16];
    size_t answer_count;
    const struct mirror_wish *asked; /* what the next job looks up */
    size_t asked_count;
    bool is_remote_away;
    unsigned commits_made, fetches, lookups;

    struct observed_trees trees;
    bool is_shared; /* the folder was prepared since the last start */
    struct disk_tree items[DISK_TREES];
    size_t count;
    struct disk_texts snapshots, layers, images;

    disk_name run; /* the setup run whose attempt this is */
    unsigned attempt;
    struct observed_attempt observed;
    bool setup_fails, setup_takes_long; /* long: it runs until this is false */
    unsigned setups_run;
    disk_name prepared; /* id of the container that setup has run in */
};

void work_disk_init(struct work_disk *disk);

/* A new commit on a branch of the remote. */
void work_disk_push(struct work_disk *disk, unsigned branch);

/* The commits of the remote come in; then the answers to what is asked for, and to nothing else. */
void work_disk_fetch(struct work_disk *disk, int64_t now_wall_ms);
void work_disk_look_up(struct work_disk *disk);
struct observed_revision work_disk_answer(const struct work_disk *disk,
                                          const struct revision *revision);

/* NULL: no such tree. */
struct disk_tree *work_disk_find(struct work_disk *disk, const char *name);
void work_disk_remove(struct work_disk *disk, const char *name); /* nothing where there is none */
void work_disk_clear(struct work_disk *disk); /* all trees go, and their folder */

/*
 * Its setup is asked for: false when it failed, or its end is not seen. container: whose id it has.
 */
bool work_disk_run_setup(struct work_disk *disk, const struct action *action,
                         const char *container);

/* The actions that are about trees only. owner: of a tree that is made. */
void work_disk_apply(struct work_disk *disk, const struct action *action, const char *owner,
                     int64_t now_wall_ms);

bool disk_texts_has(const struct disk_texts *texts, const char *text);
void disk_texts_add(struct disk_texts *texts, const char *text);

#endif
