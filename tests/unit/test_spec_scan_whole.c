#include "tests/unit/spec_directory.h"

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

/* Another directory at the same path, as when the right one is not mounted. */
static void replace_by_empty(const struct spec_directory *directory, const char *away)
{
    assert_int_equal(rename(directory->path, away), 0);
    assert_int_equal(mkdir(directory->path, 0755), 0);
}

static void an_empty_directory_in_the_place_of_another_deletes_nothing(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *away = xasprintf("%s-away", directory->path);
    json_auto_t *places = NULL;
    struct error err = {0};

    directory_drop(directory, "a.yaml", "a",
                   "x:1"); /* one alone is below every number that is held */
    directory_scan_well(directory);
    assert_true(directory->scan.are_places_changed);
    places = spec_scan_places(&directory->scan);
    replace_by_empty(directory, away);
    for (int i = 0; i < 5; i++) {
        directory_scan_well(directory);
    }
    assert_non_null(directory_image_of(directory, "a"));
    assert_int_equal(directory->set->held_count, 1);
    assert_true(directory->set->has_doubts);
    spec_scan_done(&directory->scan); /* the next controller knows it too */
    spec_scan_init(&directory->scan, directory->path);
    spec_scan_recall_places(&directory->scan, places);
    for (int i = 0; i < 5; i++) {
        directory_scan_well(directory);
    }
    assert_int_equal(directory->set->held_count, 1);
    assert_int_equal(rmdir(directory->path), 0);
    assert_int_equal(rename(away, directory->path), 0);
    directory_scan_well(directory);
    assert_int_equal(directory->set->held_count, 0);
    assert_false(directory->set->has_doubts);
    replace_by_empty(directory, away);
    directory_scan_well(directory);
    directory_scan_well(directory);
    assert_int_equal(directory->set->held_count, 1);
    assert_int_equal(
        spec_scan_run(&directory->scan, directory->set, directory->now_ms += 1000, true, &err),
        0); /* somebody confirms */
    assert_null(directory_image_of(directory, "a"));
    assert_int_equal(tree_remove(away, &err), 0);
}

static void another_directory_with_files_in_it_is_as_good(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *away = xasprintf("%s-away", directory->path);
    struct error err = {0};

    directory_drop(directory, "a.yaml", "a", "x:1");
    directory_drop(directory, "b.yaml", "b", "x:1");
    directory_scan_well(directory);
    replace_by_empty(directory, away);
    directory_drop(directory, "b.yaml", "b", "x:1");
    for (int i = 0; i < 3; i++) {
        directory_scan_well(directory);
    }
    assert_null(directory_image_of(directory, "a"));
    assert_non_null(directory_image_of(directory, "b"));
    directory_remove(directory, "b.yaml"); /* and the same one, emptied, is believed */
    directory_scan_well(directory);
    directory_scan_well(directory);
    assert_null(directory_image_of(directory, "b"));
    assert_int_equal(tree_remove(away, &err), 0);
}

enum { MANY = 10000 };

static double seconds_of(const struct timespec *from)
{
    struct timespec to;

    clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from->tv_sec) + (double)(to.tv_nsec - from->tv_nsec) / 1e9;
}

/*
 * All of them at once, and then nearly all of them gone: nothing in it grows with the square of
 * their number.
 */
static void ten_thousand_files_at_once(void **state)
{
    struct spec_directory *directory = *state;
    struct timespec from;
    double all, again, gone;

    for (int i = 0; i < MANY; i++) {
        auto_free char *name = xasprintf("d%d/f%d.yaml", i % 100, i);
        auto_free char *below = xasprintf("d%d", i % 100), *object = xasprintf("o%d", i);

        if (i < 100) {
            directory_make(directory, below);
        }
        directory_drop(directory, name, object, "x:1");
    }
    clock_gettime(CLOCK_MONOTONIC, &from);
    directory_scan_well(directory);
    all = seconds_of(&from);
    assert_int_equal(map_count(&directory->set->entries), MANY);
    clock_gettime(CLOCK_MONOTONIC, &from);
    directory_scan_well(directory);
    again = seconds_of(&from);
    for (int i = 0; i < MANY - 1; i++) {
        auto_free char *name = xasprintf("d%d/f%d.yaml", i % 100, i);

        directory_remove(directory, name);
    }
    clock_gettime(CLOCK_MONOTONIC, &from);
    directory_scan_well(directory);
    directory_scan_well(directory);
    gone = seconds_of(&from);
    assert_int_equal(directory->set->held_count, MANY - 1);
    print_message("# 10000 files: %.2f s, again %.2f s, gone %.2f s\n", all, again, gone);
    assert_true(all < 20 && again < 5 && gone < 5); /* about a tenth of that on an idle machine */
}

static void directories_are_entered_to_a_depth(void **state)
{
    struct spec_directory *directory = *state;
    auto_done(strbuf) path = {0};
    auto_free char *near = NULL, *far = NULL;

    for (int depth = 1; depth <= 30; depth++) {
        strbuf_addf(&path, "%sd%d", depth > 1 ? "/" : "", depth);
        if (depth == 10) {
            near = xasprintf("%s/a.yaml", strbuf_text(&path));
        }
    }
    directory_make(directory, strbuf_text(&path));
    far = xasprintf("%s/b.yaml", strbuf_text(&path));
    directory_drop(directory, near, "a", "x:1");
    directory_drop(directory, far, "b", "x:1");
    directory_scan_well(directory);
    assert_non_null(directory_image_of(directory, "a"));
    assert_null(directory_image_of(directory, "b"));
}

static void a_file_that_is_too_large_is_one_error(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *path = directory_path(directory, "a.yaml");
    auto_close int fd = -1;

    directory_drop(directory, "a.yaml", "a", "x:1");
    directory_scan_well(directory);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)1 << 30), 0); /* a hole: no disk is used */
    close(TAKE_FD(fd));
    directory_scan_well(directory);
    assert_int_equal(directory_file_of(directory, "a.yaml")->parsed->error_count, 1);
    assert_string_equal(directory_image_of(directory, "a"), "x:1"); /* the last good version */
}

static void an_empty_directory_is_empty(void **state)
{
    struct spec_directory *directory = *state;

    directory_scan_well(directory);
    assert_int_equal(map_count(&directory->set->files), 0);
    directory_write(directory, "empty.yaml", "");
    directory_scan_well(directory);
    assert_int_equal(map_count(&directory->set->files), 1);
    assert_int_equal(map_count(&directory->set->entries), 0);
}

static void a_directory_that_holds_too_much_changes_nothing(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *one = directory_spec("one", "a:1"), *changed = directory_spec("one", "a:2");
    auto_free char *two = directory_spec("two", "a:1"), *three = directory_spec("three", "a:1");
    auto_free char *folder = directory_path(directory, "folder"),
                   *last = directory_path(directory, "three.yaml");
    struct error err = {0};

    directory->scan.max_items = 3;
    directory_write(directory, "one.yaml", one);
    directory_write(directory, "notes.txt", "this does not count");
    assert_int_equal(mkdir(folder, 0755), 0);
    directory_write(directory, "folder/two.yaml", two);
    assert_int_equal(spec_scan_run(&directory->scan, directory->set, 1000, false, &err), 0);
    assert_int_equal(map_count(&directory->set->files), 2); /* at the ceiling */
    spec_set_clear_changes(directory->set);

    directory_write(directory, "three.yaml", three);
    directory_write(directory, "one.yaml", changed);
    for (uint64_t now_ms = 2000; now_ms < 9000; now_ms += 3000) {
        assert_int_equal(spec_scan_run(&directory->scan, directory->set, now_ms, true, &err), -1);
        assert_non_null(strstr(err.message, "holds more than 3 spec files and folders"));
        assert_int_equal(map_count(&directory->set->files), 2);
        assert_int_equal(map_count(&directory->set->changes), 0);
        error_clear(&err);
    }
    assert_int_equal(unlink(last), 0);
    assert_int_equal(spec_scan_run(&directory->scan, directory->set, 9000, false, &err), 0);
    assert_int_equal(map_count(&directory->set->changes), 1);
}

static void files_that_are_too_much_together_keep_their_last_version(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *text = directory_spec("a", "a:1"), *longer = NULL;
    const struct spec_set_file *file;
    size_t unreadable = 0;

    directory->scan.max_bytes = 2 * strlen(text);
    directory_write(directory, "a.yaml", text);
    directory_drop(directory, "b.yaml", "b", "a:1");
    directory_scan_well(directory); /* both just fit */
    assert_non_null(spec_set_find(directory->set, "Instance/a"));
    assert_non_null(spec_set_find(directory->set, "Instance/b"));
    longer = xasprintf("%s ", text);
    directory_write(directory, "a.yaml", longer);
    directory_scan_well(directory);
    for (struct map_entry *at = map_first(&directory->set->files); at != NULL; at = map_next(at)) {
        file = map_value(at);
        unreadable += file->unreadable != NULL;
        assert_true(file->unreadable == NULL || strstr(file->unreadable, "is left out") != NULL);
    }
    assert_int_equal(unreadable, 1); /* whichever comes second */
    assert_non_null(spec_set_find(directory->set, "Instance/a"));
    assert_non_null(spec_set_find(directory->set, "Instance/b"));
    assert_int_equal(map_count(&directory->set->changes), 0);
    directory_write(directory, "a.yaml", text);
    directory_scan_well(directory);
    file = map_get(&directory->set->files, "a.yaml");
    assert_null(file->unreadable);
    file = map_get(&directory->set->files, "b.yaml");
    assert_null(file->unreadable);
}

/* --- single files --- */

/* As the watch names them. */
static bool take(struct spec_directory *directory, const char *name)
{
    auto_done(map) names = {0};

    directory->now_ms += 1000;
    spec_set_clear_changes(directory->set);
    map_put(&names, name, directory);
    return spec_scan_files(&directory->scan, directory->set, &names, directory->now_ms);
}

static void a_file_that_is_named_is_read_and_no_other_one(void **state)
{
    struct spec_directory *directory = *state;

    directory_make(directory, "team");
    directory_drop(directory, "a.yaml", "a", "x:1");
    directory_drop(directory, "team/b.yaml", "b", "x:1");
    directory_scan_well(directory);
    directory_drop(directory, "a.yaml", "a", "x:2");
    directory_drop(directory, "team/b.yaml", "b", "x:2");
    assert_true(take(directory, "team/b.yaml"));
    assert_string_equal(directory_image_of(directory, "a"), "x:1");
    assert_string_equal(directory_image_of(directory, "b"), "x:2");
    assert_true(take(directory, "team/b.yaml")); /* nothing new in it */
    assert_int_equal(map_count(&directory->set->changes), 0);
    directory_drop(directory, "team/c.yaml", "c", "x:1");
    assert_true(take(directory, "team/c.yaml"));
    assert_string_equal(directory_image_of(directory, "c"), "x:1");
    directory_scan_well(directory);
    assert_string_equal(directory_image_of(directory, "a"), "x:2");
    assert_int_equal(map_count(&directory->set->changes), 1);
}

static void what_one_name_does_not_tell_wants_a_scan(void **state)
{
    struct spec_directory *directory = *state;
    auto_free char *from = directory_path(directory, "a.yaml"),
                   *to = directory_path(directory, "other.yaml");

    directory_make(directory, ".hidden");
    directory_drop(directory, "a.yaml", "a", "x:1");
    directory_scan_well(directory);
    assert_false(take(directory, "gone.yaml"));
    directory_drop(directory, ".hidden/b.yaml", "b", "x:1");
    assert_false(take(directory, ".hidden/b.yaml"));
    directory_make(directory, "new");
    directory_drop(directory, "new/b.yaml", "b", "x:1");
    assert_false(take(directory, "new/b.yaml"));
    directory_write(directory, "a.yaml", "");
    assert_false(take(directory, "a.yaml"));
    directory_write(directory, "a.yaml", "kind: [");
    assert_false(take(directory, "a.yaml"));
    assert_string_equal(directory_image_of(directory, "a"), "x:1");
    directory_drop(directory, "a.yaml", "a", "x:2");
    assert_int_equal(link(from, to), 0);
    assert_false(take(directory, "a.yaml")); /* the other name shows the same */
    directory_remove(directory, "other.yaml");
    assert_true(take(directory, "a.yaml"));
    directory_link(directory, "link.yaml", "a.yaml");
    assert_false(take(directory, "link.yaml"));
    directory_scan_well(directory);
    directory_drop(directory, "a.yaml", "a", "x:3");
    assert_false(take(directory, "a.yaml")); /* what the link shows has changed as well */
}

static void a_file_that_is_named_counts_with_all_others(void **state)
{
    struct spec_directory *directory = *state;

    directory->scan.max_items = 2;
    directory_drop(directory, "a.yaml", "a", "x:1");
    directory_scan_well(directory);
    directory_drop(directory, "b.yaml", "b", "x:1");
    assert_true(take(directory, "b.yaml"));
    directory_drop(directory, "c.yaml", "c", "x:1");
    assert_false(take(directory, "c.yaml"));
    directory->scan.max_bytes = directory->scan.bytes + 10;
    directory_drop(directory, "a.yaml", "a", "x:2");
    assert_false(take(directory, "a.yaml"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_directory_in_the_place_of_another_deletes_nothing,
                                        directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(another_directory_with_files_in_it_is_as_good,
                                        directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(ten_thousand_files_at_once, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(directories_are_entered_to_a_depth, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_too_large_is_one_error, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(a_directory_that_holds_too_much_changes_nothing,
                                        directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(files_that_are_too_much_together_keep_their_last_version,
                                        directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(an_empty_directory_is_empty, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_named_is_read_and_no_other_one,
                                        directory_setup, directory_teardown),
        cmocka_unit_test_setup_teardown(what_one_name_does_not_tell_wants_a_scan, directory_setup,
                                        directory_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_named_counts_with_all_others,
                                        directory_setup, directory_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
