#include "tests/unit/spec_directory.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void names_tell_what_can_be_a_spec(void **state)
{
    static const struct {
        const char *name;
        bool is_relevant;
    } rows[] = {
        {"web.yaml", true},
        {"web.yml", true},
        {"a.b.yaml", true},
        {"WEB.yaml", true},
        {"\xc3\xa4.yaml", true},
        {"status.yaml", true},
        {"my-status.yaml", true},
        {"web.status.yml", true},
        {"web.YAML", false},
        {"web.json", false},
        {"web.yaml~", false},
        {"web.yaml.swp", false},
        {".web.yaml", false},
        {".web.yaml.tmp", false},
        {"web.status.yaml", false},
        {".yaml", false},
        {"", false},
        {"web.yaml.tmp", false},
        {"#web.yaml#", false},
        {"webyaml", false},
        {"4913", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (spec_name_is_relevant(rows[i].name) != rows[i].is_relevant) {
            fail_msg("\"%s\"", rows[i].name);
        }
    }
}

static void only_specs_are_read(void **state)
{
    struct spec_directory *directory = *state;

    directory_drop(directory, "a.yaml", "a", "x:1");
    directory_drop(directory, "b.yml", "b", "x:1");
    directory_drop(directory, ".c.yaml", "c", "x:1");
    directory_drop(directory, "d.status.yaml", "d", "x:1");
    directory_drop(directory, "e.yaml.tmp", "e", "x:1");
    directory_drop(directory, "f.txt", "f", "x:1");
    directory_make(directory, ".git");
    directory_drop(directory, ".git/g.yaml", "g", "x:1");
    directory_scan_well(directory);
    assert_int_equal(map_count(&directory->set->files), 2);
    assert_string_equal(directory_image_of(directory, "a"), "x:1");
    assert_string_equal(directory_image_of(directory, "b"), "x:1");
}

static void sub_directories_are_read_and_named(void **state)
{
    struct spec_directory *directory = *state;

    directory_make(directory, "team/eu");
    directory_make(directory, "strange.yaml"); /* a directory all the same */
    directory_drop(directory, "team/eu/a.yaml", "a", "x:1");
    directory_drop(directory, "strange.yaml/b.yaml", "b", "x:1");
    directory_scan_well(directory);
    assert_non_null(directory_file_of(directory, "team/eu/a.yaml"));
    assert_non_null(directory_file_of(directory, "strange.yaml/b.yaml"));
    assert_int_equal(map_count(&directory->scan.directories), 4);
    assert_non_null(map_get(&directory->scan.directories, ""));
    assert_non_null(map_get(&directory->scan.directories, "team/eu"));
}

static void what_changed_is_read_again_and_nothing_else(void **state)
{
    struct spec_directory *directory = *state;

    directory_drop(directory, "a.yaml", "a", "x:1");
    directory_drop(directory, "b.yaml", "b", "x:1");
    directory_scan_well(directory);
    directory_scan_well(directory);
    assert_false(directory_file_of(directory, "a.yaml")->is_changed);
    directory_drop(directory, "a.yaml", "a", "x:22");
    directory_scan_well(directory);
    assert_string_equal(directory_image_of(directory, "a"), "x:22");
    assert_true(directory_file_of(directory, "a.yaml")->is_changed);
    assert_false(directory_file_of(directory, "b.yaml")->is_changed);
}

/* Until its last change lies so far back that another one would show in its times. */
static void wait_until_settled(const struct spec_directory *directory, const char *name)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    auto_free char *path = directory_path(directory, name);
    struct stat info;
    int64_t changed_ms;

    assert_int_equal(stat(path, &info), 0);
    changed_ms = (int64_t)info.st_ctim.tv_sec * MS_PER_SECOND + info.st_ctim.tv_nsec / NS_PER_MS;
    while (clock_wall_ms() - changed_ms < 100) {
        nanosleep(&pause, NULL);
    }
}

/*
 * Somebody has it open for writing and has not written: who read it again would have to wait for
 * that.
 */
static void an_unchanged_file_is_not_read_again(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *path = directory_path(directory, "a.yaml");
    auto_close int fd = -1;

    directory_drop(directory, "a.yaml", "a", "x:1");
    wait_until_settled(directory, "a.yaml");
    directory_scan_well(directory);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    directory_scan_well(directory);
    assert_false(directory->scan.is_being_written);
    assert_string_equal(directory_image_of(directory, "a"), "x:1");
    close(TAKE_FD(fd));
    directory_drop(directory, "a.yaml", "a", "x:2"); /* of the same size */
    directory_scan_well(directory);
    assert_string_equal(directory_image_of(directory, "a"), "x:2");
    wait_until_settled(directory, "a.yaml");
    directory_scan_well(directory);
    directory_remove(directory, "a.yaml");
    directory_scan_well(directory);
    directory_scan_well(directory);
    assert_null(directory_image_of(directory, "a"));
    assert_int_equal(map_count(&directory->scan.known), 0);
}

/*
 * Twice within one tick of the file system's clock, with the same size: its times may not show it.
 */
static void a_file_that_changed_a_moment_ago_is_read_again(void **state)
{
    struct spec_directory *directory = *state;

    for (int i = 0; i < 50; i++) {
        directory_drop(directory, "a.yaml", "a", i % 2 == 0 ? "x:1" : "x:2");
        directory_scan_well(directory);
        assert_string_equal(directory_image_of(directory, "a"), i % 2 == 0 ? "x:1" : "x:2");
    }
}

/* Editors and git write a new file and rename it over the old one. */
static void a_file_that_was_replaced_is_read_again(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *from = directory_path(directory, ".a.yaml.swp"),
                   *to = directory_path(directory, "a.yaml");

    directory_drop(directory, "a.yaml", "a", "x:1");
    directory_scan_well(directory);
    directory_drop(directory, ".a.yaml.swp", "a", "x:2");
    assert_int_equal(rename(from, to), 0);
    directory_scan_well(directory);
    assert_string_equal(directory_image_of(directory, "a"), "x:2");
}

static void a_file_that_went_is_gone_after_two_looks(void **state)
{
    struct spec_directory *directory = *state;

    directory_drop(directory, "a.yaml", "a", "x:1");
    directory_drop(directory, "b.yaml", "b", "x:1");
    directory_scan_well(directory);
    directory_remove(directory, "a.yaml");
    directory_scan_well(directory);
    assert_non_null(directory_image_of(directory, "a"));
    directory_scan_well(directory);
    assert_null(directory_image_of(directory, "a"));
    assert_non_null(directory_image_of(directory, "b"));
    directory_drop(directory, "a.yaml", "a", "x:1"); /* the same bytes again */
    directory_scan_well(directory);
    assert_non_null(directory_image_of(directory, "a"));
}

static void a_missing_directory_is_unknown_and_not_empty(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *away = xasprintf("%s-away", directory->path);

    directory_drop(directory, "a.yaml", "a", "x:1");
    directory_scan_well(directory);
    assert_int_equal(rename(directory->path, away), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(directory_scan(directory), -1);
    }
    assert_string_equal(directory_image_of(directory, "a"), "x:1");
    assert_int_equal(rename(away, directory->path), 0);
    directory_scan_well(directory);
    assert_string_equal(directory_image_of(directory, "a"), "x:1");
    assert_int_equal(map_count(&directory->set->changes), 0);
}

static void an_unreadable_directory_is_unknown_and_not_empty(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *sub = NULL;

    directory_make(directory, "sub");
    sub = directory_path(directory, "sub");
    directory_drop(directory, "sub/a.yaml", "a", "x:1");
    directory_drop(directory, "b.yaml", "b", "x:1");
    directory_scan_well(directory);
    assert_int_equal(chmod(sub, 0), 0);
    directory_drop(directory, "b.yaml", "b", "x:22");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(directory_scan_as_nobody(directory), 0);
    }
    assert_string_equal(directory_image_of(directory, "a"), "x:1");
    assert_string_equal(directory_image_of(directory, "b"), "x:22"); /* and the others go on */
    assert_int_equal(chmod(directory->path, 0700), 0);
    if (geteuid() == 0) {
        assert_int_equal(directory_scan_as_nobody(directory), -1);
    }
    assert_int_equal(chmod(directory->path, 0755), 0);
    assert_int_equal(chmod(sub, 0755), 0);
    directory_scan_well(directory);
    assert_string_equal(directory_image_of(directory, "a"), "x:1");
}

static void an_unreadable_file_keeps_its_version_and_says_why(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *path = directory_path(directory, "a.yaml");

    directory_drop(directory, "a.yaml", "a", "x:1");
    directory_scan_well(directory);
    assert_int_equal(chmod(path, 0), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(directory_scan_as_nobody(directory), 0);
    }
    assert_string_equal(directory_image_of(directory, "a"), "x:1");
    assert_string_equal(directory_file_of(directory, "a.yaml")->unreadable,
                        "cannot be read: Permission denied");
    assert_int_equal(chmod(path, 0644), 0);
    for (int i = 0; i < 3; i++) { /* who cannot see writers waits until it rests */
        assert_int_equal(directory_scan_as_nobody(directory), 0);
    }
    assert_null(directory_file_of(directory, "a.yaml")->unreadable);
    assert_string_equal(directory_image_of(directory, "a"), "x:1");
}

/* kubelet's and git-sync's way: a link to a directory is switched, and all files change at once. */
static void links_inside_the_directory_are_followed(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *from = NULL, *to = NULL;

    directory_make(directory, "..2026_01");
    directory_make(directory, "..2026_02");
    directory_drop(directory, "..2026_01/a.yaml", "a", "x:1");
    directory_drop(directory, "..2026_02/a.yaml", "a", "x:2");
    directory_link(directory, "..data", "..2026_01");
    directory_link(directory, "a.yaml", "..data/a.yaml");
    directory_scan_well(directory);
    assert_string_equal(directory_image_of(directory, "a"), "x:1");
    assert_int_equal(map_count(&directory->set->files), 1);
    directory_link(directory, "..data_tmp", "..2026_02");
    from = directory_path(directory, "..data_tmp");
    to = directory_path(directory, "..data");
    assert_int_equal(rename(from, to), 0);
    directory_scan_well(directory);
    assert_string_equal(directory_image_of(directory, "a"), "x:2");
}

static void links_out_of_the_directory_are_not_followed(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *outside = xasprintf("%s.outside.yaml", directory->path);
    auto_free char *relative = xasprintf("../%s", strrchr(outside, '/') + 1);
    auto_free char *text = directory_spec("a", "x:1");
    static const char *const names[] = {"absolute.yaml", "relative.yaml", "sub/up.yaml"};
    struct error err = {0};

    assert_int_equal(file_replace(AT_FDCWD, outside, text, strlen(text), 0644, FILE_VISIBLE, &err),
                     0);
    directory_link(directory, "absolute.yaml", outside);
    directory_link(directory, "relative.yaml", relative);
    directory_make(directory, "sub");
    directory_link(directory, "sub/up.yaml", "../../../../../../etc/hostname");
    directory_scan_well(directory);
    unlink(outside);
    assert_null(directory_image_of(directory, "a"));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) { /* and their statuses tell */
        assert_string_equal(directory_file_of(directory, names[i])->unreadable,
                            "is a link that leads out of the spec directory");
    }
    assert_null(directory_file_of(directory, "sub/up.yaml")->parsed);
}

static void a_link_to_nothing_is_no_file(void **state)
{
    struct spec_directory *directory = *state;

    directory_link(directory, "a.yaml", "nothing.yaml");
    directory_link(directory, "loop.yaml", "loop.yaml");
    directory_make(directory, "sub");
    directory_link(directory, "sub/back", "..");
    directory_scan_well(directory);
    assert_null(directory_file_of(directory, "a.yaml"));
    assert_int_equal(map_count(&directory->set->entries), 0);
    assert_int_equal(map_count(&directory->scan.directories),
                     2); /* a linked directory is not entered */
}

static void what_is_no_regular_file_is_passed_over(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *fifo = directory_path(directory, "fifo.yaml");

    assert_int_equal(mkfifo(fifo, 0644), 0);
    directory_link(directory, "null.yaml", "/dev/null");
    directory_drop(directory, "a.yaml", "a", "x:1");
    directory_scan_well(directory); /* and does not wait for somebody to write */
    assert_non_null(directory_image_of(directory, "a"));
    assert_null(directory_file_of(directory, "fifo.yaml"));
}

static void a_file_that_is_being_written_keeps_its_version(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *path = directory_path(directory, "a.yaml");
    auto_free char *text = directory_spec("a", "x:22");
    auto_close int fd = -1;

    directory_drop(directory, "a.yaml", "a", "x:1");
    directory_scan_well(directory);
    assert_false(directory->scan.is_being_written);
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(write(fd, text, 40) == 40);
    for (int i = 0; i < 5; i++) {
        directory_scan_well(directory);
        assert_true(directory->scan.is_being_written); /* look again soon */
        assert_string_equal(directory_image_of(directory, "a"), "x:1");
        assert_true(spec_set_find(directory->set, "Instance/a")->is_valid);
    }
    assert_true(write(fd, text + 40, strlen(text) - 40) == (ssize_t)strlen(text) - 40);
    close(TAKE_FD(fd));
    directory_scan_well(directory);
    assert_false(directory->scan.is_being_written);
    assert_string_equal(directory_image_of(directory, "a"), "x:22");
}

static void a_new_file_waits_until_it_is_written(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *path = directory_path(directory, "a.yaml");
    auto_free char *text = directory_spec("a", "x:1");
    auto_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    directory_scan_well(directory);
    assert_true(directory->scan.is_being_written);
    assert_null(directory_file_of(directory, "a.yaml")); /* no error is shown for half a file */
    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(TAKE_FD(fd));
    directory_scan_well(directory);
    assert_string_equal(directory_image_of(directory, "a"), "x:1");
}

static void long_and_foreign_names_are_names(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *longest = xmalloc(256);

    memset(longest, 'n', 250);
    memcpy(longest + 250, ".yaml", 6);
    directory_drop(directory, longest, "a", "x:1");
    directory_drop(directory, "\xe6\x97\xa5\xe6\x9c\xac \xc3\xa4.yaml", "b", "x:1");
    directory_drop(directory, "new\nline.yaml", "c", "x:1");
    directory_drop(directory, "-rf *.yaml", "d", "x:1");
    directory_drop(directory, "tab\t.yaml", "e", "x:1");
    directory_scan_well(directory);
    for (char name[] = "a"; name[0] <= 'e'; name[0]++) {
        assert_non_null(directory_image_of(directory, name));
    }
    assert_non_null(directory_file_of(directory, longest));
    assert_non_null(directory_file_of(directory, "\xe6\x97\xa5\xe6\x9c\xac \xc3\xa4.yaml"));
}

static void names_that_nothing_could_say_are_refused(void **state)
{
    static const char *const names[] = {"\xff\xfe.yaml", "bell\a.yaml", "\x1b[31mred.yaml",
                                        "bad\xc3/a.yaml"};
    struct spec_directory *directory = *state;

    directory_make(directory, "bad\xc3");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        directory_drop(directory, names[i], "a", "x:1");
    }
    directory_scan_well(directory);
    assert_null(directory_image_of(directory, "a"));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        assert_non_null(strstr(directory_file_of(directory, names[i])->unreadable, "not UTF-8"));
    }
}

/* Half of it looks as good as all of it: without a lease only time tells. */
static void where_nobody_tells_who_writes_a_file_must_rest(void **state)
{
    struct spec_directory *directory = *state;

    if (geteuid() != 0) {
        return; /* who owns the files can always tell */
    }
    directory_drop(directory, "a.yaml", "a", "x:1");
    for (int i = 0; i < 3; i++) { /* somebody writes between the looks */
        assert_int_equal(directory_scan_as_nobody(directory), 0);
        assert_true(directory->scan.is_being_written);
        assert_null(directory_file_of(directory, "a.yaml"));
        directory_drop(directory, "a.yaml", "a", "x:22");
    }
    assert_int_equal(directory_scan_as_nobody(directory), 0);
    assert_null(directory_file_of(directory, "a.yaml"));
    assert_int_equal(directory_scan_as_nobody(directory), 0);
    assert_int_equal(directory_scan_as_nobody(directory), 0);
    assert_string_equal(directory_image_of(directory, "a"), "x:22");
    assert_false(directory->scan.is_being_written);
    directory_drop(directory, "a.yaml", "a", "x:333");
    directory->scan.is_single = true; /* as berth validate looks */
    assert_int_equal(directory_scan_as_nobody(directory), 0);
    assert_string_equal(directory_image_of(directory, "a"), "x:333");
}

static void file_systems_of_others_are_known(void **state)
{
    (void)state;
    assert_true(spec_file_system_is_remote(0x6969));     /* NFS */
    assert_true(spec_file_system_is_remote(0xff534d42)); /* CIFS; negative where long has 32 bits */
    assert_true(spec_file_system_is_remote(0x65735546)); /* FUSE, virtiofs */
    assert_false(spec_file_system_is_remote(0xef53));    /* ext4 */
    assert_false(spec_file_system_is_remote(0x01021994)); /* tmpfs */
    assert_false(spec_file_system_is_remote(0x794c7630)); /* overlay */
}

static void an_emptied_file_does_not_speak_for_its_objects(void **state)
{
    struct spec_directory *directory = *state;

    directory_drop(directory, "a.yaml", "a", "x:1");
    directory_scan_well(directory);
    directory_write(directory, "a.yaml", "");
    for (int i = 0; i < 5; i++) {
        directory_scan_well(directory);
    }
    assert_string_equal(directory_image_of(directory, "a"), "x:1");
    assert_non_null(strstr(directory_file_of(directory, "a.yaml")->unreadable, "is empty"));
    directory_write(directory, "a.yaml", "# nothing any more\n"); /* somebody's will */
    for (int i = 0; i < 3; i++) {
        directory_scan_well(directory);
    }
    assert_null(directory_image_of(directory, "a"));
    directory_write(directory, "a.yaml", "");
    directory_scan_well(directory);
    assert_null(directory_file_of(directory, "a.yaml")->unreadable); /* nothing to keep */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_tell_what_can_be_a_spec),
        cmocka_unit_test_setup_teardown(only_specs_are_read, directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(sub_directories_are_read_and_named, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(what_changed_is_read_again_and_nothing_else,
                                        directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(an_unchanged_file_is_not_read_again, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_changed_a_moment_ago_is_read_again,
                                        directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_was_replaced_is_read_again, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_went_is_gone_after_two_looks, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(a_missing_directory_is_unknown_and_not_empty,
                                        directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(an_unreadable_directory_is_unknown_and_not_empty,
                                        directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(an_unreadable_file_keeps_its_version_and_says_why,
                                        directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(links_inside_the_directory_are_followed, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(links_out_of_the_directory_are_not_followed,
                                        directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(a_link_to_nothing_is_no_file, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_regular_file_is_passed_over, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_being_written_keeps_its_version,
                                        directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(a_new_file_waits_until_it_is_written, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(long_and_foreign_names_are_names, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(names_that_nothing_could_say_are_refused, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(where_nobody_tells_who_writes_a_file_must_rest,
                                        directory_setup, directory_teardown),
        cmocka_unit_test(file_systems_of_others_are_known),
        cmocka_unit_test_setup_teardown(an_emptied_file_does_not_speak_for_its_objects,
                                        directory_setup, directory_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
