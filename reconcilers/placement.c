#include "reconcilers/placement_pass.h"

#include "base/cleanup.h"
#include "base/parse.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ROUNDS = 16 };

const char *placement_wish(const struct placement_pass *pass, const struct placement_task *task)
{
    return task->pool != NULL ? task->pool : pass->input->repositories[task->repository].pool;
}

const struct placement_pool *placement_pool_find(const struct placement_pass *pass,
                                                 const char *name)
{
    return map_get(&pass->pools, name);
}

static struct repository_state *state_of(struct placement_pass *pass,
                                         const struct placement_task *task)
{
    return &pass->repositories[task->repository];
}

/* Tasks */

static void admit(struct placement_pass *pass, const struct placement_task *task)
{
    struct repository_state *state = state_of(pass, task);

    if (state->admitted == 0) {
        state->home = task;
    }
    state->admitted++;
    if (state->member != NULL) {
        if (!state->is_charged) {
            placement_charge(pass, task->repository);
        }
        placement_load_of(pass, state->member)->tasks++;
        placement_refresh_room(pass, state->member);
    }
}

/*
 * Another pool has its repository. What is too big for the one it asks for would not even get
 * there.
 */
static enum task_wait find_conflict(const struct placement_pass *pass,
                                    const struct placement_task *task)
{
    const struct placement_pool *pool = placement_pool_find(pass, placement_wish(pass, task));

    return pool != NULL && placement_is_too_big(pool, &pass->input->repositories[task->repository])
               ? WAIT_TOO_BIG
               : WAIT_POOL_CONFLICT;
}

/* Its repository is in use: it goes there, or waits. */
static enum task_wait join(struct placement_pass *pass, const struct placement_task *task)
{
    struct repository_state *state = state_of(pass, task);
    const char *wish = placement_wish(pass, task);

    if (!text_equal(state->member != NULL ? placement_pool_of(pass, state->member)->name
                                          : placement_wish(pass, state->home),
                    wish)) {
        return find_conflict(pass, task);
    }
    if (state->member != NULL && !placement_takes_new(pass, state->member)) {
        return state->member->is_open ? WAIT_MEMBER_FULL : WAIT_MEMBER_CLOSED;
    }
    if (state->gone != NULL && placement_pool_find(pass, wish) != NULL) {
        return WAIT_MEMBER_CLOSED;
    }
    admit(pass, task);
    return WAIT_NOT;
}

/* Nobody uses its repository: it stays where it is or goes to the best member. */
static enum task_wait settle(struct placement_pass *pass, const struct placement_task *task,
                             const struct placement_pool *pool, struct release_list *releases)
{
    const struct placement_repository *repository = &pass->input->repositories[task->repository];
    struct repository_state *state = state_of(pass, task);
    const struct placement_member *member = state->member;

    if (pool == NULL) {
        placement_move(pass, task->repository, NULL, releases);
        admit(pass, task);
        return WAIT_NOT;
    }
    if (member != NULL && placement_pool_of(pass, member) == pool &&
        placement_takes_new(pass, member) &&
        (state->is_charged || placement_has_room(pass, member, repository))) {
        admit(pass, task);
        return WAIT_NOT;
    }
    if (placement_is_too_big(pool, repository)) {
        return WAIT_TOO_BIG;
    }
    member = placement_best(pass, pool, repository);
    if (member == NULL) {
        return WAIT_ROOM;
    }
    placement_move(pass, task->repository, member, releases);
    admit(pass, task);
    return WAIT_NOT;
}

/* One of its repository's tasks waits in front of it. */
static enum task_wait queue_behind(const struct placement_pass *pass,
                                   const struct placement_task *task,
                                   const struct placement_task *ahead)
{
    if (!text_equal(placement_wish(pass, task), placement_wish(pass, ahead))) {
        return find_conflict(pass, task);
    }
    return pass->waits[ahead - pass->input->tasks];
}

static enum task_wait decide_task(struct placement_pass *pass, const struct placement_task *task,
                                  struct release_list *releases)
{
    const char *wish = placement_wish(pass, task);
    const struct placement_pool *pool = placement_pool_find(pass, wish);
    struct repository_state *state = state_of(pass, task);

    if (pool == NULL && !text_equal(wish, DEFAULT_POOL)) {
        return WAIT_POOL_UNKNOWN;
    }
    if (state->ahead != NULL) {
        return queue_behind(pass, task, state->ahead);
    }
    return state->admitted > 0 ? join(pass, task) : settle(pass, task, pool, releases);
}

static void add_demand(struct placement_pass *pass, const struct placement_task *task)
{
    const struct placement_repository *repository = &pass->input->repositories[task->repository];
    const struct placement_pool *pool = placement_pool_find(pass, placement_wish(pass, task));
    struct pool_demand *demand = &pass->demands[pool - pass->input->pools];

    demand->tasks++;
    if (state_of(pass, task)->ahead == task) { /* the others of its repository bring no container */
        placement_add_container(demand, repository);
    }
}

static void place_tasks(struct placement_pass *pass, struct release_list *releases)
{
    for (size_t i = 0; i < pass->queue_count; i++) {
        const struct placement_task *task = pass->queue[i];
        enum task_wait *wait = &pass->waits[task - pass->input->tasks];

        if (*wait == WAIT_NOT) {
            continue; /* since an earlier round */
        }
        *wait = decide_task(pass, task, releases);
        if (state_of(pass, task)->ahead == NULL && *wait != WAIT_NOT &&
            *wait != WAIT_POOL_UNKNOWN && *wait != WAIT_TOO_BIG) {
            state_of(pass, task)->ahead = task;
        }
        if (*wait == WAIT_ROOM) {
            add_demand(pass, task);
        }
    }
}

/* Warm repositories */

static bool stays_warm(const struct placement_pass *pass, size_t i,
                       const struct placement_pool *pool)
{
    const struct repository_state *state = &pass->repositories[i];
    const struct placement_member *member = state->member;

    return member != NULL && placement_pool_of(pass, member) == pool &&
           (member->is_open || member->is_standing) &&
           (state->is_charged || placement_has_room(pass, member, &pass->input->repositories[i]));
}

/* A task of it waits for room in that pool already. */
static bool has_demand(const struct placement_pass *pass, size_t i,
                       const struct placement_pool *pool)
{
    const struct placement_task *ahead = pass->repositories[i].ahead;

    return ahead != NULL && placement_pool_find(pass, placement_wish(pass, ahead)) == pool;
}

static void place_warm(struct placement_pass *pass, size_t i, const struct placement_pool *pool,
                       struct release_list *releases)
{
    const struct placement_repository *repository = &pass->input->repositories[i];
    const struct placement_member *member = placement_best(pass, pool, repository);

    if (member != NULL) {
        placement_move(pass, i, member, releases);
        return;
    }
    pass->repositories[i].is_waiting = true;
    if (!placement_is_too_big(pool, repository) && !has_demand(pass, i, pool)) {
        struct pool_demand *demand = &pass->demands[pool - pass->input->pools];

        demand->repositories++;
        placement_add_container(demand, repository);
    }
}

static bool wants_warmth(const struct placement_pass *pass, size_t i)
{
    const struct repository_state *state = &pass->repositories[i];

    return pass->input->repositories[i].is_warm && state->admitted == 0;
}

/* Those that have a place keep it before others look for one. */
static void place_all_warm(struct placement_pass *pass, struct release_list *releases)
{
    const struct placement_input *input = pass->input;

    for (size_t i = 0; i < input->repository_count; i++) {
        struct repository_state *state = &pass->repositories[i];

        if (wants_warmth(pass, i) && !state->is_charged &&
            stays_warm(pass, i, placement_pool_find(pass, input->repositories[i].pool))) {
            placement_charge(pass, i);
            placement_refresh_room(pass, state->member);
        }
    }
    for (size_t i = 0; i < input->repository_count; i++) {
        const char *wish = input->repositories[i].pool;
        const struct placement_pool *pool = placement_pool_find(pass, wish);

        if (!wants_warmth(pass, i)) {
            continue;
        }
        if (pool != NULL && !stays_warm(pass, i, pool)) {
            place_warm(pass, i, pool, releases);
        } else if (pool == NULL && text_equal(wish, DEFAULT_POOL)) {
            placement_move(pass, i, NULL, releases);
        } else if (pool == NULL) {
            pass->repositories[i].is_waiting = true;
        }
    }
}

/* One round, and another one when somebody made room by leaving. */
static bool run_round(struct placement_pass *pass)
{
    auto_done(release_list) releases = {0};

    memset(pass->demands, 0, pass->input->pool_count * sizeof(*pass->demands));
    for (size_t i = 0; i < pass->input->repository_count; i++) {
        pass->repositories[i].ahead = NULL;
        pass->repositories[i].is_waiting = false;
    }
    place_tasks(pass, &releases);
    place_all_warm(pass, &releases);
    placement_apply_releases(pass, &releases);
    return releases.count > 0;
}

/* The result */

static void tell_repositories(const struct placement_pass *pass)
{
    const struct placement_input *input = pass->input;

    for (size_t i = 0; i < input->repository_count; i++) {
        const struct repository_state *state = &pass->repositories[i];
        const struct placement_repository *repository = &input->repositories[i];
        struct repository_placement *told = &pass->result->repositories[i];

        told->is_waiting = state->is_waiting;
        if (state->member != NULL) {
            told->instance = state->member->name;
            told->pool = placement_pool_of(pass, state->member)->name;
        } else if (state->gone != NULL) {
            told->instance = state->gone;
            told->pool = placement_wish(pass, state->home);
        } else if (state->admitted == 0 &&
                   (placement_pool_find(pass, repository->pool) != NULL || state->is_waiting)) {
            told->pool = repository->pool;
        }
    }
}

static void tell_tasks(const struct placement_pass *pass)
{
    const struct placement_input *input = pass->input;

    for (size_t i = 0; i < input->task_count; i++) {
        const struct repository_placement *where =
            &pass->result->repositories[input->tasks[i].repository];

        if (pass->waits[i] == WAIT_NOT) {
            pass->result->tasks[i] = (struct task_placement){
                .is_admitted = true, .pool = where->pool, .instance = where->instance};
        }
    }
    for (size_t i = 0; i < pass->queue_count; i++) {
        const struct placement_task *task = pass->queue[i];
        struct task_placement *told = &pass->result->tasks[task - input->tasks];
        const struct placement_pool *pool;

        if (pass->waits[task - input->tasks] == WAIT_NOT) {
            continue;
        }
        told->pool = placement_wish(pass, task);
        pool = placement_pool_find(pass, told->pool);
        switch (pass->waits[task - input->tasks]) {
        case WAIT_ROOM:
        case WAIT_MEMBER_FULL:
        case WAIT_MEMBER_CLOSED:
            told->queue_position = ++pass->uses[pool - input->pools].queue;
            break;
        case WAIT_NOT:
        case WAIT_TOO_BIG:
        case WAIT_POOL_UNKNOWN:
        case WAIT_POOL_CONFLICT: break;
        }
        told->reason = placement_reason(pass, task);
        told->message = placement_describe(pass, task, told->queue_position);
    }
}

static void tell_demands(const struct placement_pass *pass)
{
    struct placement_result *result = pass->result;

    for (size_t i = 0; i < pass->input->pool_count; i++) {
        const struct pool_demand *demand = &pass->demands[i];

        result->waiting_tasks[i] = demand->tasks;
        result->waiting_repositories[i] = demand->repositories;
        result->waiting_members[i] = placement_members_wanted(&pass->input->pools[i], demand);
    }
}

static void count_uses(struct placement_pass *pass)
{
    for (size_t i = 0; i < pass->input->member_count; i++) {
        const struct placement_member *member = &pass->input->members[i];
        struct pool_use *use = &pass->uses[member->pool];

        use->members++;
        use->open += member->is_open ? 1 : 0;
        use->standing += member->is_open || member->is_standing ? 1 : 0;
        use->tasks += placement_load_of(pass, member)->tasks;
        use->has_free_place |= placement_takes_new(pass, member);
    }
}

/* The whole */

void placement_decide(const struct placement_input *input, struct placement_result *ret_result)
{
    auto_done(placement_pass) pass = {.input = input, .result = ret_result};

    placement_gather(&pass);
    for (int round = 0; round < MAX_ROUNDS && run_round(&pass); round++) {
    }
    count_uses(&pass);
    tell_repositories(&pass);
    tell_tasks(&pass);
    tell_demands(&pass);
}

void placement_result_done(struct placement_result *result)
{
    for (size_t i = 0; i < result->task_count; i++) {
        free(result->tasks[i].message);
    }
    free(result->repositories);
    free(result->tasks);
    free(result->waiting_tasks);
    free(result->waiting_repositories);
    free(result->waiting_members);
    *result = (struct placement_result){0};
}
