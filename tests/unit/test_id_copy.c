#include "controller/id_copy.h"

#include "base/cleanup.h"
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
#include <sys/stat.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define ID "0123456789abcdef"

static char top[64];

static int setup(void **state)
{
    (void)state;
    snprintf(top, sizeof(top), "/tmp/berth-id-copy-XXXXXX");
    return mkdtemp(top) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    struct error err = {0};

    (void)state;
    return tree_remove(top, &err);
}

static void write_one(const char *directory, const char *state_path, const char *id)
{
    struct error err = {0};
    struct id_copy copy = {.lock_fd = -1};

    assert_int_equal(id_copy_hold(&copy, directory, state_path, id, &err), 0);
    id_copy_release(&copy);
}

static bool is_recalled(const char *directory, const char *state_path)
{
    char id[CONTROLLER_ID_SIZE] = "";
    bool is = id_copy_recall(directory, state_path, id);

    assert_string_equal(id, is ? ID : "");
    return is;
}

static void it_is_recalled_by_the_controller_that_wrote_it(void **state)
{
    (void)state;
    assert_false(is_recalled(top, "/var/lib/berth"));
    write_one(top, "/var/lib/berth", ID);
    assert_true(is_recalled(top, "/var/lib/berth"));
    assert_true(is_recalled(top, "/var/lib/berth"));
}

static void another_state_directory_is_another_controller(void **state)
{
    (void)state;
    write_one(top, "/var/lib/berth", ID);
    assert_false(is_recalled(top, "/var/lib/berth2"));
}

/* As with a clone, or a container that has it at the same path. */
static void a_copy_of_the_directory_is_another_controller(void **state)
{
    auto_free char *other = path_join(top, "other"), *from = path_join(top, ID_COPY_NAME);
    auto_free char *to = path_join(other, ID_COPY_NAME);
    auto_free char *text = NULL;
    struct error err = {0};

    (void)state;
    write_one(top, "/var/lib/berth", ID);
    assert_int_equal(mkdir(other, 0755), 0);
    assert_int_equal(file_read(AT_FDCWD, from, 4096, &text, NULL, &err), 0);
    assert_int_equal(file_replace(AT_FDCWD, to, text, strlen(text), 0644, FILE_VISIBLE, &err), 0);
    assert_false(is_recalled(other, "/var/lib/berth"));
}

static void one_that_is_held_is_somebody_elses(void **state)
{
    struct error err = {0};
    struct id_copy copy = {.lock_fd = -1}, other = {.lock_fd = -1};

    (void)state;
    assert_int_equal(id_copy_hold(&copy, top, "/var/lib/berth", ID, &err), 0);
    assert_false(is_recalled(top, "/var/lib/berth"));
    assert_int_equal(id_copy_hold(&other, top, "/elsewhere", "fedcba9876543210", &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    id_copy_release(&copy);
    assert_true(is_recalled(top, "/var/lib/berth"));
    error_clear(&err);
    assert_int_equal(id_copy_hold(&other, top, "/elsewhere", "fedcba9876543210", &err), 0);
    assert_false(is_recalled(top, "/var/lib/berth"));
    id_copy_release(&other);
}

static void one_that_was_removed_is_written_again(void **state)
{
    auto_free char *path = path_join(top, ID_COPY_NAME);
    struct error err = {0};
    struct id_copy copy = {.lock_fd = -1};

    (void)state;
    assert_int_equal(id_copy_hold(&copy, top, "/var/lib/berth", ID, &err), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(id_copy_hold(&copy, top, "/var/lib/berth", ID, &err), 0);
    assert_true(path_exists(path));
    id_copy_release(&copy);
    assert_true(is_recalled(top, "/var/lib/berth"));
}

static void damaged_ones_do_not_count(void **state)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "null",
                                        "{\"id\": 7}",
                                        "{\"version\": 1, \"id\": \"0123456789abcdef\"}",
                                        "{\"version\": 1, \"id\": \"../../0123456789\"}"};
    auto_free char *path = path_join(top, ID_COPY_NAME);
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        assert_int_equal(
            file_replace(AT_FDCWD, path, texts[i], strlen(texts[i]), 0644, FILE_VISIBLE, &err), 0);
        assert_false(is_recalled(top, "/var/lib/berth"));
    }
    write_one(top, "/var/lib/berth", ID); /* and are replaced */
    assert_true(is_recalled(top, "/var/lib/berth"));
}

static void where_it_cannot_be_written_is_an_error(void **state)
{
    auto_free char *missing = path_join(top, "missing");
    struct error err = {0};
    struct id_copy copy = {.lock_fd = -1};

    (void)state;
    assert_int_equal(id_copy_hold(&copy, missing, "/var/lib/berth", ID, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_int_equal(copy.lock_fd, -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(it_is_recalled_by_the_controller_that_wrote_it),
        TEST(another_state_directory_is_another_controller),
        TEST(a_copy_of_the_directory_is_another_controller),
        TEST(one_that_is_held_is_somebody_elses),
        TEST(one_that_was_removed_is_written_again),
        TEST(damaged_ones_do_not_count),
        TEST(where_it_cannot_be_written_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
