#include "reconcilers/pool_pass.h"

#include "base/memory.h"
#include "base/parse.h"
#include "reconcilers/world.h"
#include "specs/reason.h"

bool pool_is_ready_for(struct pool_pass *pass, const struct pool_member *member, int64_t ms)
{
    int64_t now = pass->input->now_wall_ms, since = member->ready_wall_ms;

    if (since > now || now - since >= ms) { /* also when the clock was set back */
        return true;
    }
    pool_wake_at(pass, since + ms);
    return false;
}

void pool_judge_members(struct pool_pass *pass)
{
    const struct pool_input *input = pass->input;

    for (size_t i = 0; i < input->member_count; i++) {
        struct pool_member *member = &pass->members[i];

        *member = input->members[i];
        if (member->state != MEMBER_READY || member->crashes_in_a_row == 0 ||
            pool_is_ready_for(pass, member, POOL_PROOF_MS)) {
            continue;
        }
        if (member->crashes_in_a_row >= STALLED_AFTER) {
            member->state = MEMBER_FAILED;
            member->failed_wall_ms = member->ready_wall_ms;
        } else {
            member->state = MEMBER_STARTING;
        }
    }
}

bool member_is_busy(const struct pool_member *member)
{
    return member->active_tasks > 0;
}

bool member_is_in_use(const struct pool_member *member)
{
    return member_is_busy(member) || member->warm_repositories > 0;
}

/* Failed, and on its way to the present template: it is no evidence but is coming back. */
static bool is_coming_back(const struct pool_pass *pass, const struct pool_member *member)
{
    return member->state == MEMBER_FAILED && member->is_outdated && member->is_let_go &&
           pass->spec->update_strategy == UPDATE_ROLLING;
}

bool pool_counts_live(const struct pool_pass *pass, const struct pool_member *member)
{
    return member->state == MEMBER_READY || member->state == MEMBER_STARTING ||
           is_coming_back(pass, member);
}

bool pool_keeps_as_evidence(const struct pool_pass *pass, const struct pool_member *member)
{
    return member->state == MEMBER_FAILED && !is_coming_back(pass, member);
}

enum member_order *pool_order_of(const struct pool_pass *pass, const struct pool_member *member)
{
    return &pass->decision->orders[member - pass->members];
}

bool pool_counts_supply(const struct pool_pass *pass, const struct pool_member *member)
{
    enum member_order order = *pool_order_of(pass, member);

    return pool_counts_live(pass, member) && (order == MEMBER_KEEP || order == MEMBER_UPDATE);
}

void pool_wake_at(struct pool_pass *pass, int64_t wall_ms)
{
    struct pool_decision *decision = pass->decision;

    if (decision->wake_at_wall_ms == 0 || wall_ms < decision->wake_at_wall_ms) {
        decision->wake_at_wall_ms = wall_ms;
    }
}

void pool_say_cause(struct pool_pass *pass, const char *cause)
{
    if (pass->decision->cause == NULL) {
        pass->decision->cause = cause;
    }
}

const struct pool_member **pool_member_list(const struct pool_pass *pass)
{
    return xcalloc(pass->input->member_count + 1, sizeof(struct pool_member *));
}

static int compare_numbers(const struct pool_member *a, const struct pool_member *b)
{
    return a->number < b->number ? -1 : a->number > b->number;
}

int member_compare_ages(const struct pool_member *a, const struct pool_member *b)
{
    if (a->created_wall_ms != b->created_wall_ms) {
        return a->created_wall_ms < b->created_wall_ms ? -1 : 1;
    }
    return compare_numbers(a, b);
}

int member_compare_leaving(const void *one, const void *other)
{
    const struct pool_member *a = *(const struct pool_member *const *)one;
    const struct pool_member *b = *(const struct pool_member *const *)other;

    if (member_is_busy(a) != member_is_busy(b)) {
        return member_is_busy(a) ? 1 : -1;
    }
    if (member_is_busy(a) && a->is_draining != b->is_draining) {
        return a->is_draining ? -1 : 1;
    }
    if (member_is_in_use(a) != member_is_in_use(b)) {
        return member_is_in_use(a) ? 1 : -1;
    }
    if ((a->state == MEMBER_READY) != (b->state == MEMBER_READY)) {
        return a->state == MEMBER_READY ? 1 : -1;
    }
    if (a->is_outdated != b->is_outdated) {
        return a->is_outdated ? -1 : 1;
    }
    return -member_compare_ages(a, b);
}

/* Its program ended by itself, without an error, and nothing starts it again. */
static bool has_ended_well(const struct object_status *status)
{
    return status->phase == PHASE_TERMINATED &&
           text_equal(status->conditions[CONDITION_READY].reason, "Completed");
}

/*
 * Another start in a crash loop: until it is ready, it is what it was before. One that is made anew
 * is not.
 */
static bool is_crashing_on(const struct object_status *status)
{
    return status->phase == PHASE_REPAIRING && status->restarts.in_a_row >= STALLED_AFTER &&
           !text_equal(status->conditions[CONDITION_READY].reason, "Creating");
}

enum member_state pool_member_state(const struct object_status *status)
{
    static const char *const fatal[] = {REASON_CRASH_LOOP, REASON_FAILED,      REASON_START_FAILED,
                                        REASON_OOM_KILLED, REASON_HOOK_FAILED, REASON_PROBE_FAILED};
    const struct condition *ready = &status->conditions[CONDITION_READY];
    const struct condition *stalled = &status->conditions[CONDITION_STALLED];

    if (ready->value == CONDITION_TRUE) {
        return status->phase == PHASE_RUNNING ? MEMBER_READY : MEMBER_STARTING;
    }
    if (stalled->value == CONDITION_TRUE) {
        for (size_t i = 0; i < ARRAY_SIZE(fatal); i++) {
            if (text_equal(stalled->reason, fatal[i])) {
                return MEMBER_FAILED;
            }
        }
        return MEMBER_STARTING;
    }
    return has_ended_well(status) || is_crashing_on(status) ? MEMBER_FAILED : MEMBER_STARTING;
}
