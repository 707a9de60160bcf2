#include "clients/docker_request.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct docker_request *create(void)
{
    json_auto_t *body = json_object();

    return docker_create_container("web", body);
}

static struct docker_request *start(void)
{
    return docker_start_container("web");
}

static struct docker_request *inspect(void)
{
    return docker_inspect_container("web");
}

static struct docker_request *remove_network(void)
{
    return docker_remove_network("zone-a");
}

static struct docker_request *create_network(void)
{
    json_auto_t *body = json_pack("{s:s}", "Name", "zone-a");

    return docker_create_network(body);
}

static struct docker_request *pull(void)
{
    return docker_pull_image("app:1");
}

static struct docker_request *import(void)
{
    return docker_import_image("app:1", NULL, "", 0);
}

static int check(struct docker_request *request, int status, const char *body, struct error *err)
{
    const struct http_reply reply = {.status = status, .body = body, .body_len = strlen(body)};
    int result = docker_reply_check(request, &reply, err);

    docker_request_free(request);
    return result;
}

static void success_is_2xx_and_already_so(void **state)
{
    static const int statuses[] = {200, 201, 204, 304};
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        assert_int_equal(check(start(), statuses[i], "", &err), 0);
        assert_int_equal(err.kind, ERROR_NONE);
    }
}

/* Texts as engines 20.10, 28 and on, and Podman 4.3 send them; ids and names shortened. */
static void failures_have_the_kind_and_reason_that_decide_what_to_do(void **state)
{
    static const struct {
        struct docker_request *(*make)(void);
        int status;
        const char *body;
        enum error_kind kind;
        const char *reason;
    } rows[] = {
        {create, 409,
         "{\"message\":\"Conflict. The container name \\\"/web\\\" is already in use by container "
         "\\\"5de5\\\". You have to remove (or rename) that container to be able to reuse that "
         "name.\"}\n",
         ERROR_CONFLICT, "NameTaken"},
        {create, 500,
         "{\"cause\":\"that name is already in use\",\"message\":\"creating container storage: the "
         "container name \\\"web\\\" is already in use by 5de5. You have to remove that container "
         "to be able to reuse that name: that name is already in use\",\"response\":500}",
         ERROR_CONFLICT, "NameTaken"},
        {create, 404, "{\"message\":\"No such image: app:1\"}\n", ERROR_NOT_FOUND, "ImageNotFound"},
        {create, 404, "{\"cause\":\"image not known\",\"message\":\"app:1: image not known\"}",
         ERROR_NOT_FOUND, "ImageNotFound"},
        {create, 400, "{\"message\":\"Minimum memory limit allowed is 6MB\"}\n", ERROR_INVALID,
         "CreateFailed"},
        {create, 500, "{\"message\":\"unexpected EOF\"}\n", ERROR_TRANSIENT, "CreateFailed"},
        {start, 500,
         "{\"message\":\"driver failed programming external connectivity on endpoint web (0386): "
         "Bind for 127.0.0.1:20001 failed: port is already allocated\"}\n",
         ERROR_TRANSIENT, "PortInUse"},
        {start, 500,
         "{\"message\":\"driver failed programming external connectivity on endpoint web (0386): "
         "Error starting userland proxy: listen tcp4 127.0.0.1:20001: bind: address already in "
         "use\"}\n",
         ERROR_TRANSIENT, "PortInUse"},
        {start, 500,
         "{\"message\":\"failed to set up container networking: driver failed programming external "
         "connectivity on endpoint web (0386): failed to bind host port for 127.0.0.1:20001:"
         "172.17.0.2:80/tcp: address already in use\"}\n",
         ERROR_TRANSIENT, "PortInUse"},
        {start, 500,
         "{\"cause\":\"address already in use\",\"message\":\"cannot listen on the TCP port: "
         "listen tcp4 127.0.0.1:20001: bind: address already in use\",\"response\":500}",
         ERROR_TRANSIENT, "PortInUse"},
        {start, 400,
         "{\"message\":\"failed to create shim task: OCI runtime create failed: runc create "
         "failed: "
         "unable to start container process: exec: \\\"/x\\\": stat /x: no such file or directory: "
         "unknown\"}\n",
         ERROR_INVALID, "StartFailed"},
        {start, 404, "{\"message\":\"network zone-a not found\"}\n", ERROR_NOT_FOUND,
         "StartFailed"},
        {start, 409, "{\"message\":\"container is marked for removal and cannot be started\"}\n",
         ERROR_CONFLICT, "StartFailed"},
        {start, 500, "{\"message\":\"task 238a5e81639e: already exists\"}\n", ERROR_TRANSIENT,
         "ContainerBroken"},
        {start, 500,
         "{\"message\":\"failed to create task for container: failed to start shim: task "
         "238a5e81639e: "
         "already exists: unknown\"}\n",
         ERROR_TRANSIENT, "ContainerBroken"},
        {start, 500, "{\"message\":\"transport is closing: unavailable\"}\n", ERROR_TRANSIENT,
         "StartFailed"},
        {inspect, 404, "{\"message\":\"No such container: web\"}\n", ERROR_NOT_FOUND,
         "EngineError"},
        {inspect, 400,
         "{\"message\":\"client version 1.51 is too new. Maximum supported API version is "
         "1.41\"}\n",
         ERROR_TRANSIENT, "EngineUnavailable"},
        {inspect, 400,
         "client version 1.10 is too old. Minimum supported API version is 1.12, please upgrade "
         "your client to a newer version",
         ERROR_TRANSIENT, "EngineUnavailable"},
        {inspect, 400, "Client sent an HTTP request to an HTTPS server.\n", ERROR_INVALID,
         "EngineError"},
        {inspect, 503, "<html>503 Service Unavailable</html>", ERROR_TRANSIENT, "EngineError"},
        {inspect, 429, "", ERROR_TRANSIENT, "EngineError"},
        {inspect, 408, "", ERROR_TRANSIENT, "EngineError"},
        {inspect, 401, "", ERROR_INVALID, "EngineError"},
        {inspect, 406, "", ERROR_INVALID, "EngineError"},
        {inspect, 301, "<a href=\"/x\">Moved</a>", ERROR_INVALID, "EngineError"},
        {create_network, 409, "{\"message\":\"network with name zone-a already exists\"}\n",
         ERROR_CONFLICT, "NameTaken"},
        {create_network, 403,
         "{\"message\":\"Pool overlaps with other one on this address space\"}\n", ERROR_CONFLICT,
         "SubnetTaken"},
        {create_network, 500,
         "{\"message\":\"subnet 10.210.7.0/24 is already used on the host or by another "
         "config\"}\n",
         ERROR_CONFLICT, "SubnetTaken"},
        {start, 403, "{\"message\":\"Address already in use\"}\n", ERROR_TRANSIENT,
         "AddressUnavailable"},
        {start, 500,
         "{\"message\":\"Invalid address 10.99.5.7: It does not belong to any of this network's "
         "subnets\"}\n",
         ERROR_TRANSIENT, "AddressUnavailable"},
        {remove_network, 403,
         "{\"message\":\"error while removing network: network zone-a id ff40 has active "
         "endpoints\"}\n",
         ERROR_CONFLICT, "EngineError"},
        {pull, 404,
         "{\"message\":\"pull access denied for app, repository does not exist or may require "
         "'docker login': denied: requested access to the resource is denied\"}\n",
         ERROR_NOT_FOUND, "ImageNotFound"},
        {pull, 404, "{\"message\":\"manifest for app:1 not found: manifest unknown\"}\n",
         ERROR_NOT_FOUND, "ImageNotFound"},
        {pull, 500,
         "{\"message\":\"Get \\\"http://localhost:1/v2/\\\": dial tcp 127.0.0.1:1: connect: "
         "connection refused\"}\n",
         ERROR_TRANSIENT, "ImagePullFailed"},
        {pull, 200,
         "{\"status\":\"Pulling from app\",\"id\":\"1\"}\r\n{\"errorDetail\":{\"message\":"
         "\"unexpected EOF\"},\"error\":\"unexpected EOF\"}\r\n",
         ERROR_TRANSIENT, "ImagePullFailed"},
        {pull, 200, "{\"errorDetail\":{\"message\":\"manifest unknown\"}}", ERROR_NOT_FOUND,
         "ImageNotFound"},
        {import, 200,
         "{\"errorDetail\":{\"message\":\"archive/tar: invalid tar header\"},\"error\":\"archive/"
         "tar: invalid tar header\"}\r\n",
         ERROR_TRANSIENT, "EngineError"},
        {import, 200, "what is this", ERROR_TRANSIENT, "EngineError"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};

        assert_int_equal(check(rows[i].make(), rows[i].status, rows[i].body, &err), -1);
        if (err.kind != rows[i].kind || strcmp(err.reason, rows[i].reason) != 0) {
            fail_msg("row %zu: %s %s: %s", i, error_kind_name(err.kind), err.reason, err.message);
        }
    }
}

static void the_message_is_the_engines_own_on_one_line(void **state)
{
    static const struct {
        const char *body, *message;
    } rows[] = {
        {"{\"message\":\"No such container: web\"}\n",
         "start container \"web\": the engine replied 404: No such container: web"},
        {"404 page not found\n",
         "start container \"web\": the engine replied 404: 404 page not found"},
        {"{\"message\":\"one\\n\\ttwo\\u001b[31m\\u0000three\"}",
         "start container \"web\": the engine replied 404: one  "
         "two\xef\xbf\xbd[31m\xef\xbf\xbdthree"},
        {"{\"message\":17}", "start container \"web\": the engine replied 404: {\"message\":17}"},
        {"{\"message\":\"broken",
         "start container \"web\": the engine replied 404: {\"message\":\"broken"},
        {"\xff\xfe", "start container \"web\": the engine replied 404: \xef\xbf\xbd\xef\xbf\xbd"},
        {"", "start container \"web\": the engine replied 404"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};

        check(start(), 404, rows[i].body, &err);
        assert_string_equal(err.message, rows[i].message);
    }
}

static void a_long_message_is_cut(void **state)
{
    enum { LONG = 100000 };
    auto_free char *body = xmalloc(LONG + 1);
    struct error err = {0};

    (void)state;
    memset(body, 'x', LONG);
    body[LONG] = '\0';
    check(start(), 500, body, &err);
    assert_true(strlen(err.message) < 700);
    assert_string_equal(err.message + strlen(err.message) - 4, "x...");
}

static void a_lost_reply_stays_the_transports_error(void **state)
{
    const struct http_reply reply = {.status = 0, .body = ""};
    auto_owned(docker_request) *request = start();
    struct error err = {0};

    (void)state;
    error_set_reason(&err, ERROR_TRANSIENT, "EngineUnavailable", "cannot connect");
    assert_int_equal(docker_reply_check(request, &reply, &err), -1);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    assert_string_equal(err.reason, "EngineUnavailable");
    assert_string_equal(err.message, "start container \"web\": cannot connect");
}

static void progress_without_an_error_is_a_success(void **state)
{
    struct error err = {0};

    (void)state;
    assert_int_equal(check(import(), 200, "{\"status\":\"sha256:0a1b\"}\r\n", &err), 0);
    assert_int_equal(check(pull(), 200, "", &err), 0); /* streamed: seen by on_data */
}

static void json_is_the_body_or_an_error(void **state)
{
    static const char *const no_json[] = {"",   "{",           "nonsense",        "\"text\"",
                                          "17", "{\"a\":1} x", "{\"a\":\"\xff\"}"};
    auto_owned(docker_request) *request = inspect();
    struct http_reply reply = {.status = 200, .body = "{\"Id\":\"5e1f\"}\n", .body_len = 14};
    json_auto_t *json = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(docker_reply_json(request, &reply, &json, &err), 0);
    assert_string_equal(json_string_value(json_object_get(json, "Id")), "5e1f");
    for (size_t i = 0; i < ARRAY_SIZE(no_json); i++) {
        json_t *none = NULL;

        err = (struct error){0};
        reply.body = no_json[i];
        reply.body_len = strlen(no_json[i]);
        assert_int_equal(docker_reply_json(request, &reply, &none, &err), -1);
        assert_null(none);
        assert_int_equal(err.kind, ERROR_TRANSIENT);
        assert_string_equal(err.reason, "EngineError");
        assert_non_null(strstr(err.message, "inspect container \"web\": "));
    }
}

static void deep_nesting_is_an_error(void **state)
{
    enum { DEPTH = 1 << 20 };
    auto_owned(docker_request) *request = inspect();
    auto_free char *body = xmalloc(DEPTH + 1);
    const struct http_reply reply = {.status = 200, .body = body, .body_len = DEPTH};
    json_t *json = NULL;
    struct error err = {0};

    (void)state;
    memset(body, '[', DEPTH);
    body[DEPTH] = '\0';
    assert_int_equal(docker_reply_json(request, &reply, &json, &err), -1);
    assert_null(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_is_2xx_and_already_so),
        cmocka_unit_test(failures_have_the_kind_and_reason_that_decide_what_to_do),
        cmocka_unit_test(the_message_is_the_engines_own_on_one_line),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(a_lost_reply_stays_the_transports_error),
        cmocka_unit_test(progress_without_an_error_is_a_success),
        cmocka_unit_test(json_is_the_body_or_an_error),
        cmocka_unit_test(deep_nesting_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
