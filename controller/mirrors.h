/*
 * Mirrors as entries: one for each repository, whatever containers it has. Key "Mirror/<container
 * name>".
 *
 * An entry lives as long as a container of its repository, or a task on it, has an entry. It has
 * the repository's settings, since all its containers share them: the Repository object, completed
 * by the repository's own devcontainer.json where the controller's policy allows that.
 */
#ifndef BERTH_CONTROLLER_MIRRORS_H
#define BERTH_CONTROLLER_MIRRORS_H

#include "controller/controller.h"
#include "controller/devcontainer_use.h"

/* What the mirror said about a revision. */
struct known_revision {
    bool is_looked_up; /* since the last fetch */
    char *commit, *message;
};

struct mirror_entry {
    struct repo_url url;
    char *url_text;                  /* as to be asked from the server */
    struct object *defaults;         /* settings when there is no Repository object */
    struct observed_mirror observed; /* its texts are the next */
    char *head_branch, *head_commit;
    struct devcontainer_use config;
    bool has_submodules, has_lfs; /* in a snapshot that was made */
    int64_t asked_wall_ms;        /* when somebody asked for a fetch */
    int64_t disk_bytes;           /* as measured last; 0: not yet */
    /* since when it is to go (disk.h), with none left who needs it; 0: it is not */
    int64_t evicted_wall_ms;
    struct map revisions;  /* revision_text() -> struct known_revision */
    struct map containers; /* key -> entry of a repository container */
    struct map tasks;      /* key -> entry of a task */
};

/* Made where there is none. NULL with err: no usable URL. */
struct entry *mirror_entry_for(struct controller *controller, const char *url_text,
                               struct error *err);
void mirror_free(struct mirror_entry *mirror);

/*
 * A task's spelling is taken where the one that came first is refused, and there is no Repository
 * object.
 */
void mirror_offer_url(struct entry *mirror, const char *url_text);
/* Another spelling of its URL counts from now on. */
void mirror_set_url(struct entry *mirror, const char *url_text);

/* The settings that count. */
const struct object *mirror_settings(const struct entry *mirror);
void mirror_set_object(struct entry *mirror, struct object *object); /* NULL: gone */
/* Why the container's image cannot be told yet, or NULL. */
const char *mirror_awaits(const struct entry *mirror);

/* What a tree of this revision could be made from now. since: see struct mirror_wish. */
void mirror_find_source(const struct entry *mirror, const struct revision *revision,
                        int64_t since_wall_ms, struct source *ret);
/* A task's. */
void task_find_source(const struct entry *task, struct source *ret);

/*
 * The revisions that the next job looks up: all that are waited for, or, without a fetch, those
 * that the mirror was not asked for since the last one. Borrowed; at most GIT_REVISIONS_MAX, the
 * others in the job after it.
 */
size_t mirror_wanted_revisions(const struct entry *mirror, bool is_fetch,
                               struct revision *revisions);
/* After a job: what it found. */
void mirror_take_result(struct entry *mirror, const struct revision *revisions,
                        const struct git_result *result, int64_t began_wall_ms, bool is_fetch);
void mirror_save(struct entry *mirror);
/* The same after a job that failed: whoever asked for it reads why (berth reconcile). */
void mirror_save_failure(struct entry *mirror, const struct error *failure);
/* Looks whether the mirror is still there: somebody else may have removed it. */
void mirror_observe(struct entry *mirror);
/* The mirror was removed from disk. */
void mirror_clear(struct entry *mirror);

/*
 * True: no container, no tree and no task is of it, and nobody keeps it warm. Of one that is to go:
 * tasks that have ended do not count.
 */
bool mirror_is_unused(const struct entry *mirror);
/* Somebody came who needs it after all. */
void mirror_end_eviction_if_used(struct entry *mirror);
/* True: nothing of it is left and nobody wants it. */
bool mirror_is_gone(const struct entry *mirror);
/* Those that look at it look again. */
void mirror_tell(struct entry *mirror);

/* Fills in all but the plan's own things. wishes: room for all tasks and one more; the caller's. */
void mirror_fill_input(const struct entry *mirror, struct mirror_input *input,
                       struct mirror_wish *wishes);

#endif
