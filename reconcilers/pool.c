#include "reconcilers/pool_pass.h"

#include "base/clock.h"
#include "base/memory.h"
#include "reconcilers/world.h"

#include <stdlib.h>

/* More than maxInstances: at once, whatever the load. */

static void shed_excess(struct pool_pass *pass)
{
    const struct pool_input *input = pass->input;
    auto_free const struct pool_member **live = pool_member_list(pass);
    size_t count = 0, max = (size_t)pass->spec->max_instances;

    for (size_t i = 0; i < input->member_count; i++) {
        if (pool_counts_live(pass, &pass->members[i])) {
            live[count++] = &pass->members[i];
        }
    }
    qsort(live, count, sizeof(struct pool_member *), member_compare_leaving);
    for (size_t i = 0; i + max < count; i++) {
        pass->is_shed[live[i] - pass->members] = true;
        if (member_is_busy(live[i])) {
            *pool_order_of(pass, live[i]) = MEMBER_DRAIN;
        } else {
            *pool_order_of(pass, live[i]) = MEMBER_REMOVE;
            pool_say_cause(pass, "there are more members than maxInstances");
        }
    }
}

/* How many members are needed */

static unsigned divide_up(uint64_t dividend, uint64_t divisor)
{
    return (unsigned)((dividend + divisor - 1) / divisor);
}

/* Members that active and waiting tasks take, so that no more than targetUtilization is in use. */
static unsigned members_for_tasks(const struct pool_spec *spec, uint64_t tasks)
{
    return divide_up(tasks * 1000, (uint64_t)spec->target_utilization_milli *
                                       (uint64_t)spec->max_tasks_per_instance);
}

/* New members that what waits would fill: it found no place on those that are ready. */
static unsigned members_for_waiting(const struct pool_pass *pass)
{
    const struct pool_input *input = pass->input;
    unsigned count = members_for_tasks(pass->spec, input->waiting_tasks);

    if (count < input->waiting_members) {
        count = input->waiting_members;
    }
    return count == 0 && input->waiting_repositories > 0 ? 1 : count;
}

unsigned pool_find_need(const struct pool_pass *pass)
{
    const struct pool_input *input = pass->input;
    const struct pool_spec *spec = pass->spec;
    unsigned supply = 0, ready = 0, in_use = 0, need, waiting = members_for_waiting(pass);
    uint64_t tasks = input->waiting_tasks;

    for (size_t i = 0; i < input->member_count; i++) {
        const struct pool_member *member = &pass->members[i];

        if (pool_counts_supply(pass, member)) {
            supply++;
            in_use += member_is_in_use(member) ? 1 : 0;
            tasks += member->active_tasks;
            ready += member->state == MEMBER_READY && *pool_order_of(pass, member) == MEMBER_KEEP;
        }
    }
    need = members_for_tasks(spec, tasks);
    if (waiting > 0 && need < ready + waiting) {
        need = ready + waiting;
    }
    if (need < in_use) {
        need = in_use;
    }
    if (spec->template_spec.power_state != POWER_RUNNING) {
        need = supply;
    }
    if (need < spec->min_instances) {
        need = (unsigned)spec->min_instances;
    }
    return need < spec->max_instances ? need : (unsigned)spec->max_instances;
}

/* Supply below need */

static int compare_unsigned(const void *one, const void *other)
{
    unsigned a = *(const unsigned *)one, b = *(const unsigned *)other;

    return a < b ? -1 : a > b;
}

static void create_members(struct pool_pass *pass, size_t count)
{
    const struct pool_input *input = pass->input;
    size_t used_count = 0, next = 0;
    auto_free unsigned *used = xcalloc(input->member_count + input->taken_count + 1, sizeof(*used));
    struct pool_decision *decision = pass->decision;

    for (size_t i = 0; i < input->member_count; i++) {
        used[used_count++] = pass->members[i].number;
    }
    for (size_t i = 0; i < input->taken_count; i++) {
        used[used_count++] = input->taken[i];
    }
    qsort(used, used_count, sizeof(*used), compare_unsigned);
    decision->created = xcalloc(count, sizeof(*decision->created));
    for (unsigned number = 0; decision->created_count < count; number++) {
        while (next < used_count && used[next] < number) {
            next++;
        }
        if (next == used_count || used[next] != number) {
            decision->created[decision->created_count++] = number;
        }
    }
}

/*
 * Failed members of an older template are tried again with the present one before others are made.
 */
static size_t revive_evidence(struct pool_pass *pass, size_t count)
{
    const struct pool_input *input = pass->input;
    size_t revived = 0;

    for (size_t i = 0; i < input->member_count && revived < count; i++) {
        const struct pool_member *member = &pass->members[i];

        if (pool_keeps_as_evidence(pass, member) && member->is_outdated &&
            !member_is_busy(member) && *pool_order_of(pass, member) == MEMBER_KEEP) {
            *pool_order_of(pass, member) = MEMBER_UPDATE;
            revived++;
        }
    }
    return revived;
}

static const char *cause_of_growth(const struct pool_pass *pass, unsigned need)
{
    if (need <= pass->spec->min_instances) {
        return "there are fewer members than minInstances";
    }
    if (pass->input->waiting_tasks > 0) {
        return "tasks wait for a place";
    }
    return pass->input->waiting_repositories > 0 ? "warm repositories wait for a place"
                                                 : "the members are too full";
}

static void grow(struct pool_pass *pass, unsigned supply, unsigned need)
{
    const struct pool_input *input = pass->input;
    struct status_pool *status = pass->status;
    size_t missing = need - supply, present = 0, room;

    for (size_t i = 0; i < input->member_count; i++) {
        present += !pool_keeps_as_evidence(pass, &pass->members[i]);
    }
    room = present < (size_t)pass->spec->max_instances ? (size_t)pass->spec->max_instances - present
                                                       : 0;
    missing = missing < room ? missing : room;
    if (pass->spec->update_strategy == UPDATE_ROLLING) {
        missing -= revive_evidence(pass, missing);
    }
    if (missing == 0) {
        return;
    }
    if (status->failures_in_a_row > 0) {
        if (status->next_create_wall_ms > input->now_wall_ms) {
            pool_wake_at(pass, status->next_create_wall_ms);
            return;
        }
        missing = 1;
        status->next_create_wall_ms =
            input->now_wall_ms + (int64_t)retry_delay_ms(input->key, status->failures_in_a_row);
        pool_wake_at(pass, status->next_create_wall_ms);
    }
    create_members(pass, missing);
    pass->decision->cause = cause_of_growth(pass, need);
}

/* Supply above need */

static void remove_idle(struct pool_pass *pass, size_t count)
{
    const struct pool_input *input = pass->input;
    auto_free const struct pool_member **idle = pool_member_list(pass);
    size_t idle_count = 0;

    for (size_t i = 0; i < input->member_count; i++) {
        if (pool_counts_supply(pass, &pass->members[i]) && !member_is_in_use(&pass->members[i])) {
            idle[idle_count++] = &pass->members[i];
        }
    }
    qsort(idle, idle_count, sizeof(struct pool_member *), member_compare_leaving);
    for (size_t i = 0; i < idle_count && i < count; i++) {
        *pool_order_of(pass, idle[i]) = MEMBER_REMOVE;
        pool_say_cause(pass, "fewer members are enough");
    }
}

/* Removes what was not needed at any time of the delay. */
static void shrink(struct pool_pass *pass, unsigned supply, unsigned need)
{
    struct status_pool *status = pass->status;
    int64_t now = pass->input->now_wall_ms;
    int64_t delay_ms = pass->spec->scale_down_delay_seconds * MS_PER_SECOND;

    if (supply <= need) {
        status->surplus_since_wall_ms = 0;
        status->surplus_wanted = 0;
        return;
    }
    if (status->surplus_since_wall_ms == 0 || status->surplus_since_wall_ms > now) {
        status->surplus_since_wall_ms = now;
        status->surplus_wanted = need;
    } else if (status->surplus_wanted < need) {
        status->surplus_wanted = need;
    }
    if (now - status->surplus_since_wall_ms >= delay_ms) {
        unsigned enough = status->surplus_wanted;

        remove_idle(pass, supply > enough ? supply - enough : 0);
        status->surplus_since_wall_ms = enough > need ? now : 0;
        status->surplus_wanted = enough > need ? need : 0;
    }
    if (status->surplus_since_wall_ms > 0) {
        pool_wake_at(pass, status->surplus_since_wall_ms + delay_ms);
    }
}

/* The whole */

static void scale(struct pool_pass *pass)
{
    unsigned supply = 0, need = pool_find_need(pass);

    for (size_t i = 0; i < pass->input->member_count; i++) {
        supply += pool_counts_supply(pass, &pass->members[i]) ? 1 : 0;
    }
    if (supply < need) {
        grow(pass, supply, need);
    }
    shrink(pass, supply, need);
    pass->status->wanted = need;
}

static void dissolve(struct pool_pass *pass)
{
    for (size_t i = 0; i < pass->input->member_count; i++) {
        const struct pool_member *member = &pass->members[i];

        if (member_is_busy(member) && member->state != MEMBER_LEAVING) {
            pass->decision->orders[i] = MEMBER_DRAIN;
        } else if (member->state != MEMBER_LEAVING) {
            pass->decision->orders[i] = MEMBER_REMOVE;
            pool_say_cause(pass, "the pool is no longer wanted");
        }
    }
    pass->status->surplus_since_wall_ms = 0;
    pass->status->surplus_wanted = 0;
}

static void count_members(struct pool_pass *pass)
{
    struct status_pool *status = pass->status;
    unsigned places = pass->spec != NULL ? (unsigned)pass->spec->max_tasks_per_instance : 0;

    status->is_set = true;
    status->members = status->ready = status->starting = status->failed = status->draining = 0;
    status->updated = status->active_tasks = status->capacity = 0;
    status->waiting_tasks = pass->input->waiting_tasks;
    for (size_t i = 0; i < pass->input->member_count; i++) {
        const struct pool_member *member = &pass->members[i];
        bool is_ready = member->state == MEMBER_READY,
             is_starting = member->state == MEMBER_STARTING;

        status->active_tasks += member->active_tasks;
        if (member->state == MEMBER_LEAVING) {
            continue;
        }
        status->members++;
        status->ready += is_ready ? 1 : 0;
        status->starting += is_starting ? 1 : 0;
        status->failed += member->state == MEMBER_FAILED ? 1 : 0;
        status->draining += pass->decision->orders[i] == MEMBER_DRAIN ? 1 : 0;
        status->updated += member->is_outdated ? 0 : 1;
        status->capacity += is_ready || is_starting ? places : 0;
        pass->decision->is_updating |= pass->spec != NULL && pool_counts_live(pass, member) &&
                                       member->is_outdated &&
                                       pass->decision->orders[i] != MEMBER_REMOVE;
    }
}

void pool_decide(const struct pool_input *input, struct pool_decision *ret_decision)
{
    auto_free bool *is_shed = xcalloc(input->member_count + 1, sizeof(*is_shed));
    auto_free struct pool_member *members = xcalloc(input->member_count + 1, sizeof(*members));
    struct pool_pass pass = {
        .input = input,
        .members = members,
        .spec = input->spec,
        .decision = ret_decision,
        .status = &ret_decision->status,
        .is_shed = is_shed,
    };

    *ret_decision = (struct pool_decision){.status = *input->previous};
    ret_decision->orders = xcalloc(input->member_count + 1, sizeof(*ret_decision->orders));
    pool_judge_members(&pass);
    if (input->is_load_unknown) {
        pass.status->wanted = input->spec != NULL ? pool_find_need(&pass) : 0;
        count_members(&pass);
        return;
    }
    if (input->spec == NULL) {
        pass.status->wanted = 0;
        dissolve(&pass);
        count_members(&pass);
        return;
    }
    pool_note_failures(&pass);
    if (input->spec->is_suspended) {
        pass.status->wanted = pool_find_need(&pass);
        pass.status->surplus_since_wall_ms = 0;
        pass.status->surplus_wanted = 0;
        count_members(&pass);
        return;
    }
    pool_clear_evidence(&pass);
    shed_excess(&pass);
    if (input->spec->update_strategy == UPDATE_ROLLING) {
        pool_roll_update(&pass);
    }
    scale(&pass);
    count_members(&pass);
}

void pool_decision_done(struct pool_decision *decision)
{
    free(decision->orders);
    free(decision->created);
    *decision = (struct pool_decision){0};
}
