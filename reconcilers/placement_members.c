#include "reconcilers/placement_pass.h"

#include "base/memory.h"

#include <stdlib.h>

/* No sum of such amounts over all repositories leaves its type. */
#define AMOUNT_MAX (INT64_C(1) << 44)

static int64_t bounded(int64_t amount)
{
    return amount < AMOUNT_MAX ? amount : AMOUNT_MAX;
}

static bool is_too_much(int64_t asked, int64_t has)
{
    return has > 0 && bounded(asked) > bounded(has);
}

bool placement_is_too_big(const struct placement_pool *pool,
                          const struct placement_repository *repository)
{
    return is_too_much(repository->cpu_milli, pool->cpu_milli) ||
           is_too_much(repository->memory_bytes, pool->memory_bytes);
}

const struct placement_pool *placement_pool_of(const struct placement_pass *pass,
                                               const struct placement_member *member)
{
    return &pass->input->pools[member->pool];
}

struct member_load *placement_load_of(const struct placement_pass *pass,
                                      const struct placement_member *member)
{
    return &pass->loads[member - pass->input->members];
}

/*
 * What is free of an amount; more may be in use than there is, when the pool's machines became
 * smaller.
 */
static int64_t free_of(int64_t has, int64_t used)
{
    if (has <= 0) {
        return AMOUNT_MAX;
    }
    return bounded(has) > used ? bounded(has) - used : 0;
}

bool placement_takes_new(const struct placement_pass *pass, const struct placement_member *member)
{
    return member->is_open &&
           placement_load_of(pass, member)->tasks < placement_pool_of(pass, member)->max_tasks;
}

bool placement_has_room(const struct placement_pass *pass, const struct placement_member *member,
                        const struct placement_repository *repository)
{
    const struct placement_pool *pool = placement_pool_of(pass, member);
    const struct member_load *load = placement_load_of(pass, member);

    return bounded(repository->cpu_milli) <= free_of(pool->cpu_milli, load->cpu_milli) &&
           bounded(repository->memory_bytes) <= free_of(pool->memory_bytes, load->memory_bytes);
}

void placement_refresh_room(struct placement_pass *pass, const struct placement_member *member)
{
    const struct placement_pool *pool = placement_pool_of(pass, member);
    const struct member_load *load = placement_load_of(pass, member);
    struct room room = {
        .member = (size_t)(member - pass->input->members),
        .takes_new = placement_takes_new(pass, member),
        .tasks = load->tasks,
        .repositories = load->repositories,
        .cpu_milli_free = free_of(pool->cpu_milli, load->cpu_milli),
        .memory_bytes_free = free_of(pool->memory_bytes, load->memory_bytes),
    };

    room_index_set(&pass->rooms[member->pool], load->position, &room);
}

void placement_charge(struct placement_pass *pass, size_t i)
{
    const struct placement_repository *repository = &pass->input->repositories[i];
    struct member_load *load = placement_load_of(pass, pass->repositories[i].member);

    pass->repositories[i].is_charged = true;
    load->repositories++;
    load->cpu_milli += bounded(repository->cpu_milli);
    load->memory_bytes += bounded(repository->memory_bytes);
}

const struct placement_member *placement_best(const struct placement_pass *pass,
                                              const struct placement_pool *pool,
                                              const struct placement_repository *repository)
{
    const struct room *room;

    if (placement_is_too_big(pool, repository)) {
        return NULL;
    }
    room = room_index_best(&pass->rooms[pool - pass->input->pools], bounded(repository->cpu_milli),
                           bounded(repository->memory_bytes));
    return room != NULL ? &pass->input->members[room->member] : NULL;
}

/* New members that are wanted: each amount by itself needs that many at least. */

void placement_add_container(struct pool_demand *demand,
                             const struct placement_repository *repository)
{
    demand->cpu_milli += bounded(repository->cpu_milli);
    demand->memory_bytes += bounded(repository->memory_bytes);
}

static int64_t members_for(int64_t amount, int64_t of_one)
{
    return of_one > 0 ? (amount + bounded(of_one) - 1) / bounded(of_one) : 0;
}

unsigned placement_members_wanted(const struct placement_pool *pool,
                                  const struct pool_demand *demand)
{
    int64_t count = demand->tasks + demand->repositories > 0 ? 1 : 0;
    const int64_t counts[] = {
        members_for(demand->tasks, pool->max_tasks),
        members_for(demand->cpu_milli, pool->cpu_milli),
        members_for(demand->memory_bytes, pool->memory_bytes),
    };

    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        count = counts[i] > count ? counts[i] : count;
    }
    return (unsigned)count;
}

void release_list_done(struct release_list *list)
{
    free(list->items);
}

void placement_move(struct placement_pass *pass, size_t i, const struct placement_member *member,
                    struct release_list *releases)
{
    struct repository_state *state = &pass->repositories[i];

    if (state->is_charged) {
        array_grow(&releases->items, releases->count, &releases->capacity,
                   sizeof(*releases->items));
        releases->items[releases->count++] = (struct release){state->member, i};
        state->is_charged = false;
    }
    state->member = member;
    if (member != NULL) {
        placement_charge(pass, i);
        placement_refresh_room(pass, member);
    }
}

void placement_apply_releases(struct placement_pass *pass, const struct release_list *releases)
{
    for (size_t i = 0; i < releases->count; i++) {
        const struct release *release = &releases->items[i];
        const struct placement_repository *repository =
            &pass->input->repositories[release->repository];
        struct member_load *load = placement_load_of(pass, release->member);

        load->repositories--;
        load->cpu_milli -= bounded(repository->cpu_milli);
        load->memory_bytes -= bounded(repository->memory_bytes);
        placement_refresh_room(pass, release->member);
    }
}
