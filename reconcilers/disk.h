/*
 * What of our own to remove from the disk of the state directory, and whether it is too full. Pure.
 *
 * Nothing that is in use is ever chosen, and work that was not pushed not before its time. Without
 * pressure only snapshots and setup layers go that are old and not the newest of their branch.
 * Under pressure there follow, as far as the known sizes say that it is needed and each least
 * recently used first: other snapshots and setup layers; idle workspaces and kept trees; and
 * mirrors, of which only those of whose repository nothing else is left. All of these can be made
 * again.
 *
 * What was not measured may free anything: it ends the list, so that the disk is looked at again.
 */
#ifndef BERTH_RECONCILERS_DISK_H
#define BERTH_RECONCILERS_DISK_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What there is too much of. */
enum { DISK_FULL = 1, DISK_INODES_USED = 2, DISK_OVER_BUDGET = 4 };

/* Of the file system; a total of 0: not known, or it has no such limit. */
struct disk_usage {
    uint64_t total_bytes, free_bytes;
    uint64_t total_inodes, free_inodes;
    unsigned pressing; /* what there was too much of before: it is so until the low mark */
};

/* Marks are per cent in use: pressure begins at high, and is over below low. */
struct disk_policy {
    unsigned high_percent, low_percent;
    unsigned high_inode_percent, low_inode_percent;
    uint64_t budget_bytes;   /* for all items together; 0: none */
    unsigned budget_percent; /* how much of the budget is left in use */
    int64_t unused_ms;       /* how long snapshots and setup layers are kept that nobody uses */
};

extern const struct disk_policy disk_policy_default;

/* The default with other limits: the low marks follow. */
struct disk_policy disk_policy_with(unsigned high_percent, unsigned high_inode_percent,
                                    uint64_t budget_bytes);

enum disk_item_kind {
    DISK_SETUP_LAYER,
    DISK_SNAPSHOT,
    DISK_KEPT_TREE,      /* of a task that has ended */
    DISK_IDLE_WORKSPACE, /* trees and layers of a repository container that no task uses */
    DISK_MIRROR,
};

struct disk_item {
    enum disk_item_kind kind;
    const char *id;         /* unique with its kind */
    const char *repository; /* key: what belongs to one mirror */
    uint64_t bytes, files;  /* both 0: not measured */
    int64_t last_used_wall_ms;
    int64_t kept_until_wall_ms; /* it has work that was not pushed; 0: it has none */
    bool is_in_use;             /* also by another item, such as a snapshot below a tree */
    bool is_newest;             /* a snapshot or setup layer: of its branch */
};

struct disk_removal {
    const struct disk_item *item; /* borrowed from the input */
    const char *cause;            /* "disk is 91 % full, the limit is 85 %; not used for 2 h" */
};

struct disk_decision {
    bool is_under_pressure;
    unsigned pressing;             /* what there is too much of now; 0 without pressure */
    const char *reason;            /* "disk is 91 % full, the limit is 85 %"; "" without pressure */
    struct disk_removal *removals; /* in this order */
    size_t removal_count;
    struct arena arena;
};

/*
 * What there is too much of (0: nothing), and in words, which are the caller's to free. item_bytes:
 * all items together.
 */
unsigned disk_find_pressure(const struct disk_usage *usage, const struct disk_policy *policy,
                            uint64_t item_bytes, char **ret_reason);

/*
 * How long the file system need not be looked at again: no longer than a fast disk, written to at
 * full speed, takes to come to a high mark. 10 s under pressure, near a mark, and where nothing is
 * known; 60 s at most.
 */
int64_t disk_look_again_ms(const struct disk_usage *usage, const struct disk_policy *policy);

/* The items must live as long as ret_decision. Their order does not matter. */
void disk_decide(const struct disk_usage *usage, const struct disk_policy *policy,
                 const struct disk_item *items, size_t count, int64_t now_wall_ms,
                 struct disk_decision *ret_decision);
void disk_decision_done(struct disk_decision *decision);

#endif
