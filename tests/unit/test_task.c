#include "reconcilers/task.h"

#include "base/memory.h"
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

/* The decisions themselves are in tests/cases/plans, and where they lead in test_repository. */

#define TASK                                                                                       \
    "apiVersion: berth.dev/v1\nkind: Task\nmetadata: {name: t}\n"                                  \
    "spec:\n  repository: https://git.example/org/project.git\n"

static const int64_t now_wall_ms = INT64_C(1767355200000);

static void a_task_is_over_when_it_has_ended(void **state)
{
    (void)state;
    assert_false(task_is_over(NULL));
    for (int phase = PHASE_UNKNOWN; phase <= PHASE_INVALID; phase++) {
        struct object_status status = {.phase = (enum phase)phase};

        assert_int_equal(task_is_over(&status), phase == PHASE_SUCCEEDED || phase == PHASE_FAILED);
    }
}

static void a_task_holds_its_container_while_it_needs_it(void **state)
{
    enum spec { GONE, ACTIVE, COMPLETED, SUSPENDED };
    static const struct {
        const char *what;
        enum spec spec;
        enum phase phase;
        unsigned attempt;
        const char *stalled;
        bool is_active;
    } rows[] = {
        {"new", ACTIVE, PHASE_UNKNOWN, 0, NULL, true},
        {"waits", ACTIVE, PHASE_PENDING, 0, NULL, true},
        {"runs", ACTIVE, PHASE_TASK_RUNNING, 1, NULL, true},
        {"open session", ACTIVE, PHASE_TASK_RUNNING, 0, NULL, true},
        {"succeeded", ACTIVE, PHASE_SUCCEEDED, 1, NULL, false},
        {"failed", ACTIVE, PHASE_FAILED, 1, NULL, false},
        {"its clone fails", ACTIVE, PHASE_PREPARING, 0, REASON_CLONE_FAILED, true},
        {"on another branch", ACTIVE, PHASE_PENDING, 0, REASON_BRANCH_CONFLICT, false},
        {"not before it starts", SUSPENDED, PHASE_PENDING, 0, NULL, false},
        {"suspended while it runs", SUSPENDED, PHASE_TASK_RUNNING, 1, NULL, true},
        {"completed before it started", COMPLETED, PHASE_PENDING, 0, NULL, false},
        {"completed, still runs", COMPLETED, PHASE_TASK_RUNNING, 1, NULL, true},
        {"gone before it started", GONE, PHASE_PENDING, 0, NULL, false},
        {"gone, still runs", GONE, PHASE_TASK_RUNNING, 1, NULL, true},
        {"gone session", GONE, PHASE_TASK_RUNNING, 0, NULL, false},
    };
    static const char *const texts[] = {NULL, TASK, TASK "  state: Completed\n",
                                        TASK "  suspend: true\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *text = texts[rows[i].spec];
        struct object *desired = text != NULL ? object_from_text(text) : NULL;
        auto_owned(object_status) *status = status_new();

        status->phase = rows[i].phase;
        status_task(status)->attempt = rows[i].attempt;
        if (rows[i].stalled != NULL) {
            status_set_stalled(status, rows[i].stalled, "m");
        }
        if (task_is_active(desired, status) != rows[i].is_active) {
            fail_msg("%s", rows[i].what);
        }
        object_unref(desired);
    }
}

static void a_new_task_is_active_before_its_first_pass(void **state)
{
    struct object *desired = object_from_text(TASK);

    (void)state;
    assert_true(task_is_active(desired, NULL));
    assert_false(task_is_active(NULL, NULL));
    object_unref(desired);
}

/* A pass of a task that is seen for the first time at this moment. */
static void pass_first(const char *name, int64_t at_wall_ms, struct object_status *status)
{
    static const struct observed_trees no_trees;
    static const struct observed_shared_tree no_tree;
    static const struct observed_attempt no_attempt;
    static const struct observed_failure no_failure;
    auto_free char *text = xasprintf("apiVersion: berth.dev/v1\nkind: Task\nmetadata: {name: %s}\n"
                                     "spec: {repository: \"https://h/o/r\"}\n",
                                     name);
    struct object *desired = object_from_text(text);
    struct task_input input = {
        .name = name,
        .desired = desired,
        .repository = "repo-o-r-123456",
        .trees = &no_trees,
        .shared = &no_tree,
        .attempt = &no_attempt,
        .failure = &no_failure,
    };
    struct world world = {.now_wall_ms = at_wall_ms};
    auto_owned(plan) *plan = plan_new();

    task_reconcile(&world, &input, plan, status);
    assert_int_equal(plan->count, 0);
    object_unref(desired);
}

/* The caller's to free. */
static char *id_of(const char *name, int64_t at_wall_ms)
{
    auto_owned(object_status) *status = status_new();

    pass_first(name, at_wall_ms, status);
    return xstrdup(status->task->id);
}

/*
 * A child that died made a tree anew later: the status of the task that went on says nothing of it
 * any more.
 */
static void when_nothing_waits_for_its_next_try_none_is_named(void **state)
{
    auto_owned(object_status) *status = status_new();

    (void)state;
    status->restarts.next_retry_wall_ms = now_wall_ms - 5000;
    pass_first("a", now_wall_ms, status);
    assert_int_equal(status->restarts.next_retry_wall_ms, 0);
}

/* It names a directory with records and a log: no two tasks may ever have the same one. */
static void every_incarnation_of_a_task_has_an_id_of_its_own(void **state)
{
    static const char long_a[] = "a-very-long-name-of-a-task-that-goes-on-and-on-until-it-is-at-a";
    static const char long_b[] = "a-very-long-name-of-a-task-that-goes-on-and-on-until-it-is-at-b";
    const char *names[] = {"a", "a-b", "b", long_a, long_b};
    char *ids[2 * ARRAY_SIZE(names)];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        ids[i] = id_of(names[i / 2], now_wall_ms + (int64_t)(i % 2));
        assert_true(object_name_is_valid(ids[i]));
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(ids[i], ids[j]);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        free(ids[i]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_is_over_when_it_has_ended),
        cmocka_unit_test(a_task_holds_its_container_while_it_needs_it),
        cmocka_unit_test(a_new_task_is_active_before_its_first_pass),
        cmocka_unit_test(every_incarnation_of_a_task_has_an_id_of_its_own),
        cmocka_unit_test(when_nothing_waits_for_its_next_try_none_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
