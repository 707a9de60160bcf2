#include "clients/git_proxy.h"

#include "base/cleanup.h"
#include "base/memory.h"
#include "base/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void a_proxy_is_a_host_with_or_without_a_port(void **state)
{
    static const char *const rows[] = {
        "http://proxy",         "http://proxy/",        "http://proxy.example.org:3128",
        "http://192.0.2.1:80/", "http://[2001:db8::1]", "http://[2001:db8::1]:65535",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};

        if (git_proxy_check(rows[i], &err) < 0) {
            fail_msg("%s", err.message);
        }
    }
}

static void what_is_no_proxy_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "proxy",
        "proxy:3128",
        "https://proxy:3128",
        "socks5://proxy",
        "http://",
        "http:///",
        "http://:80",
        "http://proxy:",
        "http://proxy:0",
        "http://proxy:65536",
        "http://proxy:123456789",
        "http://proxy:http",
        "http://proxy:80/path",
        "http://proxy//",
        "http://[2001:db8::1",
        "http://[2001:db8::1]x",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};

        if (git_proxy_check(rows[i], &err) == 0) {
            fail_msg("taken: %s", rows[i]);
        }
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.reason, "InvalidURL");
        assert_non_null(strstr(err.message, "http://host:port"));
    }
}

static void credentials_inside_are_refused_and_not_told(void **state)
{
    static const char *const rows[] = {"http://alice:s3cret@proxy:80", "http://s3cret@proxy",
                                       "s3cret@proxy", "http://proxy:s3cret@x/"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};

        assert_int_equal(git_proxy_check(rows[i], &err), -1);
        assert_non_null(strstr(err.message, "credentials inside"));
        assert_null(strstr(err.message, "s3cret"));
    }
}

static void a_host_that_is_too_long_is_refused(void **state)
{
    auto_free char *host = xcalloc(301, 1);
    auto_free char *proxy = NULL;
    struct error err = {0};

    (void)state;
    memset(host, 'x', 300);
    proxy = xasprintf("http://%s:80", host);
    assert_int_equal(git_proxy_check(proxy, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proxy_is_a_host_with_or_without_a_port),
        cmocka_unit_test(what_is_no_proxy_is_refused),
        cmocka_unit_test(credentials_inside_are_refused_and_not_told),
        cmocka_unit_test(a_host_that_is_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
