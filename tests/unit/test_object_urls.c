#include "cli/object_urls.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void each_tcp_port_has_a_url(void **state)
{
    static const struct {
        const char *status, *engine_host, *urls;
    } rows[] = {
        {"{'ports': [{'name': 'http', 'containerPort': 80, 'protocol': 'TCP',"
         " 'hostIP': '127.0.0.1', 'hostPort': 20001}]}",
         NULL, "[{\"name\":\"http\",\"url\":\"http://127.0.0.1:20001/\"}]"},
        {"{'ports': [{'name': 'dns', 'containerPort': 53, 'protocol': 'UDP', 'hostPort': 20001}]}",
         NULL, "[]"},
        {"{'ports': [{'name': 'a', 'hostPort': 0}, {'name': 'https-x', 'hostPort': 5}]}", NULL,
         "[{\"name\":\"https-x\",\"url\":\"https://127.0.0.1:5/\"}]"},
        {"{'ports': [{'name': 'a', 'containerPort': 443, 'hostIP': '0.0.0.0', 'hostPort': 5}]}",
         "engine.example.com", "[{\"name\":\"a\",\"url\":\"https://engine.example.com:5/\"}]"},
        {"{'ports': [{'name': 'a', 'hostIP': '::1', 'hostPort': 5}]}", NULL,
         "[{\"name\":\"a\",\"url\":\"http://[::1]:5/\"}]"},
        {"{'ports': [{'name': 'theirs', 'hostPort': 4}], 'task': {'ports': [{'name': 'preview',"
         " 'containerPort': 17001, 'hostPort': 5}]}}",
         NULL, "[{\"name\":\"preview\",\"url\":\"http://127.0.0.1:5/\"}]"},
        {"{}", NULL, "[]"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *text = NULL;
        json_auto_t *document = json_object(), *urls = NULL;
        char quoted[512];
        size_t at = 0;

        for (; rows[i].status[at] != '\0'; at++) {
            quoted[at] = rows[i].status[at] == '\'' ? '"' : rows[i].status[at];
        }
        quoted[at] = '\0';
        json_object_set_new(document, "status", json_loads(quoted, 0, NULL));
        urls = object_urls(document, rows[i].engine_host);
        text = json_dumps(urls, JSON_COMPACT);
        assert_string_equal(text, rows[i].urls);
    }
}

static void the_host_of_an_engine_is_that_of_its_address(void **state)
{
    static const struct {
        const char *address, *host;
    } rows[] = {
        {"tcp://build.example.com:2376", "build.example.com"},
        {"tcp://[2001:db8::1]:2376", "2001:db8::1"},
        {"tcp://10.0.0.1", "10.0.0.1"},
        {"unix:///var/run/docker.sock", NULL},
        {"tcp://[::1", NULL},
        {NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *host = engine_host_of(rows[i].address);

        if (rows[i].host == NULL) {
            assert_null(host);
        } else {
            assert_non_null(host);
            assert_string_equal(host, rows[i].host);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_tcp_port_has_a_url),
        cmocka_unit_test(the_host_of_an_engine_is_that_of_its_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
