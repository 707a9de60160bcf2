#include "base/cleanup.h"
#include "base/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void distance_counts_single_edits(void **state)
{
    static const struct {
        const char *a, *b;
        unsigned distance;
    } rows[] = {
        {"", "", 0},
        {"a", "a", 0},
        {"a", "", 1},
        {"", "abc", 3},
        {"image", "imgae", 1},
        {"image", "imag", 1},
        {"image", "imagex", 1},
        {"image", "imbge", 1},
        {"Image", "image", 0},
        {"kitten", "sitting", 3},
        {"ab", "ba", 1},
        {"abc", "cab", 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(suggest_distance(rows[i].a, rows[i].b), rows[i].distance);
        assert_int_equal(suggest_distance(rows[i].b, rows[i].a), rows[i].distance);
    }
}

static void long_words_are_far_from_everything(void **state)
{
    char word[64];

    (void)state;
    memset(word, 'a', sizeof(word));
    word[62] = '\0';
    assert_int_equal(suggest_distance(word, word), 0);
    word[62] = 'a';
    word[63] = '\0';
    assert_int_equal(suggest_distance(word, word), 99);
    assert_int_equal(suggest_distance("a", word), 99);
}

static void the_nearest_word_is_suggested_or_none(void **state)
{
    static const char *const words[] = {"image", "imagePullPolicy", "ports", "env", "machineType"};
    static const struct {
        const char *text, *word;
    } rows[] = {
        {"imgae", "image"},      {"Image", "image"},
        {"port", "ports"},       {"ENV", "env"},
        {"evn", "env"},          {"machinetype", "machineType"},
        {"mach", "machineType"}, {"imagepull", "imagePullPolicy"},
        {"replicas", NULL},      {"", NULL},
        {"somethingElse", NULL}, {"mt", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *word = suggest_nearest(rows[i].text, words, ARRAY_SIZE(words));

        if (rows[i].word == NULL) {
            assert_null(word);
        } else {
            assert_non_null(word);
            assert_string_equal(word, rows[i].word);
        }
    }
    assert_null(suggest_nearest("image", words, 0));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(distance_counts_single_edits),
        cmocka_unit_test(long_words_are_far_from_everything),
        cmocka_unit_test(the_nearest_word_is_suggested_or_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
