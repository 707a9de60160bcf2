/*
 * The Docker client and its transport against a real engine.
 *
 * usage: engine_client IMAGE
 *
 * Talks to the engine that DOCKER_HOST names (else the default socket) and prints TAP. IMAGE must
 * be there already and have sh, sleep, cat and true. All that is made carries the label
 * dev.berth.client-test and is removed at the end.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "clients/docker_endpoint.h"
#include "clients/docker_request.h"
#include "clients/docker_stream.h"
#include "clients/docker_types.h"
#include "clients/tar_writer.h"
#include "controller/http_transport_curl.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum { WAIT_MS = 60000, AT_ONCE = 32 };

static uv_loop_t loop;
static struct http_transport_curl *transport;
static const char *image;
static char prefix[32]; /* of all names */
static json_t *events;  /* all that came, as they came */
static unsigned test_count, failure_count;

/* --- TAP --- */

static bool ok(bool is_ok, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool ok(bool is_ok, const char *format, ...)
{
    va_list args;

    printf("%s %u - ", is_ok ? "ok" : "not ok", ++test_count);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    fflush(stdout);
    failure_count += !is_ok;
    return is_ok;
}

static void bail_out(const char *what, const char *why)
{
    printf("Bail out! %s: %s\n", what, why);
    exit(1);
}

/* --- calls --- */

struct call {
    const struct docker_request *request;
    bool is_done;
    int status;
    json_t *json; /* NULL: the body is none */
    char *body;
    size_t body_len;
    struct error err; /* of docker_reply_check */
};

static void on_done(void *user, const struct http_reply *reply, struct error *err)
{
    struct call *call = user;

    call->is_done = true;
    uv_stop(&loop); /* else a turn that did its work in its timers would go on to wait */
    call->status = reply->status;
    call->body = xmalloc(reply->body_len + 1);
    memcpy(call->body, reply->body, reply->body_len + 1);
    call->body_len = reply->body_len;
    if (docker_reply_check(call->request, reply, err) < 0) {
        call->err = *err;
    } else {
        call->json = json_loadb(reply->body, reply->body_len, 0, NULL);
    }
}

static void on_wake(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
    uv_stop(&loop);
}

/* Runs the loop until *is_done, or for WAIT_MS; false: it took too long. */
static bool wait_for(const bool *is_done)
{
    bool is_late = false;
    uv_timer_t timer;

    uv_timer_init(&loop, &timer);
    timer.data = &is_late;
    uv_timer_start(&timer, on_wake, WAIT_MS, 0);
    while (!*is_done && !is_late) {
        uv_run(&loop, UV_RUN_DEFAULT);
    }
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    return *is_done;
}

static void *start(struct http_transport_curl *through, struct docker_request *request,
                   struct call *call)
{
    const struct http_handlers handlers = {.on_done = on_done, .user = call};
    struct http_transport *base = http_transport_curl_base(through);

    *call = (struct call){.request = request};
    return base->ops->submit(base, request, &handlers);
}

static void call_done(struct call *call)
{
    json_decref(call->json);
    free(call->body);
}

/* One call, waited for. The caller ends it with call_done(). */
static bool run(struct docker_request *request, struct call *call)
{
    auto_free char *what = xstrdup(request->what);

    start(transport, request, call);
    if (!wait_for(&call->is_done)) {
        bail_out(what, "no reply");
    }
    if (call->err.kind != ERROR_NONE) {
        printf("# %s %s: %s\n", error_kind_name(call->err.kind),
               call->err.reason != NULL ? call->err.reason : "-", call->err.message);
    }
    return call->err.kind == ERROR_NONE;
}

static bool succeeds(struct docker_request *request)
{
    struct call call;
    bool result = run(request, &call);

    call_done(&call);
    return result;
}

static bool fails(struct docker_request *request, enum error_kind kind, const char *reason)
{
    struct call call;
    bool result =
        !run(request, &call) && call.err.kind == kind && strcmp(call.err.reason, reason) == 0;

    call_done(&call);
    return result;
}

static bool inspect(const char *name, struct docker_container *ret)
{
    struct error err = {0};
    struct call call;
    bool result = run(docker_inspect_container(name), &call) &&
                  docker_parse_container(call.json, ret, &err) == 0;

    call_done(&call);
    return result;
}

static json_t *container_body(const char *command)
{
    return json_pack("{s:s, s:[s,s,s], s:{s:s}, s:{s:b}}", "Image", image, "Cmd", "sh", "-c",
                     command, "Labels", "dev.berth.client-test", prefix, "HostConfig", "Init", 1);
}

static bool create(const char *name, const char *command)
{
    json_auto_t *body = container_body(command);

    return succeeds(docker_create_container(name, body));
}

static char *named(const char *suffix)
{
    return xasprintf("%s-%s", prefix, suffix);
}

/* --- events --- */

static struct json_lines event_lines;
static bool has_event_error;

static void on_event(void *user, const json_t *value)
{
    (void)user;
    json_array_append_new(events, json_deep_copy(value));
    uv_stop(&loop);
}

static int on_event_bytes(void *user, const char *bytes, size_t len)
{
    struct error err = {0};

    (void)user;
    if (json_lines_feed(&event_lines, bytes, len, on_event, NULL, &err) < 0) {
        has_event_error = true;
        return -1;
    }
    return 0;
}

static void on_events_end(void *user, const struct http_reply *reply, struct error *err)
{
    (void)user;
    printf("# the event stream ended: %d %s\n", reply->status, err->message);
    has_event_error = true;
}

static void *watch(void)
{
    const struct http_handlers handlers = {.on_done = on_events_end, .on_data = on_event_bytes};
    struct http_transport *base = http_transport_curl_base(transport);

    events = json_array();
    json_lines_init(&event_lines);
    return base->ops->submit(base, docker_watch_events((clock_wall_ms() - 2000) * NS_PER_MS, NULL),
                             &handlers);
}

static bool has_event(const char *type, const char *action, const char *name)
{
    struct docker_event event;
    size_t i;
    json_t *value;

    json_array_foreach(events, i, value) {
        if (docker_parse_event(value, &event) == 0 && strcmp(event.type, type) == 0 &&
            strcmp(event.action, action) == 0 && event.name != NULL &&
            strcmp(event.name, name) == 0 && event.time_ns > 0) {
            return true;
        }
    }
    return false;
}

static bool sees_event(const char *type, const char *action, const char *name)
{
    bool is_late = false;
    uv_timer_t timer;

    uv_timer_init(&loop, &timer);
    timer.data = &is_late;
    uv_timer_start(&timer, on_wake, WAIT_MS, 0);
    while (!has_event(type, action, name) && !is_late) {
        uv_run(&loop, UV_RUN_DEFAULT);
    }
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    return has_event(type, action, name);
}

/* --- the tests --- */

static void test_version(void)
{
    auto_done(docker_engine) engine = {0};
    char version[DOCKER_API_SIZE];
    struct error err = {0};
    struct call call;
    bool has_json = run(docker_get_version(), &call);

    if (!ok(has_json && docker_parse_engine(call.json, &engine, &err) == 0 &&
                docker_negotiate(&engine, version, &err) == 0,
            "the engine tells its version and one is agreed on")) {
        bail_out("no engine", has_json ? err.message : call.err.message);
    }
    printf("# engine %s, API %s to %s, speaking %s\n", engine.version, engine.min_api_version,
           engine.api_version, version);
    http_transport_curl_set_version(transport, version);
    call_done(&call);
    ok(succeeds(docker_list_networks(NULL)), "a request with the version in its path is answered");
    http_transport_curl_set_version(transport, "1.99");
    ok(fails(docker_list_networks(NULL), ERROR_TRANSIENT, "EngineUnavailable"),
       "a version that the engine does not speak asks to negotiate again");
    http_transport_curl_set_version(transport, version);
}

static void test_missing_socket(void)
{
    struct docker_endpoint nowhere = {
        .text = (char[]){"unix:///nonexistent/engine.sock"},
        .socket_path = (char[]){"/nonexistent/engine.sock"},
        .base_url = (char[]){"http://localhost"},
        .is_local = true,
    };
    struct http_transport_curl *other = http_transport_curl_new(&loop, &nowhere);
    struct call call;

    start(other, docker_get_version(), &call);
    ok(wait_for(&call.is_done) && call.status == 0 && call.err.kind == ERROR_TRANSIENT &&
           strcmp(call.err.reason, "EngineUnavailable") == 0 &&
           strstr(call.err.message, "is it running?") != NULL,
       "a socket that is not there says so: %s", call.err.message);
    call_done(&call);
    http_transport_curl_close(other);
    uv_run(&loop, UV_RUN_NOWAIT);
}

static bool is_listed(const char *name)
{
    auto_free char *label = xasprintf("dev.berth.client-test=%s", prefix);
    json_auto_t *filters = json_pack("{s:[s]}", "label", label);
    struct call call;
    bool is_found = false;
    size_t i;
    json_t *element;

    run(docker_list_containers(filters), &call);
    json_array_foreach(call.json, i, element) {
        auto_done(docker_container) container = {0};
        struct error err = {0};

        is_found |= docker_parse_container_summary(element, &container, &err) == 0 &&
                    strcmp(container.name, name) == 0;
    }
    call_done(&call);
    return is_found;
}

static bool log_has(const char *name, const char *text)
{
    json_auto_t *lines = json_array();
    struct call call;
    bool is_found = false;
    size_t i;
    json_t *line;

    if (run(docker_container_logs(name, 20), &call)) {
        docker_logs_to_lines(call.body, call.body_len, 20, 200, lines);
    }
    call_done(&call);
    json_array_foreach(lines, i, line) {
        is_found |= strcmp(json_string_value(line), text) == 0;
    }
    return is_found;
}

/* A detached command; true when it ended with the exit code. */
static bool exec_ends_with(const char *name, const char *command, int64_t exit_code)
{
    json_auto_t *body = json_pack("{s:[s,s,s]}", "Cmd", "sh", "-c", command);
    uint64_t give_up_at_ms = clock_monotonic_ms() + WAIT_MS;
    auto_free char *id = NULL;
    struct error err = {0};
    struct call call;
    bool is_created =
        run(docker_create_exec(name, body), &call) && docker_parse_id(call.json, &id, &err) == 0;

    call_done(&call);
    if (!is_created || !succeeds(docker_start_exec(id))) {
        return false;
    }
    while (clock_monotonic_ms() < give_up_at_ms) {
        bool is_running = !run(docker_inspect_exec(id), &call) ||
                          !json_is_false(json_object_get(call.json, "Running"));
        int64_t code = json_integer_value(json_object_get(call.json, "ExitCode"));

        call_done(&call);
        if (!is_running) {
            return code == exit_code;
        }
    }
    return false;
}

static void test_life_of_a_container(void)
{
    auto_free char *name = named("life"), *renamed = named("renamed");
    auto_done(docker_container) running = {0}, ended = {0};
    const char *label;

    ok(create(name,
              "echo hello; echo problem >&2; trap 'exit 3' TERM; while :; do sleep 0.1; done"),
       "a container is created");
    ok(sees_event("container", "create", name), "its create event comes");
    json_auto_t *body = container_body("true");
    ok(fails(docker_create_container(name, body), ERROR_CONFLICT, "NameTaken"),
       "a second one of that name is a conflict");
    ok(succeeds(docker_start_container(name)), "it starts");
    ok(sees_event("container", "start", name), "its start event comes");
    ok(succeeds(docker_start_container(name)), "starting it again is a success");
    ok(inspect(name, &running) && running.state == DOCKER_RUNNING &&
           strcmp(running.name, name) == 0 && strcmp(running.image, image) == 0 &&
           running.image_id[0] != '\0' && running.started_wall_ms > 0 &&
           running.network_count == 1 && running.networks[0].ip[0] != '\0' &&
           (label = docker_container_label(&running, "dev.berth.client-test")) != NULL &&
           strcmp(label, prefix) == 0,
       "inspect shows it running, with its name, image, label, time and address");
    ok(is_listed(name), "the list filtered by label has it");
    ok(exec_ends_with(name, "echo from-exec >/proc/1/fd/1; exit 7", 7),
       "a detached command in it ends with its exit code");
    ok(log_has(name, "hello") && log_has(name, "problem") && log_has(name, "from-exec"),
       "its log has the lines of stdout, stderr and the command");
    ok(succeeds(docker_pause_container(name)) && succeeds(docker_unpause_container(name)),
       "it is paused and goes on");
    json_auto_t *limits = json_pack("{s:i}", "PidsLimit", 50);
    ok(succeeds(docker_update_container(name, limits)), "its limits are changed while it runs");
    ok(succeeds(docker_rename_container(name, renamed)), "it is renamed");
    ok(succeeds(docker_stop_container(renamed, 10)), "it is stopped");
    ok(sees_event("container", "die", renamed), "its die event comes");
    ok(inspect(renamed, &ended) && ended.state == DOCKER_EXITED && ended.exit_code == 3 &&
           ended.finished_wall_ms >= running.started_wall_ms,
       "inspect shows its exit code and when it ended");
    ok(fails(docker_kill_container(renamed, "KILL"), ERROR_CONFLICT, "EngineError"),
       "killing it now is a conflict");
    ok(succeeds(docker_remove_container(renamed)), "it is removed");
    ok(sees_event("container", "destroy", renamed), "its destroy event comes");
    ok(fails(docker_inspect_container(renamed), ERROR_NOT_FOUND, "EngineError"),
       "inspect does not find it any more");
}

static void test_failures(void)
{
    auto_free char *name = named("failing");
    json_auto_t *no_image = json_pack("{s:s}", "Image", "berth-test-no-such-image:1");
    json_auto_t *no_command = json_pack("{s:s, s:[s]}", "Image", image, "Cmd", "/no/such/command");
    json_auto_t *no_memory = json_pack("{s:s, s:[s], s:{s:i}}", "Image", image, "Cmd", "true",
                                       "HostConfig", "Memory", 1);

    ok(fails(docker_create_container(name, no_image), ERROR_NOT_FOUND, "ImageNotFound"),
       "a container of an image that is not there");
    ok(fails(docker_inspect_image("berth-test-no-such-image:1"), ERROR_NOT_FOUND, "ImageNotFound"),
       "the same image inspected");
    ok(fails(docker_create_container(name, no_memory), ERROR_INVALID, "CreateFailed"),
       "a container that the engine refuses");
    ok(succeeds(docker_create_container(name, no_command)) &&
           fails(docker_start_container(name), ERROR_INVALID, "StartFailed"),
       "a command that is not in the image");
    ok(succeeds(docker_remove_container(name)), "what did not start is removed");
    ok(fails(docker_pull_image("localhost:1/nothing:1"), ERROR_TRANSIENT, "ImagePullFailed"),
       "a registry that does not answer");
}

/* A port of the loopback that somebody listens on; the socket must stay open. */
static int listen_somewhere(unsigned *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 1) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0) {
        bail_out("listen", "no port of the loopback is free");
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static bool create_with_port(const char *name, unsigned port)
{
    auto_free char *text = xasprintf("%u", port);
    json_auto_t *body = container_body("sleep 1000");

    json_object_set_new(
        json_object_get(body, "HostConfig"), "PortBindings",
        json_pack("{s:[{s:s, s:s}]}", "80/tcp", "HostIp", "127.0.0.1", "HostPort", text));
    json_object_set_new(body, "ExposedPorts", json_pack("{s:{}}", "80/tcp"));
    return succeeds(docker_create_container(name, body));
}

static void test_ports(void)
{
    auto_free char *name = named("port-1"), *other = named("port-2");
    auto_done(docker_container) container = {0};
    unsigned port;
    int fd = listen_somewhere(&port);

    ok(create_with_port(name, port) &&
           fails(docker_start_container(name), ERROR_TRANSIENT, "PortInUse"),
       "a port that another process listens on is in use");
    close(fd);
    ok(succeeds(docker_start_container(name)), "the same container starts when the port is free");
    ok(inspect(name, &container) && container.port_count == 1 &&
           container.ports[0].host_port == port && container.ports[0].container_port == 80 &&
           strcmp(container.ports[0].protocol, "tcp") == 0 &&
           strcmp(container.ports[0].host_ip, "127.0.0.1") == 0,
       "inspect shows the published port");
    ok(create_with_port(other, port) &&
           fails(docker_start_container(other), ERROR_TRANSIENT, "PortInUse"),
       "a port that another container has is in use");
    ok(succeeds(docker_remove_container(name)) && succeeds(docker_remove_container(other)),
       "both are removed");
}

static const char *label_of(const json_t *labels, const char *name)
{
    const char *label = json_string_value(json_object_get(labels, name));

    return label != NULL ? label : "";
}

static void test_images_and_files(void)
{
    static const char *const changes[] = {"CMD [\"/none\", \"a b\"]", "LABEL dev.berth.x=\"y z\"",
                                          "USER 12:34", NULL};
    auto_free char *name = xasprintf("%s/imported:1", prefix), *container_name = named("files");
    auto_done(strbuf) tar = {0};
    auto_done(docker_image) imported = {0};
    auto_done(docker_container) container = {0};
    struct error err = {0};
    struct call call;

    tar_add_directory(&tar, "data", 0755);
    tar_add_directory(&tar, "data/deep", 0700);
    tar_add_file(&tar, "data/deep/greeting", 0640, "from the tar\n", 13);
    tar_add_file(&tar, "data/run", 0755, "#!/bin/sh\ncat /data/deep/greeting\nexit 9\n", 41);
    tar_finish(&tar);
    ok(succeeds(docker_import_image(name, changes, tar.text, tar.len)),
       "an image is made from a tar of ours");
    ok(run(docker_inspect_image(name), &call) &&
           docker_parse_image(call.json, &imported, &err) == 0 && imported.has_command &&
           strcmp(imported.user, "12:34") == 0 &&
           strcmp(label_of(imported.labels, "dev.berth.x"), "y z") == 0,
       "it has the command, user and label that were asked for");
    call_done(&call);
    ok(fails(docker_import_image(name, changes, "no tar at all", 13), ERROR_TRANSIENT,
             "EngineError"),
       "what is no tar is refused");
    ok(succeeds(docker_remove_image(name)), "the image is removed");
    ok(create(container_name, "/data/run") &&
           succeeds(docker_put_archive(container_name, "/", tar.text, tar.len)) &&
           succeeds(docker_start_container(container_name)) &&
           sees_event("container", "die", container_name),
       "the tar is put into a container that has not started");
    ok(inspect(container_name, &container) && container.exit_code == 9 &&
           log_has(container_name, "from the tar"),
       "its file runs there and reads the other");
    ok(fails(docker_put_archive(container_name, "/no/such/directory", tar.text, tar.len),
             ERROR_NOT_FOUND, "EngineError"),
       "a directory that is not there is not found");
    ok(succeeds(docker_remove_container(container_name)), "the container is removed");
}

static void test_networks_and_volumes(void)
{
    auto_free char *network = named("network"), *name = named("member"), *volume = named("volume");
    json_auto_t *network_body = json_pack("{s:s, s:b, s:{s:s}}", "Name", network, "CheckDuplicate",
                                          1, "Labels", "dev.berth.client-test", prefix);
    json_auto_t *connect_body =
        json_pack("{s:s, s:{s:[s]}}", "Container", name, "EndpointConfig", "Aliases", "alias-1");
    json_auto_t *volume_body = json_pack("{s:s}", "Name", volume);
    auto_done(docker_network) parsed = {0};
    auto_done(docker_container) member = {0};
    struct error err = {0};
    struct call call;
    bool is_member = false;

    ok(succeeds(docker_create_network(network_body)), "a network is created");
    ok(sees_event("network", "create", network), "its create event comes");
    ok(fails(docker_create_network(network_body), ERROR_CONFLICT, "NameTaken"),
       "a second one of that name is a conflict");
    ok(run(docker_inspect_network(network), &call) &&
           docker_parse_network(call.json, &parsed, &err) == 0 &&
           strcmp(parsed.name, network) == 0 && strcmp(parsed.driver, "bridge") == 0 &&
           json_object_get(parsed.labels, "dev.berth.client-test") != NULL,
       "inspect shows its name, driver and label");
    call_done(&call);
    ok(create(name, "sleep 1000") && succeeds(docker_start_container(name)) &&
           succeeds(docker_connect_network(network, connect_body)),
       "a running container is connected to it");
    ok(sees_event("network", "connect", network), "the connect event comes");
    if (inspect(name, &member)) {
        for (size_t i = 0; i < member.network_count; i++) {
            is_member |= strcmp(member.networks[i].network, network) == 0 &&
                         strcmp(member.networks[i].network_id, parsed.id) == 0 &&
                         member.networks[i].ip[0] != '\0';
        }
    }
    ok(is_member, "inspect shows the container's address in it");
    ok(fails(docker_remove_network(network), ERROR_CONFLICT, "EngineError"),
       "a network with a member is not removed");
    ok(succeeds(docker_disconnect_network(network, name, true)) &&
           succeeds(docker_remove_network(network)),
       "without members it is removed");
    ok(fails(docker_inspect_network(network), ERROR_NOT_FOUND, "EngineError"),
       "inspect does not find it any more");
    ok(succeeds(docker_remove_container(name)), "the container is removed");
    ok(succeeds(docker_create_volume(volume_body)) && succeeds(docker_create_volume(volume_body)),
       "a volume is created, twice");
    ok(succeeds(docker_remove_volume(volume)) &&
           fails(docker_remove_volume(volume), ERROR_NOT_FOUND, "EngineError"),
       "it is removed once");
}

/* Hands AT_ONCE requests in and waits for all; how many succeeded, and how many were conflicts. */
static unsigned run_at_once(struct docker_request *(*make)(unsigned i), unsigned *ret_conflicts)
{
    struct call calls[AT_ONCE];
    unsigned successes = 0;

    *ret_conflicts = 0;
    for (unsigned i = 0; i < AT_ONCE; i++) {
        start(transport, make(i), &calls[i]);
    }
    for (unsigned i = 0; i < AT_ONCE; i++) {
        wait_for(&calls[i].is_done);
        successes += calls[i].is_done && calls[i].err.kind == ERROR_NONE;
        *ret_conflicts += calls[i].err.kind == ERROR_CONFLICT;
        call_done(&calls[i]);
    }
    return successes;
}

static struct docker_request *make_create(unsigned i)
{
    auto_free char *name = xasprintf("%s-many-%u", prefix, i);
    json_auto_t *body = container_body("true");

    return docker_create_container(name, body);
}

static struct docker_request *make_same(unsigned i)
{
    auto_free char *name = named("same");
    json_auto_t *body = container_body("true");

    (void)i;
    return docker_create_container(name, body);
}

static struct docker_request *make_inspect(unsigned i)
{
    auto_free char *name = xasprintf("%s-many-%u", prefix, i);

    return docker_inspect_container(name);
}

static struct docker_request *make_remove(unsigned i)
{
    auto_free char *name = xasprintf("%s-many-%u", prefix, i);

    return docker_remove_container(name);
}

static void test_many_at_once(void)
{
    auto_free char *same = named("same");
    unsigned conflicts;

    ok(run_at_once(make_create, &conflicts) == AT_ONCE, "%d containers are created at once",
       AT_ONCE);
    ok(run_at_once(make_inspect, &conflicts) == AT_ONCE, "and inspected at once");
    ok(run_at_once(make_remove, &conflicts) == AT_ONCE, "and removed at once");
    ok(run_at_once(make_same, &conflicts) == 1 && conflicts == AT_ONCE - 1,
       "of %d at once with one name one is created", AT_ONCE);
    ok(succeeds(docker_remove_container(same)), "and removed");
}

static void test_cancel(void)
{
    auto_free char *name = named("cancel");
    struct http_transport *base = http_transport_curl_base(transport);
    auto_done(docker_container) container = {0};
    struct call call;
    void *handle;

    ok(create(name, "trap '' TERM; while :; do sleep 0.1; done") &&
           succeeds(docker_start_container(name)),
       "a container that does not listen to SIGTERM runs");
    handle = start(transport, docker_stop_container(name, 30), &call);
    ok(sees_event("container", "kill", name), "the engine begins to stop it");
    base->ops->cancel(base, handle);
    ok(inspect(name, &container) && !call.is_done,
       "a cancelled call is never heard of again, and the next one is answered");
    ok(succeeds(docker_remove_container(name)), "the container is removed");
}

/* Whatever a failed test left behind. */
static void clean_up(void)
{
    auto_free char *label = xasprintf("dev.berth.client-test=%s", prefix);
    json_auto_t *filters = json_pack("{s:[s]}", "label", label);
    struct call call;
    size_t i, left;
    json_t *element;

    run(docker_list_containers(filters), &call);
    left = json_array_size(call.json);
    json_array_foreach(call.json, i, element) {
        succeeds(docker_remove_container(json_string_value(json_object_get(element, "Id"))));
    }
    call_done(&call);
    run(docker_list_networks(filters), &call);
    left += json_array_size(call.json);
    json_array_foreach(call.json, i, element) {
        succeeds(docker_remove_network(json_string_value(json_object_get(element, "Id"))));
    }
    call_done(&call);
    ok(left == 0, "nothing is left over");
}

static const char *environment(const char *name)
{
    return getenv(name);
}

int main(int argc, char **argv)
{
    auto_done(docker_endpoint) endpoint = {0};
    struct error err = {0};

    if (argc != 2) {
        fprintf(stderr, "usage: engine_client IMAGE\n");
        return 2;
    }
    image = argv[1];
    snprintf(prefix, sizeof(prefix), "berth-client-%ld", (long)getpid());
    if (docker_endpoint_parse(NULL, environment, &endpoint, &err) < 0) {
        bail_out("DOCKER_HOST", err.message);
    }
    uv_loop_init(&loop);
    transport = http_transport_curl_new(&loop, &endpoint);
    test_version();
    test_missing_socket();
    void *stream = watch();
    test_life_of_a_container();
    test_failures();
    test_ports();
    test_images_and_files();
    test_networks_and_volumes();
    test_many_at_once();
    test_cancel();
    clean_up();
    ok(!has_event_error, "the event stream held from the beginning to the end");
    http_transport_curl_base(transport)->ops->cancel(http_transport_curl_base(transport), stream);
    http_transport_curl_close(transport);
    uv_run(&loop, UV_RUN_DEFAULT);
    ok(uv_loop_close(&loop) == 0, "the loop is empty at the end");
    json_lines_done(&event_lines);
    json_decref(events);
    printf("1..%u\n", test_count);
    return failure_count == 0 ? 0 : 1;
}
