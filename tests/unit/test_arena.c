#include "base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void memory_is_zeroed_aligned_and_apart(void **state)
{
    auto_done(arena) arena = {0};
    unsigned char *pieces[300];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        size_t size = i * 37 % 400;

        pieces[i] = arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        for (size_t j = 0; j < size; j++) {
            assert_int_equal(pieces[i][j], 0);
        }
        memset(pieces[i], (int)(i % 251 + 1), size);
    }
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        for (size_t j = 0; j < i * 37 % 400; j++) {
            assert_int_equal(pieces[i][j], i % 251 + 1);
        }
    }
}

static void large_pieces_have_a_place_too(void **state)
{
    auto_done(arena) arena = {0};
    char *large = arena_alloc(&arena, 1 << 20);
    char *small = arena_alloc(&arena, 16);

    (void)state;
    memset(large, 1, 1 << 20);
    memset(small, 2, 16);
    assert_int_equal(large[(1 << 20) - 1], 1);
    assert_int_equal(large[0], 1);
}

static void texts_are_copied(void **state)
{
    auto_done(arena) arena = {0};
    char source[] = "hello";
    char *copy = arena_strdup(&arena, source), *part = arena_strndup(&arena, source, 3);
    char *formatted = arena_printf(&arena, "%s-%d-%s", source, 7, "x");

    (void)state;
    source[0] = 'y';
    assert_string_equal(copy, "hello");
    assert_string_equal(part, "hel");
    assert_string_equal(formatted, "hello-7-x");
    assert_string_equal(arena_strndup(&arena, "", 0), "");
}

static void an_arena_can_be_emptied_and_used_again(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    arena_done(&arena);
    arena_strdup(&arena, "a");
    arena_done(&arena);
    arena_done(&arena);
    assert_string_equal(arena_strdup(&arena, "b"), "b");
    arena_done(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(large_pieces_have_a_place_too),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(an_arena_can_be_emptied_and_used_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
