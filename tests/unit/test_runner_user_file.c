#include "clients/runner_user.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

#define USER "version=1\nuid=1000\ngid=1001\nhome=/home/node\n"

static void a_user_has_numbers_and_a_home(void **state)
{
    static const char later[] = USER "shell=/bin/sh\n";
    struct runner_user user;
    struct error err = {0};

    (void)state;
    assert_int_equal(runner_user_parse(later, strlen(later), &user, &err), 0);
    assert_int_equal(user.uid, 1000);
    assert_int_equal(user.gid, 1001);
    assert_string_equal(user.home, "/home/node");
}

static void what_the_runner_could_not_find_is_told_in_its_words(void **state)
{
    static const char text[] = "version=1\nerror=no user \"carol\" in /etc/passwd\n";
    struct runner_user user = {.uid = 42};
    struct error err = {0};

    (void)state;
    assert_int_equal(runner_user_parse(text, strlen(text), &user, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_string_equal(err.message,
                        "find the user in the container: no user \"carol\" in /etc/passwd");
    assert_int_equal(user.uid, 42);
}

/* None of these may end as somebody, least of all as root. */
static void what_is_damaged_is_nobody(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "\"version\" is missing"},
        {"version=1\n", "\"uid\" is not a number in 0..2147483647"},
        {"version=2\nuid=1\ngid=1\nhome=/\n", "\"version\" is not a number in 1..1"},
        {"uid=1\ngid=1\nhome=/\n", "\"version\" is missing"},
        {"version=1\nuid=\ngid=1\nhome=/\n", "\"uid\" is not a number in 0..2147483647"},
        {"version=1\nuid=-1\ngid=1\nhome=/\n", "\"uid\" is not a number in 0..2147483647"},
        {"version=1\nuid=4294967295\ngid=1\nhome=/\n", "\"uid\" is not a number in 0..2147483647"},
        {"version=1\nuid=1\ngid=x\nhome=/\n", "\"gid\" is not a number in 0..2147483647"},
        {"version=1\nuid=1\nhome=/\n", "\"gid\" is not a number in 0..2147483647"},
        {"version=1\nuid=1\ngid=1\nhome=\n", "\"home\" is not an absolute path"},
        {"version=1\nuid=1\ngid=1\nhome=home\n", "\"home\" is not an absolute path"},
        {"version=1\nuid=1\ngid=1\nhome=/a\tb\n", "\"home\" is not an absolute path"},
        {"version=1\nuid=1\ngid=1\nhome=/a\rb\n", "\"home\" is not an absolute path"},
        {"version=1\nuid=1\ngid=1\nhome=/\xff\n", "\"home\" is not an absolute path"},
        {"version=1\nuid=1\ngid=1\n", "\"home\" is not an absolute path"},
        {"version=1\nuid=1\nuid=0\ngid=1\nhome=/\n", "\"uid\" is there twice"},
        {"version=1\nuid=1\ngid=1\nhome=/", "line 4 is cut off"},
        {"version=1\nerror=\n", "no reason given"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct runner_user user = {.uid = 42};
        struct error err = {0};
        auto_free char *message = xasprintf("find the user in the container: %s", rows[i].message);

        assert_int_equal(runner_user_parse(rows[i].text, strlen(rows[i].text), &user, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.message, message);
        assert_int_equal(user.uid, 42);
    }
}

static void a_home_that_does_not_fit_is_refused_and_not_cut(void **state)
{
    char home[600], text[800];
    struct runner_user user;
    struct error err = {0};

    (void)state;
    for (size_t len = 511; len <= 512; len++) {
        memset(home, 'a', len);
        home[0] = '/';
        home[len] = '\0';
        snprintf(text, sizeof(text), "version=1\nuid=1\ngid=1\nhome=%s\n", home);
        assert_int_equal(runner_user_parse(text, strlen(text), &user, &err), len < 512 ? 0 : -1);
    }
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static enum error_kind read_kind(const char *path)
{
    struct runner_user user;
    struct error err = {0};

    int result = runner_user_read(path, &user, &err);

    assert_int_equal(result, err.kind == ERROR_NONE ? 0 : -1);
    return err.kind;
}

/*
 * The folder is the container's to write to: whatever is there, reading neither follows nor waits.
 */
static void only_a_small_regular_file_is_read(void **state)
{
    char root[] = "/tmp/user-XXXXXX";
    auto_free char *large = xmalloc(4098);

    (void)state;
    assert_non_null(mkdtemp(root));
    auto_free char *path = xasprintf("%s/user", root), *elsewhere = xasprintf("%s/else", root);

    assert_int_equal(read_kind(path), ERROR_NOT_FOUND);
    write_file(path, USER);
    assert_int_equal(read_kind(path), ERROR_NONE);
    assert_int_equal(rename(path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, path), 0);
    assert_int_equal(read_kind(path), ERROR_INVALID);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(read_kind(path), ERROR_INVALID);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(read_kind(path), ERROR_INVALID);
    assert_int_equal(rmdir(path), 0);
    memset(large, '\n', 4097);
    large[4097] = '\0';
    write_file(path, large);
    assert_int_equal(read_kind(path), ERROR_INVALID);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(elsewhere), 0);
    assert_int_equal(rmdir(root), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_has_numbers_and_a_home),
        cmocka_unit_test(what_the_runner_could_not_find_is_told_in_its_words),
        cmocka_unit_test(what_is_damaged_is_nobody),
        cmocka_unit_test(a_home_that_does_not_fit_is_refused_and_not_cut),
        cmocka_unit_test(only_a_small_regular_file_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
