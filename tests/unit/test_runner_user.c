/* The runner is a program of its own and no part of the library that tests are linked with. */
#include "controller/runner/user.c"
#include "controller/runner/util.c"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static const char passwd[] = "# a comment: no entry\n"
                             "root:x:0:0:root:/root:/bin/sh\n"
                             "broken\n"
                             "letters:x:many:5::/:\n"
                             "\n"
                             "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
                             "alice:x:1000:100:Alice,,,:/home/alice:/bin/bash\n"
                             "twin:x:1000:200::/home/twin:/bin/sh\n"
                             "short:x:1001:100\n"
                             "1002:x:1003:100::/home/named-like-a-number:/bin/sh\n"
                             "bob:x:1004:100::/home/bob:/bin/sh"; /* no line end */
static const char group[] = "root:x:0:\n"
                            "users:x:100:\n"
                            "broken\n"
                            "wheel:x:10:root,alice\n"
                            "docker:x:999:alice,bob\n"
                            "alic:x:998:alic,malice,alice2\n"
                            "staff:x:letters:alice\n"
                            "late:x:50:bob,alice";

static void users_are_found_as_docker_finds_them(void **state)
{
    static const struct {
        const char *spec;
        uid_t uid;
        gid_t gid;
        const char *home;
        gid_t groups[5]; /* ended by 0, but for the first */
        size_t group_count;
    } rows[] = {
        {"root", 0, 0, "/root", {0, 10}, 2},
        {"0", 0, 0, "/root", {0, 10}, 2},
        {"alice", 1000, 100, "/home/alice", {100, 10, 999, 50}, 4},
        {"1000", 1000, 100, "/home/alice", {100, 10, 999, 50}, 4}, /* the first of the twins */
        {"twin", 1000, 200, "/home/twin", {200}, 1},
        {"bob", 1004, 100, "/home/bob", {100, 999, 50}, 3},
        {"short", 1001, 100, "/", {100}, 1},
        {"1002", 1003, 100, "/home/named-like-a-number", {100}, 1},
        {"4242", 4242, 0, "/", {0}, 1}, /* no entry: group 0, as docker run --user 4242 */
        {"alice:wheel", 1000, 10, "/home/alice", {10}, 1}, /* a group given: no others */
        {"alice:10", 1000, 10, "/home/alice", {10}, 1},
        {"1000:1000", 1000, 1000, "/home/alice", {1000}, 1},
        {"4242:users", 4242, 100, "/", {100}, 1},
        {"alice:", 1000, 100, "/home/alice", {100, 10, 999, 50}, 4},
        {":wheel", 1004, 10, "/home/bob", {10}, 1}, /* the user that we are */
        {"", 1004, 100, "/home/bob", {100, 999, 50}, 3},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct user user;
        char message[256] = "";

        if (user_find(rows[i].spec, 1004, passwd, group, &user, message, sizeof(message)) < 0) {
            fail_msg("\"%s\": %s", rows[i].spec, message);
        }
        assert_int_equal(user.uid, rows[i].uid);
        assert_int_equal(user.gid, rows[i].gid);
        assert_string_equal(user.home, rows[i].home);
        assert_int_equal(user.group_count, rows[i].group_count);
        assert_memory_equal(user.groups, rows[i].groups, rows[i].group_count * sizeof(gid_t));
    }
}

static void an_image_without_the_files_knows_numbers_only(void **state)
{
    struct user user;
    char message[256];

    (void)state;
    assert_int_equal(user_find("1000:1000", 0, NULL, NULL, &user, message, sizeof(message)), 0);
    assert_int_equal(user.uid, 1000);
    assert_int_equal(user.gid, 1000);
    assert_string_equal(user.home, "/");
    assert_int_equal(user_find("", 0, NULL, NULL, &user, message, sizeof(message)), 0);
    assert_int_equal(user.uid, 0);
    assert_int_equal(user_find("root", 0, NULL, NULL, &user, message, sizeof(message)), -1);
    assert_string_equal(message, "no user \"root\" in /etc/passwd");
}

/* None of these may end as root because something could not be read. */
static void what_is_no_user_is_refused(void **state)
{
    static const struct {
        const char *spec;
        const char *message;
    } rows[] = {
        {"carol", "no user \"carol\" in /etc/passwd"},
        {"letters", "no user \"letters\" in /etc/passwd"},
        {"broken", "no user \"broken\" in /etc/passwd"},
        {"-1", "no user \"-1\" in /etc/passwd"},
        {"4294967295", "no user \"4294967295\" in /etc/passwd"},
        {"2147483648", "no user \"2147483648\" in /etc/passwd"},
        {"99999999999999999999", "no user \"99999999999999999999\" in /etc/passwd"},
        {"00", "no user \"00\" in /etc/passwd"},
        {"0x0", "no user \"0x0\" in /etc/passwd"},
        {"root ", "no user \"root \" in /etc/passwd"},
        {"root:nogroup", "no group \"nogroup\" in /etc/group"},
        {"root:staff", "no group \"staff\" in /etc/group"},
        {"root:wheel:x", "no group \"wheel:x\" in /etc/group"},
        {"root:-1", "no group \"-1\" in /etc/group"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct user user = {.uid = 42};
        char message[256] = "";

        assert_int_equal(user_find(rows[i].spec, 0, passwd, group, &user, message, sizeof(message)),
                         -1);
        assert_string_equal(message, rows[i].message);
        assert_int_equal(user.uid, 42);
    }
}

static void too_many_groups_are_an_error_and_not_cut_off(void **state)
{
    enum { LINE = 24 };
    static char many[(USER_MAX_GROUPS + 1) * LINE];
    struct user user;
    char message[256];
    size_t len = 0;

    (void)state;
    for (int i = 1; i < USER_MAX_GROUPS; i++) {
        len += (size_t)snprintf(many + len, sizeof(many) - len, "g%d:x:%d:bob\n", i, i);
    }
    assert_int_equal(user_find("bob", 0, passwd, many, &user, message, sizeof(message)), 0);
    assert_int_equal(user.group_count, USER_MAX_GROUPS);
    snprintf(many + len, sizeof(many) - len, "last:x:7:bob\n");
    assert_int_equal(user_find("bob", 0, passwd, many, &user, message, sizeof(message)), -1);
    assert_string_equal(message, "user \"bob\" is in more than 1024 groups");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_are_found_as_docker_finds_them),
        cmocka_unit_test(an_image_without_the_files_knows_numbers_only),
        cmocka_unit_test(what_is_no_user_is_refused),
        cmocka_unit_test(too_many_groups_are_an_error_and_not_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
