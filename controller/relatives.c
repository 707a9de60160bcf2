#include "controller/pass.h"

#include "base/parse.h"
#include "controller/entry.h"
#include "controller/mirrors.h"
#include "controller/placing.h"
#include "controller/setups.h"
#include "controller/trees.h"

#include <string.h>

/*
 * Who looks again when something became of a repository container, its mirror, its setup or a task.
 */

static bool is_news(const struct object_status *before, const struct object_status *now)
{
    return before->phase != now->phase || before->operation.state != now->operation.state ||
           before->conditions[CONDITION_STALLED].value !=
               now->conditions[CONDITION_STALLED].value ||
           !text_equal(before->conditions[CONDITION_READY].reason,
                       now->conditions[CONDITION_READY].reason) ||
           !text_equal(before->container.id, now->container.id) ||
           before->port_count != now->port_count;
}

static void tell_tasks(struct map *tasks)
{
    for (struct map_entry *at = map_first(tasks); at != NULL; at = map_next(at)) {
        entry_enqueue(map_value(at));
    }
}

/* Where a branch has a container, the status of the repository's own names it. */
static void tell_own_container(struct entry *entry)
{
    struct entry *own = entry->repository->branch != NULL
                            ? entry_of_container(entry->controller, KIND_REPOSITORY_CONTAINER,
                                                 entry->repository->mirror->name)
                            : NULL;

    if (own != NULL) {
        entry_enqueue(own);
    }
}

static void tell_of_repository(struct entry *entry, const struct object_status *before,
                               bool was_passed)
{
    if (before->repository->idle_since_wall_ms != entry->status->repository->idle_since_wall_ms) {
        repository_save(entry);
    }
    if (!was_passed || is_news(before, entry->status)) {
        tell_tasks(&entry->repository->tasks);
        setup_sync(entry);
        entry_enqueue(entry->repository->mirror);
    }
    if (!was_passed || is_news(before, entry->status) ||
        before->repository->active_tasks != entry->status->repository->active_tasks ||
        before->repository->kept_count != entry->status->repository->kept_count) {
        tell_own_container(entry);
    }
}

static bool is_waiting_for_mirror(const struct entry *task, const struct object_status *status)
{
    return status->task->tree.name == NULL && task_is_active(task->desired, status);
}

/* Who works in the shared tree changes it: what was seen in it before is no news any more. */
static void note_joining(struct entry *repository)
{
    struct tree_record *record = tree_find(repository, SHARED_TREE);

    if (record == NULL || !record->is_inspected) {
        return;
    }
    record->is_inspected = false;
    tree_keep(repository, record);
}

/*
 * It may wait for a port, or for what becomes of the shared tree; one that works in it does not.
 * Everybody else would only look: a repository with many tasks would cost their square.
 */
static bool is_waiting_for_others(const struct entry *task)
{
    const struct status_task *status = task->status->task;

    if (task_is_over(task->status) || task->desired == NULL) {
        return false;
    }
    if (status->port_count != task->desired->task.ports.count) {
        return true;
    }
    if (status->tree.name == NULL) {
        return task_isolation(task->desired, task_settings(task)) != ISOLATION_TASK;
    }
    return strcmp(status->tree.name, SHARED_TREE) == 0 && task->status->phase != PHASE_TASK_RUNNING;
}

static void tell_waiting_tasks(struct map *tasks)
{
    for (struct map_entry *at = map_first(tasks); at != NULL; at = map_next(at)) {
        if (is_waiting_for_others(map_value(at))) {
            entry_enqueue(map_value(at));
        }
    }
}

static void tell_of_task(struct entry *entry, const struct object_status *before, bool was_passed)
{
    const struct object_status *now = entry->status;
    struct entry *repository = repository_of_task(entry), *mirror = mirror_of_task(entry);
    bool is_changed = !was_passed ||
                      task_is_held_by_branch(before) != task_is_held_by_branch(now) ||
                      task_is_active(entry->desired, before) != task_is_active(entry->desired, now);

    if (!was_passed || task_is_over(before) != task_is_over(now)) {
        placing_mark(entry->controller);
    }
    if (repository != NULL && is_changed) {
        entry_enqueue(repository);
    }
    if (repository != NULL && task_is_in_shared_tree(entry) &&
        (!was_passed || !text_equal(before->task->tree.name, SHARED_TREE))) {
        note_joining(repository);
    }
    if (repository != NULL && (task_is_over(before) != task_is_over(now) ||
                               before->task->port_count != now->task->port_count ||
                               !text_equal(before->task->tree.name, now->task->tree.name))) {
        tell_waiting_tasks(
            &repository->repository->tasks); /* ports, or the shared tree, are free */
        entry_enqueue(entry);                /* what follows from it for itself */
    }
    if (mirror != NULL &&
        (is_changed || is_waiting_for_mirror(entry, now) != is_waiting_for_mirror(entry, before))) {
        entry_enqueue(mirror);
    }
    if (repository != NULL && repository->repository->setup != NULL && is_changed) {
        entry_enqueue(repository->repository->setup);
    }
}

void work_tell_relatives(struct entry *entry, const struct object_status *before, bool was_passed)
{
    struct entry *repository;

    switch (entry->kind) {
    case ENTRY_REPOSITORY: tell_of_repository(entry, before, was_passed); return;
    case ENTRY_TASK: tell_of_task(entry, before, was_passed); return;
    case ENTRY_MIRROR:
        if (!was_passed || is_news(before, entry->status)) {
            mirror_tell(entry);
        }
        return;
    case ENTRY_SETUP:
        repository = setup_repository(entry);
        if (repository != NULL && (!was_passed || is_news(before, entry->status))) {
            entry_enqueue(repository);
            tell_tasks(&repository->repository->tasks);
        }
        return;
    case ENTRY_INSTANCE:
    case ENTRY_POOL: return;
    }
}
