#include "reconcilers/placement_pass.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int compare_rank(const void *one, const void *other)
{
    const struct placement_task *a = *(const struct placement_task *const *)one;
    const struct placement_task *b = *(const struct placement_task *const *)other;

    if (a->priority != b->priority) {
        return a->priority > b->priority ? -1 : 1;
    }
    if (a->arrival_wall_ms != b->arrival_wall_ms) {
        return a->arrival_wall_ms < b->arrival_wall_ms ? -1 : 1;
    }
    if (a->sequence != b->sequence) {
        return a->sequence < b->sequence ? -1 : 1;
    }
    return strcmp(a->key, b->key);
}

static int compare_age(const void *one, const void *other)
{
    const struct placement_member *a = *(const struct placement_member *const *)one;
    const struct placement_member *b = *(const struct placement_member *const *)other;

    if (a->sequence != b->sequence) {
        return a->sequence < b->sequence ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

static void gather_repositories(struct placement_pass *pass)
{
    const struct placement_input *input = pass->input;

    for (size_t i = 0; i < input->repository_count; i++) {
        const struct placement_repository *repository = &input->repositories[i];
        struct repository_state *state = &pass->repositories[i];

        state->member =
            repository->instance != NULL ? map_get(&pass->members, repository->instance) : NULL;
        if (state->member != NULL && (repository->is_present || state->admitted > 0)) {
            placement_charge(pass, i);
        }
        if (state->member != NULL) {
            placement_load_of(pass, state->member)->tasks += state->admitted;
        } else if (state->admitted > 0) {
            state->gone = repository->instance;
        }
    }
}

static void gather_tasks(struct placement_pass *pass)
{
    const struct placement_input *input = pass->input;

    for (size_t i = 0; i < input->task_count; i++) {
        const struct placement_task *task = &input->tasks[i];
        struct repository_state *state = &pass->repositories[task->repository];

        assert(task->repository < input->repository_count);
        if (!task->is_admitted) {
            pass->waits[i] = WAIT_ROOM;
            pass->queue[pass->queue_count++] = task;
            continue;
        }
        state->admitted++;
        if (state->home == NULL || compare_rank(&task, &state->home) < 0) {
            state->home = task;
        }
    }
    qsort(pass->queue, pass->queue_count, sizeof(struct placement_task *), compare_rank);
}

static void gather_members(struct placement_pass *pass)
{
    const struct placement_input *input = pass->input;
    auto_free const struct placement_member **by_age =
        xcalloc(input->member_count + 1, sizeof(struct placement_member *));
    auto_free size_t *counts = xcalloc(input->pool_count + 1, sizeof(*counts));

    for (size_t i = 0; i < input->member_count; i++) {
        assert(input->members[i].pool < input->pool_count);
        by_age[i] = &input->members[i];
        counts[input->members[i].pool]++;
    }
    qsort(by_age, input->member_count, sizeof(struct placement_member *), compare_age);
    for (size_t i = 0; i < input->pool_count; i++) {
        room_index_init(&pass->rooms[i], input->pools[i].placement, counts[i]);
        counts[i] = 0;
    }
    for (size_t i = 0; i < input->member_count; i++) {
        placement_load_of(pass, by_age[i])->position = counts[by_age[i]->pool]++;
        placement_refresh_room(pass, by_age[i]);
    }
}

static void index_names(struct placement_pass *pass)
{
    const struct placement_input *input = pass->input;

    for (size_t i = 0; i < input->pool_count; i++) {
        map_put(&pass->pools, input->pools[i].name, (void *)(uintptr_t)&input->pools[i]);
    }
    for (size_t i = 0; i < input->member_count; i++) {
        map_put(&pass->members, input->members[i].name, (void *)(uintptr_t)&input->members[i]);
    }
}

static void begin(struct placement_pass *pass)
{
    const struct placement_input *input = pass->input;
    struct placement_result *result = pass->result;

    *result = (struct placement_result){
        .repositories = xcalloc(input->repository_count + 1, sizeof(*result->repositories)),
        .tasks = xcalloc(input->task_count + 1, sizeof(*result->tasks)),
        .waiting_tasks = xcalloc(input->pool_count + 1, sizeof(unsigned)),
        .waiting_repositories = xcalloc(input->pool_count + 1, sizeof(unsigned)),
        .waiting_members = xcalloc(input->pool_count + 1, sizeof(unsigned)),
        .task_count = input->task_count,
    };
    pass->loads = xcalloc(input->member_count + 1, sizeof(*pass->loads));
    pass->rooms = xcalloc(input->pool_count + 1, sizeof(*pass->rooms));
    pass->demands = xcalloc(input->pool_count + 1, sizeof(*pass->demands));
    pass->uses = xcalloc(input->pool_count + 1, sizeof(*pass->uses));
    pass->repositories = xcalloc(input->repository_count + 1, sizeof(*pass->repositories));
    pass->waits = xcalloc(input->task_count + 1, sizeof(*pass->waits));
    pass->queue = xcalloc(input->task_count + 1, sizeof(struct placement_task *));
}

void placement_gather(struct placement_pass *pass)
{
    begin(pass);
    index_names(pass);
    gather_tasks(pass);
    gather_repositories(pass);
    gather_members(pass);
}

void placement_pass_done(struct placement_pass *pass)
{
    map_done(&pass->pools);
    map_done(&pass->members);
    for (size_t i = 0; i < pass->input->pool_count; i++) {
        room_index_done(&pass->rooms[i]);
    }
    free(pass->loads);
    free(pass->rooms);
    free(pass->demands);
    free(pass->uses);
    free(pass->repositories);
    free(pass->waits);
    free(pass->queue);
}
