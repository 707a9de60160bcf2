/*
 * One pool at one moment, for tests that ask what is decided then.
 */
#ifndef BERTH_TESTS_POOL_SCENE_H
#define BERTH_TESTS_POOL_SCENE_H

#include "reconcilers/pool.h"

#include <stddef.h>
#include <stdint.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const int64_t now_wall_ms = INT64_C(1767355200000);

/* Pool web: 1 to 5 members, 10 places on each, 8 of them in use at best, down after 300 s. */
struct scene {
    struct pool_spec spec;
    struct pool_member members[16];
    struct status_pool previous;
    struct pool_input input;
    struct pool_decision decision;
};

void scene_init(struct scene *scene);
void scene_done(struct scene *scene);

/* Of the next number; ready for nine hours, or failed a minute ago. */
struct pool_member *add_member(struct scene *scene, enum member_state state, unsigned tasks);
void add_members(struct scene *scene, unsigned count, enum member_state state, unsigned tasks);

void decide(struct scene *scene);
/* The next decision starts from what this one remembers. */
void decide_later(struct scene *scene, int64_t ms);

/* One letter for each member: - keep, d drain, u update, r remove. */
void expect_orders(const struct scene *scene, const char *orders);
void expect_created(const struct scene *scene, size_t count, const unsigned *numbers);

#endif
