#include "clients/docker_endpoint.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* The scripted environment: "NAME=value", NULL-terminated. */
static const char *const *variables;

static const char *environment(const char *name)
{
    size_t len = strlen(name);

    for (const char *const *pair = variables; pair != NULL && *pair != NULL; pair++) {
        if (strncmp(*pair, name, len) == 0 && (*pair)[len] == '=') {
            return *pair + len + 1;
        }
    }
    return NULL;
}

static int parse(const char *text, const char *const *pairs, struct docker_endpoint *ret,
                 struct error *err)
{
    variables = pairs;
    return docker_endpoint_parse(text, environment, ret, err);
}

static void the_socket_is_where_docker_has_it(void **state)
{
    static const char *const set[] = {"DOCKER_HOST=unix:///run/user/1000/docker.sock", NULL};
    static const char *const empty[] = {"DOCKER_HOST=", NULL};
    static const struct {
        const char *text;
        const char *const *variables;
        const char *socket_path;
    } rows[] = {
        {NULL, NULL, "/var/run/docker.sock"},
        {NULL, empty, "/var/run/docker.sock"},
        {NULL, set, "/run/user/1000/docker.sock"},
        {"unix:///a b/c.sock", set, "/a b/c.sock"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(docker_endpoint) endpoint = {0};
        struct error err = {0};

        assert_int_equal(parse(rows[i].text, rows[i].variables, &endpoint, &err), 0);
        assert_string_equal(endpoint.socket_path, rows[i].socket_path);
        assert_string_equal(endpoint.base_url, "http://localhost");
        assert_true(endpoint.is_local);
        assert_false(endpoint.is_tls);
        assert_non_null(strstr(endpoint.text, rows[i].socket_path));
    }
}

static void tcp_uses_tls_when_docker_would(void **state)
{
    static const char *const verify[] = {"DOCKER_TLS_VERIFY=1", NULL};
    static const char *const certificates[] = {"DOCKER_CERT_PATH=/c", NULL};
    static const char *const both[] = {"DOCKER_CERT_PATH=/c", "DOCKER_TLS_VERIFY=1", NULL};
    static const char *const neither[] = {"DOCKER_CERT_PATH=", "DOCKER_TLS_VERIFY=", NULL};
    static const struct {
        const char *text;
        const char *const *variables;
        const char *base_url;
        bool is_verified;
        const char *ca_file;
    } rows[] = {
        {"tcp://host:1234", NULL, "http://host:1234", false, NULL},
        {"tcp://host:1234", neither, "http://host:1234", false, NULL},
        {"tcp://host", NULL, "http://host:2375", false, NULL},
        {"tcp://host/", NULL, "http://host:2375", false, NULL},
        {"tcp://host:1234/", NULL, "http://host:1234", false, NULL},
        {"tcp://:1234", NULL, "http://localhost:1234", false, NULL},
        {"tcp://[::1]:1234", NULL, "http://[::1]:1234", false, NULL},
        {"http://host", both, "http://host:2375", false, NULL},
        {"tcp://host", verify, "https://host:2376", true, NULL},
        {"tcp://host", certificates, "https://host:2376", false, "/c/ca.pem"},
        {"tcp://host:1234", both, "https://host:1234", true, "/c/ca.pem"},
        {"https://host", NULL, "https://host:2376", true, NULL},
        {"https://10.0.0.1:8443", both, "https://10.0.0.1:8443", true, "/c/ca.pem"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(docker_endpoint) endpoint = {0};
        struct error err = {0};

        assert_int_equal(parse(rows[i].text, rows[i].variables, &endpoint, &err), 0);
        assert_string_equal(endpoint.base_url, rows[i].base_url);
        assert_string_equal(endpoint.text, rows[i].text);
        assert_null(endpoint.socket_path);
        assert_false(endpoint.is_local);
        assert_int_equal(endpoint.is_tls, strncmp(rows[i].base_url, "https", 5) == 0);
        assert_int_equal(endpoint.is_verified, rows[i].is_verified);
        if (rows[i].ca_file != NULL) {
            assert_string_equal(endpoint.ca_file, rows[i].ca_file);
            assert_string_equal(endpoint.cert_file, "/c/cert.pem");
            assert_string_equal(endpoint.key_file, "/c/key.pem");
        } else {
            assert_null(endpoint.ca_file);
            assert_null(endpoint.cert_file);
            assert_null(endpoint.key_file);
        }
    }
}

static void of_the_default_folder_only_files_that_exist_are_used(void **state)
{
    char home[] = "/tmp/berth-test-endpoint-XXXXXX";
    auto_done(docker_endpoint) endpoint = {0};
    struct error err = {0};

    (void)state;
    assert_non_null(mkdtemp(home));
    auto_free char *folder = path_join(home, ".docker"), *ca = path_join(folder, "ca.pem");
    auto_free char *home_variable = xasprintf("HOME=%s", home);
    const char *const pairs[] = {home_variable, "DOCKER_TLS_VERIFY=1", NULL};

    assert_int_equal(dir_make(folder, 0700, &err), 0);
    assert_int_equal(file_replace(AT_FDCWD, ca, "x", 1, 0600, FILE_VISIBLE, &err), 0);
    assert_int_equal(parse("tcp://host", pairs, &endpoint, &err), 0);
    assert_string_equal(endpoint.ca_file, ca);
    assert_null(endpoint.cert_file);
    assert_null(endpoint.key_file);
    assert_true(endpoint.is_verified);
    assert_int_equal(tree_remove(home, &err), 0);
}

static void other_addresses_are_refused_with_a_way_out(void **state)
{
    static const char too_long[] =
        "unix:///aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    static const struct {
        const char *text, *piece;
    } rows[] = {
        {"ssh://host", "ssh is not supported"},
        {"npipe:////./pipe/docker_engine", "not supported"},
        {"fd://", "not supported"},
        {"/var/run/docker.sock", "needs unix:// in front"},
        {"host:2375", "no known scheme"},
        {"", "no known scheme"},
        {"unix://relative.sock", "not absolute"},
        {"unix://", "not absolute"},
        {too_long, "too long"},
        {"tcp://host:0", "1..65535"},
        {"tcp://host:65536", "1..65535"},
        {"tcp://host:", "1..65535"},
        {"tcp://host:-1", "1..65535"},
        {"tcp://host:12x", "behind the host"},
        {"tcp://host/path", "behind the host"},
        {"tcp://user:password@host:1", "user and password"},
        {"tcp://user@host:1", "user and password"},
        {"tcp://ho st", "behind the host"},
        {"tcp://[::1", "not a name"},
        {"tcp://[]:1", "not a name"},
        {"tcp://host\r\nX: y", "behind the host"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct docker_endpoint endpoint = {0};
        struct error err = {0};

        assert_int_equal(parse(rows[i].text, NULL, &endpoint, &err), -1);
        assert_null(endpoint.text);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_string_equal(err.reason, "EngineUnavailable");
        if (strstr(err.message, rows[i].piece) == NULL) {
            fail_msg("row %zu: %s", i, err.message);
        }
        assert_non_null(strstr(err.message, "unix:///path/to/docker.sock"));
    }
}

static void a_password_in_an_address_is_never_quoted(void **state)
{
    static const char *const texts[] = {
        "tcp://bob:hunter2@host:2375", "https://bob:hunter2@host", "ssh://bob:hunter2@host",
        "http://hunter2@host:1",       "bob:hunter2@host",         "npipe://bob:hunter2@host",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct docker_endpoint endpoint;
        struct error err = {0};

        assert_int_equal(parse(texts[i], NULL, &endpoint, &err), -1);
        assert_null(strstr(err.message, "hunter2"));
        assert_non_null(strstr(err.message, "user and password cannot be part of it"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_in_an_address_is_never_quoted),
        cmocka_unit_test(the_socket_is_where_docker_has_it),
        cmocka_unit_test(tcp_uses_tls_when_docker_would),
        cmocka_unit_test(of_the_default_folder_only_files_that_exist_are_used),
        cmocka_unit_test(other_addresses_are_refused_with_a_way_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
