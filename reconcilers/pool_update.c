#include "reconcilers/pool_pass.h"

#include "base/memory.h"

#include <stdlib.h>

/* What goes on from before, and what serves nobody anyway. */
static void continue_updates(struct pool_pass *pass, bool is_failing)
{
    const struct pool_input *input = pass->input;

    for (size_t i = 0; i < input->member_count; i++) {
        const struct pool_member *member = &pass->members[i];
        enum member_order *order = pool_order_of(pass, member);

        if (!member->is_outdated || !pool_counts_live(pass, member) || *order != MEMBER_KEEP) {
            continue;
        }
        if (member->is_let_go || member->state != MEMBER_READY) {
            *order = member_is_busy(member) ? MEMBER_DRAIN : MEMBER_UPDATE;
        } else if (member_is_busy(member) && member->is_draining && !is_failing) {
            *order = MEMBER_DRAIN;
        }
    }
}

/* Idle before busy, those with few repositories first, then the oldest. */
static int compare_updating(const void *one, const void *other)
{
    const struct pool_member *a = *(const struct pool_member *const *)one;
    const struct pool_member *b = *(const struct pool_member *const *)other;

    if (member_is_busy(a) != member_is_busy(b)) {
        return member_is_busy(a) ? 1 : -1;
    }
    if (!member_is_busy(a) && a->repositories != b->repositories) {
        return a->repositories < b->repositories ? -1 : 1;
    }
    return member_compare_ages(a, b);
}

/* A member of the present template failed, and none got ready since. */
static bool is_template_failing(const struct pool_pass *pass, const struct pool_member *member)
{
    return pass->status->failures_in_a_row > 0 && pool_keeps_as_evidence(pass, member) &&
           !member->is_outdated;
}

/*
 * Ready members that may be taken out of service: at most maxUnavailable are out at a time, and of
 * what the load needs no more than that are missing. The second matters when failed ones were
 * removed and could not be replaced.
 */
static int64_t find_update_slots(struct pool_pass *pass, bool *ret_is_failing)
{
    const struct pool_input *input = pass->input;
    int64_t out = 0, serving = 0, slots, spare;

    for (size_t i = 0; i < input->member_count; i++) {
        const struct pool_member *member = &pass->members[i];
        enum member_order order = *pool_order_of(pass, member);

        if (order == MEMBER_REMOVE || pass->is_shed[i] || member->state == MEMBER_LEAVING) {
            continue;
        }
        if (is_template_failing(pass, member)) {
            *ret_is_failing = true;
            out++;
        } else if (pool_counts_live(pass, member)) {
            bool is_serving =
                member->state == MEMBER_READY && order == MEMBER_KEEP &&
                (member->is_outdated || pool_is_ready_for(pass, member, POOL_SETTLE_MS));

            serving += is_serving ? 1 : 0;
            out += is_serving ? 0 : 1;
        }
    }
    slots = pass->spec->max_unavailable - out;
    spare = serving - ((int64_t)pool_find_need(pass) - pass->spec->max_unavailable);
    return slots < spare ? slots : spare;
}

static bool has_outdated(const struct pool_pass *pass)
{
    for (size_t i = 0; i < pass->input->member_count; i++) {
        if (pass->members[i].is_outdated && pool_counts_live(pass, &pass->members[i])) {
            return true;
        }
    }
    return false;
}

void pool_roll_update(struct pool_pass *pass)
{
    const struct pool_input *input = pass->input;
    auto_free const struct pool_member **outdated = pool_member_list(pass);
    bool is_failing = false;
    size_t count = 0, next = 0;
    int64_t slots;

    if (!has_outdated(pass)) {
        return;
    }
    find_update_slots(pass, &is_failing);
    continue_updates(pass, is_failing);
    slots = find_update_slots(pass, &is_failing);
    for (size_t i = 0; i < input->member_count; i++) {
        const struct pool_member *member = &pass->members[i];

        if (member->is_outdated && pool_counts_live(pass, member) &&
            *pool_order_of(pass, member) == MEMBER_KEEP) {
            outdated[count++] = member;
        }
    }
    qsort(outdated, count, sizeof(struct pool_member *), compare_updating);
    for (; next < count && slots > 0; next++, slots--) {
        *pool_order_of(pass, outdated[next]) =
            member_is_busy(outdated[next]) ? MEMBER_DRAIN : MEMBER_UPDATE;
    }
    pass->decision->is_update_stuck = is_failing && next < count;
}
