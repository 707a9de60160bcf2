#include "reconcilers/instance.h"

#include "base/memory.h"
#include "base/parse.h"
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
 * The decisions themselves are in tests/cases/plans; here is asked where they lead, from wherever
 * they begin.
 */

enum { WORLDS = 6000, MAX_ROUNDS = 10, DISTURBANCES = 4 };

#define HEAD "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: web}\nspec:\n"

static const char *const spec_texts[] = {
    HEAD "  image: debian:12\n",
    HEAD "  zone: us-east1-b\n",
    HEAD "  image: debian:12\n  powerState: Stopped\n",
    HEAD "  image: debian:12\n  powerState: Suspended\n",
    HEAD "  image: debian:12\n  powerState: Suspended\n"
         "  lifecycle: {postStart: {exec: {command: [a]}}, preStop: {exec: {command: [b]}}}\n",
    HEAD "  image: debian:12\n"
         "  lifecycle: {postStart: {exec: {command: [a]}}, preStop: {exec: {command: [b]}}}\n",
    HEAD "  image: debian:12\n  deletionPolicy: Retain\n",
    HEAD "  image: debian:12\n  suspend: true\n",
    HEAD "  image: debian:12\n  restartPolicy: Never\n",
    HEAD "  image: debian:12\n  restartPolicy: OnFailure\n",
    HEAD "  image: debian:12\n  imagePullPolicy: Never\n",
    HEAD "  image: debian:12\n  imagePullPolicy: Always\n",
    HEAD "  image: debian:12\n  ports: [{name: a, containerPort: 80}]\n",
    HEAD "  image: debian:12\n  ports: [{name: a, containerPort: 80, hostPort: 8080}]\n",
    HEAD "  image: debian:12\n  ports: [{name: b, containerPort: 80, hostPort: 8080}]\n",
    HEAD "  image: debian:12\n  ports: [{name: a, containerPort: 80, hostIP: 0.0.0.0}]\n",
    HEAD
    "  image: debian:12\n  ports: [{name: b, containerPort: 80}, {name: a, containerPort: 81}]\n",
    HEAD "  image: debian:12\n  ports: [{name: a, containerPort: 80, hostPort: 8081},"
         " {name: b, containerPort: 81, hostPort: 8080}]\n",
    HEAD "  image: debian:12\n  ports: [{name: a, containerPort: 80, hostPort: 8080},"
         " {name: b, containerPort: 81, hostPort: 8081}]\n",
    HEAD "  image: debian:12\n  ports: [{name: a, containerPort: 53, protocol: UDP}]\n",
};
enum { SPEC_COUNT = ARRAY_SIZE(spec_texts) };

static struct object *specs[SPEC_COUNT];

static int parse_specs(void **state)
{
    (void)state;
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        specs[i] = object_from_text(spec_texts[i]);
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

static int free_specs(void **state)
{
    (void)state;
    for (size_t i = 0; i < SPEC_COUNT; i++) {
        object_unref(specs[i]);
    }
    return 0;
}

/* One instance in a world that is somehow. */
struct scene {
    struct dice dice;
    struct port_table ports;
    struct plan_model model;
    struct world world;
    const struct object *object; /* the spec in force */
    bool is_gone;
    char *network;
};

static const struct object *random_spec(struct scene *scene)
{
    return specs[dice_roll(&scene->dice, SPEC_COUNT)];
}

static void wish(struct scene *scene, const struct object *object)
{
    scene->object = object;
    scene->model.wanted_ports = &object->instance.ports;
    free(scene->network);
    scene->network = zone_network_name(&scene->world, object->instance.zone);
}

static void begin_ports(struct scene *scene)
{
    static const uint16_t others[] = {8080, 8081, 20000, 20001, 20002};
    struct error err = {0};

    port_table_init(&scene->ports);
    assert_int_equal(port_table_set_ranges(&scene->ports, "20000-20009", &err), 0);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        if (dice_roll(&scene->dice, 4) == 0) {
            port_table_take(&scene->ports, "Instance/other", "x", "127.0.0.1", others[i],
                            PROTOCOL_TCP);
        } else if (dice_roll(&scene->dice, 8) == 0) {
            port_table_quarantine(&scene->ports, others[i], PROTOCOL_TCP, scene->model.now_wall_ms);
        }
    }
}

static void begin_container(struct scene *scene)
{
    static const char *const labels[] = {
        "",
        "",
        "a=tcp/20001/127.0.0.1",
        "a=tcp/8080/127.0.0.1",
        "a=tcp/8080/127.0.0.1 b=tcp/8081/127.0.0.1",
        "b=tcp/8080/127.0.0.1",
        "b=tcp/20002/127.0.0.1 a=tcp/20003/0.0.0.0",
        "damaged",
    };
    const char *label = labels[dice_roll(&scene->dice, ARRAY_SIZE(labels))];
    struct observed_container *container;
    enum workload_state states[] = {WORKLOAD_CREATED, WORKLOAD_RUNNING, WORKLOAD_PAUSED,
                                    WORKLOAD_EXITED,  WORKLOAD_DEAD,    WORKLOAD_RUNNING,
                                    WORKLOAD_EXITED};
    int64_t now = scene->model.now_wall_ms;

    if (dice_roll(&scene->dice, 4) == 0) {
        return;
    }
    container = plan_model_container(
        dice_roll(&scene->dice, 2) == 0 ? scene->object : random_spec(scene), "web", "Instance",
        states[dice_roll(&scene->dice, ARRAY_SIZE(states))]);
    scene->model.container = container;
    container->is_ours = dice_roll(&scene->dice, 10) != 0;
    if (dice_roll(&scene->dice, 12) == 0) {
        container->object = observed_text(container, "somebody");
    }
    if (dice_roll(&scene->dice, 8) == 0) {
        container->image_id = observed_text(container, "sha256:2222222222222222");
    }
    if (dice_roll(&scene->dice, 4) != 0) {
        container->network = observed_text(container, scene->network);
        container->network_id =
            observed_text(container, dice_roll(&scene->dice, 4) == 0 ? "older" : "n0");
    }
    container->ports = observed_text(container, label);
    if (container_is_own(container, "Instance", "web")) {
        port_table_restore_label(&scene->ports, "Instance/web", label);
    }
    container->exit_code = dice_roll(&scene->dice, 3);
    container->started_wall_ms = now - 1000 * (int64_t)dice_roll(&scene->dice, 2000);
    container->finished_wall_ms = now - dice_roll(&scene->dice, 1000);
    container->has_log = dice_roll(&scene->dice, 2) == 0;
}

static void begin_memory(struct scene *scene)
{
    struct object_status *status;

    if (dice_roll(&scene->dice, 2) == 0) {
        return;
    }
    scene->model.status = status = status_new();
    status->phase = (enum phase)dice_roll(&scene->dice, PHASE_PENDING);
    status->container.id = dice_roll(&scene->dice, 2) == 0 ? "c0" : NULL;
    status->observed_hash = dice_roll(&scene->dice, 2) == 0 ? scene->object->hash : NULL;
    status->restarts.count = status->restarts.in_a_row = dice_roll(&scene->dice, 12);
    status->restarts.has_last = dice_roll(&scene->dice, 2) == 0;
    status->restarts.last_reason = dice_roll(&scene->dice, 2) == 0 ? "Error" : "Stopped";
    status->restarts.last_exit_code = dice_roll(&scene->dice, 3);
    status->restarts.last_finished_wall_ms =
        scene->model.container != NULL && dice_roll(&scene->dice, 2) == 0
            ? scene->model.container->finished_wall_ms
            : 1;
}

static void scene_begin(struct scene *scene, unsigned number)
{
    static const char *const reasons[] = {"EngineError", "PortInUse", "ImagePullFailed"};
    struct plan_model *model = &scene->model;

    memset(scene, 0, sizeof(*scene));
    world_at_hand = number;
    scene->dice.state = UINT64_C(88172645463325252) + number * UINT64_C(2654435769);
    model->now_wall_ms = INT64_C(1767355200000);
    model->key = "Instance/web";
    begin_ports(scene);
    model->ports = &scene->ports;
    scene->world = (struct world){
        .controller_id = MODEL_CONTROLLER,
        .idle_image = "berth/idle:0",
        .repository_image = "debian:12",
        .ports = &scene->ports,
    };
    wish(scene, random_spec(scene));
    scene->is_gone = dice_roll(&scene->dice, 8) == 0;
    model->image.state = dice_roll(&scene->dice, 2) == 0 ? IMAGE_ABSENT : IMAGE_PRESENT;
    model->image.id = MODEL_IMAGE_ID;
    model->has_network = dice_roll(&scene->dice, 3) != 0;
    begin_container(scene);
    begin_memory(scene);
    if (dice_roll(&scene->dice, 3) == 0) {
        model->failure = (struct observed_failure){
            .count = 1 + dice_roll(&scene->dice, 6),
            .is_permanent = dice_roll(&scene->dice, 4) == 0,
            .reason = reasons[dice_roll(&scene->dice, ARRAY_SIZE(reasons))],
            .message = "it did not work",
            .at_wall_ms = model->now_wall_ms - dice_roll(&scene->dice, 5000),
        };
    }
}

static void scene_end(struct scene *scene)
{
    plan_model_done(&scene->model);
    port_table_done(&scene->ports);
    free(scene->network);
    world_at_hand = 0;
}

static struct plan *decide(struct scene *scene)
{
    struct plan_model *model = &scene->model;
    struct instance_input input = {
        .name = "web",
        .desired = scene->is_gone ? NULL : scene->object,
        .should_retain =
            scene->is_gone && scene->object->instance.deletion_policy == DELETION_RETAIN,
        .container = model->container,
        .image = &model->image,
        .network = plan_model_network(model),
        .failure = &model->failure,
        .previous = model->status,
    };
    struct object_status *status = status_successor(model->status);
    struct plan *plan = plan_new();

    scene->world.now_wall_ms = model->now_wall_ms;
    instance_reconcile(&scene->world, &input, plan, status);
    plan_model_take_status(model, status);
    return plan;
}

/*
 * Passes until nothing is left to do, and the clock goes on to whatever is waited for. False: it
 * never ends.
 */
static bool come_to_rest(struct scene *scene)
{
    unsigned waits = 0;

    for (unsigned round = 0; round < MAX_ROUNDS;) {
        auto_owned(plan) *plan = decide(scene);

        if (plan->count > 0) {
            plan_model_apply(&scene->model, plan);
            round++;
        } else if (plan->wake_at_wall_ms == 0 || waits++ == 3) {
            return true;
        } else {
            assert_true(plan->wake_at_wall_ms > scene->model.now_wall_ms);
            scene->model.now_wall_ms = plan->wake_at_wall_ms;
        }
    }
    return false;
}

static bool is_foreign(const struct scene *scene)
{
    return scene->model.container != NULL &&
           !container_is_own(scene->model.container, "Instance", "web");
}

/* Whether there is nothing that only a person can change. */
static bool is_possible(const struct scene *scene)
{
    const struct instance_spec *spec = &scene->object->instance;

    for (size_t i = 0; i < spec->ports.count; i++) {
        const struct port_lease *lease =
            port_table_get(&scene->ports, (uint16_t)spec->ports.items[i].host_port,
                           (enum port_protocol)spec->ports.items[i].protocol);

        if (spec->ports.items[i].host_port != 0 && lease != NULL && lease->owner != NULL &&
            strcmp(lease->owner, "Instance/web") != 0) {
            return false;
        }
    }
    return spec->pull_policy != PULL_NEVER || scene->model.image.state == IMAGE_PRESENT;
}

/* It has ended, and its policy leaves it so. */
static bool is_finished(const struct scene *scene)
{
    return scene->object->instance.restart_policy != RESTART_ALWAYS &&
           scene->model.status->phase == PHASE_TERMINATED &&
           scene->model.status->conditions[CONDITION_READY].value == CONDITION_FALSE;
}

static void check_is_as_wanted(const struct scene *scene)
{
    const struct observed_container *container = scene->model.container;

    assert_non_null(container);
    assert_true(text_equal(container->hash, scene->object->container_hash));
    if (scene->object->instance.power_state == POWER_STOPPED) {
        assert_int_not_equal(container->state, WORKLOAD_RUNNING);
        assert_int_equal(scene->model.status->phase, PHASE_TERMINATED);
    } else if (scene->object->instance.power_state == POWER_SUSPENDED) {
        assert_int_equal(container->state, WORKLOAD_PAUSED);
        assert_int_equal(scene->model.status->phase, PHASE_SUSPENDED);
    } else {
        assert_int_equal(container->state, WORKLOAD_RUNNING);
        assert_int_equal(scene->model.status->phase, PHASE_RUNNING);
        assert_true(scene->model.has_network);
        assert_true(text_equal(container->network, scene->network));
        assert_string_equal(container->network_id, scene->model.network_id);
    }
    assert_int_equal(scene->model.status->conditions[CONDITION_READY].value, CONDITION_TRUE);
    assert_false(port_table_has_stale(&scene->ports, "Instance/web", scene->model.wanted_ports));
}

static void check_end(const struct scene *scene)
{
    const struct object_status *status = scene->model.status;

    if (is_foreign(scene)) {
        assert_true(scene->is_gone ||
                    status->conditions[CONDITION_STALLED].value == CONDITION_TRUE);
    } else if (scene->is_gone) {
        assert_null(scene->model.container);
        assert_false(port_table_has_owner(&scene->ports, "Instance/web"));
    } else if (scene->object->instance.is_suspended) {
        assert_string_equal(status->conditions[CONDITION_READY].reason, "Suspended");
    } else if (is_possible(scene) && !is_finished(scene)) {
        check_is_as_wanted(scene);
    }
}

/* A world at rest stays at rest, whatever the time. */
static void check_rest(struct scene *scene)
{
    for (int hours = 0; hours < 3; hours++) {
        auto_owned(plan) *plan = NULL;

        scene->model.now_wall_ms += 3600 * 1000;
        plan = decide(scene);
        assert_int_equal(plan->count, 0);
    }
}

static void every_world_comes_to_rest_as_wanted(void **state)
{
    (void)state;
    for (unsigned number = 1; number <= WORLDS; number++) {
        struct scene scene;

        scene_begin(&scene, number);
        assert_true(come_to_rest(&scene));
        check_end(&scene);
        check_rest(&scene);
        scene_end(&scene);
    }
}

static void what_is_not_ours_is_left_alone(void **state)
{
    unsigned seen = 0;

    (void)state;
    for (unsigned number = 1; number <= WORLDS; number++) {
        struct scene scene;
        const struct observed_container *container;

        scene_begin(&scene, number);
        container = scene.model.container;
        if (is_foreign(&scene)) {
            enum workload_state before = container->state;

            seen++;
            assert_true(come_to_rest(&scene));
            assert_ptr_equal(scene.model.container, container);
            assert_int_equal(container->state, before);
        }
        scene_end(&scene);
    }
    assert_true(seen > 100);
}

static void disturb(struct scene *scene)
{
    struct plan_model *model = &scene->model;
    struct observed_container *container = model->container;

    model->now_wall_ms += 1 + dice_roll(&scene->dice, 100000);
    switch (dice_roll(&scene->dice, 8)) {
    case 0: wish(scene, random_spec(scene)); return;
    case 1: observed_container_free(TAKE(model->container)); return;
    case 2: model->image.state = IMAGE_ABSENT; return;
    case 3:
        plan_model_remove_network(model);
        if (container != NULL && dice_roll(&scene->dice, 2) == 0) {
            container->network = observed_text(container, NULL);
        }
        return;
    case 4:
        if (container != NULL) {
            container->network = observed_text(container, NULL);
        }
        return;
    case 5:
        if (container != NULL && container->state == WORKLOAD_RUNNING) {
            container->state = WORKLOAD_PAUSED;
        }
        return;
    default:
        if (container != NULL && container->state == WORKLOAD_RUNNING) {
            container->state = WORKLOAD_EXITED;
            container->exit_code = dice_roll(&scene->dice, 3);
            container->finished_wall_ms = model->now_wall_ms;
        }
        return;
    }
}

static void whatever_happens_it_comes_back(void **state)
{
    (void)state;
    for (unsigned number = 1; number <= WORLDS / 4; number++) {
        struct scene scene;

        scene_begin(&scene, number);
        for (unsigned i = 0; i < DISTURBANCES; i++) {
            auto_owned(plan) *plan = decide(&scene);

            plan_model_apply(&scene.model, plan);
            disturb(&scene);
        }
        assert_true(come_to_rest(&scene));
        check_end(&scene);
        check_rest(&scene);
        scene_end(&scene);
    }
}

/* Whatever it was that failed: the next try waits, longer each time, and never for ever. */
static void what_failed_is_not_tried_again_before_its_time(void **state)
{
    unsigned failures = 0;

    (void)state;
    for (unsigned number = 1; number <= WORLDS / 4; number++) {
        struct scene scene;
        struct observed_failure *failure = &scene.model.failure;

        scene_begin(&scene, number);
        failure->count = 0;
        for (unsigned round = 0; round < MAX_ROUNDS; round++) {
            auto_owned(plan) *plan = decide(&scene);
            auto_owned(plan) *next = NULL;

            if (plan->operation == NULL) {
                plan_model_apply(&scene.model, plan); /* reading a log, at most */
                continue;
            }
            failures++;
            *failure = (struct observed_failure){
                .count = failure->count + 1,
                .reason = "EngineError",
                .message = "it did not work",
                .at_wall_ms = scene.model.now_wall_ms,
            };
            next = decide(&scene);
            assert_int_equal(next->count, 0);
            assert_true(next->wake_at_wall_ms > scene.model.now_wall_ms);
            assert_true(next->wake_at_wall_ms <= scene.model.now_wall_ms + RETRY_MAX_MS);
            scene.model.now_wall_ms = next->wake_at_wall_ms;
        }
        scene_end(&scene);
    }
    assert_true(failures > WORLDS);
}

/* Whatever the world is: it never counts as RUNNING, and is restarted later and later. */
static void a_post_start_hook_that_fails_is_a_crash(void **state)
{
    unsigned crashes = 0;

    (void)state;
    for (unsigned number = 1; number <= WORLDS / 4; number++) {
        struct scene scene;
        struct object_status *status;

        scene_begin(&scene, number);
        scene.model.hooks_fail = true;
        scene.model.failure.count = 0; /* the old one may serve on while an update is held back */
        for (unsigned round = 0; round < 2 * MAX_ROUNDS; round++) {
            auto_owned(plan) *plan = decide(&scene);

            status = scene.model.status;
            if (scene.object->instance.lifecycle.post_start != NULL && !scene.is_gone &&
                !is_foreign(&scene) && status->hooks->post_start.result != HOOK_SKIPPED) {
                assert_int_not_equal(status->phase, PHASE_RUNNING);
            }
            plan_model_apply(&scene.model, plan);
            scene.model.now_wall_ms =
                plan->count == 0 && plan->wake_at_wall_ms > scene.model.now_wall_ms
                    ? plan->wake_at_wall_ms
                    : scene.model.now_wall_ms + 1;
        }
        status = scene.model.status;
        if (text_equal(status->restarts.last_reason, "HookFailed")) {
            crashes++;
            assert_true(status->restarts.in_a_row >= 1);
            assert_non_null(strstr(status->restarts.last_message, "postStart hook failed"));
        }
        scene_end(&scene);
    }
    assert_true(crashes > WORLDS / 100);
}

/* Names whose ports lie anywhere in a small range: none is ever given twice. */
static void instances_never_share_a_port(void **state)
{
    struct port_table ports;
    struct object *object =
        object_from_text(HEAD "  ports: [{name: a, containerPort: 1}, {name: b, containerPort: 2},"
                              " {name: c, containerPort: 3, protocol: UDP}]\n");
    struct error err = {0};
    unsigned full = 0;

    (void)state;
    port_table_init(&ports);
    assert_int_equal(port_table_set_ranges(&ports, "30000-30019,31000-31019", &err), 0);
    for (unsigned i = 0; i < 30; i++) {
        auto_free char *name = xasprintf("vm-%u", i), *key = xasprintf("Instance/%s", name);
        struct plan_model model = {.ports = &ports,
                                   .key = key,
                                   .wanted_ports = &object->instance.ports,
                                   .has_network = true,
                                   .image = {.state = IMAGE_PRESENT, .id = MODEL_IMAGE_ID}};
        struct world world = {.controller_id = MODEL_CONTROLLER,
                              .ports = &ports,
                              .idle_image = "berth/idle:0",
                              .now_wall_ms = 1};
        struct instance_input input = {.name = name,
                                       .desired = object,
                                       .image = &model.image,
                                       .network = plan_model_network(&model),
                                       .failure = &model.failure};
        struct object_status *status = status_new();
        auto_owned(plan) *plan = plan_new();

        instance_reconcile(&world, &input, plan, status);
        full += plan->count == 0;
        plan_model_apply(&model, plan); /* ends the test when a port is somebody else's */
        status_free(status);
        plan_model_done(&model);
    }
    assert_int_equal(full, 10); /* 40 TCP ports are enough for 20 of them */
    object_unref(object);
    port_table_done(&ports);
}

static void its_image_is_its_own_or_the_idle_one(void **state)
{
    struct world world = {.idle_image = "berth/idle:0"};

    (void)state;
    assert_string_equal(instance_image(&world, specs[0]), "debian:12");
    assert_string_equal(instance_image(&world, specs[1]), "berth/idle:0");
}

static void the_event_of_a_start_that_was_seen_is_no_news(void **state)
{
    struct observed_container container = {.state = WORKLOAD_RUNNING, .started_wall_ms = 5000};

    (void)state;
    assert_true(container_shows_start(&container, 5000));
    assert_true(container_shows_start(&container, 5999));
    assert_false(container_shows_start(&container, 4999)); /* of an earlier start */
    assert_false(container_shows_start(&container, 6000)); /* of a later one */
    assert_false(container_shows_start(NULL, 5000));
    container.state = WORKLOAD_EXITED;
    assert_false(container_shows_start(&container, 5000));
    container = (struct observed_container){.state = WORKLOAD_RUNNING};
    assert_false(container_shows_start(&container, 0)); /* an engine that tells no times */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_post_start_hook_that_fails_is_a_crash),
        cmocka_unit_test(its_image_is_its_own_or_the_idle_one),
        cmocka_unit_test_teardown(every_world_comes_to_rest_as_wanted, tell_world),
        cmocka_unit_test_teardown(what_is_not_ours_is_left_alone, tell_world),
        cmocka_unit_test_teardown(whatever_happens_it_comes_back, tell_world),
        cmocka_unit_test_teardown(what_failed_is_not_tried_again_before_its_time, tell_world),
        cmocka_unit_test(instances_never_share_a_port),
        cmocka_unit_test(the_event_of_a_start_that_was_seen_is_no_news),
    };

    return cmocka_run_group_tests(tests, parse_specs, free_specs);
}
