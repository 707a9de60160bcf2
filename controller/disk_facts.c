#include "controller/disk_parts.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/apply.h"
#include "controller/mirrors.h"
#include "controller/placing.h"
#include "controller/setups.h"
#include "controller/trees.h"

#include <stdlib.h>
#include <string.h>

/*
 * What only a running controller knows of things' use: which commits somebody is about to make a
 * tree of, whose container is in use or kept warm, which tasks are over. Whoever has not been
 * looked at yet may use anything.
 */

enum {
    STUCK_MS = 300000,     /* what is not gone by then holds up nothing else */
    USED_FRESH_MS = 600000 /* how exact the noted time of what is in use all the time is */
};

/* Of one mirror. */
struct repository_facts {
    const char *use;        /* all that belongs to it is in use; NULL: not all */
    struct map commits;     /* in use -> words why */
    struct map newest;      /* of the branches that it is about */
    bool is_newest_unknown; /* the mirror was not asked yet: what was newest may still be */
};

struct gathering {
    struct controller *controller;
    struct disk_survey *survey;
    struct map facts; /* name of a mirror -> struct repository_facts */
};

/* --- commits ---------------------------------------------------------------------------------- */

static struct repository_facts *facts_of(const struct gathering *gathering, const char *mirror)
{
    return map_get(&gathering->facts, mirror);
}

static void use_all(const struct gathering *gathering, struct repository_facts *facts,
                    const char *words, const char *name)
{
    if (facts->use == NULL) {
        facts->use = arena_printf(&gathering->survey->arena, "%s%s", words, name);
    }
}

static void use_commit(const struct gathering *gathering, struct repository_facts *facts,
                       const char *commit, const char *words)
{
    if (commit != NULL && map_get(&facts->commits, commit) == NULL) {
        map_put(&facts->commits, commit, arena_strdup(&gathering->survey->arena, words));
    }
}

static void add_newest(struct repository_facts *facts, const char *commit)
{
    if (commit != NULL) {
        map_put(&facts->newest, commit, facts);
    }
}

/* Of the branch that the settings name. */
static void add_default(struct repository_facts *facts, const struct entry *mirror)
{
    struct revision revision = task_revision(NULL, mirror_settings(mirror));
    struct source source;

    mirror_find_source(mirror, &revision, 0, &source);
    add_newest(facts, source.commit);
    facts->is_newest_unknown = source.commit == NULL && source.state == SOURCE_WAITING;
}

static void add_task(const struct gathering *gathering, struct repository_facts *facts,
                     const struct entry *task)
{
    auto_free char *words = xasprintf("task %s is to work on it", task->name);
    struct source source;

    if (!task->is_passed) {
        use_all(gathering, facts, "nobody has looked yet at task ", task->name);
        return;
    }
    if (task_is_over(task->status)) {
        return;
    }
    use_commit(gathering, facts, task->status->task->commit, words);
    if (task->desired != NULL && task_settings(task) != NULL) {
        task_find_source(task, &source);
        use_commit(gathering, facts, source.commit, words);
    }
}

static void use_newest(const struct gathering *gathering, struct repository_facts *facts,
                       const char *words)
{
    for (struct map_entry *at = map_first(&facts->newest); at != NULL; at = map_next(at)) {
        use_commit(gathering, facts, map_key(at), words);
    }
}

static void add_mirror(struct gathering *gathering, const struct entry *mirror)
{
    const struct object *settings = mirror_settings(mirror);
    struct repository_facts *facts =
        arena_alloc(&gathering->survey->arena, sizeof(struct repository_facts));

    map_put(&gathering->facts, mirror->name, facts);
    if (settings == NULL || settings->repository.is_suspended) {
        use_all(gathering, facts, "spec.suspend is true", "");
        return;
    }
    add_default(facts, mirror);
    for (struct map_entry *at = map_first(&mirror->mirror->containers); at != NULL;
         at = map_next(at)) {
        const struct entry *container = map_value(at);

        if (container->repository->branch != NULL) {
            add_newest(facts, container->status->repository->commit); /* as it was last known */
        }
        if (repository_is_kept_warm(container) || container->repository->warm_pool != NULL) {
            use_newest(gathering, facts, "its repository is kept warm");
        }
    }
    for (struct map_entry *at = map_first(&mirror->mirror->tasks); at != NULL; at = map_next(at)) {
        add_task(gathering, facts, map_value(at));
    }
}

/* A plan that is being carried out was decided on with what was there. */
static void add_run(const struct gathering *gathering, const struct plan_run *run)
{
    const struct entry *repository = run_repository(run);
    struct repository_facts *facts =
        repository != NULL ? facts_of(gathering, repository->repository->mirror->name) : NULL;

    for (size_t i = 0; facts != NULL && i < run->plan->count; i++) {
        use_commit(gathering, facts, run->plan->actions[i]->source.commit,
                   "a tree is being made of it");
    }
}

static void gather(struct gathering *gathering)
{
    const struct map *entries = &gathering->controller->entries;

    for (struct map_entry *at = map_first(entries); at != NULL; at = map_next(at)) {
        const struct entry *entry = map_value(at);

        if (entry->kind == ENTRY_MIRROR) {
            add_mirror(gathering, entry);
        }
    }
    for (struct map_entry *at = map_first(entries); at != NULL; at = map_next(at)) {
        const struct entry *entry = map_value(at);

        if (entry->run != NULL) {
            add_run(gathering, entry->run);
        }
    }
}

/* A layer is named by the beginning of its commit. */
static const char *use_of_commit(const struct repository_facts *facts, const char *commit)
{
    for (struct map_entry *at = map_first(&facts->commits); at != NULL; at = map_next(at)) {
        if (text_has_prefix(map_key(at), commit)) {
            return map_value(at);
        }
    }
    return NULL;
}

static bool is_newest(const struct repository_facts *facts, const char *commit)
{
    for (struct map_entry *at = map_first(&facts->newest); at != NULL; at = map_next(at)) {
        if (text_has_prefix(map_key(at), commit)) {
            return true;
        }
    }
    return false;
}

/* --- workspaces, trees, mirrors --------------------------------------------------------------- */

static struct entry *container_of(struct controller *controller, const struct disk_thing *thing)
{
    return entry_of_container(controller, KIND_REPOSITORY_CONTAINER, thing->container);
}

/* NULL: none of its tasks has a tree there that is still worked in. */
static const struct entry *find_worker(const struct entry *repository)
{
    for (struct map_entry *at = map_first(&repository->repository->tasks); at != NULL;
         at = map_next(at)) {
        const struct entry *task = map_value(at);

        if (!task->is_passed || (!task_is_over(task->status) &&
                                 (task->status->task->tree.name != NULL || task->run != NULL))) {
            return task;
        }
    }
    return NULL;
}

static const char *workspace_use(const struct entry *repository)
{
    const struct repository_entry *own = repository->repository;

    return own->evicted_wall_ms != 0                                 ? "it is being removed"
           : !repository->is_passed                                  ? "nobody has looked at it yet"
           : repository_active_tasks(repository) > 0                 ? "tasks need it"
           : find_worker(repository) != NULL                         ? "a task works in it"
           : sessions_count(repository) > 0                          ? "people are in it"
           : sessions_are_unheard(repository)                        ? "people may be in it"
           : repository_is_kept_warm(repository)                     ? "it is kept warm"
           : own->warm_pool != NULL                                  ? "it is to be kept warm"
           : setup_is_running(repository)                            ? "its setup runs"
           : repository->run != NULL                                 ? "something is done to it"
           : repository->status->repository->idle_since_wall_ms == 0 ? "it is not idle"
                                                                     : NULL;
}

static void add_workspace(const struct gathering *gathering, struct disk_thing *thing)
{
    struct entry *repository = container_of(gathering->controller, thing);
    const char *use =
        repository != NULL ? workspace_use(repository) : "it belongs to nothing that is known";

    if (use != NULL) {
        disk_thing_set_use(gathering->survey, thing, use);
    }
    if (repository != NULL && repository_settings(repository) != NULL) {
        int64_t until_wall_ms = trees_kept_until(repository);

        thing->kept_until_wall_ms = until_wall_ms;
    }
}

/* When the tree goes by itself; 0: that is not decided. */
static int64_t tree_ends_at(const struct tree_record *record, const struct entry *task,
                            const struct object *settings)
{
    if (record->removed_at_wall_ms != 0) {
        return record->removed_at_wall_ms;
    }
    if (task != NULL && task->status->task->tree.removed_at_wall_ms != 0) {
        return task->status->task->tree.removed_at_wall_ms;
    }
    return record->used_wall_ms + settings->repository.retain_seconds * 1000;
}

static const char *tree_use(const struct tree_record *record, const struct entry *task)
{
    return record->task == NULL    ? "it is nobody's"
           : record->is_leaving    ? "it is being removed"
           : !record->is_inspected ? "nobody has looked at it yet"
           : task == NULL          ? NULL
           : !task->is_passed || !task_is_over(task->status) || task->run != NULL
               ? "its task has not ended"
               : NULL;
}

static void add_tree(const struct gathering *gathering, struct disk_thing *thing)
{
    struct entry *repository = container_of(gathering->controller, thing);
    const struct tree_record *record =
        repository != NULL ? tree_find(repository, thing->name) : NULL;
    const struct entry *task;
    const char *use;

    if (record == NULL || repository_settings(repository) == NULL) {
        disk_thing_set_use(gathering->survey, thing, "it belongs to nothing that is known");
        return;
    }
    task = tree_owner(repository, record);
    use = sessions_count(repository) > 0     ? "people are in its container"
          : sessions_are_unheard(repository) ? "people may be in its container"
                                             : tree_use(record, task);
    if (use != NULL) {
        disk_thing_set_use(gathering->survey, thing, use);
    } else {
        thing->kept_until_wall_ms =
            thing->has_work ? tree_ends_at(record, task, repository_settings(repository)) : 0;
    }
}

static const char *mirror_use(const struct entry *mirror)
{
    if (mirror->mirror->evicted_wall_ms != 0) {
        return "it is being removed";
    }
    if (mirror->run != NULL) {
        return "something is done to it";
    }
    for (struct map_entry *at = map_first(&mirror->mirror->tasks); at != NULL; at = map_next(at)) {
        const struct entry *task = map_value(at);

        if (task_is_active(task->desired, task->status) || !task->is_passed) {
            return "tasks need it";
        }
    }
    for (struct map_entry *at = map_first(&mirror->mirror->containers); at != NULL;
         at = map_next(at)) {
        const struct entry *container = map_value(at);

        if (repository_is_kept_warm(container) || container->repository->warm_pool != NULL) {
            return "it is kept warm";
        }
    }
    return NULL;
}

/* As it was known last; what was never looked at may be. */
static bool was_newest(const struct gathering *gathering, const struct disk_thing *thing)
{
    const struct disk_note *own =
        disk_notes_find(&gathering->controller->collector->notes, thing->id);

    return own == NULL || own->is_newest;
}

static void add_facts_of(const struct gathering *gathering, struct disk_thing *thing)
{
    const struct repository_facts *facts = facts_of(gathering, thing->repository);
    const char *use = facts != NULL ? facts->use : NULL;

    switch (thing->kind) { /* no default: a kind whose use nobody knows does not compile */
    case DISK_SETUP_LAYER:
    case DISK_SNAPSHOT:
        if (facts != NULL) {
            use = use != NULL ? use : use_of_commit(facts, thing->commit);
            thing->is_newest = is_newest(facts, thing->commit) ||
                               (facts->is_newest_unknown && was_newest(gathering, thing));
        }
        break;
    case DISK_KEPT_TREE: add_tree(gathering, thing); break;
    case DISK_IDLE_WORKSPACE: add_workspace(gathering, thing); break;
    case DISK_MIRROR:
        if (facts != NULL && use == NULL) {
            use = mirror_use(
                entry_of_container(gathering->controller, KIND_MIRROR, thing->repository));
        }
        break;
    }
    if (use != NULL) {
        disk_thing_set_use(gathering->survey, thing, use);
    }
}

/* --- what is noted ---------------------------------------------------------------------------- */

static void note(struct disk_notes *notes, struct disk_thing *thing, int64_t now_wall_ms)
{
    struct disk_note *own = disk_notes_of(notes, thing->id);
    bool was_used = own->use != NULL, is_used = thing->use != NULL;

    thing->bytes = own->bytes;
    thing->files = own->files;
    if ((was_used && !is_used) ||
        (is_used && now_wall_ms - own->last_used_wall_ms > USED_FRESH_MS)) {
        own->last_used_wall_ms = now_wall_ms;
    }
    if (is_used || own->last_used_wall_ms > thing->last_used_wall_ms) {
        thing->last_used_wall_ms = is_used ? now_wall_ms : own->last_used_wall_ms;
    }
    own->is_newest = thing->is_newest;
    own->kept_until_wall_ms = thing->kept_until_wall_ms;
    if (!text_equal(own->use, thing->use)) {
        free(own->use);
        own->use = xstrdup_or_null(thing->use);
    }
}

static uint64_t without(uint64_t all, uint64_t part)
{
    return part < all ? all - part : all > 0 ? 1 : 0; /* 0 would be: not measured */
}

/* A tree was measured with its workspace, which is smaller now, and is to be measured anew. */
static void take_from_workspace(struct disk_notes *notes, const char *id)
{
    const struct disk_note *gone = disk_notes_find(notes, id);
    const char *slash = strrchr(id, '/');
    auto_free char *parent = slash != NULL ? xstrndup(id, (size_t)(slash - id)) : xstrdup("");
    struct disk_note *workspace = disk_notes_find(notes, parent);

    if (workspace != NULL) {
        workspace->bytes = without(workspace->bytes, gone->bytes);
        workspace->files = without(workspace->files, gone->files);
        workspace->measured_wall_ms = 0;
    }
}

/* Of what is gone. */
static void forget_notes(struct disk_notes *notes, const struct disk_survey *survey)
{
    struct map present = {0};
    struct map_entry *next;

    for (size_t i = 0; i < survey->count; i++) {
        map_put(&present, survey->things[i].id, &survey->things[i]);
    }
    for (struct map_entry *at = map_first(&notes->by_id); at != NULL; at = next) {
        next = map_next(at);
        if (map_get(&present, map_key(at)) == NULL) {
            auto_free char *id = xstrdup(map_key(at));

            take_from_workspace(notes, id);
            disk_notes_forget(notes, id);
        }
    }
    map_done(&present);
}

void disk_add_facts(struct controller *controller, struct disk_survey *survey, int64_t now_wall_ms)
{
    struct gathering gathering = {.controller = controller, .survey = survey};
    struct disk_notes *notes = &controller->collector->notes;

    gather(&gathering);
    forget_notes(notes, survey);
    for (size_t i = 0; i < survey->count; i++) {
        add_facts_of(&gathering, &survey->things[i]);
        note(notes, &survey->things[i], now_wall_ms);
    }
    for (struct map_entry *at = map_first(&gathering.facts); at != NULL; at = map_next(at)) {
        struct repository_facts *facts = map_value(at);

        map_done(&facts->commits);
        map_done(&facts->newest);
    }
    map_done(&gathering.facts);
}

/* --- what is on its way out ------------------------------------------------------------------- */

static bool is_leaving(const struct entry *entry)
{
    if (entry->kind == ENTRY_MIRROR) {
        return entry->mirror->evicted_wall_ms != 0;
    }
    if (entry->kind != ENTRY_REPOSITORY) {
        return false;
    }
    for (struct map_entry *at = map_first(&entry->repository->tree_records); at != NULL;
         at = map_next(at)) {
        if (((const struct tree_record *)map_value(at))->is_leaving) {
            return true;
        }
    }
    return entry->repository->evicted_wall_ms != 0;
}

bool disk_is_removing(const struct controller *controller)
{
    const struct collector *collector = controller->collector;

    if (clock_wall_ms() - collector->removing_wall_ms > STUCK_MS) {
        return false;
    }
    for (struct map_entry *at = map_first(&controller->entries); at != NULL; at = map_next(at)) {
        if (is_leaving(map_value(at))) {
            return true;
        }
    }
    return collector->emptying > 0;
}
