#include "pool_world.h"

#include "reconcilers/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define KEY "InstancePool/web"

/* Says which world it was: the same seed is the same world. */
#define hold(world, rule)                                                                          \
    do {                                                                                           \
        if (!(rule)) {                                                                             \
            fail_msg("world %llu breaks: %s", (unsigned long long)(world)->seed, #rule);           \
        }                                                                                          \
    } while (0)

unsigned pool_world_roll(struct pool_world *world, unsigned sides)
{
    return dice_roll(&world->dice, sides);
}

static bool happens(struct pool_world *world, unsigned one_in)
{
    return pool_world_roll(world, one_in) == 0;
}

static void choose_bounds(struct pool_world *world)
{
    world->spec.min_instances = pool_world_roll(world, 5);
    world->spec.max_instances = world->spec.min_instances + pool_world_roll(world, 7);
}

void pool_world_init(struct pool_world *world, uint64_t seed)
{
    static const int64_t delays[] = {0, 1, 30, 300};
    static const int64_t targets[] = {10, 333, 500, 800, 1000};

    *world = (struct pool_world){.seed = seed, .now_wall_ms = INT64_C(1767355200000)};
    world->dice.state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    choose_bounds(world);
    world->spec.max_tasks_per_instance = 1 + pool_world_roll(world, 5);
    world->tasks_fitting = 1 + pool_world_roll(world, (unsigned)world->spec.max_tasks_per_instance);
    world->spec.target_utilization_milli = targets[pool_world_roll(world, 5)];
    world->spec.scale_down_delay_seconds = delays[pool_world_roll(world, 4)];
    world->spec.update_strategy = happens(world, 5) ? UPDATE_ON_DELETE : UPDATE_ROLLING;
    world->spec.max_unavailable = 1 + pool_world_roll(world, 3);
    world->spec.template_spec.power_state = happens(world, 12) ? POWER_STOPPED : POWER_RUNNING;
    world->taken_count = pool_world_roll(world, 4);
    for (size_t i = 0; i < world->taken_count; i++) {
        world->taken[i] = pool_world_roll(world, 6);
    }
    world->waiting_warm = happens(world, 3) ? pool_world_roll(world, 4) : 0;
    world->is_flickering = happens(world, 2);
}

void pool_world_done(struct pool_world *world)
{
    pool_decision_done(&world->last);
}

unsigned pool_world_count(const struct pool_world *world, enum member_state state)
{
    unsigned count = 0;

    for (size_t i = 0; i < world->count; i++) {
        count += world->members[i].state == state ? 1 : 0;
    }
    return count;
}

unsigned pool_world_active(const struct pool_world *world)
{
    unsigned count = 0;

    for (size_t i = 0; i < world->count; i++) {
        count += world->members[i].active_tasks;
    }
    return count;
}

unsigned pool_world_outdated(const struct pool_world *world)
{
    unsigned count = 0;

    for (size_t i = 0; i < world->count; i++) {
        const struct pool_member *member = &world->members[i];

        count += member->is_outdated && member->state != MEMBER_FAILED &&
                 member->state != MEMBER_LEAVING;
    }
    return count;
}

/* What happens to members */

static void set_state(struct pool_world *world, struct pool_member *member, enum member_state state)
{
    member->state = state;
    member->ready_wall_ms = state == MEMBER_READY ? world->now_wall_ms : 0;
    member->failed_wall_ms = state == MEMBER_FAILED ? world->now_wall_ms : 0;
}

static void make_anew(struct pool_world *world, struct pool_member *member)
{
    member->created_wall_ms = world->now_wall_ms;
    member->crashes_in_a_row = 0;
    member->is_outdated = false;
    world->is_broken[member - world->members] = world->is_template_broken;
    set_state(world, member, MEMBER_STARTING);
}

static void drop_member(struct pool_world *world, size_t i)
{
    size_t last = world->count - 1;

    world->waiting_warm += world->members[i].warm_repositories;
    world->waiting_tasks += world->members[i].active_tasks;
    world->members[i] = world->members[last];
    world->is_broken[i] = world->is_broken[last];
    world->count--;
}

static void finish_start(struct pool_world *world, struct pool_member *member)
{
    if (world->spec.template_spec.power_state != POWER_RUNNING) {
        return;
    }
    if (world->is_broken[member - world->members] && !world->is_flickering) {
        member->crashes_in_a_row = STALLED_AFTER;
        set_state(world, member, MEMBER_FAILED);
        return;
    }
    set_state(world, member, MEMBER_READY);
    member->is_let_go = member->is_let_go && member->is_outdated;
}

/* Up for a moment, down again: starting at first, then failed. */
static void flicker(struct pool_world *world, struct pool_member *member)
{
    if (member->state == MEMBER_READY) {
        member->crashes_in_a_row++;
        set_state(world, member,
                  member->crashes_in_a_row < STALLED_AFTER ? MEMBER_STARTING : MEMBER_FAILED);
    } else if (member->state == MEMBER_FAILED && happens(world, 4)) {
        set_state(world, member, MEMBER_READY);
    }
}

/* What was told to it is carried out when the dice say so; `is_now`: at once. */
static void progress(struct pool_world *world, bool is_now)
{
    for (size_t i = world->count; i-- > 0;) {
        struct pool_member *member = &world->members[i];

        if (member->state == MEMBER_LEAVING) {
            if (is_now || happens(world, 3)) {
                drop_member(world, i);
            }
        } else if (member->is_let_go && member->is_outdated && member->active_tasks == 0 &&
                   (is_now || happens(world, 2))) {
            make_anew(world, member);
        } else if (world->is_flickering && world->is_broken[i] &&
                   member->state != MEMBER_STARTING) {
            flicker(world, member);
        } else if (member->state == MEMBER_STARTING && (is_now || happens(world, 3))) {
            finish_start(world, member);
        }
    }
}

void pool_world_settle(struct pool_world *world)
{
    progress(world, true);
}

void pool_world_let_time_pass(struct pool_world *world, int64_t ms)
{
    world->now_wall_ms += ms;
}

void pool_world_change_template(struct pool_world *world, bool is_broken)
{
    world->is_template_broken = is_broken;
    for (size_t i = 0; i < world->count; i++) {
        world->members[i].is_outdated = true;
        world->members[i].is_let_go = false;
    }
}

void pool_world_end_tasks(struct pool_world *world)
{
    world->waiting_tasks = 0;
    for (size_t i = 0; i < world->count; i++) {
        world->members[i].active_tasks = 0;
    }
}

/* Times come back from status files, which have whole seconds. */
void pool_world_forget(struct pool_world *world)
{
    struct status_pool *status = &world->status;

    for (size_t i = 0; i < world->count; i++) {
        struct pool_member *member = &world->members[i];

        member->is_let_go = member->is_draining = false;
        member->created_wall_ms -= member->created_wall_ms % 1000;
        member->ready_wall_ms -= member->ready_wall_ms % 1000;
        member->failed_wall_ms -= member->failed_wall_ms % 1000;
    }
    *status = (struct status_pool){
        .surplus_since_wall_ms =
            status->surplus_since_wall_ms - status->surplus_since_wall_ms % 1000,
        .surplus_wanted = status->surplus_wanted,
        .next_create_wall_ms = status->next_create_wall_ms - status->next_create_wall_ms % 1000,
        .failures_in_a_row = status->failures_in_a_row,
        .last_failure_wall_ms =
            status->failures_in_a_row > 0
                ? status->last_failure_wall_ms - status->last_failure_wall_ms % 1000
                : 0,
    };
}

static void disturb_member(struct pool_world *world, struct pool_member *member)
{
    if (member->active_tasks > 0 && happens(world, 6)) {
        member->active_tasks--;
    }
    if (member->state == MEMBER_READY && happens(world, 60)) {
        set_state(world, member, happens(world, 2) ? MEMBER_STARTING : MEMBER_FAILED);
    } else if (member->state == MEMBER_FAILED && happens(world, 80)) {
        set_state(world, member, MEMBER_READY);
    }
}

void pool_world_disturb(struct pool_world *world)
{
    for (size_t i = 0; i < world->count; i++) {
        disturb_member(world, &world->members[i]);
    }
    if (happens(world, 4)) {
        world->waiting_tasks += pool_world_roll(world, happens(world, 8) ? 20 : 3);
    }
    if (happens(world, 12)) {
        world->waiting_tasks = 0; /* they were taken back */
    }
    if (happens(world, 40)) {
        choose_bounds(world);
    }
    if (happens(world, 50)) {
        pool_world_change_template(world, happens(world, 3));
    }
    if (happens(world, 50)) {
        pool_world_forget(world);
    }
    world->spec.is_suspended = happens(world, 50);
    progress(world, false);
    pool_world_let_time_pass(world, happens(world, 10) ? pool_world_roll(world, 900000)
                                                       : pool_world_roll(world, 4000));
}

/* Placement, as simple as can be: whoever is open takes what fits. */

static bool is_open(const struct pool_member *member)
{
    return member->state == MEMBER_READY && !member->is_draining &&
           !(member->is_let_go && member->is_outdated);
}

static void place(struct pool_world *world)
{
    for (size_t i = 0; i < world->count; i++) {
        struct pool_member *member = &world->members[i];

        if (member->state == MEMBER_FAILED || member->state == MEMBER_LEAVING) {
            world->waiting_warm += member->warm_repositories;
            member->warm_repositories = 0;
        }
        while (is_open(member) && world->waiting_tasks > 0 &&
               member->active_tasks < world->tasks_fitting) {
            member->active_tasks++;
            world->waiting_tasks--;
        }
        if (is_open(member) && world->waiting_warm > 0 && member->warm_repositories == 0) {
            member->warm_repositories = 1;
            world->waiting_warm--;
        }
        member->repositories = member->active_tasks + member->warm_repositories;
    }
}

/* The rules */

static bool is_coming_back(const struct pool_member *member)
{
    return member->state == MEMBER_FAILED && member->is_outdated && member->is_let_go;
}

static bool is_live(const struct pool_member *member)
{
    return member->state == MEMBER_READY || member->state == MEMBER_STARTING;
}

static void hold_orders(const struct pool_world *world, const struct pool_decision *decision)
{
    for (size_t i = 0; i < world->count; i++) {
        const struct pool_member *member = &world->members[i];
        enum member_order order = decision->orders[i];

        hold(world,
             member->active_tasks == 0 || (order != MEMBER_REMOVE && order != MEMBER_UPDATE));
        hold(world, member->state != MEMBER_LEAVING || order == MEMBER_KEEP);
        hold(world, order != MEMBER_UPDATE || member->is_outdated);
        hold(world, order != MEMBER_UPDATE || world->spec.update_strategy == UPDATE_ROLLING);
        hold(world, !world->spec.is_suspended || world->is_deleted || order == MEMBER_KEEP);
        hold(world, !world->is_deleted || member->state == MEMBER_LEAVING ||
                        order == (member->active_tasks > 0 ? MEMBER_DRAIN : MEMBER_REMOVE));
    }
}

static bool is_number_free(const struct pool_world *world, unsigned number)
{
    for (size_t i = 0; i < world->count; i++) {
        if (world->members[i].number == number) {
            return false;
        }
    }
    for (size_t i = 0; i < world->taken_count; i++) {
        if (world->taken[i] == number) {
            return false;
        }
    }
    return true;
}

static void hold_creation(const struct pool_world *world, const struct pool_decision *decision)
{
    unsigned next = 0, count = 0;

    for (size_t i = 0; i < world->count; i++) {
        count += world->members[i].state != MEMBER_FAILED || is_coming_back(&world->members[i]) ||
                 decision->orders[i] == MEMBER_UPDATE;
    }
    for (size_t i = 0; i < decision->created_count; i++, next++) {
        while (!is_number_free(world, next)) {
            next++;
        }
        hold(world, decision->created[i] == next);
    }
    if (decision->created_count > 0) {
        hold(world, !world->is_deleted && !world->spec.is_suspended);
        hold(world, count + decision->created_count <= (size_t)world->spec.max_instances);
        hold(world, decision->cause != NULL);
    }
    if (decision->created_count > 0 && decision->status.failures_in_a_row > 0) {
        hold(world, decision->created_count == 1);
        hold(world, world->status.next_create_wall_ms <= world->now_wall_ms);
        hold(world, decision->status.next_create_wall_ms >= world->now_wall_ms + 750);
    }
}

static void hold_evidence(const struct pool_world *world, const struct pool_decision *decision)
{
    unsigned kept = 0, busy = 0;

    if (world->is_deleted || world->spec.is_suspended) {
        return;
    }
    for (size_t i = 0; i < world->count; i++) {
        const struct pool_member *member = &world->members[i];

        if (member->state != MEMBER_FAILED || is_coming_back(member) ||
            decision->orders[i] == MEMBER_UPDATE) {
            continue;
        }
        busy += member->active_tasks > 0 ? 1 : 0;
        if (decision->orders[i] != MEMBER_REMOVE) {
            bool is_old = world->now_wall_ms - member->failed_wall_ms >= POOL_EVIDENCE_MS;

            hold(world, !is_old || member->active_tasks > 0);
            kept++;
            continue;
        }
        /* Not without need: it is old, or three that failed later are left. */
        if (world->now_wall_ms - member->failed_wall_ms < POOL_EVIDENCE_MS) {
            unsigned later = 0;

            for (size_t k = 0; k < world->count; k++) {
                const struct pool_member *other = &world->members[k];

                later +=
                    other->state == MEMBER_FAILED && decision->orders[k] != MEMBER_REMOVE &&
                    !is_coming_back(other) &&
                    (other->failed_wall_ms >= member->failed_wall_ms || other->active_tasks > 0);
            }
            hold(world, later >= POOL_EVIDENCE_MAX);
        }
    }
    hold(world, kept <= POOL_EVIDENCE_MAX || kept <= busy + POOL_EVIDENCE_MAX);
    hold(world, kept - busy <= POOL_EVIDENCE_MAX);
}

/* Removal of what is not failed: not below min; because of a surplus only when that lasted. */
static void hold_removal(const struct pool_world *world, const struct pool_decision *decision)
{
    unsigned live = 0, removed = 0, supply = 0;
    int64_t delay_ms = world->spec.scale_down_delay_seconds * 1000;

    if (world->is_deleted || world->spec.is_suspended) {
        return;
    }
    for (size_t i = 0; i < world->count; i++) {
        bool counts = is_live(&world->members[i]) || is_coming_back(&world->members[i]);

        live += counts ? 1 : 0;
        removed += counts && decision->orders[i] == MEMBER_REMOVE;
        supply +=
            counts && (decision->orders[i] == MEMBER_KEEP || decision->orders[i] == MEMBER_UPDATE);
    }
    if (removed == 0) {
        return;
    }
    hold(world, live - removed >= world->spec.min_instances);
    hold(world, decision->cause != NULL);
    if (live <= world->spec.max_instances) {
        hold(world, supply >= world->spec.min_instances);
        hold(world, supply >= decision->status.wanted);
        hold(world, supply >= POOL_WORLD_WANTED ||
                        world->above_wall_ms[supply] < world->now_wall_ms - delay_ms + 1000 ||
                        world->above_wall_ms[supply] == 0);
    }
}

/* Idle ones that are alike but for their age: the newest goes. */
static void hold_newest_first(const struct pool_world *world, const struct pool_decision *decision)
{
    for (size_t i = 0; i < world->count; i++) {
        const struct pool_member *gone = &world->members[i];

        if (decision->orders[i] != MEMBER_REMOVE || !is_live(gone) || world->is_deleted) {
            continue;
        }
        for (size_t k = 0; k < world->count; k++) {
            const struct pool_member *kept = &world->members[k];

            if (decision->orders[k] == MEMBER_KEEP && kept->state == gone->state &&
                kept->active_tasks == 0 && kept->warm_repositories == gone->warm_repositories &&
                kept->is_outdated == gone->is_outdated) {
                hold(world, kept->created_wall_ms < gone->created_wall_ms ||
                                (kept->created_wall_ms == gone->created_wall_ms &&
                                 kept->number < gone->number));
            }
        }
    }
}

/* Ready members are taken out of service only while no more than maxUnavailable are out. */
static void hold_rollout(const struct pool_world *world, const struct pool_decision *decision)
{
    int64_t out = 0, serving = 0;
    bool takes_another = false;

    if (world->is_deleted || world->spec.update_strategy == UPDATE_ON_DELETE) {
        return;
    }
    for (size_t i = 0; i < world->count; i++) {
        const struct pool_member *member = &world->members[i];
        enum member_order order = decision->orders[i];
        bool is_settled = member->is_outdated || world->now_wall_ms - member->ready_wall_ms >= 3000;
        bool is_serving = member->state == MEMBER_READY && order == MEMBER_KEEP && is_settled;

        if (is_live(member) && order != MEMBER_REMOVE) {
            serving += is_serving ? 1 : 0;
            out += is_serving ? 0 : 1;
            takes_another |= member->state == MEMBER_READY && member->is_outdated && !is_serving &&
                             !member->is_let_go && !member->is_draining;
        } else if (member->state == MEMBER_FAILED && !member->is_outdated &&
                   order != MEMBER_REMOVE && decision->status.failures_in_a_row > 0) {
            out++;
        }
    }
    /* Those that go because of maxInstances are none of the rollout. */
    if (takes_another && out + serving <= world->spec.max_instances) {
        hold(world, out <= world->spec.max_unavailable);
        hold(world, serving >= (int64_t)decision->status.wanted - world->spec.max_unavailable);
    }
}

/* Growth is never late, but for a back-off or maxInstances. */
static void hold_growth(const struct pool_world *world, const struct pool_decision *decision)
{
    unsigned supply = (unsigned)decision->created_count, present = supply;

    if (world->is_deleted || world->spec.is_suspended) {
        return;
    }
    for (size_t i = 0; i < world->count; i++) {
        const struct pool_member *member = &world->members[i];
        enum member_order order = decision->orders[i];

        present +=
            member->state != MEMBER_FAILED || is_coming_back(member) || order == MEMBER_UPDATE;
        supply += (is_live(member) && (order == MEMBER_KEEP || order == MEMBER_UPDATE)) ||
                  (member->state == MEMBER_FAILED && order == MEMBER_UPDATE);
    }
    hold(world, decision->status.wanted >= world->spec.min_instances);
    hold(world, decision->status.wanted <= world->spec.max_instances);
    if (supply < decision->status.wanted && present < world->spec.max_instances) {
        hold(world, decision->status.failures_in_a_row > 0);
        hold(world, decision->status.next_create_wall_ms > world->now_wall_ms);
        hold(world, decision->wake_at_wall_ms > 0 &&
                        decision->wake_at_wall_ms <= decision->status.next_create_wall_ms);
    }
}

static unsigned divide_up(unsigned dividend, unsigned divisor)
{
    return (dividend + divisor - 1) / divisor;
}

/* The need, reckoned by other words; only where nothing was removed, since that hides who counted. */
static void hold_need(const struct pool_world *world, const struct pool_decision *decision)
{
    const struct pool_spec *spec = &world->spec;
    unsigned tasks = world->waiting_tasks, used = 0, ready = 0, need = 0;

    if (world->is_deleted || spec->is_suspended ||
        spec->template_spec.power_state != POWER_RUNNING) {
        return;
    }
    for (size_t i = 0; i < world->count; i++) {
        const struct pool_member *member = &world->members[i];
        enum member_order order = decision->orders[i];

        if (order == MEMBER_REMOVE) {
            return;
        }
        if (is_live(member) && order != MEMBER_DRAIN) {
            tasks += member->active_tasks;
            used += member->active_tasks + member->warm_repositories > 0 ? 1 : 0;
            ready += member->state == MEMBER_READY && order == MEMBER_KEEP;
        }
    }
    while ((uint64_t)need * (uint64_t)spec->max_tasks_per_instance *
               (uint64_t)spec->target_utilization_milli <
           (uint64_t)tasks * 1000) {
        need++;
    }
    need = need > used ? need : used;
    if (world->waiting_tasks > 0 || world->waiting_warm > 0) {
        hold(world, need > spec->max_instances || decision->status.wanted > ready ||
                        decision->status.wanted == spec->max_instances);
    } else {
        need = need > spec->min_instances ? need : (unsigned)spec->min_instances;
        need = need < spec->max_instances ? need : (unsigned)spec->max_instances;
        hold(world, decision->status.wanted == need);
    }
}

static void hold_rules(const struct pool_world *world, const struct pool_decision *decision)
{
    hold_orders(world, decision);
    hold_creation(world, decision);
    hold_evidence(world, decision);
    hold_removal(world, decision);
    hold_newest_first(world, decision);
    hold_rollout(world, decision);
    hold_growth(world, decision);
    hold_need(world, decision);
    hold(world, decision->wake_at_wall_ms == 0 || decision->wake_at_wall_ms > world->now_wall_ms);
    if (world->spec.is_suspended && !world->is_deleted) {
        hold(world, decision->created_count == 0);
    }
}

/* One decision */

static void decide(const struct pool_world *world, struct pool_decision *ret_decision)
{
    unsigned waiting_members = divide_up(world->waiting_tasks, world->tasks_fitting);
    struct pool_input input = {
        .key = KEY,
        .spec = world->is_deleted ? NULL : &world->spec,
        .members = world->members,
        .member_count = world->count,
        .taken = world->taken,
        .taken_count = world->taken_count,
        .waiting_tasks = world->waiting_tasks,
        .waiting_repositories = world->waiting_warm,
        .waiting_members =
            waiting_members > world->waiting_warm ? waiting_members : world->waiting_warm,
        .previous = &world->status,
        .now_wall_ms = world->now_wall_ms,
    };

    pool_decide(&input, ret_decision);
}

static void apply_order(struct pool_world *world, struct pool_member *member,
                        enum member_order order)
{
    world->has_acted |= order == MEMBER_REMOVE || (order == MEMBER_UPDATE && !member->is_let_go) ||
                        (order == MEMBER_DRAIN) != member->is_draining;
    member->is_draining = order == MEMBER_DRAIN;
    if (order == MEMBER_UPDATE) {
        member->is_let_go = true;
    } else if (order == MEMBER_REMOVE) {
        set_state(world, member, MEMBER_LEAVING);
    }
}

static void note_wanted(struct pool_world *world)
{
    for (unsigned k = 0; k < POOL_WORLD_WANTED && k < world->status.wanted; k++) {
        world->above_wall_ms[k] = world->now_wall_ms;
    }
}

/* Who crashed and is up since a moment ago is not believed yet. */
static void judge(struct pool_world *judged)
{
    for (size_t i = 0; i < judged->count; i++) {
        struct pool_member *member = &judged->members[i];

        if (member->state == MEMBER_READY && member->crashes_in_a_row > 0 &&
            judged->now_wall_ms < member->ready_wall_ms + 10000) {
            bool is_loop = member->crashes_in_a_row >= STALLED_AFTER;

            member->state = is_loop ? MEMBER_FAILED : MEMBER_STARTING;
            member->failed_wall_ms = is_loop ? member->ready_wall_ms : 0;
        }
    }
}

void pool_world_step(struct pool_world *world)
{
    struct pool_decision decision;
    struct pool_world judged;

    place(world);
    decide(world, &decision);
    judged = *world;
    judge(&judged);
    hold_rules(&judged, &decision);
    world->has_acted = decision.created_count > 0;
    for (size_t i = 0; i < world->count; i++) {
        apply_order(world, &world->members[i], decision.orders[i]);
    }
    for (size_t i = 0; i < decision.created_count; i++) {
        hold(world, world->count < POOL_WORLD_MEMBERS);
        world->members[world->count] = (struct pool_member){
            .number = decision.created[i],
        };
        make_anew(world, &world->members[world->count]);
        world->count++;
    }
    world->created = (unsigned)decision.created_count;
    world->status = decision.status;
    note_wanted(world);
    pool_decision_done(&world->last);
    world->last = decision;
}
