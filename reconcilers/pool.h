/*
 * The arithmetic of a pool: how many members it needs, which are made, updated, drained and
 * removed.
 *
 * One pure function. It never makes more than maxInstances and never removes below minInstances,
 * counts as supply only members that are ready or starting, never removes or updates a busy member,
 * and decides nothing new for a stable input. Failed members are kept as evidence beside
 * maxInstances: three at most, an hour at most.
 *
 *     need   = the members that active and waiting tasks take at targetUtilization, within min and
 *     max
 *     supply = members ready or starting, and not being drained
 *
 * Supply below need: members are made at once, under the lowest free numbers; after failures one at
 * a time, each when the back-off of the pool is over, until one gets ready. Supply above need for
 * scaleDownDelaySeconds: idle members go, newest first. Tasks on a member that is drained end
 * there, and ask for no other.
 *
 * While the template's powerState is not Running, members cannot get ready: they are STARTING, and
 * the pool stands still but for minInstances, maxInstances and the template. docs/pools.md tells it
 * with examples.
 */
#ifndef BERTH_RECONCILERS_POOL_H
#define BERTH_RECONCILERS_POOL_H

#include "base/cleanup.h"
#include "specs/status.h"
#include "specs/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    POOL_EVIDENCE_MAX = 3,
    POOL_EVIDENCE_MS = 3600000,
    POOL_SETTLE_MS = 3000, /* ready for so long, a member of a new template lets the next one go */
    POOL_PROOF_MS =
        10000, /* ready for so long, one that crashed counts as ready, and any ends a back-off */
};

enum member_state {
    MEMBER_STARTING, /* on its way, or being repaired: supply */
    MEMBER_READY,    /* takes tasks: supply */
    MEMBER_FAILED,   /* will not come up without a change: evidence */
    MEMBER_LEAVING,  /* its removal is under way; it comes back no more */
};

struct pool_member {
    unsigned number; /* of "<pool>-<number>" */
    enum member_state state;
    bool is_outdated; /* its container was made from another template */
    /* The order before this one; both may be forgotten by a restart. */
    bool is_let_go;   /* it was MEMBER_UPDATE, and it may not be ready yet */
    bool is_draining; /* it was MEMBER_DRAIN */

    unsigned active_tasks;      /* placed on it and not over: it is busy */
    unsigned repositories;      /* containers placed on it, busy or not */
    unsigned warm_repositories; /* warm ones among them: too few members must not send them about */

    unsigned crashes_in_a_row; /* of its container, without ten good minutes between them */

    int64_t created_wall_ms;
    int64_t ready_wall_ms;  /* since when it is READY; 0: it is not */
    int64_t failed_wall_ms; /* since when it is FAILED; 0: it is not */
};

struct pool_input {
    const char *key; /* "InstancePool/web": what the jitter of its back-off follows from */

    /* NULL: the pool's spec is gone, all its members leave when idle */
    const struct pool_spec *spec;

    const struct pool_member *members;
    size_t member_count;
    const unsigned *taken; /* numbers whose names other objects have, in any order */
    size_t taken_count;

    /*
     * The answers of placement (placement.h), decided on these very members. While there are none
     * yet nobody knows who is busy: nothing is ordered, made or counted.
     */
    bool is_load_unknown;
    unsigned waiting_tasks; /* that find no place on the present members and would on a new one */
    unsigned waiting_repositories; /* warm ones without a place, which a new member would give */
    unsigned waiting_members;      /* new members that those fill by what they ask for; at least */

    /* Of the members that are STARTING, for the words of the status only. */
    unsigned resting;           /* nothing is under way: they are as the template wants them */
    unsigned stalled;           /* they need somebody's help ... */
    const char *stalled_reason; /* ... as one of them says */
    const char *stalled_message;

    const struct status_pool *previous; /* what it remembers; never NULL */
    int64_t now_wall_ms;
};

enum member_order {
    MEMBER_KEEP,
    MEMBER_DRAIN,  /* gets no new tasks: it is to be updated or removed as soon as it is idle */
    MEMBER_UPDATE, /* may be made anew from the present template now */
    MEMBER_REMOVE,
};

struct pool_decision {
    enum member_order *orders; /* one for each member of the input */
    unsigned *created;         /* numbers of new members, rising */
    size_t created_count;
    int64_t wake_at_wall_ms; /* look again then; 0: no need */

    bool is_updating;     /* some member, evidence apart, is not of the present template yet */
    bool is_update_stuck; /* and the rollout waits because members of the present template failed */

    const char *cause;         /* of created or removed members, one static phrase; NULL: none */
    struct status_pool status; /* the numbers, and what is to be remembered */
};

/* Everything in the decision is the caller's to free with pool_decision_done(). */
void pool_decide(const struct pool_input *input, struct pool_decision *ret_decision);
void pool_decision_done(struct pool_decision *decision);

/*
 * What a member's status means for its pool. FAILED only for what another member might do better: a
 * container that crashes, cannot start or has ended for good. A missing image, exhausted ports or a
 * silent engine would hit every other member too: STARTING, as is one that is stopped because its
 * spec says so. Never LEAVING: that is for who removes it to say.
 */
enum member_state pool_member_state(const struct object_status *status);

#endif
