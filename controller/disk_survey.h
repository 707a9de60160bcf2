/*
 * What of the state directory may be collected (reconcilers/disk.h), as its files tell.
 *
 * A thing is a mirror, a snapshot, a setup layer, the workspace of a repository container, or the
 * tree of a task that has ended; each is a part of repos/. Reading writes nothing and needs no
 * controller: `berth gc --dry-run` does it too. A running controller adds what only it knows
 * (disk_facts.c).
 *
 * What the files do not tell counts as in use.
 */
#ifndef BERTH_CONTROLLER_DISK_SURVEY_H
#define BERTH_CONTROLLER_DISK_SURVEY_H

#include "controller/disk_notes.h"
#include "reconcilers/disk.h"

enum { DISK_FOLDERS_MAX = 2 };

/* Texts are the survey's. */
struct disk_thing {
    enum disk_item_kind kind;
    const char *id;         /* path below repos/: "repo-x/snap/<commit>-0" */
    const char *repository; /* folder of its mirror: "repo-x" */
    const char *container;  /* folder that it is in: the same, or that of a branch */
    const char *name;       /* of the snapshot, layer or tree */
    const char *commit; /* of a snapshot, or of a layer (its first 12 digits); where a tree is */
    const char *task, *branch; /* of a tree */
    bool has_work;             /* a tree: that was not pushed */

    /*
     * What its size is measured by; hard links into beside are its own no more. beside NULL: there
     * is none.
     */
    const char *folders[DISK_FOLDERS_MAX], *beside;
    size_t folder_count;
    uint64_t bytes, files; /* both 0: not measured */

    const char *use; /* why it is in use; NULL: it is not */
    int64_t last_used_wall_ms, kept_until_wall_ms;
    bool is_newest;
};

struct disk_survey {
    struct disk_thing *things; /* in no particular order */
    size_t count, capacity;
    struct disk_item *items; /* of disk_survey_decide(): item i is thing i */
    struct arena arena;
};

/*
 * Sizes, times and what is newest are those of the notes; uses too, if the one who noted them still
 * lives.
 */
void disk_survey_read(const char *state_dir, const struct disk_notes *notes, bool are_uses_valid,
                      int64_t now_wall_ms, struct disk_survey *ret_survey);
void disk_survey_done(struct disk_survey *survey);

/* In use, for the first reason that is given. */
void disk_thing_set_use(struct disk_survey *survey, struct disk_thing *thing, const char *use);

/* "snapshot", "setup layer", "working tree", "workspace", "mirror" */
const char *disk_kind_name(enum disk_item_kind kind);

/* disk_decide() of all things. */
void disk_survey_decide(struct disk_survey *survey, const struct disk_usage *usage,
                        const struct disk_policy *policy, int64_t now_wall_ms,
                        struct disk_decision *ret_decision);
const struct disk_thing *disk_survey_thing(const struct disk_survey *survey,
                                           const struct disk_item *item);

/*
 * What all things take together, as far as they were measured; of one repository, or (NULL) of all.
 */
uint64_t disk_survey_bytes(const struct disk_survey *survey, const char *repository);

/* The file system of the state directory; what cannot be told is 0. What pressed before stays. */
void disk_usage_read(const char *state_dir, struct disk_usage *ret_usage);

#endif
