#include "reconcilers/pool_pass.h"

#include "base/memory.h"
#include "reconcilers/world.h"

#include <stdlib.h>

/*
 * Counts failures that are new. Members that were made before the last counted one failed of the
 * same cause: ten that come and fail together are one failure. A clock that was set back makes no
 * failure new.
 */
void pool_note_failures(struct pool_pass *pass)
{
    const struct pool_input *input = pass->input;
    struct status_pool *status = pass->status;
    int64_t now = input->now_wall_ms, known = status->last_failure_wall_ms, latest = 0;

    if (known > now) {
        status->last_failure_wall_ms = known = now;
    }
    for (size_t i = 0; i < input->member_count; i++) {
        const struct pool_member *member = &pass->members[i];
        bool is_new = member->state == MEMBER_FAILED && member->failed_wall_ms > known &&
                      member->failed_wall_ms <= now;

        if (is_new && (status->failures_in_a_row == 0 || member->created_wall_ms > known) &&
            member->failed_wall_ms > latest) {
            latest = member->failed_wall_ms;
        }
    }
    if (latest > 0) {
        int64_t next;

        status->failures_in_a_row++;
        next = latest + (int64_t)retry_delay_ms(input->key, status->failures_in_a_row);
        status->last_failure_wall_ms = known = latest;
        if (next > status->next_create_wall_ms) {
            status->next_create_wall_ms = next;
        }
    }
    for (size_t i = 0; i < input->member_count; i++) {
        const struct pool_member *member = &pass->members[i];

        if (status->failures_in_a_row > 0 && member->state == MEMBER_READY &&
            !member->is_outdated && member->ready_wall_ms > known &&
            pool_is_ready_for(pass, member, POOL_PROOF_MS)) {
            status->failures_in_a_row = 0;
        }
    }
    if (status->failures_in_a_row == 0) {
        status->next_create_wall_ms = 0;
    } else if (status->next_create_wall_ms > now + RETRY_MAX_MS) {
        status->next_create_wall_ms = now + RETRY_MAX_MS;
    }
}

static int compare_failures(const void *one, const void *other)
{
    const struct pool_member *a = *(const struct pool_member *const *)one;
    const struct pool_member *b = *(const struct pool_member *const *)other;

    if (a->failed_wall_ms != b->failed_wall_ms) {
        return a->failed_wall_ms < b->failed_wall_ms ? -1 : 1;
    }
    return member_compare_ages(a, b);
}

/* Evidence that is too old or too much goes, the oldest first. */
void pool_clear_evidence(struct pool_pass *pass)
{
    const struct pool_input *input = pass->input;
    auto_free const struct pool_member **failed = pool_member_list(pass);
    size_t count = 0, kept;

    for (size_t i = 0; i < input->member_count; i++) {
        if (pool_keeps_as_evidence(pass, &pass->members[i])) {
            failed[count++] = &pass->members[i];
        }
    }
    qsort(failed, count, sizeof(struct pool_member *), compare_failures);
    kept = count;
    for (size_t i = 0; i < count; i++) {
        int64_t until = failed[i]->failed_wall_ms + POOL_EVIDENCE_MS;

        if (kept <= POOL_EVIDENCE_MAX && until > input->now_wall_ms) {
            pool_wake_at(pass, until);
        } else if (member_is_busy(failed[i])) {
            *pool_order_of(pass, failed[i]) = MEMBER_DRAIN;
        } else {
            *pool_order_of(pass, failed[i]) = MEMBER_REMOVE;
            pool_say_cause(pass, "failed members are kept three at most, an hour at most");
            kept--;
        }
    }
}
