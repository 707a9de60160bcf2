#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static int values[8];

static void what_was_put_in_is_found_by_its_key(void **state)
{
    auto_done(map) map = {0};
    char key[] = "one";

    (void)state;
    assert_null(map_get(&map, "one"));
    assert_null(map_put(&map, key, &values[1]));
    key[0] = 'x'; /* the map has a copy of its own */
    assert_null(map_put(&map, "two", &values[2]));
    assert_null(map_put(&map, "", &values[3]));
    assert_ptr_equal(map_get(&map, "one"), &values[1]);
    assert_ptr_equal(map_get(&map, "two"), &values[2]);
    assert_ptr_equal(map_get(&map, ""), &values[3]);
    assert_null(map_get(&map, "on"));
    assert_null(map_get(&map, "one "));
    assert_int_equal(map_count(&map), 3);
}

static void a_borrowed_key_is_the_one_that_was_lent_last(void **state)
{
    auto_done(map) map = {0};
    char first[] = "key", second[] = "key";

    (void)state;
    assert_null(map_put_borrowed(&map, first, &values[1]));
    assert_ptr_equal(map_key(map_first(&map)), first);
    assert_ptr_equal(map_get(&map, "key"), &values[1]);
    assert_ptr_equal(map_put_borrowed(&map, second, &values[2]), &values[1]);
    first[0] = 'x';
    assert_ptr_equal(map_key(map_first(&map)), second);
    assert_ptr_equal(map_remove(&map, "key"), &values[2]);
    assert_int_equal(map_count(&map), 0);
}

static void putting_again_replaces_and_gives_the_old_value(void **state)
{
    auto_done(map) map = {0};

    (void)state;
    map_put(&map, "a", &values[1]);
    assert_ptr_equal(map_put(&map, "a", &values[2]), &values[1]);
    assert_ptr_equal(map_get(&map, "a"), &values[2]);
    assert_int_equal(map_count(&map), 1);
}

static void what_is_removed_is_gone(void **state)
{
    auto_done(map) map = {0};

    (void)state;
    map_put(&map, "a", &values[1]);
    map_put(&map, "b", &values[2]);
    assert_ptr_equal(map_remove(&map, "a"), &values[1]);
    assert_null(map_remove(&map, "a"));
    assert_null(map_get(&map, "a"));
    assert_int_equal(map_count(&map), 1);
    assert_ptr_equal(map_remove(&map, "b"), &values[2]);
    assert_null(map_first(&map));
}

static void entries_come_in_order_of_insertion(void **state)
{
    static const char *const keys[] = {"m", "a", "z", "b"};
    auto_done(map) map = {0};
    size_t i = 0;

    (void)state;
    for (i = 0; i < ARRAY_SIZE(keys); i++) {
        map_put(&map, keys[i], &values[i]);
    }
    i = 0;
    for (struct map_entry *entry = map_first(&map); entry != NULL; entry = map_next(entry), i++) {
        assert_string_equal(map_key(entry), keys[i]);
        assert_ptr_equal(map_value(entry), &values[i]);
    }
    assert_int_equal(i, ARRAY_SIZE(keys));
}

static void the_entry_at_hand_may_be_removed(void **state)
{
    auto_done(map) map = {0};
    struct map_entry *next;
    int visited = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        char key[16];

        snprintf(key, sizeof(key), "%d", i);
        map_put(&map, key, i % 2 == 0 ? &values[0] : &values[1]);
    }
    for (struct map_entry *entry = map_first(&map); entry != NULL; entry = next) {
        next = map_next(entry);
        visited++;
        if (map_value(entry) == &values[0]) {
            char key[16];

            snprintf(key, sizeof(key), "%s", map_key(entry));
            map_remove(&map, key);
        }
    }
    assert_int_equal(visited, 100);
    assert_int_equal(map_count(&map), 50);
    assert_null(map_get(&map, "0"));
    assert_non_null(map_get(&map, "1"));
}

static void sorting_puts_the_keys_in_order(void **state)
{
    auto_done(map) map = {0};
    const char *before = "";
    int count = 0;

    (void)state;
    for (int i = 0; i < 500; i++) {
        char key[16];

        snprintf(key, sizeof(key), "k%d", i * 7919 % 500);
        map_put(&map, key, &values[0]);
    }
    map_sort(&map);
    for (struct map_entry *entry = map_first(&map); entry != NULL; entry = map_next(entry)) {
        assert_true(strcmp(before, map_key(entry)) < 0);
        before = map_key(entry);
        count++;
    }
    assert_int_equal(count, 500);
    assert_non_null(map_get(&map, "k250"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_in_is_found_by_its_key),
        cmocka_unit_test(a_borrowed_key_is_the_one_that_was_lent_last),
        cmocka_unit_test(putting_again_replaces_and_gives_the_old_value),
        cmocka_unit_test(what_is_removed_is_gone),
        cmocka_unit_test(entries_come_in_order_of_insertion),
        cmocka_unit_test(the_entry_at_hand_may_be_removed),
        cmocka_unit_test(sorting_puts_the_keys_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
