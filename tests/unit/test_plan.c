#include "reconcilers/plan.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void every_action_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = ACTION_LEASE_PORT; a <= ACTION_REMOVE_TASK; a++) {
        assert_true(action_type_name((enum action_type)a)[0] != '\0');
        for (int b = ACTION_LEASE_PORT; b < a; b++) {
            assert_string_not_equal(action_type_name((enum action_type)a),
                                    action_type_name((enum action_type)b));
        }
    }
}

static void actions_keep_their_order_and_their_texts(void **state)
{
    auto_owned(plan) *plan = plan_new();
    char cause[] = "cause";

    (void)state;
    for (int i = 0; i < 20; i++) {
        auto_free char *target = xasprintf("target-%d", i);

        plan_add(plan, ACTION_START_CONTAINER, PHASE_STAGING, target, cause);
    }
    cause[0] = 'x'; /* copied */
    assert_int_equal(plan->count, 20);
    assert_string_equal(plan->actions[0]->target, "target-0");
    assert_string_equal(plan->actions[19]->target, "target-19");
    assert_string_equal(plan->actions[7]->cause, "cause");
    assert_int_equal(plan->actions[7]->phase, PHASE_STAGING);
}

static void the_first_operation_names_the_whole(void **state)
{
    auto_owned(plan) *plan = plan_new();

    (void)state;
    assert_null(plan->operation);
    plan_set_operation(plan, "create", "workspace does not exist");
    plan_set_operation(plan, "repair", "container was removed");
    assert_string_equal(plan->operation, "create");
    assert_string_equal(plan->cause, "workspace does not exist");
}

static void the_earliest_moment_wakes(void **state)
{
    auto_owned(plan) *plan = plan_new();

    (void)state;
    assert_int_equal(plan->wake_at_wall_ms, 0);
    plan_wake_at(plan, 500);
    plan_wake_at(plan, 700);
    assert_int_equal(plan->wake_at_wall_ms, 500);
    plan_wake_at(plan, 300);
    assert_int_equal(plan->wake_at_wall_ms, 300);
}

static void a_cleared_plan_does_nothing_but_wake(void **state)
{
    auto_owned(plan) *plan = plan_new();

    (void)state;
    plan_set_operation(plan, "create", "a");
    plan_add(plan, ACTION_START_CONTAINER, PHASE_STAGING, "web", "a");
    plan_wake_at(plan, 500);
    plan_clear(plan);
    assert_int_equal(plan->count, 0);
    assert_null(plan->operation);
    assert_int_equal(plan->wake_at_wall_ms, 500);
    plan_set_operation(plan, "stop", "b"); /* and can be filled again */
    plan_add(plan, ACTION_STOP_CONTAINER, PHASE_STOPPING, "web", "b");
    assert_string_equal(plan->operation, "stop");
    assert_string_equal(plan->cause, "b");
    assert_int_equal(plan->count, 1);
}

static void a_plan_reads_as_lines(void **state)
{
    auto_owned(plan) *plan = plan_new();
    auto_done(strbuf) out = {0};
    struct action *action;

    (void)state;
    plan_print(plan, &out);
    assert_int_equal(out.len, 0);
    plan_add(plan, ACTION_PULL_IMAGE, PHASE_PROVISIONING, "debian:12", "image does not exist");
    action = plan_add(plan, ACTION_LEASE_PORT, PHASE_PROVISIONING, "http", "new");
    action->port = 20014;
    action->host_ip = xstrdup("127.0.0.1");
    action = plan_add(plan, ACTION_LEASE_PORT, PHASE_PROVISIONING, "dns", "new");
    action->port = 53;
    action->protocol = PROTOCOL_UDP;
    action->host_ip = xstrdup("::1");
    action = plan_add(plan, ACTION_CREATE_CONTAINER, PHASE_PROVISIONING, "web", "new");
    action->workload = workload_new();
    action->workload->image = "debian:12";
    action = plan_add(plan, ACTION_CONNECT_NETWORK, PHASE_REPAIRING, "web", "lost");
    action->workload = workload_new();
    action->workload->network = "berth-a";
    action = plan_add(plan, ACTION_MAKE_TREE, PHASE_PREPARING, "fix-7", "new");
    action_set_source(action, &(struct tree_source){.commit = "0a1b2c3d4e5f60718293"});
    action = plan_add(plan, ACTION_MAKE_TREE, PHASE_PREPARING, "fix-8", "new");
    action_set_source(action, &(struct tree_source){.commit = "0a1b2c3d", .branch = "task/fix-8"});
    plan_print(plan, &out);
    assert_string_equal(strbuf_text(&out), "pull image debian:12 (image does not exist)\n"
                                           "lease port http = 127.0.0.1:20014/tcp (new)\n"
                                           "lease port dns = ::1:53/udp (new)\n"
                                           "create container web from debian:12 (new)\n"
                                           "connect network web to berth-a (lost)\n"
                                           "make tree fix-7 from 0a1b2c3d4e5f (new)\n"
                                           "make tree fix-8 from 0a1b2c3d on task/fix-8 (new)\n");
}

/* What was decided on outlives what it was decided from. */
static void actions_keep_copies_of_what_they_are_given(void **state)
{
    auto_owned(plan) *plan = plan_new();
    char commit[] = "0a1b2c3d", branch[] = "task/t", upstream[] = "main", layer[] = "l",
         word[] = "npm";
    const char *words[] = {word, "ci"};
    struct tree_source source = {commit, branch, upstream, 1000, 1001, layer};
    struct action *action = plan_add(plan, ACTION_MAKE_TREE, PHASE_PREPARING, "t", "new");

    (void)state;
    action_set_source(action, &source);
    action_set_command(action, &(struct text_list){words, 2});
    commit[0] = branch[0] = upstream[0] = layer[0] = word[0] = 'x';
    assert_string_equal(action->source.commit, "0a1b2c3d");
    assert_string_equal(action->source.branch, "task/t");
    assert_string_equal(action->source.upstream, "main");
    assert_string_equal(action->source.layer, "l");
    assert_int_equal(action->source.uid, 1000);
    assert_int_equal(action->source.gid, 1001);
    assert_int_equal(action->command.count, 2);
    assert_string_equal(action->command.items[0], "npm");
    source = (struct tree_source){.commit = "0a1b2c3d"};
    action_set_source(action, &source);
    assert_null(action->source.branch);
    assert_null(action->source.upstream);
    assert_null(action->source.layer);
}

static void nothing_is_freed_twice(void **state)
{
    (void)state;
    plan_free(NULL);
    workload_free(NULL);
    plan_free(plan_new());
}

static void a_workload_keeps_copies(void **state)
{
    struct workload *workload = workload_new();
    char text[] = "text";

    (void)state;
    for (int i = 0; i < 5; i++) {
        workload_add_label(workload, text, text);
        workload_add_mount(workload, text, "/data", i % 2 == 0, i % 3 == 0);
        workload_add_alias(workload, text);
        workload_add_port(workload,
                          &(struct workload_port){.container_port = (uint16_t)i, .host_ip = text});
    }
    text[0] = 'x';
    assert_int_equal(workload->labels.count, 5);
    assert_string_equal(workload->labels.items[4].key, "text");
    assert_int_equal(workload->mount_count, 5);
    assert_string_equal(workload->mounts[0].source, "text");
    assert_true(workload->mounts[2].is_volume);
    assert_true(workload->mounts[3].is_read_only);
    assert_int_equal(workload->aliases.count, 5);
    assert_string_equal(workload->aliases.items[3], "text");
    assert_int_equal(workload->port_count, 5);
    assert_int_equal(workload->ports[4].container_port, 4);
    assert_string_equal(workload->ports[4].host_ip, "text");
    workload_free(workload);
}

static void what_keeps_the_engine_busy_is_a_start_a_stop_or_neither(void **state)
{
    auto_owned(plan) *plan = plan_new();

    (void)state;
    assert_int_equal(plan_load_from(plan, 0), LOAD_NONE);
    plan_add(plan, ACTION_LEASE_PORT, PHASE_STAGING, "http", "cause");
    assert_int_equal(plan_load_from(plan, 0), LOAD_NONE);
    plan_add(plan, ACTION_STOP_CONTAINER, PHASE_STAGING, "web", "cause");
    plan_add(plan, ACTION_REMOVE_CONTAINER, PHASE_STAGING, "web", "cause");
    assert_int_equal(plan_load_from(plan, 0), LOAD_STOP);
    assert_int_equal(plan_load_from(plan, 3), LOAD_NONE);
    plan_add(plan, ACTION_CREATE_CONTAINER, PHASE_STAGING, "web", "cause");
    plan_add(plan, ACTION_START_CONTAINER, PHASE_STAGING, "web", "cause");
    plan_add(plan, ACTION_RUN_POST_START, PHASE_STAGING, "web", "cause");
    assert_int_equal(plan_load_from(plan, 0), LOAD_START); /* it is replaced */
    assert_int_equal(plan_load_from(plan, 2), LOAD_START);
    assert_int_equal(plan_load_from(plan, 5), LOAD_NONE); /* hooks are not the engine's work */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_action_has_a_name_of_its_own),
        cmocka_unit_test(actions_keep_their_order_and_their_texts),
        cmocka_unit_test(what_keeps_the_engine_busy_is_a_start_a_stop_or_neither),
        cmocka_unit_test(the_first_operation_names_the_whole),
        cmocka_unit_test(the_earliest_moment_wakes),
        cmocka_unit_test(a_cleared_plan_does_nothing_but_wake),
        cmocka_unit_test(a_plan_reads_as_lines),
        cmocka_unit_test(actions_keep_copies_of_what_they_are_given),
        cmocka_unit_test(nothing_is_freed_twice),
        cmocka_unit_test(a_workload_keeps_copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
