#include "specs/status_json.h"

#include "base/parse.h"

/* What tasks and repositories have in their status beside other objects. */

#define SHARED "shared"

static void put_texts(json_t *json, const char *key, const struct text_list *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->count; i++) {
        json_array_append_new(array, json_string(list->items[i]));
    }
    if (list->count > 0) {
        json_object_set(json, key, array);
    }
    json_decref(array);
}

/* Tasks */

static json_t *tree_to_json(const struct status_tree *tree)
{
    json_t *item = json_object();

    status_put_text(item, "name", tree->name);
    status_put_text(item, "method", tree->method);
    status_put_text(item, "hostPath", tree->name != NULL ? tree->host_path : NULL);
    status_put_integer(item, "uid", tree->uid);
    status_put_integer(item, "gid", tree->gid);
    status_put_text(item, "note", tree->note);
    status_put_text(item, "endBranch", tree->end_branch);
    status_put_text(item, "endCommit", tree->end_commit);
    if (tree->is_inspected) {
        json_object_set_new(item, "dirty", json_boolean(tree->is_dirty));
        json_object_set_new(item, "unpushed", json_boolean(tree->is_unpushed));
    }
    status_put_time(item, "keptUntil", tree->removed_at_wall_ms);
    return item;
}

static json_t *task_ports_to_json(const struct status_task *task)
{
    json_t *list = json_array();

    for (size_t i = 0; i < task->port_count; i++) {
        json_t *item = json_object();

        status_put_text(item, "name", task->ports[i].name);
        status_put_integer(item, "containerPort", task->ports[i].container_port);
        status_put_integer(item, "hostPort", task->ports[i].host_port);
        json_array_append_new(list, item);
    }
    return list;
}

json_t *status_task_to_json(const struct status_task *task)
{
    json_t *item = json_object();

    status_put_text(item, "id", task->id);
    status_put_text(item, "specHash", task->hash);
    status_put_text(item, "repository", task->url);
    status_put_text(item, "repositoryContainer", task->repository);
    status_put_text(item, "workingDirectory", task->work_dir);
    status_put_text(item, "home", task->tree.home);
    status_put_text(item, "tmp", task->tree.tmp);
    status_put_text(item, "containerUser", task->user);
    status_put_text(item, "branch", task->branch);
    status_put_text(item, "commit", task->commit);
    if (task->tree.name != NULL || task->tree.is_inspected) {
        json_object_set_new(item, "tree", tree_to_json(&task->tree));
    }
    status_put_text(item, "user", task->person);
    put_texts(item, "links", &task->links);
    if (task->port_count > 0) {
        json_object_set_new(item, "ports", task_ports_to_json(task));
    }
    status_put_integer(item, "attempt", task->attempt);
    status_put_text(item, "reason", task->reason);
    if (task->has_exit_code) {
        status_put_integer(item, "exitCode", task->exit_code);
    }
    status_put_time(item, "startTime", task->start_wall_ms);
    status_put_time(item, "endTime", task->end_wall_ms);
    status_put_time(item, "nextRetryTime", task->next_retry_wall_ms);
    status_put_text(item, "logFile", task->log_file);
    status_put_text(item, "pool", task->pool);
    status_put_text(item, "instance", task->instance);
    status_put_time(item, "arrivalTime", task->arrival_wall_ms);
    status_put_true(item, "admitted", task->is_admitted);
    if (task->queue_position > 0) {
        status_put_integer(item, "queuePosition", task->queue_position);
    }
    return item;
}

/* What names folders is not taken from here: the record in the state directory has it. */
static void read_tree(struct object_status *status, const json_t *json)
{
    struct status_tree *tree = &status_task(status)->tree;

    if (text_equal(json_string_value(json_object_get(json, "name")), SHARED)) {
        tree->name = SHARED; /* the one name that cannot be made up */
    }
    tree->note = status_get_text(status, json, "note");
    tree->end_branch = status_get_text(status, json, "endBranch");
    tree->end_commit = status_get_text(status, json, "endCommit");
    tree->is_inspected = json_is_boolean(json_object_get(json, "dirty"));
    tree->is_dirty = json_is_true(json_object_get(json, "dirty"));
    tree->is_unpushed = json_is_true(json_object_get(json, "unpushed"));
    tree->removed_at_wall_ms = status_get_time(json, "keptUntil");
}

/*
 * A session keeps what it leased over a restart; whether the container still has those ports is
 * looked at anew.
 */
static void read_task_ports(struct object_status *status, const json_t *list)
{
    struct status_task *task = status_task(status);
    size_t count = json_array_size(list), index;
    json_t *item;

    if (count == 0 || count > TASK_PORTS_MAX) {
        return;
    }
    task->ports = arena_alloc(&status->arena, count * sizeof(*task->ports));
    json_array_foreach(list, index, item) {
        const char *name = status_get_text(status, item, "name");
        int64_t inner = status_get_integer(item, "containerPort");
        int64_t outer = status_get_integer(item, "hostPort");

        if (name != NULL && inner > 0 && inner <= UINT16_MAX && outer >= 0 && outer <= UINT16_MAX) {
            task->ports[task->port_count++] = (struct status_task_port){
                .name = name,
                .container_port = (uint16_t)inner,
                .host_port = (uint16_t)outer,
            };
        }
    }
}

void status_read_task(struct object_status *status, const json_t *json)
{
    struct status_task *task;

    if (!json_is_object(json)) {
        return;
    }
    task = status_task(status);
    task->id = status_get_text(status, json, "id");
    if (task->id != NULL && !object_name_is_valid(task->id)) {
        task->id = NULL; /* it names a directory: nothing but what we would have written */
    }
    task->hash = status_get_text(status, json, "specHash");
    task->url = status_get_text(status, json, "repository");
    task->repository = status_get_text(status, json, "repositoryContainer");
    task->work_dir = status_get_text(status, json, "workingDirectory");
    task->branch = status_get_text(status, json, "branch");
    task->commit = status_get_text(status, json, "commit");
    task->user = status_get_text(status, json, "containerUser");
    task->log_file = status_get_text(status, json, "logFile");
    task->reason = status_get_text(status, json, "reason");
    task->attempt = status_get_count(json, "attempt");
    task->start_wall_ms = status_get_time(json, "startTime");
    task->end_wall_ms = status_get_time(json, "endTime");
    task->next_retry_wall_ms = status_get_time(json, "nextRetryTime");
    task->has_exit_code = json_is_integer(json_object_get(json, "exitCode"));
    task->exit_code = status_get_integer(json, "exitCode");
    task->pool = status_get_text(status, json, "pool");
    task->instance = status_get_text(status, json, "instance");
    task->arrival_wall_ms = status_get_time(json, "arrivalTime");
    task->is_admitted = json_is_true(json_object_get(json, "admitted"));
    read_task_ports(status, json_object_get(json, "ports"));
    read_tree(status, json_object_get(json, "tree"));
}

static void copy_tree(struct object_status *to, const struct status_tree *from)
{
    struct status_tree *tree = &status_task(to)->tree;

    *tree = *from;
    tree->name = status_text(to, from->name);
    tree->method = status_text(to, from->method);
    tree->host_path = status_text(to, from->host_path);
    tree->layer = status_text(to, from->layer);
    tree->note = status_text(to, from->note);
    tree->home = status_text(to, from->home);
    tree->tmp = status_text(to, from->tmp);
    tree->end_branch = status_text(to, from->end_branch);
    tree->end_commit = status_text(to, from->end_commit);
}

void status_copy_task(struct object_status *to, const struct status_task *from)
{
    struct status_task *task = status_task(to);

    *task = *from;
    task->id = status_text(to, from->id);
    task->hash = status_text(to, from->hash);
    task->url = status_text(to, from->url);
    task->repository = status_text(to, from->repository);
    task->work_dir = status_text(to, from->work_dir);
    task->branch = status_text(to, from->branch);
    task->commit = status_text(to, from->commit);
    task->user = status_text(to, from->user);
    task->log_file = status_text(to, from->log_file);
    task->reason = status_text(to, from->reason);
    task->pool = status_text(to, from->pool);
    task->instance = status_text(to, from->instance);
    task->person = status_text(to, from->person);
    task->links = (struct text_list){0}; /* said anew in each pass */
    copy_tree(to, &from->tree);
    if (from->port_count > 0) {
        task->ports = arena_alloc(&to->arena, from->port_count * sizeof(*from->ports));
    }
    for (size_t i = 0; i < from->port_count; i++) {
        task->ports[i] = from->ports[i];
        task->ports[i].name = status_text(to, from->ports[i].name);
    }
}

/* Repositories */

static json_t *kept_to_json(const struct status_repository *repository)
{
    json_t *list = json_array();

    for (size_t i = 0; i < repository->kept_count; i++) {
        const struct status_kept_tree *kept = &repository->kept[i];
        json_t *item = json_object();

        status_put_text(item, "task", kept->task);
        status_put_text(item, "path", kept->path);
        status_put_text(item, "branch", kept->branch);
        status_put_text(item, "commit", kept->commit);
        status_put_time(item, "keptUntil", kept->until_wall_ms);
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *branches_to_json(const struct status_repository *repository)
{
    json_t *list = json_array();

    for (size_t i = 0; i < repository->branch_count; i++) {
        const struct status_branch *branch = &repository->branches[i];
        json_t *item = json_object();

        status_put_text(item, "branch", branch->branch);
        status_put_text(item, "container", branch->container);
        status_put_text(item, "phase", phase_name(branch->phase));
        status_put_text(item, "reason", branch->reason);
        status_put_text(item, "message", branch->message);
        status_put_integer(item, "activeTasks", branch->active_tasks);
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *setup_to_json(const struct status_repository *repository)
{
    json_t *item = json_object();

    status_put_text(item, "state", repository->setup_state);
    status_put_text(item, "commit", repository->setup_commit);
    status_put_text(item, "logFile", repository->setup_log);
    status_put_text(item, "message", repository->setup_message);
    return item;
}

json_t *status_repository_to_json(const struct status_repository *repository)
{
    json_t *item = json_object();

    status_put_text(item, "url", repository->url);
    status_put_text(item, "branch", repository->branch);
    status_put_text(item, "commit", repository->commit);
    status_put_time(item, "fetchTime", repository->fetched_wall_ms);
    status_put_text(item, "trees", repository->trees);
    status_put_text(item, "method", repository->method);
    status_put_text(item, "methodMessage", repository->method_message);
    status_put_integer(item, "activeTasks", repository->active_tasks);
    if (repository->sessions > 0) {
        status_put_integer(item, "execSessions", repository->sessions);
    }
    if (repository->disk_bytes > 0) {
        status_put_integer(item, "diskBytes", repository->disk_bytes);
    }
    status_put_time(item, "idleSince", repository->idle_since_wall_ms);
    status_put_text(item, "pool", repository->pool);
    status_put_text(item, "instance", repository->instance);
    if (repository->setup_state != NULL) {
        json_object_set_new(item, "setup", setup_to_json(repository));
    }
    status_put_text(item, "snapshotImage", repository->snapshot_image);
    status_put_true(item, "submodules", repository->has_submodules);
    status_put_true(item, "lfs", repository->has_lfs);
    put_texts(item, "devcontainerUnsupported", &repository->unsupported);
    if (repository->branch_count > 0) {
        json_object_set_new(item, "branches", branches_to_json(repository));
    }
    if (repository->kept_count > 0) {
        json_object_set_new(item, "keptTrees", kept_to_json(repository));
    }
    return item;
}

/* Only what must be remembered: everything else is looked at anew. */
void status_read_repository(struct object_status *status, const json_t *json)
{
    const json_t *setup = json_object_get(json, "setup");
    struct status_repository *repository;

    if (!json_is_object(json)) {
        return;
    }
    repository = status_repository(status);
    repository->url = status_get_text(status, json, "url");
    repository->branch = status_get_text(status, json, "branch");
    repository->commit = status_get_text(status, json, "commit");
    repository->idle_since_wall_ms = status_get_time(json, "idleSince");
    repository->pool = status_get_text(status, json, "pool");
    repository->instance = status_get_text(status, json, "instance");
    repository->setup_commit = status_get_text(status, setup, "commit");
    repository->setup_log = status_get_text(status, setup, "logFile");
}

void status_copy_repository(struct object_status *to, const struct status_repository *from)
{
    struct status_repository *repository = status_repository(to);

    *repository = (struct status_repository){
        .url = status_text(to, from->url),
        .branch = status_text(to, from->branch),
        .commit = status_text(to, from->commit),
        .pool = status_text(to, from->pool),
        .instance = status_text(to, from->instance),
        .idle_since_wall_ms = from->idle_since_wall_ms,
    };
}
