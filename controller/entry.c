#include "controller/controller.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/entry.h"
#include "controller/mirrors.h"
#include "controller/placing.h"
#include "controller/pools.h"
#include "controller/probes.h"
#include "controller/profile_trace.h"
#include "controller/released.h"
#include "controller/setups.h"
#include "controller/trees.h"

#include <stdlib.h>
#include <string.h>

struct entry *entry_find(struct controller *controller, const char *key)
{
    return map_get(&controller->entries, key);
}

struct entry *entry_of_container(struct controller *controller, const char *kind,
                                 const char *object)
{
    auto_free char *key = object_key(kind, object);

    return entry_find(controller, key);
}

/* Few entries wait for a time, and those that do mostly wait again. */
static uv_timer_t *timer_of(struct entry *entry)
{
    if (entry->timer == NULL) {
        entry->timer = xcalloc(1, sizeof(*entry->timer));
        entry->timer->data = entry;
        uv_timer_init(&entry->controller->loop, entry->timer);
    }
    return entry->timer;
}

static void on_timer(uv_timer_t *timer)
{
    struct entry *entry = timer->data;

    profile_begin("timer of %s", entry->key);
    entry_enqueue(entry);
    profile_end(NULL);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void forget_timer(struct entry *entry)
{
    if (entry->timer != NULL) {
        uv_close((uv_handle_t *)TAKE(entry->timer), on_closed);
    }
}

struct entry *entry_new(struct controller *controller, enum entry_kind kind, const char *kind_text,
                        const char *name)
{
    struct entry *entry = xcalloc(1, sizeof(*entry));

    entry->controller = controller;
    entry->kind = kind;
    entry->name = xstrdup(name);
    entry->key = object_key(kind_text, name);
    entry->status = status_new();
    entry->sequence = controller->next_sequence++;
    if (kind == ENTRY_REPOSITORY) {
        entry->repository = xcalloc(1, sizeof(*entry->repository));
    }
    if (kind == ENTRY_MIRROR) {
        entry->mirror = xcalloc(1, sizeof(*entry->mirror));
    }
    if (kind == ENTRY_SETUP) {
        entry->setup = xcalloc(1, sizeof(*entry->setup));
    }
    if (kind == ENTRY_POOL) {
        entry->pool = pool_entry_new();
    }
    if (kind == ENTRY_TASK) {
        entry->task = xcalloc(1, sizeof(*entry->task));
    }
    map_put_borrowed(&controller->entries, entry->key, entry);
    return entry;
}

static void repository_free(struct repository_entry *repository)
{
    if (repository == NULL) {
        return;
    }
    trees_done(repository);
    free(repository->branch);
    free(repository->settings_name);
    free(repository->trees_path);
    free(repository->layers_path);
    free(repository->tasks_path);
    free(repository->trees_user);
    free(repository->trees_user_error);
    free(repository->prepared);
    free(repository->prepared_commit);
    free(repository->warm_pool);
    free(repository->pool);
    free(repository->instance);
    map_done(&repository->tasks);
    free(repository);
}

static void task_entry_free(struct task_entry *task)
{
    if (task == NULL) {
        return;
    }
    admission_free(task->admission);
    free(task->repository_key);
    free(task->mirror_key);
    free(task->owner);
    free(task->refusal_reason);
    free(task->refusal);
    free(task->attempt_message);
    free(task);
}

const struct object_status *entry_passed_status(const struct entry *entry)
{
    return entry != NULL && entry->is_passed ? entry->status : NULL;
}

struct observed_failure entry_failure(const struct entry *entry)
{
    return (struct observed_failure){
        .count = entry->failure.count,
        .is_permanent = entry->failure.is_permanent,
        .reason = entry->failure.reason,
        .message = entry->failure.message,
        .at_wall_ms = entry->failure.at_wall_ms,
    };
}

void entry_clear_failure(struct entry *entry)
{
    free(entry->failure.reason);
    free(entry->failure.message);
    memset(&entry->failure, 0, sizeof(entry->failure));
}

void entry_note_failure(struct entry *entry, const struct error *err)
{
    unsigned count = entry->failure.count + 1;

    free(entry->failure.reason);
    free(entry->failure.message);
    entry->failure.count = count;
    entry->failure.is_permanent = err->kind == ERROR_INVALID || err->kind == ERROR_NOT_FOUND;
    entry->failure.reason = xstrdup(err->reason != NULL ? err->reason : "EngineError");
    entry->failure.message = xstrdup(err->message);
    entry->failure.at_wall_ms = clock_wall_ms();
    memset(entry->failure.hash, 0, sizeof(entry->failure.hash));
    if (entry->desired != NULL) {
        memcpy(entry->failure.hash, entry->desired->hash, sizeof(entry->failure.hash));
    }
}

void entry_set_desired(struct entry *entry, struct object *desired)
{
    released_note_change(entry, desired);
    if (desired != NULL) {
        object_ref(desired);
    }
    if (desired != NULL || entry->desired != NULL) {
        object_unref(entry->departed);
        entry->departed = desired == NULL ? TAKE(entry->desired) : NULL;
    }
    object_unref(entry->desired);
    entry->desired = desired;
    entry->changed_at_ms = clock_monotonic_ms();
    if (desired != NULL && entry->failure.count > 0 &&
        strcmp(entry->failure.hash, desired->hash) != 0) {
        entry_clear_failure(entry); /* a new spec deserves a new try at once */
    }
}

void entry_remember(struct entry *entry, const json_t *status)
{
    struct controller *controller = entry->controller;
    struct strbuf *texts = &controller->remembered_texts;
    auto_free char *text = json_dumps(status, JSON_COMPACT);
    size_t at = texts->len;

    texts->max_len = SIZE_MAX / 2; /* status files have ceilings */
    if (text != NULL && strbuf_append(texts, text, strlen(text) + 1) == 0) {
        entry->remembered_at = at + 1;
        controller->remembered_count++;
    }
}

json_t *entry_remembered(const struct entry *entry)
{
    return entry->remembered_at > 0
               ? json_loads(entry->controller->remembered_texts.text + entry->remembered_at - 1, 0,
                            NULL)
               : json_deep_copy(entry->remembered);
}

void entry_forget_remembered(struct entry *entry)
{
    struct controller *controller = entry->controller;

    json_decref(entry->remembered);
    entry->remembered = NULL;
    if (entry->remembered_at > 0) {
        entry->remembered_at = 0;
        if (--controller->remembered_count == 0) {
            strbuf_done(&controller->remembered_texts);
        }
    }
}

/* Who removes an entry may go on with it until the turn is over. */
static void on_timer_closed(uv_handle_t *handle)
{
    struct entry *entry = handle->data;

    free(handle);
    status_free(entry->status);
    entry_forget_remembered(entry);
    object_unref(entry->desired);
    object_unref(entry->departed);
    entry_clear_failure(entry);
    repository_free(entry->repository);
    mirror_free(entry->mirror);
    setup_free(entry->setup);
    entry_values_free(entry->values);
    pool_entry_free(entry->pool);
    task_entry_free(entry->task);
    free(entry->key);
    free(entry->name);
    free(entry);
}

/* The names of Repository objects that stand for it. */
static void forget_names(struct controller *controller, const struct entry *entry)
{
    struct map_entry *next;

    for (struct map_entry *at = map_first(&controller->repositories); at != NULL; at = next) {
        next = map_next(at);
        if (map_value(at) == entry) {
            map_remove(&controller->repositories, map_key(at));
        }
    }
}

static void leave_mirror(struct controller *controller, struct entry *entry)
{
    struct entry *mirror = entry->repository->mirror;

    forget_names(controller, entry);
    sessions_forget(entry);
    map_remove(&mirror->mirror->containers, entry->key);
    entry_enqueue(mirror);
    if (entry->repository->setup != NULL) {
        entry_remove(entry->repository->setup);
    }
}

void entry_remove(struct entry *entry)
{
    struct controller *controller = entry->controller;

    if (entry->is_removed) {
        return;
    }
    status_mark_entry(entry);
    if (entry->kind == ENTRY_TASK) {
        struct entry *repository = repository_of_task(entry);

        struct entry *mirror = mirror_of_task(entry);

        if (repository != NULL) {
            map_remove(&repository->repository->tasks, entry->key);
            entry_enqueue(repository);
        }
        if (mirror != NULL) {
            map_remove(&mirror->mirror->tasks, entry->key);
            entry_enqueue(mirror);
        }
        placing_mark(controller);
    }
    if (entry->kind == ENTRY_REPOSITORY) {
        leave_mirror(controller, entry);
    }
    if (entry->kind == ENTRY_SETUP && setup_repository(entry) != NULL) {
        setup_repository(entry)->repository->setup = NULL;
    }
    probes_forget(entry);
    pools_leave(entry);
    entry_leave_queue(entry);
    entry->is_removed = true;
    map_remove(&controller->entries, entry->key);
    if (entry->run != NULL) {
        apply_abandon(entry->run);
    }
    uv_close((uv_handle_t *)timer_of(entry), on_timer_closed);
}

/* The queue: a key is in it at most once, and ten events are one run. */

void entry_enqueue(struct entry *entry)
{
    struct controller *controller = entry->controller;

    switch (entry->state) {
    case KEY_IDLE: break;
    case KEY_RUNNING:
        entry->state = KEY_RUNNING_AND_DIRTY; /* run again when it ends */
        return;
    case KEY_QUEUED:
    case KEY_RUNNING_AND_DIRTY: return;
    }
    if (entry->is_removed) {
        return;
    }
    entry->state = KEY_QUEUED;
    entry->next_in_queue = NULL;
    if (controller->queue_last != NULL) {
        controller->queue_last->next_in_queue = entry;
    } else {
        controller->queue_first = entry;
    }
    controller->queue_last = entry;
    controller->queue_length++;
    profile_queued(entry->key, controller->queue_length);
    controller_wake(controller);
}

struct entry *entry_dequeue(struct controller *controller)
{
    struct entry *entry = controller->queue_first;

    if (entry != NULL) {
        controller->queue_first = entry->next_in_queue;
        if (controller->queue_first == NULL) {
            controller->queue_last = NULL;
        }
        entry->next_in_queue = NULL;
        entry->state = KEY_RUNNING;
        controller->queue_length--;
    }
    return entry;
}

void entry_leave_queue(struct entry *entry)
{
    struct controller *controller = entry->controller;
    struct entry **at = &controller->queue_first, *previous = NULL;

    if (entry->state != KEY_QUEUED) {
        return;
    }
    while (*at != NULL && *at != entry) {
        previous = *at;
        at = &(*at)->next_in_queue;
    }
    if (*at == entry) {
        *at = entry->next_in_queue;
        if (controller->queue_last == entry) {
            controller->queue_last = previous;
        }
        controller->queue_length--;
        free(profile_dequeued(entry->key, controller->queue_length));
    }
    entry->state = KEY_IDLE;
}

/* The pass, and the plan that it led to, are over. */
void entry_settle(struct entry *entry)
{
    bool is_dirty = entry->state == KEY_RUNNING_AND_DIRTY;

    entry->state = KEY_IDLE;
    if (is_dirty) {
        entry_enqueue(entry);
    }
}

void entry_wake_at(struct entry *entry, int64_t wall_ms)
{
    int64_t now_ms = clock_wall_ms();

    if (wall_ms == 0) {
        forget_timer(entry);
        return;
    }
    uv_timer_start(timer_of(entry), on_timer, wall_ms > now_ms ? (uint64_t)(wall_ms - now_ms) : 1,
                   0);
}

void controller_enqueue_all(struct controller *controller)
{
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        entry_enqueue(map_value(at));
    }
}
