#include "reconcilers/repository.h"

#include "base/memory.h"
#include "base/parse.h"
#include "reconcilers/capacity.h"
#include "tests/unit/work_world.h"

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

enum { WORLDS = 1500 };

static const char *const repository_texts[] = {
    WORK_REPOSITORY,
    WORK_REPOSITORY "  warm: true\n",
    WORK_REPOSITORY "  idleTimeoutSeconds: 60\n  retainSeconds: 60\n",
    WORK_REPOSITORY "  retainSeconds: 0\n",
    WORK_REPOSITORY "  image: golang:1\n  ports: [{name: preview, containerPort: 3000}]\n",
    WORK_REPOSITORY "  isolation: Shared\n  securityContext: {runAsUser: 1000}\n",
    WORK_REPOSITORY "  setup: {command: [npm, ci]}\n  snapshot: {enabled: true}\n",
    WORK_REPOSITORY "  suspend: true\n",
};

static const char *const task_texts[] = {
    WORK_TASK "  command: [make]\n",
    WORK_TASK "  command: [make]\n  branch: main\n",
    WORK_TASK "  command: [make]\n  branch: next\n",
    WORK_TASK "  command: [make]\n  branch: next\n  isolation: Shared\n",
    WORK_TASK "  command: [make]\n  suspend: true\n",
    WORK_TASK "  command: [make]\n  state: Completed\n",
    WORK_TASK "  command: [make]\n  backoffLimit: 2\n  ports: [{name: preview}]\n",
    WORK_TASK,
    WORK_TASK "  state: Completed\n",
};

static struct object *repositories[ARRAY_SIZE(repository_texts)];
static struct object *task_specs[ARRAY_SIZE(task_texts)];

static const char *const life_texts[] = {
    WORK_REPOSITORY "  idleTimeoutSeconds: 60\n  retainSeconds: 600\n",
    WORK_REPOSITORY
    "  idleTimeoutSeconds: 60\n  retainSeconds: 600\n  setup: {command: [npm, ci]}\n",
    WORK_REPOSITORY "  retainSeconds: 60\n  setup: {command: [npm, ci]}\n"
                    "  snapshot: {enabled: true}\n",
};

static struct object *lives[ARRAY_SIZE(life_texts)];

static int parse_specs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(repository_texts); i++) {
        repositories[i] = object_from_text(repository_texts[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(task_texts); i++) {
        task_specs[i] = object_from_text(task_texts[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(lives); i++) {
        lives[i] = object_from_text(life_texts[i]);
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
    for (size_t i = 0; i < ARRAY_SIZE(lives); i++) {
        object_unref(lives[i]);
    }
    return 0;
}

/* Each with its dice: settings, tasks, and what may be wrong. */
static void scene_begin(struct work_world *world, unsigned number)
{
    work_world_init(world, number, repositories[0]);
    work_world_use(world, repositories[dice_roll(&world->dice, ARRAY_SIZE(repositories))]);
    world->is_explicit = dice_roll(&world->dice, 2) == 0;
    world->refusal = dice_roll(&world->dice, 8) == 0 ? "file:// is refused" : NULL;
    if (dice_roll(&world->dice, 2) == 0) {
        world->repository.image.state = IMAGE_ABSENT;
    }
    for (unsigned i = 0; i < WORK_TASKS - 1; i++) {
        if (dice_roll(&world->dice, 4) > 0) {
            work_world_add(world, i, task_specs[dice_roll(&world->dice, ARRAY_SIZE(task_specs))]);
        }
    }
}

static void happen(struct work_world *world)
{
    unsigned place = dice_roll(&world->dice, WORK_TASKS - 1);

    world->world.now_wall_ms += 1000 * (int64_t)dice_roll(&world->dice, 100);
    switch (dice_roll(&world->dice, 7)) {
    case 0:
    case 1: work_world_end(world, place, dice_roll(&world->dice, 2)); return;
    case 2: /* a file goes */ world->tasks[place].desired = NULL; return;
    case 3: work_world_kill(world); return;
    case 4: /* other settings */
        work_world_use(world, repositories[dice_roll(&world->dice, ARRAY_SIZE(repositories))]);
        return;
    case 5: /* the Repository object goes */
        world->is_deleted = world->is_explicit;
        world->is_explicit = false;
        return;
    case 6: work_disk_push(&world->disk, dice_roll(&world->dice, DISK_BRANCHES)); return;
    }
}

static void a_repository_and_its_tasks_come_to_rest(void **state)
{
    (void)state;
    for (unsigned number = 1; number <= WORLDS; number++) {
        struct work_world world;

        scene_begin(&world, number);
        for (unsigned i = 0; i < 8; i++) {
            work_world_settle(&world);
            happen(&world);
        }
        work_world_settle(&world);
        work_world_done(&world);
    }
}

/* Time passes until nobody asks for it any more. */
static void let_time_pass(struct work_world *world)
{
    int64_t wake_at;

    for (unsigned i = 0; (wake_at = work_world_settle(world)) != 0; i++) {
        assert_true(i < 40);
        world->world.now_wall_ms = wake_at;
    }
}

/* Every spec goes, every command ends, and time passes: nothing is left. */
static void nothing_is_left_when_all_are_gone(void **state)
{
    (void)state;
    for (unsigned number = 1; number <= WORLDS; number++) {
        struct work_world world;

        scene_begin(&world, number);
        work_world_settle(&world);
        happen(&world);
        work_world_settle(&world);
        work_world_use(&world, repositories[0]);
        world.is_explicit = world.is_deleted = false;
        for (unsigned i = 0; i < WORK_TASKS; i++) {
            world.tasks[i].desired = NULL;
        }
        let_time_pass(&world);
        assert_null(world.repository.container);
        assert_false(world.disk.trees.exists);
        assert_int_equal(world.disk.count, 0);
        assert_false(world.disk.mirror.exists);
        assert_false(port_table_has_owner(&world.ports, world.repository.key));
        for (unsigned i = 0; i < WORK_TASKS; i++) {
            assert_true(world.tasks[i].is_removed);
        }
        work_world_done(&world);
    }
}

/* Every command that can run has run once when there was time enough. */
static void every_command_gets_its_turn(void **state)
{
    unsigned runs = 0;

    (void)state;
    for (unsigned number = 1; number <= WORLDS / 4; number++) {
        struct work_world world;

        work_world_init(&world, number, repositories[number % 7]); /* all but the suspended one */
        for (unsigned i = 0; i < WORK_TASKS; i++) {
            work_world_add(&world, i, task_specs[(number + i) % 4]); /* on all branches */
        }
        for (unsigned i = 0; i < 4 * WORK_TASKS; i++) {
            work_world_settle(&world);
            if (world.tasks[i % WORK_TASKS].model.attempt.state == ATTEMPT_RUNNING) {
                world.world.now_wall_ms += 1000;
                work_world_end(&world, i % WORK_TASKS, 0);
                runs++;
            }
        }
        work_world_settle(&world);
        for (unsigned i = 0; i < WORK_TASKS; i++) {
            assert_int_equal(work_world_status(&world, i)->phase, PHASE_SUCCEEDED);
        }
        work_world_done(&world);
    }
    assert_int_equal(runs, WORLDS / 4 * WORK_TASKS);
}

/*
 * A short task every few seconds: its container is stopped in between, and never waits as if it
 * had crashed.
 */
static void idle_stops_are_no_crashes(void **state)
{
    struct work_world world;

    (void)state;
    work_world_init(&world, 1, repositories[0]);
    world.is_explicit = true;
    for (unsigned run = 0; run < 10; run++) {
        work_world_add(&world, 0, task_specs[0]);
        work_world_settle(&world);
        assert_int_equal(world.tasks[0].model.attempt.state, ATTEMPT_RUNNING); /* at once */
        world.world.now_wall_ms += 2000;
        work_world_end(&world, 0, 0);
        work_world_settle(&world);
        assert_int_equal(work_world_status(&world, 0)->phase, PHASE_SUCCEEDED);
        assert_int_equal(world.repository.container->state, WORKLOAD_EXITED);
        world.tasks[0].desired = NULL;
        work_world_settle(&world);
    }
    assert_int_equal(world.repository.status->restarts.count, 0);
    assert_int_equal(world.repository.containers_made, 1);
    work_world_done(&world);
}

/*
 * --- one container for as long as somebody needs it
 * ------------------------------------------------
 */

enum { TASK_A, TASK_B, TASK_C };

static void begin_life(struct work_world *world, unsigned which)
{
    work_world_init(world, 1, lives[which]);
    world->is_explicit = true;
}

static void add(struct work_world *world, unsigned place)
{
    work_world_add(world, place, task_specs[0]);
    work_world_settle(world);
    assert_int_equal(world->tasks[place].model.attempt.state, ATTEMPT_RUNNING);
}

static void end(struct work_world *world, unsigned place)
{
    world->world.now_wall_ms += 5000;
    work_world_end(world, place, 0);
    work_world_settle(world);
    assert_int_equal(work_world_status(world, place)->phase, PHASE_SUCCEEDED);
}

static void pass_seconds(struct work_world *world, int64_t seconds)
{
    world->world.now_wall_ms += seconds * 1000;
    work_world_settle(world);
}

/* A; A,B; B; B,C; C; nobody: the same container, then stopped, then gone. */
static void a_container_lives_as_long_as_tasks_need_it(void **state)
{
    struct work_world world;

    (void)state;
    begin_life(&world, 0);
    add(&world, TASK_A);
    add(&world, TASK_B);
    end(&world, TASK_A);
    assert_true(work_world_runs(&world));
    add(&world, TASK_C);
    end(&world, TASK_B);
    assert_true(work_world_runs(&world));
    assert_int_equal(world.repository.status->repository->active_tasks, 1);
    end(&world, TASK_C);
    assert_true(work_world_runs(&world)); /* for the next one, if it comes soon */
    pass_seconds(&world, 59);
    assert_true(work_world_runs(&world));
    pass_seconds(&world, 1);
    assert_int_equal(world.repository.container->state, WORKLOAD_EXITED);
    assert_int_equal(world.repository.containers_made, 1);
    pass_seconds(&world, 599);
    assert_non_null(world.repository.container);
    pass_seconds(&world, 1);
    assert_null(world.repository.container);
    assert_false(world.disk.trees.exists);
    work_world_done(&world);
}

/* Each of them had a tree of its own, from one snapshot and one fetch. */
static void tasks_at_a_time_have_their_trees_from_one_clone(void **state)
{
    struct work_world world;

    (void)state;
    begin_life(&world, 0);
    for (unsigned i = TASK_A; i <= TASK_C; i++) {
        add(&world, i);
    }
    assert_int_equal(world.disk.count, 3);
    assert_int_equal(world.disk.snapshots.count, 1);
    assert_int_equal(world.disk.fetches, 1);
    work_world_done(&world);
}

static void a_task_that_comes_in_time_has_the_stopped_container(void **state)
{
    struct work_world world;

    (void)state;
    begin_life(&world, 0);
    add(&world, TASK_A);
    end(&world, TASK_A);
    pass_seconds(&world, 300);
    assert_int_equal(world.repository.container->state, WORKLOAD_EXITED);
    add(&world, TASK_B);
    assert_int_equal(world.repository.containers_made, 1);
    assert_int_equal(world.repository.status->repository->idle_since_wall_ms, 0);
    end(&world, TASK_B);
    pass_seconds(&world, 59); /* the time begins anew */
    assert_true(work_world_runs(&world));
    work_world_done(&world);
}

static void a_session_of_people_keeps_the_container_up(void **state)
{
    struct work_world world;

    (void)state;
    begin_life(&world, 0);
    add(&world, TASK_A);
    world.sessions = 1;
    end(&world, TASK_A);
    pass_seconds(&world, 3600);
    assert_true(work_world_runs(&world));
    world.sessions = 0;
    pass_seconds(&world, 1);
    assert_true(work_world_runs(&world)); /* idle from now on */
    pass_seconds(&world, 60);
    assert_int_equal(world.repository.container->state, WORKLOAD_EXITED);
    work_world_done(&world);
}

static void it_is_not_stopped_while_it_is_asked_who_is_in_it(void **state)
{
    struct work_world world;

    (void)state;
    begin_life(&world, 0);
    add(&world, TASK_A);
    world.may_have_sessions = true;
    end(&world, TASK_A);
    assert_true(work_world_runs(&world));
    pass_seconds(&world, 3600);
    assert_true(work_world_runs(&world));
    assert_int_equal(world.repository.status->phase, PHASE_RUNNING);
    world.may_have_sessions = false; /* nobody was: idle from now on */
    pass_seconds(&world, 1);
    assert_true(work_world_runs(&world));
    pass_seconds(&world, 60);
    assert_int_equal(world.repository.container->state, WORKLOAD_EXITED);
    assert_int_equal(world.repository.containers_made, 1);
    work_world_done(&world);
}

/*
 * --- setup
 * ------------------------------------------------------------------------------------------
 */

static void setup_runs_once_for_a_commit_in_a_container(void **state)
{
    struct work_world world;

    (void)state;
    begin_life(&world, 1);
    add(&world, TASK_A);
    assert_int_equal(world.disk.setups_run, 1);
    assert_int_equal(world.disk.layers.count, 1);
    assert_string_equal(work_disk_find(&world.disk, "t-0")->layer, world.disk.layers.items[0]);
    add(&world, TASK_B);
    assert_int_equal(world.disk.setups_run, 1);
    work_disk_push(&world.disk, 0);
    pass_seconds(&world, 3600); /* the mirror is too old by now */
    add(&world, TASK_C);
    assert_int_equal(world.disk.setups_run, 2);
    assert_string_equal(work_disk_find(&world.disk, "t-2")->layer, world.disk.layers.items[1]);
    assert_int_equal(world.repository.containers_made, 1);
    work_world_done(&world);
}

/* What setup changed outside of the tree is gone with the container. */
static void setup_runs_again_in_another_container(void **state)
{
    struct work_world world;

    (void)state;
    begin_life(&world, 1);
    add(&world, TASK_A);
    end(&world, TASK_A);
    world.repository.container->hash = observed_text(world.repository.container, "v1-other");
    add(&world, TASK_B);
    assert_int_equal(world.repository.containers_made, 2);
    assert_int_equal(world.disk.setups_run, 2);
    assert_int_equal(world.disk.layers.count, 1); /* that of the commit was there already */
    work_world_done(&world);
}

static void the_image_that_setup_left_is_for_the_next_container(void **state)
{
    struct work_world world;

    (void)state;
    begin_life(&world, 2);
    add(&world, TASK_A);
    assert_int_equal(world.disk.images.count, 1);
    assert_string_equal(world.repository.container->image_id, MODEL_IMAGE_ID);
    pass_seconds(&world, 5);
    assert_int_equal(world.repository.containers_made, 1); /* the present one goes on */
    assert_true(work_world_runs(&world));
    end(&world, TASK_A);
    pass_seconds(&world, 60);
    assert_null(world.repository.container);
    add(&world, TASK_B);
    assert_int_equal(world.repository.containers_made, 2);
    assert_string_equal(world.repository.container->image_id, world.disk.images.items[0]);
    work_world_done(&world);
}

static void a_container_is_not_stopped_while_its_setup_runs(void **state)
{
    struct work_world world;

    (void)state;
    begin_life(&world, 1);
    world.disk.setup_takes_long = true;
    work_world_add(&world, TASK_A, task_specs[0]);
    work_world_settle(&world);
    assert_int_equal(world.disk.observed.state, ATTEMPT_RUNNING);
    world.tasks[TASK_A].desired = NULL; /* the only one that waited for it */
    pass_seconds(&world, 5);
    pass_seconds(&world, 120);
    assert_true(work_world_runs(&world));
    world.disk.observed = (struct observed_attempt){.state = ATTEMPT_ENDED, .exit_code = 1};
    pass_seconds(&world, 0);
    assert_int_equal(world.repository.container->state, WORKLOAD_EXITED);
    work_world_done(&world);
}

/*
 * --- work
 * -------------------------------------------------------------------------------------------
 */

static void work_that_was_not_pushed_outlives_the_container(void **state)
{
    struct work_world world;

    (void)state;
    begin_life(&world, 0);
    add(&world, TASK_A);
    assert_true(work_world_work(&world, TASK_A));
    end(&world, TASK_A);
    world.tasks[TASK_A].desired = NULL;
    world.is_explicit = false;
    world.is_deleted = true; /* all of it is to go */
    pass_seconds(&world, 5);
    assert_null(world.repository.container);
    assert_true(world.disk.trees.exists);
    assert_true(work_disk_find(&world.disk, "t-0")->has_work);
    pass_seconds(&world, 3600); /* longer than retainSeconds, and than the log is kept */
    assert_false(world.disk.trees.exists);
    work_world_done(&world);
}

static void only_what_nobody_wants_is_gone(void **state)
{
    static const struct {
        bool is_explicit, is_warm, has_container, has_trees;
        unsigned tasks;
        bool is_gone;
    } rows[] = {
        {false, false, false, false, 0, true}, {true, false, false, false, 0, false},
        {false, true, false, false, 0, false}, {false, false, true, false, 0, false},
        {false, false, false, true, 0, false}, {false, false, false, false, 1, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct observed_container container = {0};
        struct observed_trees trees = {.exists = rows[i].has_trees};
        struct repository_input input = {
            .is_explicit = rows[i].is_explicit,
            .is_warm = rows[i].is_warm,
            .active_tasks = rows[i].tasks,
            .container = rows[i].has_container ? &container : NULL,
            .trees = &trees,
        };

        assert_int_equal(repository_is_gone(&input), rows[i].is_gone);
    }
}

static void tasks_run_as_whom_the_settings_or_the_image_say(void **state)
{
    struct object *numbered =
        object_from_text(WORK_REPOSITORY "  securityContext: {runAsUser: 1000}\n");
    struct object *named = object_from_text(WORK_REPOSITORY);
    struct arena arena = {0};

    (void)state;
    assert_string_equal(repository_user(named, NULL, &arena), "");
    assert_string_equal(repository_user(named, "node", &arena), "node");
    assert_string_equal(repository_user(numbered, "node", &arena), "1000");
    named->repository.user = "vscode"; /* as devcontainer.json says it */
    assert_string_equal(repository_user(named, "node", &arena), "vscode");
    named->repository.security.run_as_user = 0;
    assert_string_equal(repository_user(named, "node", &arena), "0");
    object_unref(numbered);
    object_unref(named);
    arena_done(&arena);
}

/* Who waits for a spec knows its hash from the file. */
static void the_status_speaks_of_the_spec_in_the_file(void **state)
{
    static const struct observed_failure no_failure;
    static const struct observed_mirror no_mirror;
    struct observed_trees trees = {
        .path = "/state/trees", .tasks_path = "/state/tasks", .method = TREES_COPY};
    struct port_table ports;
    struct observed_image image = {.state = IMAGE_PRESENT, .id = MODEL_IMAGE_ID};
    struct world world = {
        .controller_id = MODEL_CONTROLLER, .repository_image = "debian:12", .ports = &ports};
    struct object *own = object_from_text(WORK_REPOSITORY);
    struct object *filled = object_from_text(WORK_REPOSITORY "  image: node:20\n");
    struct repository_input input = {
        .container_name = WORK_CONTAINER,
        .base_name = WORK_CONTAINER,
        .url = "git.example/org/project",
        .settings = filled,
        .trees = &trees,
        .mirror = &no_mirror,
        .image = &image,
        .failure = &no_failure,
    };
    auto_owned(object_status) *status = status_new();
    auto_owned(plan) *plan = plan_new();

    (void)state;
    port_table_init(&ports);
    filled->parent = object_ref(own); /* as with a devcontainer.json */
    repository_reconcile(&world, &input, plan, status);
    assert_string_equal(status->observed_hash, own->hash);
    object_unref(filled);
    object_unref(own);
    port_table_done(&ports);
}

/* Below the instance that it is placed on, which is given its limits before each start. */
static void a_placed_container_is_bounded_by_its_instance(void **state)
{
    static const struct machine_limits machine = {"ci-0", 1000, 1 << 28, 4096};
    static const struct observed_machine unlimited;
    static const struct observed_failure no_failure;
    static const struct observed_mirror no_mirror;
    struct port_table ports;
    struct observed_trees trees = {
        .path = "/state/trees", .tasks_path = "/state/tasks", .method = TREES_COPY};
    struct observed_image image = {.state = IMAGE_PRESENT, .id = MODEL_IMAGE_ID};
    struct world world = {.controller_id = MODEL_CONTROLLER,
                          .repository_image = "debian:12",
                          .ports = &ports,
                          .capacity = {.means = CAPACITY_DIRECTORIES}};
    struct repository_input input = {
        .container_name = WORK_CONTAINER,
        .base_name = WORK_CONTAINER,
        .url = "git.example/org/project",
        .settings = repositories[0],
        .active_tasks = 1,
        .instance = "ci-0",
        .trees = &trees,
        .mirror = &no_mirror,
        .machine = &machine,
        .observed_machine = &unlimited,
        .image = &image,
        .failure = &no_failure,
    };
    auto_owned(object_status) *status = status_new();
    auto_owned(plan) *plan = plan_new();
    struct error err = {0};
    bool is_limited = false, is_started = false;

    (void)state;
    port_table_init(&ports);
    assert_int_equal(port_table_set_ranges(&ports, "20000-20009", &err), 0);
    repository_reconcile(&world, &input, plan, status);
    for (size_t i = 0; i < plan->count; i++) {
        const struct action *action = plan->actions[i];

        if (action->type == ACTION_CREATE_CONTAINER) {
            assert_non_null(action->workload->cgroup_parent);
        } else if (action->type == ACTION_LIMIT_MACHINE) {
            assert_string_equal(action->target, "ci-0");
            is_limited = true;
        } else if (action->type == ACTION_START_CONTAINER) {
            assert_true(is_limited);
            is_started = true;
        }
    }
    assert_true(is_started);
    port_table_done(&ports);
}

/* What its cgroup was seen to be is said. */
static void whether_that_holds_is_looked_at(void **state)
{
    static const struct machine_limits machine = {"ci-0", 1000, 1 << 28, 4096};
    struct observed_machine observed = {.has_cgroup = true,
                                        .cpu_milli = 1000,
                                        .memory_bytes = 1 << 28,
                                        .pids = 4096,
                                        .has_container = true};
    auto_free char *parent = NULL;
    struct work_world world;

    (void)state;
    work_world_init(&world, 1, repositories[0]);
    work_world_add(&world, 0, task_specs[0]);
    work_world_settle(&world);
    world.world.capacity.means = CAPACITY_DIRECTORIES;
    parent = capacity_parent(&world.world, "ci-0");
    world.repository.container->cgroup_parent = parent;
    for (unsigned is_seen = 0; is_seen < 2; is_seen++) {
        struct repository_input input = {
            .container_name = WORK_CONTAINER,
            .url = "git.example/org/project",
            .settings = repositories[0],
            .active_tasks = 1,
            .running_tasks = 1,
            .instance = "ci-0",
            .trees = &world.disk.trees,
            .mirror = &world.disk.mirror,
            .machine = &machine,
            .observed_machine = is_seen ? &observed : NULL,
            .container = world.repository.container,
            .image = &world.repository.image,
            .failure = &world.repository.failure,
            .previous = world.repository.status,
        };
        auto_owned(object_status) *status = status_successor(world.repository.status);
        auto_owned(plan) *plan = plan_new();

        repository_reconcile(&world.world, &input, plan, status);
        assert_int_equal(status->conditions[CONDITION_CAPACITY_ENFORCED].value == CONDITION_TRUE,
                         is_seen);
    }
    work_world_done(&world);
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
        cmocka_unit_test(tasks_run_as_whom_the_settings_or_the_image_say),
        cmocka_unit_test(the_status_speaks_of_the_spec_in_the_file),
        cmocka_unit_test(a_placed_container_is_bounded_by_its_instance),
        cmocka_unit_test(whether_that_holds_is_looked_at),
        cmocka_unit_test(only_what_nobody_wants_is_gone),
        cmocka_unit_test(a_container_lives_as_long_as_tasks_need_it),
        cmocka_unit_test(tasks_at_a_time_have_their_trees_from_one_clone),
        cmocka_unit_test(a_task_that_comes_in_time_has_the_stopped_container),
        cmocka_unit_test(a_session_of_people_keeps_the_container_up),
        cmocka_unit_test(it_is_not_stopped_while_it_is_asked_who_is_in_it),
        cmocka_unit_test(setup_runs_once_for_a_commit_in_a_container),
        cmocka_unit_test(setup_runs_again_in_another_container),
        cmocka_unit_test(the_image_that_setup_left_is_for_the_next_container),
        cmocka_unit_test(a_container_is_not_stopped_while_its_setup_runs),
        cmocka_unit_test(work_that_was_not_pushed_outlives_the_container),
        cmocka_unit_test(idle_stops_are_no_crashes),
        cmocka_unit_test_teardown(every_command_gets_its_turn, work_world_tell),
        cmocka_unit_test_teardown(a_repository_and_its_tasks_come_to_rest, work_world_tell),
        cmocka_unit_test_teardown(nothing_is_left_when_all_are_gone, work_world_tell),
    };

    return cmocka_run_group_tests(tests, parse_specs, free_specs);
}
