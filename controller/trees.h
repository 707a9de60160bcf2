/*
 * Records of working trees: repos/<container>/records/<tree>.json.
 *
 * A record is on disk before its tree is made and goes after it, so whatever is found is known:
 * what it was made from (so that it can be mounted again after a reboot, and nothing below it is
 * collected), whose it is, and for how long it is kept. It outlives its task's spec.
 */
#ifndef BERTH_CONTROLLER_TREES_H
#define BERTH_CONTROLLER_TREES_H

#include "controller/controller.h"

struct tree_record {
    char *name;
    char *task;              /* whose it is; NULL: the shared tree, or one that setup runs in */
    char *commit;            /* it was made from */
    char *branch, *upstream; /* NULL: none */
    char *layer;             /* key of the setup below it; NULL: none */
    int64_t uid, gid;
    enum trees_method method;
    bool is_leaving; /* it is being removed: not on disk, like the next */
    bool is_ready;   /* made, and mounted, since this controller started */
    bool is_inspected, is_dirty, is_unpushed;
    char *end_commit, *end_branch;
    int64_t used_wall_ms;       /* when somebody last worked in it, as far as it is known */
    int64_t removed_at_wall_ms; /* its task is gone: it goes then; 0: it has an owner */
};

struct tree_record *tree_find(const struct entry *repository, const char *name);

/* Made where there is none; what the source says is taken over. Not saved. */
struct tree_record *tree_record_for(struct entry *repository, const char *name, const char *task,
                                    const struct tree_source *source);
int tree_save(struct entry *repository, const struct tree_record *record, struct error *err);
/* Now, or as soon as it can be written. */
void tree_keep(struct entry *repository, const struct tree_record *record);
void tree_forget(struct entry *repository, const char *name); /* the tree is gone */
void trees_load(struct entry *repository);
void trees_done(struct repository_entry *repository);

/* The task that it is of, as long as that is there and claims no other; NULL: nobody. */
struct entry *tree_owner(const struct entry *repository, const struct tree_record *record);
/*
 * It is of a task that has ended, and goes now: the tree, its record, and what the task says of it.
 */
void tree_remove_kept(struct entry *repository, struct tree_record *record);

/* What a task's status says about its tree. */
void tree_fill_status(const struct entry *repository, const struct tree_record *record,
                      struct object_status *status);

/* One that setup runs in, and no task. */
bool tree_is_of_setup(const struct tree_record *record);

/* Some that tasks worked in were not looked at since: there may be work in them. */
bool trees_have_unseen(const struct entry *repository);

/* Until when the work in its trees that is nowhere else is kept; 0: there is none. */
int64_t trees_kept_until(const struct entry *repository);

/* True while it is not over and works in the tree that all tasks of its container share. */
bool task_is_in_shared_tree(const struct entry *task);

/* Ready, and still there: a mount that somebody took away is made again. */
bool tree_is_there(const struct entry *repository, const struct tree_record *record);

/*
 * The task's name, or with a number behind it where a tree of that name is still kept; the caller's
 * to free.
 */
char *tree_free_name(const struct entry *repository, const char *task);

/* What the runner has written about the container's user, and how trees come into it. */
void trees_observe(struct entry *repository);

/*
 * repos/<base>/snap/<commit>-<uid>; the caller's to free, like the next: repos/<base>/setup/<key>.
 */
char *snapshot_path(const struct entry *mirror, const char *commit, int64_t uid);
char *layer_path(const struct entry *mirror, const char *key);

/*
 * What setup left uncommitted in a layer: a digest (clients/tree_job.h), in a file
 * "<layer>.changes" beside it. read: NULL where there is none; the caller's to free. Text "":
 * nothing, or not known.
 */
char *layer_read_changes(const struct entry *mirror, const char *key);
int layer_write_changes(const struct entry *mirror, const char *key, const char *changes,
                        struct error *err);

/* Those whose time is up are removed; the next look is arranged. */
void trees_expire(struct controller *controller);
/* Asks how trees can be made here, unless that is known, or is being found out. */
void trees_probe(struct controller *controller);

#endif
