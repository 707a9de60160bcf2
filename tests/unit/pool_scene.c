#include "pool_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

void scene_init(struct scene *scene)
{
    *scene = (struct scene){
        .spec = {.min_instances = 1,
                 .max_instances = 5,
                 .max_tasks_per_instance = 10,
                 .target_utilization_milli = 800,
                 .scale_down_delay_seconds = 300,
                 .max_unavailable = 1},
        .input = {.key = "InstancePool/web", .now_wall_ms = now_wall_ms},
    };
    scene->input.spec = &scene->spec;
    scene->input.members = scene->members;
    scene->input.previous = &scene->previous;
}

void scene_done(struct scene *scene)
{
    pool_decision_done(&scene->decision);
}

struct pool_member *add_member(struct scene *scene, enum member_state state, unsigned tasks)
{
    unsigned number = (unsigned)scene->input.member_count;
    struct pool_member *member = &scene->members[number];

    *member = (struct pool_member){
        .number = number,
        .state = state,
        .active_tasks = tasks,
        .repositories = tasks > 0 ? 1 : 0,
        .created_wall_ms = now_wall_ms - 10 * HOUR + number,
        .ready_wall_ms = state == MEMBER_READY ? now_wall_ms - 9 * HOUR : 0,
        .failed_wall_ms = state == MEMBER_FAILED ? now_wall_ms - MINUTE + number : 0,
    };
    scene->input.member_count++;
    return member;
}

void add_members(struct scene *scene, unsigned count, enum member_state state, unsigned tasks)
{
    for (unsigned i = 0; i < count; i++) {
        add_member(scene, state, tasks);
    }
}

void decide(struct scene *scene)
{
    pool_decision_done(&scene->decision);
    pool_decide(&scene->input, &scene->decision);
}

void decide_later(struct scene *scene, int64_t ms)
{
    scene->previous = scene->decision.status;
    scene->input.now_wall_ms += ms;
    decide(scene);
}

void expect_orders(const struct scene *scene, const char *orders)
{
    char text[32] = {0};

    for (size_t i = 0; i < scene->input.member_count; i++) {
        text[i] = "-dur"[scene->decision.orders[i]];
    }
    assert_string_equal(text, orders);
}

void expect_created(const struct scene *scene, size_t count, const unsigned *numbers)
{
    assert_int_equal(scene->decision.created_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(scene->decision.created[i], numbers[i]);
    }
}
