#include "placement_world.h"

#include "base/parse.h"
#include "specs/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define hold(world, rule)                                                                          \
    do {                                                                                           \
        if (!(rule)) {                                                                             \
            fail_msg("world %llu breaks: %s", (unsigned long long)(world)->seed, #rule);           \
        }                                                                                          \
    } while (0)

static unsigned roll(struct placement_world *world, unsigned sides)
{
    return dice_roll(&world->dice, sides);
}

static bool happens(struct placement_world *world, unsigned one_in)
{
    return roll(world, one_in) == 0;
}

static const char *any_pool(struct placement_world *world)
{
    static const char *const names[] = {"web", "ci", DEFAULT_POOL, "nowhere"};

    return names[roll(world, happens(world, 8) ? 4 : 3)];
}

static void add_member(struct placement_world *world)
{
    size_t i = world->input.member_count;

    if (i == WORLD_MEMBERS || world->input.pool_count == 0) {
        return;
    }
    snprintf(world->member_names[i], WORLD_NAME, "m-%llu", (unsigned long long)++world->next);
    world->members[i] = (struct placement_member){
        .name = world->member_names[i],
        .pool = roll(world, (unsigned)world->input.pool_count),
        .is_open = !happens(world, 4),
        .is_standing = true,
        .sequence = world->next,
    };
    world->input.member_count++;
}

static void drop_member(struct placement_world *world, size_t i)
{
    size_t last = --world->input.member_count;

    if (i != last) {
        memcpy(world->member_names[i], world->member_names[last], WORLD_NAME);
        world->members[i] = world->members[last];
        world->members[i].name = world->member_names[i];
    }
}

static void add_task(struct placement_world *world)
{
    size_t i = world->input.task_count;

    if (i == WORLD_TASKS) {
        return;
    }
    snprintf(world->task_keys[i], WORLD_NAME, "t-%llu", (unsigned long long)++world->next);
    world->tasks[i] = (struct placement_task){
        .key = world->task_keys[i],
        .repository = roll(world, (unsigned)world->input.repository_count),
        .pool = happens(world, 4) ? any_pool(world) : NULL,
        .priority = (int64_t)roll(world, 3) - 1,
        .arrival_wall_ms = 1000 + (int64_t)(world->next / 4),
        .sequence = world->next,
    };
    world->input.task_count++;
}

static void swap_tasks(struct placement_world *world, size_t i, size_t k)
{
    struct placement_task task = world->tasks[i];
    char key[WORLD_NAME];

    memcpy(key, world->task_keys[i], WORLD_NAME);
    memcpy(world->task_keys[i], world->task_keys[k], WORLD_NAME);
    memcpy(world->task_keys[k], key, WORLD_NAME);
    world->tasks[i] = world->tasks[k];
    world->tasks[k] = task;
    world->tasks[i].key = world->task_keys[i];
    world->tasks[k].key = world->task_keys[k];
}

static void drop_task(struct placement_world *world, size_t i)
{
    swap_tasks(world, i, world->input.task_count - 1);
    world->input.task_count--;
}

void placement_world_shuffle(struct placement_world *world)
{
    for (size_t i = world->input.task_count; i > 1; i--) {
        swap_tasks(world, i - 1, roll(world, (unsigned)i));
    }
}

static void choose_pool(struct placement_world *world, size_t i)
{
    static const char *const names[WORLD_POOLS] = {"web", "ci", DEFAULT_POOL};

    world->pools[i] = (struct placement_pool){
        .name = names[i],
        .placement = happens(world, 2) ? PLACEMENT_PACK : PLACEMENT_SPREAD,
        .max_tasks = 1 + roll(world, 5),
        .cpu_milli = happens(world, 6) ? 0 : 1000 + roll(world, 4) * 1000,
        .memory_bytes = happens(world, 6) ? 0 : 1000 + roll(world, 4) * 1000,
        .can_grow = happens(world, 2),
        .max_instances = roll(world, 20),
    };
}

void placement_world_init(struct placement_world *world, uint64_t seed)
{
    *world = (struct placement_world){.seed = seed};
    world->dice.state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    world->input.pool_count = roll(world, WORLD_POOLS + 1);
    for (size_t i = 0; i < world->input.pool_count; i++) {
        choose_pool(world, i);
    }
    world->input.repository_count = 1 + roll(world, WORLD_REPOSITORIES);
    for (size_t i = 0; i < world->input.repository_count; i++) {
        snprintf(world->repository_keys[i], WORLD_NAME, "r-%zu", i);
        world->repositories[i] = (struct placement_repository){
            .key = world->repository_keys[i],
            .pool = any_pool(world),
            .cpu_milli = happens(world, 2) ? 0 : roll(world, 5) * 500,
            .memory_bytes = happens(world, 2) ? 0 : roll(world, 5) * 500,
            .is_warm = happens(world, 5),
        };
    }
    world->input.pools = world->pools;
    world->input.members = world->members;
    world->input.repositories = world->repositories;
    world->input.tasks = world->tasks;
}

void placement_world_done(struct placement_world *world)
{
    placement_result_done(&world->last);
}

void placement_world_disturb(struct placement_world *world)
{
    for (size_t i = world->input.task_count; i-- > 0;) {
        if (happens(world, world->tasks[i].is_admitted ? 6 : 40)) {
            drop_task(world, i);
        }
    }
    for (size_t i = world->input.member_count; i-- > 0;) {
        struct placement_member *member = &world->members[i];

        if (happens(world, 5)) {
            member->is_standing = !happens(world, 4);
            member->is_open = member->is_standing && happens(world, 2);
        }
        if (happens(world, 40)) {
            drop_member(world, i);
        }
    }
    for (unsigned n = roll(world, 5); n > 0; n--) {
        add_task(world);
    }
    if (happens(world, 3)) {
        add_member(world);
    }
    if (happens(world, 10) && world->input.pool_count > 0) {
        choose_pool(world, roll(world, (unsigned)world->input.pool_count));
    }
    for (size_t i = 0; i < world->input.repository_count; i++) {
        if (happens(world, 10)) {
            world->repositories[i].is_warm = happens(world, 5);
        }
        if (happens(world, 20)) {
            world->repositories[i].pool = any_pool(world);
        }
        if (happens(world, 3)) {
            world->repositories[i].is_present = false; /* it is stopped, or being made anew */
        }
    }
    placement_world_shuffle(world);
}

/* Facts, reckoned by looking at everything. `is_after`: with the result applied. */

static size_t member_index(const struct placement_world *world, const char *name)
{
    for (size_t i = 0; name != NULL && i < world->input.member_count; i++) {
        if (strcmp(world->members[i].name, name) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

static size_t pool_index(const struct placement_world *world, const char *name)
{
    for (size_t i = 0; i < world->input.pool_count; i++) {
        if (strcmp(world->pools[i].name, name) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

static const char *wish_of(const struct placement_world *world, size_t task)
{
    return world->tasks[task].pool != NULL
               ? world->tasks[task].pool
               : world->repositories[world->tasks[task].repository].pool;
}

static bool is_admitted(const struct placement_world *world, const struct placement_result *after,
                        size_t task)
{
    return after != NULL ? after->tasks[task].is_admitted : world->tasks[task].is_admitted;
}

static unsigned users_of(const struct placement_world *world, const struct placement_result *after,
                         size_t repository)
{
    unsigned count = 0;

    for (size_t i = 0; i < world->input.task_count; i++) {
        count += world->tasks[i].repository == repository && is_admitted(world, after, i);
    }
    return count;
}

static const char *instance_of(const struct placement_world *world,
                               const struct placement_result *after, size_t repository)
{
    return after != NULL ? after->repositories[repository].instance
                         : world->repositories[repository].instance;
}

/* Its container is on its member, or is about to be. */
static bool counts(const struct placement_world *world, const struct placement_result *after,
                   size_t i)
{
    const struct placement_repository *repository = &world->repositories[i];

    if (instance_of(world, after, i) == NULL) {
        return false;
    }
    return users_of(world, after, i) > 0 || repository->is_present ||
           (after != NULL && repository->is_warm && !after->repositories[i].is_waiting &&
            text_equal(after->repositories[i].pool, repository->pool));
}

struct use {
    unsigned tasks;
    int64_t cpu_milli, memory_bytes;
};

static struct use use_of(const struct placement_world *world, const struct placement_result *after,
                         size_t member)
{
    struct use use = {0};

    for (size_t i = 0; i < world->input.repository_count; i++) {
        if (member_index(world, instance_of(world, after, i)) == member) {
            use.tasks += users_of(world, after, i);
            use.cpu_milli += counts(world, after, i) ? world->repositories[i].cpu_milli : 0;
            use.memory_bytes += counts(world, after, i) ? world->repositories[i].memory_bytes : 0;
        }
    }
    return use;
}

static bool fits(int64_t asked, int64_t used, int64_t has)
{
    return asked == 0 || has == 0 || used + asked <= has;
}

static bool has_room(const struct placement_world *world, const struct placement_result *after,
                     size_t member, size_t repository)
{
    const struct placement_pool *pool = &world->pools[world->members[member].pool];
    const struct placement_repository *wanted = &world->repositories[repository];
    struct use use = use_of(world, after, member);

    return world->members[member].is_open && use.tasks < pool->max_tasks &&
           fits(wanted->cpu_milli, use.cpu_milli, pool->cpu_milli) &&
           fits(wanted->memory_bytes, use.memory_bytes, pool->memory_bytes);
}

/* True when a stands before b in the queue. */
static bool is_before(const struct placement_task *a, const struct placement_task *b)
{
    if (a->priority != b->priority) {
        return a->priority > b->priority;
    }
    if (a->arrival_wall_ms != b->arrival_wall_ms) {
        return a->arrival_wall_ms < b->arrival_wall_ms;
    }
    return a->sequence < b->sequence;
}

static bool waits_for_room(const struct placement_result *result, size_t task)
{
    const char *reason = result->tasks[task].reason;

    return text_equal(reason, PLACEMENT_WAITING) || text_equal(reason, REASON_POOL_EXHAUSTED);
}

static bool waits_in_queue(const struct placement_result *result, size_t task)
{
    return waits_for_room(result, task) ||
           text_equal(result->tasks[task].reason, REASON_INSTANCE_FULL);
}

/* The rules */

/* Whoever has a place keeps it, whatever becomes of its member. */
static void hold_places(const struct placement_world *world, const struct placement_result *result)
{
    for (size_t i = 0; i < world->input.task_count; i++) {
        const struct task_placement *told = &result->tasks[i];
        const struct repository_placement *where =
            &result->repositories[world->tasks[i].repository];

        hold(world, !world->tasks[i].is_admitted || told->is_admitted);
        hold(world, told->is_admitted == (told->reason == NULL));
        hold(world, told->is_admitted == (told->message == NULL));
        hold(world, !told->is_admitted || text_equal(told->instance, where->instance));
        hold(world, !told->is_admitted || text_equal(told->pool, where->pool));
        hold(world, told->is_admitted || told->instance == NULL);
    }
    for (size_t i = 0; i < world->input.repository_count; i++) {
        if (users_of(world, NULL, i) > 0) {
            hold(world, text_equal(instance_of(world, result, i), instance_of(world, NULL, i)));
        }
    }
}

/* Nothing new goes where there is no room for it. */
static void hold_bounds(const struct placement_world *world, const struct placement_result *result)
{
    for (size_t m = 0; m < world->input.member_count; m++) {
        const struct placement_pool *pool = &world->pools[world->members[m].pool];
        struct use before = use_of(world, NULL, m), after = use_of(world, result, m);
        bool is_new = false;

        for (size_t i = 0; i < world->input.repository_count; i++) {
            is_new |= member_index(world, instance_of(world, result, i)) == m &&
                      counts(world, result, i) &&
                      (!text_equal(instance_of(world, NULL, i), instance_of(world, result, i)) ||
                       !counts(world, NULL, i));
        }
        hold(world, after.tasks <= pool->max_tasks || after.tasks <= before.tasks);
        hold(world, after.tasks <= before.tasks || world->members[m].is_open);
        if (is_new) {
            hold(world, pool->cpu_milli == 0 || after.cpu_milli <= pool->cpu_milli ||
                            after.cpu_milli <= before.cpu_milli);
            hold(world, pool->memory_bytes == 0 || after.memory_bytes <= pool->memory_bytes ||
                            after.memory_bytes <= before.memory_bytes);
        }
    }
}

static void hold_wishes(const struct placement_world *world, const struct placement_result *result)
{
    for (size_t i = 0; i < world->input.task_count; i++) {
        const struct task_placement *told = &result->tasks[i];
        size_t pool = pool_index(world, wish_of(world, i));
        bool is_known = pool != SIZE_MAX || strcmp(wish_of(world, i), DEFAULT_POOL) == 0;
        size_t member = member_index(world, told->instance);

        if (world->tasks[i].is_admitted) {
            continue;
        }
        hold(world, is_known != text_equal(told->reason, REASON_POOL_UNKNOWN));
        if (told->is_admitted && member != SIZE_MAX) {
            hold(world, world->members[member].pool == pool);
            hold(world, text_equal(told->pool, wish_of(world, i)));
        } else if (!told->is_admitted) {
            hold(world, text_equal(told->pool, wish_of(world, i)));
        }
    }
}

/* A new member, or one that is there and gets ready soon. */
static bool is_pool_coming(const struct placement_world *world, size_t pool)
{
    bool is_coming = world->pools[pool].can_grow;

    for (size_t i = 0; i < world->input.member_count; i++) {
        is_coming |= world->members[i].pool == pool && !world->members[i].is_open &&
                     world->members[i].is_standing;
    }
    return is_coming;
}

/* A task waits only where nothing has room for it, and for a reason that is so. */
static void hold_reasons(const struct placement_world *world, const struct placement_result *result)
{
    for (size_t i = 0; i < world->input.task_count; i++) {
        size_t repository = world->tasks[i].repository, pool = pool_index(world, wish_of(world, i));
        size_t member = member_index(world, instance_of(world, result, repository));
        bool is_used = users_of(world, result, repository) > 0;

        if (waits_for_room(result, i)) {
            hold(world, !is_used);
            hold(world, text_equal(result->tasks[i].reason, PLACEMENT_WAITING) ==
                            is_pool_coming(world, pool));
            for (size_t m = 0; m < world->input.member_count; m++) {
                hold(world,
                     world->members[m].pool != pool || !has_room(world, result, m, repository));
            }
        } else if (text_equal(result->tasks[i].reason, REASON_INSTANCE_FULL)) {
            hold(world, is_used);
            hold(world, member == SIZE_MAX || !world->members[member].is_open ||
                            use_of(world, result, member).tasks >=
                                world->pools[world->members[member].pool].max_tasks);
        } else if (text_equal(result->tasks[i].reason, REASON_UNSCHEDULABLE)) {
            hold(world, !fits(world->repositories[repository].cpu_milli, 0,
                              world->pools[pool].cpu_milli) ||
                            !fits(world->repositories[repository].memory_bytes, 0,
                                  world->pools[pool].memory_bytes));
        } else if (text_equal(result->tasks[i].reason, REASON_POOL_CONFLICT)) {
            bool is_elsewhere = is_used;

            for (size_t k = 0; k < world->input.task_count; k++) {
                is_elsewhere |= world->tasks[k].repository == repository &&
                                waits_in_queue(result, k) &&
                                is_before(&world->tasks[k], &world->tasks[i]);
            }
            hold(world, is_elsewhere);
        }
    }
}

/* A container that this placement gave a new place, of a repository that nobody used. */
static bool is_freshly_placed(const struct placement_world *world,
                              const struct placement_result *result, size_t task)
{
    size_t repository = world->tasks[task].repository;

    if (world->tasks[task].is_admitted || !result->tasks[task].is_admitted ||
        users_of(world, NULL, repository) > 0 || counts(world, NULL, repository)) {
        return false;
    }
    for (size_t i = 0; i < world->input.task_count; i++) {
        if (world->tasks[i].repository == repository && result->tasks[i].is_admitted &&
            is_before(&world->tasks[i], &world->tasks[task])) {
            return false; /* it only joins that one */
        }
    }
    return true;
}

static void hold_ranks(const struct placement_world *world, const struct placement_result *result)
{
    for (size_t w = 0; w < world->input.task_count; w++) {
        const struct placement_task *waits = &world->tasks[w];

        if (!waits_in_queue(result, w)) {
            continue;
        }
        for (size_t i = 0; i < world->input.task_count; i++) {
            const struct placement_task *other = &world->tasks[i];
            const struct placement_repository *a = &world->repositories[waits->repository];
            const struct placement_repository *b = &world->repositories[other->repository];

            if (!is_before(waits, other) || other->is_admitted || !result->tasks[i].is_admitted) {
                continue;
            }
            hold(world, waits->repository != other->repository);
            if (waits_for_room(result, w) && is_freshly_placed(world, result, i) &&
                strcmp(wish_of(world, w), wish_of(world, i)) == 0) {
                hold(world, a->cpu_milli > b->cpu_milli || a->memory_bytes > b->memory_bytes);
            }
        }
    }
}

static void hold_queue(const struct placement_world *world, const struct placement_result *result)
{
    unsigned waiting[WORLD_POOLS] = {0};

    for (size_t i = 0; i < world->input.task_count; i++) {
        unsigned before = 0;
        size_t pool = pool_index(world, wish_of(world, i));

        for (size_t k = 0; k < world->input.task_count; k++) {
            before += waits_in_queue(result, k) && pool_index(world, wish_of(world, k)) == pool &&
                      is_before(&world->tasks[k], &world->tasks[i]);
        }
        hold(world,
             result->tasks[i].queue_position == (waits_in_queue(result, i) ? before + 1 : 0));
        if (waits_for_room(result, i)) {
            waiting[pool]++;
        }
    }
    for (size_t i = 0; i < world->input.pool_count; i++) {
        hold(world, result->waiting_tasks[i] == waiting[i]);
        hold(world, (result->waiting_members[i] > 0) ==
                        (waiting[i] + result->waiting_repositories[i] > 0));
        hold(world, result->waiting_members[i] <= waiting[i] + result->waiting_repositories[i]);
        hold(world, result->waiting_members[i] * world->pools[i].max_tasks >= waiting[i]);
    }
}

/*
 * A place that is good enough is kept: by an idle container too, and a warm one wants nothing else.
 */
static void hold_rest(const struct placement_world *world, const struct placement_result *result)
{
    for (size_t i = 0; i < world->input.repository_count; i++) {
        const struct placement_repository *repository = &world->repositories[i];
        const struct repository_placement *told = &result->repositories[i];
        size_t before = member_index(world, repository->instance);
        size_t after = member_index(world, told->instance);
        bool is_used = users_of(world, result, i) > 0;

        if (users_of(world, NULL, i) == 0 && !is_used && !repository->is_warm) {
            hold(world, before == after); /* nobody wants it */
        }
        if (users_of(world, NULL, i) == 0 && before != SIZE_MAX && after != SIZE_MAX &&
            before != after && world->members[before].pool == world->members[after].pool) {
            bool was_full = use_of(world, result, before).tasks >=
                            world->pools[world->members[before].pool].max_tasks;

            hold(world, !world->members[before].is_open || was_full || !repository->is_present);
            hold(world, is_used || !world->members[before].is_standing || !repository->is_present);
        }
        if (told->is_waiting) {
            hold(world, repository->is_warm && !is_used);
            for (size_t m = 0; m < world->input.member_count; m++) {
                hold(world, world->members[m].pool != pool_index(world, repository->pool) ||
                                !has_room(world, result, m, i));
            }
        }
    }
}

static void hold_rules(const struct placement_world *world, const struct placement_result *result)
{
    hold_places(world, result);
    hold_bounds(world, result);
    hold_wishes(world, result);
    hold_reasons(world, result);
    hold_ranks(world, result);
    hold_queue(world, result);
    hold_rest(world, result);
}

static void apply(struct placement_world *world, const struct placement_result *result)
{
    for (size_t i = 0; i < world->input.repository_count; i++) {
        struct placement_repository *repository = &world->repositories[i];
        const char *instance = result->repositories[i].instance;
        bool is_present = counts(world, result, i);

        world->has_moved |= !text_equal(instance, repository->instance);
        if (!text_equal(instance, repository->instance)) {
            snprintf(world->instances[i], WORLD_NAME, "%s", instance != NULL ? instance : "");
        }
        repository->instance = instance != NULL ? world->instances[i] : NULL;
        repository->is_present = is_present;
    }
    for (size_t i = 0; i < world->input.task_count; i++) {
        world->has_moved |= world->tasks[i].is_admitted != result->tasks[i].is_admitted;
        world->tasks[i].is_admitted = result->tasks[i].is_admitted;
    }
}

void placement_world_step(struct placement_world *world)
{
    struct placement_result result;

    placement_decide(&world->input, &result);
    hold_rules(world, &result);
    world->has_moved = false;
    apply(world, &result);
    placement_result_done(&world->last);
    world->last = result;
}
