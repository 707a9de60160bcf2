#include "clients/docker_types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static json_t *parse(const char *text)
{
    json_t *json = json_loads(text, JSON_ALLOW_NUL, NULL);

    assert_non_null(json);
    return json;
}

static void inspect_of_a_running_container_is_read(void **state)
{
    json_auto_t *json = parse(
        "{\"Id\":\"5e1f\",\"Created\":\"2026-11-21T20:26:01.123456789Z\",\"Name\":\"/web\","
        "\"Image\":\"sha256:1d54\",\"State\":{\"Status\":\"running\",\"Running\":true,"
        "\"OOMKilled\":false,\"ExitCode\":0,\"Error\":\"\",\"StartedAt\":"
        "\"2026-11-21T20:26:02.5Z\",\"FinishedAt\":\"0001-01-01T00:00:00Z\",\"Health\":{\"Status\":"
        "\"healthy\"}},\"Config\":{\"Image\":\"app:1\",\"Labels\":{\"a\":\"b\"}},"
        "\"NetworkSettings\":{\"Ports\":{\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":"
        "\"20001\"},{\"HostIp\":\"::1\",\"HostPort\":\"20002\"}],\"81/tcp\":null,\"53/udp\":[{"
        "\"HostIp\":\"\",\"HostPort\":\"20003\"}]},\"Networks\":{\"zone-a\":{\"NetworkID\":"
        "\"ff40\",\"IPAddress\":\"172.18.0.2\"},\"zone-b\":{\"NetworkID\":\"ff41\",\"IPAddress\":"
        "\"\"}}}}");
    auto_done(docker_container) container = {0};
    struct error err = {0};

    (void)state;
    assert_int_equal(docker_parse_container(json, &container, &err), 0);
    assert_string_equal(container.id, "5e1f");
    assert_string_equal(container.name, "web");
    assert_string_equal(container.image, "app:1");
    assert_string_equal(container.image_id, "sha256:1d54");
    assert_string_equal(docker_container_label(&container, "a"), "b");
    assert_null(docker_container_label(&container, "c"));
    assert_int_equal(container.state, DOCKER_RUNNING);
    assert_string_equal(container.health, "healthy");
    assert_int_equal(container.created_wall_ms, INT64_C(1795292761123));
    assert_int_equal(container.started_wall_ms, INT64_C(1795292762500));
    assert_int_equal(container.finished_wall_ms, 0);
    assert_int_equal(container.network_count, 2);
    assert_string_equal(container.networks[0].network, "zone-a");
    assert_string_equal(container.networks[0].network_id, "ff40");
    assert_string_equal(container.networks[0].ip, "172.18.0.2");
    assert_string_equal(container.networks[1].ip, "");
    assert_int_equal(container.port_count, 3);
    assert_int_equal(container.ports[1].container_port, 80);
    assert_string_equal(container.ports[1].protocol, "tcp");
    assert_string_equal(container.ports[1].host_ip, "::1");
    assert_int_equal(container.ports[1].host_port, 20002);
    assert_string_equal(container.ports[2].protocol, "udp");
}

static void inspect_of_an_ended_container_tells_how_it_ended(void **state)
{
    json_auto_t *json = parse(
        "{\"Id\":\"5e1f\",\"State\":{\"Status\":\"exited\",\"OOMKilled\":true,\"ExitCode\":137,"
        "\"Error\":\"gone\",\"FinishedAt\":\"2026-11-21T20:26:02+01:00\"},\"Config\":{\"Labels\":"
        "null},\"NetworkSettings\":{\"Ports\":{},\"Networks\":{}}}");
    auto_done(docker_container) container = {0};
    struct error err = {0};

    (void)state;
    assert_int_equal(docker_parse_container(json, &container, &err), 0);
    assert_int_equal(container.state, DOCKER_EXITED);
    assert_true(container.is_oom_killed);
    assert_int_equal(container.exit_code, 137);
    assert_string_equal(container.error, "gone");
    assert_int_equal(container.finished_wall_ms, INT64_C(1795289162000));
    assert_null(container.health);
    assert_true(json_is_object(container.labels));
    assert_int_equal(container.network_count, 0);
    assert_int_equal(container.port_count, 0);
}

static void states_have_the_words_of_docker_and_podman(void **state)
{
    static const struct {
        const char *text;
        enum docker_state state;
    } rows[] = {
        {"created", DOCKER_CREATED},   {"running", DOCKER_RUNNING},
        {"paused", DOCKER_PAUSED},     {"restarting", DOCKER_RESTARTING},
        {"removing", DOCKER_REMOVING}, {"exited", DOCKER_EXITED},
        {"dead", DOCKER_DEAD},         {"configured", DOCKER_CREATED},
        {"stopped", DOCKER_EXITED},    {"initialized", DOCKER_CREATED},
        {"", DOCKER_EXITED},           {"something new", DOCKER_EXITED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_auto_t *json = json_pack("{s:s, s:{s:s}}", "Id", "1", "State", "Status", rows[i].text);
        auto_done(docker_container) container = {0};
        struct error err = {0};

        assert_int_equal(docker_parse_container(json, &container, &err), 0);
        assert_int_equal(container.state, rows[i].state);
    }
    json_auto_t *json = parse("{\"Id\":\"1\",\"State\":{\"Status\":\"odd\",\"Running\":true}}");
    auto_done(docker_container) container = {0};
    struct error err = {0};

    assert_int_equal(docker_parse_container(json, &container, &err), 0);
    assert_int_equal(container.state, DOCKER_RUNNING);
}

static void a_list_element_is_read(void **state)
{
    json_auto_t *json = parse(
        "{\"Id\":\"5e1f\",\"Names\":[\"/other/alias\",\"/web\"],\"Image\":\"app:1\",\"ImageID\":"
        "\"sha256:1d54\",\"Created\":1795292761,\"State\":\"running\",\"Status\":\"Up 2 hours\","
        "\"Labels\":{\"a\":\"b\"},\"Ports\":[{\"IP\":\"127.0.0.1\",\"PrivatePort\":80,"
        "\"PublicPort\":20001,\"Type\":\"tcp\"},{\"PrivatePort\":81,\"Type\":\"tcp\"},{"
        "\"PrivatePort\":70000,\"PublicPort\":-1,\"Type\":\"tcp\"}],\"NetworkSettings\":{"
        "\"Networks\":{\"zone-a\":{\"NetworkID\":\"ff40\",\"IPAddress\":\"172.18.0.2\"}}}}");
    auto_done(docker_container) container = {0};
    struct error err = {0};

    (void)state;
    assert_int_equal(docker_parse_container_summary(json, &container, &err), 0);
    assert_string_equal(container.id, "5e1f");
    assert_string_equal(container.name, "web");
    assert_string_equal(container.image, "app:1");
    assert_string_equal(container.image_id, "sha256:1d54");
    assert_int_equal(container.state, DOCKER_RUNNING);
    assert_int_equal(container.created_wall_ms, INT64_C(1795292761000));
    assert_string_equal(docker_container_label(&container, "a"), "b");
    assert_int_equal(container.port_count, 1);
    assert_int_equal(container.ports[0].container_port, 80);
    assert_int_equal(container.ports[0].host_port, 20001);
    assert_int_equal(container.network_count, 1);
    assert_string_equal(container.error, "");
}

/* Each with an id and everything else of a wrong type. */
static void wrong_types_read_as_absent(void **state)
{
    static const char *const texts[] = {
        "{\"Id\":\"1\"}",
        "{\"Id\":\"1\",\"Name\":1,\"Names\":7,\"Image\":[],\"ImageID\":{},\"Created\":{},\"State\":"
        "[],\"Config\":\"x\",\"Labels\":[],\"NetworkSettings\":1,\"Ports\":true}",
        "{\"Id\":\"1\",\"Names\":[1,null,\"no-slash\"],\"Created\":9223372036854775807,\"State\":{"
        "\"Status\":1,\"ExitCode\":\"x\",\"Health\":[],\"StartedAt\":\"never\"},\"Config\":{"
        "\"Labels\":{\"a\":1,\"b\":null,\"c\":\"nul\\u0000inside\"}},\"Labels\":{\"a\":{},\"c\":"
        "\"nul\\u0000inside\"},\"NetworkSettings\":{\"Networks\":[],\"Ports\":{\"x/tcp\":[{"
        "\"HostPort\":\"1\"}],\"80/tcp\":7,\"81/tcp\":[1,{\"HostPort\":1},{\"HostPort\":\"0\"},{"
        "\"HostPort\":\"65536\"}]}},\"Ports\":[1,{},{\"PrivatePort\":1}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_auto_t *json = parse(texts[i]);
        auto_done(docker_container) inspected = {0}, listed = {0};
        struct error err = {0};

        assert_int_equal(docker_parse_container(json, &inspected, &err), 0);
        assert_int_equal(docker_parse_container_summary(json, &listed, &err), 0);
        assert_string_equal(inspected.name, "");
        assert_string_equal(listed.name, "");
        assert_int_equal(json_object_size(inspected.labels), 0);
        assert_int_equal(json_object_size(listed.labels), 0);
        assert_int_equal(inspected.port_count, 0);
        assert_int_equal(listed.port_count, 0);
        assert_int_equal(listed.created_wall_ms, 0);
        assert_int_equal(inspected.started_wall_ms, 0);
    }
}

static void nothing_is_read_without_an_id(void **state)
{
    static const char *const texts[] = {"{}", "{\"Id\":\"\"}", "{\"Id\":1}", "[]",
                                        "{\"Id\":\"a\\u0000b\"}"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_auto_t *json = parse(texts[i]);
        struct docker_container container, summary;
        struct docker_image image;
        struct docker_network network;
        struct docker_exec command;
        char *id = NULL;
        struct error errs[6] = {0};

        assert_int_equal(docker_parse_container(json, &container, &errs[0]), -1);
        assert_int_equal(docker_parse_container_summary(json, &summary, &errs[1]), -1);
        assert_int_equal(docker_parse_image(json, &image, &errs[2]), -1);
        assert_int_equal(docker_parse_network(json, &network, &errs[3]), -1);
        assert_int_equal(docker_parse_id(json, &id, &errs[4]), -1);
        assert_int_equal(docker_parse_exec(json, &command, &errs[5]), -1);
        assert_null(id);
        for (size_t j = 0; j < 6; j++) {
            assert_int_equal(errs[j].kind, ERROR_TRANSIENT);
            assert_true(strlen(errs[j].message) > 0);
        }
    }
}

static void an_image_tells_whether_it_has_a_command(void **state)
{
    static const struct {
        const char *config;
        bool has_command;
    } rows[] = {
        {"{\"Cmd\":[\"sh\"]}", true},
        {"{\"Entrypoint\":[\"/x\"]}", true},
        {"{\"Cmd\":null,\"Entrypoint\":[]}", false},
        {"{}", false},
        {"null", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_auto_t *json = json_pack("{s:s, s:o}", "Id", "sha256:1", "Config",
                                      json_loads(rows[i].config, JSON_DECODE_ANY, NULL));
        auto_done(docker_image) image = {0};
        struct error err = {0};

        assert_int_equal(docker_parse_image(json, &image, &err), 0);
        assert_int_equal(image.has_command, rows[i].has_command);
        assert_string_equal(image.user, "");
    }
    json_auto_t *json = parse("{\"Id\":\"sha256:1\",\"Config\":{\"User\":\"1000:1000\","
                              "\"WorkingDir\":\"/src\",\"Labels\":{\"v\":\"2\"}}}");
    auto_done(docker_image) image = {0};
    struct error err = {0};

    assert_int_equal(docker_parse_image(json, &image, &err), 0);
    assert_string_equal(image.id, "sha256:1");
    assert_string_equal(image.user, "1000:1000");
    assert_string_equal(image.working_dir, "/src");
    assert_string_equal(json_string_value(json_object_get(image.labels, "v")), "2");
}

static void a_network_and_an_id_are_read(void **state)
{
    json_auto_t *json = parse("{\"Id\":\"ff40\",\"Name\":\"zone-a\",\"Driver\":\"bridge\","
                              "\"Labels\":{\"a\":\"b\"}}");
    auto_done(docker_network) network = {0};
    auto_free char *id = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(docker_parse_network(json, &network, &err), 0);
    assert_string_equal(network.id, "ff40");
    assert_string_equal(network.name, "zone-a");
    assert_string_equal(network.driver, "bridge");
    assert_string_equal(json_string_value(json_object_get(network.labels, "a")), "b");
    assert_int_equal(docker_parse_id(json, &id, &err), 0);
    assert_string_equal(id, "ff40");
}

static void a_command_runs_or_has_a_code(void **state)
{
    static const struct {
        const char *text;
        bool is_running, has_exit_code;
        int64_t exit_code, pid;
    } rows[] = {
        {"{\"ID\":\"5e\",\"Running\":true,\"ExitCode\":null,\"Pid\":77}", true, false, 0, 77},
        {"{\"ID\":\"5e\",\"Running\":false,\"ExitCode\":3,\"Pid\":77}", false, true, 3, 77},
        {"{\"ID\":\"5e\",\"Running\":true,\"ExitCode\":0}", true, false, 0, 0},
        {"{\"ID\":\"5e\",\"Running\":false,\"ExitCode\":null}", false, false, 0, 0},
        {"{\"ID\":\"5e\",\"Running\":\"no\",\"ExitCode\":\"3\",\"Pid\":\"x\"}", false, false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_auto_t *json = parse(rows[i].text);
        struct docker_exec command;
        struct error err = {0};

        assert_int_equal(docker_parse_exec(json, &command, &err), 0);
        assert_int_equal(command.is_running, rows[i].is_running);
        assert_int_equal(command.has_exit_code, rows[i].has_exit_code);
        assert_int_equal(command.exit_code, rows[i].exit_code);
        assert_int_equal(command.pid, rows[i].pid);
    }
}

static void the_engine_tells_what_it_is(void **state)
{
    json_auto_t *docker = parse(
        "{\"Components\":[{\"Name\":\"Engine\"}],\"Version\":\"20.10.24+dfsg1\",\"ApiVersion\":"
        "\"1.41\",\"MinAPIVersion\":\"1.12\",\"Os\":\"linux\",\"Arch\":\"amd64\"}");
    json_auto_t *podman = parse("{\"Components\":[{},{\"Name\":\"Podman Engine\"}],\"Version\":"
                                "\"4.3.1\",\"ApiVersion\":\"1.41\"}");
    json_auto_t *other = parse("{\"Version\":\"1\"}");
    auto_done(docker_engine) engine = {0}, compatible = {0};
    struct docker_engine none;
    struct error err = {0};

    (void)state;
    assert_int_equal(docker_parse_engine(docker, &engine, &err), 0);
    assert_string_equal(engine.version, "20.10.24+dfsg1");
    assert_string_equal(engine.api_version, "1.41");
    assert_string_equal(engine.min_api_version, "1.12");
    assert_string_equal(engine.os, "linux");
    assert_string_equal(engine.arch, "amd64");
    assert_false(engine.is_podman);
    assert_int_equal(docker_parse_engine(podman, &compatible, &err), 0);
    assert_true(compatible.is_podman);
    assert_int_equal(docker_parse_engine(other, &none, &err), -1);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
}

static void the_engine_tells_of_its_machine(void **state)
{
    static const struct {
        const char *json, *driver;
        unsigned version;
        int64_t cpu_count;
        bool is_rootless;
    } rows[] = {
        {"{\"CgroupDriver\": \"cgroupfs\", \"CgroupVersion\": \"1\", \"NCPU\": 2,"
         " \"SecurityOptions\": [\"name=seccomp,profile=default\"]}",
         "cgroupfs", 1, 2, false},
        {"{\"CgroupDriver\": \"systemd\", \"CgroupVersion\": \"2\", \"NCPU\": 64,"
         " \"SecurityOptions\": [\"name=seccomp,profile=default\", \"name=rootless\"]}",
         "systemd", 2, 64, true},
        {"{\"CgroupDriver\": 1, \"CgroupVersion\": 2, \"NCPU\": -4,"
         " \"SecurityOptions\": [7, \"name=rootlessness\"]}",
         "", 0, 0, false},
        {"[]", "", 0, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_auto_t *json = json_loads(rows[i].json, 0, NULL);
        struct docker_host host;

        docker_parse_host(json, &host);
        assert_string_equal(host.cgroup_driver, rows[i].driver);
        assert_int_equal(host.cgroup_version, rows[i].version);
        assert_int_equal(host.cpu_count, rows[i].cpu_count);
        assert_int_equal(host.is_rootless, rows[i].is_rootless);
        assert_int_equal(host.now_wall_ms, 0);
        docker_host_done(&host);
    }
}

static void a_container_tells_its_cgroup_parent(void **state)
{
    static const char *const rows[][2] = {
        {"{\"Id\": \"a\", \"HostConfig\": {\"CgroupParent\": \"/berth/x\"}}", "/berth/x"},
        {"{\"Id\": \"a\", \"HostConfig\": {\"CgroupParent\": \"\"}}", ""},
        {"{\"Id\": \"a\", \"HostConfig\": []}", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_auto_t *json = json_loads(rows[i][0], 0, NULL);
        struct docker_container container = {0};
        struct error err = {0};

        assert_int_equal(docker_parse_container(json, &container, &err), 0);
        assert_string_equal(container.cgroup_parent, rows[i][1]);
        docker_container_done(&container);
    }
}

static void the_highest_version_that_both_speak_is_spoken(void **state)
{
    static const struct {
        const char *newest, *oldest, *agreed; /* NULL: none */
    } rows[] = {
        {"1.41", "1.12", "1.41"}, {"1.44", "1.24", "1.44"},    {"1.51", "1.24", "1.51"},
        {"1.55", "1.40", "1.51"}, {"1.53", "1.44", "1.51"},    {"1.51", "1.51", "1.51"},
        {"1.41", "", "1.41"},     {"2.3", "1.44", "1.51"},     {"1.40", "1.12", NULL},
        {"1.9", "1.1", NULL},     {"1.60", "1.52", NULL},      {"2.0", "2.0", NULL},
        {"0.99", "", NULL},       {"nonsense", "1.12", NULL},  {"1.", "", NULL},
        {"1.041", "", NULL},      {"1.99999999999", "", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_auto_t *json = json_pack("{s:s, s:s, s:s}", "Version", "9.9", "ApiVersion",
                                      rows[i].newest, "MinAPIVersion", rows[i].oldest);
        auto_done(docker_engine) engine = {0};
        char version[DOCKER_API_SIZE] = "untouched";
        struct error err = {0};

        assert_int_equal(docker_parse_engine(json, &engine, &err), 0);
        if (rows[i].agreed != NULL) {
            assert_int_equal(docker_negotiate(&engine, version, &err), 0);
            assert_string_equal(version, rows[i].agreed);
        } else {
            assert_int_equal(docker_negotiate(&engine, version, &err), -1);
            assert_string_equal(version, "untouched");
            assert_int_equal(err.kind, ERROR_INVALID);
            assert_string_equal(err.reason, "EngineUnavailable");
            assert_non_null(strstr(err.message, rows[i].newest));
            assert_non_null(strstr(err.message, "1.41 to 1.51"));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inspect_of_a_running_container_is_read),
        cmocka_unit_test(inspect_of_an_ended_container_tells_how_it_ended),
        cmocka_unit_test(states_have_the_words_of_docker_and_podman),
        cmocka_unit_test(a_list_element_is_read),
        cmocka_unit_test(wrong_types_read_as_absent),
        cmocka_unit_test(nothing_is_read_without_an_id),
        cmocka_unit_test(an_image_tells_whether_it_has_a_command),
        cmocka_unit_test(a_network_and_an_id_are_read),
        cmocka_unit_test(a_command_runs_or_has_a_code),
        cmocka_unit_test(the_engine_tells_what_it_is),
        cmocka_unit_test(the_engine_tells_of_its_machine),
        cmocka_unit_test(a_container_tells_its_cgroup_parent),
        cmocka_unit_test(the_highest_version_that_both_speak_is_spoken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
