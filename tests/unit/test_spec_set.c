#include "specs/spec_set.h"

#include "base/memory.h"
#include "base/parse.h"
#include "base/sha256.h"
#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* A directory as a test sees it: names and texts. A text of NULL is a file that cannot be read. */
struct file {
    const char *name, *text;
};

#define OBJECT(name, image)                                                                        \
    "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: " name "}\nspec: {image: \"" image \
    "\"}\n"
#define BROKEN(name)                                                                               \
    "apiVersion: berth.dev/v1\nkind: Instance\nmetadata: {name: " name "}\nspec: {imagge: "        \
    "\"x\"}\n"

static void put(struct spec_set *set, const struct file *file)
{
    char digest[SHA256_HEX_SIZE];

    if (file->text == NULL) {
        spec_set_file_keep(set, file->name, "cannot be read: Permission denied");
        return;
    }
    sha256_hex(file->text, strlen(file->text), digest);
    if (!spec_set_file_is_known(set, file->name, digest)) {
        spec_set_file_put(set, file->name, digest, file->text, strlen(file->text));
    }
}

static void scan(struct spec_set *set, uint64_t now_ms, const struct file *files)
{
    spec_set_scan_begin(set);
    for (; files->name != NULL; files++) {
        put(set, files);
    }
    spec_set_scan_end(set, now_ms, false);
}

#define SCAN(set, now_ms, ...) scan(set, now_ms, (const struct file[]){__VA_ARGS__, {NULL, NULL}})

static void scan_empty(struct spec_set *set, uint64_t now_ms)
{
    scan(set, now_ms, (const struct file[]){{NULL, NULL}});
}

static const char *image_of(const struct spec_set *set, const char *key)
{
    const struct spec_entry *entry = spec_set_find(set, key);

    return entry != NULL ? entry->object->instance.image : NULL;
}

static bool is_changed(const struct spec_set *set, const char *key)
{
    return map_get(&set->changes, key) != NULL;
}

static size_t count_objects(const struct spec_set *set)
{
    return map_count(&set->entries);
}

static void what_is_there_is_desired(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12") "---\n" OBJECT("db", "postgres:16")});
    assert_string_equal(image_of(set, "Instance/web"), "debian:12");
    assert_string_equal(image_of(set, "Instance/db"), "postgres:16");
    assert_null(spec_set_find(set, "Instance/other"));
    assert_true(is_changed(set, "Instance/web"));
    assert_true(is_changed(set, "Instance/db"));
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
    assert_string_equal(image_of(set, "Instance/web"), "debian:13");
    assert_true(is_changed(set, "Instance/web"));
    assert_false(is_changed(set, "Instance/db"));
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
        assert_true(is_changed(set, "Instance/web")); /* its status has something to tell */
        spec_set_clear_changes(set);
        SCAN(set, 10000, {"a.yaml", OBJECT("web", "debian:12")});
        assert_true(entry->is_valid);
        assert_true(is_changed(set, "Instance/web"));
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
    assert_int_equal(count_objects(set), 1);
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
    assert_string_equal(image_of(set, "Instance/web"), "debian:12");
    assert_null(spec_set_find(set, "Instance/other")); /* of a file without errors */
    spec_set_free(set);
}

static void a_deletion_takes_two_scans_a_second_apart(void **state)
{
    static const struct {
        uint64_t first_ms, second_ms;
        bool is_gone;
    } rows[] = {
        {2000, 2001, false}, {2000, 2999, false}, {2000, 3000, true},
        {0, 999, false},     {0, 1001, true}, /* a clock that begins at 0 */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct spec_set *set = spec_set_new();

        SCAN(set, 0, {"a.yaml", OBJECT("web", "debian:12")}, {"b.yaml", OBJECT("db", "pg:16")});
        spec_set_clear_changes(set);
        SCAN(set, rows[i].first_ms, {"b.yaml", OBJECT("db", "pg:16")});
        assert_non_null(spec_set_find(set, "Instance/web"));
        assert_true(set->is_waiting);
        assert_false(is_changed(set, "Instance/web"));
        SCAN(set, rows[i].second_ms, {"b.yaml", OBJECT("db", "pg:16")});
        assert_int_equal(spec_set_find(set, "Instance/web") == NULL, rows[i].is_gone);
        assert_int_equal(is_changed(set, "Instance/web"), rows[i].is_gone);
        assert_int_equal(set->is_waiting, !rows[i].is_gone);
        spec_set_free(set);
    }
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
    assert_int_equal(count_objects(set), 0);
    assert_false(file->has_missing);
    assert_false(file->has_hidden);
    assert_string_equal(file->good_text, "# no object\n");
    spec_set_free(set);
}

static void a_file_that_comes_back_was_never_gone(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12")}, {"b.yaml", OBJECT("db", "pg:16")});
    spec_set_clear_changes(set);
    SCAN(set, 2000, {"b.yaml", OBJECT("db", "pg:16")});
    SCAN(set, 2500, {"a.yaml", OBJECT("web", "debian:12")}, {"b.yaml", OBJECT("db", "pg:16")});
    assert_false(set->is_waiting);
    assert_int_equal(map_count(&set->changes), 0);
    SCAN(set, 3200, {"b.yaml", OBJECT("db", "pg:16")});
    assert_non_null(spec_set_find(set, "Instance/web")); /* the second has to pass anew */
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
    scan_empty(set, 1100);
    SCAN(set, 1200, {"b.yaml", OBJECT("web", "debian:12")});
    assert_string_equal(spec_set_find(set, "Instance/web")->file, "b.yaml");
    assert_int_equal(count_objects(set), 1);
    spec_set_free(set);
}

static void the_first_owner_keeps_a_name(void **state)
{
    struct spec_set *set = spec_set_new();
    const struct spec_set_file *file;

    (void)state;
    SCAN(set, 1000, {"m.yaml", OBJECT("web", "first:1")});
    SCAN(set, 2000, {"a.yaml", OBJECT("web", "second:1")}, {"m.yaml", OBJECT("web", "first:1")});
    assert_string_equal(image_of(set, "Instance/web"), "first:1");
    file = map_get(&set->files, "a.yaml");
    assert_string_equal(spec_set_other_owner(set, file, &file->parsed->documents[0]), "m.yaml");
    file = map_get(&set->files, "m.yaml");
    assert_null(spec_set_other_owner(set, file, &file->parsed->documents[0]));
    /* also when its own new version is bad, or cannot be read */
    SCAN(set, 3000, {"a.yaml", OBJECT("web", "second:1")}, {"m.yaml", BROKEN("web")});
    assert_string_equal(image_of(set, "Instance/web"), "first:1");
    SCAN(set, 4000, {"a.yaml", OBJECT("web", "second:1")}, {"m.yaml", NULL});
    assert_string_equal(image_of(set, "Instance/web"), "first:1");
    /* and the second one has it when the first gives it up */
    SCAN(set, 5000, {"a.yaml", OBJECT("web", "second:1")}, {"m.yaml", OBJECT("other", "x:1")});
    assert_string_equal(image_of(set, "Instance/web"), "second:1");
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
    assert_string_equal(image_of(set, "Instance/web"), "first:1");
    SCAN(set, 9500, {"a.yaml", OBJECT("web", "second:1")}, {"m.yaml", OBJECT("web", "first:2")});
    assert_string_equal(image_of(set, "Instance/web"), "first:2");
    spec_set_free(set);
}

static void of_two_that_come_together_the_first_by_name_is_the_owner(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"z.yaml", OBJECT("web", "z:1")}, {"b.yaml", OBJECT("web", "b:1")},
         {"m.yaml", OBJECT("web", "m:1")});
    assert_string_equal(image_of(set, "Instance/web"), "b:1");
    spec_set_free(set);
}

static void of_two_in_one_file_the_first_counts(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "first:1") "---\n" OBJECT("web", "second:1")});
    assert_string_equal(image_of(set, "Instance/web"), "first:1");
    assert_int_equal(count_objects(set), 1);
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
    assert_string_equal(image_of(set, "Instance/web"), "debian:12");
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
    assert_int_equal(count_objects(set), 2);
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
    assert_int_equal(count_objects(set), 2);
    assert_int_equal(map_count(&set->changes), 0);
    spec_set_scan_begin(set);
    spec_set_keep_below(set, "");
    spec_set_scan_end(set, 5000, false);
    assert_int_equal(count_objects(set), 2);
    spec_set_free(set);
}

/* Objects by number, one in each file, of which the first `missing` are left out. */
static void put_herd(struct spec_set *set, unsigned first, unsigned end, unsigned missing)
{
    for (unsigned i = first + missing; i < end; i++) {
        auto_free char *name = xasprintf("vm-%02u.yaml", i);
        auto_free char *text = xasprintf("apiVersion: berth.dev/v1\nkind: Instance\n"
                                         "metadata: {name: vm-%02u}\nspec: {}\n",
                                         i);

        put(set, &(struct file){name, text});
    }
}

static void scan_herd(struct spec_set *set, uint64_t now_ms, unsigned count, unsigned missing,
                      bool is_confirmed)
{
    spec_set_scan_begin(set);
    put_herd(set, 0, count, missing);
    spec_set_scan_end(set, now_ms, is_confirmed);
}

/* The last one is missing, too. */
static void scan_last_missing(struct spec_set *set, uint64_t now_ms, unsigned count,
                              unsigned missing, bool is_confirmed)
{
    spec_set_scan_begin(set);
    put_herd(set, 0, count - 1, missing);
    spec_set_scan_end(set, now_ms, is_confirmed);
}

static void scan_herd_and(struct spec_set *set, uint64_t now_ms, unsigned count, unsigned missing,
                          const struct file *other)
{
    spec_set_scan_begin(set);
    put_herd(set, 0, count, missing);
    put(set, other);
    spec_set_scan_end(set, now_ms, false);
}

static void a_mass_deletion_is_held(void **state)
{
    static const struct {
        unsigned count, missing;
        bool is_held;
    } rows[] = {
        {5, 5, false},   {6, 6, true},     {7, 5, false},
        {10, 6, true},   {12, 6, false}, /* exactly half */
        {13, 7, true},   {100, 6, false},  {100, 50, false},
        {100, 51, true}, {100, 100, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct spec_set *set = spec_set_new();

        scan_herd(set, 1000, rows[i].count, 0, false);
        scan_herd(set, 2000, rows[i].count, rows[i].missing, false);
        scan_herd(set, 3000, rows[i].count, rows[i].missing, false);
        assert_int_equal(set->held_count, rows[i].is_held ? rows[i].missing : 0);
        assert_int_equal(count_objects(set),
                         rows[i].count - (rows[i].is_held ? 0 : rows[i].missing));
        spec_set_free(set);
    }
}

static void files_that_come_back_one_by_one_end_a_hold_without_a_deletion(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    scan_herd(set, 1000, 10, 0, false);
    scan_herd(set, 2000, 10, 10, false);
    scan_herd(set, 4000, 10, 10, false);
    assert_int_equal(set->held_count, 10);
    for (unsigned missing = 10; missing-- > 0;) {
        scan_herd(set, 10000 + (10 - missing) * 100, 10, missing, false);
        assert_int_equal(count_objects(set), 10);
    }
    assert_int_equal(set->held_count, 0);
    scan_herd(set, 20000, 10, 3, false); /* no hold is left that would spare these a second look */
    assert_int_equal(count_objects(set), 10);
    scan_herd(set, 22000, 10, 3, false);
    assert_int_equal(count_objects(set), 7);
    spec_set_free(set);
}

/* Put back by hand, one every few seconds, and some not at all. */
static void what_is_held_stays_so_until_it_comes_back_or_is_confirmed(void **state)
{
    struct spec_set *set = spec_set_new();
    uint64_t now_ms = 10000;

    (void)state;
    scan_herd(set, 1000, 20, 0, false);
    scan_herd(set, 2000, 20, 12, false);
    scan_herd(set, 4000, 20, 12, false);
    assert_int_equal(set->held_count, 12);
    for (unsigned missing = 12; missing-- > 3; now_ms += 5000) {
        scan_herd(set, now_ms, 20, missing, false);
        scan_herd(set, now_ms + 2000, 20, missing, false);
        assert_int_equal(count_objects(set), 20);
        assert_int_equal(set->held_count, missing);
    }
    scan_last_missing(set, now_ms, 20, 3, false); /* one more goes: no part of the hold */
    scan_last_missing(set, now_ms + 1500, 20, 3, false);
    assert_int_equal(count_objects(set), 19);
    assert_int_equal(set->held_count, 3);
    scan_herd(set, now_ms + 5000, 19, 4, false); /* another one, which the word is not about */
    scan_herd(set, now_ms + 6500, 19, 4, true);
    assert_int_equal(count_objects(set), 16);
    assert_true(set->is_waiting);
    assert_non_null(spec_set_find(set, "Instance/vm-03"));
    scan_herd(set, now_ms + 8000, 19, 4, false);
    assert_int_equal(count_objects(set), 15);
    spec_set_free(set);
}

static void mean(struct spec_set *set, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++) {
        char key[32];

        snprintf(key, sizeof(key), "Instance/vm-%02u", i);
        spec_set_mean_deletion(set, key);
    }
}

static void what_is_meant_to_go_goes_at_once_and_is_not_held(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    scan_herd(set, 1000, 20, 0, false);
    mean(set, 0, 12);
    mean(set, 15, 16); /* which is seen: it stays */
    mean(set, 90, 91); /* of which nobody knows */
    scan_herd(set, 2000, 20, 12, false);
    assert_int_equal(count_objects(set), 8);
    assert_int_equal(set->held_count, 0);
    assert_false(set->is_waiting);
    assert_true(is_changed(set, "Instance/vm-03"));

    scan_herd(set, 3000, 20, 12, false);
    spec_set_scan_begin(set); /* the word was for the scan that it came before */
    put_herd(set, 0, 20, 16);
    spec_set_scan_end(set, 4000, false);
    assert_int_equal(count_objects(set), 8);
    spec_set_free(set);
}

static void what_is_meant_to_go_says_nothing_of_the_others(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    scan_herd(set, 1000, 20, 0, false);
    mean(set, 0, 4);
    scan_herd(set, 2000, 20, 14, false); /* ten more are missing of the sixteen that are left */
    assert_int_equal(count_objects(set), 16);
    scan_herd(set, 4000, 20, 14, false);
    assert_int_equal(set->held_count, 10);
    mean(set, 4, 10); /* and are held: a word for some of them */
    scan_herd(set, 5000, 20, 14, false);
    assert_int_equal(count_objects(set), 10);
    assert_int_equal(set->held_count, 4);
    spec_set_free(set);
}

static void a_word_without_a_look_means_nothing_later(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    scan_herd(set, 1000, 20, 0, false);
    mean(set, 0, 1);
    spec_set_scan_begin(set);
    spec_set_scan_abort(set);
    scan_herd(set, 3000, 20, 1, false);
    assert_int_equal(count_objects(set), 20);
    spec_set_free(set);
}

static void scan_doubted(struct spec_set *set, uint64_t now_ms)
{
    spec_set_scan_begin(set);
    spec_set_doubt_below(set, "");
    spec_set_scan_end(set, now_ms, false);
}

static void files_that_come_back_into_a_directory_that_was_unmounted_do_not_take_the_rest_down(
    void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("a", "x:1")}, {"b.yaml", OBJECT("b", "x:1")});
    scan_doubted(set, 2000);
    scan_doubted(set, 9000);
    assert_int_equal(set->held_count, 2);
    SCAN(set, 20000, {"a.yaml", OBJECT("a", "x:1")});
    SCAN(set, 28000, {"a.yaml", OBJECT("a", "x:1")});
    assert_int_equal(count_objects(set), 2);
    assert_int_equal(set->held_count, 1);
    SCAN(set, 29000, {"a.yaml", OBJECT("a", "x:1")}, {"b.yaml", OBJECT("b", "x:1")});
    assert_int_equal(count_objects(set), 2);
    assert_int_equal(set->held_count, 0);
    SCAN(set, 30000, {"a.yaml", OBJECT("a", "x:1")});
    SCAN(set, 32000, {"a.yaml", OBJECT("a", "x:1")});
    assert_int_equal(count_objects(set), 1);
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

static void a_hold_lasts_until_it_is_confirmed(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    scan_herd(set, 1000, 10, 0, false);
    scan_herd(set, 2000, 10, 8, false);
    scan_herd(set, 3000, 10, 8, false);
    assert_true(spec_set_find(set, "Instance/vm-00")->is_held);
    assert_true(is_changed(set, "Instance/vm-00")); /* its status says that it is held */
    assert_false(spec_set_find(set, "Instance/vm-09")->is_held);
    spec_set_clear_changes(set);
    for (uint64_t now_ms = 4000; now_ms < 100000; now_ms += 30000) {
        scan_herd(set, now_ms, 10, 8, false);
        assert_int_equal(set->held_count, 8);
        assert_int_equal(map_count(&set->changes), 0);
        assert_false(set->is_waiting); /* nothing is waited for by looking more often */
    }
    scan_herd(set, 200000, 10, 8, true);
    assert_int_equal(set->held_count, 0);
    assert_int_equal(count_objects(set), 2);
    assert_true(is_changed(set, "Instance/vm-00"));
    spec_set_free(set);
}

static void putting_the_files_back_ends_a_hold(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    scan_herd(set, 1000, 10, 0, false);
    scan_herd(set, 2000, 10, 10, false);
    scan_herd(set, 3000, 10, 10, false);
    assert_int_equal(set->held_count, 10);
    spec_set_clear_changes(set);
    scan_herd(set, 4000, 10, 0, false);
    assert_int_equal(set->held_count, 0);
    assert_int_equal(count_objects(set), 10);
    assert_false(spec_set_find(set, "Instance/vm-03")->is_held);
    assert_true(is_changed(set, "Instance/vm-03"));
    spec_set_free(set);
}

static void a_hold_does_not_hold_up_the_rest(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    scan_herd(set, 1000, 10, 0, false);
    scan_herd(set, 2000, 10, 8, false);
    scan_herd(set, 3000, 10, 8, false);
    spec_set_clear_changes(set);
    spec_set_scan_begin(set);
    put(set, &(struct file){"new.yaml", OBJECT("new", "x:1")});
    put(set, &(struct file){"vm-08.yaml", OBJECT("vm-08", "x:2")});
    put(set, &(struct file){"vm-09.yaml", OBJECT("vm-09", "x:2")});
    spec_set_scan_end(set, 4000, false);
    assert_string_equal(image_of(set, "Instance/new"), "x:1");
    assert_string_equal(image_of(set, "Instance/vm-08"), "x:2");
    assert_int_equal(set->held_count, 8);
    spec_set_free(set);
}

/*
 * A checkout in which much moves, of which a scan sees both halves: one file is removed first and
 * comes last.
 */
static void while_what_was_missing_comes_back_nothing_is_deleted(void **state)
{
    struct spec_set *set = spec_set_new();
    uint64_t now_ms = 1000;

    (void)state;
    scan_herd(set, now_ms, 10, 0, false);
    for (int i = 0; i < 10; i++) {
        auto_free char *name = xasprintf("moved-%d.yaml", i);

        now_ms += 500;
        scan_herd(set, now_ms, 9, 1, false); /* vm-09 is moved again and again */
        now_ms += 1000;
        scan_herd_and(set, now_ms, 9, 1, &(struct file){name, OBJECT("vm-09", "debian:12")});
        assert_int_equal(count_objects(set), 10);
        assert_true(set->is_waiting);
    }
    scan_herd_and(set, now_ms + 999, 9, 1,
                  &(struct file){"moved-9.yaml", OBJECT("vm-09", "debian:12")});
    assert_int_equal(count_objects(set), 10);
    scan_herd_and(set, now_ms + 1000, 9, 1,
                  &(struct file){"moved-9.yaml", OBJECT("vm-09", "debian:12")});
    assert_int_equal(count_objects(set), 9);
    assert_null(spec_set_find(set, "Instance/vm-00"));
    spec_set_free(set);
}

static void patience_with_what_moves_all_the_time_has_an_end(void **state)
{
    struct spec_set *set = spec_set_new();
    uint64_t now_ms = 1000;

    (void)state;
    scan_herd(set, now_ms, 10, 0, false);
    for (int i = 0; i < 40; i++) {
        now_ms += 1000;
        spec_set_scan_begin(set);
        put_herd(set, 0, 10, 1);
        spec_set_file_unknown(set); /* a new file that is still being written */
        spec_set_scan_end(set, now_ms, false);
        assert_int_equal(count_objects(set), now_ms < 2000 + SPEC_DELETION_PATIENCE_MS ? 10 : 9);
    }
    spec_set_free(set);
}

/* New objects and new versions of others: seldom has it to do with what is missing. */
static void changes_of_others_hold_up_a_deletion_for_some_seconds(void **state)
{
    struct spec_set *set = spec_set_new();
    uint64_t now_ms = 1000;

    (void)state;
    scan_herd(set, now_ms, 10, 0, false);
    for (int i = 0; i < 10; i++) {
        auto_free char *text = xasprintf(OBJECT("other", "debian:%d"), i);

        now_ms += 1000;
        scan_herd_and(set, now_ms, 10, 1, &(struct file){"other.yaml", text});
        assert_int_equal(count_objects(set),
                         now_ms < 2000 + SPEC_DELETION_CHANGE_PATIENCE_MS ? 11 : 10);
    }
    spec_set_free(set);
}

/*
 * Tasks that are dropped and taken away all the time: as many go in half a minute as there are, but
 * not at once.
 */
static void turnover_is_no_mass_deletion(void **state)
{
    static const unsigned steps_ms[] = {300, 500, 1000, 2000};

    (void)state;
    for (size_t row = 0; row < ARRAY_SIZE(steps_ms); row++) {
        struct spec_set *set = spec_set_new();
        unsigned gone_in_patience =
            (SPEC_DELETION_CHANGE_PATIENCE_MS + SPEC_DELETION_DELAY_MS) / steps_ms[row];

        for (unsigned i = 0; i < 90; i++) {
            spec_set_scan_begin(set);
            put_herd(set, i, i + 8, 0);
            spec_set_scan_end(set, 1000 + (uint64_t)i * steps_ms[row], false);
            assert_int_equal(set->held_count, 0);
            assert_true(count_objects(set) <= 8 + gone_in_patience + 1);
        }
        spec_set_free(set);
    }
}

/* rm -r takes its time, and a scan may come in between. */
static void a_mass_deletion_in_portions_is_held(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    scan_herd(set, 1000, 10, 0, false);
    scan_herd(set, 2000, 10, 5, false);
    scan_herd(set, 2500, 10, 10, false);
    scan_herd(set, 3000, 10, 10, false); /* five are due */
    scan_herd(set, 3500, 10, 10, false); /* and the other five */
    assert_int_equal(count_objects(set), 10);
    assert_int_equal(set->held_count, 10);
    spec_set_free(set);
}

static void new_files_do_not_end_a_hold(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    scan_herd(set, 1000, 12, 0, false);
    scan_herd(set, 2000, 12, 10, false);
    scan_herd(set, 3000, 12, 10, false);
    assert_int_equal(set->held_count, 10);
    scan_herd(set, 4000, 40, 10, false); /* vm-12 to vm-39 are new */
    scan_herd(set, 5000, 40, 10, false);
    assert_int_equal(set->held_count, 10);
    assert_int_equal(count_objects(set), 40);
    assert_non_null(spec_set_find(set, "Instance/vm-00"));
    spec_set_free(set);
}

static void after_a_hold_small_deletions_go_on_as_before(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    scan_herd(set, 1000, 20, 0, false);
    scan_herd(set, 2000, 20, 20, false);
    scan_herd(set, 3000, 20, 20, false);
    assert_int_equal(set->held_count, 20);
    scan_herd(set, 4000, 20, 0, false);
    scan_herd(set, 5000, 20, 2, false);
    scan_herd(set, 6000, 20, 2, false);
    assert_int_equal(set->held_count, 0);
    assert_int_equal(count_objects(set), 18);
    spec_set_free(set);
}

static void files_that_are_gone_are_forgotten(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12")}, {"b.yaml", ""});
    assert_int_equal(map_count(&set->files), 2);
    scan_empty(set, 2000);
    assert_int_equal(map_count(&set->files), 0);
    assert_int_equal(count_objects(set), 1); /* the object has its second yet */
    scan_empty(set, 3000);
    assert_int_equal(count_objects(set), 0);
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
    assert_string_equal(image_of(set, "Instance/web"), "debian:12");
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

static void scan_while_a_new_file_is_written(struct spec_set *set, uint64_t now_ms)
{
    spec_set_scan_begin(set);
    spec_set_file_unknown(set);
    spec_set_scan_end(set, now_ms, false);
}

static void a_new_file_that_is_still_being_written_may_hold_what_is_missing(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    SCAN(set, 1000, {"a.yaml", OBJECT("web", "debian:12")});
    scan_while_a_new_file_is_written(set, 2000);
    scan_while_a_new_file_is_written(set, 9000);
    assert_non_null(spec_set_find(set, "Instance/web"));
    SCAN(set, 9100, {"b.yaml", OBJECT("web", "debian:12")});
    assert_string_equal(spec_set_find(set, "Instance/web")->file, "b.yaml");
    scan_while_a_new_file_is_written(set, 10000);
    scan_empty(set, 10500);
    assert_non_null(spec_set_find(set, "Instance/web"));
    scan_empty(set, 11500);
    assert_null(spec_set_find(set, "Instance/web"));
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
        cmocka_unit_test(a_deletion_takes_two_scans_a_second_apart),
        cmocka_unit_test(a_file_without_its_deleted_objects_can_be_kept_at_once),
        cmocka_unit_test(a_file_that_comes_back_was_never_gone),
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
        cmocka_unit_test(a_mass_deletion_is_held),
        cmocka_unit_test(a_hold_lasts_until_it_is_confirmed),
        cmocka_unit_test(putting_the_files_back_ends_a_hold),
        cmocka_unit_test(files_that_come_back_one_by_one_end_a_hold_without_a_deletion),
        cmocka_unit_test(what_is_meant_to_go_goes_at_once_and_is_not_held),
        cmocka_unit_test(what_is_meant_to_go_says_nothing_of_the_others),
        cmocka_unit_test(a_word_without_a_look_means_nothing_later),
        cmocka_unit_test(what_is_held_stays_so_until_it_comes_back_or_is_confirmed),
        cmocka_unit_test(
            files_that_come_back_into_a_directory_that_was_unmounted_do_not_take_the_rest_down),
        cmocka_unit_test(what_is_kept_of_a_faulty_file_can_be_read),
        cmocka_unit_test(a_hold_does_not_hold_up_the_rest),
        cmocka_unit_test(while_what_was_missing_comes_back_nothing_is_deleted),
        cmocka_unit_test(patience_with_what_moves_all_the_time_has_an_end),
        cmocka_unit_test(changes_of_others_hold_up_a_deletion_for_some_seconds),
        cmocka_unit_test(turnover_is_no_mass_deletion),
        cmocka_unit_test(a_mass_deletion_in_portions_is_held),
        cmocka_unit_test(new_files_do_not_end_a_hold),
        cmocka_unit_test(after_a_hold_small_deletions_go_on_as_before),
        cmocka_unit_test(files_that_are_gone_are_forgotten),
        cmocka_unit_test(a_text_that_has_no_errors_is_kept_for_the_next_controller),
        cmocka_unit_test(the_good_documents_of_a_file_that_never_was_good_are_kept),
        cmocka_unit_test(what_is_in_force_of_a_faulty_document_moves_with_its_file),
        cmocka_unit_test(a_faulty_document_that_becomes_the_owner_keeps_what_is_in_force),
        cmocka_unit_test(a_new_file_that_is_still_being_written_may_hold_what_is_missing),
        cmocka_unit_test(a_file_that_loses_an_object_to_another_is_changed),
        cmocka_unit_test(what_another_file_owns_is_not_kept_for_the_next_controller),
        cmocka_unit_test(an_empty_set_is_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
