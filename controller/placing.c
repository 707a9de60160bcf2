#include "controller/placing.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/entry.h"
#include "controller/mirrors.h"
#include "controller/profile_trace.h"
#include "controller/task_owner.h"
#include "reconcilers/capacity.h"
#include "reconcilers/container.h"
#include "reconcilers/placement.h"
#include "reconcilers/pool.h"

#include <stdlib.h>
#include <string.h>

void placing_mark(struct controller *controller)
{
    controller->is_placing_due = true;
    controller_wake(controller);
}

void admission_free(struct task_admission *admission)
{
    if (admission != NULL) {
        union {
            const char *text;
            char *owned;
        } texts[] = {
            {admission->pool}, {admission->instance}, {admission->reason}, {admission->message}};

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
            free(texts[i].owned);
        }
        free(admission);
    }
}

void placing_release(struct entry *task)
{
    struct status_task *place = status_task(task->status);

    admission_free(TAKE(task->task->admission));
    place->is_admitted = false;
    place->pool = place->instance = NULL;
    entry_enqueue(task);
    placing_mark(task->controller);
}

/*
 * With isolation Branch it is the container of the settings' branch that is kept, once there is
 * one.
 */
static bool is_own_branch(const struct entry *repository, const struct repository_spec *spec)
{
    const char *branch = spec->branch != NULL
                             ? spec->branch
                             : repository->repository->mirror->mirror->observed.head_branch;

    return spec->isolation == ISOLATION_BRANCH
               ? repository->repository->branch != NULL &&
                     text_equal(repository->repository->branch, branch)
               : repository->repository->branch == NULL;
}

static bool is_warm(const struct entry *repository)
{
    return repository->repository->warm_pool != NULL ||
           (repository->desired != NULL && repository->desired->repository.is_warm &&
            is_own_branch(repository, &repository->desired->repository));
}

bool repository_is_kept_warm(const struct entry *repository)
{
    return is_warm(repository) && !repository->repository->is_waiting;
}

/* The input: arrays, and whom each item stands for. */

struct placing {
    struct placement_input input;
    struct placement_pool *pools;
    struct placement_member *members;
    struct placement_repository *repositories;
    struct placement_task *tasks;
    struct entry **pool_entries, **repository_entries, **task_entries;
    struct map repository_index; /* key -> 1 + index, as a pointer */
};

static void placing_done(struct placing *placing)
{
    free(placing->pools);
    free(placing->members);
    free(placing->repositories);
    free(placing->tasks);
    free(placing->pool_entries);
    free(placing->repository_entries);
    free(placing->task_entries);
    map_done(&placing->repository_index);
}

static void allocate(struct placing *placing, size_t count)
{
    placing->pools = xcalloc(count, sizeof(*placing->pools));
    placing->members = xcalloc(count, sizeof(*placing->members));
    placing->repositories = xcalloc(count, sizeof(*placing->repositories));
    placing->tasks = xcalloc(count, sizeof(*placing->tasks));
    placing->pool_entries = xcalloc(count, sizeof(struct entry *));
    placing->repository_entries = xcalloc(count, sizeof(struct entry *));
    placing->task_entries = xcalloc(count, sizeof(struct entry *));
}

static bool is_open(const struct entry *member)
{
    return !member->member.is_leaving && !member->member.is_draining && !member->member.is_let_go &&
           pool_member_state(member->status) == MEMBER_READY;
}

static void add_pool(struct placing *placing, struct entry *pool)
{
    const struct pool_spec *spec = &pool->desired->pool;
    struct placement_input *input = &placing->input;
    const struct object machine = {
        .kind = KIND_INSTANCE, .name = pool->name, .instance = spec->template_spec};
    struct machine_limits limits;

    capacity_of_instance(&machine, &limits);
    placing->pool_entries[input->pool_count] = pool;
    placing->pools[input->pool_count] = (struct placement_pool){
        .name = pool->name,
        .placement = (enum placement)spec->placement,
        .max_tasks = (unsigned)spec->max_tasks_per_instance,
        .cpu_milli = limits.cpu_milli,
        .memory_bytes = limits.memory_bytes,
        .can_grow = !spec->is_suspended &&
                    pool->status->pool->members - pool->status->pool->failed < spec->max_instances,
        .max_instances = (unsigned)spec->max_instances,
    };
    for (struct map_entry *at = map_first(&pool->pool->members); at != NULL; at = map_next(at)) {
        struct entry *member = map_value(at);

        placing->members[input->member_count++] = (struct placement_member){
            .name = member->name,
            .pool = input->pool_count,
            .is_open = is_open(member),
            .is_standing =
                !member->member.is_leaving && pool_member_state(member->status) != MEMBER_FAILED,
            .sequence = member->sequence,
        };
    }
    input->pool_count++;
}

const char *repository_pool(const struct entry *repository)
{
    const struct object *settings = repository_settings(repository);

    if (settings != NULL && settings->repository.pool != NULL) {
        return settings->repository.pool;
    }
    return repository->repository->warm_pool != NULL ? repository->repository->warm_pool
                                                     : DEFAULT_POOL;
}

/* After a start of the controller: where the container says that it is. */
static void recall_instance(struct entry *repository, const struct observed_container *container)
{
    struct repository_entry *own = repository->repository;

    if (own->instance == NULL && !own->is_displaced && container != NULL && container->is_ours &&
        container->instance != NULL && !repository->is_passed) {
        own->instance = xstrdup(container->instance);
    }
}

static void add_repository(struct placing *placing, struct entry *repository)
{
    const struct object *settings = repository_settings(repository);
    const struct observed_container *container =
        map_get(&repository->controller->containers, repository->name);
    struct placement_input *input = &placing->input;

    if (settings == NULL) {
        return;
    }
    recall_instance(repository, container);
    map_put(&placing->repository_index, repository->key,
            (void *)(uintptr_t)(input->repository_count + 1));
    placing->repository_entries[input->repository_count] = repository;
    placing->repositories[input->repository_count++] = (struct placement_repository){
        .key = repository->key,
        .pool = repository_pool(repository),
        .instance = repository->repository->instance,
        .cpu_milli = settings->repository.resources.cpu_milli,
        .memory_bytes = settings->repository.resources.memory_bytes,
        .is_warm = is_warm(repository),
        .is_present = container != NULL && container->is_ours && container_is_up(container),
    };
}

static bool was_admitted(const struct entry *task)
{
    return task->task->admission != NULL
               ? task->task->admission->is_admitted
               : task->status->task->is_admitted || task->status->task->attempt > 0;
}

/* One that waits for another branch keeps the place that it has. */
static bool wants_place(const struct entry *task)
{
    return (task_is_active(task->desired, task->status) && !task_is_forbidden(task)) ||
           (was_admitted(task) && task->desired != NULL && task_is_held_by_branch(task->status));
}

static void add_task(struct placing *placing, struct entry *task)
{
    const struct entry *repository = repository_of_task(task);
    size_t index = repository != NULL
                       ? (size_t)(uintptr_t)map_get(&placing->repository_index, repository->key)
                       : 0;
    struct placement_input *input = &placing->input;

    if (index == 0 || !wants_place(task)) {
        return;
    }
    placing->task_entries[input->task_count] = task;
    placing->tasks[input->task_count++] = (struct placement_task){
        .key = task->key,
        .repository = index - 1,
        .pool = task->desired != NULL ? task->desired->task.pool : NULL,
        .priority = task->desired != NULL ? task->desired->task.priority : 0,
        .arrival_wall_ms = task->status->task->arrival_wall_ms != 0
                               ? task->status->task->arrival_wall_ms
                               : clock_wall_ms(),
        .sequence = task->sequence,
        .is_admitted = was_admitted(task),
    };
}

/* In this order, so that what refers to something finds it. */
static void gather(struct controller *controller, struct placing *placing)
{
    static const enum entry_kind order[] = {ENTRY_POOL, ENTRY_REPOSITORY, ENTRY_TASK};

    allocate(placing, map_count(&controller->entries));
    for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
        for (struct map_entry *at = map_first(&controller->entries); at != NULL;
             at = map_next(at)) {
            struct entry *entry = map_value(at);

            if (entry->kind != order[i]) {
                continue;
            }
            if (entry->kind == ENTRY_POOL && entry->desired != NULL) {
                add_pool(placing, entry);
            } else if (entry->kind == ENTRY_REPOSITORY) {
                add_repository(placing, entry);
            } else if (entry->kind == ENTRY_TASK) {
                add_task(placing, entry);
            }
        }
    }
    placing->input.pools = placing->pools;
    placing->input.members = placing->members;
    placing->input.repositories = placing->repositories;
    placing->input.tasks = placing->tasks;
}

/* Carrying it out */

/* The new text may be the old one. */
static void replace(char **text, const char *value)
{
    char *copy = xstrdup_or_null(value);

    free(*text);
    *text = copy;
}

static void place_repository(struct entry *repository, const struct repository_placement *placement)
{
    struct repository_entry *own = repository->repository;
    bool is_displaced = own->instance != NULL && placement->instance == NULL;

    if (text_equal(own->instance, placement->instance) && text_equal(own->pool, placement->pool) &&
        own->is_waiting == placement->is_waiting) {
        return;
    }
    if (!text_equal(own->instance, placement->instance)) {
        log_fields(LOG_INFO, "placed", "key", repository->key, "pool", placement->pool, "instance",
                   placement->instance, "before", own->instance, NULL);
    }
    own->is_displaced = placement->instance == NULL && (is_displaced || own->is_displaced) &&
                        placement->pool != NULL;
    own->is_waiting = placement->is_waiting;
    replace(&own->instance, placement->instance);
    replace(&own->pool, placement->pool);
    repository_save(repository);
    entry_enqueue(repository);
}

static bool is_same_admission(const struct task_admission *before, const struct task_placement *now)
{
    return before != NULL && before->is_admitted == now->is_admitted &&
           before->queue_position == placement_told_position(now->queue_position) &&
           text_equal(before->pool, now->pool) && text_equal(before->instance, now->instance) &&
           text_equal(before->reason, now->reason) && text_equal(before->message, now->message);
}

static void enqueue_mirror(const struct entry *task)
{
    struct entry *mirror = mirror_of_task(task);

    if (mirror != NULL) {
        entry_enqueue(mirror);
    }
}

static void admit_task(struct entry *task, const struct task_placement *placement)
{
    struct entry *repository = repository_of_task(task);

    if (is_same_admission(task->task->admission, placement)) {
        return;
    }
    if (repository != NULL && (task->task->admission == NULL ||
                               task->task->admission->is_admitted != placement->is_admitted)) {
        entry_enqueue(repository);
    }
    if (placement->is_admitted && !was_admitted(task)) {
        task->task->admitted_wall_ms = clock_wall_ms();
        enqueue_mirror(task);
    }
    admission_free(task->task->admission);
    task->task->admission = xcalloc(1, sizeof(*task->task->admission));
    *task->task->admission = (struct task_admission){
        .is_admitted = placement->is_admitted,
        .pool = xstrdup_or_null(placement->pool),
        .instance = xstrdup_or_null(placement->instance),
        .queue_position = placement_told_position(placement->queue_position),
        .reason = xstrdup_or_null(placement->reason),
        .message = xstrdup_or_null(placement->message),
    };
    entry_enqueue(task);
}

static struct entry *member_of(const struct entry *repository)
{
    const char *instance = repository->repository->instance;
    struct entry *entry = instance != NULL ? entry_of_container(repository->controller,
                                                                kind_name(KIND_INSTANCE), instance)
                                           : NULL;

    return entry != NULL && entry->member.pool != NULL ? entry : NULL;
}

/* What is suspended or refused before it began does not keep others waiting. */
static void release_unused(struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        struct entry *task = map_value(at);

        if (task->kind == ENTRY_TASK && was_admitted(task) && !wants_place(task) &&
            !task_is_over(task->status) && task->desired != NULL &&
            task->desired->task.state == TASK_ACTIVE) {
            placing_release(task);
        }
    }
}

/* How much is on each member, which its pool's arithmetic looks at: those of pools that go, too. */
static void count_members(struct controller *controller, struct placing *placing,
                          const struct placement_result *result)
{
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        struct entry *entry = map_value(at);

        entry->member.active_tasks = entry->member.repositories = entry->member.warm_repositories =
            0;
    }
    for (size_t i = 0; i < placing->input.repository_count; i++) {
        struct entry *member = member_of(placing->repository_entries[i]);

        if (member != NULL) {
            member->member.repositories++;
            member->member.warm_repositories += placing->repositories[i].is_warm ? 1 : 0;
        }
    }
    for (size_t i = 0; i < placing->input.task_count; i++) {
        struct entry *member =
            result->tasks[i].is_admitted
                ? member_of(placing->repository_entries[placing->tasks[i].repository])
                : NULL;

        if (member != NULL) {
            member->member.active_tasks++;
        }
    }
}

static void tell_pools(struct controller *controller, struct placing *placing,
                       const struct placement_result *result)
{
    for (size_t i = 0; i < placing->input.pool_count; i++) {
        struct entry *pool = placing->pool_entries[i];

        pool->pool->waiting_tasks = result->waiting_tasks[i];
        pool->pool->waiting_repositories = result->waiting_repositories[i];
        pool->pool->waiting_members = result->waiting_members[i];
    }
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        struct entry *entry = map_value(at);

        if (entry->kind == ENTRY_POOL) {
            entry->pool->is_load_unknown = false;
            entry_enqueue(entry);
        }
    }
}

/*
 * Before every pool has looked at what there is, a member that is not known may only not be known
 * yet.
 */
static bool are_pools_known(const struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        const struct entry *entry = map_value(at);

        if (entry->kind == ENTRY_POOL && !entry->is_passed) {
            return false;
        }
    }
    return true;
}

void placing_run(struct controller *controller)
{
    struct placing placing = {0};
    struct placement_result result = {0};

    if (!controller->is_placing_due || !controller->is_listed || !are_pools_known(controller)) {
        return;
    }
    profile_begin("place");
    release_unused(controller);
    controller->is_placing_due = false;
    controller->has_placed = true;
    gather(controller, &placing);
    placement_decide(&placing.input, &result);
    for (size_t i = 0; i < placing.input.repository_count; i++) {
        place_repository(placing.repository_entries[i], &result.repositories[i]);
        if (!placing.repository_entries[i]->is_passed) {
            entry_enqueue(placing.repository_entries[i]); /* it waited for this */
        }
    }
    for (size_t i = 0; i < placing.input.task_count; i++) {
        admit_task(placing.task_entries[i], &result.tasks[i]);
    }
    count_members(controller, &placing, &result);
    tell_pools(controller, &placing, &result);
    profile_end(trace_args(trace_number("repositories", placing.input.repository_count),
                           trace_number("tasks", placing.input.task_count)));
    placement_result_done(&result);
    placing_done(&placing);
}
