#include "cli/engine_head.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void a_head_ends_with_an_empty_line(void **state)
{
    (void)state;
    assert_int_equal(engine_head_len(""), 0);
    assert_int_equal(engine_head_len("HTTP/1.1 101 x\r\nA: b\r\n"), 0);
    assert_int_equal(engine_head_len("HTTP/1.1 101 x\r\n\r\nbody"),
                     strlen("HTTP/1.1 101 x\r\n\r\n"));
}

static void the_status_is_a_number_of_three_digits(void **state)
{
    static const struct {
        const char *head;
        int status;
    } rows[] = {
        {"HTTP/1.1 101 UPGRADED\r\n\r\n", 101},
        {"HTTP/1.0 200\r\n\r\n", 200},
        {"HTTP/1.1 4044 x\r\n\r\n", 404},
        {"HTTP/1.1 -10\r\n\r\n", 0},
        {"HTTP/1.1 abc\r\n\r\n", 0},
        {"HTTP/1.1\r\n\r\n", 0},
        {"HTTP/2 200\r\n\r\n", 0},
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(engine_head_status(rows[i].head), rows[i].status);
    }
}

static void the_length_of_a_body_has_a_ceiling(void **state)
{
    static const struct {
        const char *head;
        size_t len;
    } rows[] = {
        {"HTTP/1.1 404 x\r\nContent-Length: 28\r\n\r\n", 28},
        {"HTTP/1.1 404 x\r\ncontent-length:28\r\n\r\n", 28},
        {"HTTP/1.1 404 x\r\nContent-Length: 65536\r\n\r\n", ENGINE_HEAD_MAX},
        {"HTTP/1.1 404 x\r\nContent-Length: 65537\r\n\r\n", 0},
        {"HTTP/1.1 404 x\r\nContent-Length: 99999999999999999999\r\n\r\n", 0},
        {"HTTP/1.1 404 x\r\nContent-Length: x\r\n\r\n", 0},
        {"HTTP/1.1 404 x\r\nX-Content-Length: 1\r\n\r\n", 0},
        {"HTTP/1.1 404 x\r\n\r\n", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(engine_head_body_len(rows[i].head), rows[i].len);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_ends_with_an_empty_line),
        cmocka_unit_test(the_status_is_a_number_of_three_digits),
        cmocka_unit_test(the_length_of_a_body_has_a_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
