#include "tests/unit/plan_model.h"

#include "base/memory.h"
#include "base/parse.h"
#include "specs/spec_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

void plan_model_done(struct plan_model *model)
{
    observed_container_free(model->container);
    status_free(model->status);
}

unsigned dice_roll(struct dice *dice, unsigned sides)
{
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return (unsigned)((dice->state * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % sides;
}

struct object *object_from_text(const char *text)
{
    auto_owned(spec_file) *file = spec_file_parse("test.yaml", text, strlen(text));

    if (spec_file_has_errors(file) || file->count != 1) {
        fail_msg("no good spec: %s", text);
    }
    return object_ref(file->documents[0].object);
}

struct observed_container *plan_model_container(const struct object *object, const char *name,
                                                const char *kind, enum workload_state state)
{
    struct observed_container *container = xcalloc(1, sizeof(*container));

    container->name = observed_text(container, name);
    container->id = observed_text(container, "c0");
    container->image_id = observed_text(container, MODEL_IMAGE_ID);
    container->is_ours = true;
    container->kind = observed_text(container, kind);
    container->object = observed_text(container, name);
    container->hash = observed_text(container, object->container_hash);
    container->fields = observed_text(container, object->field_hashes);
    container->ports = observed_text(container, "");
    container->state = state;
    return container;
}

const struct observed_network *plan_model_network(struct plan_model *model)
{
    if (!model->has_network) {
        return NULL;
    }
    snprintf(model->network_id, sizeof(model->network_id), "n%u", model->networks_made);
    snprintf(model->subnet, sizeof(model->subnet), "10.210.7.0/24");
    model->network = (struct observed_network){model->network_id, model->subnet};
    return &model->network;
}

void plan_model_remove_network(struct plan_model *model)
{
    model->has_network = false;
    model->networks_made++;
}

static const char *label_of(const struct workload *workload, const char *key)
{
    for (size_t i = 0; i < workload->labels.count; i++) {
        if (strcmp(workload->labels.items[i].key, key) == 0) {
            return workload->labels.items[i].value;
        }
    }
    return NULL;
}

/* Every port of a container is leased to its owner: nobody else can have been given it. */
static void check_ports(const struct plan_model *model, const struct workload *workload)
{
    for (size_t i = 0; i < workload->port_count; i++) {
        const struct workload_port *port = &workload->ports[i];
        const struct port_lease *lease =
            port_table_get(model->ports, port->host_port, port->protocol);

        assert_non_null(lease);
        assert_non_null(lease->owner);
        assert_string_equal(lease->owner, model->key);
    }
}

static void create_container(struct plan_model *model, const struct action *action)
{
    const struct workload *workload = action->workload;
    struct observed_container *container;

    bool is_of_snapshot =
        model->disk != NULL && disk_texts_has(&model->disk->images, workload->image);

    assert_null(model->container);
    assert_true(is_of_snapshot || model->image.state == IMAGE_PRESENT);
    assert_string_equal(workload->name, action->target);
    check_ports(model, workload);
    if (workload->network != NULL) {
        assert_true(model->has_network);
    }
    for (size_t i = 0; i < workload->mount_count; i++) {
        if (strcmp(workload->mounts[i].target, WORKSPACE_MOUNT) == 0) {
            assert_true(model->disk != NULL && model->disk->is_shared);
        }
    }
    model->container = container = xcalloc(1, sizeof(*container));
    container->name = observed_text(container, workload->name);
    container->id = arena_printf(&container->arena, "c%u", ++model->containers_made);
    container->image_id =
        observed_text(container, is_of_snapshot ? workload->image : model->image.id);
    container->is_ours = text_equal(label_of(workload, LABEL_CONTROLLER), MODEL_CONTROLLER);
    container->kind = observed_text(container, label_of(workload, LABEL_KIND));
    container->object = observed_text(container, label_of(workload, LABEL_NAME));
    container->hash = observed_text(container, label_of(workload, LABEL_HASH));
    container->fields = observed_text(container, label_of(workload, LABEL_FIELDS));
    container->ports = observed_text(container, label_of(workload, LABEL_PORTS));
    if (workload->network != NULL) {
        container->network = observed_text(container, workload->network);
        container->network_id = observed_text(container, plan_model_network(model)->id);
    }
    container->env = observed_text(container, label_of(workload, LABEL_ENV));
    container->state = WORKLOAD_CREATED;
}

static struct observed_container *own_container(struct plan_model *model,
                                                const struct action *action)
{
    assert_non_null(model->container);
    assert_string_equal(model->container->name, action->target);
    assert_true(model->container->is_ours);
    assert_string_equal(model->container->object, action->target);
    return model->container;
}

static void start_container(struct plan_model *model, struct observed_container *container)
{
    assert_true(container->state == WORKLOAD_CREATED || container->state == WORKLOAD_EXITED);
    if (container->network != NULL) { /* an engine refuses the start for want of its network */
        assert_true(model->has_network);
        assert_string_equal(container->network_id, plan_model_network(model)->id);
    }
    if (model->disk != NULL) { /* what was mounted below its folder before is not seen in it */
        assert_true(model->disk->is_shared);
        model->disk->is_shared = false;
    }
    container->state = WORKLOAD_RUNNING;
    container->started_wall_ms = model->now_wall_ms;
    container->has_log = false;
}

static void stop_container(struct plan_model *model, struct observed_container *container)
{
    /* what is frozen could only be killed */
    assert_true(container->state == WORKLOAD_RUNNING || container->state == WORKLOAD_RESTARTING);
    container->state = WORKLOAD_EXITED;
    container->exit_code = 143;
    container->finished_wall_ms = model->now_wall_ms;
}

static void release_ports(struct plan_model *model, const struct plan *plan)
{
    if (strcmp(plan->operation, "delete") == 0) {
        port_table_release(model->ports, model->key);
    } else {
        port_table_release_stale(model->ports, model->key, model->wanted_ports);
    }
}

static void quarantine_ports(struct plan_model *model)
{
    for (size_t i = 0; i < model->wanted_ports->count; i++) {
        const struct port_spec *port = &model->wanted_ports->items[i];
        enum port_protocol protocol = (enum port_protocol)port->protocol;
        const struct port_lease *lease =
            port_table_find(model->ports, model->key, port->name, protocol);

        if (port->host_port == 0 && lease != NULL) {
            port_table_quarantine(model->ports, lease->port, protocol, model->now_wall_ms);
        }
    }
}

static void apply_to_container(struct plan_model *model, const struct action *action)
{
    struct observed_container *container = own_container(model, action);

    switch (action->type) {
    case ACTION_CONNECT_NETWORK:
        assert_true(model->has_network);
        assert_false(text_equal(container->network, action->workload->network));
        container->network = observed_text(container, action->workload->network);
        container->network_id = observed_text(container, plan_model_network(model)->id);
        return;
    case ACTION_DISCONNECT_NETWORK:
        assert_true(text_equal(container->network, action->workload->network));
        container->network = observed_text(container, NULL);
        container->network_id = observed_text(container, NULL);
        return;
    case ACTION_START_CONTAINER: start_container(model, container); return;
    case ACTION_STOP_CONTAINER: stop_container(model, container); return;
    case ACTION_RUN_POST_START:
        assert_int_equal(container->state, WORKLOAD_RUNNING);
        assert_true(action->command.count > 0);
        status_hooks(model->status)->post_start = (struct status_hook){
            .result = model->hooks_fail ? HOOK_FAILED : HOOK_SUCCEEDED,
            .container_started_wall_ms = container->started_wall_ms,
        };
        return;
    case ACTION_RUN_PRE_STOP:
        assert_int_equal(container->state, WORKLOAD_RUNNING);
        assert_true(action->grace_seconds > 0);
        return;
    case ACTION_PAUSE_CONTAINER:
        assert_int_equal(container->state, WORKLOAD_RUNNING);
        container->state = WORKLOAD_PAUSED;
        return;
    case ACTION_UNPAUSE_CONTAINER:
        assert_int_equal(container->state, WORKLOAD_PAUSED);
        container->state = WORKLOAD_RUNNING;
        return;
    case ACTION_REMOVE_CONTAINER:
        observed_container_free(container);
        model->container = NULL;
        return;
    case ACTION_RELEASE_CONTAINER: container->is_ours = false; return;
    case ACTION_READ_LOG: container->has_log = true; return;
    default: fail_msg("%s is not about a container", action_type_name(action->type));
    }
}

static void lease_port(struct plan_model *model, const struct action *action)
{
    for (size_t i = 0; i < model->wanted_ports->count; i++) {
        const struct port_spec *port = &model->wanted_ports->items[i];

        if (strcmp(port->name, action->target) == 0) {
            assert_int_equal(action->is_fixed_port, port->host_port != 0);
        }
    }
    assert_int_equal(port_table_take(model->ports, model->key, action->target, action->host_ip,
                                     action->port, action->protocol),
                     0);
}

/* What a task's status says after the deed, as the executor tells it. */
static void start_task(struct plan_model *model, const struct action *action)
{
    struct status_task *task = status_task(model->status);
    const struct observed_container *container = model->place->container;
    const struct disk_tree *tree = work_disk_find(model->disk, task->tree.name);

    assert_non_null(container);
    assert_int_equal(container->state, WORKLOAD_RUNNING);
    assert_non_null(tree);
    assert_true(tree->is_ready);
    /* a command runs at most once under one number */
    assert_true(action->attempt == task->attempt + 1 ||
                (action->attempt == task->attempt && model->attempt.state == ATTEMPT_ABSENT));
    assert_int_not_equal(model->attempt.state, ATTEMPT_RUNNING);
    task->attempt = action->attempt;
    task->next_retry_wall_ms = 0;
    model->attempt = (struct observed_attempt){
        .state = ATTEMPT_RUNNING, .started_wall_ms = model->now_wall_ms, .message = ""};
}

static void apply_to_task(struct plan_model *model, const struct action *action)
{
    struct status_task *task = status_task(model->status);
    struct disk_tree *tree;

    switch (action->type) {
    case ACTION_START_TASK: start_task(model, action); return;
    case ACTION_STOP_TASK:
        assert_int_equal(model->attempt.state, ATTEMPT_RUNNING);
        assert_int_equal(action->attempt, task->attempt);
        assert_true(action->grace_seconds > 0);
        model->attempt.state = ATTEMPT_ENDED;
        model->attempt.outcome = OUTCOME_STOPPED;
        model->attempt.finished_wall_ms = model->now_wall_ms;
        return;
    case ACTION_REMOVE_LOG: task->log_file = NULL; return;
    case ACTION_REMOVE_TASK:
        assert_int_not_equal(model->attempt.state, ATTEMPT_RUNNING);
        tree = work_disk_find(model->disk, task->tree.name);
        if (tree != NULL && tree->owner[0] != '\0') {
            tree->removed_at_wall_ms =
                task->tree.removed_at_wall_ms > 0 ? task->tree.removed_at_wall_ms : 1;
        }
        return;
    default: fail_msg("%s is not about a task", action_type_name(action->type));
    }
}

static void apply_to_tree(struct plan_model *model, const struct action *action)
{
    struct status_tree *own = model->task != NULL ? &status_task(model->status)->tree : NULL;
    bool is_shared = text_equal(action->target, SHARED_TREE);
    const struct disk_tree *tree;

    work_disk_apply(model->disk, action, is_shared ? NULL : model->task, model->now_wall_ms);
    if (own == NULL) {
        return;
    }
    if (action->type == ACTION_INSPECT_TREE) {
        tree = work_disk_find(model->disk, action->target);
        own->is_inspected = true;
        own->is_dirty = tree != NULL && tree->is_dirty;
        own->is_unpushed = tree != NULL && tree->is_unpushed;
    } else if (action->type == ACTION_REMOVE_TREE && !is_shared) {
        own->name = NULL;
        own->removed_at_wall_ms = 0;
    }
}

static bool run_setup(struct plan_model *model, const struct action *action)
{
    const struct observed_container *container = model->place->container;

    assert_non_null(container);
    assert_int_equal(container->state, WORKLOAD_RUNNING);
    return work_disk_run_setup(model->disk, action, container->id);
}

/* False: it came to nothing. */
static bool apply_action(struct plan_model *model, const struct plan *plan,
                         const struct action *action)
{
    switch (action->type) {
    case ACTION_LEASE_PORT: lease_port(model, action); return true;
    case ACTION_RELEASE_PORTS: release_ports(model, plan); return true;
    case ACTION_QUARANTINE_PORTS: quarantine_ports(model); return true;
    case ACTION_BUILD_IDLE_IMAGE:
    case ACTION_PULL_IMAGE:
        model->image = (struct observed_image){.state = IMAGE_PRESENT, .id = MODEL_IMAGE_ID};
        return true;
    case ACTION_CREATE_NETWORK:
        assert_false(model->has_network);
        model->has_network = true;
        return true;
    case ACTION_LIMIT_MACHINE: return true;
    case ACTION_CREATE_CONTAINER: create_container(model, action); return true;
    case ACTION_FETCH_MIRROR:
        if (model->disk->is_remote_away) {
            return false;
        }
        work_disk_apply(model->disk, action, NULL, model->now_wall_ms);
        return true;
    case ACTION_RUN_SETUP: return run_setup(model, action);
    case ACTION_LOOK_UP_REVISIONS:
    case ACTION_REMOVE_MIRROR:
    case ACTION_MAKE_SNAPSHOT:
    case ACTION_SHARE_TREES:
    case ACTION_MAKE_TREE:
    case ACTION_INSPECT_TREE:
    case ACTION_REMOVE_TREE:
    case ACTION_REMOVE_WORKSPACE:
    case ACTION_FREEZE_TREE:
    case ACTION_COMMIT_IMAGE: apply_to_tree(model, action); return true;
    case ACTION_START_TASK:
    case ACTION_STOP_TASK:
    case ACTION_REMOVE_LOG:
    case ACTION_REMOVE_TASK: apply_to_task(model, action); return true;
    case ACTION_CONNECT_NETWORK:
    case ACTION_DISCONNECT_NETWORK:
    case ACTION_START_CONTAINER:
    case ACTION_STOP_CONTAINER:
    case ACTION_PAUSE_CONTAINER:
    case ACTION_UNPAUSE_CONTAINER:
    case ACTION_REMOVE_CONTAINER:
    case ACTION_RUN_PRE_STOP:
    case ACTION_RELEASE_CONTAINER:
    case ACTION_READ_LOG: apply_to_container(model, action); return true;
    case ACTION_RUN_POST_START: apply_to_container(model, action); return !model->hooks_fail;
    }
    return false;
}

/* A setup that takes its time: no failure, but no end of the plan either. */
static bool is_under_way(const struct plan_model *model, const struct action *action)
{
    return action->type == ACTION_RUN_SETUP && model->disk->observed.state == ATTEMPT_RUNNING;
}

static void note_failure(struct plan_model *model, const struct action *action)
{
    model->failure.count++;
    model->failure.reason = "EngineError";
    model->failure.message = action_type_name(action->type);
    model->failure.at_wall_ms = model->now_wall_ms;
}

void plan_model_apply(struct plan_model *model, const struct plan *plan)
{
    unsigned fails_at = model->fails_at;

    model->fails_at = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct action *action = plan->actions[i];

        assert_non_null(action->cause);
        assert_true(action->cause[0] != '\0');
        if (i + 1 == fails_at) {
            note_failure(model, action);
            return;
        }
        if (!apply_action(model, plan, action)) {
            if (action->type != ACTION_RUN_POST_START && !is_under_way(model, action)) {
                note_failure(model, action);
            }
            return;
        }
    }
    if (plan->operation != NULL) {
        model->failure.count = 0;
    }
}

void plan_model_take_status(struct plan_model *model, struct object_status *status)
{
    status_finish(status, model->status, model->now_wall_ms);
    status_free(model->status);
    model->status = status;
}
