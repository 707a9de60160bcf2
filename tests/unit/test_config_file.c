#include "controller/config_file.h"

#include "controller/settings.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* after its friends, which it needs */
#include <cmocka.h>

static void parse(struct config_file *config, const char *text)
{
    config_file_parse(config, "berth.yaml", text, strlen(text));
}

static bool says_nothing(const struct config_file *config)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (config->options.is_given[i]) {
            return false;
        }
    }
    return config->options.ports == NULL && config->options.specs_dir == NULL;
}

static void what_is_left_out_is_not_said(void **state)
{
    static const char *const texts[] = {"", "\n", "# nothing\n", "---\n", "{}\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        auto_done(config_file) config;

        parse(&config, texts[i]);
        assert_int_equal(config.error_count, 0);
        assert_true(says_nothing(&config));
    }
}

static void values_are_read_as_they_would_be_written_on_the_command_line(void **state)
{
    auto_done(config_file) config;

    (void)state;
    parse(&config, "# ours\nports: 20000-29999,31000\nnetworkRange: 10.99.0.0/16\n"
                   "gitStallTimeout: 2m\ndiskBudget: 50Gi\ndiskHigh: 90\nverifyTaskUser: true\n"
                   "trees: copy\ngitScheme: [https, ssh]\n");
    assert_int_equal(config.error_count, 0);
    assert_string_equal(config.options.ports, "20000-29999,31000");
    assert_string_equal(config.options.network_range, "10.99.0.0/16");
    assert_int_equal(config.options.git_stall_seconds, 120);
    assert_true(config.options.disk_budget_bytes == UINT64_C(50) << 30);
    assert_int_equal(config.options.disk_high_percent, 90);
    assert_true(config.options.is_task_user_verified);
    assert_int_equal(config.options.trees, TREES_WISH_COPY);
    assert_int_equal(config.options.git_schemes.count, 2);
    assert_string_equal(config.options.git_schemes.items[1], "ssh");
    assert_true(config.options.is_given[SETTING_GIT_SCHEME]);
    assert_false(config.options.is_given[SETTING_SPECS]);
}

static void relative_paths_count_from_the_folder_of_the_file(void **state)
{
    static const char text[] = "specs: specs\nstate: /var/lib/x\nallowHostPath: [../data, /srv]\n";
    auto_done(config_file) config;

    (void)state;
    config_file_parse(&config, "/etc/berth/berth.yaml", text, strlen(text));
    assert_int_equal(config.error_count, 0);
    assert_string_equal(config.options.specs_dir, "/etc/berth/specs");
    assert_string_equal(config.options.state_dir, "/var/lib/x");
    assert_string_equal(config.options.host_path_roots.items[0], "/etc/data");
    assert_string_equal(config.options.host_path_roots.items[1], "/srv");
}

static void a_single_port_and_none_need_no_quotes(void **state)
{
    auto_done(config_file) config;

    (void)state;
    parse(&config, "ports: 31000\nnetworkRange: none\n");
    assert_int_equal(config.error_count, 0);
    assert_string_equal(config.options.ports, "31000");
    assert_string_equal(config.options.network_range, "none");
}

static void errors_have_their_place_and_what_was_meant(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"port: 20000-20009\n", "berth.yaml:1:1: port: unknown field; did you mean \"ports\"?"},
        {"ports: 20000-20009\nnetwork-range: 10.1.0.0/16\n",
         "berth.yaml:2:1: network-range: unknown field; did you mean \"networkRange\"?"},
        {"ports: 20009-20000\n", "berth.yaml:1:8: ports: "},
        {"ports: []\n", "berth.yaml:1:8: ports: must be text, not a list"},
        {"networkRange: 10.1.2.3/16\n", "berth.yaml:1:15: networkRange: \"10.1.2.3/16\" is the "
                                        "address of a host; did you mean 10.1.0.0/16?"},
        {"ports: 1-2\nports: 3-4\n", "berth.yaml:2:1: "},
        {"ports: [\n", "berth.yaml:"},
        {"- ports\n", "berth.yaml:1:1: must be a map, not a list"},
        {"ports: 1-2\n---\nports: 3-4\n", "berth.yaml:3:1: must be one document, not 2"},
        {"ports:\n", "berth.yaml:1:7: ports: is empty"},
        {"specs: \"\"\n", "berth.yaml:1:8: specs: must not be empty"},
        {"diskHigh: 101\n", "berth.yaml:1:11: diskHigh: \"101\" is not in 1..100"},
        {"startSlots: 0\n", "berth.yaml:1:13: startSlots: \"0\" is not in 1..64"},
        {"scanInterval: 30\n", "berth.yaml:1:15: scanInterval: \"30\" is not a time such as 30s"},
        {"gitMaxSize: much\n", "berth.yaml:1:13: gitMaxSize: \"much\" is not a size such as 8Gi"},
        {"poll: yes\n", "berth.yaml:1:7: poll: must be true or false, not \"yes\""},
        {"trees: overlay\n", "berth.yaml:1:8: trees: \"overlay\" is not one of auto|copy"},
        {"gitScheme: https\n", "berth.yaml:1:12: gitScheme: must be a list"},
        {"gitScheme: [https, gopher]\n", "berth.yaml:1:20: gitScheme[1]: \"gopher\" is none of"},
        {"gitProxy: http://u:p@h:1\n",
         "berth.yaml:1:11: gitProxy: user and password cannot be part of it"},
        {"once: true\n", "berth.yaml:1:1: once: unknown field"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        auto_done(config_file) config;

        parse(&config, rows[i].text);
        if (config.error_count == 0 ||
            strncmp(config.errors[0], rows[i].error, strlen(rows[i].error)) != 0) {
            fail_msg("row %zu: %s", i, config.error_count > 0 ? config.errors[0] : "no error");
        }
        assert_true(says_nothing(&config)); /* nothing of a file with errors counts */
    }
}

static void all_errors_are_told_at_once(void **state)
{
    auto_done(config_file) config;

    (void)state;
    parse(&config, "ports: x\nnetworkRange: y\nother: z\n");
    assert_int_equal(config.error_count, 3);
}

static void noise_is_harmless(void **state)
{
    static const char noise[] = "\xff\xfe\0ports: \x01 &a *a !!x {[}]: \n\t- -";

    (void)state;
    for (size_t len = 0; len <= sizeof(noise); len++) {
        auto_done(config_file) config;

        config_file_parse(&config, "berth.yaml", noise, len);
        assert_true(config.error_count > 0 || config.options.ports == NULL);
    }
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
    auto_done(config_file) config;

    (void)state;
    config_file_read(&config, "/nowhere/berth.yaml");
    assert_int_equal(config.error_count, 1);
    assert_non_null(strstr(config.errors[0], "/nowhere/berth.yaml"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_is_not_said),
        cmocka_unit_test(values_are_read_as_they_would_be_written_on_the_command_line),
        cmocka_unit_test(relative_paths_count_from_the_folder_of_the_file),
        cmocka_unit_test(a_single_port_and_none_need_no_quotes),
        cmocka_unit_test(errors_have_their_place_and_what_was_meant),
        cmocka_unit_test(all_errors_are_told_at_once),
        cmocka_unit_test(noise_is_harmless),
        cmocka_unit_test(a_file_that_cannot_be_read_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
