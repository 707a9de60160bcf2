#include "base/cleanup.h"
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void setting_an_error_fails_with_its_kind_and_words(void **state)
{
    struct error err = {0};

    (void)state;
    assert_int_equal(error_set(&err, ERROR_CONFLICT, "port %d is taken", 80), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_null(err.reason);
    assert_string_equal(err.message, "port 80 is taken");
}

static void a_reason_goes_with_the_error(void **state)
{
    struct error err = {0};

    (void)state;
    assert_int_equal(error_set_reason(&err, ERROR_INVALID, "InvalidURL", "bad %s", "url"), -1);
    assert_string_equal(err.reason, "InvalidURL");
    assert_string_equal(err.message, "bad url");
}

static void each_layer_puts_its_own_words_in_front(void **state)
{
    struct error err = {0};

    (void)state;
    error_set_reason(&err, ERROR_TRANSIENT, "ImagePullFailed", "no route to host");
    assert_int_equal(error_wrap(&err, "pull image \"%s\"", "app:9"), -1);
    assert_int_equal(error_wrap(&err, "start instance \"%s\"", "web-2"), -1);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    assert_string_equal(err.reason, "ImagePullFailed");
    assert_string_equal(err.message,
                        "start instance \"web-2\": pull image \"app:9\": no route to host");
}

static void a_system_error_gets_a_kind_by_its_number(void **state)
{
    static const struct {
        int number;
        enum error_kind kind;
    } rows[] = {
        {ENOENT, ERROR_NOT_FOUND}, {ENOTDIR, ERROR_NOT_FOUND}, {EEXIST, ERROR_CONFLICT},
        {EACCES, ERROR_INVALID},   {ELOOP, ERROR_INVALID},     {ENOSPC, ERROR_TRANSIENT},
        {EMFILE, ERROR_TRANSIENT}, {EIO, ERROR_TRANSIENT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};

        assert_int_equal(error_set_errno(&err, rows[i].number, "read \"%s\"", "x"), -1);
        assert_int_equal(err.kind, rows[i].kind);
        assert_memory_equal(err.message, "read \"x\": ", strlen("read \"x\": "));
        assert_non_null(strstr(err.message, strerror(rows[i].number)));
    }
}

static void a_long_message_loses_its_end_and_nothing_else(void **state)
{
    char text[4096];
    struct error err = {0};

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    error_set(&err, ERROR_INVALID, "%s", text);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    error_wrap(&err, "front");
    assert_memory_equal(err.message, "front: xxx", 10);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    error_wrap(&err, "%s", text);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
    error_clear(&err);
    error_set_errno(&err, ENOENT, "%s", text);
    assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
}

static void a_cleared_error_can_be_set_again(void **state)
{
    struct error err = {0};

    (void)state;
    error_set_reason(&err, ERROR_INVALID, "InvalidSpec", "one");
    error_clear(&err);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_null(err.reason);
    assert_string_equal(err.message, "");
    error_set(&err, ERROR_INTERNAL, "two");
    assert_string_equal(err.message, "two");
}

static void every_kind_has_a_word(void **state)
{
    (void)state;
    assert_string_equal(error_kind_name(ERROR_NONE), "none");
    assert_string_equal(error_kind_name(ERROR_TRANSIENT), "transient");
    assert_string_equal(error_kind_name(ERROR_CONFLICT), "conflict");
    assert_string_equal(error_kind_name(ERROR_NOT_FOUND), "not-found");
    assert_string_equal(error_kind_name(ERROR_INVALID), "invalid");
    assert_string_equal(error_kind_name(ERROR_INTERNAL), "internal");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_an_error_fails_with_its_kind_and_words),
        cmocka_unit_test(a_reason_goes_with_the_error),
        cmocka_unit_test(each_layer_puts_its_own_words_in_front),
        cmocka_unit_test(a_system_error_gets_a_kind_by_its_number),
        cmocka_unit_test(a_long_message_loses_its_end_and_nothing_else),
        cmocka_unit_test(a_cleared_error_can_be_set_again),
        cmocka_unit_test(every_kind_has_a_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
