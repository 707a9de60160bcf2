#include "cli/wait_world.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define SPEC(name, type)                                                                           \
    "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: " name                             \
    "}\nspec: {machineType: " type "}\n"
#define STATUS(name, phase)                                                                        \
    "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: " name "}\nstatus: {phase: " phase \
    "}\n"

struct fixture {
    char path[64];
    struct wait_world world;
};

static int setup(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));

    snprintf(fixture->path, sizeof(fixture->path), "/tmp/berth-wait-world-XXXXXX");
    *state = fixture;
    if (mkdtemp(fixture->path) == NULL) {
        return -1;
    }
    wait_world_init(&fixture->world, fixture->path, fixture->path);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    int result = tree_remove(fixture->path, &err);

    wait_world_done(&fixture->world);
    free(fixture);
    return result;
}

static void put(const struct fixture *fixture, const char *name, const char *text)
{
    auto_free char *path = path_join(fixture->path, name);
    struct error err = {0};

    assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), 0644, FILE_VISIBLE, &err), 0);
}

static void take_away(const struct fixture *fixture, const char *name)
{
    auto_free char *path = path_join(fixture->path, name);

    assert_int_equal(unlink(path), 0);
}

/* The view, when it is known: whole directories are read again after a while only. */
static struct wait_view look(struct fixture *fixture, const char *name)
{
    const struct timespec pause = {.tv_nsec = 20 * NS_PER_MS};
    struct wait_view view;
    struct error err = {0};

    for (int tries = 0; tries < 500; tries++) {
        assert_int_equal(wait_world_look(&fixture->world, KIND_INSTANCE, name, &view, &err), 0);
        if (!view.is_unknown) {
            return view;
        }
        nanosleep(&pause, NULL);
    }
    fail_msg("\"%s\" stays unknown", name);
    return view;
}

static const char *phase_of(const struct wait_view *view)
{
    const char *phase =
        json_string_value(json_object_get(json_object_get(view->document, "status"), "phase"));

    return phase != NULL ? phase : "";
}

static void a_change_of_a_file_is_seen_at_the_next_look(void **state)
{
    struct fixture *fixture = *state;
    struct wait_view view;
    char hash[HASH_SIZE];

    put(fixture, "a.yaml", SPEC("a", "e2-small"));
    view = look(fixture, "a");
    assert_true(view.has_spec);
    assert_non_null(view.hash);
    assert_null(view.document);
    snprintf(hash, sizeof(hash), "%s", view.hash);
    put(fixture, "a.status.yaml", STATUS("a", "STAGING"));
    view = look(fixture, "a");
    assert_string_equal(phase_of(&view), "STAGING");
    assert_string_equal(view.hash, hash);
    put(fixture, "a.status.yaml", STATUS("a", "RUNNING"));
    put(fixture, "a.yaml", SPEC("a", "e2-medium"));
    view = look(fixture, "a");
    assert_string_equal(phase_of(&view), "RUNNING");
    assert_string_not_equal(view.hash, hash);
    put(fixture, "a.yaml", SPEC("a", "e2-enormous"));
    view = look(fixture, "a");
    assert_null(view.hash);
    assert_non_null(strstr(view.spec_error, "e2-enormous"));
}

static void an_object_is_followed_into_another_file(void **state)
{
    struct fixture *fixture = *state;
    struct wait_view view;

    put(fixture, "a.yaml", SPEC("a", "e2-small"));
    put(fixture, "a.status.yaml", STATUS("a", "RUNNING"));
    look(fixture, "a");
    put(fixture, "b.yaml", SPEC("a", "e2-small"));
    put(fixture, "b.status.yaml", STATUS("a", "STOPPING"));
    take_away(fixture, "a.yaml");
    view = look(fixture, "a");
    assert_true(view.has_spec);
    assert_string_equal(phase_of(&view), "STOPPING");
}

static void what_goes_is_seen_to_go_however_many_wait_for_it(void **state)
{
    struct fixture *fixture = *state;
    struct wait_view view;

    put(fixture, "a.yaml", SPEC("a", "e2-small") "---\n" SPEC("b", "e2-small"));
    put(fixture, "a.status.yaml", STATUS("a", "RUNNING") "---\n" STATUS("b", "RUNNING"));
    look(fixture, "a");
    take_away(fixture, "a.yaml");
    for (int i = 0; i < 3; i++) {
        view = look(fixture, i % 2 == 0 ? "a" : "b");
        assert_false(view.has_spec);
        assert_string_equal(phase_of(&view), "RUNNING");
    }
    take_away(fixture, "a.status.yaml");
    for (int i = 0; i < 4; i++) {
        view = look(fixture, i % 2 == 0 ? "a" : "b");
        assert_false(view.has_spec);
        assert_null(view.document);
    }
}

static void a_member_of_a_pool_is_found_in_the_status_of_that(void **state)
{
    struct fixture *fixture = *state;
    struct wait_view view;

    put(fixture, "pool.status.yaml",
        "apiVersion: berth.dev/v1\nkind: InstancePool\nmetadata: {name: p}\n"
        "status:\n  phase: RUNNING\n  members:\n"
        "  - {kind: Instance, metadata: {name: p-0}, status: {phase: STAGING}}\n");
    view = look(fixture, "p-0");
    assert_false(view.has_spec);
    assert_null(view.hash);
    assert_string_equal(phase_of(&view), "STAGING");
}

static void a_directory_that_is_gone_is_an_error(void **state)
{
    struct wait_world world;
    struct wait_view view;
    struct error err = {0};

    (void)state;
    wait_world_init(&world, "/nowhere/at/all", "/nowhere/at/all");
    assert_int_equal(wait_world_look(&world, KIND_INSTANCE, "a", &view, &err), -1);
    wait_world_done(&world);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_of_a_file_is_seen_at_the_next_look, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_object_is_followed_into_another_file, setup, teardown),
        cmocka_unit_test_setup_teardown(what_goes_is_seen_to_go_however_many_wait_for_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_member_of_a_pool_is_found_in_the_status_of_that, setup,
                                        teardown),
        cmocka_unit_test(a_directory_that_is_gone_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
