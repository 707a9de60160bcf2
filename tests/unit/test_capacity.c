#include "reconcilers/capacity.h"

#include "base/parse.h"
#include "reconcilers/instance.h"
#include "specs/reason.h"
#include "tests/unit/plan_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define SPEC "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: web-1}\nspec: "
#define PARENT "/berth/c0ffee/web-1"
#define SLICE "berth-c0ffee-web_1.slice"

enum { NOW_MS = 1000000 };

static const struct machine_limits one_cpu = {"web-1", 1000, 256 << 20, 4096};

/* One instance on an engine whose capacity is enforced somehow. */
struct scene {
    struct object *object;
    struct port_table ports;
    struct world world;
    struct observed_container *container;
    struct observed_machine machine;
    struct plan *plan;
    struct object_status *status;
};

static int make_scene(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    struct error err = {0};

    scene->object = object_from_text(SPEC "{machineType: custom-1-256, image: \"debian:12\"}\n");
    port_table_init(&scene->ports);
    port_table_set_ranges(&scene->ports, "20000-20009", &err);
    scene->world = (struct world){
        .controller_id = MODEL_CONTROLLER,
        .idle_image = "berth/idle:1",
        .ports = &scene->ports,
        .capacity = {.means = CAPACITY_DIRECTORIES, .cpu_count = 4},
        .now_wall_ms = NOW_MS,
    };
    *state = scene;
    return 0;
}

static int free_scene(void **state)
{
    struct scene *scene = *state;

    object_unref(scene->object);
    port_table_done(&scene->ports);
    observed_container_free(scene->container);
    plan_free(scene->plan);
    status_free(scene->status);
    free(scene);
    return 0;
}

static void decide(struct scene *scene)
{
    struct observed_image image = {.state = IMAGE_PRESENT, .id = MODEL_IMAGE_ID, .user = ""};
    struct observed_failure failure = {0};
    static char network_id[] = "n1";
    struct observed_network network = {.id = network_id};
    struct instance_input input = {
        .name = "web-1",
        .desired = scene->object,
        .container = scene->container,
        .image = &image,
        .network = &network,
        .machine = &scene->machine,
        .failure = &failure,
    };

    plan_free(scene->plan);
    status_free(scene->status);
    scene->plan = plan_new();
    scene->status = status_new();
    instance_reconcile(&scene->world, &input, scene->plan, scene->status);
}

static void put_container(struct scene *scene, enum workload_state workload_state,
                          const char *parent)
{
    observed_container_free(scene->container);
    scene->container = plan_model_container(scene->object, "web-1", "Instance", workload_state);
    scene->container->network = observed_text(scene->container, "berth-us-central1-a-c0ffee");
    scene->container->network_id = observed_text(scene->container, "n1");
    scene->container->cgroup_parent = observed_text(scene->container, parent);
    decide(scene);
}

static void assert_plan(const struct scene *scene, const char *expected)
{
    auto_done(strbuf) text = {0};

    plan_print(scene->plan, &text);
    assert_string_equal(text.len > 0 ? text.text : "", expected);
}

static void assert_condition(const struct scene *scene, enum condition_value value,
                             const char *reason, const char *part)
{
    const struct condition *is = &scene->status->conditions[CONDITION_CAPACITY_ENFORCED];

    assert_int_equal(is->value, value);
    if (value != CONDITION_ABSENT) {
        assert_string_equal(is->reason, reason);
        assert_non_null(strstr(is->message, part));
    }
}

static const struct observed_machine bound = {.has_cgroup = true,
                                              .cpu_milli = 1000,
                                              .memory_bytes = 256 << 20,
                                              .pids = 4096,
                                              .has_container = true};

static void a_machine_type_is_narrowed_by_the_resources(void **state)
{
    static const struct {
        const char *spec;
        int64_t cpu_milli, memory_mib, pids;
    } rows[] = {
        {SPEC "{machineType: custom-2-512}\n", 2000, 512, 4096},
        {SPEC "{machineType: e2-micro}\n", 250, 1024, 4096},
        {SPEC "{machineType: custom-2-512, resources: {cpus: 0.5, memory: 128Mi, pids: 50}}\n", 500,
         128, 50},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct object *object = object_from_text(rows[i].spec);
        struct machine_limits limits;

        capacity_of_instance(object, &limits);
        assert_string_equal(limits.name, "web-1");
        assert_int_equal(limits.cpu_milli, rows[i].cpu_milli);
        assert_int_equal(limits.memory_bytes >> 20, rows[i].memory_mib);
        assert_int_equal(limits.pids, rows[i].pids);
        object_unref(object);
    }
}

static void limits_are_shown_as_people_write_them(void **state)
{
    static const struct {
        int64_t cpu_milli;
        const char *text;
    } rows[] = {
        {1000, "1 CPU, 256 MiB, 30 processes"},    {250, "0.25 CPUs, 256 MiB, 30 processes"},
        {2500, "2.5 CPUs, 256 MiB, 30 processes"}, {1005, "1.005 CPUs, 256 MiB, 30 processes"},
        {16000, "16 CPUs, 256 MiB, 30 processes"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct machine_limits limits = {"x", rows[i].cpu_milli, 256 << 20, 30};
        auto_free char *text = machine_limits_text(&limits);

        assert_string_equal(text, rows[i].text);
    }
}

static void the_parent_follows_from_controller_instance_and_driver(void **state)
{
    struct scene *scene = *state;
    auto_free char *directory = capacity_parent(&scene->world, "web-1");
    auto_free char *slice = NULL, *none = NULL;

    scene->world.capacity.means = CAPACITY_SLICES;
    slice = capacity_parent(&scene->world, "web-1");
    scene->world.capacity.means = CAPACITY_ACCOUNTED;
    none = capacity_parent(&scene->world, "web-1");
    assert_string_equal(directory, PARENT);
    assert_string_equal(slice, SLICE);
    assert_null(none);
}

static void a_slice_tells_whose_it_is_and_strangers_are_nobodys(void **state)
{
    static const struct {
        const char *slice, *instance;
    } rows[] = {
        {SLICE, "web-1"},
        {"berth-c0ffee-a.slice", "a"},
        {"berth-c0ffee.slice", NULL},
        {"berth-c0ffee-.slice", NULL},
        {"berth-c0ffee-a-b.slice", NULL},
        {"berth-c0ffe1-a.slice", NULL},
        {"berth-c0ffee-a.scope", NULL},
        {"system.slice", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *instance = capacity_instance_of_slice(MODEL_CONTROLLER, rows[i].slice);

        assert_true(text_equal(instance, rows[i].instance));
    }
}

static void equal_limits_are_equal_also_when_memory_is_rounded_to_pages(void **state)
{
    static const struct {
        struct observed_machine machine;
        bool is_equal;
    } rows[] = {
        {{true, 1000, 256 << 20, 4096, true, NULL, 0}, true},
        {{true, 1000, (256 << 20) - 4095, 4096, false, NULL, 0}, true},
        {{false, 1000, 256 << 20, 4096, true, NULL, 0}, false},
        {{true, 999, 256 << 20, 4096, true, NULL, 0}, false},
        {{true, 0, 256 << 20, 4096, true, NULL, 0}, false},
        {{true, 1000, 255 << 20, 4096, true, NULL, 0}, false},
        {{true, 1000, 0, 4096, true, NULL, 0}, false},
        {{true, 1000, 256 << 20, 0, true, NULL, 0}, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(capacity_has_limits(&rows[i].machine, &one_cpu), rows[i].is_equal);
    }
}

static void every_start_comes_after_the_limits(void **state)
{
    struct scene *scene = *state;

    decide(scene);
    assert_plan(scene, "create container web-1 from debian:12 (container does not exist)\n"
                       "limit machine web-1 = 1 CPU, 256 MiB, 4096 processes (container does not "
                       "exist)\n"
                       "start container web-1 (container does not exist)\n");
    assert_string_equal(scene->plan->actions[0]->workload->cgroup_parent, PARENT);
    assert_condition(scene, CONDITION_UNKNOWN, "NotRunning", "runs");
    put_container(scene, WORKLOAD_CREATED, PARENT);
    assert_plan(scene, "limit machine web-1 = 1 CPU, 256 MiB, 4096 processes (container was "
                       "created)\n"
                       "start container web-1 (container was created)\n");
}

static void a_host_with_fewer_processors_bounds_to_what_it_has(void **state)
{
    struct scene *scene = *state;

    object_unref(scene->object);
    scene->object = object_from_text(SPEC "{machineType: custom-32-256, image: \"debian:12\"}\n");
    decide(scene);
    assert_int_equal(scene->plan->actions[1]->limits.cpu_milli, 4000);
    scene->world.capacity.cpu_count = 0;
    decide(scene);
    assert_int_equal(scene->plan->actions[1]->limits.cpu_milli, 32000);
}

/* It keeps no parts of a percent, and the kernel wants no child with more than its parent. */
static void systemd_gets_whole_percents_rounded_up(void **state)
{
    static const int64_t rows[][2] = {{333, 340}, {250, 250}, {1, 10}};
    struct scene *scene = *state;

    scene->world.capacity.means = CAPACITY_SLICES;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct object *own = scene->object;
        struct resources *resources = &own->instance.resources;
        int64_t before = resources->cpu_milli;

        resources->cpu_milli = rows[i][0];
        decide(scene);
        resources->cpu_milli = before;
        assert_int_equal(scene->plan->actions[1]->limits.cpu_milli, rows[i][1]);
    }
}

static void what_was_seen_below_its_cgroup_is_enforced(void **state)
{
    struct scene *scene = *state;

    scene->machine = bound;
    put_container(scene, WORKLOAD_RUNNING, PARENT);
    assert_plan(scene, "");
    assert_condition(scene, CONDITION_TRUE, "ParentCgroup",
                     PARENT ": 1 CPU, 256 MiB, 4096 processes");
    scene->machine.has_container = false;
    decide(scene);
    assert_plan(scene, "");
    assert_condition(scene, CONDITION_FALSE, REASON_NOT_SEEN, PARENT);
}

static void limits_that_somebody_changed_are_set_again_and_not_in_a_loop(void **state)
{
    struct scene *scene = *state;

    scene->machine = bound;
    scene->machine.pids = 0;
    put_container(scene, WORKLOAD_RUNNING, PARENT);
    assert_plan(scene, "limit machine web-1 = 1 CPU, 256 MiB, 4096 processes (its limits are not "
                       "those of the instance)\n");
    assert_null(scene->plan->operation);
    assert_condition(scene, CONDITION_FALSE, REASON_LIMIT_FAILED, "4096 processes");
    scene->machine.failure = "no space";
    scene->machine.failed_at_wall_ms = NOW_MS - 1;
    decide(scene);
    assert_plan(scene, "");
    assert_int_equal(scene->plan->wake_at_wall_ms, NOW_MS - 1 + 60000);
    assert_condition(scene, CONDITION_FALSE, REASON_LIMIT_FAILED, "no space");
    scene->machine.failed_at_wall_ms = NOW_MS - 60000;
    decide(scene);
    assert_int_equal(scene->plan->count, 1);
}

/* Enforcement that begins or ends is no reason to interrupt what runs. */
static void a_container_of_another_parent_stays_until_it_is_made_anew(void **state)
{
    static const char *const parents[] = {"", "/elsewhere", SLICE};
    struct scene *scene = *state;

    for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
        put_container(scene, WORKLOAD_RUNNING, parents[i]);
        assert_plan(scene, "");
        assert_condition(scene, CONDITION_FALSE, REASON_RECREATE_NEEDED, PARENT);
    }
    scene->world.capacity =
        (struct capacity){.reason = REASON_REMOTE_ENGINE, .message = "far away"};
    put_container(scene, WORKLOAD_RUNNING, PARENT);
    assert_plan(scene, "");
    assert_condition(scene, CONDITION_FALSE, REASON_REMOTE_ENGINE, "far away");
    put_container(scene, WORKLOAD_CREATED, PARENT);
    assert_plan(scene, "start container web-1 (container was created)\n");
}

/* The engine could not start it. */
static void a_parent_for_another_driver_is_replaced_before_the_start(void **state)
{
    struct scene *scene = *state;

    scene->world.capacity.means = CAPACITY_SLICES;
    put_container(scene, WORKLOAD_CREATED, PARENT);
    assert_string_equal(scene->plan->operation, "update");
    assert_string_equal(scene->plan->cause, "the engine's cgroup driver changed");
    assert_string_equal(scene->plan->actions[1]->workload->cgroup_parent, SLICE);
    put_container(scene, WORKLOAD_CREATED, SLICE);
    assert_string_equal(scene->plan->operation, "start");
    scene->world.capacity.means = CAPACITY_DIRECTORIES;
    decide(scene);
    assert_string_equal(scene->plan->operation, "update");
    put_container(scene, WORKLOAD_CREATED, "");
    assert_string_equal(scene->plan->operation, "start");
}

static void nothing_is_said_before_the_engine_is_known(void **state)
{
    struct scene *scene = *state;

    scene->world.capacity = (struct capacity){0};
    put_container(scene, WORKLOAD_RUNNING, "");
    assert_condition(scene, CONDITION_ABSENT, NULL, NULL);
    assert_plan(scene, "");
}

#define SCENE_TEST(test) cmocka_unit_test_setup_teardown(test, make_scene, free_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_type_is_narrowed_by_the_resources),
        cmocka_unit_test(limits_are_shown_as_people_write_them),
        SCENE_TEST(the_parent_follows_from_controller_instance_and_driver),
        cmocka_unit_test(a_slice_tells_whose_it_is_and_strangers_are_nobodys),
        cmocka_unit_test(equal_limits_are_equal_also_when_memory_is_rounded_to_pages),
        SCENE_TEST(every_start_comes_after_the_limits),
        SCENE_TEST(a_host_with_fewer_processors_bounds_to_what_it_has),
        SCENE_TEST(systemd_gets_whole_percents_rounded_up),
        SCENE_TEST(what_was_seen_below_its_cgroup_is_enforced),
        SCENE_TEST(limits_that_somebody_changed_are_set_again_and_not_in_a_loop),
        SCENE_TEST(a_container_of_another_parent_stays_until_it_is_made_anew),
        SCENE_TEST(a_parent_for_another_driver_is_replaced_before_the_start),
        SCENE_TEST(nothing_is_said_before_the_engine_is_known),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
