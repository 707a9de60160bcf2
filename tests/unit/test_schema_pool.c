/* The tables of pools, and of probes, hooks and sources of values. */
#include "base/cleanup.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "specs/schema.h"
#include "specs/spec_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static struct object *only_object(const struct spec_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        for (size_t j = 0; j < file->documents[i].error_count; j++) {
            print_error("%s\n", file->documents[i].errors[j].message);
        }
    }
    assert_int_equal(file->count, 1);
    assert_non_null(file->documents[0].object);
    return file->documents[0].object;
}

static struct spec_file *parse(const char *text)
{
    return spec_file_parse("a.yaml", text, strlen(text));
}

static void a_pool_that_says_nothing_has_one_idle_member(void **state)
{
    auto_owned(spec_file) *file = parse("apiVersion: berth.dev/v1\n"
                                        "kind: InstancePool\n"
                                        "metadata: {name: build}\n"
                                        "spec: {}\n");
    const struct object *object = only_object(file);
    const struct pool_spec *spec = &object->pool;

    (void)state;
    assert_int_equal(object->kind, KIND_INSTANCE_POOL);
    assert_false(object_is_suspended(object));
    assert_int_equal(spec->min_instances, 1);
    assert_int_equal(spec->max_instances, 1);
    assert_int_equal(spec->max_tasks_per_instance, 10);
    assert_int_equal(spec->placement, PLACEMENT_PACK);
    assert_int_equal(spec->target_utilization_milli, 800);
    assert_int_equal(spec->scale_down_delay_seconds, 300);
    assert_int_equal(spec->warm_repositories.count, 0);
    assert_int_equal(spec->update_strategy, UPDATE_ROLLING);
    assert_int_equal(spec->max_unavailable, 1);
    assert_int_equal(spec->template_labels.count, 0);
    /* the template has the defaults of an Instance */
    assert_string_equal(spec->template_spec.machine_type, "e2-medium");
    assert_string_equal(spec->template_spec.zone, "us-central1-a");
    assert_null(spec->template_spec.image);
    assert_int_equal(spec->template_spec.restart_policy, RESTART_ALWAYS);
    assert_int_equal(spec->template_spec.grace_seconds, 30);
    assert_int_equal(spec->template_spec.security.run_as_user, -1);
    assert_null(spec->template_spec.readiness);
}

static void every_field_of_a_pool_is_read(void **state)
{
    auto_owned(spec_file) *file =
        parse("apiVersion: berth.dev/v1\n"
              "kind: InstancePool\n"
              "metadata: {name: build, labels: {a: b}}\n"
              "spec:\n"
              "  suspend: true\n"
              "  minInstances: 2\n"
              "  maxInstances: 7\n"
              "  maxTasksPerInstance: 3\n"
              "  placement: Spread\n"
              "  autoscaling: {targetUtilization: 0.55, scaleDownDelaySeconds: 60}\n"
              "  warmRepositories: [https://h/o/b, https://h/o/a]\n"
              "  updateStrategy: {type: OnDelete, maxUnavailable: 2}\n"
              "  template:\n"
              "    metadata: {labels: {team: infra}}\n"
              "    spec:\n"
              "      machineType: n1-standard-1\n"
              "      ports: [{containerPort: 80}]\n"
              "      securityContext: {runAsUser: 5}\n");
    const struct object *object = only_object(file);
    const struct pool_spec *spec = &object->pool;

    (void)state;
    assert_true(object_is_suspended(object));
    assert_int_equal(spec->min_instances, 2);
    assert_int_equal(spec->max_instances, 7);
    assert_int_equal(spec->max_tasks_per_instance, 3);
    assert_int_equal(spec->placement, PLACEMENT_SPREAD);
    assert_int_equal(spec->target_utilization_milli, 550);
    assert_int_equal(spec->scale_down_delay_seconds, 60);
    assert_int_equal(spec->warm_repositories.count, 2);
    assert_string_equal(spec->warm_repositories.items[0], "https://h/o/b");
    assert_int_equal(spec->update_strategy, UPDATE_ON_DELETE);
    assert_int_equal(spec->max_unavailable, 2);
    assert_string_equal(spec->template_labels.items[0].key, "team");
    assert_string_equal(spec->template_spec.machine_type, "n1-standard-1");
    assert_string_equal(spec->template_spec.ports.items[0].name, "port-80");
    assert_int_equal(spec->template_spec.security.run_as_user, 5);
}

static void the_greatest_number_of_members_follows_the_least(void **state)
{
    static const struct {
        const char *spec;
        int min, max;
    } rows[] = {
        {"minInstances: 4", 4, 4},
        {"maxInstances: 4", 1, 4},
        {"minInstances: 0", 0, 0},
        {"minInstances: 0, maxInstances: 3", 0, 3},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(strbuf) text = {0};
        auto_owned(spec_file) *file = NULL;
        const struct pool_spec *spec;

        strbuf_addf(&text,
                    "{apiVersion: berth.dev/v1, kind: InstancePool, metadata: {name: a}, "
                    "spec: {%s}}",
                    rows[i].spec);
        file = parse(strbuf_text(&text));
        spec = &only_object(file)->pool;
        assert_int_equal(spec->min_instances, rows[i].min);
        assert_int_equal(spec->max_instances, rows[i].max);
    }
}

static void probes_and_hooks_have_the_defaults_of_kubernetes(void **state)
{
    auto_owned(spec_file) *file =
        parse("apiVersion: berth.dev/v1\n"
              "kind: Instance\n"
              "metadata: {name: web}\n"
              "spec:\n"
              "  readinessProbe: {httpGet: {port: 8080}}\n"
              "  livenessProbe: {exec: {command: [true-ly]}, successThreshold: 1}\n"
              "  lifecycle: {preStop: {exec: {command: [a, b]}}}\n");
    const struct instance_spec *spec = &only_object(file)->instance;

    (void)state;
    assert_non_null(spec->readiness);
    assert_null(spec->readiness->exec);
    assert_null(spec->readiness->tcp_socket);
    assert_string_equal(spec->readiness->http_get->path, "/");
    assert_string_equal(spec->readiness->http_get->port, "8080");
    assert_int_equal(spec->readiness->http_get->scheme, HTTP_SCHEME_HTTP);
    assert_int_equal(spec->readiness->http_get->headers.count, 0);
    assert_int_equal(spec->readiness->initial_delay_seconds, 0);
    assert_int_equal(spec->readiness->period_seconds, 10);
    assert_int_equal(spec->readiness->timeout_seconds, 1);
    assert_int_equal(spec->readiness->success_threshold, 1);
    assert_int_equal(spec->readiness->failure_threshold, 3);
    assert_null(spec->liveness->http_get);
    assert_string_equal(spec->liveness->exec->command.items[0], "true-ly");
    assert_null(spec->startup);
    assert_null(spec->lifecycle.post_start);
    assert_int_equal(spec->lifecycle.pre_stop->timeout_seconds, 30);
    assert_int_equal(spec->lifecycle.pre_stop->exec->command.count, 2);
}

static void every_field_of_a_probe_is_read(void **state)
{
    auto_owned(spec_file) *file = parse(
        "apiVersion: berth.dev/v1\n"
        "kind: Instance\n"
        "metadata: {name: web}\n"
        "spec:\n"
        "  ports: [{name: http, containerPort: 80}]\n"
        "  readinessProbe:\n"
        "    httpGet:\n"
        "      {path: '/a?b=c', port: http, scheme: HTTPS, httpHeaders: [{name: H, value: v}]}\n"
        "    initialDelaySeconds: 1\n"
        "    periodSeconds: 2\n"
        "    timeoutSeconds: 3\n"
        "    successThreshold: 4\n"
        "    failureThreshold: 5\n"
        "  startupProbe: {tcpSocket: {port: 81}}\n"
        "  lifecycle: {postStart: {exec: {command: [a]}, timeoutSeconds: 6}}\n"
        "  powerState: Suspended\n"
        "  deletionPolicy: Retain\n"
        "  env:\n"
        "  - {name: A, valueFrom: {file: /etc/a}}\n"
        "  - {name: B, valueFrom: {env: C}}\n"
        "  - {name: D, value: e}\n");
    const struct instance_spec *spec = &only_object(file)->instance;

    (void)state;
    assert_string_equal(spec->readiness->http_get->path, "/a?b=c");
    assert_string_equal(spec->readiness->http_get->port, "http");
    assert_int_equal(spec->readiness->http_get->scheme, HTTP_SCHEME_HTTPS);
    assert_string_equal(spec->readiness->http_get->headers.items[0].value, "v");
    assert_int_equal(spec->readiness->initial_delay_seconds, 1);
    assert_int_equal(spec->readiness->period_seconds, 2);
    assert_int_equal(spec->readiness->timeout_seconds, 3);
    assert_int_equal(spec->readiness->success_threshold, 4);
    assert_int_equal(spec->readiness->failure_threshold, 5);
    assert_string_equal(spec->startup->tcp_socket->port, "81");
    assert_int_equal(spec->lifecycle.post_start->timeout_seconds, 6);
    assert_int_equal(spec->power_state, POWER_SUSPENDED);
    assert_int_equal(spec->deletion_policy, DELETION_RETAIN);
    assert_string_equal(spec->env.items[0].from->file, "/etc/a");
    assert_null(spec->env.items[0].from->env);
    assert_string_equal(spec->env.items[1].from->env, "C");
    assert_null(spec->env.items[2].from);
    assert_string_equal(spec->env.items[2].value, "e");
}

static void a_map_that_is_left_out_is_not_in_the_json(void **state)
{
    auto_owned(spec_file) *without =
        parse("{apiVersion: berth.dev/v1, kind: Instance, metadata: {name: a},"
              " spec: {env: [{name: A, value: b}]}}");
    auto_owned(spec_file) *with =
        parse("{apiVersion: berth.dev/v1, kind: Instance, metadata: {name: a},"
              " spec: {readinessProbe: {tcpSocket: {port: 80}, timeoutSeconds: 2},"
              " env: [{name: A, valueFrom: {env: B}}]}}");
    json_auto_t *plain = schema_object_to_json(only_object(without));
    json_auto_t *probed = schema_object_to_json(only_object(with));
    const json_t *spec = json_object_get(plain, "spec");
    auto_free char *probe = NULL, *env = NULL, *plain_env = NULL;

    (void)state;
    assert_null(json_object_get(spec, "readinessProbe"));
    assert_null(json_object_get(spec, "livenessProbe"));
    assert_null(json_object_get(spec, "startupProbe"));
    assert_null(json_object_get(spec, "lifecycle"));
    plain_env = json_dumps(json_object_get(spec, "env"), JSON_COMPACT);
    assert_string_equal(plain_env, "[{\"name\":\"A\",\"value\":\"b\"}]");
    spec = json_object_get(probed, "spec");
    probe = json_dumps(json_object_get(spec, "readinessProbe"), JSON_COMPACT);
    assert_string_equal(probe, "{\"tcpSocket\":{\"port\":\"80\"},\"initialDelaySeconds\":0,"
                               "\"periodSeconds\":10,\"timeoutSeconds\":2,"
                               "\"successThreshold\":1,\"failureThreshold\":3}");
    env = json_dumps(json_object_get(spec, "env"), JSON_COMPACT);
    assert_string_equal(env, "[{\"name\":\"A\",\"value\":\"\",\"valueFrom\":{\"env\":\"B\"}}]");
}

/* What a fraction becomes in JSON; NULL: it is refused. */
static char *fraction_as_json(const char *text)
{
    auto_done(strbuf) spec = {0};
    auto_owned(spec_file) *file = NULL;
    json_auto_t *json = NULL;
    const char *value;

    strbuf_addf(&spec,
                "{apiVersion: berth.dev/v1, kind: InstancePool, metadata: {name: a},"
                " spec: {autoscaling: {targetUtilization: %s}}}",
                text);
    file = parse(strbuf_text(&spec));
    if (file->documents[0].object == NULL) {
        return NULL;
    }
    json = schema_object_to_json(file->documents[0].object);
    value = json_string_value(json_object_get(
        json_object_get(json_object_get(json, "spec"), "autoscaling"), "targetUtilization"));
    return value != NULL ? xstrdup(value) : NULL;
}

static void a_fraction_has_one_spelling_in_json(void **state)
{
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"0.8", "0.8"}, {"0.80", "0.8"},  {"\"0.8\"", "0.8"}, {"0.800", "0.8"}, {"1", "1"},
        {"1.0", "1"},   {"0.01", "0.01"}, {"0.125", "0.125"}, {"0.009", NULL},  {"1.001", NULL},
        {"0", NULL},    {"-0.5", NULL},   {"800m", NULL},     {"80%", NULL},    {".8", NULL},
        {"0,8", NULL},  {"8e-1", NULL},   {"0x1", NULL},      {"half", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *json = fraction_as_json(rows[i].text);

        if (json == NULL || rows[i].json == NULL) {
            if (json != rows[i].json) {
                fail_msg("%s: %s", rows[i].text, json != NULL ? json : "refused");
            }
            continue;
        }
        assert_string_equal(json, rows[i].json);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_that_says_nothing_has_one_idle_member),
        cmocka_unit_test(every_field_of_a_pool_is_read),
        cmocka_unit_test(the_greatest_number_of_members_follows_the_least),
        cmocka_unit_test(probes_and_hooks_have_the_defaults_of_kubernetes),
        cmocka_unit_test(every_field_of_a_probe_is_read),
        cmocka_unit_test(a_map_that_is_left_out_is_not_in_the_json),
        cmocka_unit_test(a_fraction_has_one_spelling_in_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
