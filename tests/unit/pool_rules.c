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

/*
 * The need, reckoned by other words; only where nothing was removed, since that hides who counted.
 */
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

void pool_rules_hold(const struct pool_world *world, const struct pool_decision *decision)
{
    struct pool_world judged = *world;

    judge(&judged);
    hold_rules(&judged, decision);
}
