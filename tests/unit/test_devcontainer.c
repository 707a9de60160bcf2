#include "base/memory.h"
#include "base/parse.h"
#include "base/strbuf.h"
#include "specs/devcontainer.h"
#include "specs/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static struct devcontainer *parse(const char *text)
{
    return devcontainer_parse(text, strlen(text));
}

static void assert_no_errors(const struct devcontainer *devcontainer)
{
    for (size_t i = 0; i < devcontainer->error_count; i++) {
        print_error("%u:%u: %s: %s\n", devcontainer->errors[i].line, devcontainer->errors[i].column,
                    devcontainer->errors[i].path, devcontainer->errors[i].message);
    }
    assert_int_equal(devcontainer->error_count, 0);
}

/* "a, b" */
static char *joined(const struct text_list *list)
{
    auto_done(strbuf) text = {0};

    for (size_t i = 0; i < list->count; i++) {
        strbuf_addf(&text, "%s%s", i > 0 ? ", " : "", list->items[i]);
    }
    strbuf_add(&text, "");
    return strbuf_take(&text);
}

static void what_tasks_need_is_taken(void **state)
{
    auto_owned(devcontainer) *devcontainer =
        parse("// For a container of ours.\n"
              "{\n"
              "  \"$schema\": \"https://containers.dev/schema\",\n"
              "  \"name\": \"Project\", /* for people */\n"
              "  \"image\": \"mcr.microsoft.com/devcontainers/base:1\",\n"
              "  \"containerEnv\": {\"A\": \"1\", \"EMPTY\": \"\"},\n"
              "  \"remoteEnv\": {\"B\": \"two words\"},\n"
              "  \"forwardPorts\": [3000, 8080, 3000],\n"
              "  \"postCreateCommand\": \"npm ci && echo ${HOME} $(id)\",\n"
              "  \"remoteUser\": \"vscode\",\n"
              "  \"mounts\": [\n"
              "    \"source=npm-cache,target=/home/vscode/.npm,type=volume\",\n"
              "    {\"type\": \"volume\", \"source\": \"data\", \"target\": \"/data/\"},\n"
              "    \"type=volume,src=ro,dst=/ro,readonly,consistency=cached\",\n"
              "  ],\n"
              "  \"customizations\": {\"vscode\": {\"extensions\": [\"x\",],}},\n"
              "}\n");
    const struct volume_list *mounts = &devcontainer->mounts;
    auto_free char *command = joined(&devcontainer->post_create_command);

    (void)state;
    assert_no_errors(devcontainer);
    assert_string_equal(devcontainer->image, "mcr.microsoft.com/devcontainers/base:1");
    assert_int_equal(devcontainer->container_env.count, 2);
    assert_string_equal(devcontainer->container_env.items[1].name, "EMPTY");
    assert_string_equal(devcontainer->container_env.items[1].value, "");
    assert_int_equal(devcontainer->remote_env.count, 1);
    assert_string_equal(devcontainer->remote_env.items[0].value, "two words");
    assert_int_equal(devcontainer->forward_ports.count, 2);
    assert_int_equal(devcontainer->forward_ports.items[1], 8080);
    assert_string_equal(command, "sh, -c, npm ci && echo ${HOME} $(id)");
    assert_string_equal(devcontainer->remote_user, "vscode");
    assert_int_equal(mounts->count, 3);
    assert_string_equal(mounts->items[0].volume, "npm-cache");
    assert_string_equal(mounts->items[0].mount_path, "/home/vscode/.npm");
    assert_false(mounts->items[0].is_read_only);
    assert_string_equal(mounts->items[1].mount_path, "/data");
    assert_string_equal(mounts->items[2].volume, "ro");
    assert_true(mounts->items[2].is_read_only);
    assert_int_equal(devcontainer->unsupported.count, 0);
}

static void what_is_left_out_is_absent(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"postCreateCommand\": \"\", \"forwardPorts\": [], \"mounts\": [], \"remoteEnv\": {}}",
        "{\"postCreateCommand\": []}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        auto_owned(devcontainer) *devcontainer = parse(texts[i]);

        assert_no_errors(devcontainer);
        assert_null(devcontainer->image);
        assert_null(devcontainer->remote_user);
        assert_int_equal(devcontainer->post_create_command.count, 0);
        assert_int_equal(devcontainer->container_env.count + devcontainer->remote_env.count, 0);
        assert_int_equal(devcontainer->forward_ports.count + devcontainer->mounts.count, 0);
        assert_int_equal(devcontainer->unsupported.count, 0);
    }
}

static void what_is_not_taken_is_named(void **state)
{
    static const struct {
        const char *text, *unsupported;
    } rows[] = {
        {"{\"build\": {\"dockerfile\": \"Dockerfile\"}}", "build"},
        {"{\"dockerFile\": \"Dockerfile\", \"context\": \"..\"}", "dockerFile, context"},
        {"{\"dockerComposeFile\": [\"a.yml\"], \"service\": \"app\"}",
         "dockerComposeFile, service"},
        {"{\"features\": {\"ghcr.io/devcontainers/features/go:1\": {}}}", "features"},
        {"{\"onCreateCommand\": \"make\", \"postStartCommand\": \"make\"}",
         "onCreateCommand, postStartCommand"},
        {"{\"initializeCommand\": \"make\", \"updateContentCommand\": \"make\","
         " \"postAttachCommand\": \"make\"}",
         "initializeCommand, updateContentCommand, postAttachCommand"},
        {"{\"runArgs\": [\"--privileged\"], \"privileged\": true, \"capAdd\": [\"SYS_PTRACE\"],"
         " \"securityOpt\": [], \"init\": true}",
         "runArgs, privileged, capAdd, securityOpt, init"},
        {"{\"workspaceFolder\": \"/src\", \"workspaceMount\": \"\", \"appPort\": 80,"
         " \"containerUser\": \"root\", \"hostRequirements\": {\"cpus\": 4}}",
         "workspaceFolder, workspaceMount, appPort, containerUser, hostRequirements"},
        {"{\"imgae\": \"debian\"}", "imgae"},
        {"{\"image\": \"${localEnv:IMAGE}\"}", "image"},
        {"{\"remoteUser\": \"${localEnv:USER}\"}", "remoteUser"},
        {"{\"postCreateCommand\": {\"a\": \"make a\", \"b\": [\"make\", \"b\"]}}",
         "postCreateCommand"},
        {"{\"postCreateCommand\": \"cd ${containerWorkspaceFolder} && make\"}",
         "postCreateCommand"},
        {"{\"postCreateCommand\": [\"echo\", \"${HOME} ${localEnv:A}\"]}", "postCreateCommand"},
        {"{\"remoteEnv\": {\"A\": \"${containerEnv:PATH}:/x\", \"B\": null, \"C\": \"${x}\"}}",
         "remoteEnv.A, remoteEnv.B, remoteEnv.C"},
        {"{\"containerEnv\": {\"HOME_OF_HOST\": \"${localEnv:HOME}\"}}",
         "containerEnv.HOME_OF_HOST"},
        {"{\"forwardPorts\": [\"db:5432\", 17001, 17064, \"localhost:80\"]}",
         "forwardPorts[0], forwardPorts[1], forwardPorts[2], forwardPorts[3]"},
        {"{\"mounts\": [\"source=/var/run/docker.sock,target=/var/run/docker.sock,type=bind\"]}",
         "mounts[0]"},
        {"{\"mounts\": [{\"type\": \"bind\", \"source\": \"/etc\", \"target\": \"/x\"}]}",
         "mounts[0]"},
        {"{\"mounts\": [\"type=tmpfs,target=/x\", \"target=/anonymous\"]}", "mounts[0], mounts[1]"},
        {"{\"mounts\": [\"source=${localWorkspaceFolderBasename}-x,target=/x,type=volume\"]}",
         "mounts[0]"},
        {"{\"mounts\": [\"source=x,target=${containerWorkspaceFolder}/x,type=volume\"]}",
         "mounts[0]"},
        {"{\"mounts\": [\"source=x,target=/workspace/node_modules,type=volume\"]}", "mounts[0]"},
        {"{\"mounts\": [\"source=x,target=/x,volume-nocopy=true\"]}", "mounts[0]"},
        {"{\"mounts\": [{\"type\": \"volume\", \"source\": \"x\", \"target\": \"/x\","
         " \"external\": true}]}",
         "mounts[0]"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(devcontainer) *devcontainer = parse(rows[i].text);
        auto_free char *names = joined(&devcontainer->unsupported);

        assert_no_errors(devcontainer);
        assert_string_equal(names, rows[i].unsupported);
        assert_null(devcontainer->image);
        assert_null(devcontainer->remote_user);
        assert_int_equal(devcontainer->post_create_command.count, 0);
        assert_int_equal(devcontainer->container_env.count + devcontainer->remote_env.count, 0);
        assert_int_equal(devcontainer->forward_ports.count + devcontainer->mounts.count, 0);
    }
}

static void what_cannot_be_is_an_error_at_its_place(void **state)
{
    static const struct {
        const char *text, *error; /* "line:column: path: message" */
    } rows[] = {
        {"[]", "1:1: : must be an object, not an array"},
        {"{\"image\": 5}", "1:11: image: must be text, not a number"},
        {"{\"image\": null}", "1:11: image: must be text, not null"},
        {"{\n  \"image\":\n    \"Debian:12\"}",
         "3:5: image: \"Debian:12\" is not an image: lower-case letters, digits, \".\", \"_\", "
         "\"-\" and \"/\", as in registry.example.com/team/app:1.2"},
        {"{\"remoteUser\": \"a b\"}", "1:16: remoteUser: \"a b\" is not a user: a name or number, "
                                      "as in app, 1000 or 1000:1000"},
        {"{\"remoteUser\": 1000}", "1:16: remoteUser: must be text, not a number"},
        {"{\"postCreateCommand\": true}",
         "1:23: postCreateCommand: must be text or an array, not true or false"},
        {"{\"postCreateCommand\": [\"make\", [\"x\"]]}",
         "1:32: postCreateCommand[1]: must be text, not an array"},
        {"{\"postCreateCommand\": [\"\", \"x\"]}",
         "1:24: postCreateCommand[0]: the program's name must not be empty"},
        {"{\"remoteEnv\": [\"A=b\"]}", "1:15: remoteEnv: must be an object, not an array"},
        {"{\"remoteEnv\": {\"A\": 1}}", "1:21: remoteEnv.A: must be text, not a number"},
        {"{\"containerEnv\": {\"1A\": \"x\"}}",
         "1:25: containerEnv.1A: \"1A\" is not a name for a variable: letters, digits, \"_\", "
         "\".\" and \"-\", no digit first"},
        {"{\"forwardPorts\": 80}", "1:18: forwardPorts: must be an array, not a number"},
        {"{\"forwardPorts\": [80, 0]}", "1:23: forwardPorts[1]: 0 is outside 1..65535"},
        {"{\"forwardPorts\": [65536]}", "1:19: forwardPorts[0]: 65536 is outside 1..65535"},
        {"{\"forwardPorts\": [80.5]}",
         "1:19: forwardPorts[0]: must be a whole number, not a fraction"},
        {"{\"forwardPorts\": [\"80\"]}", "1:19: forwardPorts[0]: must be a whole number, not text"},
        {"{\"mounts\": \"source=x,target=/x\"}", "1:12: mounts: must be an array, not text"},
        {"{\"mounts\": [5]}", "1:13: mounts[0]: must be text or an object, not a number"},
        {"{\"mounts\": [\"source=x\"]}", "1:13: mounts[0]: has no target"},
        {"{\"mounts\": [{\"source\": \"x\", \"target\": \"/x\"}]}", "1:13: mounts[0]: has no type"},
        {"{\"mounts\": [{\"type\": \"volume\", \"source\": 5, \"target\": \"/x\"}]}",
         "1:42: mounts[0].source: must be text, not a number"},
        {"{\"mounts\": [\"source=x,target=x\"]}",
         "1:13: mounts[0]: \"x\" is not an absolute path: it must start with \"/\""},
        {"{\"mounts\": [\"source=x,target=/../etc\"]}",
         "1:13: mounts[0]: \"/../etc\" must not have \"..\" in it"},
        {"{\"mounts\": [\"source=/etc,target=/x\"]}",
         "1:13: mounts[0]: \"/etc\" is not the name of a volume: letters, digits, \"_\", \".\" and "
         "\"-\", a letter or digit first, at most 128"},
        {"{\"mounts\": [\"source=x,target=/x\", \"source=y,target=//x/\"]}",
         "1:35: mounts[1]: the target /x is used twice"},
        {"{\"image\": \"a\", \"image\": \"b\"}",
         "1:22: : is not JSON: duplicate object key near '\"image\"'"},
        {"{\"image\": \"a\"", "1:13: : is not JSON: '}' expected near end of file"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_owned(devcontainer) *devcontainer = parse(rows[i].text);
        const struct spec_error *error = devcontainer->errors;
        auto_free char *line = NULL;

        assert_int_equal(devcontainer->error_count, 1);
        line = xasprintf("%u:%u: %s: %s", error->line, error->column, error->path, error->message);
        assert_string_equal(line, rows[i].error);
        assert_string_equal(error->reason, REASON_INVALID_DEVCONTAINER);
    }
}

static void all_errors_are_told_at_once_in_order_of_place(void **state)
{
    auto_owned(devcontainer) *devcontainer = parse(
        "{\n"
        "  \"mounts\": [\"target=x\", {\"type\": 1, \"target\": []}, \"source=-,target=/x\"],\n"
        "  \"forwardPorts\": [0, \"http\"],\n"
        "  \"image\": \"\",\n"
        "  \"remoteEnv\": {\"a b\": \"c\", \"d\": []}\n"
        "}\n");
    auto_done(strbuf) paths = {0};

    (void)state;
    for (size_t i = 0; i < devcontainer->error_count; i++) {
        strbuf_addf(&paths, "%u:%s ", devcontainer->errors[i].line, devcontainer->errors[i].path);
    }
    assert_string_equal(strbuf_text(&paths),
                        "2:mounts[1].type 2:mounts[1].target 2:mounts[2] 3:forwardPorts[0] "
                        "3:forwardPorts[1] 4:image 5:remoteEnv.a b 5:remoteEnv.d ");
}

static void what_a_repository_asks_for_has_ceilings(void **state)
{
    static const struct {
        const char *head, *before, *after, *tail; /* number by number: before, number, after */
        size_t most;
    } rows[] = {
        {"{\"forwardPorts\": [", "", "", "]}", DEVCONTAINER_MAX_PORTS},
        {"{\"mounts\": [", "\"source=x,target=/", "\"", "]}", DEVCONTAINER_MAX_MOUNTS},
        {"{\"remoteEnv\": {", "\"A", "\": \"\"", "}}", DEVCONTAINER_MAX_VARIABLES},
    };

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
        size_t row = i / 2, more = i % 2;
        auto_owned(devcontainer) *devcontainer = NULL;
        auto_done(strbuf) text = {0};

        strbuf_add(&text, rows[row].head);
        for (size_t k = 1; k <= rows[row].most + more; k++) {
            strbuf_addf(&text, "%s%zu%s,", rows[row].before, k, rows[row].after);
        }
        strbuf_add(&text, rows[row].tail);
        devcontainer = parse(strbuf_text(&text));
        assert_int_equal(devcontainer->error_count, more);
        assert_int_equal(devcontainer->forward_ports.count + devcontainer->mounts.count +
                             devcontainer->remote_env.count,
                         more > 0 ? 0 : rows[row].most);
    }
}

static void only_so_many_errors_and_names_are_kept(void **state)
{
    auto_done(strbuf) errors = {0}, names = {0};
    auto_owned(devcontainer) *bad = NULL;
    auto_owned(devcontainer) *odd = NULL;

    (void)state;
    strbuf_add(&errors, "{\"remoteEnv\": {");
    strbuf_add(&names, "{");
    for (unsigned i = 0; i < 400; i++) {
        strbuf_addf(&errors, "\"A%u\": 1,", i);
        strbuf_addf(&names, "\"odd%u\": 1,", i);
    }
    strbuf_add(&errors, "}}");
    strbuf_add(&names, "}");
    bad = parse(strbuf_text(&errors));
    assert_int_equal(bad->error_count, SPEC_MAX_ERRORS);
    odd = parse(strbuf_text(&names));
    assert_int_equal(odd->unsupported.count, DEVCONTAINER_MAX_UNSUPPORTED);
    assert_string_equal(odd->unsupported.items[0], "odd0");
}

static void a_name_with_odd_characters_is_shown_in_one_clean_line(void **state)
{
    auto_owned(devcontainer) *devcontainer = parse("{\"a\\n\\u001b[31m\\u202e\": 1}");

    (void)state;
    assert_no_errors(devcontainer);
    assert_int_equal(devcontainer->unsupported.count, 1);
    assert_null(strpbrk(devcontainer->unsupported.items[0], "\n\x1b"));
}

/* The only object of a Repository whose spec has these fields beside its URL; a reference. */
static struct object *repository(const char *fields)
{
    auto_free char *text = xasprintf("{apiVersion: berth.dev/v1, kind: Repository,"
                                     " metadata: {name: r, labels: {a: b}},"
                                     " spec: {url: 'https://h/o/r'%s}}",
                                     fields);
    auto_owned(spec_file) *file = spec_file_parse("r.yaml", text, strlen(text));

    assert_int_equal(file->count, 1);
    assert_non_null(file->documents[0].object);
    return object_ref(file->documents[0].object);
}

static struct object *applied(const char *devcontainer_text, const char *fields)
{
    struct devcontainer *devcontainer = parse(devcontainer_text);
    struct object *object = repository(fields), *filled;

    assert_no_errors(devcontainer);
    filled = devcontainer_apply(devcontainer, object);
    devcontainer_free(devcontainer); /* the sanitizer would see what is borrowed from it ... */
    object_unref(object);            /* ... or not held */
    return filled;
}

static const char full[] = "{\"image\": \"debian:12\","
                           " \"containerEnv\": {\"A\": \"1\", \"B\": \"1\"},"
                           " \"remoteEnv\": {\"B\": \"2\", \"C\": \"3\"},"
                           " \"forwardPorts\": [3000],"
                           " \"postCreateCommand\": [\"npm\", \"ci\"],"
                           " \"remoteUser\": \"vscode\","
                           " \"mounts\": [\"source=npm,target=/npm,readonly\"]}";

static void left_out_fields_of_a_repository_are_filled(void **state)
{
    struct object *object = applied(full, "");
    const struct repository_spec *spec = &object->repository;

    (void)state;
    assert_int_equal(object->kind, KIND_REPOSITORY);
    assert_string_equal(object->name, "r");
    assert_string_equal(object->labels.items[0].value, "b");
    assert_string_equal(object->file, "r.yaml");
    assert_string_equal(spec->url, "https://h/o/r");
    assert_string_equal(spec->image, "debian:12");
    assert_int_equal(spec->env.count, 3);
    assert_string_equal(spec->env.items[1].name, "B");
    assert_string_equal(spec->env.items[1].value, "2");
    assert_string_equal(spec->env.items[2].name, "C");
    assert_int_equal(spec->ports.count, 1);
    assert_string_equal(spec->ports.items[0].name, "port-3000");
    assert_int_equal(spec->ports.items[0].container_port, 3000);
    assert_int_equal(spec->ports.items[0].host_port, 0);
    assert_string_equal(spec->ports.items[0].host_ip, "127.0.0.1");
    assert_int_equal(spec->setup->command.count, 2);
    assert_string_equal(spec->setup->command.items[1], "ci");
    assert_int_equal(spec->setup->timeout_seconds, 3600);
    assert_string_equal(spec->user, "vscode");
    assert_int_equal(spec->security.run_as_user, -1);
    assert_int_equal(spec->volumes.count, 1);
    assert_true(text_has_prefix(spec->volumes.items[0].volume, "repo-o-r-"));
    assert_true(text_has_suffix(spec->volumes.items[0].volume, "-npm"));
    assert_string_equal(spec->volumes.items[0].mount_path, "/npm");
    assert_true(spec->volumes.items[0].is_read_only);
    object_unref(object);
}

static void fields_that_the_repository_has_win(void **state)
{
    struct object *object =
        applied(full, ", image: alpine, env: [{name: Z, value: z}], ports: [{containerPort: 80}],"
                      " setup: {command: [make]}, volumes: [{mountPath: /v, volume: v}],"
                      " securityContext: {runAsUser: 7}");
    const struct repository_spec *spec = &object->repository;

    (void)state;
    assert_string_equal(spec->image, "alpine");
    assert_int_equal(spec->env.count, 1);
    assert_string_equal(spec->env.items[0].name, "Z");
    assert_int_equal(spec->ports.count, 1);
    assert_string_equal(spec->ports.items[0].name, "port-80");
    assert_string_equal(spec->setup->command.items[0], "make");
    assert_int_equal(spec->volumes.count, 1);
    assert_string_equal(spec->volumes.items[0].volume, "v");
    assert_int_equal(spec->security.run_as_user, 7);
    assert_null(spec->user);
    object_unref(object);
}

static void a_cache_at_the_place_of_a_mount_wins(void **state)
{
    struct object *object =
        applied("{\"mounts\": [\"source=a,target=/npm\", \"source=b,target=/b\"]}",
                ", caches: [{name: npm, mountPath: /npm/}]");

    (void)state;
    assert_int_equal(object->repository.volumes.count, 1);
    assert_string_equal(object->repository.volumes.items[0].mount_path, "/b");
    object_unref(object);
}

static void a_user_that_is_a_number_becomes_run_as_user(void **state)
{
    static const struct {
        const char *text, *user;
        int64_t number;
    } rows[] = {
        {"{\"remoteUser\": \"1000\"}", NULL, 1000},
        {"{\"remoteUser\": \"0\"}", NULL, 0},
        {"{\"remoteUser\": \"2147483648\"}", "2147483648", -1},
        {"{\"remoteUser\": \"1000:1000\"}", "1000:1000", -1},
        {"{\"remoteUser\": \"007\"}", "007", -1},
        {"{\"remoteUser\": \"node\"}", "node", -1},
        {"{}", NULL, -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct object *object = applied(rows[i].text, "");

        assert_true(text_equal(object->repository.user, rows[i].user));
        assert_int_equal(object->repository.security.run_as_user, rows[i].number);
        object_unref(object);
    }
}

/* What a container is made from must be in its hash, whoever says it. */
static void the_hashes_are_those_of_the_filled_object(void **state)
{
    static const struct {
        const char *text, *fields;
    } same[] = {
        {"{}", ""},
        {"{\"image\": \"debian\"}", ", image: debian"},
        {"{\"forwardPorts\": [80]}", ", ports: [{containerPort: 80}]"},
        {"{\"containerEnv\": {\"A\": \"b\"}}", ", env: [{name: A, value: b}]"},
        {"{\"remoteUser\": \"1000\"}", ", securityContext: {runAsUser: 1000}"},
        {"{\"postCreateCommand\": \"make\"}", ", setup: {command: [sh, -c, make]}"},
    };
    struct object *plain = repository(""), *named = applied("{\"remoteUser\": \"node\"}", "");
    struct object *other = applied("{\"remoteUser\": \"app\"}", "");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
        struct object *filled = applied(same[i].text, ""), *written = repository(same[i].fields);

        assert_string_equal(filled->hash, written->hash);
        assert_string_equal(filled->container_hash, written->container_hash);
        assert_string_equal(filled->field_hashes, written->field_hashes);
        object_unref(filled);
        object_unref(written);
    }
    assert_string_not_equal(named->container_hash, plain->container_hash);
    assert_string_not_equal(named->container_hash, other->container_hash);
    assert_non_null(strstr(named->field_hashes, "user="));
    object_unref(plain);
    object_unref(named);
    object_unref(other);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_tasks_need_is_taken),
        cmocka_unit_test(what_is_left_out_is_absent),
        cmocka_unit_test(what_is_not_taken_is_named),
        cmocka_unit_test(what_cannot_be_is_an_error_at_its_place),
        cmocka_unit_test(all_errors_are_told_at_once_in_order_of_place),
        cmocka_unit_test(what_a_repository_asks_for_has_ceilings),
        cmocka_unit_test(only_so_many_errors_and_names_are_kept),
        cmocka_unit_test(a_name_with_odd_characters_is_shown_in_one_clean_line),
        cmocka_unit_test(left_out_fields_of_a_repository_are_filled),
        cmocka_unit_test(fields_that_the_repository_has_win),
        cmocka_unit_test(a_cache_at_the_place_of_a_mount_wins),
        cmocka_unit_test(a_user_that_is_a_number_becomes_run_as_user),
        cmocka_unit_test(the_hashes_are_those_of_the_filled_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
