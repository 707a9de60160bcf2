/*
 * One decision on a pool while it is being made: for pool*.c only. Callers use pool.h.
 *
 * The order matters: failures are counted, evidence is cleared, what is more than maxInstances
 * goes, the template rolls on, and only then supply is compared with need; each step sees the
 * orders of those before it.
 */
#ifndef BERTH_RECONCILERS_POOL_PASS_H
#define BERTH_RECONCILERS_POOL_PASS_H

#include "reconcilers/pool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool_pass {
    const struct pool_input *input;
    struct pool_member *members; /* the input's, each in the state that it is trusted to be in */
    const struct pool_spec *spec;
    struct pool_decision *decision;
    struct status_pool *status; /* of the decision */
    bool *is_shed;              /* by member: goes because of maxInstances, now or when idle */
};

/* pool_members.c: what a member is to its pool */

/*
 * A container that crashes again and again is up for a moment each time. Until it has been so for a
 * while, its member is what it was before: failed, or starting.
 */
void pool_judge_members(struct pool_pass *pass);

/* Of a member that is READY. If not yet, the pool wakes then. */
bool pool_is_ready_for(struct pool_pass *pass, const struct pool_member *member, int64_t ms);

bool member_is_busy(const struct pool_member *member);

/* Busy, or the place of warm repositories, which should not be sent about for want of members. */
bool member_is_in_use(const struct pool_member *member);

/* For qsort() of pointers to members. Those that come first are missed less: idle, without warm
 * repositories, not ready, outdated, newest. */
int member_compare_leaving(const void *one, const void *other);
int member_compare_ages(const struct pool_member *a, const struct pool_member *b);

/* There or on its way, draining or not: counts against maxInstances. */
bool pool_counts_live(const struct pool_pass *pass, const struct pool_member *member);
/* Failed, and not on its way to the present template. */
bool pool_keeps_as_evidence(const struct pool_pass *pass, const struct pool_member *member);
/* Live, and neither draining nor going. */
bool pool_counts_supply(const struct pool_pass *pass, const struct pool_member *member);

enum member_order *pool_order_of(const struct pool_pass *pass, const struct pool_member *member);
void pool_wake_at(struct pool_pass *pass, int64_t wall_ms);     /* the earliest one counts */
void pool_say_cause(struct pool_pass *pass, const char *cause); /* the first one counts */

/* Room for every member, and one more; the caller's to free. */
const struct pool_member **pool_member_list(const struct pool_pass *pass);

/* pool_failures.c */
void pool_note_failures(struct pool_pass *pass);
void pool_clear_evidence(struct pool_pass *pass);

/* pool_update.c: carries a changed template to the members, RollingUpdate */
void pool_roll_update(struct pool_pass *pass);

/* pool.c: how many members are needed, given the orders so far */
unsigned pool_find_need(const struct pool_pass *pass);

#endif
