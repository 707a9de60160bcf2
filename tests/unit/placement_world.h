/*
 * A world of pools, members, repositories and tasks in which placements are carried out, for tests
 * that ask where they lead.
 *
 * Tasks come and end, members open, close, come and go by the dice. Every placement is held against
 * the rules that none may break, reckoned anew from the world before and after; the first breach
 * ends the test and names the seed.
 */
#ifndef BERTH_TESTS_PLACEMENT_WORLD_H
#define BERTH_TESTS_PLACEMENT_WORLD_H

#include "plan_model.h"

#include "reconcilers/placement.h"

#include <stdbool.h>
#include <stdint.h>

enum { WORLD_POOLS = 3, WORLD_MEMBERS = 12, WORLD_REPOSITORIES = 16, WORLD_TASKS = 40 };
enum { WORLD_NAME = 24 };

struct placement_world {
    uint64_t seed;
    struct dice dice;
    struct placement_pool pools[WORLD_POOLS];
    struct placement_member members[WORLD_MEMBERS];
    struct placement_repository repositories[WORLD_REPOSITORIES];
    struct placement_task tasks[WORLD_TASKS];
    char member_names[WORLD_MEMBERS][WORLD_NAME];
    char repository_keys[WORLD_REPOSITORIES][WORLD_NAME];
    char instances[WORLD_REPOSITORIES][WORLD_NAME]; /* what a repository is on; "": nothing */
    char task_keys[WORLD_TASKS][WORLD_NAME];
    struct placement_input input;
    struct placement_result last;
    uint64_t next;  /* for names and ages */
    bool has_moved; /* in the last step: somebody got a place or another one */
};

void placement_world_init(struct placement_world *world, uint64_t seed);
void placement_world_done(struct placement_world *world);
void placement_world_disturb(struct placement_world *world);

/* Decides, holds against the rules, and carries out. */
void placement_world_step(struct placement_world *world);

/* Another order of the tasks; the same world. */
void placement_world_shuffle(struct placement_world *world);

#endif
