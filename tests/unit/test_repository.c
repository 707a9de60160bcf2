#include "reconcilers/repository.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "tests/unit/plan_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/*
 * A repository and its tasks look at each other: here is asked whether they come to rest together.
 */

enum { WORLDS = 1500, TASKS = 3, MAX_ROUNDS = 20, NAME_COUNT = 3 };

#define CONTAINER "repo-org-project-486c50"
#define URL "https://git.example/org/project.git"
#define REPOSITORY                                                                                 \
    "apiVersion: berth.dev/v1\nkind: Repository\nmetadata: {name: project}\nspec:\n  url: " URL "\n"
#define TASK                                                                                       \
    "apiVersion: berth.dev/v1\nkind: Task\nmetadata: {name: t}\nspec:\n  repository: " URL "\n"

static const char *const repository_texts[] = {
    REPOSITORY,
    REPOSITORY "  warm: true\n",
    REPOSITORY "  idleTimeoutSeconds: 60\n  retainSeconds: 60\n",
    REPOSITORY "  retainSeconds: 0\n",
    REPOSITORY "  image: golang:1\n  ports: [{name: preview, containerPort: 3000}]\n",
    REPOSITORY "  suspend: true\n",
};

static const char *const task_texts[] = {
    TASK "  command: [make]\n",
    TASK "  command: [make]\n  branch: main\n",
    TASK "  command: [make]\n  branch: next\n",
    TASK "  command: [make]\n  suspend: true\n",
    TASK "  command: [make]\n  state: Completed\n",
    TASK,
    TASK "  state: Completed\n",
};

static struct object *repositories[ARRAY_SIZE(repository_texts)];
static struct object *task_specs[ARRAY_SIZE(task_texts)];

static int parse_specs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(repository_texts); i++) {
        repositories[i] = object_from_text(repository_texts[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(task_texts); i++) {
        task_specs[i] = object_from_text(task_texts[i]);
    }
    return 0;
}

static int free_specs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(repository_texts); i++) {
        object_unref(repositories[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(task_texts); i++) {
        object_unref(task_specs[i]);
    }
    return 0;
}

/* The world at hand, so that a failure can say which one it was. */
static unsigned world_at_hand;

static int tell_world(void **state)
{
    (void)state;
    if (world_at_hand != 0) {
        print_message("# in world %u\n", world_at_hand);
    }
    world_at_hand = 0;
    return 0;
}

struct task_scene {
    struct plan_model model;
    const struct object *desired; /* NULL: its spec is gone */
    bool is_removed;              /* nothing is left of it */
};

struct scene {
    struct dice dice;
    struct port_table ports;
    struct world world;
    struct plan_model model; /* of the repository's container */
    const struct object *settings;
    bool is_explicit, is_deleted, is_refused;
    struct task_scene tasks[TASKS];
    bool has_changed; /* in the round at hand */
};

static void scene_begin(struct scene *scene, unsigned number)
{
    struct error err = {0};

    memset(scene, 0, sizeof(*scene));
    world_at_hand = number;
    scene->dice.state = UINT64_C(88172645463325252) + number * UINT64_C(2654435769);
    port_table_init(&scene->ports);
    assert_int_equal(port_table_set_ranges(&scene->ports, "20000-20009", &err), 0);
    scene->world = (struct world){
        .controller_id = MODEL_CONTROLLER,
        .repository_image = "debian:12",
        .ports = &scene->ports,
    };
    scene->settings = repositories[dice_roll(&scene->dice, ARRAY_SIZE(repositories))];
    scene->is_explicit = dice_roll(&scene->dice, 2) == 0;
    scene->is_refused = dice_roll(&scene->dice, 8) == 0;
    scene->model = (struct plan_model){
        .ports = &scene->ports,
        .key = KIND_REPOSITORY_CONTAINER "/" CONTAINER,
        .wanted_ports = &scene->settings->repository.ports,
        .now_wall_ms = INT64_C(1767355200000),
        .image = {.state = dice_roll(&scene->dice, 2) == 0 ? IMAGE_ABSENT : IMAGE_PRESENT,
                  .id = MODEL_IMAGE_ID},
        .workspace = {.path = "/state/tree", .tasks_path = "/state/tasks"},
    };
    for (unsigned i = 0; i < TASKS; i++) {
        struct task_scene *task = &scene->tasks[i];

        task->is_removed = dice_roll(&scene->dice, 4) == 0;
        task->desired = task_specs[dice_roll(&scene->dice, ARRAY_SIZE(task_specs))];
        task->model.attempt.message = "";
    }
}

static void scene_end(struct scene *scene)
{
    plan_model_done(&scene->model);
    for (unsigned i = 0; i < TASKS; i++) {
        plan_model_done(&scene->tasks[i].model);
    }
    port_table_done(&scene->ports);
    world_at_hand = 0;
}

static bool is_active(const struct task_scene *task)
{
    return !task->is_removed && task_is_active(task->desired, task->model.status);
}

static bool is_held(const struct task_scene *task)
{
    return !task->is_removed && task->desired != NULL && task_is_held_by_branch(task->model.status);
}

/* As the controller counts: those that wait for another branch only when nobody else is there. */
static unsigned active_tasks(const struct scene *scene)
{
    unsigned count = 0, held = 0;

    for (unsigned i = 0; i < TASKS; i++) {
        count += is_active(&scene->tasks[i]);
        held += is_held(&scene->tasks[i]);
    }
    return count > 0 ? count : held;
}

static unsigned running_tasks(const struct scene *scene)
{
    unsigned count = 0;

    for (unsigned i = 0; i < TASKS; i++) {
        const struct object_status *status = scene->tasks[i].model.status;

        count += is_active(&scene->tasks[i]) && status != NULL &&
                 (status->phase == PHASE_TASK_RUNNING || status->task.attempt > 0);
    }
    return count;
}

static bool has_running_command(const struct scene *scene)
{
    for (unsigned i = 0; i < TASKS; i++) {
        if (scene->tasks[i].model.attempt.state == ATTEMPT_RUNNING) {
            return true;
        }
    }
    return false;
}

static const char *branch_of(const struct scene *scene, const struct task_scene *task)
{
    return task->desired != NULL && task->desired->task.branch != NULL
               ? task->desired->task.branch
               : scene->settings->repository.branch;
}

/* What the first task that takes part asks for. */
static const char *wanted_branch(const struct scene *scene)
{
    for (unsigned i = 0; i < TASKS; i++) {
        const struct task_scene *task = &scene->tasks[i];

        if (task->desired != NULL && (is_active(task) || is_held(task))) {
            return branch_of(scene, task);
        }
    }
    return scene->settings->repository.branch;
}

static bool is_in_use(const struct scene *scene)
{
    for (unsigned i = 0; i < TASKS; i++) {
        const struct task_scene *task = &scene->tasks[i];
        const struct object_status *status = task->model.status;

        if (is_active(task) &&
            (task->desired == NULL ||
             (status != NULL &&
              (status->phase == PHASE_TASK_RUNNING || status->task.attempt > 0)) ||
             workspace_has_branch(&scene->model.workspace, branch_of(scene, task)))) {
            return true;
        }
    }
    return false;
}

static bool is_same_status(const struct object_status *a, const struct object_status *b)
{
    if (a == NULL || a->phase != b->phase) {
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

static void take(struct scene *scene, struct plan_model *model, struct object_status *status,
                 const struct plan *plan)
{
    if (plan->count > 0 || !is_same_status(model->status, status)) {
        scene->has_changed = true;
    }
    plan_model_take_status(model, status);
    plan_model_apply(model, plan);
}

/* Returns the moment to look again, or 0. */
static int64_t pass_repository(struct scene *scene)
{
    struct plan_model *model = &scene->model;
    struct repository_input input = {
        .container_name = CONTAINER,
        .url = "git.example/org/project",
        .settings = scene->settings,
        .is_explicit = scene->is_explicit,
        .is_deleted = scene->is_deleted,
        .is_refused = scene->is_refused,
        .refusal = scene->is_refused ? "file:// is refused" : NULL,
        .active_tasks = active_tasks(scene),
        .running_tasks = running_tasks(scene),
        .is_warm = scene->is_explicit && scene->settings->repository.is_warm,
        .branch = wanted_branch(scene),
        .is_in_use = is_in_use(scene),
        .container = model->container,
        .image = &model->image,
        .workspace = &model->workspace,
        .failure = &model->failure,
        .previous = model->status,
    };
    struct object_status *status = status_successor(model->status);
    auto_owned(plan) *plan = plan_new();

    model->wanted_branch = input.branch;
    scene->world.now_wall_ms = model->now_wall_ms;
    repository_reconcile(&scene->world, &input, plan, status);
    for (size_t i = 0; i < plan->count; i++) {
        if (has_running_command(scene) && model->workspace.exists) {
            /* nothing is pulled away under a command */
            assert_int_not_equal(plan->actions[i]->type, ACTION_STOP_CONTAINER);
            assert_int_not_equal(plan->actions[i]->type, ACTION_REMOVE_CONTAINER);
            assert_int_not_equal(plan->actions[i]->type, ACTION_REMOVE_WORKSPACE);
        }
    }
    take(scene, model, status, plan);
    return plan->wake_at_wall_ms;
}

static void pass_task(struct scene *scene, struct task_scene *task)
{
    static const char *const names[NAME_COUNT] = {"t-0", "t-1", "t-2"};
    struct plan_model *model = &task->model;
    struct task_input input = {
        .name = names[task - scene->tasks],
        .desired = task->desired,
        .repository = CONTAINER,
        .branch = branch_of(scene, task),
        .admission = &(struct task_admission){.is_admitted = true},
        .refusal_reason = scene->is_refused ? "SchemeRefused" : NULL,
        .refusal = scene->is_refused ? "file:// is refused" : NULL,
        .repository_status = scene->model.status,
        .container = scene->model.container,
        .workspace = &scene->model.workspace,
        .attempt = &model->attempt,
        .failure = &model->failure,
        .previous = model->status,
    };
    struct object_status *status = status_successor(model->status);
    auto_owned(plan) *plan = plan_new();

    model->now_wall_ms = scene->model.now_wall_ms;
    scene->world.now_wall_ms = model->now_wall_ms;
    task_reconcile(&scene->world, &input, plan, status);
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->actions[i]->type == ACTION_START_TASK) {
            assert_non_null(scene->model.container);
            assert_int_equal(scene->model.container->state, WORKLOAD_RUNNING);
            assert_true(scene->model.workspace.exists);
        } else if (plan->actions[i]->type == ACTION_REMOVE_TASK) {
            task->is_removed = true;
        }
    }
    take(scene, model, status, plan);
}

/* One pass of each. Returns when to look again. */
static int64_t pass_all(struct scene *scene)
{
    int64_t wake_at = pass_repository(scene);

    for (unsigned i = 0; i < TASKS; i++) {
        if (!scene->tasks[i].is_removed) {
            pass_task(scene, &scene->tasks[i]);
        }
    }
    return wake_at;
}

/* Without an event from outside: passes until two rounds are alike. Returns when to look again. */
static int64_t settle(struct scene *scene)
{
    for (unsigned round = 0; round < MAX_ROUNDS; round++) {
        int64_t wake_at;

        scene->has_changed = false;
        wake_at = pass_all(scene);
        if (!scene->has_changed) {
            return wake_at;
        }
    }
    fail_msg("it does not come to rest");
    return 0;
}

static void happen(struct scene *scene)
{
    struct task_scene *task = &scene->tasks[dice_roll(&scene->dice, TASKS)];
    struct plan_model *model = &scene->model;

    model->now_wall_ms += 1000 * (int64_t)dice_roll(&scene->dice, 100);
    switch (dice_roll(&scene->dice, 6)) {
    case 0: /* a command ends */
    case 1:
        if (task->model.attempt.state == ATTEMPT_RUNNING) {
            task->model.attempt.state = ATTEMPT_ENDED;
            task->model.attempt.exit_code = dice_roll(&scene->dice, 2);
            task->model.attempt.finished_wall_ms = model->now_wall_ms;
        }
        return;
    case 2: /* a file goes */ task->desired = NULL; return;
    case 3: /* the container is killed, and the commands in it */
        if (model->container != NULL && model->container->state == WORKLOAD_RUNNING) {
            model->container->state = WORKLOAD_EXITED;
            model->container->exit_code = 137;
            model->container->finished_wall_ms = model->now_wall_ms;
            for (unsigned i = 0; i < TASKS; i++) {
                if (scene->tasks[i].model.attempt.state == ATTEMPT_RUNNING) {
                    scene->tasks[i].model.attempt.state = ATTEMPT_LOST;
                }
            }
        }
        return;
    case 4: /* other settings */
        scene->settings = repositories[dice_roll(&scene->dice, ARRAY_SIZE(repositories))];
        model->wanted_ports = &scene->settings->repository.ports;
        return;
    case 5: /* the Repository object goes */
        scene->is_deleted = scene->is_explicit;
        scene->is_explicit = false;
        return;
    }
}

static void a_repository_and_its_tasks_come_to_rest(void **state)
{
    (void)state;
    for (unsigned number = 1; number <= WORLDS; number++) {
        struct scene scene;

        scene_begin(&scene, number);
        for (unsigned i = 0; i < 8; i++) {
            settle(&scene);
            happen(&scene);
        }
        settle(&scene);
        scene_end(&scene);
    }
}

/* Every spec goes, every command ends, and time passes: nothing is left. */
static void nothing_is_left_when_all_are_gone(void **state)
{
    (void)state;
    for (unsigned number = 1; number <= WORLDS; number++) {
        struct scene scene;
        int64_t wake_at;

        scene_begin(&scene, number);
        settle(&scene);
        happen(&scene);
        settle(&scene);
        scene.settings = repositories[0];
        scene.model.wanted_ports = &scene.settings->repository.ports;
        scene.is_explicit = scene.is_deleted = false;
        for (unsigned i = 0; i < TASKS; i++) {
            scene.tasks[i].desired = NULL;
        }
        for (unsigned i = 0; (wake_at = settle(&scene)) != 0; i++) {
            assert_true(i < 10);
            scene.model.now_wall_ms = wake_at;
        }
        assert_null(scene.model.container);
        assert_false(scene.model.workspace.exists);
        assert_false(port_table_has_owner(&scene.ports, scene.model.key));
        for (unsigned i = 0; i < TASKS; i++) {
            assert_true(scene.tasks[i].is_removed);
        }
        scene_end(&scene);
    }
}

/* Every command that can run has run once when there was time enough. */
static void every_command_gets_its_turn(void **state)
{
    unsigned runs = 0;

    (void)state;
    for (unsigned number = 1; number <= WORLDS / 4; number++) {
        struct scene scene;

        scene_begin(&scene, number);
        scene.is_refused = false;
        scene.settings = repositories[number % 5]; /* all but the suspended one */
        scene.model.wanted_ports = &scene.settings->repository.ports;
        for (unsigned i = 0; i < TASKS; i++) {
            scene.tasks[i].desired = task_specs[(number + i) % 3]; /* on three branches */
            scene.tasks[i].is_removed = false;
        }
        for (unsigned i = 0; i < 4 * TASKS; i++) {
            struct plan_model *task = &scene.tasks[i % TASKS].model;

            settle(&scene);
            if (task->attempt.state == ATTEMPT_RUNNING) {
                task->attempt.state = ATTEMPT_ENDED;
                task->attempt.finished_wall_ms = scene.model.now_wall_ms += 1000;
                runs++;
            }
        }
        for (unsigned i = 0; i < TASKS; i++) {
            assert_int_equal(scene.tasks[i].model.status->phase, PHASE_SUCCEEDED);
        }
        scene_end(&scene);
    }
    assert_int_equal(runs, WORLDS / 4 * TASKS);
}

/*
 * A short task every few seconds: its container is stopped in between, and never waits as if it
 * had crashed.
 */
static void idle_stops_are_no_crashes(void **state)
{
    struct scene scene;

    (void)state;
    scene_begin(&scene, 1);
    scene.is_refused = false;
    scene.is_explicit = true;
    scene.settings = repositories[0];
    for (unsigned i = 0; i < TASKS; i++) {
        scene.tasks[i].is_removed = true;
    }
    for (unsigned run = 0; run < 10; run++) {
        struct task_scene *task = &scene.tasks[0];

        plan_model_done(&task->model);
        *task = (struct task_scene){.desired = task_specs[0], .model.attempt.message = ""};
        settle(&scene);
        assert_int_equal(task->model.attempt.state, ATTEMPT_RUNNING); /* at once */
        task->model.attempt.state = ATTEMPT_ENDED;
        task->model.attempt.finished_wall_ms = scene.model.now_wall_ms += 2000;
        settle(&scene);
        assert_int_equal(task->model.status->phase, PHASE_SUCCEEDED);
        assert_int_equal(scene.model.container->state, WORKLOAD_EXITED);
        task->desired = NULL;
        settle(&scene);
    }
    assert_int_equal(scene.model.status->restarts.count, 0);
    assert_int_equal(scene.model.containers_made, 1);
    scene_end(&scene);
}

static void only_what_nobody_wants_is_gone(void **state)
{
    static const struct {
        bool is_explicit, has_container, has_workspace;
        unsigned tasks;
        bool is_gone;
    } rows[] = {
        {false, false, false, 0, true},  {true, false, false, 0, false},
        {false, true, false, 0, false},  {false, false, true, 0, false},
        {false, false, false, 1, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct observed_container container = {0};
        struct observed_workspace workspace = {.exists = rows[i].has_workspace};
        struct repository_input input = {
            .is_explicit = rows[i].is_explicit,
            .active_tasks = rows[i].tasks,
            .container = rows[i].has_container ? &container : NULL,
            .workspace = &workspace,
        };

        assert_int_equal(repository_is_gone(&input), rows[i].is_gone);
    }
}

static void its_image_is_its_own_or_the_default(void **state)
{
    struct world world = {.repository_image = "debian:12"};

    (void)state;
    assert_string_equal(repository_image(&world, repositories[0]), "debian:12");
    assert_string_equal(repository_image(&world, repositories[4]), "golang:1");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_image_is_its_own_or_the_default),
        cmocka_unit_test(only_what_nobody_wants_is_gone),
        cmocka_unit_test(idle_stops_are_no_crashes),
        cmocka_unit_test_teardown(every_command_gets_its_turn, tell_world),
        cmocka_unit_test_teardown(a_repository_and_its_tasks_come_to_rest, tell_world),
        cmocka_unit_test_teardown(nothing_is_left_when_all_are_gone, tell_world),
    };

    return cmocka_run_group_tests(tests, parse_specs, free_specs);
}
