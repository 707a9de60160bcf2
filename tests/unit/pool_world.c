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

/* One decision */

static unsigned divide_up(unsigned dividend, unsigned divisor)
{
    return (dividend + divisor - 1) / divisor;
}

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

void pool_world_step(struct pool_world *world)
{
    struct pool_decision decision;

    place(world);
    decide(world, &decision);
    pool_rules_hold(world, &decision);
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
