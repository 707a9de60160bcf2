#include "controller/pass.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/entry.h"
#include "controller/mirrors.h"
#include "controller/placing.h"
#include "controller/setups.h"
#include "controller/task_owner.h"
#include "controller/trees.h"
#include "specs/reason.h"

#include <stdlib.h>

/* Passes of tasks: the facts are gathered, and decided on elsewhere. */

static bool is_port_taken(const struct entry *task, uint16_t container_port)
{
    const struct entry *repository = repository_of_task(task);

    for (struct map_entry *at = map_first(&repository->repository->tasks); at != NULL;
         at = map_next(at)) {
        const struct entry *other = map_value(at);
        const struct status_task *status = other->status->task;

        for (size_t i = 0; other != task && i < status->port_count; i++) {
            if (status->ports[i].container_port == container_port) {
                return true;
            }
        }
    }
    return false;
}

/* The ports of the block, as the container has them now. */
static struct block_port *find_block(const struct entry *task, size_t *ret_count)
{
    const struct entry *repository = repository_of_task(task);
    const struct object_status *status = entry_passed_status(repository);
    struct block_port *block;
    size_t count = 0;

    *ret_count = 0;
    if (status == NULL) {
        return NULL;
    }
    block = xcalloc(status->port_count + 1, sizeof(*block));
    for (size_t i = 0; i < status->port_count; i++) {
        const struct status_port *port = &status->ports[i];

        if (text_has_prefix(port->name, TASK_PORT_PREFIX) &&
            port->container_port >= TASK_PORT_FIRST) {
            block[count++] = (struct block_port){
                .container_port = port->container_port,
                .host_port = port->host_port,
                .is_taken = is_port_taken(task, port->container_port),
            };
        }
    }
    *ret_count = count;
    return block;
}

static void find_shared_tree(const struct entry *task, struct observed_shared_tree *ret)
{
    const struct entry *repository = repository_of_task(task);
    const struct tree_record *record = tree_find(repository, SHARED_TREE);

    *ret = (struct observed_shared_tree){.exists = tree_is_there(repository, record)};
    if (record != NULL) {
        ret->branch = record->branch;
        ret->commit = record->commit;
        ret->layer = record->layer;
        ret->is_inspected = record->is_inspected;
        ret->is_dirty = record->is_dirty;
        ret->is_unpushed = record->is_unpushed;
        ret->used_wall_ms = record->used_wall_ms;
    }
    for (struct map_entry *at = map_first(&repository->repository->tasks); at != NULL;
         at = map_next(at)) {
        const struct entry *other = map_value(at);

        if (other != task && task_is_in_shared_tree(other)) {
            ret->users++;
            if (record == NULL) { /* what it is about to be made on */
                ret->branch = other->status->task->branch;
                ret->commit = other->status->task->commit;
                ret->layer = other->status->task->tree.layer;
            }
        }
    }
    ret->is_lost = record != NULL && !ret->exists && ret->users == 0; /* nobody is making it */
}

static bool has_snapshot(const struct entry *repository, const struct source *source)
{
    auto_free char *path = NULL;

    if (source->state != SOURCE_READY || !repository->repository->trees.is_user_known) {
        return false;
    }
    path = snapshot_path(repository->repository->mirror, source->commit,
                         repository->repository->trees.uid);
    return path_exists(path);
}

/* What is there of its repository's container. */
struct task_place {
    struct source source;
    struct observed_shared_tree shared;
    struct block_port *block;
    char *free_tree;
    char layer[SETUP_KEY_SIZE];
};

static bool has_ports(const struct entry *task)
{
    return task->status->task->port_count > 0 ||
           (task->desired != NULL && task->desired->task.ports.count > 0);
}

/* What others of its repository do is looked at when it matters: there may be thousands. */
static void fill_container(const struct entry *task, struct task_input *input,
                           struct task_place *place)
{
    struct entry *repository = repository_of_task(task);

    if (repository == NULL) {
        return;
    }
    trees_observe(repository);
    if (input->isolation != ISOLATION_TASK ||
        text_equal(task->status->task->tree.name, SHARED_TREE)) {
        find_shared_tree(task, &place->shared);
    }
    if (has_ports(task)) {
        place->block = find_block(task, &input->block_count);
    }
    place->free_tree = tree_free_name(repository, task->name);
    input->repository = repository->name;
    input->repository_status = entry_passed_status(repository);
    input->container = map_get(&task->controller->containers, repository->name);
    input->trees = &repository->repository->trees;
    input->shared = &place->shared;
    input->block = place->block;
    input->free_tree = place->free_tree;
    input->has_tree =
        tree_is_there(repository, tree_find(repository, task->status->task->tree.name));
    input->has_snapshot = has_snapshot(repository, &place->source);
    input->setup = setup_of_commit(repository, place->source.commit, place->layer);
}

/*
 * Its own spelling of the URL counts beside the one that is used: another one may have come first.
 */
static bool is_refused(const struct world *world, const struct entry *task,
                       const struct entry *mirror, struct policy_refusal *ret)
{
    auto_done(repo_url) own = {0};
    struct error err = {0};

    return mirror_refuses_url(world, &mirror->mirror->url, ret) ||
           (task->desired != NULL && task->desired->task.repository_url != NULL &&
            repo_url_parse(task->desired->task.repository_url, &own, &err) == 0 &&
            mirror_refuses_url(world, &own, ret));
}

static void decide_task(struct pass *pass, const struct task_input *facts)
{
    struct task_input input = *facts;
    struct entry *entry = pass->entry;
    struct entry *mirror = mirror_of_task(entry);
    auto_done(policy_refusal) refusal = {0};
    auto_free char *forbidden = NULL;
    struct task_place place = {0};

    if (mirror != NULL) {
        task_find_source(entry, &place.source);
        input.source = &place.source;
        input.mirror_status = entry_passed_status(mirror);
        input.url = mirror->mirror->url.canonical;
        if (input.refusal == NULL && is_refused(&pass->world, entry, mirror, &refusal)) {
            input.refusal_reason = refusal.reason;
            input.refusal = refusal.message;
        }
    }
    if (entry->desired != NULL) {
        forbidden = task_why_forbidden(entry);
        input.forbidden = forbidden;
        input.values = values_observe(entry, &entry->desired->task.env);
    }
    fill_container(entry, &input, &place);
    task_reconcile(&pass->world, &input, pass->plan, pass->status);
    free(place.block);
    free(place.free_tree);
}

void pass_task(struct pass *pass)
{
    static const struct observed_trees no_trees;
    static const struct observed_shared_tree no_tree;
    struct entry *entry = pass->entry;
    struct observed_failure failure = entry_failure(entry);
    const struct object *settings = task_settings(entry);
    struct task_input input = {
        .name = entry->name,
        .desired = entry->desired,
        .settings = settings,
        .isolation = task_isolation(entry->desired, settings),
        .ttl_ms = entry->task->ttl_ms,
        .admission = entry->task->admission,
        .refusal_reason = entry->task->refusal_reason,
        .refusal = entry->task->refusal,
        .trees = &no_trees,
        .shared = &no_tree,
        .pressure = entry->controller->disk_pressure,
        .attempt = &entry->task->attempt,
        .failure = &failure,
        .previous = entry->status,
    };

    observe_attempt(entry);
    if (entry->task->attempt.state == ATTEMPT_RUNNING) {
        observe_watch_task(entry);
    }
    pass->is_gone = entry->desired == NULL && entry->status->task->id == NULL;
    if (!pass->is_gone) {
        decide_task(pass, &input);
    }
}
