#include "tests/unit/work_world.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

enum { MAX_ROUNDS = 30 };

static unsigned world_at_hand;
static bool is_traced; /* TRACE_WORLD=313 shows what happens in that one */

int work_world_tell(void **state)
{
    (void)state;
    if (world_at_hand != 0) {
        print_message("# in world %u\n", world_at_hand);
    }
    world_at_hand = 0;
    return 0;
}

/* --- making and changing one ---------------------------------------------------------------------- */

void work_world_use(struct work_world *world, const struct object *settings)
{
    const struct security_context *security = &settings->repository.security;

    world->settings = settings;
    world->wanted = repository_ports(settings, &world->arena);
    world->repository.wanted_ports = &world->wanted;
    world->disk.trees.uid = world->disk.trees.gid =
        security->run_as_user >= 0 ? security->run_as_user : 0;
}

void work_world_init(struct work_world *world, unsigned number, const struct object *settings)
{
    struct error err = {0};

    memset(world, 0, sizeof(*world));
    world_at_hand = number;
    is_traced = getenv("TRACE_WORLD") != NULL && atoi(getenv("TRACE_WORLD")) == (int)number;
    world->dice.state = UINT64_C(88172645463325252) + number * UINT64_C(2654435769);
    port_table_init(&world->ports);
    assert_int_equal(port_table_set_ranges(&world->ports, "20000-20029", &err), 0);
    world->world = (struct world){
        .controller_id = MODEL_CONTROLLER,
        .repository_image = "debian:12",
        .ports = &world->ports,
        .now_wall_ms = INT64_C(1767355200000),
    };
    work_disk_init(&world->disk);
    world->mirror = (struct plan_model){.disk = &world->disk};
    world->setup = (struct plan_model){.disk = &world->disk, .place = &world->repository};
    world->repository = (struct plan_model){
        .ports = &world->ports,
        .key = KIND_REPOSITORY_CONTAINER "/" WORK_CONTAINER,
        .disk = &world->disk,
        .image = {.state = IMAGE_PRESENT, .id = MODEL_IMAGE_ID},
    };
    work_world_use(world, settings);
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        world->tasks[i].is_removed = true;
    }
}

void work_world_done(struct work_world *world)
{
    plan_model_done(&world->mirror);
    plan_model_done(&world->setup);
    plan_model_done(&world->repository);
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        plan_model_done(&world->tasks[i].model);
    }
    arena_done(&world->arena);
    port_table_done(&world->ports);
    world_at_hand = 0;
}

void work_world_add(struct work_world *world, unsigned place, const struct object *spec)
{
    struct work_task *task = &world->tasks[place];

    plan_model_done(&task->model);
    *task = (struct work_task){
        .desired = spec,
        .ttl_ms = spec->task.ttl_seconds_after_finished * 1000,
        .model = {.disk = &world->disk,
                  .place = &world->repository,
                  .task = task->name,
                  .attempt.message = ""},
    };
    snprintf(task->name, sizeof(task->name), "t-%u", place);
}

void work_world_end(struct work_world *world, unsigned place, int64_t exit_code)
{
    struct observed_attempt *attempt = &world->tasks[place].model.attempt;

    if (attempt->state == ATTEMPT_RUNNING) {
        attempt->state = ATTEMPT_ENDED;
        attempt->outcome = OUTCOME_EXITED;
        attempt->exit_code = exit_code;
        attempt->finished_wall_ms = world->world.now_wall_ms;
    }
}

void work_world_kill(struct work_world *world)
{
    struct observed_container *container = world->repository.container;

    if (container == NULL || container->state != WORKLOAD_RUNNING) {
        return;
    }
    container->state = WORKLOAD_EXITED;
    container->exit_code = 137;
    container->finished_wall_ms = world->world.now_wall_ms;
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        if (world->tasks[i].model.attempt.state == ATTEMPT_RUNNING) {
            world->tasks[i].model.attempt.state = ATTEMPT_LOST;
        }
    }
    if (world->disk.observed.state == ATTEMPT_RUNNING) {
        world->disk.observed.state = ATTEMPT_LOST;
    }
}

bool work_world_runs(const struct work_world *world)
{
    return world->repository.container != NULL &&
           world->repository.container->state == WORKLOAD_RUNNING;
}

const struct object_status *work_world_status(const struct work_world *world, unsigned place)
{
    return world->tasks[place].model.status;
}

/* --- who needs what, as the controller counts ----------------------------------------------------- */

static bool is_active(const struct work_task *task)
{
    return !task->is_removed && task_is_active(task->desired, task->model.status);
}

static bool is_held(const struct work_task *task)
{
    return !task->is_removed && task->desired != NULL && task_is_held_by_branch(task->model.status);
}

static bool is_in_it(const struct work_task *task)
{
    return is_active(task) && task->model.status != NULL &&
           (task->model.attempt.state == ATTEMPT_RUNNING ||
            task->model.status->phase == PHASE_TASK_RUNNING);
}

/* Those that wait for another branch count only when nobody else is there. */
static unsigned active_tasks(const struct work_world *world)
{
    unsigned count = 0, held = 0;

    for (unsigned i = 0; i < WORK_TASKS && world->refusal == NULL; i++) {
        count += is_active(&world->tasks[i]);
        held += is_held(&world->tasks[i]);
    }
    return count > 0 ? count : held;
}

static unsigned running_tasks(const struct work_world *world)
{
    unsigned count = 0;

    for (unsigned i = 0; i < WORK_TASKS; i++) {
        count += is_in_it(&world->tasks[i]);
    }
    return count;
}

static bool is_warm(const struct work_world *world)
{
    return world->is_explicit && world->settings->repository.is_warm;
}

static bool is_in_use(const struct work_world *world)
{
    return is_warm(world) || active_tasks(world) > 0;
}

static const char *tree_of(const struct work_task *task)
{
    return !task->is_removed && task->model.status != NULL ? task->model.status->task.tree.name
                                                           : NULL;
}

static bool works_in(const struct work_task *task, const char *tree)
{
    return !task_is_over(task->model.status) && text_equal(tree_of(task), tree);
}

/* --- the rules ------------------------------------------------------------------------------------ */

/* All that work in the shared tree work on one branch, and it is the tree's. */
static void check_shared_tree(struct work_world *world)
{
    const struct disk_tree *tree = work_disk_find(&world->disk, SHARED_TREE);
    const struct status_task *first = NULL;

    for (unsigned i = 0; i < WORK_TASKS; i++) {
        const struct work_task *task = &world->tasks[i];

        if (!works_in(task, SHARED_TREE)) {
            continue;
        }
        if (first == NULL) {
            first = &task->model.status->task;
        }
        assert_true(text_equal(first->branch, task->model.status->task.branch));
        assert_string_equal(first->commit, task->model.status->task.commit);
        if (tree != NULL) {
            assert_string_equal(tree->branch, first->branch != NULL ? first->branch : "");
            assert_string_equal(tree->commit, first->commit);
        }
    }
}

static bool has_port(const struct work_task *task, uint16_t number)
{
    const struct object_status *status = task->model.status;

    for (size_t i = 0; !task->is_removed && status != NULL && i < status->task.port_count; i++) {
        if (status->task.ports[i].container_port == number) {
            return true;
        }
    }
    return false;
}

static void check_ports(const struct work_world *world)
{
    for (unsigned number = TASK_PORT_FIRST; number < TASK_PORT_FIRST + TASK_PORTS_MAX; number++) {
        unsigned owners = 0;

        for (unsigned i = 0; i < WORK_TASKS; i++) {
            owners += has_port(&world->tasks[i], (uint16_t)number);
        }
        assert_true(owners <= 1);
    }
}

/* Two tasks never have one tree of their own, and work in none that is not theirs. */
static void check_own_trees(struct work_world *world)
{
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        const struct work_task *task = &world->tasks[i];
        const char *name = tree_of(task);
        const struct disk_tree *tree = work_disk_find(&world->disk, name);

        if (name != NULL && strcmp(name, SHARED_TREE) != 0) {
            for (unsigned other = 0; other < i; other++) {
                assert_false(text_equal(tree_of(&world->tasks[other]), name));
            }
            if (tree != NULL) {
                assert_string_equal(tree->owner, task->name);
                assert_int_equal(tree->removed_at_wall_ms, 0);
            }
        }
    }
}

static int64_t least_retain_ms(const struct work_world *world)
{
    return world->settings->repository.retain_seconds * 1000;
}

/* Nobody's tree is pulled away under them, and nobody's work before its time. */
static void check_removal(struct work_world *world, const struct plan_model *model,
                          const char *name)
{
    const struct disk_tree *tree = work_disk_find(&world->disk, name);

    for (unsigned i = 0; i < WORK_TASKS; i++) {
        assert_true(&world->tasks[i].model == model || !works_in(&world->tasks[i], name));
        assert_false(is_in_it(&world->tasks[i]) && text_equal(tree_of(&world->tasks[i]), name));
    }
    if (tree != NULL && tree->has_work) {
        assert_true(tree->is_inspected);
        assert_true(world->world.now_wall_ms >= tree->used_wall_ms + least_retain_ms(world) ||
                    strncmp(name, "setup-", 6) == 0);
    }
}

static void check_workspace_removal(struct work_world *world)
{
    for (size_t i = 0; i < world->disk.count; i++) {
        check_removal(world, &world->repository, world->disk.items[i].name);
    }
}

static void check_plan(struct work_world *world, const struct plan_model *model,
                       const struct plan *plan)
{
    bool is_in_container = running_tasks(world) > 0 || world->sessions > 0;

    if (model->failure.count > 0 && plan->count > 0 && plan->operation != NULL) {
        assert_true(world->world.now_wall_ms > model->failure.at_wall_ms); /* not in a loop */
    }
    for (size_t i = 0; i < plan->count; i++) {
        switch (plan->actions[i]->type) {
        case ACTION_REMOVE_TREE: check_removal(world, model, plan->actions[i]->target); break;
        case ACTION_REMOVE_WORKSPACE: check_workspace_removal(world); break;
        case ACTION_STOP_CONTAINER: assert_false(is_in_container); break;
        case ACTION_REMOVE_CONTAINER:
            assert_true(!is_in_container || model->container->state != WORKLOAD_RUNNING);
            break;
        default: break;
        }
    }
}

static void check_world(struct work_world *world)
{
    check_shared_tree(world);
    check_own_trees(world);
    check_ports(world);
}

/* --- passes --------------------------------------------------------------------------------------- */

static bool is_same_status(const struct object_status *a, const struct object_status *b)
{
    if (a == NULL || a->phase != b->phase || a->task.attempt != b->task.attempt ||
        a->task.port_count != b->task.port_count ||
        !text_equal(a->task.tree.name, b->task.tree.name)) {
        return false;
    }
    for (int i = 0; i < CONDITION_COUNT; i++) {
        if (a->conditions[i].value != b->conditions[i].value ||
            !text_equal(a->conditions[i].reason, b->conditions[i].reason)) {
            return false;
        }
    }
    return true;
}

static void trace(const struct work_world *world, const struct plan_model *model,
                  const struct object_status *status, const struct plan *plan)
{
    const struct condition *ready = &status->conditions[CONDITION_READY];
    auto_done(strbuf) text = {0};

    if (!is_traced || (plan->count == 0 && is_same_status(model->status, status))) {
        return;
    }
    plan_print(plan, &text);
    print_message("# %s at %lld s: %s, %s: %s\n%s",
                  model == &world->mirror       ? "mirror"
                  : model == &world->repository ? "repository"
                  : model == &world->setup      ? "setup"
                                                : model->task,
                  (long long)(world->world.now_wall_ms / 1000 % 1000000), phase_name(status->phase),
                  ready->reason, ready->message != NULL ? ready->message : "", strbuf_text(&text));
}

static void take(struct work_world *world, struct plan_model *model, struct object_status *status,
                 const struct plan *plan)
{
    unsigned attempt = model->status != NULL ? model->status->task.attempt : 0;

    if (plan->count > 0 || !is_same_status(model->status, status)) {
        world->has_changed = true;
    }
    if (plan->wake_at_wall_ms != 0 &&
        (world->wake_at_wall_ms == 0 || plan->wake_at_wall_ms < world->wake_at_wall_ms)) {
        world->wake_at_wall_ms = plan->wake_at_wall_ms;
    }
    if (plan->count > 0 && world->fails_in > 0 && --world->fails_in == 0) {
        model->fails_at = 1 + dice_roll(&world->dice, (unsigned)plan->count);
    }
    model->now_wall_ms = world->world.now_wall_ms;
    trace(world, model, status, plan);
    check_plan(world, model, plan);
    plan_model_take_status(model, status);
    plan_model_apply(model, plan);
    assert_true(model->status->task.attempt >= attempt);
    check_world(world);
}

static int64_t arrival_of(const struct work_task *task)
{
    return task->model.status != NULL ? task->model.status->task.arrival_wall_ms : 0;
}

static bool is_waiting_for_source(const struct work_world *world, const struct work_task *task)
{
    return !task->is_removed && task->desired != NULL && world->refusal == NULL &&
           tree_of(task) == NULL && (is_active(task) || is_held(task));
}

static size_t find_wishes(const struct work_world *world, struct mirror_wish *wishes)
{
    size_t count = 0;

    if (world->disk.mirror.exists || is_in_use(world)) {
        struct revision revision = task_revision(NULL, world->settings);

        wishes[count++] = (struct mirror_wish){revision, world->disk.mirror.fetched_wall_ms,
                                               work_disk_answer(&world->disk, &revision)};
    }
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        const struct work_task *task = &world->tasks[i];

        if (is_waiting_for_source(world, task)) {
            struct revision revision = task_revision(task->desired, world->settings);

            wishes[count++] = (struct mirror_wish){revision, arrival_of(task),
                                                   work_disk_answer(&world->disk, &revision)};
        }
    }
    return count;
}

static bool is_mirror_unused(const struct work_world *world)
{
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        if (!world->tasks[i].is_removed) {
            return false;
        }
    }
    return !is_in_use(world) && !world->disk.trees.exists && world->repository.container == NULL;
}

static void pass_mirror(struct work_world *world)
{
    struct plan_model *model = &world->mirror;
    struct mirror_wish wishes[WORK_TASKS + 1];
    struct mirror_input input = {
        .name = WORK_CONTAINER,
        .url = "git.example/org/project",
        .settings = world->settings,
        .refusal = world->refusal,
        .pressure = world->pressure,
        .mirror = &world->disk.mirror,
        .wishes = wishes,
        .wish_count = find_wishes(world, wishes),
        .is_unused = is_mirror_unused(world),
        .is_followed = is_in_use(world),
        .failure = &model->failure,
        .previous = model->status,
    };
    struct object_status *status = status_successor(model->status);
    auto_owned(plan) *plan = plan_new();

    world->disk.asked = wishes;
    world->disk.asked_count = input.wish_count;
    mirror_reconcile(&world->world, &input, plan, status);
    take(world, model, status, plan);
    world->disk.asked_count = 0;
}

static void find_source(const struct work_world *world, const struct revision *revision,
                        int64_t since_wall_ms, struct source *ret)
{
    struct mirror_view view = {
        .mirror = &world->disk.mirror,
        .interval_seconds = world->settings->repository.fetch_interval_seconds,
        .failure = &world->mirror.failure,
        .now_wall_ms = world->world.now_wall_ms,
    };
    struct mirror_wish wish = {*revision, since_wall_ms, work_disk_answer(&world->disk, revision)};

    mirror_source(&view, &wish, ret);
}

static void find_default_source(const struct work_world *world, struct source *ret)
{
    struct revision revision = task_revision(NULL, world->settings);

    find_source(world, &revision, 0, ret);
}

/* As a container's user becomes known: with its start, unless it is root. */
static void observe_trees(struct work_world *world)
{
    world->disk.trees.is_user_known = world->disk.trees.uid == 0 || work_world_runs(world);
}

static int64_t work_kept_until(const struct work_world *world)
{
    int64_t until_wall_ms = 0;

    for (size_t i = 0; i < world->disk.count; i++) {
        const struct disk_tree *tree = &world->disk.items[i];
        int64_t end = tree->removed_at_wall_ms != 0 ? tree->removed_at_wall_ms
                                                    : tree->used_wall_ms + least_retain_ms(world);

        if (tree->is_inspected && (tree->is_dirty || tree->is_unpushed) && end > until_wall_ms) {
            until_wall_ms = end;
        }
    }
    return until_wall_ms;
}

static bool has_unseen_trees(const struct work_world *world)
{
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        const struct work_task *task = &world->tasks[i];

        if (tree_of(task) != NULL && !task->model.status->task.tree.is_inspected &&
            (task->desired == NULL || task_is_over(task->model.status))) {
            return true;
        }
    }
    return false;
}

static void pass_repository(struct work_world *world)
{
    struct plan_model *model = &world->repository;
    struct source source;
    auto_free char *reference = NULL;
    struct observed_image snapshot = {.state = IMAGE_ABSENT};
    struct repository_input input = {
        .container_name = WORK_CONTAINER,
        .base_name = WORK_CONTAINER,
        .url = "git.example/org/project",
        .settings = world->settings,
        .is_explicit = world->is_explicit,
        .is_deleted = world->is_deleted,
        .refusal = world->refusal,
        .active_tasks = active_tasks(world),
        .running_tasks = running_tasks(world),
        .sessions = world->sessions,
        .is_setting_up = world->disk.observed.state == ATTEMPT_RUNNING,
        .is_warm = is_warm(world),
        .pressure = world->pressure,
        .has_unseen_trees = has_unseen_trees(world),
        .work_kept_until_wall_ms = work_kept_until(world),
        .trees = &world->disk.trees,
        .source = &source,
        .mirror = &world->disk.mirror,
        .mirror_status = world->mirror.status,
        .setup_status = world->setup.status,
        .container = model->container,
        .image = &model->image,
        .failure = &model->failure,
        .previous = model->status,
    };
    struct object_status *status = status_successor(model->status);
    auto_owned(plan) *plan = plan_new();

    observe_trees(world);
    find_default_source(world, &source);
    reference =
        setup_snapshot_image(world->settings, MODEL_IMAGE_ID, WORK_CONTAINER, source.commit);
    if (reference != NULL && disk_texts_has(&world->disk.images, reference)) {
        snapshot = (struct observed_image){.state = IMAGE_PRESENT, .id = reference};
    }
    input.snapshot = (struct snapshot_image){reference, &snapshot};
    repository_reconcile(&world->world, &input, plan, status);
    take(world, model, status, plan);
}

static bool is_container_ready(const struct work_world *world)
{
    return work_world_runs(world) && world->repository.status != NULL &&
           world->repository.status->phase == PHASE_RUNNING;
}

static bool is_prepared(const struct work_world *world)
{
    const struct observed_container *container = world->repository.container;

    return container != NULL && (strcmp(world->disk.prepared, container->id) == 0 ||
                                 disk_texts_has(&world->disk.images, container->image_id));
}

static void add_setup_wish(const struct work_world *world, const char *commit,
                           char layers[][SETUP_KEY_SIZE], struct setup_wish *wishes, size_t *count)
{
    disk_name snapshot;

    for (size_t i = 0; i < *count; i++) {
        if (strcmp(wishes[i].commit, commit) == 0) {
            return;
        }
    }
    snprintf(snapshot, sizeof(snapshot), "%s-%lld", commit, (long long)world->disk.trees.uid);
    setup_layer_key(world->settings, MODEL_IMAGE_ID, commit, world->disk.trees.uid,
                    world->disk.trees.method, layers[*count]);
    wishes[*count] = (struct setup_wish){
        .commit = commit,
        .layer = layers[*count],
        .has_layer = disk_texts_has(&world->disk.layers, layers[*count]),
        .has_snapshot = disk_texts_has(&world->disk.snapshots, snapshot),
    };
    ++*count;
}

static size_t find_setup_wishes(const struct work_world *world, char layers[][SETUP_KEY_SIZE],
                                struct setup_wish *wishes)
{
    struct source source;
    size_t count = 0;

    for (unsigned i = 0; i < WORK_TASKS; i++) {
        const struct work_task *task = &world->tasks[i];

        if (task->desired != NULL && is_active(task) && tree_of(task) == NULL) {
            struct revision revision = task_revision(task->desired, world->settings);

            find_source(world, &revision, arrival_of(task), &source);
            if (source.state == SOURCE_READY) {
                add_setup_wish(world, source.commit, layers, wishes, &count);
            }
        }
    }
    if (is_warm(world)) {
        find_default_source(world, &source);
        if (source.commit != NULL) {
            add_setup_wish(world, source.commit, layers, wishes, &count);
        }
    }
    return count;
}

static void pass_setup(struct work_world *world)
{
    static const struct observed_attempt no_attempt;
    struct plan_model *model = &world->setup;
    char layers[WORK_TASKS + 1][SETUP_KEY_SIZE];
    struct setup_wish wishes[WORK_TASKS + 1];
    struct source source;
    auto_free char *reference = NULL, *run = NULL;
    const struct setup_wish *next;
    struct setup_input input = {
        .name = WORK_CONTAINER,
        .settings = world->settings,
        .wishes = wishes,
        .wish_count = find_setup_wishes(world, layers, wishes),
        .is_prepared = is_prepared(world),
        .is_container_ready = is_container_ready(world),
        .trees = &world->disk.trees,
        .observed = &no_attempt,
        .pressure = world->pressure,
        .failure = &model->failure,
        .previous = model->status,
    };
    struct object_status *status;
    auto_owned(plan) *plan = plan_new();

    if (world->settings->repository.setup == NULL) {
        return;
    }
    status = status_successor(model->status);
    observe_trees(world);
    find_default_source(world, &source);
    reference =
        setup_snapshot_image(world->settings, MODEL_IMAGE_ID, WORK_CONTAINER, source.commit);
    input.snapshot_image = reference;
    input.has_snapshot_image = reference != NULL && disk_texts_has(&world->disk.images, reference);
    next = setup_next(&input);
    if (next != NULL && world->repository.container != NULL) {
        input.container_id = world->repository.container->id;
        input.run = run = setup_run_id(next->layer, input.container_id);
        if (strcmp(run, world->disk.run) == 0) {
            input.attempt = world->disk.attempt;
            input.observed = &world->disk.observed;
        }
    }
    setup_reconcile(&world->world, &input, plan, status);
    take(world, model, status, plan);
}

static void find_shared(struct work_world *world, const struct work_task *task,
                        struct observed_shared_tree *ret)
{
    const struct disk_tree *tree = work_disk_find(&world->disk, SHARED_TREE);

    *ret = (struct observed_shared_tree){.exists = tree != NULL && tree->is_ready};
    if (tree != NULL) {
        ret->branch = tree->branch[0] != '\0' ? tree->branch : NULL;
        ret->commit = tree->commit;
        ret->is_inspected = tree->is_inspected;
        ret->is_dirty = tree->is_dirty;
        ret->is_unpushed = tree->is_unpushed;
        ret->used_wall_ms = tree->used_wall_ms;
    }
    for (unsigned i = 0; i < WORK_TASKS; i++) {
        const struct work_task *other = &world->tasks[i];

        if (other != task && works_in(other, SHARED_TREE)) {
            ret->users++;
            if (tree == NULL) { /* what it is about to be made on */
                ret->branch = other->model.status->task.branch;
                ret->commit = other->model.status->task.commit;
            }
        }
    }
}

static size_t find_block(const struct work_world *world, const struct work_task *task,
                         struct block_port *block)
{
    const struct object_status *status = world->repository.status;
    size_t count = 0;

    for (size_t i = 0; status != NULL && i < status->port_count; i++) {
        const struct status_port *port = &status->ports[i];

        if (text_has_prefix(port->name, TASK_PORT_PREFIX)) {
            block[count] = (struct block_port){port->container_port, port->host_port, false};
            for (unsigned other = 0; other < WORK_TASKS; other++) {
                block[count].is_taken |= &world->tasks[other] != task &&
                                         has_port(&world->tasks[other], port->container_port);
            }
            count++;
        }
    }
    return count;
}

static const char *free_tree(struct work_world *world, const struct work_task *task, disk_name name)
{
    snprintf(name, sizeof(disk_name), "%s", task->name);
    for (unsigned number = 2; work_disk_find(&world->disk, name) != NULL; number++) {
        snprintf(name, sizeof(disk_name), "%s-%u", task->name, number);
    }
    return name;
}

static struct task_setup find_setup(const struct work_world *world, const struct source *source,
                                    char layer[SETUP_KEY_SIZE])
{
    if (world->settings->repository.setup == NULL || source->commit == NULL) {
        return (struct task_setup){
            .state = world->settings->repository.setup == NULL ? SETUP_NONE : SETUP_WAITING,
            .message = "waits for the clone"};
    }
    setup_layer_key(world->settings, MODEL_IMAGE_ID, source->commit, world->disk.trees.uid,
                    world->disk.trees.method, layer);
    return setup_for_task(world->settings, world->setup.status, layer,
                          disk_texts_has(&world->disk.layers, layer), is_prepared(world));
}

static bool has_snapshot(const struct work_world *world, const struct source *source)
{
    disk_name name;

    snprintf(name, sizeof(name), "%s-%lld", source->commit != NULL ? source->commit : "",
             (long long)world->disk.trees.uid);
    return disk_texts_has(&world->disk.snapshots, name);
}

/* Whoever works in the shared tree makes what was seen in it old. */
static void note_shared_use(struct work_world *world, const struct work_task *task)
{
    struct disk_tree *tree = work_disk_find(&world->disk, SHARED_TREE);

    if (tree != NULL && works_in(task, SHARED_TREE)) {
        tree->is_inspected = false;
    }
}

static void pass_task(struct work_world *world, struct work_task *task)
{
    struct plan_model *model = &task->model;
    struct task_admission admission = {.is_admitted = true};
    struct observed_shared_tree shared;
    struct block_port block[TASK_PORTS_MAX];
    char layer[SETUP_KEY_SIZE];
    disk_name free_name;
    struct revision revision = task_revision(task->desired, world->settings);
    struct source source;
    const struct disk_tree *tree = work_disk_find(&world->disk, tree_of(task));
    auto_free char *forbidden =
        task->desired != NULL ? task_find_forbidden(task->desired, world->settings, NULL) : NULL;
    struct task_input input = {
        .name = task->name,
        .desired = task->desired,
        .settings = world->settings,
        .isolation = task_isolation(task->desired, world->settings),
        .repository = WORK_CONTAINER,
        .url = "git.example/org/project",
        .ttl_ms = task->ttl_ms,
        .admission = &admission,
        .refusal_reason = world->refusal != NULL ? "SchemeRefused" : NULL,
        .refusal = world->refusal,
        .forbidden = forbidden,
        .source = &source,
        .mirror_status = world->mirror.status,
        .repository_status = world->repository.status,
        .container = world->repository.container,
        .trees = &world->disk.trees,
        .free_tree = free_tree(world, task, free_name),
        .has_tree = tree != NULL && tree->is_ready,
        .shared = &shared,
        .block = block,
        .block_count = find_block(world, task, block),
        .pressure = world->pressure,
        .attempt = &model->attempt,
        .failure = &model->failure,
        .previous = model->status,
    };
    struct object_status *status = status_successor(model->status);
    auto_owned(plan) *plan = plan_new();

    observe_trees(world);
    find_source(world, &revision, arrival_of(task), &source);
    find_shared(world, task, &shared);
    input.has_snapshot = source.state == SOURCE_READY && has_snapshot(world, &source);
    input.setup = find_setup(world, &source, layer);
    task_reconcile(&world->world, &input, plan, status);
    task->is_removed = plan->count > 0 && model->fails_at == 0 &&
                       plan->actions[plan->count - 1]->type == ACTION_REMOVE_TASK;
    take(world, model, status, plan);
    task->is_removed = task->is_removed && model->failure.count == 0;
    note_shared_use(world, task);
}

/* Trees without an owner go when their time is up. */
static void expire_trees(struct work_world *world)
{
    for (size_t i = world->disk.count; i-- > 0;) {
        struct disk_tree *tree = &world->disk.items[i];

        if (tree->removed_at_wall_ms == 0) {
            continue;
        }
        if (tree->removed_at_wall_ms <= world->world.now_wall_ms) {
            check_removal(world, NULL, tree->name);
            work_disk_remove(&world->disk, tree->name);
            world->has_changed = true;
        } else if (world->wake_at_wall_ms == 0 ||
                   tree->removed_at_wall_ms < world->wake_at_wall_ms) {
            world->wake_at_wall_ms = tree->removed_at_wall_ms;
        }
    }
}

int64_t work_world_settle(struct work_world *world)
{
    for (unsigned round = 0; round < MAX_ROUNDS; round++) {
        world->has_changed = false;
        world->wake_at_wall_ms = 0;
        pass_mirror(world);
        pass_repository(world);
        pass_setup(world);
        for (unsigned i = 0; i < WORK_TASKS; i++) {
            if (!world->tasks[i].is_removed) {
                pass_task(world, &world->tasks[i]);
            }
        }
        expire_trees(world);
        if (!world->has_changed) {
            return world->wake_at_wall_ms;
        }
    }
    fail_msg("it does not come to rest");
    return 0;
}
