#include "clients/docker_list.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static uint64_t digest_of(const char *text)
{
    struct docker_list list;
    struct docker_list_item item;

    docker_list_begin(&list, text, strlen(text));
    assert_int_equal(docker_list_next(&list, &item), 1);
    assert_int_equal(item.text - text, strcspn(text, "{"));
    assert_int_equal(docker_list_next(&list, &item), 0);
    return item.digest;
}

/* Items, or -1 as soon as it is no list. */
static int count(const char *text, size_t len)
{
    /* of its own, so that a step beyond it is seen by the sanitizer */
    auto_free char *copy = xmemdup(text, len);
    struct docker_list list;
    struct docker_list_item item;
    int items = 0, result;

    docker_list_begin(&list, copy, len);
    while ((result = docker_list_next(&list, &item)) > 0) {
        assert_true(item.len > 0 && item.text >= copy && item.text + item.len <= copy + len);
        assert_true(item.digest != 0);
        items++;
    }
    return result < 0 ? -1 : items;
}

static const char hard[] =
    " [ {\"Id\":\"a\",\"Names\":[\"/web\"],\"Labels\":{\"x\":\"}]\\\"[{,\",\"y\\\\\":[]}},\n"
    "{}, {\"Status\":\"Up 5 minutes (healthy)\",\"n\":[[{}],1.5e3,null,true]}\t] \r\n";

static void items_are_those_that_json_has(void **state)
{
    json_auto_t *whole = json_loads(hard, 0, NULL);
    struct docker_list list;
    struct docker_list_item item;
    size_t index = 0;

    (void)state;
    docker_list_begin(&list, hard, strlen(hard));
    while (docker_list_next(&list, &item) > 0) {
        json_auto_t *json = json_loadb(item.text, item.len, 0, NULL);

        assert_true(json_equal(json, json_array_get(whole, index)));
        index++;
    }
    assert_int_equal(index, 3);
    assert_int_equal(json_array_size(whole), 3);
}

static void half_a_list_is_none(void **state)
{
    size_t end = (size_t)(strrchr(hard, ']') - hard);

    (void)state;
    for (size_t len = 0; len <= end; len++) {
        if (count(hard, len) != -1) {
            fail_msg("%zu bytes are taken for a list", len);
        }
    }
    assert_int_equal(count(hard, strlen(hard)), 3);
}

static void what_is_no_list_of_objects_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",          "{}",   "null",       "[1]",     "[\"x\"]",    "[{},]", "[,{}]",
        "[{}{}]",    "[[]]", "[{}] x",     "[{}]]",   "[{}],",      "x[{}]", "[{\"a\":\"b]",
        "[{\"a\\\"", "[{]",  "[{\"a\":[}", "[{} {}]", "[{}\0, {}]", "]",     "[{\"\\\\\\\"}]",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct docker_list_item item;
        struct docker_list list;
        int result;

        docker_list_begin(&list, wrong[i], strlen(wrong[i]));
        while ((result = docker_list_next(&list, &item)) > 0) {
            json_auto_t *json = json_loadb(item.text, item.len, 0, NULL);

            if (json == NULL) { /* its reader sees that */
                result = -1;
                break;
            }
        }
        if (result != -1) {
            fail_msg("\"%s\" is taken for a list", wrong[i]);
        }
    }
    assert_int_equal(count("[]", 2), 0);
    assert_int_equal(count(" [ ] ", 5), 0);
}

static void the_words_about_time_make_no_difference_and_all_else_does(void **state)
{
    static const char *const others[] = {
        "[{\"Id\":\"b\",\"State\":\"running\",\"Status\":\"Up 1 second\"}]",
        "[{\"Id\":\"a\",\"State\":\"exited\",\"Status\":\"Up 1 second\"}]",
        "[{\"Id\":\"a\",\"State\":\"running\",\"Status\":\"Up 1 second\",\"x\":1}]",
        "[{\"Id\":\"a\",\"State\":\"running\",\"x\":{\"Status\":\"Up 1 second\"}}]",
        "[{\"Id\":\"a\",\"State\":\"running\",\"x\":{\"Status\":\"Up 2 second\"}}]",
        "[{\"Id\":\"a\",\"State\":\"runnin\",\"Status\":\"Up 1 second\"}]",
        "[{\"Id\":\"a\",\"State\":\"runningg\",\"Status\":\"Up 1 second\"}]",
        "[{\"Id\":\"aS\",\"tate\":\"running\",\"Status\":\"Up 1 second\"}]",
        "[{}]",
    };
    static const char one[] = "[{\"Id\":\"a\",\"State\":\"running\",\"Status\":\"Up 1 second\"}]";
    uint64_t digest = digest_of(one);

    (void)state;
    assert_true(digest == digest_of(one));
    assert_true(digest == digest_of("[{\"Id\":\"a\",\"State\":\"running\",\"Status\":\"Up 2 years, "
                                    "\\\"so\\\" {it is}\"}]"));
    assert_true(digest == digest_of("[{\"Id\":\"a\",\"State\":\"running\"}]"));
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        for (size_t other = 0; other < i; other++) {
            assert_true(digest_of(others[i]) != digest_of(others[other]));
        }
        assert_true(digest_of(others[i]) != digest);
    }
}

static void names_are_told_where_they_are_plain(void **state)
{
    static const struct {
        const char *names, *name;
    } rows[] = {
        {"[\"/web\"]", "web"},
        {"[\"/web-1.x_y\"]", "web-1.x_y"},
        {"[\"/other/db\",\"/db\"]", NULL},
        {"[\"/other/db\"]", NULL},
        {"[]", NULL},
        {"[\"web\"]", NULL},
        {"[\"/\"]", NULL},
        {"[\"/a\\u0062\"]", NULL},
        {"\"/web\"", NULL},
        {"null", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *text = xasprintf("[{\"Id\":\"x\",\"Names\":%s}]", rows[i].names);
        struct docker_list list;
        struct docker_list_item item;

        docker_list_begin(&list, text, strlen(text));
        assert_int_equal(docker_list_next(&list, &item), 1);
        if (rows[i].name == NULL) {
            assert_null(item.name);
        } else {
            assert_int_equal(item.name_len, strlen(rows[i].name));
            assert_memory_equal(item.name, rows[i].name, item.name_len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_those_that_json_has),
        cmocka_unit_test(half_a_list_is_none),
        cmocka_unit_test(what_is_no_list_of_objects_is_refused),
        cmocka_unit_test(the_words_about_time_make_no_difference_and_all_else_does),
        cmocka_unit_test(names_are_told_where_they_are_plain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
