#include "controller/values.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/parse.h"
#include "controller/controller.h"
#include "controller/settings.h"
#include "specs/reason.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* after its friends, which it needs */
#include <cmocka.h>

/*
 * A directory of its own with root/, outside/ and state/, and a controller that may read below
 * root/.
 */
struct fixture {
    char *path;
    struct controller controller;
};

static char *place(const struct fixture *fixture, const char *name)
{
    return path_join(fixture->path, name);
}

static void put(const struct fixture *fixture, const char *name, const char *bytes, size_t len)
{
    auto_free char *path = place(fixture, name);
    struct error err = {0};

    assert_int_equal(file_replace(AT_FDCWD, path, bytes, len, 0600, FILE_VISIBLE, &err), 0);
}

static void allow(struct fixture *fixture, enum setting_id id, const char *text)
{
    struct error err = {0};

    assert_int_equal(setting_take(id, &fixture->controller.options, text, NULL, &err), 0);
}

static void fixture_begin(struct fixture *fixture)
{
    static const char *const names[] = {"root", "outside", "state"};
    char template[] = "/tmp/berth-values-XXXXXX";
    auto_free char *root = NULL;
    struct error err = {0};

    memset(fixture, 0, sizeof(*fixture));
    fixture->path = xstrdup(mkdtemp(template));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        auto_free char *path = place(fixture, names[i]);

        assert_int_equal(dir_make(path, 0700, &err), 0);
    }
    fixture->controller.state.path = place(fixture, "state");
    fixture->controller.state.is_writable = true;
    root = place(fixture, "root");
    allow(fixture, SETTING_ENV_FILE_ROOT, root);
}

static void fixture_end(struct fixture *fixture)
{
    struct error err = {0};

    assert_int_equal(tree_remove(fixture->path, &err), 0);
    free(fixture->controller.state.path);
    controller_options_done(&fixture->controller.options);
    free(fixture->path);
}

/* The value of TOKEN from a source, or NULL with the message. The caller's to free. */
static char *read_one(const struct fixture *fixture, const char *file, const char *variable,
                      char **ret_message)
{
    struct value_source from = {.file = file, .env = variable};
    struct env_var items[] = {
        {.name = "PLAIN", .value = "as it is"},
        {.name = "TOKEN", .from = &from},
    };
    struct env_list env = {.items = items, .count = ARRAY_SIZE(items)};
    auto_done(secret_values) values = {0};
    struct error err = {0};

    if (secret_values_read(&fixture->controller, &env, &values, &err) < 0) {
        assert_string_equal(err.reason, REASON_VALUE_UNAVAILABLE);
        assert_non_null(strstr(err.message, "env TOKEN: "));
        *ret_message = xstrdup(err.message);
        return NULL;
    }
    assert_null(values.items[0]);
    *ret_message = NULL;
    return xstrdup(values.items[1]);
}

static void a_file_s_text_is_the_value_without_its_last_line_break(void **state)
{
    static const struct {
        const char *text, *value;
    } rows[] = {
        {"s3cret", "s3cret"}, {"s3cret\n", "s3cret"},         {"s3cret\n\n", "s3cret\n"}, {"", ""},
        {"\n", ""},           {"two\nlines\n", "two\nlines"},
    };
    struct fixture fixture;

    (void)state;
    fixture_begin(&fixture);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *path = place(&fixture, "root/token"), *message = NULL, *value = NULL;

        put(&fixture, "root/token", rows[i].text, strlen(rows[i].text));
        value = read_one(&fixture, path, NULL, &message);
        assert_non_null(value);
        assert_string_equal(value, rows[i].value);
    }
    fixture_end(&fixture);
}

static void check_refused(const struct fixture *fixture, const char *name, const char *because)
{
    auto_free char *path = place(fixture, name), *message = NULL;
    auto_free char *value = read_one(fixture, path, NULL, &message);

    assert_null(value);
    assert_non_null(strstr(message, because));
    assert_null(strstr(message, "s3cret"));
}

static void files_that_are_none_or_out_of_bounds_are_refused(void **state)
{
    auto_free char *large = xcalloc(1, VALUE_MAX + 1);
    auto_free char *inside = NULL, *link_out = NULL, *link_in = NULL, *fifo = NULL, *message = NULL;
    auto_free char *outside = NULL, *value = NULL, *link_state = NULL, *key = NULL;
    auto_free char *largest = NULL;
    struct fixture fixture;

    (void)state;
    fixture_begin(&fixture);
    memset(large, 'x', VALUE_MAX + 1);
    put(&fixture, "outside/token", "s3cret", 6);
    put(&fixture, "state/env-key", "s3cret", 6);
    put(&fixture, "root/large", large, VALUE_MAX + 1);
    put(&fixture, "root/nul", "s3cret\0s3cret", 13);
    put(&fixture, "root/latin", "s3cret\xe9", 7);
    put(&fixture, "root/token", "s3cret", 6);
    outside = place(&fixture, "outside/token");
    inside = place(&fixture, "root/token");
    link_out = place(&fixture, "root/link-out");
    link_in = place(&fixture, "root/link-in");
    link_state = place(&fixture, "root/link-state");
    key = place(&fixture, "state/env-key");
    fifo = place(&fixture, "root/fifo");
    assert_int_equal(symlink(outside, link_out), 0);
    assert_int_equal(symlink("token", link_in), 0);
    assert_int_equal(symlink(key, link_state), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    check_refused(&fixture, "outside/token", "not below a directory that --env-file-root names");
    check_refused(&fixture, "root/../outside/token", "not below a directory");
    check_refused(&fixture, "root/link-out", "does not allow");
    check_refused(&fixture, "root/link-state", "does not allow");
    check_refused(&fixture, "root/missing", "No such file");
    check_refused(&fixture, "root/fifo", "no regular file");
    check_refused(&fixture, "root", "no regular file");
    check_refused(&fixture, "root/large", "larger than 64 KiB");
    put(&fixture, "root/largest", large, VALUE_MAX);
    largest = place(&fixture, "root/largest");
    value = read_one(&fixture, largest, NULL, &message);
    assert_int_equal(strlen(value), VALUE_MAX);
    free(value);
    check_refused(&fixture, "root/nul", "NUL byte");
    check_refused(&fixture, "root/latin", "not UTF-8");
    value = read_one(&fixture, link_in, NULL, &message); /* as in a Kubernetes secret's directory */
    assert_string_equal(value, "s3cret");
    fixture_end(&fixture);
}

static void the_state_directory_is_never_read_from_even_below_a_root(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_begin(&fixture);
    allow(&fixture, SETTING_ENV_FILE_ROOT, fixture.path);
    put(&fixture, "state/env-key", "s3cret", 6);
    check_refused(&fixture, "state/env-key", "does not allow");
    fixture_end(&fixture);
}

static void without_a_root_no_file_is_read(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_begin(&fixture);
    put(&fixture, "root/token", "s3cret", 6);
    controller_options_done(&fixture.controller.options);
    check_refused(&fixture, "root/token", "--env-file-root");
    fixture_end(&fixture);
}

static void only_named_variables_are_let_out(void **state)
{
    static const struct {
        const char *variable;
        bool is_allowed;
    } rows[] = {{"BERTH_TEST_ONE", true},        {"BERTH_TEST_ONE_MORE", false},
                {"BERTH_OTHER_ONE", false},      {"BERTH_TEST_PREFIXED_A", true},
                {"BERTH_TEST_PREFIXED_", true},  {"BERTH_TEST_PREFIXED", false},
                {"BERTH_TEST_STAR_IN_IT", false}};
    struct fixture fixture;

    (void)state;
    fixture_begin(&fixture);
    allow(&fixture, SETTING_ALLOW_ENV, "BERTH_TEST_ONE");
    allow(&fixture, SETTING_ALLOW_ENV, "BERTH_TEST_PREFIXED_*");
    allow(&fixture, SETTING_ALLOW_ENV, "BERTH_*_IN_IT");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *message = NULL, *value = NULL;

        setenv(rows[i].variable, "s3cret", 1);
        value = read_one(&fixture, NULL, rows[i].variable, &message);
        assert_int_equal(value != NULL, rows[i].is_allowed);
        if (value == NULL) {
            assert_non_null(strstr(message, "--allow-env"));
            assert_null(strstr(message, "s3cret"));
        }
        unsetenv(rows[i].variable);
    }
    {
        auto_free char *message = NULL;
        auto_free char *value = read_one(&fixture, NULL, "BERTH_TEST_ONE", &message);

        assert_null(value);
        assert_non_null(strstr(message, "has no variable BERTH_TEST_ONE"));
    }
    fixture_end(&fixture);
}

/* The label of a container of this owner with this value. The caller's to free. */
static char *label_of(struct controller *controller, const char *owner, const char *name,
                      char *value)
{
    struct value_source from = {.file = "/run/s/token"};
    struct env_var items[] = {{.name = name, .from = &from}};
    struct env_list env = {.items = items, .count = 1};
    struct secret_values values = {.items = &value, .count = 1};

    return secret_values_label(controller, owner, &env, &values);
}

static void digests_are_keyed_and_tell_equal_values_only_of_one_variable(void **state)
{
    char one[] = "s3cret", other[] = "s3cret2";
    struct fixture first, second;
    auto_free char *label = NULL, *same = NULL, *changed = NULL, *of_other = NULL, *again = NULL;
    auto_free char *with_other_key = NULL, *key = NULL, *renamed = NULL;
    struct stat stat_of_key;

    (void)state;
    fixture_begin(&first);
    fixture_begin(&second);
    label = label_of(&first.controller, "Instance/web", "TOKEN", one);
    same = label_of(&first.controller, "Instance/web", "TOKEN", one);
    changed = label_of(&first.controller, "Instance/web", "TOKEN", other);
    of_other = label_of(&first.controller, "Instance/other", "TOKEN", one);
    renamed = label_of(&first.controller, "Instance/web", "PASSWORD", one);
    with_other_key = label_of(&second.controller, "Instance/web", "TOKEN", one);
    assert_string_equal(label, same);
    assert_string_not_equal(label, changed);
    assert_string_not_equal(label, of_other);
    assert_string_not_equal(label, with_other_key);
    assert_string_not_equal(label + 8 + strlen(" TOKEN="), renamed + 8 + strlen(" PASSWORD="));
    assert_null(strstr(label, one));
    assert_int_equal(strlen(label), 8 + strlen(" TOKEN=") + 16);
    key = place(&first, "state/env-key");
    assert_int_equal(stat(key, &stat_of_key), 0);
    assert_int_equal(stat_of_key.st_mode & 0777, 0600);
    memset(&first.controller.value_key, 0, sizeof(first.controller.value_key));
    again = label_of(&first.controller, "Instance/web", "TOKEN", one); /* after a restart */
    assert_string_equal(label, again);
    fixture_end(&first);
    fixture_end(&second);
}

static void a_dry_run_makes_no_key(void **state)
{
    char one[] = "s3cret";
    struct fixture fixture;
    auto_free char *label = NULL, *key = NULL;

    (void)state;
    fixture_begin(&fixture);
    fixture.controller.state.is_writable = false;
    label = label_of(&fixture.controller, "Instance/web", "TOKEN", one);
    key = place(&fixture, "state/env-key");
    assert_false(path_exists(key));
    assert_int_equal(label[0], ' '); /* no key id: it is compared with nothing */
    fixture_end(&fixture);
}

static void what_differs_is_named_and_other_keys_tell_nothing(void **state)
{
    struct observed_value items[] = {
        {"A", "/run/a", "00000000000000aa"},
        {"B", "variable B", "00000000000000bb"},
    };
    struct observed_values values = {.items = items, .count = 2, .key_id = "0badc0de"};
    static const struct {
        const char *label, *difference;
    } rows[] = {
        {"0badc0de A=00000000000000aa B=00000000000000bb", NULL},
        {"0badc0de B=00000000000000bb A=00000000000000aa", NULL},
        {"0badc0de A=00000000000000a0 B=00000000000000bb", "changed: env (A from /run/a)"},
        {"0badc0de A=00000000000000a0", "changed: env (A from /run/a, B from variable B)"},
        {"0badc0de A=00000000000000aaff B=00000000000000bb", "changed: env (A from /run/a)"},
        {"0badc0de XA=00000000000000aa B=00000000000000bb", "changed: env (A from /run/a)"},
        {"0badc0df A=00000000000000a0 B=00000000000000bb", NULL},
        {"0badc0de", NULL},
        {"", NULL},
        {NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_free char *difference = values_difference(&values, rows[i].label);

        assert_true(text_equal(difference, rows[i].difference));
    }
    values.key_id = "";
    assert_null(values_difference(&values, " A=00000000000000a0"));
}

static void the_texts_of_a_request_are_overwritten(void **state)
{
    json_auto_t *array = json_array();

    (void)state;
    json_array_append_new(array, json_string("TOKEN=s3cret"));
    secret_values_wipe(array);
    assert_int_equal(json_string_value(json_array_get(array, 0))[6], '\0');
    assert_int_equal(json_string_value(json_array_get(array, 0))[0], '\0');
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_s_text_is_the_value_without_its_last_line_break),
        cmocka_unit_test(files_that_are_none_or_out_of_bounds_are_refused),
        cmocka_unit_test(the_state_directory_is_never_read_from_even_below_a_root),
        cmocka_unit_test(without_a_root_no_file_is_read),
        cmocka_unit_test(only_named_variables_are_let_out),
        cmocka_unit_test(digests_are_keyed_and_tell_equal_values_only_of_one_variable),
        cmocka_unit_test(a_dry_run_makes_no_key),
        cmocka_unit_test(what_differs_is_named_and_other_keys_tell_nothing),
        cmocka_unit_test(the_texts_of_a_request_are_overwritten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
