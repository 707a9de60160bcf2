#include "reconcilers/setup.h"

#include "base/memory.h"
#include "base/parse.h"
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

/*
 * The decisions themselves are in tests/cases/plans/setup-*, and where they lead in
 * test_repository.
 */

#define C1 "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
#define C2 "0a1b2c3d4e5f0718293a4b5c6d7e8f9012345678" /* the same at the beginning */

static struct object *with(const char *rest)
{
    auto_free char *text = xasprintf("apiVersion: berth.dev/v1\nkind: Repository\n"
                                     "metadata: {name: p}\nspec:\n"
                                     "  url: https://git.example/org/project.git\n  %s\n",
                                     rest);

    return object_from_text(text);
}

/*
 * --- names
 * ----------------------------------------------------------------------------------------
 */

/* Layers are shared by name: whatever makes another result makes another name. */
static void whatever_makes_another_layer_makes_another_name(void **state)
{
    static const struct {
        const char *settings, *image, *commit;
        int64_t uid;
        enum trees_method method;
    } rows[] = {
        {"setup: {command: [npm, ci]}", "i1", C1, 0, TREES_OVERLAY},
        {"setup: {command: [npm, ci]}", "i1", C1, 0, TREES_COPY},
        {"setup: {command: [npm, ci]}", "i1", C1, 1000, TREES_OVERLAY},
        {"setup: {command: [npm, ci]}", "i1", C2, 0, TREES_OVERLAY},
        {"setup: {command: [npm, ci]}", "i2", C1, 0, TREES_OVERLAY},
        {"setup: {command: [npm ci]}", "i1", C1, 0, TREES_OVERLAY},
        {"setup: {command: [npm, c, i]}", "i1", C1, 0, TREES_OVERLAY},
        {"setup: {command: [npm, ci, \"\"]}", "i1", C1, 0, TREES_OVERLAY},
        {"setup: {command: [np, mci]}", "i1", C1, 0, TREES_OVERLAY},
        {"setup: {command: [i1, npm, ci]}", NULL, C1, 0, TREES_OVERLAY},
    };
    char keys[ARRAY_SIZE(rows)][SETUP_KEY_SIZE], again[SETUP_KEY_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct object *settings = with(rows[i].settings);

        setup_layer_key(settings, rows[i].image, rows[i].commit, rows[i].uid, rows[i].method,
                        keys[i]);
        assert_string_equal(setup_layer_key(settings, rows[i].image, rows[i].commit, rows[i].uid,
                                            rows[i].method, again),
                            keys[i]);
        assert_true(text_has_prefix(keys[i], "0a1b2c3d4e5f-"));
        assert_int_equal(setup_layer_is_complete(keys[i]), rows[i].method == TREES_COPY);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(keys[i], keys[j]);
        }
        object_unref(settings);
    }
}

/* How long it may take is no part of what it makes. */
static void the_timeout_makes_no_other_layer(void **state)
{
    struct object *first = with("setup: {command: [npm, ci]}");
    struct object *second = with("setup: {command: [npm, ci], timeoutSeconds: 60}");
    char a[SETUP_KEY_SIZE], b[SETUP_KEY_SIZE];

    (void)state;
    assert_string_equal(setup_layer_key(first, "i", C1, 0, TREES_OVERLAY, a),
                        setup_layer_key(second, "i", C1, 0, TREES_OVERLAY, b));
    object_unref(first);
    object_unref(second);
}

static void what_a_container_must_have_had_is_of_no_commit(void **state)
{
    struct object *first = with("setup: {command: [npm, ci]}");
    struct object *second = with("setup: {command: [npm, install]}");
    char a[SETUP_KEY_SIZE], b[SETUP_KEY_SIZE];

    (void)state;
    assert_int_equal(strlen(setup_text_key(first, "i", a)), 12);
    assert_string_not_equal(a, setup_text_key(second, "i", b));
    assert_string_not_equal(a, setup_text_key(first, "j", b));
    assert_string_equal(a, setup_text_key(first, "i", b));
    object_unref(first);
    object_unref(second);
}

static void runs_are_of_one_layer_in_one_container(void **state)
{
    auto_free char *a = setup_run_id("l", "0123456789abcdef"), *b = setup_run_id("l", "1123456789");
    auto_free char *c = setup_run_id("m", "0123456789abcdef"), *d = setup_run_id("l", "c1");

    (void)state;
    assert_string_equal(a, "setup-l-01234567");
    assert_string_equal(d, "setup-l-c1");
    assert_string_not_equal(a, b);
    assert_string_not_equal(a, c);
}

/*
 * --- the image
 * --------------------------------------------------------------------------------------
 */

static void an_image_is_kept_where_that_is_wanted(void **state)
{
    static const struct {
        const char *settings, *image, *commit;
        bool is_wanted;
    } rows[] = {
        {"setup: {command: [npm, ci]}", "i", C1, false},
        {"snapshot: {enabled: true}", "i", C1, false},
        {"{setup: {command: [npm, ci]}, snapshot: {enabled: false}}", "i", C1, false},
        {"{setup: {command: [npm, ci]}, snapshot: {enabled: true}}", "i", C1, true},
        {"{setup: {command: [npm, ci]}, snapshot: {enabled: true}}", "i", NULL, true},
        {"{setup: {command: [npm, ci]}, snapshot: {enabled: true}}", NULL, C1, false},
        {"{setup: {command: [npm, ci]}, snapshot: {enabled: true, policy: OnEachCommit}}", "i", C1,
         true},
        {"{setup: {command: [npm, ci]}, snapshot: {enabled: true, policy: OnEachCommit}}", "i",
         NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool is_map = rows[i].settings[0] == '{';
        auto_free char *text =
            is_map ? xasprintf("apiVersion: berth.dev/v1\nkind: Repository\nmetadata: {name: p}\n"
                               "spec: {url: \"https://h/o/r\", %s\n",
                               rows[i].settings + 1)
                   : NULL;
        struct object *settings = is_map ? object_from_text(text) : with(rows[i].settings);
        auto_free char *image =
            setup_snapshot_image(settings, rows[i].image, "repo-x", rows[i].commit);

        assert_int_equal(image != NULL, rows[i].is_wanted);
        if (image != NULL) {
            assert_true(text_has_prefix(image, "berth/repo-x:"));
            assert_int_equal(strlen(image), strlen("berth/repo-x:") + 12);
        }
        object_unref(settings);
    }
}

static void the_policy_says_whether_a_commit_makes_another_image(void **state)
{
    static const char *const policies[] = {"OnSetupChange", "OnEachCommit"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
        auto_free char *rest = xasprintf(
            "setup: {command: [npm, ci]}\n  snapshot: {enabled: true, policy: %s}", policies[i]);
        struct object *settings = with(rest);
        auto_free char *first = setup_snapshot_image(settings, "i", "r", C1);
        auto_free char *second = setup_snapshot_image(settings, "i", "r", C2);
        auto_free char *other = setup_snapshot_image(settings, "j", "r", C1);

        assert_int_equal(strcmp(first, second) == 0, i == 0);
        assert_string_not_equal(first, other);
        object_unref(settings);
    }
}

/*
 * --- what is next
 * -----------------------------------------------------------------------------------
 */

static void the_first_that_is_not_prepared_is_next(void **state)
{
    const struct setup_wish wishes[] = {
        {.commit = "a", .has_layer = true}, {.commit = "b"}, {.commit = "c"}};
    struct setup_input input = {.wishes = wishes, .wish_count = 3, .is_prepared = true};

    (void)state;
    assert_ptr_equal(setup_next(&input), &wishes[1]);
    input.is_prepared = false;
    assert_ptr_equal(setup_next(&input), &wishes[0]); /* the container needs it, too */
    input.is_prepared = true;
    input.wish_count = 1;
    assert_null(setup_next(&input));
    input.is_prepared = false;
    input.wish_count = 0;
    assert_null(setup_next(&input));
}

static void a_task_is_told_what_its_setup_does(void **state)
{
    struct object *settings = with("setup: {command: [npm, ci]}"), *none = with("warm: false");
    auto_owned(object_status) *status = status_new();
    struct task_setup setup;

    (void)state;
    assert_int_equal(setup_for_task(none, status, "l", true, true).state, SETUP_NONE);
    setup = setup_for_task(settings, NULL, "l", true, true);
    assert_int_equal(setup.state, SETUP_READY);
    assert_string_equal(setup.layer, "l");
    assert_int_equal(setup_for_task(settings, NULL, "l", true, false).state, SETUP_WAITING);
    setup = setup_for_task(settings, NULL, "l", false, true);
    assert_int_equal(setup.state, SETUP_WAITING);
    assert_non_null(setup.message);
    status_set_progressing(status, "Waiting", "waits for the container");
    setup = setup_for_task(settings, status, "l", false, true);
    assert_string_equal(setup.message, "waits for the container");
    status_begin_operation(status, "setup", "c", 1);
    status->operation.message = "its command runs";
    setup = setup_for_task(settings, status, "l", false, true);
    assert_int_equal(setup.state, SETUP_WAITING);
    assert_string_equal(setup.message, "its command runs");
    status_set_stalled(status, "SetupFailed", "exited with code 1");
    setup = setup_for_task(settings, status, "l", false, true);
    assert_int_equal(setup.state, SETUP_FAILED);
    assert_string_equal(setup.message, "exited with code 1");
    /* another commit failed: this one is ready all the same */
    assert_int_equal(setup_for_task(settings, status, "l", true, true).state, SETUP_READY);
    object_unref(settings);
    object_unref(none);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_makes_another_layer_makes_another_name),
        cmocka_unit_test(the_timeout_makes_no_other_layer),
        cmocka_unit_test(what_a_container_must_have_had_is_of_no_commit),
        cmocka_unit_test(runs_are_of_one_layer_in_one_container),
        cmocka_unit_test(an_image_is_kept_where_that_is_wanted),
        cmocka_unit_test(the_policy_says_whether_a_commit_makes_another_image),
        cmocka_unit_test(the_first_that_is_not_prepared_is_next),
        cmocka_unit_test(a_task_is_told_what_its_setup_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
