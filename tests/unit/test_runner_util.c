/* The runner is a program of its own and no part of the library that tests are linked with. */
#include "controller/runner/util.c"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void paths_are_cleaned_in_place(void **state)
{
    static const struct {
        const char *path, *clean; /* clean NULL: refused, and left as it is */
    } rows[] = {
        {"/", "/"},
        {"//", "/"},
        {"/./", "/"},
        {"/a", "/a"},
        {"/a/", "/a"},
        {"/a//b", "/a/b"},
        {"///a/./b/.//", "/a/b"},
        {"/a/.", "/a"},
        {"/.a", "/.a"},
        {"/a.", "/a."},
        {"/...", "/..."},
        {"/..a/b..", "/..a/b.."},
        {"/a b/c", "/a b/c"},
        {"", NULL},
        {"a", NULL},
        {"./a", NULL},
        {"/..", NULL},
        {"/../a", NULL},
        {"/a/..", NULL},
        {"/a/../b", NULL},
        {"/..a/../b", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char path[32];

        snprintf(path, sizeof(path), "%s", rows[i].path);
        assert_int_equal(util_clean_path(path), rows[i].clean == NULL ? -1 : 0);
        assert_string_equal(path, rows[i].clean == NULL ? rows[i].path : rows[i].clean);
    }
}

static void what_lies_below_a_directory_is_told_by_whole_names(void **state)
{
    static const struct {
        const char *path, *directory, *below; /* below NULL: it does not */
    } rows[] = {
        {"/home/app/.m2", "/home/app", ".m2"},
        {"/home/app/a/b", "/home/app", "a/b"},
        {"/home/app", "/home/app", ""},
        {"/home/apple", "/home/app", NULL},
        {"/home", "/home/app", NULL},
        {"/var/app", "/home/app", NULL},
        {"/a/b", "/", "a/b"},
        {"/", "/", ""},
        {"/", "/a", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *below = util_path_below(rows[i].path, rows[i].directory);

        if (rows[i].below == NULL) {
            assert_null(below);
        } else {
            assert_string_equal(below, rows[i].below);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_cleaned_in_place),
        cmocka_unit_test(what_lies_below_a_directory_is_told_by_whole_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
