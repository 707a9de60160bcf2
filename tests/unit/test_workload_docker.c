#include "controller/workload_docker.h"

#include "base/cleanup.h"
#include "base/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* What the engine is asked for, as its API reference names it. */

static struct workload *least(void)
{
    struct workload *workload = workload_new();

    workload->name = "web";
    workload->image = "debian:12";
    return workload;
}

static json_t *body_of(struct workload *workload, int64_t cpu_count)
{
    json_t *body = workload_to_docker(workload, cpu_count, NULL);

    workload_free(workload);
    return body;
}

static void assert_json(const json_t *got, const char *expected)
{
    json_auto_t *value = json_loads(expected, JSON_DECODE_ANY, NULL);
    json_t *own = (json_t *)(uintptr_t)got; /* json_equal() takes no const */

    assert_non_null(value);
    if (!json_equal(own, value)) {
        auto_free char *text = json_dumps(got, JSON_ENCODE_ANY | JSON_SORT_KEYS);

        fail_msg("%s is not %s", text != NULL ? text : "nothing", expected);
    }
}

static const json_t *host_of(const json_t *body)
{
    return json_object_get(body, "HostConfig");
}

static void the_least_has_all_that_keeps_it_safe(void **state)
{
    json_auto_t *body = body_of(least(), 0);

    (void)state;
    assert_json(
        body, "{\"Image\": \"debian:12\", \"Labels\": {}, \"ExposedPorts\": {}, \"StopTimeout\": 0,"
              " \"HostConfig\": {\"PortBindings\": {}, \"Mounts\": [], \"CapDrop\": [\"ALL\"],"
              " \"CapAdd\": [\"CHOWN\", \"DAC_OVERRIDE\", \"FOWNER\", \"FSETID\", \"KILL\","
              " \"NET_BIND_SERVICE\", \"SETGID\", \"SETPCAP\", \"SETUID\"],"
              " \"SecurityOpt\": [\"no-new-privileges\"], \"Init\": true,"
              " \"ReadonlyRootfs\": false, \"RestartPolicy\": {\"Name\": \"no\"},"
              " \"LogConfig\": {\"Type\": \"json-file\", \"Config\": {\"max-size\": \"10m\","
              " \"max-file\": \"3\"}}}}");
}

static void what_runs_is_what_the_spec_says(void **state)
{
    static const char *entrypoint[] = {"/bin/sh", "-c"}, *command[] = {"echo $A", ""};
    static struct env_var env[] = {{"A", "1=2", NULL}, {"EMPTY", "", NULL}};
    struct workload *workload = least();
    json_auto_t *body = NULL;

    (void)state;
    workload->hostname = "web.example";
    workload->working_dir = "/srv";
    workload->user = "1000:1000";
    workload->entrypoint = (struct text_list){entrypoint, 2};
    workload->command = (struct text_list){command, 2};
    workload->env = (struct env_list){env, 2};
    workload->grace_seconds = 7;
    workload->has_own_init = true;
    workload->is_root_read_only = true;
    workload_add_label(workload, LABEL_NAME, "web");
    body = body_of(workload, 0);
    assert_json(json_object_get(body, "Hostname"), "\"web.example\"");
    assert_json(json_object_get(body, "WorkingDir"), "\"/srv\"");
    assert_json(json_object_get(body, "User"), "\"1000:1000\"");
    assert_json(json_object_get(body, "Entrypoint"), "[\"/bin/sh\", \"-c\"]");
    assert_json(json_object_get(body, "Cmd"), "[\"echo $A\", \"\"]");
    assert_json(json_object_get(body, "Env"), "[\"A=1=2\", \"EMPTY=\"]");
    assert_json(json_object_get(body, "StopTimeout"), "7");
    assert_json(json_object_get(body, "Labels"), "{\"dev.berth.name\": \"web\"}");
    assert_json(json_object_get(host_of(body), "Init"), "false");
    assert_json(json_object_get(host_of(body), "ReadonlyRootfs"), "true");
}

static void a_parent_is_told_only_where_there_is_one(void **state)
{
    struct workload *workload = least();
    json_auto_t *without = body_of(least(), 0);
    json_auto_t *bounded = NULL;

    (void)state;
    workload->cgroup_parent = "/berth/c0ffee/web";
    bounded = body_of(workload, 0);
    assert_json(json_object_get(host_of(bounded), "CgroupParent"), "\"/berth/c0ffee/web\"");
    assert_null(json_object_get(host_of(without), "CgroupParent"));
}

/* An empty list would take the image's own command away. */
static void what_the_image_says_is_left_to_it(void **state)
{
    static const char *const keys[] = {"Entrypoint", "Cmd",        "Env",
                                       "User",       "WorkingDir", "NetworkingConfig"};
    json_auto_t *body = body_of(least(), 0);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        assert_null(json_object_get(body, keys[i]));
    }
}

static void ports_are_bound_where_they_were_leased(void **state)
{
    struct workload *workload = least();
    json_auto_t *body = NULL;

    (void)state;
    workload_add_port(workload, &(struct workload_port){8080, PROTOCOL_TCP, "127.0.0.1", 20014});
    workload_add_port(workload, &(struct workload_port){8080, PROTOCOL_TCP, "::1", 20015});
    workload_add_port(workload, &(struct workload_port){53, PROTOCOL_UDP, "0.0.0.0", 53});
    body = body_of(workload, 0);
    assert_json(json_object_get(body, "ExposedPorts"), "{\"8080/tcp\": {}, \"53/udp\": {}}");
    assert_json(json_object_get(host_of(body), "PortBindings"),
                "{\"8080/tcp\": [{\"HostIp\": \"127.0.0.1\", \"HostPort\": \"20014\"},"
                " {\"HostIp\": \"::1\", \"HostPort\": \"20015\"}],"
                " \"53/udp\": [{\"HostIp\": \"0.0.0.0\", \"HostPort\": \"53\"}]}");
}

static void mounts_are_volumes_or_paths(void **state)
{
    struct workload *workload = least();
    json_auto_t *body = NULL;

    (void)state;
    workload_add_mount(workload, "data", "/data", true, false);
    workload_add_mount(workload, "/srv/conf", "/conf", false, true);
    body = body_of(workload, 0);
    assert_json(json_object_get(host_of(body), "Mounts"),
                "[{\"Type\": \"volume\", \"Source\": \"data\", \"Target\": \"/data\","
                " \"ReadOnly\": false},"
                " {\"Type\": \"bind\", \"Source\": \"/srv/conf\", \"Target\": \"/conf\","
                " \"ReadOnly\": true}]");
}

static void limits_are_in_the_engines_units(void **state)
{
    static const struct {
        int64_t cpu_milli, cpu_count, nano_cpus;
    } rows[] = {
        {500, 0, 500000000},     {1500, 2, 1500000000}, {2000, 2, 2000000000},
        {4000, 2, 2000000000}, /* more than the host has would be refused */
        {64000, 0, 64000000000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct workload *workload = least();
        json_auto_t *body = NULL;

        workload->cpu_milli = rows[i].cpu_milli;
        workload->memory_bytes = INT64_C(3840) << 20;
        workload->pids = 4096;
        body = body_of(workload, rows[i].cpu_count);
        assert_int_equal(json_integer_value(json_object_get(host_of(body), "NanoCpus")),
                         rows[i].nano_cpus);
        assert_json(json_object_get(host_of(body), "Memory"), "4026531840");
        assert_json(json_object_get(host_of(body), "MemorySwap"), "4026531840"); /* no swap */
        assert_json(json_object_get(host_of(body), "PidsLimit"), "4096");
    }
}

static void no_limit_is_no_field(void **state)
{
    json_auto_t *body = body_of(least(), 4);

    (void)state;
    assert_null(json_object_get(host_of(body), "NanoCpus"));
    assert_null(json_object_get(host_of(body), "Memory"));
    assert_null(json_object_get(host_of(body), "PidsLimit"));
}

static void it_is_on_its_network_under_its_names(void **state)
{
    struct workload *workload = least();
    json_auto_t *body = NULL, *connect = NULL;

    (void)state;
    workload->network = "berth-a-c0ffee";
    workload_add_alias(workload, "web");
    workload_add_alias(workload, "web.a.berth.internal");
    connect = workload_to_docker_connect(workload, "web");
    body = body_of(workload, 0);
    assert_json(json_object_get(host_of(body), "NetworkMode"), "\"berth-a-c0ffee\"");
    assert_json(json_object_get(body, "NetworkingConfig"),
                "{\"EndpointsConfig\": {\"berth-a-c0ffee\":"
                " {\"Aliases\": [\"web\", \"web.a.berth.internal\"]}}}");
    assert_json(connect, "{\"Container\": \"web\", \"EndpointConfig\":"
                         " {\"Aliases\": [\"web\", \"web.a.berth.internal\"]}}");
}

static void names_are_resolved_as_the_spec_says(void **state)
{
    static const char *servers[] = {"192.0.2.53"}, *search[] = {"example"}, *names[] = {"db", "pg"};
    static struct host_alias aliases[] = {{"192.0.2.9", {names, 2}}, {"2001:db8::9", {names, 1}}};
    struct workload *workload = least();
    json_auto_t *body = NULL;

    (void)state;
    workload->dns = (struct dns_spec){{servers, 1}, {search, 1}};
    workload->host_aliases = (struct host_alias_list){aliases, 2};
    body = body_of(workload, 0);
    assert_json(json_object_get(host_of(body), "Dns"), "[\"192.0.2.53\"]");
    assert_json(json_object_get(host_of(body), "DnsSearch"), "[\"example\"]");
    assert_json(json_object_get(host_of(body), "ExtraHosts"),
                "[\"db:192.0.2.9\", \"pg:192.0.2.9\", \"db:2001:db8::9\"]");
}

static bool has_capability(const json_t *body, const char *name)
{
    const json_t *list = json_object_get(host_of(body), "CapAdd");

    for (size_t i = 0; i < json_array_size(list); i++) {
        if (text_equal(json_string_value(json_array_get(list, i)), name)) {
            return true;
        }
    }
    return false;
}

static void capabilities_are_dropped_before_some_are_added(void **state)
{
    static const struct {
        const char *add, *drop, *name;
        bool is_there;
    } rows[] = {
        {NULL, NULL, "CHOWN", true},        {NULL, NULL, "NET_RAW", false},
        {"NET_RAW", NULL, "NET_RAW", true}, {"CAP_NET_RAW", NULL, "NET_RAW", true},
        {NULL, "CHOWN", "CHOWN", false},    {NULL, "CAP_CHOWN", "CHOWN", false},
        {NULL, "CHOWN", "KILL", true},      {NULL, "ALL", "KILL", false},
        {"KILL", "ALL", "KILL", true},      {"KILL", "ALL", "CHOWN", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *add = rows[i].add, *drop = rows[i].drop;
        struct workload *workload = least();
        json_auto_t *body = NULL;

        workload->capabilities_add = (struct text_list){&add, add != NULL};
        workload->capabilities_drop = (struct text_list){&drop, drop != NULL};
        body = body_of(workload, 0);
        assert_int_equal(has_capability(body, rows[i].name), rows[i].is_there);
        assert_json(json_object_get(host_of(body), "CapDrop"), "[\"ALL\"]");
        assert_null(json_object_get(host_of(body), "Privileged"));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_has_all_that_keeps_it_safe),
        cmocka_unit_test(what_runs_is_what_the_spec_says),
        cmocka_unit_test(a_parent_is_told_only_where_there_is_one),
        cmocka_unit_test(what_the_image_says_is_left_to_it),
        cmocka_unit_test(ports_are_bound_where_they_were_leased),
        cmocka_unit_test(mounts_are_volumes_or_paths),
        cmocka_unit_test(limits_are_in_the_engines_units),
        cmocka_unit_test(no_limit_is_no_field),
        cmocka_unit_test(it_is_on_its_network_under_its_names),
        cmocka_unit_test(names_are_resolved_as_the_spec_says),
        cmocka_unit_test(capabilities_are_dropped_before_some_are_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
