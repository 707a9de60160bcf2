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

static struct git_handover to_ourselves(enum git_handover_links links)
{
    return (struct git_handover){
        .maker = geteuid(), .owner = geteuid(), .group = getegid(), .links = links};
}

static int give_with(enum git_handover_links links, struct error *err)
{
    struct git_handover handover = to_ourselves(links);

    return git_handover_give(&handover, AT_FDCWD, "tree", err);
}

static int give(struct error *err)
{
    return give_with(GIT_HANDOVER_LINKS_REFUSE, err);
}

static void assert_refused_with(enum git_handover_links links, const char *words)
{
    struct error err = {0};

    assert_int_equal(give_with(links, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_string_equal(err.reason, "WorkspaceFailed");
    if (strstr(err.message, words) == NULL) {
        fail_msg("%s", err.message);
    }
}

static void assert_refused(const char *words)
{
    assert_refused_with(GIT_HANDOVER_LINKS_REFUSE, words);
}

/* A file of that mode with a second name outside of the tree. */
static void make_linked_file(const char *path, mode_t mode)
{
    make_file("elsewhere", mode);
    assert_int_equal(link("elsewhere", path), 0);
}

static void make_directories(const char *path)
{
    struct error err = {0};

    assert_int_equal(dir_make(path, 0755, &err), 0);
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
    make_linked_file("tree/f", 0444);
    assert_refused("\"f\" has more than one name");
}

static void a_pack_with_a_second_name_is_left_as_it_is(void **state)
{
    struct git_handover handover = to_ourselves(GIT_HANDOVER_LINKS_LEAVE);
    struct error err = {0};

    (void)state;
    make_directories("tree/.git/objects/pack");
    make_linked_file("tree/.git/objects/pack/pack-1.pack", 0444);
    make_file("tree/.git/objects/pack/pack-2.pack", 04444);
    handover.modified_at = 1000;
    assert_int_equal(git_handover_give(&handover, AT_FDCWD, "tree", &err), 0);
    assert_int_not_equal(look_at("elsewhere").st_mtim.tv_sec, 1000);
    assert_int_equal(look_at("tree/.git/objects/pack/pack-2.pack").st_mtim.tv_sec, 1000);
    assert_int_equal(look_at("tree/.git/objects/pack/pack-2.pack").st_mode & 07777, 0444);
}

static void whoever_is_root_gives_all_but_the_packs(void **state)
{
    struct git_handover handover = to_ourselves(GIT_HANDOVER_LINKS_LEAVE);
    struct error err = {0};

    (void)state;
    if (geteuid() != 0) { /* nobody else can give anything away */
        return;
    }
    make_directories("tree/.git/objects/pack");
    make_linked_file("tree/.git/objects/pack/pack-1.pack", 0444);
    make_file("tree/f", 0644);
    assert_int_equal(symlink("/etc/passwd", "tree/link"), 0);
    handover.owner = 20001;
    handover.group = 20002;
    assert_int_equal(git_handover_give(&handover, AT_FDCWD, "tree", &err), 0);
    assert_int_equal(look_at("elsewhere").st_uid, 0);
    assert_int_equal(look_at("tree/f").st_uid, 20001);
    assert_int_equal(look_at("tree/f").st_gid, 20002);
    assert_int_equal(look_at("tree/link").st_uid, 20001);
    assert_int_equal(look_at("tree/.git/objects/pack").st_uid, 20001);
}

static void a_second_name_is_refused_anywhere_but_among_the_packs(void **state)
{
    static const char *const rows[] = {
        "tree/f",
        "tree/.git/f",
        "tree/.git/objects/f",
        "tree/.git/objects/pack",
        "tree/.git/objects/pack/deeper/f",
        "tree/objects/pack/f",
        "tree/pack/f",
        "tree/d/.git/objects/pack/f",
        "tree/.git/x/objects/pack/f",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *folder = xstrndup(rows[i], (size_t)(strrchr(rows[i], '/') - rows[i]));
        struct error err = {0};

        make_directories(folder);
        make_linked_file(rows[i], 0444);
        assert_refused_with(GIT_HANDOVER_LINKS_LEAVE, "has more than one name");
        assert_int_equal(tree_remove("tree", &err), 0);
        assert_int_equal(unlink("elsewhere"), 0);
    }
}

static void a_second_name_of_what_is_no_pack_is_refused(void **state)
{
    struct error err = {0};
    struct git_handover handover = to_ourselves(GIT_HANDOVER_LINKS_LEAVE);

    (void)state;
    make_directories("tree/.git/objects/pack");
    make_linked_file("tree/.git/objects/pack/pack-1.pack", 0644); /* others would write into it */
    assert_refused_with(GIT_HANDOVER_LINKS_LEAVE, "is no pack of the mirror");
    assert_int_equal(chmod("elsewhere", 04444), 0);
    assert_refused_with(GIT_HANDOVER_LINKS_LEAVE, "is no pack of the mirror");
    assert_int_equal(chmod("elsewhere", 0444), 0);
    assert_int_equal(unlink("elsewhere"), 0);
    assert_int_equal(symlink("/etc/passwd", "elsewhere"), 0);
    assert_int_equal(linkat(AT_FDCWD, "elsewhere", AT_FDCWD, "tree/.git/objects/pack/link", 0), 0);
    assert_refused_with(GIT_HANDOVER_LINKS_LEAVE, "has more than one name");
    assert_int_equal(unlink("tree/.git/objects/pack/link"), 0);
    assert_int_equal(give_with(GIT_HANDOVER_LINKS_LEAVE, &err), 0);
    assert_int_equal(unlink("elsewhere"), 0);
    handover.maker = geteuid() + 1; /* what is the owner's already is fine, but not with links */
    make_linked_file("tree/.git/objects/pack/pack-2.pack", 0444);
    assert_int_equal(git_handover_give(&handover, AT_FDCWD, "tree", &err), -1);
}

static void a_mirror_is_given_with_its_packs(void **state)
{
    struct error err = {0};

    (void)state;
    make_directories("tree/objects/pack");
    make_linked_file("tree/objects/pack/pack-1.pack", 0444);
    assert_int_equal(give_with(GIT_HANDOVER_LINKS_GIVE, &err), 0);
    assert_refused_with(GIT_HANDOVER_LINKS_LEAVE, "has more than one name");
}

static void files_get_the_time_that_is_asked_for(void **state)
{
    struct git_handover handover = to_ourselves(GIT_HANDOVER_LINKS_REFUSE);
    struct error err = {0};

    (void)state;
    make_directories("tree/d");
    make_file("tree/d/f", 0644);
    assert_int_equal(git_handover_give(&handover, AT_FDCWD, "tree", &err), 0);
    assert_int_not_equal(look_at("tree/d/f").st_mtim.tv_sec, 1000);
    handover.modified_at = 1000;
    assert_int_equal(git_handover_give(&handover, AT_FDCWD, "tree", &err), 0);
    assert_int_equal(look_at("tree/d/f").st_mtim.tv_sec, 1000);
    assert_int_equal(look_at("tree/d/f").st_mtim.tv_nsec, 0);
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
    assert_int_equal(git_handover_give(&(const struct git_handover){.maker = geteuid() + 1,
                                                                    .owner = geteuid() + 2},
                                       AT_FDCWD, "tree/f", &err),
                     -1);
    assert_non_null(strstr(err.message, "somebody else"));
}

static void a_link_in_the_place_of_the_tree_is_not_followed(void **state)
{
    struct git_handover handover = to_ourselves(GIT_HANDOVER_LINKS_REFUSE);
    struct error err = {0};

    (void)state;
    assert_int_equal(mkdir("victim", 0755), 0);
    assert_int_equal(chmod("victim", 01777), 0);
    assert_int_equal(symlink("victim", "link"), 0);
    assert_int_equal(git_handover_give(&handover, AT_FDCWD, "link", &err), 0);
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
    auto_free char *here = get_current_dir_name();
    auto_free char *final = path_join(here, "final");
    struct error err = {0};

    (void)state;
    assert_int_equal(git_handover_move(AT_FDCWD, "tree", final, &err), 0);
    assert_true(S_ISDIR(look_at("final").st_mode));
    assert_int_equal(mkdir("tree", 0755), 0);
    assert_int_equal(git_handover_move(AT_FDCWD, "tree", final, &err), -1); /* though it is empty */
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
        IN_FOLDER(a_pack_with_a_second_name_is_left_as_it_is),
        IN_FOLDER(whoever_is_root_gives_all_but_the_packs),
        IN_FOLDER(a_second_name_is_refused_anywhere_but_among_the_packs),
        IN_FOLDER(a_second_name_of_what_is_no_pack_is_refused),
        IN_FOLDER(a_mirror_is_given_with_its_packs),
        IN_FOLDER(files_get_the_time_that_is_asked_for),
        IN_FOLDER(what_is_neither_file_nor_directory_nor_link_is_refused),
        IN_FOLDER(files_of_somebody_else_are_refused),
        IN_FOLDER(a_link_in_the_place_of_the_tree_is_not_followed),
        IN_FOLDER(a_tree_that_is_too_deep_is_refused),
        IN_FOLDER(a_tree_is_moved_but_never_over_something),
    };

    umask(022);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
