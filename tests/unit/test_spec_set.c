#include "tests/unit/spec_set_scans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void what_is_there_is_desired(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12") "---\n" OBJECT("db", "postgres:16")});
    assert_string_equal(scans_image_of(set, "Instance/web"), "debian:12");
    assert_string_equal(scans_image_of(set, "Instance/db"), "postgres:16");
    assert_null(spec_set_find(set, "Instance/other"));
    assert_true(scans_is_changed(set, "Instance/web"));
    assert_true(scans_is_changed(set, "Instance/db"));
    assert_false(set->is_waiting);
    spec_set_free(set);
}

static void a_second_look_changes_nothing(void **state)
{
    struct spec_set *set = spec_set_new();
    const struct spec_set_file *file;

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12")});
    file = map_get(&set->files, "a.yaml");
    assert_true(file->is_changed);
    spec_set_clear_changes(set);
    SCAN(set, 2000, {"a.yaml", OBJECT("web", "debian:12")});
    assert_int_equal(map_count(&set->changes), 0);
    assert_false(file->is_changed);
    SCAN(set, 3000, {"a.yaml", "# a comment\n" OBJECT("web", "debian:12")});
    assert_int_equal(map_count(&set->changes), 0); /* the same object, some lines further down */
    assert_true(file->is_changed);
    spec_set_free(set);
}

static void a_new_version_is_in_force_at_once(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12") "---\n" OBJECT("db", "postgres:16")});
    spec_set_clear_changes(set);
    SCAN(set, 1001, {"a.yaml", OBJECT("web", "debian:13") "---\n" OBJECT("db", "postgres:16")});
    assert_string_equal(scans_image_of(set, "Instance/web"), "debian:13");
    assert_true(scans_is_changed(set, "Instance/web"));
    assert_false(scans_is_changed(set, "Instance/db"));
    spec_set_free(set);
}

static void the_last_good_version_stays_in_force(void **state)
{
    static const char *const bad_texts[] = {
        BROKEN("web"),
        "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: web}\nspec: {image: [}\n",
        ": : :\n",
        "\xff\xfe\n",
        "apiVersion: berth.dev/v1\nkind: Instance\nmeta",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad_texts); i++) {
        struct spec_set *set = spec_set_new();
        const struct spec_entry *entry;

        SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12")});
        spec_set_clear_changes(set);
        SCAN(set, 2000, {"a.yaml", bad_texts[i]});
        SCAN(set, 9000, {"a.yaml", bad_texts[i]});
        entry = spec_set_find(set, "Instance/web");
        if (entry == NULL) {
            fail_msg("it is gone after: %s", bad_texts[i]);
        }
        assert_string_equal(entry->object->instance.image, "debian:12");
        assert_false(entry->is_valid);
        assert_true(scans_is_changed(set, "Instance/web")); /* its status has something to tell */
        spec_set_clear_changes(set);
        SCAN(set, 10000, {"a.yaml", OBJECT("web", "debian:12")});
        assert_true(entry->is_valid);
        assert_true(scans_is_changed(set, "Instance/web"));
        spec_set_free(set);
    }
}

static void a_spec_that_never_was_good_is_not_desired(void **state)
{
    struct spec_set *set = spec_set_new();
    const struct spec_set_file *file;

    (void)state;
    SCAN(set, 1000, {"a.yaml", BROKEN("web") "---\n" OBJECT("db", "postgres:16")});
    assert_null(spec_set_find(set, "Instance/web"));
    assert_non_null(spec_set_find(set, "Instance/db"));
    file = map_get(&set->files, "a.yaml");
    assert_int_equal(file->parsed->count, 2); /* its errors are there for the status */
    assert_int_equal(file->parsed->documents[0].error_count, 1);
    spec_set_free(set);
}

static void a_document_without_a_name_is_nobodys(void **state)
{
    struct spec_set *set = spec_set_new();
    const struct spec_set_file *file;

    (void)state;
    SCAN(set, 1000, {"a.yaml", "kind: Instance\n---\n" OBJECT("web", "debian:12")});
    file = map_get(&set->files, "a.yaml");
    assert_int_equal(scans_count(set), 1);
    assert_null(spec_set_other_owner(set, file, &file->parsed->documents[0]));
    spec_set_free(set);
}

static void one_document_taken_out_of_a_file_is_a_deletion(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12") "---\n" OBJECT("db", "postgres:16")});
    SCAN(set, 2000, {"a.yaml", OBJECT("web", "debian:12")});
    SCAN(set, 3000, {"a.yaml", OBJECT("web", "debian:12")});
    assert_null(spec_set_find(set, "Instance/db"));
    assert_non_null(spec_set_find(set, "Instance/web"));
    spec_set_free(set);
}

/* A syntax error further up hides what comes behind it: that is not a deletion. */
static void what_an_error_hides_is_not_deleted(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12") "---\n" OBJECT("db", "postgres:16")});
    SCAN(set, 2000, {"a.yaml", "kind: [\n---\n" OBJECT("db", "postgres:16")});
    SCAN(set, 9000, {"a.yaml", "kind: [\n---\n" OBJECT("db", "postgres:16")});
    assert_non_null(spec_set_find(set, "Instance/web"));
    assert_non_null(spec_set_find(set, "Instance/db"));
    assert_false(spec_set_find(set, "Instance/web")->is_valid);
    spec_set_free(set);
}

/* The half of a file ends within a document: which object that was is not known. */
static void a_document_without_a_name_may_be_any_of_its_file(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12") "---\n" OBJECT("db", "postgres:16")},
         {"b.yaml", OBJECT("other", "x:1")});
    SCAN(set, 2000, {"a.yaml", "apiVersion: berth.dev/v1\nkind: Instan"},
         {"b.yaml", OBJECT("web", "second:1")});
    SCAN(set, 9000, {"a.yaml", "apiVersion: berth.dev/v1\nkind: Instan"},
         {"b.yaml", OBJECT("web", "second:1")});
    assert_non_null(spec_set_find(set, "Instance/db"));
    assert_false(spec_set_find(set, "Instance/db")->is_valid);
    assert_string_equal(scans_image_of(set, "Instance/web"), "debian:12");
    assert_null(spec_set_find(set, "Instance/other")); /* of a file without errors */
    spec_set_free(set);
}

/* Else a controller that starts would begin with what was deleted. */
static void a_file_without_its_deleted_objects_can_be_kept_at_once(void **state)
{
    struct spec_set *set = spec_set_new();
    const struct spec_set_file *file;

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "nginx:1")});
    SCAN(set, 2000, {"a.yaml", "# no object\n"});
    file = map_get(&set->files, "a.yaml");
    assert_true(file->has_missing); /* not sure yet */
    SCAN(set, 3500, {"a.yaml", "# no object\n"});
    assert_int_equal(scans_count(set), 0);
    assert_false(file->has_missing);
    assert_false(file->has_hidden);
    assert_string_equal(file->good_text, "# no object\n");
    spec_set_free(set);
}

static void an_object_that_moves_stays_the_same(void **state)
{
    struct spec_set *set = spec_set_new();
    const struct spec_entry *entry;

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12")});
    SCAN(set, 1100, {"sub/b.yaml", OBJECT("web", "debian:12")});
    entry = spec_set_find(set, "Instance/web");
    assert_string_equal(entry->file, "sub/b.yaml");
    assert_string_equal(entry->object->file, "sub/b.yaml");
    assert_false(set->is_waiting);
    SCAN(set, 9000, {"sub/b.yaml", OBJECT("web", "debian:12")});
    assert_ptr_equal(spec_set_find(set, "Instance/web"), entry);
    spec_set_free(set);
}

static void an_object_that_moves_by_way_of_nowhere_stays_the_same(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12")});
    spec_set_clear_changes(set);
    scans_empty(set, 1100);
    SCAN(set, 1200, {"b.yaml", OBJECT("web", "debian:12")});
    assert_string_equal(spec_set_find(set, "Instance/web")->file, "b.yaml");
    assert_int_equal(scans_count(set), 1);
    spec_set_free(set);
}

static void the_first_owner_keeps_a_name(void **state)
{
    struct spec_set *set = spec_set_new();
    const struct spec_set_file *file;

    (void)state;
    SCAN(set, 1000, {"m.yaml", OBJECT("web", "first:1")});
    SCAN(set, 2000, {"a.yaml", OBJECT("web", "second:1")}, {"m.yaml", OBJECT("web", "first:1")});
    assert_string_equal(scans_image_of(set, "Instance/web"), "first:1");
    file = map_get(&set->files, "a.yaml");
    assert_string_equal(spec_set_other_owner(set, file, &file->parsed->documents[0]), "m.yaml");
    file = map_get(&set->files, "m.yaml");
    assert_null(spec_set_other_owner(set, file, &file->parsed->documents[0]));
    /* also when its own new version is bad, or cannot be read */
    SCAN(set, 3000, {"a.yaml", OBJECT("web", "second:1")}, {"m.yaml", BROKEN("web")});
    assert_string_equal(scans_image_of(set, "Instance/web"), "first:1");
    SCAN(set, 4000, {"a.yaml", OBJECT("web", "second:1")}, {"m.yaml", NULL});
    assert_string_equal(scans_image_of(set, "Instance/web"), "first:1");
    /* and the second one has it when the first gives it up */
    SCAN(set, 5000, {"a.yaml", OBJECT("web", "second:1")}, {"m.yaml", OBJECT("other", "x:1")});
    assert_string_equal(scans_image_of(set, "Instance/web"), "second:1");
    assert_string_equal(spec_set_find(set, "Instance/web")->file, "a.yaml");
    spec_set_free(set);
}

/* Half a file may hold the object that cannot be seen: another file does not get it meanwhile. */
static void the_first_owner_keeps_a_name_also_while_its_file_is_broken(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"m.yaml", OBJECT("web", "first:1")});
    SCAN(set, 2000, {"a.yaml", OBJECT("web", "second:1")}, {"m.yaml", OBJECT("web", "first:1")});
    SCAN(set, 3000, {"a.yaml", OBJECT("web", "second:1")}, {"m.yaml", "kind: [\n"});
    SCAN(set, 9000, {"a.yaml", OBJECT("web", "second:1")}, {"m.yaml", "kind: [\n"});
    assert_string_equal(scans_image_of(set, "Instance/web"), "first:1");
    SCAN(set, 9500, {"a.yaml", OBJECT("web", "second:1")}, {"m.yaml", OBJECT("web", "first:2")});
    assert_string_equal(scans_image_of(set, "Instance/web"), "first:2");
    spec_set_free(set);
}

static void of_two_that_come_together_the_first_by_name_is_the_owner(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"z.yaml", OBJECT("web", "z:1")}, {"b.yaml", OBJECT("web", "b:1")},
         {"m.yaml", OBJECT("web", "m:1")});
    assert_string_equal(scans_image_of(set, "Instance/web"), "b:1");
    spec_set_free(set);
}

static void of_two_in_one_file_the_first_counts(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "first:1") "---\n" OBJECT("web", "second:1")});
    assert_string_equal(scans_image_of(set, "Instance/web"), "first:1");
    assert_int_equal(scans_count(set), 1);
    spec_set_free(set);
}

static void kinds_have_names_of_their_own(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12")},
         {"b.yaml", "apiVersion: berth.dev/v1\nkind: Repository\nmetadata: {name: web}\n"
                    "spec: {url: \"https://h/o/r\"}\n"});
    assert_non_null(spec_set_find(set, "Instance/web"));
    assert_non_null(spec_set_find(set, "Repository/web"));
    spec_set_free(set);
}

static void an_unreadable_file_keeps_what_it_had(void **state)
{
    struct spec_set *set = spec_set_new();
    const struct spec_set_file *file;

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12")});
    spec_set_clear_changes(set);
    SCAN(set, 2000, {"a.yaml", NULL});
    SCAN(set, 9000, {"a.yaml", NULL});
    file = map_get(&set->files, "a.yaml");
    assert_string_equal(file->unreadable, "cannot be read: Permission denied");
    assert_true(file->is_changed); /* its status says so */
    assert_string_equal(scans_image_of(set, "Instance/web"), "debian:12");
    SCAN(set, 9500, {"a.yaml", OBJECT("web", "debian:12")});
    assert_null(file->unreadable);
    assert_true(spec_set_find(set, "Instance/web")->is_valid);
    spec_set_free(set);
}

static void an_unreadable_directory_keeps_what_was_below_it(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"sub/a.yaml", OBJECT("a", "x:1")}, {"sub/deep/b.yaml", OBJECT("b", "x:1")},
         {"subway/c.yaml", OBJECT("c", "x:1")}, {"sub.yaml", OBJECT("d", "x:1")});
    for (uint64_t now_ms = 2000; now_ms <= 4000; now_ms += 1000) {
        spec_set_scan_begin(set);
        spec_set_keep_below(set, "sub");
        spec_set_scan_end(set, now_ms, false);
    }
    assert_non_null(spec_set_find(set, "Instance/a"));
    assert_non_null(spec_set_find(set, "Instance/b"));
    assert_null(spec_set_find(set, "Instance/c"));
    assert_null(spec_set_find(set, "Instance/d"));
    spec_set_free(set);
}

static void the_top_directory_keeps_everything(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("a", "x:1")}, {"sub/b.yaml", OBJECT("b", "x:1")});
    for (uint64_t now_ms = 2000; now_ms <= 4000; now_ms += 1000) {
        spec_set_scan_begin(set);
        spec_set_keep_below(set, "");
        spec_set_scan_end(set, now_ms, false);
    }
    assert_int_equal(scans_count(set), 2);
    assert_false(set->is_waiting);
    spec_set_free(set);
}

static void a_scan_that_is_given_up_changes_nothing(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("a", "x:1")}, {"b.yaml", OBJECT("b", "x:1")});
    spec_set_clear_changes(set);
    spec_set_scan_begin(set);
    spec_set_scan_abort(set);
    assert_int_equal(scans_count(set), 2);
    assert_int_equal(map_count(&set->changes), 0);
    spec_set_scan_begin(set);
    spec_set_keep_below(set, "");
    spec_set_scan_end(set, 5000, false);
    assert_int_equal(scans_count(set), 2);
    spec_set_free(set);
}

/* Else what is kept of it could not be read by the next controller. */
static void what_is_kept_of_a_faulty_file_can_be_read(void **state)
{
    struct spec_set *set = spec_set_new(), *next = spec_set_new();
    const struct spec_set_file *file;

    (void)state;
    SCAN(set, 1000,
         {"a.yaml", "\xef\xbb\xbf# one\xe2\x80\xa8# two\r" OBJECT("a", "x:1") "---\n" BROKEN("b")});
    file = map_get(&set->files, "a.yaml");
    assert_non_null(file->good_text);
    SCAN(next, 1000, {"a.yaml", file->good_text});
    assert_non_null(spec_set_find(next, "Instance/a"));
    assert_false(spec_file_has_errors(
        ((const struct spec_set_file *)map_get(&next->files, "a.yaml"))->parsed));
    spec_set_free(next);
    spec_set_free(set);
}

static void files_that_are_gone_are_forgotten(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12")}, {"b.yaml", ""});
    assert_int_equal(map_count(&set->files), 2);
    scans_empty(set, 2000);
    assert_int_equal(map_count(&set->files), 0);
    assert_int_equal(scans_count(set), 1); /* the object has its second yet */
    scans_empty(set, 3000);
    assert_int_equal(scans_count(set), 0);
    spec_set_free(set);
}

static void a_text_that_has_no_errors_is_kept_for_the_next_controller(void **state)
{
    struct spec_set *set = spec_set_new();
    struct spec_set_file *file;

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12")});
    file = map_get(&set->files, "a.yaml");
    assert_int_equal(file->good_len, strlen(OBJECT("web", "debian:12")));
    assert_memory_equal(file->good_text, OBJECT("web", "debian:12"), file->good_len);
    spec_set_clear_changes(set);
    assert_non_null(file->good_text); /* until somebody has kept it */
    SCAN(set, 2000, {"a.yaml", BROKEN("web")});
    assert_non_null(strstr(file->good_text, "debian:12")); /* what is still in force */
    spec_set_free(set);
}

static void the_good_documents_of_a_file_that_never_was_good_are_kept(void **state)
{
    struct spec_set *set = spec_set_new();
    auto_owned(spec_file) *again = NULL;
    struct spec_set_file *file;

    (void)state;
    SCAN(set, 1000,
         {"a.yaml",
          OBJECT("web", "debian:12") "---\n" BROKEN("bad") "---\n" OBJECT("db", "debian:12")});
    file = map_get(&set->files, "a.yaml");
    assert_non_null(file->good_text);
    again = spec_file_parse("a.yaml", file->good_text, file->good_len);
    assert_false(spec_file_has_errors(again));
    assert_int_equal(again->count, 2);
    assert_string_equal(again->documents[0].name, "web");
    assert_string_equal(again->documents[1].name, "db");
    spec_set_free(set);
}

/*
 * The next controller knows of a file only what it is given: what is in force of it, wherever that
 * came from.
 */
static void what_is_in_force_of_a_faulty_document_moves_with_its_file(void **state)
{
    struct spec_set *set = spec_set_new();
    auto_owned(spec_file) *again = NULL;
    struct spec_set_file *file;

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12") "---\n" OBJECT("db", "postgres:16")});
    SCAN(set, 2000, {"a.yaml", BROKEN("web") "---\n" OBJECT("db", "postgres:17")});
    SCAN(set, 3000, {"b.yaml", BROKEN("web") "---\n" OBJECT("db", "postgres:17")});
    SCAN(set, 9000, {"b.yaml", BROKEN("web") "---\n" OBJECT("db", "postgres:17")});
    assert_string_equal(scans_image_of(set, "Instance/web"), "debian:12");
    file = map_get(&set->files, "b.yaml");
    again = spec_file_parse("b.yaml", file->good_text, file->good_len);
    assert_false(spec_file_has_errors(again));
    assert_int_equal(again->count, 2);
    assert_string_equal(again->documents[0].object->instance.image, "debian:12");
    assert_string_equal(again->documents[1].object->instance.image, "postgres:17");
    spec_set_free(set);
}

static void a_faulty_document_that_becomes_the_owner_keeps_what_is_in_force(void **state)
{
    struct spec_set *set = spec_set_new();
    struct spec_set_file *file;

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12")}, {"b.yaml", BROKEN("web")});
    file = map_get(&set->files, "b.yaml");
    assert_null(file->good_text);
    spec_set_clear_changes(set);
    SCAN(set, 2000, {"b.yaml", BROKEN("web")});
    assert_string_equal(spec_set_find(set, "Instance/web")->file, "b.yaml");
    assert_non_null(strstr(file->good_text, "debian:12"));
    spec_set_free(set);
}

/* Its status file is written anew, and goes when the file has nothing else. */
static void a_file_that_loses_an_object_to_another_is_changed(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12")});
    SCAN(set, 2000, {"a.yaml", ""});
    spec_set_clear_changes(set);
    SCAN(set, 2100, {"a.yaml", ""}, {"b.yaml", OBJECT("web", "debian:12")});
    assert_true(((struct spec_set_file *)map_get(&set->files, "a.yaml"))->is_changed);
    spec_set_free(set);
}

/* The next controller begins with what was kept: it must not find the second owner first. */
static void what_another_file_owns_is_not_kept_for_the_next_controller(void **state)
{
    struct spec_set *set = spec_set_new();
    struct spec_set_file *file;

    (void)state;
    SCAN(set, 1000, {"m.yaml", OBJECT("web", "first:1")});
    SCAN(set, 2000, {"a.yaml", OBJECT("web", "second:1") "---\n" OBJECT("db", "postgres:16")},
         {"m.yaml", OBJECT("web", "first:1")});
    file = map_get(&set->files, "a.yaml");
    assert_null(strstr(file->good_text, "second:1"));
    assert_non_null(strstr(file->good_text, "postgres:16"));
    spec_set_free(set);
}

static void an_empty_set_is_freed(void **state)
{
    (void)state;
    spec_set_free(NULL);
    spec_set_free(spec_set_new());
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there_is_desired),
        cmocka_unit_test(a_second_look_changes_nothing),
        cmocka_unit_test(a_new_version_is_in_force_at_once),
        cmocka_unit_test(the_last_good_version_stays_in_force),
        cmocka_unit_test(a_spec_that_never_was_good_is_not_desired),
        cmocka_unit_test(a_document_without_a_name_is_nobodys),
        cmocka_unit_test(one_document_taken_out_of_a_file_is_a_deletion),
        cmocka_unit_test(what_an_error_hides_is_not_deleted),
        cmocka_unit_test(a_document_without_a_name_may_be_any_of_its_file),
        cmocka_unit_test(a_file_without_its_deleted_objects_can_be_kept_at_once),
        cmocka_unit_test(an_object_that_moves_stays_the_same),
        cmocka_unit_test(an_object_that_moves_by_way_of_nowhere_stays_the_same),
        cmocka_unit_test(the_first_owner_keeps_a_name),
        cmocka_unit_test(the_first_owner_keeps_a_name_also_while_its_file_is_broken),
        cmocka_unit_test(of_two_that_come_together_the_first_by_name_is_the_owner),
        cmocka_unit_test(of_two_in_one_file_the_first_counts),
        cmocka_unit_test(kinds_have_names_of_their_own),
        cmocka_unit_test(an_unreadable_file_keeps_what_it_had),
        cmocka_unit_test(an_unreadable_directory_keeps_what_was_below_it),
        cmocka_unit_test(the_top_directory_keeps_everything),
        cmocka_unit_test(a_scan_that_is_given_up_changes_nothing),
        cmocka_unit_test(what_is_kept_of_a_faulty_file_can_be_read),
        cmocka_unit_test(files_that_are_gone_are_forgotten),
        cmocka_unit_test(a_text_that_has_no_errors_is_kept_for_the_next_controller),
        cmocka_unit_test(the_good_documents_of_a_file_that_never_was_good_are_kept),
        cmocka_unit_test(what_is_in_force_of_a_faulty_document_moves_with_its_file),
        cmocka_unit_test(a_faulty_document_that_becomes_the_owner_keeps_what_is_in_force),
        cmocka_unit_test(a_file_that_loses_an_object_to_another_is_changed),
        cmocka_unit_test(what_another_file_owns_is_not_kept_for_the_next_controller),
        cmocka_unit_test(an_empty_set_is_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
