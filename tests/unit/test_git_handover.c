#include "clients/git_handover.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* Each test has a folder with a directory "tree" in it, and is in that folder. */
static int enter_folder(void **state)
{
    char *folder = xstrdup("/tmp/test_git_handover.XXXXXX");

    *state = folder;
    return mkdtemp(folder) == NULL || chdir(folder) < 0 || mkdir("tree", 0755) < 0 ? -1 : 0;
}

static int leave_folder(void **state)
{
    auto_free char *folder = *state;
    struct error err = {0};

    return chdir("/") < 0 ? -1 : tree_remove(folder, &err);
}

static void make_file(const char *path, mode_t mode)
{
    auto_close int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
}

static struct stat look_at(const char *path)
{
    struct stat info;

    assert_int_equal(lstat(path, &info), 0);
    return info;
}

static int give(struct error *err)
{
    return git_handover_give("tree", geteuid(), geteuid(), err);
}

static void assert_refused(const char *words)
{
    struct error err = {0};

    assert_int_equal(give(&err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(err.reason, "WorkspaceFailed");
    if (strstr(err.message, words) == NULL) {
        fail_msg("%s", err.message);
    }
}

static void special_bits_are_taken_away_and_others_stay(void **state)
{
    struct error err = {0};

    (void)state;
    assert_int_equal(mkdir("tree/d", 0755), 0);
    assert_int_equal(chmod("tree/d", 03775), 0);
    make_file("tree/d/suid", 04755);
    make_file("tree/d/sgid", 02711);
    make_file("tree/d/plain", 0444);
    assert_int_equal(symlink("/etc/passwd", "tree/link"), 0);
    assert_int_equal(give(&err), 0);
    assert_int_equal(look_at("tree/d").st_mode & 07777, 0775);
    assert_int_equal(look_at("tree/d/suid").st_mode & 07777, 0755);
    assert_int_equal(look_at("tree/d/sgid").st_mode & 07777, 0711);
    assert_int_equal(look_at("tree/d/plain").st_mode & 07777, 0444);
    assert_true(S_ISLNK(look_at("tree/link").st_mode));
}

static void a_file_with_a_second_name_is_refused(void **state)
{
    (void)state;
    make_file("elsewhere", 0644);
    assert_int_equal(link("elsewhere", "tree/f"), 0);
    assert_refused("\"f\" has more than one name");
}

static void what_is_neither_file_nor_directory_nor_link_is_refused(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("tree/fifo", 0644), 0);
    assert_refused("\"fifo\" is neither"); /* and is not waited for */
}

static void files_of_somebody_else_are_refused(void **state)
{
    struct error err = {0};

    (void)state;
    make_file("tree/f", 0644);
    assert_int_equal(git_handover_give("tree/f", geteuid() + 1, geteuid() + 2, &err), -1);
    assert_non_null(strstr(err.message, "somebody else"));
}

static void a_link_in_the_place_of_the_tree_is_not_followed(void **state)
{
    struct error err = {0};

    (void)state;
    assert_int_equal(mkdir("victim", 0755), 0);
    assert_int_equal(chmod("victim", 01777), 0);
    assert_int_equal(symlink("victim", "link"), 0);
    assert_int_equal(git_handover_give("link", geteuid(), geteuid(), &err), 0);
    assert_int_equal(look_at("victim").st_mode & 07777, 01777);
}

static void a_tree_that_is_too_deep_is_refused(void **state)
{
    int fd = open("tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    (void)state;
    for (unsigned depth = 0; depth < 450; depth++) {
        int below;

        assert_int_equal(mkdirat(fd, "d", 0755), 0);
        below = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = below;
    }
    close(fd);
    assert_refused("\"d\" lies too deep");
}

static void a_tree_is_moved_but_never_over_something(void **state)
{
    struct error err = {0};

    (void)state;
    assert_int_equal(git_handover_move("tree", "final", &err), 0);
    assert_true(S_ISDIR(look_at("final").st_mode));
    assert_int_equal(mkdir("tree", 0755), 0);
    assert_int_equal(git_handover_move("tree", "final", &err), -1); /* though it is empty */
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(err.reason, "WorkspaceFailed");
    assert_non_null(strstr(err.message, "exists already"));
    assert_true(S_ISDIR(look_at("tree").st_mode));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(special_bits_are_taken_away_and_others_stay),
        IN_FOLDER(a_file_with_a_second_name_is_refused),
        IN_FOLDER(what_is_neither_file_nor_directory_nor_link_is_refused),
        IN_FOLDER(files_of_somebody_else_are_refused),
        IN_FOLDER(a_link_in_the_place_of_the_tree_is_not_followed),
        IN_FOLDER(a_tree_that_is_too_deep_is_refused),
        IN_FOLDER(a_tree_is_moved_but_never_over_something),
    };

    umask(022);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
