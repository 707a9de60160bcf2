/*
 * A small world in which a pool's decisions are carried out, for tests that ask where they lead.
 *
 * Members start, get ready, fail, get lost and leave by the dice; tasks and warm repositories are
 * placed on what is open; the spec and the template change. Every decision is held against the
 * rules that no decision may break, whatever the world looks like; the first breach ends the test
 * and names the seed.
 */
#ifndef BERTH_TESTS_POOL_WORLD_H
#define BERTH_TESTS_POOL_WORLD_H

#include "plan_model.h"

#include "reconcilers/pool.h"

#include <stdbool.h>
#include <stdint.h>

enum { POOL_WORLD_MEMBERS = 64, POOL_WORLD_WANTED = 32 };

struct pool_world {
    uint64_t seed;
    struct dice dice;
    struct pool_spec spec;
    bool is_deleted;         /* the decision is made without a spec */
    bool is_template_broken; /* what is made from the present template fails */
    unsigned tasks_fitting;  /* on one member, by what they ask for; at most its places */

    struct pool_member members[POOL_WORLD_MEMBERS];
    bool is_broken[POOL_WORLD_MEMBERS]; /* by member: its own template was broken */
    bool is_flickering;                 /* what is broken is ready for a moment before each crash */
    size_t count;
    unsigned taken[4];
    size_t taken_count;
    unsigned waiting_tasks;
    unsigned waiting_warm; /* each takes the only such place of a member */

    struct status_pool status;
    int64_t now_wall_ms;

    /* Of the last step. */
    bool has_acted;   /* made, updated or removed something, or gave other orders than before */
    unsigned created; /* members */
    struct pool_decision last;
    int64_t above_wall_ms[POOL_WORLD_WANTED]; /* when more than that many were wanted last */
};

void pool_world_init(struct pool_world *world, uint64_t seed);
void pool_world_done(struct pool_world *world);

unsigned pool_world_roll(struct pool_world *world, unsigned sides);

/* Things that happen. */
void pool_world_let_time_pass(struct pool_world *world, int64_t ms);
void pool_world_disturb(struct pool_world *world); /* by the dice: any of what may go on */
void pool_world_change_template(struct pool_world *world, bool is_broken);
void pool_world_settle(struct pool_world *world);    /* whatever starts gets ready, or fails */
void pool_world_end_tasks(struct pool_world *world); /* all of them */
void pool_world_forget(struct pool_world *world);    /* what a restart of the controller does */

/* One decision: placed, decided, held against the rules, carried out. */
void pool_world_step(struct pool_world *world);

/*
 * pool_rules.c: what no decision may break, whatever the world looks like; one breach ends the test
 */
void pool_rules_hold(const struct pool_world *world, const struct pool_decision *decision);

unsigned pool_world_count(const struct pool_world *world, enum member_state state);
unsigned pool_world_active(const struct pool_world *world);   /* tasks placed */
unsigned pool_world_outdated(const struct pool_world *world); /* not failed, and outdated */

/* Says which world it was: the same seed is the same world. */
#define hold(world, rule)                                                                          \
    do {                                                                                           \
        if (!(rule)) {                                                                             \
            fail_msg("world %llu breaks: %s", (unsigned long long)(world)->seed, #rule);           \
        }                                                                                          \
    } while (0)

#endif
