#include "tests/unit/spec_set_scans.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* after its friends, which it needs */
#include <cmocka.h>

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
        assert_false(scans_is_changed(set, "Instance/web"));
        SCAN(set, rows[i].second_ms, {"b.yaml", OBJECT("db", "pg:16")});
        assert_int_equal(spec_set_find(set, "Instance/web") == NULL, rows[i].is_gone);
        assert_int_equal(scans_is_changed(set, "Instance/web"), rows[i].is_gone);
        assert_int_equal(set->is_waiting, !rows[i].is_gone);
        spec_set_free(set);
    }
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

/* Objects by number, one in each file, of which the first `missing` are left out. */
static void put_herd(struct spec_set *set, unsigned first, unsigned end, unsigned missing)
{
    for (unsigned i = first + missing; i < end; i++) {
        auto_free char *name = xasprintf("vm-%02u.yaml", i);
        auto_free char *text = xasprintf("apiVersion: berth.dev/v1\nkind: Instance\n"
                                         "metadata: {name: vm-%02u}\nspec: {}\n",
                                         i);

        scans_put(set, &(struct scanned_file){name, text});
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
                          const struct scanned_file *other)
{
    spec_set_scan_begin(set);
    put_herd(set, 0, count, missing);
    scans_put(set, other);
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
        assert_int_equal(scans_count(set), rows[i].count - (rows[i].is_held ? 0 : rows[i].missing));
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
        assert_int_equal(scans_count(set), 10);
    }
    assert_int_equal(set->held_count, 0);
    scan_herd(set, 20000, 10, 3, false); /* no hold is left that would spare these a second look */
    assert_int_equal(scans_count(set), 10);
    scan_herd(set, 22000, 10, 3, false);
    assert_int_equal(scans_count(set), 7);
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
        assert_int_equal(scans_count(set), 20);
        assert_int_equal(set->held_count, missing);
    }
    scan_last_missing(set, now_ms, 20, 3, false); /* one more goes: no part of the hold */
    scan_last_missing(set, now_ms + 1500, 20, 3, false);
    assert_int_equal(scans_count(set), 19);
    assert_int_equal(set->held_count, 3);
    scan_herd(set, now_ms + 5000, 19, 4, false); /* another one, which the word is not about */
    scan_herd(set, now_ms + 6500, 19, 4, true);
    assert_int_equal(scans_count(set), 16);
    assert_true(set->is_waiting);
    assert_non_null(spec_set_find(set, "Instance/vm-03"));
    scan_herd(set, now_ms + 8000, 19, 4, false);
    assert_int_equal(scans_count(set), 15);
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
    assert_int_equal(scans_count(set), 8);
    assert_int_equal(set->held_count, 0);
    assert_false(set->is_waiting);
    assert_true(scans_is_changed(set, "Instance/vm-03"));

    scan_herd(set, 3000, 20, 12, false);
    spec_set_scan_begin(set); /* the word was for the scan that it came before */
    put_herd(set, 0, 20, 16);
    spec_set_scan_end(set, 4000, false);
    assert_int_equal(scans_count(set), 8);
    spec_set_free(set);
}

static void what_is_meant_to_go_says_nothing_of_the_others(void **state)
{
    struct spec_set *set = spec_set_new();

    (void)state;
    scan_herd(set, 1000, 20, 0, false);
    mean(set, 0, 4);
    scan_herd(set, 2000, 20, 14, false); /* ten more are missing of the sixteen that are left */
    assert_int_equal(scans_count(set), 16);
    scan_herd(set, 4000, 20, 14, false);
    assert_int_equal(set->held_count, 10);
    mean(set, 4, 10); /* and are held: a word for some of them */
    scan_herd(set, 5000, 20, 14, false);
    assert_int_equal(scans_count(set), 10);
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
    assert_int_equal(scans_count(set), 20);
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
    assert_int_equal(scans_count(set), 2);
    assert_int_equal(set->held_count, 1);
    SCAN(set, 29000, {"a.yaml", OBJECT("a", "x:1")}, {"b.yaml", OBJECT("b", "x:1")});
    assert_int_equal(scans_count(set), 2);
    assert_int_equal(set->held_count, 0);
    SCAN(set, 30000, {"a.yaml", OBJECT("a", "x:1")});
    SCAN(set, 32000, {"a.yaml", OBJECT("a", "x:1")});
    assert_int_equal(scans_count(set), 1);
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
    assert_true(scans_is_changed(set, "Instance/vm-00")); /* its status says that it is held */
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
    assert_int_equal(scans_count(set), 2);
    assert_true(scans_is_changed(set, "Instance/vm-00"));
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
    assert_int_equal(scans_count(set), 10);
    assert_false(spec_set_find(set, "Instance/vm-03")->is_held);
    assert_true(scans_is_changed(set, "Instance/vm-03"));
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
    scans_put(set, &(struct scanned_file){"new.yaml", OBJECT("new", "x:1")});
    scans_put(set, &(struct scanned_file){"vm-08.yaml", OBJECT("vm-08", "x:2")});
    scans_put(set, &(struct scanned_file){"vm-09.yaml", OBJECT("vm-09", "x:2")});
    spec_set_scan_end(set, 4000, false);
    assert_string_equal(scans_image_of(set, "Instance/new"), "x:1");
    assert_string_equal(scans_image_of(set, "Instance/vm-08"), "x:2");
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
        scan_herd_and(set, now_ms, 9, 1,
                      &(struct scanned_file){name, OBJECT("vm-09", "debian:12")});
        assert_int_equal(scans_count(set), 10);
        assert_true(set->is_waiting);
    }
    scan_herd_and(set, now_ms + 999, 9, 1,
                  &(struct scanned_file){"moved-9.yaml", OBJECT("vm-09", "debian:12")});
    assert_int_equal(scans_count(set), 10);
    scan_herd_and(set, now_ms + 1000, 9, 1,
                  &(struct scanned_file){"moved-9.yaml", OBJECT("vm-09", "debian:12")});
    assert_int_equal(scans_count(set), 9);
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
        assert_int_equal(scans_count(set), now_ms < 2000 + SPEC_DELETION_PATIENCE_MS ? 10 : 9);
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
        scan_herd_and(set, now_ms, 10, 1, &(struct scanned_file){"other.yaml", text});
        assert_int_equal(scans_count(set),
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
            assert_true(scans_count(set) <= 8 + gone_in_patience + 1);
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
    assert_int_equal(scans_count(set), 10);
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
    assert_int_equal(scans_count(set), 40);
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
    assert_int_equal(scans_count(set), 18);
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
    scans_empty(set, 10500);
    assert_non_null(spec_set_find(set, "Instance/web"));
    scans_empty(set, 11500);
    assert_null(spec_set_find(set, "Instance/web"));
    spec_set_free(set);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deletion_takes_two_scans_a_second_apart),
        cmocka_unit_test(a_file_that_comes_back_was_never_gone),
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
        cmocka_unit_test(a_hold_does_not_hold_up_the_rest),
        cmocka_unit_test(while_what_was_missing_comes_back_nothing_is_deleted),
        cmocka_unit_test(patience_with_what_moves_all_the_time_has_an_end),
        cmocka_unit_test(changes_of_others_hold_up_a_deletion_for_some_seconds),
        cmocka_unit_test(turnover_is_no_mass_deletion),
        cmocka_unit_test(a_mass_deletion_in_portions_is_held),
        cmocka_unit_test(new_files_do_not_end_a_hold),
        cmocka_unit_test(after_a_hold_small_deletions_go_on_as_before),
        cmocka_unit_test(a_new_file_that_is_still_being_written_may_hold_what_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
