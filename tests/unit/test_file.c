#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

static char *folder;

static int make_folder(void **state)
{
    struct error err = {0};

    (void)state;
    folder =
        xasprintf("%s/berth-test-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    return mkdtemp(folder) != NULL && dir_make(folder, 0700, &err) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    struct error err = {0};
    int result = tree_remove(folder, &err);

    (void)state;
    free(folder);
    return result;
}

static char *in_folder(const char *name)
{
    return path_join(folder, name);
}

static void put(const char *path, const char *text)
{
    struct error err = {0};

    assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), 0644, FILE_VISIBLE, &err), 0);
}

static void what_was_written_is_read(void **state)
{
    auto_free char *path = in_folder("a"), *text = NULL;
    struct error err = {0};
    size_t len;

    (void)state;
    assert_int_equal(file_replace(AT_FDCWD, path, "a\0b", 3, 0600, FILE_DURABLE, &err), 0);
    assert_int_equal(file_read(AT_FDCWD, path, 100, &text, &len, &err), 0);
    assert_int_equal(len, 3);
    assert_memory_equal(text, "a\0b", 4); /* with the NUL behind it */
}

static void an_empty_file_is_an_empty_text(void **state)
{
    auto_free char *path = in_folder("a"), *text = NULL;
    struct error err = {0};

    (void)state;
    put(path, "");
    assert_int_equal(file_read(AT_FDCWD, path, 100, &text, NULL, &err), 0);
    assert_string_equal(text, "");
}

static void replacing_keeps_the_mode_that_was_asked_for_and_no_temporary_file(void **state)
{
    auto_free char *path = in_folder("a"), *temporary = in_folder(".a.tmp");
    auto_free char *text = NULL;
    struct error err = {0};
    struct stat info;

    (void)state;
    put(path, "a long first version");
    put(temporary, "left by a crash");
    assert_int_equal(file_replace(AT_FDCWD, path, "new", 3, 0600, FILE_VISIBLE, &err), 0);
    assert_int_equal(file_read(AT_FDCWD, path, 100, &text, NULL, &err), 0);
    assert_string_equal(text, "new");
    assert_false(path_exists(temporary));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void what_a_killed_replacement_left_is_removed_and_nothing_else(void **state)
{
    static const char *const names[] = {".a.json.tmp", ".b.status.yaml.tmp", "c.json.tmp",
                                        ".d.json", ".tmp.json"};
    static const bool is_left[] = {true, false, true, true, true};
    auto_free char *missing = in_folder("missing"), *below = in_folder("below");
    auto_free char *deep = in_folder("below/.b.status.yaml.tmp"), *top_name = in_folder("");
    struct error err = {0};

    (void)state;
    dir_remove_temporary(missing, "");
    assert_int_equal(dir_make(below, 0755, &err), 0);
    put(deep, "x");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *path = in_folder(names[i]);

        put(path, "x");
    }
    dir_remove_temporary(top_name, ".status.yaml");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *path = in_folder(names[i]);

        assert_int_equal(path_exists(path), is_left[i]);
    }
    assert_true(path_exists(deep));
    dir_remove_temporary(top_name, "");
    {
        auto_free char *gone = in_folder(names[0]), *there = in_folder(names[2]);

        assert_false(path_exists(gone));
        assert_true(path_exists(there));
    }
}

static void paths_are_relative_to_the_folder_that_is_open(void **state)
{
    auto_close int fd = open(folder, O_RDONLY | O_DIRECTORY);
    auto_free char *sub = in_folder("sub"), *path = in_folder("sub/x"), *text = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(dir_make(sub, 0700, &err), 0);
    assert_int_equal(file_replace(fd, "sub/x", "y", 1, 0600, FILE_DURABLE, &err), 0);
    assert_true(path_exists(path));
    assert_int_equal(file_read(fd, "sub/x", 10, &text, NULL, &err), 0);
    assert_string_equal(text, "y");
}

static void a_file_at_the_ceiling_is_read_and_a_larger_one_is_not(void **state)
{
    auto_free char *path = in_folder("a"), *large = xcalloc(1, 100001);
    auto_free char *text = NULL, *none = NULL;
    struct error err = {0};

    (void)state;
    memset(large, 'x', 100000);
    put(path, large);
    assert_int_equal(file_read(AT_FDCWD, path, 100000, &text, NULL, &err), 0);
    assert_int_equal(strlen(text), 100000);
    assert_int_equal(file_read(AT_FDCWD, path, 99999, &none, NULL, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_null(none);
}

static void a_file_of_the_kernel_is_read_at_once(void **state)
{
    auto_free char *all = file_read_kernel("/proc/self/limits", 16384);
    auto_free char *some = file_read_kernel("/proc/self/limits", 5);

    (void)state;
    assert_non_null(all);
    assert_non_null(strstr(all, "Max open files"));
    assert_string_equal(some, "Limit");
    assert_null(file_read_kernel("/proc/self/no-such-file", 10));
    assert_null(file_read_kernel("/proc/self", 10));
}

static void only_the_end_of_a_file_is_read_when_that_is_asked_for(void **state)
{
    static const struct {
        size_t max_len;
        const char *text;
    } rows[] = {{3, "cde"}, {5, "abcde"}, {100, "abcde"}, {0, ""}};
    auto_free char *path = in_folder("a");

    (void)state;
    put(path, "abcde");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *text = NULL;
        struct error err = {0};

        assert_int_equal(file_read_tail(AT_FDCWD, path, rows[i].max_len, &text, NULL, &err), 0);
        assert_string_equal(text, rows[i].text);
    }
}

static void what_is_no_regular_file_is_refused_at_once(void **state)
{
    auto_free char *link = in_folder("link"), *fifo = in_folder("fifo"), *missing = in_folder("no");
    auto_free char *target = in_folder("target");
    const struct {
        const char *path;
        enum error_kind kind;
    } rows[] = {
        {link, ERROR_INVALID},
        {fifo, ERROR_INVALID}, /* nobody writes to it: reading would never end */
        {folder, ERROR_INVALID},
        {missing, ERROR_NOT_FOUND},
    };

    (void)state;
    put(target, "secret");
    assert_int_equal(symlink("target", link), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *text = NULL;
        struct error err = {0};

        assert_int_equal(file_read(AT_FDCWD, rows[i].path, 100, &text, NULL, &err), -1);
        assert_int_equal(err.kind, rows[i].kind);
        assert_non_null(strstr(err.message, rows[i].path));
        error_clear(&err);
        assert_int_equal(file_read_tail(AT_FDCWD, rows[i].path, 100, &text, NULL, &err), -1);
        assert_null(text);
    }
}

static void replacing_a_link_leaves_its_target_alone(void **state)
{
    auto_free char *link = in_folder("link"), *target = in_folder("target"), *text = NULL;
    auto_free char *temporary = in_folder(".other.tmp"), *other = in_folder("other");
    struct error err = {0};
    struct stat info;

    (void)state;
    put(target, "untouched");
    assert_int_equal(symlink("target", link), 0);
    put(link, "new");
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISREG(info.st_mode));
    assert_int_equal(symlink("target", temporary), 0);
    assert_int_equal(file_replace(AT_FDCWD, other, "x", 1, 0600, FILE_VISIBLE, &err), 0);
    assert_int_equal(file_read(AT_FDCWD, target, 100, &text, NULL, &err), 0);
    assert_string_equal(text, "untouched");
}

static void a_replacement_that_fails_leaves_the_old_file(void **state)
{
    auto_free char *path = in_folder("no/such/folder"), *taken = in_folder("taken");
    auto_free char *temporary = in_folder(".taken.tmp");
    struct error err = {0};

    (void)state;
    assert_int_equal(file_replace(AT_FDCWD, path, "x", 1, 0600, FILE_VISIBLE, &err), -1);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    error_clear(&err);
    assert_int_equal(dir_make(taken, 0700, &err), 0);
    assert_int_equal(file_replace(AT_FDCWD, taken, "x", 1, 0600, FILE_VISIBLE, &err), -1);
    assert_true(path_exists(taken));
    assert_false(path_exists(temporary));
}

static void folders_are_made_with_their_parents_and_may_exist(void **state)
{
    auto_free char *deep = in_folder("a/b/c"), *file = in_folder("file"),
                   *below = in_folder("file/x");
    struct error err = {0};

    (void)state;
    assert_int_equal(dir_make(deep, 0700, &err), 0);
    assert_int_equal(dir_make(deep, 0700, &err), 0);
    assert_true(path_exists(deep));
    put(file, "x");
    assert_int_equal(dir_make(below, 0700, &err), -1);
    assert_true(err.message[0] != '\0');
}

static void removing_a_tree_never_leaves_it_through_a_link(void **state)
{
    auto_free char *tree = in_folder("tree"), *inner = in_folder("tree/a/b");
    auto_free char *outside = in_folder("outside"), *kept = in_folder("outside/kept");
    auto_free char *link = in_folder("tree/link"), *deep_file = in_folder("tree/a/b/file");
    struct error err = {0};

    (void)state;
    assert_int_equal(dir_make(inner, 0700, &err), 0);
    assert_int_equal(dir_make(outside, 0700, &err), 0);
    put(kept, "x");
    put(deep_file, "x");
    assert_int_equal(symlink("../outside", link), 0);
    assert_int_equal(tree_remove(tree, &err), 0);
    assert_false(path_exists(tree));
    assert_true(path_exists(kept));
    assert_int_equal(tree_remove(tree, &err), 0); /* missing is success */
    assert_int_equal(tree_remove(kept, &err), 0); /* a file is removed too */
    assert_false(path_exists(kept));
}

static void a_tree_of_any_depth_is_removed(void **state)
{
    enum { LEVELS = 3000 };
    auto_free char *tree = in_folder("tree"), *taken = in_folder("tree/.lifted-0");
    struct error err = {0};
    int fd;

    (void)state;
    assert_int_equal(dir_make(taken, 0700, &err), 0);
    fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned level = 0; level < LEVELS; level++) {
        int next;

        assert_int_equal(mkdirat(fd, "d", 0700), 0);
        assert_int_equal(mkdirat(fd, "e", 0700), 0);
        next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        close(fd);
        fd = next;
    }
    close(fd);
    assert_int_equal(tree_remove(tree, &err), 0);
    assert_false(path_exists(tree));
}

static void fill_with_folders(const char *top_name, unsigned count)
{
    struct error err = {0};

    for (unsigned i = 0; i < count; i++) {
        auto_free char *name = xasprintf("%s/%u/deep/deeper", top_name, i);

        assert_int_equal(dir_make(name, 0755, &err), 0);
    }
}

static void two_may_remove_the_same_tree_at_once(void **state)
{
    auto_free char *path = in_folder("tree");
    struct error err = {0};

    (void)state;
    for (unsigned round = 0; round < 10; round++) {
        int status;
        pid_t other;

        fill_with_folders(path, 200);
        other = fork();
        assert_true(other >= 0);
        if (other == 0) {
            _exit(tree_remove(path, &err) < 0 ? 1 : 0);
        }
        assert_int_equal(tree_remove(path, &err), 0);
        assert_int_equal(waitpid(other, &status, 0), other);
        assert_int_equal(status, 0);
        assert_false(path_exists(path));
    }
}

static void a_dangling_link_exists(void **state)
{
    auto_free char *link = in_folder("link"), *missing = in_folder("missing");

    (void)state;
    assert_int_equal(symlink("nowhere", link), 0);
    assert_true(path_exists(link));
    assert_false(path_exists(missing));
}

static void paths_are_joined_with_one_slash(void **state)
{
    static const struct {
        const char *directory, *name, *joined;
    } rows[] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"a", "/b", "/b"}, {"", "b", "b"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *joined = path_join(rows[i].directory, rows[i].name);

        assert_string_equal(joined, rows[i].joined);
    }
}

static void absolute_paths_have_no_dots_and_double_slashes(void **state)
{
    static const struct {
        const char *path, *absolute;
    } rows[] = {
        {"/", "/"},         {"//", "/"},       {"/a/b", "/a/b"},     {"/a//b/", "/a/b"},
        {"/a/./b", "/a/b"}, {"/a/../b", "/b"}, {"/..", "/"},         {"/../../a", "/a"},
        {"/a/b/..", "/a"},  {"/a/..", "/"},    {"/a/...", "/a/..."}, {"/.a/..b", "/.a/..b"},
    };
    auto_free char *here = getcwd(NULL, 0), *relative = path_absolute("x/../y");
    auto_free char *expected = path_join(here, "y");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *absolute = path_absolute(rows[i].path);

        assert_string_equal(absolute, rows[i].absolute);
    }
    assert_string_equal(relative, expected);
}

static void a_path_is_below_its_own_folders_only(void **state)
{
    static const struct {
        const char *path, *directory;
        bool is_below;
    } rows[] = {
        {"/a/b", "/a", true}, {"/a", "/a", true}, {"/a/b", "/", true},   {"/", "/", true},
        {"/ab", "/a", false}, {"/", "/a", false}, {"/b/a", "/a", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(path_is_below(rows[i].path, rows[i].directory), rows[i].is_below);
    }
}

#define in_a_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        in_a_folder(what_was_written_is_read),
        in_a_folder(an_empty_file_is_an_empty_text),
        in_a_folder(replacing_keeps_the_mode_that_was_asked_for_and_no_temporary_file),
        in_a_folder(what_a_killed_replacement_left_is_removed_and_nothing_else),
        in_a_folder(paths_are_relative_to_the_folder_that_is_open),
        in_a_folder(a_file_at_the_ceiling_is_read_and_a_larger_one_is_not),
        cmocka_unit_test(a_file_of_the_kernel_is_read_at_once),
        in_a_folder(only_the_end_of_a_file_is_read_when_that_is_asked_for),
        in_a_folder(what_is_no_regular_file_is_refused_at_once),
        in_a_folder(replacing_a_link_leaves_its_target_alone),
        in_a_folder(a_replacement_that_fails_leaves_the_old_file),
        in_a_folder(folders_are_made_with_their_parents_and_may_exist),
        in_a_folder(removing_a_tree_never_leaves_it_through_a_link),
        in_a_folder(a_tree_of_any_depth_is_removed),
        in_a_folder(two_may_remove_the_same_tree_at_once),
        in_a_folder(a_dangling_link_exists),
        cmocka_unit_test(paths_are_joined_with_one_slash),
        cmocka_unit_test(absolute_paths_have_no_dots_and_double_slashes),
        cmocka_unit_test(a_path_is_below_its_own_folders_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
