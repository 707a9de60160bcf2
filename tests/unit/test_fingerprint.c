#include "base/memory.h"
#include "specs/fingerprint.h"
#include "specs/spec_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* The object of a document of this kind with this spec in flow style; the caller's reference. */
static struct object *object_of(const char *kind, const char *metadata, const char *spec)
{
    auto_free char *text = xasprintf(
        "{apiVersion: berth.dev/v1, kind: %s, metadata: {%s}, spec: {%s}}", kind, metadata, spec);
    auto_owned(spec_file) *file = spec_file_parse("a.yaml", text, strlen(text));

    if (file->count != 1 || file->documents[0].object == NULL) {
        fail_msg("%s: %s", text,
                 file->count > 0 ? file->documents[0].errors[0].message : file->errors[0].message);
    }
    return object_ref(file->documents[0].object);
}

static void other_spellings_of_one_spec_have_one_hash(void **state)
{
    static const struct {
        const char *kind, *one, *other;
    } rows[] = {
        {"Instance", "resources: {memory: 1Gi}", "resources: {memory: 1024Mi}"},
        {"Instance", "resources: {cpus: 0.5}", "resources: {cpus: 500m}"},
        {"Instance", "image: debian", "image: \"debian\""},
        {"Instance", "env: [{name: A, value: 1}]", "env: [{name: A, value: '1'}]"},
        {"Instance", "env: [{name: A}]", "env: [{value: '', name: A}]"},
        {"Instance", "env: [{name: A, value: x}, {name: B, value: y}]",
         "env: [{name: B, value: y}, {name: A, value: x}]"},
        {"Instance", "image: debian, user: me", "user: me, image: debian"},
        {"Instance", "",
         "machineType: e2-medium, zone: us-central1-a, restartPolicy: Always,"
         " powerState: Running, terminationGracePeriodSeconds: 30, suspend: false,"
         " imagePullPolicy: IfNotPresent, env: [], ports: [], command: [],"
         " resources: {}, dns: {servers: []}, securityContext: {capabilities: {}}"},
        {"Instance", "ports: [{containerPort: 80}]",
         "ports: [{containerPort: 80, name: port-80, protocol: TCP, hostPort: 0, hostIP: "
         "127.0.0.1}]"},
        {"Instance", "ports: [{containerPort: 80}, {containerPort: 81}]",
         "ports: [{containerPort: 81}, {containerPort: 80}]"},
        {"Instance", "securityContext: {capabilities: {add: [A, B]}}",
         "securityContext: {capabilities: {add: [B, A]}}"},
        {"Repository", "url: https://h/o/r",
         "url: 'https://h/o/r', warm: false, retainSeconds: 86400"},
        {"Task", "repository: {name: r}", "repository: {'name': 'r'}, state: Active, priority: 0"},
        {"Instance", "readinessProbe: {tcpSocket: {port: 80}}",
         "readinessProbe: {tcpSocket: {port: '80'}, periodSeconds: 10, failureThreshold: 3}"},
        {"Instance", "", "lifecycle: {}, deletionPolicy: Delete"},
        {"InstancePool", "", "minInstances: 1, maxInstances: 1, template: {spec: {}}"},
        {"InstancePool", "autoscaling: {targetUtilization: 0.8}",
         "autoscaling: {targetUtilization: '0.80', scaleDownDelaySeconds: 300}"},
        {"InstancePool", "warmRepositories: [https://h/o/a, https://h/o/b]",
         "warmRepositories: [https://h/o/b, https://h/o/a]"},
        {"InstancePool", "template: {spec: {env: [{name: A}, {name: B}]}}",
         "template: {spec: {env: [{name: B}, {name: A}]}}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct object *one = object_of(rows[i].kind, "name: a", rows[i].one);
        struct object *other = object_of(rows[i].kind, "name: a", rows[i].other);

        assert_string_equal(one->hash, other->hash);
        assert_string_equal(one->container_hash, other->container_hash);
        assert_string_equal(one->field_hashes, other->field_hashes);
        object_unref(one);
        object_unref(other);
    }
}

/*
 * What a change does: another hash always, another container (of a task: another run) only where it
 * must be.
 */
static void only_changes_that_shape_the_container_or_run_change_its_hash(void **state)
{
    static const struct {
        const char *kind, *one, *other;
        const char *changed; /* fields; "" where the container stays */
    } rows[] = {
        {"Instance", "image: a", "image: b", "image"},
        {"Instance", "", "image: b", "image"},
        {"Instance", "image: a, user: b", "image: b, user: a", "image, user"},
        {"Instance", "machineType: e2-small", "", "machineType"},
        {"Instance", "zone: a", "zone: b", "zone"},
        {"Instance", "command: [a, b]", "command: [b, a]", "command"},
        {"Instance", "command: [a b]", "command: [a, b]", "command"},
        {"Instance", "env: [{name: A, value: x}]", "env: [{name: A, value: y}]", "env"},
        {"Instance", "env: [{name: A, value: x}]", "env: []", "env"},
        {"Instance", "ports: [{containerPort: 80}]", "ports: [{containerPort: 80, hostPort: 81}]",
         "ports"},
        {"Instance", "dns: {servers: [1.1.1.1, 8.8.8.8]}", "dns: {servers: [8.8.8.8, 1.1.1.1]}",
         "dns"},
        {"Instance", "securityContext: {runAsUser: 0}", "", "securityContext"},
        {"Instance", "suspend: true", "", ""},
        {"Instance", "powerState: Stopped", "", ""},
        {"Instance", "restartPolicy: Never", "", ""},
        {"Instance", "imagePullPolicy: Never", "", ""},
        {"Instance", "terminationGracePeriodSeconds: 5", "", ""},
        {"Instance", "powerState: Suspended", "", ""},
        {"Instance", "deletionPolicy: Retain", "", ""},
        {"Instance", "readinessProbe: {tcpSocket: {port: 80}}", "", ""},
        {"Instance", "livenessProbe: {exec: {command: [a]}}", "", ""},
        {"Instance", "startupProbe: {httpGet: {port: 80}}", "startupProbe: {httpGet: {port: 81}}",
         ""},
        {"Instance", "lifecycle: {preStop: {exec: {command: [a]}}}", "", ""},
        {"Instance", "env: [{name: A, valueFrom: {file: /a}}]",
         "env: [{name: A, valueFrom: {file: /b}}]", "env"},
        {"Instance", "env: [{name: A, valueFrom: {file: /a}}]",
         "env: [{name: A, valueFrom: {env: a}}]", "env"},
        {"InstancePool", "minInstances: 2", "", ""},
        {"InstancePool", "template: {spec: {image: a}}", "", ""},
        {"InstancePool", "placement: Spread", "", ""},
        {"Repository", "url: https://h/o/r, pool: a", "url: https://h/o/r", ""},
        {"Task", "repository: https://h/o/r, pool: a", "repository: https://h/o/r", ""},
        {"Task", "repository: https://h/o/r, priority: 1", "repository: https://h/o/r", ""},
        {"Repository", "url: https://h/o/r, image: a", "url: https://h/o/r, image: b", "image"},
        {"Repository", "url: https://h/o/r", "url: https://h/o/s", ""},
        {"Repository", "url: https://h/o/r, branch: a", "url: https://h/o/r", ""},
        {"Repository", "url: https://h/o/r, warm: true", "url: https://h/o/r", ""},
        {"Repository", "url: https://h/o/r, retainSeconds: 1", "url: https://h/o/r", ""},
        {"Repository", "url: https://h/o/r, idleTimeoutSeconds: 1", "url: https://h/o/r", ""},
        {"Repository", "url: https://h/o/r, credentials: {tokenFile: /t}", "url: https://h/o/r",
         ""},
        {"Task", "repository: https://h/o/r, command: [a]", "repository: https://h/o/s",
         "command, repository"},
        {"Task", "repository: https://h/o/r, timeoutSeconds: 5", "repository: https://h/o/r",
         "timeoutSeconds"},
        {"Task", "repository: https://h/o/r, state: Completed", "repository: https://h/o/r", ""},
        {"Task", "repository: https://h/o/r, ttlSecondsAfterFinished: 1",
         "repository: https://h/o/r", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct object *one = object_of(rows[i].kind, "name: a", rows[i].one);
        struct object *other = object_of(rows[i].kind, "name: a", rows[i].other);
        auto_free char *changed =
            fingerprint_changed_fields(one->field_hashes, other->field_hashes);

        assert_string_not_equal(one->hash, other->hash);
        assert_string_equal(changed, rows[i].changed);
        assert_int_equal(strcmp(one->container_hash, other->container_hash) == 0,
                         rows[i].changed[0] == '\0');
        object_unref(one);
        object_unref(other);
    }
}

static void labels_count_for_the_object_and_not_for_its_container(void **state)
{
    struct object *plain = object_of("Instance", "name: a", "image: x");
    struct object *labelled = object_of("Instance", "name: a, labels: {a: b, c: d}", "image: x");
    struct object *turned = object_of("Instance", "labels: {c: d, a: b}, name: a", "image: x");
    struct object *noted = object_of("Instance", "name: a, annotations: {a: b}", "image: x");

    (void)state;
    assert_string_not_equal(plain->hash, labelled->hash);
    assert_string_equal(labelled->hash, turned->hash);
    assert_string_equal(plain->hash, noted->hash);
    assert_string_equal(plain->container_hash, labelled->container_hash);
    object_unref(plain);
    object_unref(labelled);
    object_unref(turned);
    object_unref(noted);
}

/*
 * Hashes are in the labels of containers that run: when this test fails although no field was
 * added, every container of every user would be made anew by the next version.
 */
static void hashes_stay_what_they_were(void **state)
{
    struct object *object =
        object_of("Instance", "name: a, labels: {x: y}",
                  "image: debian:12, env: [{name: A, value: b}], command: [sh]");

    (void)state;
    assert_string_equal(object->hash, "v1-5d823633dbb455df");
    assert_string_equal(object->container_hash, "v1-3e8bf3e09be5abb6");
    assert_string_equal(object->field_hashes,
                        "command=4804907a env=3d056547 image=beef862d machineType=61bf065e "
                        "securityContext=723d963f zone=b8c7372c");
    object_unref(object);
}

static void changed_fields_are_named_in_order(void **state)
{
    static const struct {
        const char *before, *after, *names;
    } rows[] = {
        {"a=00000000 b=11111111", "a=00000000 b=11111111", ""},
        {"a=00000000 b=11111111", "a=00000001 b=11111111", "a"},
        {"b=11111111 a=00000000", "a=00000001 b=11111112", "a, b"},
        {"a=00000000", "a=00000000 b=11111111", "b"},
        {"a=00000000 b=11111111", "", "a, b"},
        {"", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *names = fingerprint_changed_fields(rows[i].before, rows[i].after);

        assert_string_equal(names, rows[i].names);
    }
}

static void damaged_labels_give_unknown_fields(void **state)
{
    static const char good[] = "a=00000000";
    static const char *const rows[] = {
        NULL,
        "a",
        "a=",
        "=00000000",
        "a=0000000",
        "a=000000000",
        "a=0000000g",
        "a=ABCDEF00",
        "a=00000000,b=1",
        " a=00000000",
        "a=00000000  b=00000000",
        "a 00000000",
        "\xff",
        "a=00000000\n",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=00000000",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *one = fingerprint_changed_fields(rows[i], good);
        auto_free char *other = fingerprint_changed_fields(good, rows[i]);

        assert_string_equal(one, "unknown fields");
        assert_string_equal(other, "unknown fields");
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_spellings_of_one_spec_have_one_hash),
        cmocka_unit_test(only_changes_that_shape_the_container_or_run_change_its_hash),
        cmocka_unit_test(labels_count_for_the_object_and_not_for_its_container),
        cmocka_unit_test(hashes_stay_what_they_were),
        cmocka_unit_test(changed_fields_are_named_in_order),
        cmocka_unit_test(damaged_labels_give_unknown_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
