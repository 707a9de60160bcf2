#include "cli/spec_store.h"

#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* A real directory. */
struct fixture {
    char path[64];
};

#define INSTANCE(name) "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: " name "}\n"

#define GOOD "---\n" INSTANCE("good") "spec: {machineType: e2-small}\n"

static int setup(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));

    snprintf(fixture->path, sizeof(fixture->path), "/tmp/berth-spec-store-XXXXXX");
    *state = fixture;
    return mkdtemp(fixture->path) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    struct error err = {0};
    int result = tree_remove(fixture->path, &err);

    free(fixture);
    return result;
}

static void put(const struct fixture *fixture, const char *name, const char *text)
{
    auto_free char *path = path_join(fixture->path, name);
    auto_free char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    struct error err = {0};

    assert_int_equal(dir_make(folder, 0755, &err), 0);
    assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), 0644, FILE_VISIBLE, &err), 0);
}

/* NULL: there is no such file. The caller's to free. */
static char *get(const struct fixture *fixture, const char *name)
{
    auto_free char *path = path_join(fixture->path, name);
    char *text = NULL;
    struct error err = {0};

    return file_read(AT_FDCWD, path, 4096, &text, NULL, &err) == 0 ? text : NULL;
}

static void assert_text(const struct fixture *fixture, const char *name, const char *text)
{
    auto_free char *is = get(fixture, name);

    assert_non_null(is);
    assert_string_equal(is, text);
}

static void read_store(const struct fixture *fixture, struct spec_store *store)
{
    struct error err = {0};

    assert_int_equal(spec_store_read(fixture->path, stderr, store, &err), 0);
}

static void files_are_found_by_the_rules_of_the_controller(void **state)
{
    const struct fixture *fixture = *state;
    auto_done(spec_store) store = {0};
    struct spec_store_entry entry;

    put(fixture, "b.yaml", INSTANCE("b") "spec: {machineType: e2-small}\n");
    put(fixture, "a/deep.yml", INSTANCE("faulty") "spec: {machineType: none}\n" GOOD);
    put(fixture, "b.status.yaml", INSTANCE("b"));
    put(fixture, ".hidden.yaml", INSTANCE("hidden"));
    put(fixture, "notes.txt", INSTANCE("notes"));
    read_store(fixture, &store);
    assert_int_equal(store.count, 2);
    assert_string_equal(store.files[0].name, "a/deep.yml");
    assert_string_equal(store.files[1].name, "b.yaml");
    entry = spec_store_find(&store, KIND_INSTANCE, "b");
    assert_ptr_equal(entry.file, &store.files[1]);
    assert_non_null(entry.document->object);
    entry = spec_store_find(&store, KIND_INSTANCE, "faulty");
    assert_ptr_equal(entry.file, &store.files[0]);
    assert_null(entry.document->object);
    assert_true(entry.document->error_count > 0);
    assert_string_equal(store.files[0].text, INSTANCE("faulty") "spec: {machineType: none}\n" GOOD);
    assert_string_equal(store.files[1].text, INSTANCE("b") "spec: {machineType: e2-small}\n");
    assert_null(spec_store_find(&store, KIND_TASK, "b").file);
    assert_null(spec_store_find(&store, KIND_INSTANCE, "hidden").file);
}

static void a_directory_that_cannot_be_read_is_an_error(void **state)
{
    struct spec_store store = {0};
    struct error err = {0};

    (void)state;
    assert_int_equal(spec_store_read("/nowhere/at/all", stderr, &store, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_null(store.files);
}

static void a_file_is_replaced_with_its_mode(void **state)
{
    const struct fixture *fixture = *state;
    auto_free char *path = path_join(fixture->path, "a.yaml");
    auto_done(spec_store) store = {0};
    struct error err = {0};
    struct stat info;

    put(fixture, "a.yaml", INSTANCE("a"));
    assert_int_equal(chmod(path, 0640), 0);
    read_store(fixture, &store);
    assert_int_equal(spec_store_write(&store, "a.yaml", &store.files[0], "new\n", 4, &err), 0);
    assert_text(fixture, "a.yaml", "new\n");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0640);
}

static void the_text_of_a_file_with_errors_is_whole(void **state)
{
    const struct fixture *fixture = *state;
    const char *text = INSTANCE("a") "---\n" INSTANCE("B") "---\na: [\n";
    auto_done(spec_store) store = {0};

    put(fixture, "a.yaml", text);
    read_store(fixture, &store);
    assert_int_equal(store.count, 1);
    assert_string_equal(store.files[0].text, text);
    assert_int_equal(store.files[0].len, strlen(text));
}

static void a_change_of_somebody_else_is_not_overwritten(void **state)
{
    const struct fixture *fixture = *state;
    auto_free char *path = path_join(fixture->path, "a.yaml");
    auto_done(spec_store) store = {0};
    struct error err = {0};

    put(fixture, "a.yaml", INSTANCE("a"));
    read_store(fixture, &store);
    put(fixture, "a.yaml", INSTANCE("b"));
    assert_int_equal(spec_store_write(&store, "a.yaml", &store.files[0], "new\n", 4, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    error_clear(&err);
    assert_int_equal(spec_store_remove(&store, &store.files[0], &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_text(fixture, "a.yaml", INSTANCE("b"));
    error_clear(&err);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(spec_store_write(&store, "a.yaml", &store.files[0], "new\n", 4, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_null(get(fixture, "a.yaml"));
}

static void a_new_file_must_be_new(void **state)
{
    const struct fixture *fixture = *state;
    auto_done(spec_store) store = {0};
    struct error err = {0};

    read_store(fixture, &store);
    assert_int_equal(spec_store_write(&store, "team/a.yaml", NULL, "one\n", 4, &err), 0);
    assert_text(fixture, "team/a.yaml", "one\n");
    assert_int_equal(spec_store_write(&store, "team/a.yaml", NULL, "two\n", 4, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_text(fixture, "team/a.yaml", "one\n");
    assert_null(get(fixture, "team/.a.yaml.tmp"));
}

static void a_file_is_removed(void **state)
{
    const struct fixture *fixture = *state;
    auto_done(spec_store) store = {0};
    struct error err = {0};

    put(fixture, "a.yaml", INSTANCE("a"));
    read_store(fixture, &store);
    assert_int_equal(spec_store_remove(&store, &store.files[0], &err), 0);
    assert_null(get(fixture, "a.yaml"));
}

static void a_link_inside_the_directory_stays_one(void **state)
{
    const struct fixture *fixture = *state;
    auto_free char *path = path_join(fixture->path, "a.yaml");
    auto_done(spec_store) store = {0};
    struct error err = {0};
    struct stat info;

    put(fixture, ".real/a.yaml", INSTANCE("a"));
    assert_int_equal(symlink(".real/a.yaml", path), 0);
    read_store(fixture, &store);
    assert_int_equal(store.count, 1);
    assert_int_equal(spec_store_write(&store, "a.yaml", &store.files[0], "new\n", 4, &err), 0);
    assert_text(fixture, ".real/a.yaml", "new\n");
    assert_int_equal(lstat(path, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_found_by_the_rules_of_the_controller, setup,
                                        teardown),
        cmocka_unit_test(a_directory_that_cannot_be_read_is_an_error),
        cmocka_unit_test_setup_teardown(a_file_is_replaced_with_its_mode, setup, teardown),
        cmocka_unit_test_setup_teardown(the_text_of_a_file_with_errors_is_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_of_somebody_else_is_not_overwritten, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_new_file_must_be_new, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_inside_the_directory_stays_one, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
