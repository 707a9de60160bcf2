#include "base/cleanup.h"
#include "base/memory.h"
#include "cli/adopt_spec.h"
#include "specs/spec_file.h"
#include "specs/yaml_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

/* The spec as one object that has passed validation; it says so otherwise. */
static struct spec_file *adopt(const char *container_text, const char *image_text,
                               struct strbuf *notes)
{
    json_auto_t *container = json_loads(container_text, 0, NULL);
    json_auto_t *image = image_text != NULL ? json_loads(image_text, 0, NULL) : NULL;
    json_auto_t *spec = NULL;
    auto_done(strbuf) text = {0};
    struct spec_file *file;

    assert_non_null(container);
    spec = adopt_spec(container, image, notes);
    assert_int_equal(yaml_write(&text, spec), 0);
    file = spec_file_parse("spec", strbuf_text(&text), text.len);
    if (spec_file_has_errors(file)) {
        fail_msg("%s in:\n%s", file->documents[0].errors[0].message, strbuf_text(&text));
    }
    return file;
}

static void what_the_image_says_is_left_to_it(void **state)
{
    auto_done(strbuf) notes = {0};
    auto_owned(spec_file) *file = adopt(
        "{\"Name\": \"/web\", \"Id\": \"0123456789ab\", \"Config\": {\"Image\": \"web:1\","
        " \"Hostname\": \"0123456789ab\", \"Env\": [\"PATH=/bin\", \"A=b=c\"],"
        " \"Cmd\": [\"run\", \"fast\"], \"Entrypoint\": [\"/start\"], \"WorkingDir\": \"/srv\","
        " \"Labels\": {\"from\": \"image\", \"team\": \"infra\"}},"
        " \"HostConfig\": {\"NanoCpus\": 500000000, \"Memory\": 134217728,"
        " \"NetworkMode\": \"default\", \"RestartPolicy\": {\"Name\": \"on-failure\"}}}",
        "{\"Config\": {\"Env\": [\"PATH=/bin\"], \"Cmd\": [\"run\"], \"Entrypoint\": [\"/start\"],"
        " \"WorkingDir\": \"/srv\", \"Labels\": {\"from\": \"image\"}}}",
        &notes);
    const struct object *object = file->documents[0].object;
    const struct instance_spec *spec = &object->instance;

    (void)state;
    assert_string_equal(strbuf_text(&notes), "");
    assert_string_equal(object->name, "web");
    assert_int_equal(object->labels.count, 1);
    assert_int_equal(spec->command.count, 0);
    assert_int_equal(spec->args.count, 2);
    assert_int_equal(spec->env.count, 1);
    assert_string_equal(spec->env.items[0].value, "b=c");
    assert_null(spec->working_dir);
    assert_null(spec->hostname);
    assert_int_equal(spec->resources.cpu_milli, 500);
    assert_int_equal(spec->resources.memory_bytes, 134217728);
    assert_int_equal(spec->restart_policy, RESTART_ON_FAILURE);
    assert_int_equal(spec->grace_seconds, 10);
}

static void what_has_no_counterpart_is_told(void **state)
{
    static const char *const told[] = {
        "name My_Web!:", "Privileged:",   "label odd key:",         "port 5/sctp:",
        "mount /tmp/x:", "network host:", "processors and memory:", "Healthcheck:"};
    auto_done(strbuf) notes = {0};
    auto_owned(spec_file) *file =
        adopt("{\"Name\": \"/My_Web!\", \"Id\": \"01\", \"Config\": {\"Image\": \"web:1\","
              " \"Labels\": {\"odd key\": \"x\"}, \"Healthcheck\": {\"Test\": [\"NONE\"]}},"
              " \"Mounts\": [{\"Type\": \"tmpfs\", \"Destination\": \"/tmp/x\"}],"
              " \"HostConfig\": {\"Privileged\": true, \"NetworkMode\": \"host\", \"PortBindings\":"
              " {\"5/sctp\": [{\"HostPort\": \"5\"}], \"53/udp\": [{\"HostPort\": \"\"}]}}}",
              NULL, &notes);
    const struct object *object = file->documents[0].object;

    (void)state;
    assert_string_equal(object->name, "my-web");
    assert_int_equal(object->instance.ports.count, 1);
    assert_int_equal(object->instance.ports.items[0].protocol, PROTOCOL_UDP);
    assert_int_equal(object->instance.ports.items[0].host_port, 0);
    assert_int_equal(object->instance.restart_policy, RESTART_NEVER);
    for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
        if (strstr(strbuf_text(&notes), told[i]) == NULL) {
            fail_msg("no %s in:\n%s", told[i], strbuf_text(&notes));
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_image_says_is_left_to_it),
        cmocka_unit_test(what_has_no_counterpart_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
