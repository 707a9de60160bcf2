#include "base/cleanup.h"
#include "base/map.h"
#include "base/memory.h"
#include "specs/schema.h"
#include "specs/spec_file.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static bool is_number(const struct field *field)
{
    return field->type == FIELD_INTEGER || field->type == FIELD_BYTES || field->type == FIELD_CPU ||
           field->type == FIELD_FRACTION;
}

static void check_row(const struct field *field)
{
    bool has_table = field->type == FIELD_OBJECT || field->type == FIELD_OBJECT_LIST ||
                     field->type == FIELD_OPTIONAL_OBJECT || field->type == FIELD_REPOSITORY_REF;

    assert_true(islower((unsigned char)field->name[0]));
    assert_true(field->doc != NULL && field->doc[strlen(field->doc) - 1] == '.');
    assert_true((field->words != NULL) == (field->type == FIELD_ENUM));
    assert_true((field->fields != NULL) == has_table);
    assert_true((field->item_size != 0) ==
                (field->type == FIELD_OBJECT_LIST || field->type == FIELD_OPTIONAL_OBJECT));
    assert_true(!is_number(field) || field->max > field->min);
    assert_true(field->default_text == NULL || (field->flags & FIELD_REQUIRED) == 0);
    if (field->check != NULL && field->default_text != NULL) {
        struct error err = {0};

        assert_int_equal(field->check(field->default_text, &err), 0);
    }
    assert_true(field->example == NULL || field->default_text == NULL);
}

static void check_table(const struct field *fields)
{
    auto_done(map) names = {0};

    assert_non_null(fields[0].name);
    for (const struct field *field = fields; field->name != NULL; field++) {
        int seen;

        check_row(field);
        assert_null(map_put(&names, field->name, &seen));
        if (field->fields != NULL) {
            check_table(field->fields);
        }
    }
}

static void every_row_of_every_table_makes_sense(void **state)
{
    (void)state;
    check_table(schema_of_metadata());
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        check_table(schema_of_kind((enum kind)kind));
    }
}

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

static void an_instance_that_says_nothing_has_the_defaults(void **state)
{
    auto_owned(spec_file) *file = parse("apiVersion: berth.dev/v1\n"
                                        "kind: Instance\n"
                                        "metadata: {name: web}\n"
                                        "spec: {}\n");
    const struct object *object = only_object(file);
    const struct instance_spec *spec = &object->instance;

    (void)state;
    assert_int_equal(object->kind, KIND_INSTANCE);
    assert_string_equal(object->name, "web");
    assert_int_equal(object->labels.count, 0);
    assert_false(spec->is_suspended);
    assert_false(object_is_suspended(object));
    assert_string_equal(spec->machine_type, "e2-medium");
    assert_string_equal(spec->zone, "us-central1-a");
    assert_null(spec->image);
    assert_int_equal(spec->pull_policy, PULL_IF_NOT_PRESENT);
    assert_int_equal(spec->power_state, POWER_RUNNING);
    assert_int_equal(spec->restart_policy, RESTART_ALWAYS);
    assert_int_equal(spec->grace_seconds, 30);
    assert_int_equal(spec->security.run_as_user, -1);
    assert_false(spec->security.is_root_read_only);
    assert_int_equal(spec->resources.cpu_milli, 0);
    assert_int_equal(spec->command.count + spec->env.count + spec->ports.count, 0);
    assert_null(spec->readiness);
    assert_null(spec->liveness);
    assert_null(spec->startup);
    assert_null(spec->lifecycle.post_start);
    assert_null(spec->lifecycle.pre_stop);
    assert_int_equal(spec->deletion_policy, DELETION_DELETE);
}

static void every_field_of_an_instance_is_read(void **state)
{
    auto_owned(spec_file) *file = parse(
        "apiVersion: berth.dev/v1\n"
        "kind: Instance\n"
        "metadata: {name: web, labels: {z: '1', a: b}, annotations: {x: y}}\n"
        "spec:\n"
        "  suspend: true\n"
        "  machineType: n1-standard-1\n"
        "  zone: europe-west4-b\n"
        "  image: nginx:1.25\n"
        "  imagePullPolicy: Never\n"
        "  powerState: Stopped\n"
        "  command: [nginx, '-g', '']\n"
        "  args: [a]\n"
        "  env: [{name: A, value: 8080}, {name: B}]\n"
        "  workingDir: /srv\n"
        "  user: '1000:100'\n"
        "  hostname: web.example.com\n"
        "  dns: {servers: [10.0.0.1], search: [example.com]}\n"
        "  hostAliases: [{ip: 10.0.0.7, hostnames: [db, db2]}]\n"
        "  ports:\n"
        "  - {name: http, containerPort: 80, protocol: TCP, hostPort: 8080, hostIP: 0.0.0.0}\n"
        "  - {containerPort: 53, protocol: UDP}\n"
        "  volumes:\n"
        "  - {name: data, mountPath: /data, volume: v1}\n"
        "  - {mountPath: /etc/x, hostPath: /srv/x, readOnly: true}\n"
        "  resources: {cpus: 500m, memory: 1.5Gi, pids: 77}\n"
        "  restartPolicy: OnFailure\n"
        "  terminationGracePeriodSeconds: 0\n"
        "  securityContext:\n"
        "    runAsUser: 0\n"
        "    readOnlyRootFilesystem: true\n"
        "    capabilities: {add: [NET_ADMIN], drop: [ALL]}\n");
    const struct object *object = only_object(file);
    const struct instance_spec *spec = &object->instance;

    (void)state;
    assert_int_equal(object->labels.count, 2);
    assert_string_equal(object->labels.items[0].key, "a");
    assert_string_equal(object->labels.items[1].value, "1");
    assert_true(object_is_suspended(object));
    assert_string_equal(spec->machine_type, "n1-standard-1");
    assert_string_equal(spec->zone, "europe-west4-b");
    assert_string_equal(spec->image, "nginx:1.25");
    assert_int_equal(spec->pull_policy, PULL_NEVER);
    assert_int_equal(spec->power_state, POWER_STOPPED);
    assert_int_equal(spec->command.count, 3);
    assert_string_equal(spec->command.items[2], "");
    assert_string_equal(spec->args.items[0], "a");
    assert_string_equal(spec->env.items[0].value, "8080");
    assert_string_equal(spec->env.items[1].name, "B");
    assert_string_equal(spec->env.items[1].value, "");
    assert_string_equal(spec->working_dir, "/srv");
    assert_string_equal(spec->user, "1000:100");
    assert_string_equal(spec->hostname, "web.example.com");
    assert_string_equal(spec->dns.servers.items[0], "10.0.0.1");
    assert_string_equal(spec->dns.search.items[0], "example.com");
    assert_string_equal(spec->host_aliases.items[0].ip, "10.0.0.7");
    assert_string_equal(spec->host_aliases.items[0].hostnames.items[1], "db2");
    assert_int_equal(spec->ports.count, 2);
    assert_int_equal(spec->ports.items[0].host_port, 8080);
    assert_string_equal(spec->ports.items[0].host_ip, "0.0.0.0");
    assert_string_equal(spec->ports.items[1].name, "port-53-udp");
    assert_int_equal(spec->ports.items[1].protocol, PROTOCOL_UDP);
    assert_int_equal(spec->ports.items[1].host_port, 0);
    assert_string_equal(spec->ports.items[1].host_ip, "127.0.0.1");
    assert_string_equal(spec->volumes.items[0].volume, "v1");
    assert_null(spec->volumes.items[0].host_path);
    assert_string_equal(spec->volumes.items[1].host_path, "/srv/x");
    assert_true(spec->volumes.items[1].is_read_only);
    assert_int_equal(spec->resources.cpu_milli, 500);
    assert_int_equal(spec->resources.memory_bytes, INT64_C(3) << 29);
    assert_int_equal(spec->resources.pids, 77);
    assert_int_equal(spec->restart_policy, RESTART_ON_FAILURE);
    assert_int_equal(spec->grace_seconds, 0);
    assert_int_equal(spec->security.run_as_user, 0);
    assert_true(spec->security.is_root_read_only);
    assert_string_equal(spec->security.capabilities_add.items[0], "NET_ADMIN");
    assert_string_equal(spec->security.capabilities_drop.items[0], "ALL");
}

static void every_field_of_a_repository_is_read(void **state)
{
    auto_owned(spec_file) *file = parse("apiVersion: berth.dev/v1\n"
                                        "kind: Repository\n"
                                        "metadata: {name: project}\n"
                                        "spec:\n"
                                        "  url: https://github.com/org/project.git\n"
                                        "  branch: feature/x\n"
                                        "  credentials: {tokenFile: /etc/t, usernameFile: /etc/u}\n"
                                        "  image: golang:1.22\n"
                                        "  imagePullPolicy: Always\n"
                                        "  resources: {cpus: 2, memory: 4Gi}\n"
                                        "  env: [{name: A, value: b}]\n"
                                        "  ports: [{containerPort: 80}]\n"
                                        "  volumes: [{mountPath: /c, volume: c}]\n"
                                        "  securityContext: {runAsUser: 1000}\n"
                                        "  warm: true\n"
                                        "  pool: p\n"
                                        "  idleTimeoutSeconds: 60\n"
                                        "  retainSeconds: 120\n"
                                        "  setup: {command: [npm, ci], timeoutSeconds: 60}\n"
                                        "  isolation: Branch\n"
                                        "  caches: [{name: npm, mountPath: /root/.npm}]\n"
                                        "  access: {users: [alice, bob@example.com]}\n"
                                        "  snapshot: {enabled: true, policy: OnEachCommit}\n"
                                        "  fetchIntervalSeconds: 0\n"
                                        "  taskPorts: 8\n");
    const struct repository_spec *spec = &only_object(file)->repository;

    (void)state;
    assert_string_equal(spec->url, "https://github.com/org/project.git");
    assert_string_equal(spec->branch, "feature/x");
    assert_string_equal(spec->credentials.token_file, "/etc/t");
    assert_string_equal(spec->credentials.username_file, "/etc/u");
    assert_null(spec->credentials.ssh_key_file);
    assert_string_equal(spec->image, "golang:1.22");
    assert_int_equal(spec->pull_policy, PULL_ALWAYS);
    assert_int_equal(spec->resources.cpu_milli, 2000);
    assert_string_equal(spec->env.items[0].value, "b");
    assert_string_equal(spec->ports.items[0].name, "port-80");
    assert_string_equal(spec->volumes.items[0].mount_path, "/c");
    assert_int_equal(spec->security.run_as_user, 1000);
    assert_true(spec->is_warm);
    assert_string_equal(spec->pool, "p");
    assert_int_equal(spec->idle_timeout_seconds, 60);
    assert_int_equal(spec->retain_seconds, 120);
    assert_int_equal(spec->setup->command.count, 2);
    assert_string_equal(spec->setup->command.items[1], "ci");
    assert_int_equal(spec->setup->timeout_seconds, 60);
    assert_int_equal(spec->isolation, ISOLATION_BRANCH);
    assert_int_equal(spec->caches.count, 1);
    assert_string_equal(spec->caches.items[0].name, "npm");
    assert_string_equal(spec->caches.items[0].mount_path, "/root/.npm");
    assert_int_equal(spec->access->users.count, 2);
    assert_string_equal(spec->access->users.items[1], "bob@example.com");
    assert_true(spec->snapshot.is_enabled);
    assert_int_equal(spec->snapshot.policy, SNAPSHOT_ON_EACH_COMMIT);
    assert_int_equal(spec->fetch_interval_seconds, 0);
    assert_int_equal(spec->task_ports, 8);
}

static void a_repository_has_defaults(void **state)
{
    auto_owned(spec_file) *file = parse("apiVersion: berth.dev/v1\n"
                                        "kind: Repository\n"
                                        "metadata: {name: project}\n"
                                        "spec: {url: 'git@h:o/r.git'}\n");
    const struct repository_spec *spec = &only_object(file)->repository;

    (void)state;
    assert_null(spec->branch);
    assert_null(spec->image);
    assert_null(spec->pool);
    assert_false(spec->is_warm);
    assert_int_equal(spec->idle_timeout_seconds, 0);
    assert_int_equal(spec->retain_seconds, 86400);
    assert_int_equal(spec->security.run_as_user, -1);
    assert_null(spec->setup);
    assert_int_equal(spec->isolation, ISOLATION_TASK);
    assert_int_equal(spec->caches.count, 0);
    assert_null(spec->access);
    assert_false(spec->snapshot.is_enabled);
    assert_int_equal(spec->snapshot.policy, SNAPSHOT_ON_SETUP_CHANGE);
    assert_int_equal(spec->fetch_interval_seconds, 60);
    assert_int_equal(spec->task_ports, 4);
}

/* "everyone" and "nobody" are not to be mixed up: access that is there and empty is the latter. */
static void an_empty_list_of_users_is_not_the_same_as_none(void **state)
{
    static const char head[] = "{apiVersion: berth.dev/v1, kind: Repository, metadata: {name: p},"
                               " spec: {url: 'https://h/o/r'";
    auto_free char *nobody_text = xasprintf("%s, access: {users: []}}}", head);
    auto_free char *everyone_text = xasprintf("%s}}", head);
    auto_owned(spec_file) *nobody_file = parse(nobody_text);
    auto_owned(spec_file) *everyone_file = parse(everyone_text);
    const struct object *nobody = only_object(nobody_file), *everyone = only_object(everyone_file);
    json_auto_t *json = NULL;
    const json_t *access;

    (void)state;
    assert_non_null(nobody->repository.access);
    assert_int_equal(nobody->repository.access->users.count, 0);
    assert_null(everyone->repository.access);
    assert_string_not_equal(nobody->hash, everyone->hash);
    json = schema_object_to_json(nobody);
    access = json_object_get(json_object_get(json, "spec"), "access");
    assert_int_equal(json_array_size(json_object_get(access, "users")), 0);
    assert_true(json_is_array(json_object_get(access, "users")));
    assert_string_equal(nobody->container_hash, everyone->container_hash);
}

static void what_a_repository_publishes_and_mounts_needs_a_new_container(void **state)
{
    static const struct {
        const char *field;
        bool is_live;
    } rows[] = {
        {"taskPorts: 5", false},
        {"caches: [{name: npm, mountPath: /root/.npm}]", false},
        {"setup: {command: [make]}", true},
        {"isolation: Shared", true},
        {"access: {users: [alice]}", true},
        {"snapshot: {enabled: true}", true},
        {"fetchIntervalSeconds: 0", true},
    };
    static const char head[] = "{apiVersion: berth.dev/v1, kind: Repository, metadata: {name: p},"
                               " spec: {url: 'https://h/o/r'";
    auto_free char *plain_text = xasprintf("%s}}", head);
    auto_owned(spec_file) *plain = parse(plain_text);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *text = xasprintf("%s, %s}}", head, rows[i].field);
        auto_owned(spec_file) *file = parse(text);
        bool has_same_container =
            strcmp(only_object(file)->container_hash, only_object(plain)->container_hash) == 0;

        assert_string_not_equal(only_object(file)->hash, only_object(plain)->hash);
        if (has_same_container != rows[i].is_live) {
            fail_msg("%s", rows[i].field);
        }
    }
}

static void a_task_names_its_repository_by_url_or_by_name(void **state)
{
    auto_owned(spec_file) *by_url = parse("apiVersion: berth.dev/v1\n"
                                          "kind: Task\n"
                                          "metadata: {name: t}\n"
                                          "spec: {repository: https://h/o/r}\n");
    auto_owned(spec_file) *by_name = parse(
        "apiVersion: berth.dev/v1\n"
        "kind: Task\n"
        "metadata: {name: t}\n"
        "spec: {repository: {name: r}, branch: b, user: alice, command: [make], env: [{name: A}],"
        " timeoutSeconds: 5, ttlSecondsAfterFinished: 6, state: Completed, suspend: true,"
        " pool: p, priority: -7, isolation: Task, backoffLimit: 2,"
        " ports: [{name: preview}, {name: debug-2}]}\n");
    const struct task_spec *spec = &only_object(by_url)->task;

    (void)state;
    assert_string_equal(spec->repository_url, "https://h/o/r");
    assert_null(spec->repository_name);
    assert_int_equal(spec->state, TASK_ACTIVE);
    assert_int_equal(spec->timeout_seconds, 0);
    assert_int_equal(spec->ttl_seconds_after_finished, 3600);
    assert_int_equal(spec->command.count, 0);
    assert_null(spec->pool);
    assert_int_equal(spec->priority, 0);
    assert_null(spec->ref);
    assert_int_equal(spec->isolation, -1);
    assert_int_equal(spec->ports.count, 0);
    assert_int_equal(spec->backoff_limit, 0);
    spec = &only_object(by_name)->task;
    assert_string_equal(spec->pool, "p");
    assert_int_equal(spec->priority, -7);
    assert_null(spec->repository_url);
    assert_string_equal(spec->repository_name, "r");
    assert_string_equal(spec->branch, "b");
    assert_string_equal(spec->user, "alice");
    assert_string_equal(spec->command.items[0], "make");
    assert_int_equal(spec->timeout_seconds, 5);
    assert_int_equal(spec->ttl_seconds_after_finished, 6);
    assert_int_equal(spec->state, TASK_COMPLETED);
    assert_int_equal(spec->isolation, ISOLATION_TASK);
    assert_int_equal(spec->backoff_limit, 2);
    assert_int_equal(spec->ports.count, 2);
    assert_string_equal(spec->ports.items[1].name, "debug-2");
    assert_true(object_is_suspended(only_object(by_name)));
}

static void a_task_may_start_from_a_tag_or_commit(void **state)
{
    static const char *const refs[] = {"v1.2", "release/2024-10", "0123abc",
                                       "0123456789abcdef0123456789abcdef01234567"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refs); i++) {
        auto_free char *text =
            xasprintf("{apiVersion: berth.dev/v1, kind: Task, metadata: {name: t},"
                      " spec: {repository: 'https://h/o/r', ref: '%s'}}",
                      refs[i]);
        auto_owned(spec_file) *file = parse(text);

        assert_string_equal(only_object(file)->task.ref, refs[i]);
        assert_null(only_object(file)->task.branch);
    }
}

/* All names of at most four letters, of those that could meet. */
static void no_two_ports_of_a_task_have_one_variable(void **state)
{
    static const char letters[] = "ab-0";
    char variable[TASK_PORT_VARIABLE_SIZE];
    auto_done(map) variables = {0};
    unsigned names = 0;

    (void)state;
    for (unsigned i = 0; i < 5 * 5 * 5 * 5; i++) {
        char name[5] = "";
        size_t len = 0;

        for (unsigned rest = i; rest > 0; rest /= 5) {
            name[len++] = rest % 5 > 0 ? letters[rest % 5 - 1] : 'z';
        }
        if (object_name_is_valid(name)) {
            assert_null(map_put(&variables, task_port_variable(name, variable), &names));
            names++;
        }
    }
    assert_true(names > 100);
    assert_string_equal(task_port_variable("preview", variable), "BERTH_PORT_PREVIEW");
    assert_string_equal(task_port_variable("a-b2", variable), "BERTH_PORT_A_B2");
    assert_string_equal(
        task_port_variable("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz12345678901",
                           variable),
        "BERTH_PORT_ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ12345678901");
}

static void an_object_as_json_is_what_a_user_would_write(void **state)
{
    auto_owned(spec_file) *file = parse("kind: Task\n"
                                        "spec: {command: [make], repository: {name: r}}\n"
                                        "metadata: {labels: {b: c, a: d}, name: t}\n"
                                        "apiVersion: berth.dev/v1\n");
    json_auto_t *json = schema_object_to_json(only_object(file));
    auto_free char *text = json_dumps(json, JSON_COMPACT);

    (void)state;
    assert_string_equal(text,
                        "{\"apiVersion\":\"berth.dev/v1\",\"kind\":\"Task\","
                        "\"metadata\":{\"name\":\"t\",\"labels\":{\"a\":\"d\",\"b\":\"c\"}},"
                        "\"spec\":{\"suspend\":false,\"repository\":{\"name\":\"r\"},"
                        "\"command\":[\"make\"],\"timeoutSeconds\":0,"
                        "\"ttlSecondsAfterFinished\":3600,\"state\":\"Active\",\"priority\":0,"
                        "\"backoffLimit\":0}}");
}

static void amounts_in_json_are_in_their_shortest_spelling(void **state)
{
    auto_owned(spec_file) *file =
        parse("{apiVersion: berth.dev/v1, kind: Instance, metadata: {name: a},"
              " spec: {resources: {cpus: 1500m, memory: 2048Mi}, machineType: n1-standard-4}}");
    json_auto_t *json = schema_object_to_json(only_object(file));
    json_t *resources = json_object_get(json_object_get(json, "spec"), "resources");

    (void)state;
    assert_string_equal(json_string_value(json_object_get(resources, "cpus")), "1.5");
    assert_string_equal(json_string_value(json_object_get(resources, "memory")), "2Gi");
    assert_null(json_object_get(resources, "pids"));
}

static void names_of_objects_follow_one_rule(void **state)
{
    static const struct {
        const char *name;
        bool is_valid;
    } rows[] = {
        {"a", true},
        {"web-1", true},
        {"a1", true},
        {"a--b", true},
        {"", false},
        {"1a", false},
        {"-a", false},
        {"a-", false},
        {"A", false},
        {"a_b", false},
        {"a.b", false},
        {"a b", false},
        {"\xc3\xa4", false},
        {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz12345678901", true},
        {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz123456789012", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (object_name_is_valid(rows[i].name) != rows[i].is_valid) {
            fail_msg("%s", rows[i].name);
        }
    }
    assert_false(object_name_is_valid(NULL));
}

static void kinds_are_found_by_their_exact_names(void **state)
{
    enum kind kind = KIND_TASK;

    (void)state;
    for (unsigned i = 0; i < KIND_COUNT; i++) {
        assert_int_equal(kind_from_name(kind_name((enum kind)i), &kind), 0);
        assert_int_equal(kind, i);
    }
    assert_int_equal(kind_from_name("instance", &kind), -1);
    assert_int_equal(kind_from_name("instancePool", &kind), -1);
    assert_string_equal(kind_plural(KIND_REPOSITORY), "repositories");
}

static void an_object_lives_as_long_as_somebody_holds_it(void **state)
{
    struct spec_file *file = parse("{apiVersion: berth.dev/v1, kind: Instance, metadata: {name: a},"
                                   " spec: {image: debian}}");
    struct object *object = object_ref(only_object(file));

    (void)state;
    spec_file_free(file);
    assert_string_equal(object->name, "a"); /* the sanitizer would see if it were gone */
    assert_string_equal(object->instance.image, "debian");
    assert_string_equal(object->file, "a.yaml");
    object_unref(object);
    object_unref(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_every_table_makes_sense),
        cmocka_unit_test(an_instance_that_says_nothing_has_the_defaults),
        cmocka_unit_test(every_field_of_an_instance_is_read),
        cmocka_unit_test(every_field_of_a_repository_is_read),
        cmocka_unit_test(a_repository_has_defaults),
        cmocka_unit_test(an_empty_list_of_users_is_not_the_same_as_none),
        cmocka_unit_test(what_a_repository_publishes_and_mounts_needs_a_new_container),
        cmocka_unit_test(a_task_names_its_repository_by_url_or_by_name),
        cmocka_unit_test(a_task_may_start_from_a_tag_or_commit),
        cmocka_unit_test(no_two_ports_of_a_task_have_one_variable),
        cmocka_unit_test(an_object_as_json_is_what_a_user_would_write),
        cmocka_unit_test(amounts_in_json_are_in_their_shortest_spelling),
        cmocka_unit_test(names_of_objects_follow_one_rule),
        cmocka_unit_test(kinds_are_found_by_their_exact_names),
        cmocka_unit_test(an_object_lives_as_long_as_somebody_holds_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
