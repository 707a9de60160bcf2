/*
 * Mirrors: one bare clone per repository, which everything of it is made from. Pure.
 *
 * A mirror is fetched when somebody wants a revision and what is known of the remote is too old for
 * that, when an operator asks, and, while the repository is in use, at its interval. What the
 * mirror has of a revision, and whether that is good enough to begin with, is decided by
 * mirror_source() for everybody alike.
 */
#ifndef BERTH_RECONCILERS_MIRROR_H
#define BERTH_RECONCILERS_MIRROR_H

#include "reconcilers/observed.h"
#include "reconcilers/plan.h"
#include "reconcilers/world.h"

#define KIND_MIRROR "Mirror" /* in keys: not a kind users write */

/*
 * Only schemes that the operator allows, file:// only below the root that was named, and others as
 * the policy says. True when it is refused; why is the caller's to policy_refusal_done().
 */
bool mirror_refuses_url(const struct world *world, const struct repo_url *url,
                        struct policy_refusal *ret);
/* What the mirror knows about a revision. */
struct observed_revision {
    bool is_looked_up;   /* since the last fetch */
    const char *commit;  /* 40 hex; NULL: it is not there */
    const char *message; /* why not */
};

/* A revision that somebody waits for. */
struct mirror_wish {
    struct revision revision;
    /* a fetch that began then or later is new enough, whatever the interval */
    int64_t since_wall_ms;
    struct observed_revision observed;
};

enum source_state {
    SOURCE_WAITING, /* for a fetch, or for the mirror to be asked */
    SOURCE_MISSING, /* the remote has no such revision: reason and message */
    SOURCE_READY,
};

/* What a tree can be made from. Texts are borrowed from the input. */
struct source {
    enum source_state state;
    const char *commit;
    const char *branch; /* of the remote, that it follows; NULL: none */
    bool is_stale;      /* the remote could not be asked: message says why */
    bool needs_fetch, needs_lookup;
    const char *reason, *message; /* why WAITING does not get on, or MISSING */
};

struct mirror_view {
    const struct observed_mirror *mirror;
    int64_t interval_seconds; /* how old is too old */
    const struct observed_failure *failure;
    int64_t now_wall_ms;
};

void mirror_source(const struct mirror_view *view, const struct mirror_wish *wish,
                   struct source *ret);

/* A commit by its full name never changes. */
bool revision_is_commit(const struct revision *revision);
/* "branch main", "tag or commit v1", "the remote's HEAD"; the caller's to free. */
char *revision_text(const struct revision *revision);
bool revision_equal(const struct revision *a, const struct revision *b);

struct mirror_input {
    const char *name;                     /* of the repository's container without a branch */
    const char *url;                      /* canonical */
    const struct object *settings;        /* the Repository object, or one with all defaults */
    const char *refusal_reason, *refusal; /* the URL is not allowed; NULL: it is */
    const char *pressure;                 /* the disk is full: nothing new; NULL: it is not */
    const struct observed_mirror *mirror;
    const struct mirror_wish *wishes;
    size_t wish_count;
    bool is_unused;        /* nothing is made from it, and nothing will be soon */
    bool is_followed;      /* it is in use: fetched at the interval */
    int64_t asked_wall_ms; /* when an operator asked for a fetch last; 0: never */
    const struct observed_failure *failure;
    const struct object_status *previous;
};

void mirror_reconcile(const struct world *world, const struct mirror_input *input,
                      struct plan *plan, struct object_status *status);

#endif
