#include "cli/targets.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

struct fixture {
    char root[32];
    char *specs, *state;
    struct places places;
};

static void write_file(const char *directory, const char *name, const char *text)
{
    auto_free char *path = path_join(directory, name);
    struct error err = {0};

    assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), 0644, FILE_VISIBLE, &err), 0);
}

static int set_up(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    struct error err = {0};

    snprintf(fixture->root, sizeof(fixture->root), "/tmp/targets-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    fixture->specs = xasprintf("%s/specs", fixture->root);
    fixture->state = xasprintf("%s/state", fixture->root);
    assert_int_equal(dir_make(fixture->specs, 0700, &err), 0);
    assert_int_equal(dir_make(fixture->state, 0700, &err), 0);
    fixture->places = (struct places){.specs = fixture->specs, .state = fixture->state};
    write_file(fixture->specs, "a.status.yaml",
               "kind: Task\nmetadata: {name: fix}\n"
               "status: {phase: Running, task: {id: fix-1}}\n"
               "---\nkind: Repository\nmetadata: {name: both}\nstatus: {}\n"
               "---\nkind: Instance\nmetadata: {name: both}\nstatus: {container: {id: abc}}\n");
    write_file(fixture->specs, "b.status.yaml",
               "kind: InstancePool\nmetadata: {name: farm}\nstatus:\n  members:\n"
               "  - {kind: Instance, metadata: {name: farm-0}, status: {container: {id: m0}}}\n");
    /* refused for its name, and first in the order of files */
    write_file(fixture->specs, "0.status.yaml",
               "kind: Task\nmetadata: {name: fix}\n"
               "status: {phase: Invalid, error: {reason: DuplicateObject}}\n");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};

    tree_remove(fixture->root, &err);
    free(fixture->specs);
    free(fixture->state);
    free(fixture);
    return 0;
}

static void objects_are_found_by_kind_and_name(void **state)
{
    static const struct {
        const char *text;
        enum kind kind;
        const char *name, *spelling;
    } rows[] = {
        {"fix", KIND_TASK, "fix", "task/fix"},
        {"task/fix", KIND_TASK, "fix", "task/fix"},
        {"Tasks/fix", KIND_TASK, "fix", "task/fix"},
        {"repository/both", KIND_REPOSITORY, "both", "repository/both"},
        {"repo/both", KIND_REPOSITORY, "both", "repository/both"},
        {"instance/both", KIND_INSTANCE, "both", "instance/both"},
        {"farm-0", KIND_INSTANCE, "farm-0", "instance/farm-0"},
        {"inst/farm-0", KIND_INSTANCE, "farm-0", "instance/farm-0"},
    };
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(target) target = {0};
        auto_free char *spelling = NULL;
        struct error err = {0};

        if (target_find(rows[i].text, &fixture->places, &target, &err) < 0) {
            fail_msg("%s: %s", rows[i].text, err.message);
        }
        assert_int_equal(target.kind, rows[i].kind);
        assert_string_equal(target.name, rows[i].name);
        spelling = target_spelling(&target);
        assert_string_equal(spelling, rows[i].spelling);
    }
}

static void what_is_not_clear_is_refused_with_what_to_write(void **state)
{
    static const struct {
        const char *text;
        enum error_kind kind;
        const char *message; /* its beginning */
    } rows[] = {
        {"both", ERROR_INVALID,
         "several objects are named \"both\"; write repository/both or instance/both"},
        {"task/both", ERROR_NOT_FOUND, "there is no Task \"both\" in "},
        {"fax", ERROR_NOT_FOUND, "there is no task, repository or instance \"fax\" in "},
        {"pool/farm", ERROR_INVALID, "\"pool/farm\": nothing runs in an InstancePool itself"},
        {"pod/x", ERROR_INVALID, "\"pod/x\": \"pod\" is no kind"},
        {"/x", ERROR_INVALID, "\"/x\": \"\" is no kind"},
        {"task/", ERROR_NOT_FOUND, "there is no Task \"\""},
        {"task/fix/x", ERROR_NOT_FOUND, "there is no Task \"fix/x\""},
        {"", ERROR_NOT_FOUND, "there is no task, repository or instance \"\""},
    };
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct target target = {.name = "untouched"};
        struct error err = {0};

        assert_int_equal(target_find(rows[i].text, &fixture->places, &target, &err), -1);
        assert_int_equal(err.kind, rows[i].kind);
        if (strncmp(err.message, rows[i].message, strlen(rows[i].message)) != 0) {
            fail_msg("%s: %s", rows[i].text, err.message);
        }
        assert_string_equal(target.name, "untouched");
    }
}

static void texts_of_the_status_are_lent_and_may_be_missing(void **state)
{
    const struct fixture *fixture = *state;
    auto_done(target) target = {0};
    struct error err = {0};
    auto_free char *reason = NULL;

    assert_int_equal(target_find("task/fix", &fixture->places, &target, &err), 0);
    assert_string_equal(target_text(&target, NULL, "phase"), "Running");
    assert_string_equal(target_text(&target, "task", "id"), "fix-1");
    assert_null(target_text(&target, "task", "logFile"));
    assert_null(target_text(&target, "container", "id"));
    assert_null(target.engine);
    reason = target_reason(&target);
    assert_string_equal(reason, "");
}

static void a_status_that_changed_is_read_again(void **state)
{
    const struct fixture *fixture = *state;
    auto_done(target) target = {0};
    struct error err = {0};

    assert_int_equal(target_find("task/fix", &fixture->places, &target, &err), 0);
    write_file(fixture->specs, "a.status.yaml",
               "kind: Task\nmetadata: {name: fix}\nstatus: {phase: Succeeded}\n");
    assert_int_equal(target_refresh(&target, &err), 0);
    assert_string_equal(target_text(&target, NULL, "phase"), "Succeeded");
    write_file(fixture->specs, "a.status.yaml", "");
    assert_int_equal(target_refresh(&target, &err), -1);
    assert_string_equal(err.message, "task/fix is gone: its spec was removed");
    assert_string_equal(target_text(&target, NULL, "phase"), "Succeeded");
}

static void the_controller_tells_where_status_files_and_engine_are(void **state)
{
    const struct fixture *fixture = *state;
    struct places places = {.state = fixture->state};
    auto_free char *heartbeat = xasprintf("specs: {directory: /none, statusDirectory: %s}\n"
                                          "engine: {address: \"unix:///engine.sock\"}\n",
                                          fixture->specs);
    auto_done(target) target = {0};
    struct error err = {0};

    unsetenv("BERTH_SPECS");
    write_file(fixture->state, "controller.yaml", heartbeat);
    assert_int_equal(target_find("fix", &places, &target, &err), 0);
    assert_string_equal(target.engine, "unix:///engine.sock");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(objects_are_found_by_kind_and_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_clear_is_refused_with_what_to_write, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(texts_of_the_status_are_lent_and_may_be_missing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_status_that_changed_is_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_controller_tells_where_status_files_and_engine_are,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
