#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void an_empty_buffer_is_an_empty_text(void **state)
{
    auto_done(strbuf) buf = {0};

    (void)state;
    assert_string_equal(strbuf_text(&buf), "");
    strbuf_reset(&buf);
    strbuf_consume(&buf, 5);
    assert_int_equal(strbuf_append(&buf, NULL, 0), 0);
    assert_string_equal(strbuf_text(&buf), "");
    assert_int_equal(buf.len, 0);
}

static void texts_are_put_one_behind_the_other(void **state)
{
    auto_done(strbuf) buf = {0};

    (void)state;
    assert_int_equal(strbuf_add(&buf, "one"), 0);
    assert_int_equal(strbuf_addf(&buf, " %d %s", 2, "three"), 0);
    assert_int_equal(strbuf_append(&buf, "\0x", 2), 0);
    assert_int_equal(buf.len, 13);
    assert_memory_equal(buf.text, "one 2 three\0x", 14);
}

static void a_long_formatted_text_is_whole(void **state)
{
    auto_done(strbuf) buf = {0};

    (void)state;
    for (int width = 250; width < 262; width++) { /* around the size that needs no second look */
        strbuf_reset(&buf);
        assert_int_equal(strbuf_addf(&buf, "%*d", width, 7), 0);
        assert_int_equal(buf.len, width);
        assert_int_equal(buf.text[width - 1], '7');
        assert_int_equal(buf.text[width], '\0');
    }
}

static void nothing_is_appended_past_the_ceiling(void **state)
{
    auto_done(strbuf) buf = {0};

    (void)state;
    strbuf_init(&buf, 10);
    assert_int_equal(strbuf_add(&buf, "12345678"), 0);
    assert_int_equal(strbuf_add(&buf, "9ab"), -1);
    assert_int_equal(strbuf_addf(&buf, "%s", "9ab"), -1);
    assert_int_equal(strbuf_addf(&buf, "%300d", 1), -1);
    assert_int_equal(strbuf_append(&buf, "x", SIZE_MAX), -1);
    assert_string_equal(strbuf_text(&buf), "12345678");
    assert_int_equal(strbuf_add(&buf, "9a"), 0);
    assert_int_equal(strbuf_add(&buf, "b"), -1);
    assert_string_equal(strbuf_text(&buf), "123456789a");
}

static void consuming_takes_bytes_off_the_front(void **state)
{
    auto_done(strbuf) buf = {0};

    (void)state;
    strbuf_add(&buf, "hello world");
    strbuf_consume(&buf, 6);
    assert_string_equal(strbuf_text(&buf), "world");
    strbuf_consume(&buf, 0);
    assert_string_equal(strbuf_text(&buf), "world");
    strbuf_consume(&buf, 99);
    assert_string_equal(strbuf_text(&buf), "");
}

static void a_taken_text_belongs_to_the_caller_and_the_buffer_starts_anew(void **state)
{
    auto_done(strbuf) buf = {0};
    auto_free char *nothing = NULL, *text = NULL;

    (void)state;
    nothing = strbuf_take(&buf);
    assert_string_equal(nothing, "");
    strbuf_add(&buf, "one");
    text = strbuf_take(&buf);
    strbuf_add(&buf, "two");
    assert_string_equal(text, "one");
    assert_string_equal(strbuf_text(&buf), "two");
}

static void a_buffer_grows_to_what_is_put_in(void **state)
{
    auto_done(strbuf) buf = {0};

    (void)state;
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(strbuf_append(&buf, "abc", 3), 0);
    }
    assert_int_equal(buf.len, 300000);
    assert_int_equal(strlen(buf.text), 300000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_an_empty_text),
        cmocka_unit_test(texts_are_put_one_behind_the_other),
        cmocka_unit_test(a_long_formatted_text_is_whole),
        cmocka_unit_test(nothing_is_appended_past_the_ceiling),
        cmocka_unit_test(consuming_takes_bytes_off_the_front),
        cmocka_unit_test(a_taken_text_belongs_to_the_caller_and_the_buffer_starts_anew),
        cmocka_unit_test(a_buffer_grows_to_what_is_put_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
